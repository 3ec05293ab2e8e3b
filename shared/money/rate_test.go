package money_test

import (
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"fenzhang/shared/money"
)

// TestRateTexts holds the text of every rate: stored items, statements, hashes of content and rule books contain it.
func TestRateTexts(t *testing.T) {
	for text, want := range map[string]string{
		"0": "0", "0.0": "0.0", "0.00": "0.00", "-0": "0", "-0.00": "0.00", "0.7": "0.7", "0.70": "0.70", "0.700000000": "0.700000000",
		"1": "1", "1.0": "1.0", "-0.05": "-0.05", "99999999.999999999": "99999999.999999999", "0.000000001": "0.000000001", "10": "10", "100.10": "100.10",
		"1/3": "1/3", "2/6": "2/6", "-1/3": "-1/3", "0/3": "0/3", "7/1": "7", "7/10": "0.7", "70/100": "0.70", "0/10": "0.0", "1/30": "1/30", "12/10000000": "0.0000012",
	} {
		var r money.Rate
		if err := json.Unmarshal([]byte(`"`+text+`"`), &r); err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		doc, err := json.Marshal(r)
		if r.String() != want || err != nil || string(doc) != `"`+want+`"` {
			t.Errorf("%s is written %s, and %s in JSON, %v; want %s", text, r, doc, err, want)
		}
		if f := r.Fraction(); f.String() != want || f.Rate().String() != want {
			t.Errorf("%s in whole numbers is written %s, and back %s; want %s", text, f, f.Rate(), want)
		}
	}
	if s := (money.Rate{}).String(); s != "0" {
		t.Errorf("the zero value is written %s", s)
	}
}

// A field that says omitzero leaves out every rate of 0, whatever its text.
func TestRatesOfZeroAreLeftOut(t *testing.T) {
	var doc struct {
		Unset, Zero, Fraction, Small money.Rate `json:",omitzero"`
	}
	doc.Zero, doc.Fraction, doc.Small = money.MustRate("0.00"), money.Ratio(0, 3), money.MustRate("0.000000001")
	if got, err := json.Marshal(doc); err != nil || string(got) != `{"Small":"0.000000001"}` {
		t.Errorf("%s, %v", got, err)
	}
}

func TestParseRateRefuses(t *testing.T) {
	for _, text := range []string{"", ".", "1.", ".5", "00.1", "01", "+1", "1e-2", "1E2", "1e1000000000", "1/2", "0.1234567890", "123456789", " 1", "1 ", "１", "0,5", "--1", "-",
		"\u22121", "-.5", "1.-5", "0x1", "1_000", "NaN", "Inf", strings.Repeat("9", 1_000_000)} {
		if r, err := money.ParseRate(text); !errors.Is(err, money.ErrRate) {
			t.Errorf("%.20q was read as %s, %v", text, r, err)
		}
	}
	for _, doc := range []string{`0.03`, `1`, `null`, `true`, `"1/0"`, `"1/-2"`, `"1/2/3"`, `"1.5/2"`, `"1/2.0"`, `"1.0/2"`, `"x/2"`, `"1/"`, `"/2"`, `"1/1e3"`, `"1/123456789"`, `""`} {
		var r money.Rate
		if err := r.UnmarshalJSON([]byte(doc)); !errors.Is(err, money.ErrRate) {
			t.Errorf("%s was read as %s, %v", doc, r, err)
		}
		var f money.Fraction
		if err := f.UnmarshalJSON([]byte(doc)); !errors.Is(err, money.ErrRate) {
			t.Errorf("%s was read as the fraction %s, %v", doc, f, err)
		}
	}
}

// drawRateText draws a text that ParseRate reads.
func drawRateText(t *rapid.T) string {
	whole := rapid.Int64Range(0, 99_999_999).Draw(t, "whole")
	decimals := rapid.StringMatching(`([0-9]{1,9})?`).Draw(t, "decimals")
	text := big.NewInt(whole).String()
	if decimals != "" {
		text += "." + decimals
	}
	if rapid.Bool().Draw(t, "negative") && strings.Trim(text, "0.") != "" {
		text = "-" + text
	}
	return text
}

func TestRateRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawRateText(t)
		r, err := money.ParseRate(text)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		want, _ := new(big.Rat).SetString(text)
		if valueOf(r).Cmp(want) != 0 || r.String() != text {
			t.Fatalf("%q is %s, written %s", text, valueOf(r), r)
		}
		checkRateJSON(t, r)
	})
}

func FuzzParseRate(f *testing.F) {
	for _, seed := range []string{"0.70", "-1", "1e9", "+1", "１", "99999999.999999999", "\u22121"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := money.ParseRate(text)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok || want.Cmp(valueOf(r)) != 0 || (r.String() != text && !r.IsZero()) || len(text) > 19 {
			t.Fatalf("%q was read as %s", text, r)
		}
	})
}

// valueOf gives the value of a rate by its whole numbers.
func valueOf(r money.Rate) *big.Rat { return big.NewRat(r.Fraction().Num(), r.Fraction().Den()) }

// drawRate draws a decimal or a fraction.
func drawRate(t *rapid.T) money.Rate {
	if rapid.Bool().Draw(t, "decimal") {
		return money.MustRate(drawRateText(t))
	}
	return money.Ratio(rapid.Int64Range(-99_999_999, 99_999_999).Draw(t, "num"), rapid.Int64Range(1, 99_999_999).Draw(t, "den"))
}

func TestRatesCompareAndSum(t *testing.T) {
	one := big.NewRat(1, 1)
	rapid.Check(t, func(t *rapid.T) {
		r, s := drawRate(t), drawRate(t)
		a, b := valueOf(r), valueOf(s)
		if want := a.Cmp(b); r.Cmp(s) != want || s.Cmp(r) != -want || r.Fraction().Cmp(s.Fraction()) != want {
			t.Fatalf("%s and %s compare as %d, want %d", r, s, r.Cmp(s), want)
		}
		if r.IsZero() != (a.Sign() == 0) || r.Negative() != (a.Sign() < 0) || r.Positive() != (a.Sign() > 0) || r.IsShare() != (a.Sign() >= 0 && a.Cmp(one) <= 0) {
			t.Fatalf("sign of %s", r)
		}
		if rest := valueOf(r.Complement()); rest.Cmp(new(big.Rat).Sub(one, a)) != 0 {
			t.Fatalf("1 - %s is %s", r, rest)
		}
		num, whole := money.SumOfRates(r, s, r)
		sum := new(big.Rat).Quo(num.Rat(), whole.Rat())
		if sum.Cmp(new(big.Rat).Add(a, new(big.Rat).Add(a, b))) != 0 {
			t.Fatalf("%s + %s + %s is %s", r, s, r, sum)
		}
		checkRateJSON(t, r)
	})
	large := money.NewFraction(math.MaxInt64, 3)
	if larger := money.NewFraction(math.MaxInt64, 2); large.Cmp(larger) != -1 || larger.Cmp(large) != 1 {
		t.Error("large fractions wrap when they are compared")
	}
}

// checkRateJSON wants a rate to be the same after it was stored.
func checkRateJSON(t *rapid.T, r money.Rate) {
	doc, err := json.Marshal(r)
	var back money.Rate
	if err == nil {
		err = json.Unmarshal(doc, &back)
	}
	if err != nil || back.Cmp(r) != 0 || back.String() != r.String() {
		t.Fatalf("%s became %s by %s, %v", r, back, doc, err)
	}
}

func TestRestKeepsTheDecimals(t *testing.T) {
	for text, want := range map[string]string{"0.70": "0.30", "0": "1", "1.00": "0.00", "0.125": "0.875"} {
		if got := money.MustRate(text).Complement().String(); got != want {
			t.Errorf("1 - %s is %s, want %s", text, got, want)
		}
	}
	if got := money.Ratio(1, 3).Complement().String(); got != "2/3" {
		t.Errorf("1 - 1/3 is %s", got)
	}
}

func TestPartsAgreeWithBigNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, r := fen().Draw(t, "fen"), drawRate(t)
		how := rapid.SampledFrom([]money.Rounding{money.HalfUp, money.HalfEven, money.Down}).Draw(t, "rounding")
		exact := new(big.Rat).Mul(big.NewRat(a, 1), valueOf(r))
		want := rounded(exact.Num(), exact.Denom(), how)
		if want.IsInt64() && want.Int64() == math.MinInt64 {
			t.Skip("the one value that has no negative")
		}
		checkExact(t, "a x rate", want, func() money.Amount { return r.ApplyTo(money.Fen(a), how) })
	})
}

// A weight over a total of any size is exact where whole numbers of 64 bits would not hold them.
func TestPartsOfLargeWeights(t *testing.T) {
	third, _ := decimal.NewFromString("333333333333333333333333333333.333")
	whole := third.Mul(decimal.NewFromInt(3))
	for how, want := range map[money.Rounding]int64{money.Down: 33, money.HalfUp: 33, money.HalfEven: 33} {
		if got := money.Fen(100).ShareOf(third, whole, how); got.Fen() != want {
			t.Errorf("a third of 100 fen is %d", got.Fen())
		}
	}
	if !panics(func() { money.Fen(math.MaxInt64).ShareOf(decimal.NewFromInt(2), decimal.NewFromInt(1), money.Down) }) {
		t.Error("a part that int64 cannot hold is let through")
	}
}

func TestRatioOf(t *testing.T) {
	number := decimal.NewFromInt
	for _, c := range []struct {
		part, whole decimal.Decimal
		want        string
	}{
		{number(7), number(10), "0.7"}, {number(70), number(100), "0.7"}, {decimal.New(7, -1), decimal.New(9, -1), "7/9"}, {number(0), number(9), "0"},
		{number(9), number(9), "1"}, {number(1), number(8), "0.125"}, {number(1), number(1_000_000_000), "0.000000001"}, {number(1), number(1_024), "1/1024"},
	} {
		if got, ok := money.ExactRatio(c.part, c.whole); !ok || got.String() != c.want {
			t.Errorf("%s of %s is %s, %t; want %s", c.part, c.whole, got, ok, c.want)
		}
	}
	if r, ok := money.ExactRatio(number(1), number(math.MaxInt64).Mul(number(3))); ok {
		t.Errorf("a fraction beyond 64 bits became %s", r)
	}
}

// A rate is a JSON string, also where its characters are escaped; nothing else is read.
func TestARateIsAString(t *testing.T) {
	var r money.Rate
	if err := r.UnmarshalJSON([]byte(`"0.0\u0033"`)); err != nil || r.Cmp(money.MustRate("0.03")) != 0 {
		t.Errorf("an escaped rate: %s, %v", r, err)
	}
	for _, doc := range []string{"", `"`, `10.031`, `'0.03'`, `"0.0\x33"`} {
		if err := r.UnmarshalJSON([]byte(doc)); !errors.Is(err, money.ErrRate) {
			t.Errorf("%q was read as %s, %v", doc, r, err)
		}
	}
}
