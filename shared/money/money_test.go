package money_test

import (
	"encoding/json"
	"math"
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"fenzhang/shared/money"
)

// fen draws whole fen over both signs, the extremes among them.
func fen() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64(), rapid.Int64Range(-1000, 1000), rapid.SampledFrom([]int64{0, 1, -1, 99, 100, -100, math.MaxInt64, math.MinInt64 + 1}))
}

// panics tells whether do panics.
func panics(do func()) (did bool) {
	defer func() { did = recover() != nil }()
	do()
	return false
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := money.Fen(rapid.Int64Range(-999_999_999_999_999_99, 999_999_999_999_999_99).Draw(t, "fen"))
		if b, err := money.Parse(a.String()); err != nil || b != a {
			t.Fatalf("%s became %s, %v", a, b, err)
		}
		doc, err := json.Marshal(a)
		if err != nil || string(doc) != `"`+a.String()+`"` {
			t.Fatalf("%s is written %s, %v", a, doc, err)
		}
		var b money.Amount
		if err := json.Unmarshal(doc, &b); err != nil || b != a {
			t.Fatalf("%s became %s, %v", doc, b, err)
		}
	})
}

func TestParse(t *testing.T) {
	for text, want := range map[string]int64{"0.00": 0, "0.01": 1, "-0.01": -1, "1234.50": 123450, "99999999999.99": 9999999999999, "-10.00": -1000} {
		if a, err := money.Parse(text); err != nil || a.Fen() != want {
			t.Errorf("%s is %d fen, %v", text, a.Fen(), err)
		}
	}
	for _, text := range []string{"", "1", "1.", "1.0", "1.000", ".10", "01.00", "00.00", "-0.00", "+1.00", "1,000.00", " 1.00", "1.00 ", "1e2", "１.00", "--1.00",
		"1.0a", "1:00", "0x1.00", "9999999999999999999.00", "NaN", "∞", "1.00\n"} {
		if a, err := money.Parse(text); err == nil {
			t.Errorf("%q was read as %s", text, a)
		}
	}
	for _, doc := range []string{`1.00`, `100`, `null`, `true`, `["1.00"]`, `"1.0"`} {
		var a money.Amount
		if err := json.Unmarshal([]byte(doc), &a); err == nil && doc != "null" {
			t.Errorf("%s was read as %s", doc, a)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0.00", "-0.01", "1234.50", "1e9", "+1.00", "１.00", "99999999999.99"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, err := money.Parse(text)
		if err != nil {
			return
		}
		if a.String() != text {
			t.Fatalf("%q was read as %s: two texts for one sum", text, a)
		}
		want, ok := new(big.Rat).SetString(text)
		if !ok || want.Cmp(big.NewRat(a.Fen(), 100)) != 0 {
			t.Fatalf("%q is not %d fen", text, a.Fen())
		}
	})
}

func TestSumsAreExactOrPanic(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := fen().Draw(t, "a"), fen().Draw(t, "b")
		sum := new(big.Int).Add(big.NewInt(a), big.NewInt(b))
		checkExact(t, "a + b", sum, func() money.Amount { return money.Fen(a).Add(money.Fen(b)) })
		if b == math.MinInt64 { // it has no negative, so nothing is subtracted by it; see TestSmallestAmount
			return
		}
		difference := new(big.Int).Sub(big.NewInt(a), big.NewInt(b))
		checkExact(t, "a - b", difference, func() money.Amount { return money.Fen(a).Sub(money.Fen(b)) })
	})
}

// checkExact wants the exact result, or a panic where int64 cannot hold it.
func checkExact(t *rapid.T, what string, want *big.Int, do func() money.Amount) {
	var got money.Amount
	panicked := panics(func() { got = do() })
	switch {
	case want.IsInt64() && panicked:
		t.Fatalf("%s = %s panics", what, want)
	case !want.IsInt64() && !panicked:
		t.Fatalf("%s = %s became %s", what, want, got)
	case want.IsInt64() && got.Fen() != want.Int64():
		t.Fatalf("%s = %s became %d", what, want, got.Fen())
	}
}

func TestSmallestAmount(t *testing.T) {
	least := money.Fen(math.MinInt64)
	for name, do := range map[string]func(){"neg": func() { least.Neg() }, "abs": func() { least.Abs() }, "sub": func() { money.Fen(0).Sub(least) }, "add": func() { least.Add(money.Fen(-1)) }} {
		if !panics(do) {
			t.Errorf("%s of the smallest amount wraps", name)
		}
	}
	if least.String() != "-92233720368547758.08" {
		t.Errorf("smallest amount is written %s", least)
	}
}

func TestOrderAndSign(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := money.Fen(fen().Draw(t, "a")), money.Fen(fen().Draw(t, "b"))
		want := big.NewInt(a.Fen()).Cmp(big.NewInt(b.Fen()))
		low, high := money.Min(a, b), money.Max(a, b)
		if a.Cmp(b) != want || low.Cmp(high) > 0 || (low != a && low != b) || (low == a && high != b && a != b) {
			t.Fatalf("%s and %s: %d, min %s, max %s", a, b, a.Cmp(b), low, high)
		}
		if a.Negative() != (a.Fen() < 0) || a.Positive() != (a.Fen() > 0) || a.IsZero() != (a.Fen() == 0) || (a.Fen() != math.MinInt64 && a.Abs().Negative()) {
			t.Fatalf("sign of %s", a)
		}
	})
}

// rounded is the reference: num/den rounded once, symmetric around zero.
func rounded(num, den *big.Int, how money.Rounding) *big.Int {
	q, rest := new(big.Int).QuoRem(new(big.Int).Abs(num), den, new(big.Int))
	switch twice := new(big.Int).Lsh(rest, 1).Cmp(den); {
	case how == money.HalfUp && twice >= 0, how == money.HalfEven && (twice > 0 || (twice == 0 && q.Bit(0) == 1)):
		q.Add(q, big.NewInt(1))
	}
	if num.Sign() < 0 {
		q.Neg(q)
	}
	return q
}

func TestMulDivAgreesWithBigNumbers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := fen().Draw(t, "fen")
		num := rapid.OneOf(rapid.Int64Range(-2000, 2000), rapid.Int64Range(math.MinInt64+1, math.MaxInt64)).Draw(t, "num")
		den := rapid.OneOf(rapid.Int64Range(1, 2000), rapid.Int64Range(1, math.MaxInt64)).Draw(t, "den")
		how := rapid.SampledFrom([]money.Rounding{money.HalfUp, money.HalfEven, money.Down}).Draw(t, "rounding")
		want := rounded(new(big.Int).Mul(big.NewInt(a), big.NewInt(num)), big.NewInt(den), how)
		if want.IsInt64() && want.Int64() == math.MinInt64 {
			t.Skip("the one value that has no negative")
		}
		checkExact(t, "a x num / den", want, func() money.Amount { return money.Fen(a).MulDiv(num, den, how) })
	})
}

func TestRoundingNames(t *testing.T) {
	for _, c := range []struct {
		fen, num, den              int64
		halfUp, halfEven, downward int64
	}{
		{5, 1, 10, 1, 0, 0}, {15, 1, 10, 2, 2, 1}, {25, 1, 10, 3, 2, 2}, {-5, 1, 10, -1, 0, 0}, {-15, 1, 10, -2, -2, -1}, {-25, 1, 10, -3, -2, -2},
		{24, 1, 10, 2, 2, 2}, {26, 1, 10, 3, 3, 2}, {1, 1, 3, 0, 0, 0}, {2, 1, 3, 1, 1, 0}, {7, -1, 2, -4, -4, -3},
	} {
		a := money.Fen(c.fen)
		if up, even, down := a.MulDiv(c.num, c.den, money.HalfUp), a.MulDiv(c.num, c.den, money.HalfEven), a.MulDiv(c.num, c.den, money.Down); up.Fen() != c.halfUp ||
			even.Fen() != c.halfEven || down.Fen() != c.downward {
			t.Errorf("%d x %d/%d: %d %d %d", c.fen, c.num, c.den, up.Fen(), even.Fen(), down.Fen())
		}
	}
	if !panics(func() { money.Fen(1).MulDiv(1, 0, money.Down) }) || !panics(func() { money.Ratio(1, 0) }) || !panics(func() { money.NewFraction(1, 0) }) || !panics(func() { money.Fen(1).DividedBy(money.Fraction{}, money.Down) }) {
		t.Error("a denominator of 0 is let through")
	}
}

func TestPriceWithTaxTakesItsTaxOut(t *testing.T) {
	// 12,000.00 with 1% VAT: 12,000 / 1.01 = 11,881.188..., half up.
	if got := money.MustParse("12000.00").DividedBy(money.MustRate("1.01").Fraction(), money.HalfUp); got != money.MustParse("11881.19") {
		t.Errorf("12000.00 / 1.01 = %s", got)
	}
	if got := money.MustParse("11881.19").Times(money.MustRate("0.01").Fraction(), money.HalfUp); got != money.MustParse("118.81") {
		t.Errorf("11881.19 x 0.01 = %s", got)
	}
}

func TestPartRoundsTies(t *testing.T) {
	for _, c := range []struct{ fen, up, even, down int64 }{{5, 1, 0, 0}, {15, 2, 2, 1}, {25, 3, 2, 2}, {-5, -1, 0, 0}, {-15, -2, -2, -1}, {26, 3, 3, 2}} {
		for how, want := range map[money.Rounding]int64{money.HalfUp: c.up, money.HalfEven: c.even, money.Down: c.down} {
			if got := money.Fen(c.fen).ShareOf(decimal.NewFromInt(1), decimal.NewFromInt(10), how); got.Fen() != want {
				t.Errorf("a tenth of %d fen, rounding %v: %d, want %d", c.fen, how, got.Fen(), want)
			}
		}
	}
}

func TestTheLargestAmountIsKept(t *testing.T) {
	most := money.Fen(math.MaxInt64)
	if got := most.MulDiv(1, 1, money.Down); got != most {
		t.Errorf("once the largest amount is %s", got)
	}
	if !panics(func() { most.MulDiv(2, 1, money.Down) }) {
		t.Error("twice the largest amount wraps")
	}
}

func TestYuanAreHundredFen(t *testing.T) {
	if got := money.Yuan(-12); got.Fen() != -1200 || got.String() != "-12.00" {
		t.Errorf("-12 yuan are %d fen, %s", got.Fen(), got)
	}
}

func TestOnlyTheFractionOfZeroIsZero(t *testing.T) {
	if !(money.Fraction{}).IsZero() || !money.NewFraction(0, 7).IsZero() || money.NewFraction(1, 7).IsZero() || money.NewFraction(-1, 7).IsZero() {
		t.Error("a fraction is zero when its numerator is")
	}
}
