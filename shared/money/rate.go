package money

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"strings"

	"github.com/shopspring/decimal"
)

// Rate is an exact rate, ratio or quantity in contracts, rules and requests: a decimal that keeps
// its trailing zeros ("0.70" stays "0.70"), or a fraction such as "7/9" when no decimal is exact.
// The zero value is 0. Equal rates may have different texts, so that comparing them with == does
// not compile; use Cmp.
type Rate struct {
	_ [0]func()
	// value is the decimal, or the numerator of a fraction, a whole number.
	value decimal.Decimal
	// den is the denominator of a fraction, above 1; it is 0 for a decimal.
	den int64
}

// ErrRate reports that a text is not a decimal rate.
var ErrRate = errors.New(`must be a decimal like "0.03", at most nine decimals`)

const (
	// The number of digits is checked before a rate is parsed, so that a short text with an exponent
	// cannot make a number of enormous size.
	maxWholeDigits   = 8
	maxDecimalDigits = 9
)

// Ratio returns the rate num/den, as a decimal when den is a power of ten; it panics when den is
// not positive.
func Ratio(num, den int64) Rate {
	if den <= 0 {
		//nolint:forbidigo // only a mistake in the code gets here: data is checked by ParseRate
		panic("money: denominator of a rate must be positive")
	}
	scale := int32(0)
	rest := den
	// a denominator that is a power of ten is a decimal with as many places
	for rest%10 == 0 {
		rest /= 10
		scale++
	}
	if rest == 1 {
		return Rate{value: decimal.New(num, -scale)}
	}
	return Rate{value: decimal.New(num, 0), den: den}
}

// ExactRatio returns the rate part/whole: a decimal of at most nine places when one is exact, and
// otherwise a fraction in lowest terms. whole must be positive. The result is false when the
// fraction does not fit into 64 bits.
func ExactRatio(part, whole decimal.Decimal) (Rate, bool) {
	ratio := new(big.Rat).Quo(part.Rat(), whole.Rat())
	if !ratio.Num().IsInt64() || !ratio.Denom().IsInt64() {
		return Rate{}, false
	}
	num, den := ratio.Num().Int64(), ratio.Denom().Int64()
	power := int64(1)
	for scale := range int32(maxDecimalDigits + 1) {
		// a decimal with scale places is exact when the denominator divides 10^scale
		if power%den == 0 {
			value := decimal.New(num, 0).Mul(decimal.New(power/den, -scale))
			return Rate{value: value}, value.Coefficient().IsInt64()
		}
		power *= 10
	}
	return Ratio(num, den), true
}

// ParseRate reads a decimal with at most eight digits before the point and nine after it.
//
// Errors: ErrRate, also for exponents, plus signs, blanks, leading zeros and digits other than 0 to
// 9.
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

// isDigits reports whether a text has no characters other than the digits 0 to 9.
func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// MustRate is ParseRate for constants in tests; it panics when the text is wrong.
func MustRate(s string) Rate {
	r, err := ParseRate(s)
	if err != nil {
		panic(err) //nolint:forbidigo // for constants in tests, as its name says
	}
	return r
}

// Parts returns the rate as numerator and denominator; a decimal has the denominator 1.
func (r Rate) Parts() (num, den decimal.Decimal) {
	if r.den == 0 {
		return r.value, one
	}
	return r.value, decimal.NewFromInt(r.den)
}

var one = decimal.New(1, 0)

// Fraction returns the rate as a fraction of whole numbers, in which the tax engine computes. The
// zero value becomes the zero value.
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

// Cmp compares two rates exactly and returns -1, 0 or 1 when r is below, equal to or above s.
func (r Rate) Cmp(s Rate) int {
	num, den := r.Parts()
	otherNum, otherDen := s.Parts()
	return num.Mul(otherDen).Cmp(otherNum.Mul(den))
}

// SumOfRates adds rates exactly and returns the sum as numerator num and denominator whole,
// decimals of any size.
func SumOfRates(rates ...Rate) (num, whole decimal.Decimal) {
	whole = one
	for _, r := range rates {
		rateNum, rateDen := r.Parts()
		num = num.Mul(rateDen).Add(rateNum.Mul(whole))
		whole = whole.Mul(rateDen)
	}
	return num, whole
}

// IsShare reports whether the rate is between 0 and 1, both included.
func (r Rate) IsShare() bool { return !r.Negative() && r.Cmp(Ratio(1, 1)) <= 0 }

// Complement returns 1 - r, with as many decimals as r.
func (r Rate) Complement() Rate {
	if r.den != 0 {
		return Ratio(r.den-r.value.CoefficientInt64(), r.den)
	}
	return Rate{value: one.Sub(r.value)}
}

// ApplyTo returns a * r, rounded once; rounding treats negative amounts as it treats positive ones.
// ApplyTo panics when the result does not fit into 64 bits.
func (r Rate) ApplyTo(a Amount, how Rounding) Amount {
	num, den := r.Parts()
	return a.ShareOf(num, den, how)
}

// String returns a decimal rate as a decimal and a fraction as "num/den".
func (r Rate) String() string {
	if r.den != 0 {
		return r.value.String() + "/" + decimal.NewFromInt(r.den).String()
	}
	return r.value.StringFixed(-r.value.Exponent())
}

// MarshalJSON writes the rate as a string.
func (r Rate) MarshalJSON() ([]byte, error) { return []byte(`"` + r.String() + `"`), nil }

// UnmarshalJSON reads a decimal or a fraction of two whole numbers from a string. UnmarshalJSON
// refuses a JSON number, because that may have passed through a float.
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

// unquote reads a JSON string. Amounts and rates contain no character that has to be escaped, so
// the text between the quotes is nearly always the result.
func unquote(b []byte) (s string, ok bool) {
	if n := len(b); n >= 2 && b[0] == '"' && bytes.IndexByte(b, '\\') < 0 {
		return string(b[1 : n-1]), true
	}
	return s, json.Unmarshal(b, &s) == nil
}
