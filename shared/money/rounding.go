package money

import (
	"cmp"
	"math"
	"math/bits"

	"github.com/shopspring/decimal"
)

// Rounding names what happens to the part of a fen.
type Rounding int

const (
	// HalfUp rounds half a fen away from zero (四舍五入). No tax law read fixes a rounding; this is the
	// universal practice for each reported amount (customary).
	HalfUp Rounding = iota
	// HalfEven rounds half a fen to the even neighbour (the split of commerce commissions).
	HalfEven
	// Down drops the part of a fen (live tips, Xingtu).
	Down
)

// awayFromZero reports whether a quotient whose rest compares to half the divisor as half does
// moves up by one.
func (how Rounding) awayFromZero(half int, odd bool) bool {
	switch how {
	case HalfUp:
		return half >= 0
	case HalfEven:
		return half > 0 || (half == 0 && odd)
	}
	return false
}

// Times gives a x f, rounded once, symmetric around zero. It panics when the result leaves int64.
func (a Amount) Times(f Fraction, how Rounding) Amount { return a.MulDiv(f.num, f.Den(), how) }

// DividedBy gives a / f, rounded once: price with tax over (1 + rate) is its use. f must be
// positive.
func (a Amount) DividedBy(f Fraction, how Rounding) Amount { return a.MulDiv(f.Den(), f.num, how) }

// MulDiv gives a x num / den, rounded once. den must be positive.
func (a Amount) MulDiv(num, den int64, how Rounding) Amount {
	if den <= 0 {
		//nolint:forbidigo // a division by nothing is a mistake in the code, as for /
		panic("money: denominator must be positive")
	}
	neg := (a.fen < 0) != (num < 0)
	u, n := uint64(a.fen), uint64(num)
	if a.fen < 0 {
		u = -u
	}
	if num < 0 {
		n = -n
	}
	q, rest := mulDiv128(u, n, uint64(den))
	// rest < den <= 2^63-1, so twice the rest cannot wrap
	if how.awayFromZero(cmp.Compare(rest*2, uint64(den)), q%2 == 1) {
		q++
	}
	if neg {
		return Amount{-int64(q)}
	}
	return Amount{int64(q)}
}

// ShareOf gives a x weight / total by decimals of any size, rounded once, symmetric around zero: a
// share of money. total must be positive. It panics when the result leaves int64.
func (a Amount) ShareOf(weight, total decimal.Decimal, how Rounding) Amount {
	quotient, rest := decimal.NewFromInt(a.fen).Mul(weight).QuoRem(total, 0)
	fen := quotient.CoefficientInt64()
	if quotient.NumDigits() > maxDigits && !quotient.Equal(decimal.NewFromInt(fen)) {
		panic(errOverflow) //nolint:forbidigo // see Add: a wrapped sum would be paid
	}
	whole := Amount{fen}
	if how == Down || rest.IsZero() {
		return whole
	}
	half := rest.Add(rest).Abs().Cmp(total)
	if !how.awayFromZero(half, fen%2 != 0) {
		return whole
	}
	return whole.Add(Amount{int64(rest.Sign())})
}

// maxDigits is how many decimal digits always fit into 64 bits.
const maxDigits = 18

// mulDiv128 gives the quotient and remainder of |a|*num/den, exact over 128 bits. den must be
// positive.
func mulDiv128(a uint64, num, den uint64) (q, r uint64) {
	hi, lo := bits.Mul64(a, num)
	if hi >= den {
		panic(errOverflow) //nolint:forbidigo // see Add: a wrapped sum would be paid
	}
	q, r = bits.Div64(hi, lo, den)
	if q > math.MaxInt64 {
		panic(errOverflow) //nolint:forbidigo // see Add: a wrapped sum would be paid
	}
	return q, r
}
