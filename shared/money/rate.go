package money

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"strings"

	"github.com/shopspring/decimal"
)

// Rate is an exact rate, ratio or quantity as contracts, files and calls write it: a decimal with
// the decimals it was written with ("0.70" stays "0.70"), or a fraction such as "7/9" where no
// decimal is exact. The zero value is 0. Rates of one value may differ in their text, so == does
// not compile; use Cmp.
type Rate struct {
	_     [0]func()
	value decimal.Decimal // of a fraction its numerator, a whole number
	den   int64           // of a fraction, above 1; 0 for a decimal
}

// ErrRate says that a text is not a decimal rate.
var ErrRate = errors.New(`must be a decimal like "0.03", at most nine decimals`)

// The digits of a rate are bounded before it is parsed, so that nobody can make a number of any
// size with few bytes.
const (
	maxWholeDigits   = 8
	maxDecimalDigits = 9
)

// Ratio makes the rate num/den; it panics when den is not positive.
func Ratio(num, den int64) Rate {
	if den <= 0 {
		//nolint:forbidigo // only a mistake in the code gets here: data is checked by ParseRate
		panic("money: denominator of a rate must be positive")
	}
	scale := int32(0)
	rest := den
	for rest%10 == 0 {
		rest /= 10
		scale++
	}
	if rest == 1 {
		return Rate{value: decimal.New(num, -scale)}
	}
	return Rate{value: decimal.New(num, 0), den: den}
}

// ExactRatio makes the rate part/whole: a decimal of at most nine places where one is exact, else a
// fraction in lowest terms. whole must be positive. It is false where the fraction does not fit
// into 64 bits.
func ExactRatio(part, whole decimal.Decimal) (Rate, bool) {
	ratio := new(big.Rat).Quo(part.Rat(), whole.Rat())
	if !ratio.Num().IsInt64() || !ratio.Denom().IsInt64() {
		return Rate{}, false
	}
	num, den := ratio.Num().Int64(), ratio.Denom().Int64()
	power := int64(1)
	for scale := range int32(maxDecimalDigits + 1) {
		if power%den == 0 {
			value := decimal.New(num, 0).Mul(decimal.New(power/den, -scale))
			return Rate{value: value}, value.Coefficient().IsInt64()
		}
		power *= 10
	}
	return Ratio(num, den), true
}

// ParseRate reads a decimal with at most eight digits before the point and nine after it.
// Exponents, plus signs, blanks, leading zeros and digits other than 0-9 are refused with ErrRate.
func ParseRate(s string) (Rate, error) {
	whole, decimals, dotted := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	switch {
	case whole == "" || len(whole) > maxWholeDigits || (len(whole) > 1 && whole[0] == '0'),
		len(decimals) > maxDecimalDigits || (dotted && decimals == ""),
		!isDigits(whole) || !isDigits(decimals):
		return Rate{}, ErrRate
	}
	value, err := decimal.NewFromString(s)
	if err != nil {
		return Rate{}, ErrRate
	}
	return Rate{value: value}, nil
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// MustRate is ParseRate for constants in tests; it panics on a bad text.
func MustRate(s string) Rate {
	r, err := ParseRate(s)
	if err != nil {
		panic(err) //nolint:forbidigo // for constants in tests, as its name says
	}
	return r
}

// Parts gives the rate as a quotient of two decimals, numerator and denominator; of a decimal the
// denominator is 1.
func (r Rate) Parts() (num, den decimal.Decimal) {
	if r.den == 0 {
		return r.value, one
	}
	return r.value, decimal.NewFromInt(r.den)
}

var one = decimal.New(1, 0)

// Fraction gives the rate in whole numbers, for the tax program. That of the zero value is the zero
// value.
func (r Rate) Fraction() Fraction {
	switch {
	case r.den != 0:
		return Fraction{r.value.CoefficientInt64(), r.den}
	case r.value == (decimal.Decimal{}):
		return Fraction{}
	}
	den := int64(1)
	for range -r.value.Exponent() {
		den *= 10
	}
	return Fraction{r.value.CoefficientInt64(), den}
}

// IsZero reports whether the rate is 0.
func (r Rate) IsZero() bool { return r.value.IsZero() }

// Negative reports whether the rate is below zero.
func (r Rate) Negative() bool { return r.value.IsNegative() }

// Positive reports whether the rate is above zero.
func (r Rate) Positive() bool { return r.value.IsPositive() }

// Cmp compares two rates exactly: -1, 0 or 1 as r is below, equal to or above s.
func (r Rate) Cmp(s Rate) int {
	num, den := r.Parts()
	otherNum, otherDen := s.Parts()
	return num.Mul(otherDen).Cmp(otherNum.Mul(den))
}

// SumOfRates adds rates exactly: the sum is num over whole, decimals of any size.
func SumOfRates(rates ...Rate) (num, whole decimal.Decimal) {
	whole = one
	for _, r := range rates {
		rateNum, rateDen := r.Parts()
		num = num.Mul(rateDen).Add(rateNum.Mul(whole))
		whole = whole.Mul(rateDen)
	}
	return num, whole
}

// IsShare reports whether the rate lies in 0 to 1.
func (r Rate) IsShare() bool { return !r.Negative() && r.Cmp(Ratio(1, 1)) <= 0 }

// Complement gives 1 - r, with the decimals of r.
func (r Rate) Complement() Rate {
	if r.den != 0 {
		return Ratio(r.den-r.value.CoefficientInt64(), r.den)
	}
	return Rate{value: one.Sub(r.value)}
}

// ApplyTo gives a x r, rounded once, symmetric around zero. It panics when the result leaves int64.
func (r Rate) ApplyTo(a Amount, how Rounding) Amount {
	num, den := r.Parts()
	return a.ShareOf(num, den, how)
}

// String gives the decimal form of a rate whose denominator is a power of ten, and "num/den"
// otherwise.
func (r Rate) String() string {
	if r.den != 0 {
		return r.value.String() + "/" + decimal.NewFromInt(r.den).String()
	}
	return r.value.StringFixed(-r.value.Exponent())
}

// MarshalJSON writes the rate as a string.
func (r Rate) MarshalJSON() ([]byte, error) { return []byte(`"` + r.String() + `"`), nil }

// UnmarshalJSON reads a decimal or a fraction of two whole numbers from a string; a JSON number is
// refused, it may have passed through a float.
func (r *Rate) UnmarshalJSON(b []byte) error {
	s, ok := unquote(b)
	if !ok {
		return ErrRate
	}
	num, den, cut := strings.Cut(s, "/")
	read, err := ParseRate(num)
	if err != nil {
		return ErrRate
	}
	if cut {
		under, err := ParseRate(den)
		if err != nil || strings.Contains(s, ".") || !under.Positive() {
			return ErrRate
		}
		read = Ratio(read.value.CoefficientInt64(), under.value.CoefficientInt64())
	}
	*r = read
	return nil
}

// unquote reads a JSON string. Amounts and rates hold nothing that a string would have to escape,
// so that nearly always it is what stands between the quotes.
func unquote(b []byte) (s string, ok bool) {
	if n := len(b); n >= 2 && b[0] == '"' && bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : n-1]), true
	}
	return s, json.Unmarshal(b, &s) == nil
}
