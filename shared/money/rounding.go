package money

import (
	"cmp"
	"math"
	"math/bits"

	"github.com/shopspring/decimal"
)

// Rounding says what happens to fractions of a fen.
type Rounding int

const (
	// HalfUp rounds half a fen away from zero (四舍五入). No tax law that we read prescribes a rounding;
	// this one is general practice for each reported amount (customary).
	HalfUp Rounding = iota
	// HalfEven rounds half a fen to the even neighbour; the split of e-commerce commissions uses it.
	HalfEven
	// Down drops the fraction of a fen; live tips and Xingtu use it.
	Down
)

// awayFromZero reports whether the absolute value of a quotient is increased by one. half compares
// the remainder with half of the divisor; odd says whether the quotient is odd.
func (how Rounding) awayFromZero(half int, odd bool) bool {
	switch how {
	case HalfUp:
		return half >= 0
	case HalfEven:
		return half > 0 || (half == 0 && odd)
	default:
		return false
	}
}

// Times returns a * f, rounded once; rounding treats negative amounts as it treats positive ones.
// Times panics when the result does not fit into 64 bits.
func (a Amount) Times(f Fraction, how Rounding) Amount { return a.MulDiv(f.num, f.Den(), how) }

// DividedBy returns a / f, rounded once, for example the price with tax divided by 1 + rate. f must
// be positive.
func (a Amount) DividedBy(f Fraction, how Rounding) Amount { return a.MulDiv(f.Den(), f.num, how) }

// MulDiv returns a * num / den, rounded once. den must be positive.
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
	// rest is below den, which is at most 2^63-1, so twice the rest does not overflow
	if how.awayFromZero(cmp.Compare(rest*2, uint64(den)), q%2 == 1) {
		q++
	}
	if neg {
		return Amount{-int64(q)}
	}
	return Amount{int64(q)}
}

// ShareOf returns a * weight / total, rounded once, with decimals of any size: the share that a
// weight has in an amount. total must be positive. ShareOf panics when the result does not fit into
// 64 bits.
func (a Amount) ShareOf(weight, total decimal.Decimal, how Rounding) Amount {
	quotient, rest := decimal.NewFromInt(a.fen).Mul(weight).QuoRem(total, 0)
	fen := quotient.CoefficientInt64()
	if quotient.NumDigits() > maxDigits && !quotient.Equal(decimal.NewFromInt(fen)) {
		panic(errOverflow) //nolint:forbidigo // see Add: a wrapped sum would be paid
	}
	whole := Amount{fen}
	// QuoRem has already cut toward zero
	if how == Down || rest.IsZero() {
		return whole
	}
	half := rest.Add(rest).Abs().Cmp(total)
	if !how.awayFromZero(half, fen%2 != 0) {
		return whole
	}
	return whole.Add(Amount{int64(rest.Sign())})
}

// maxDigits is a number of decimal digits that always fits into 64 bits.
const maxDigits = 18

// mulDiv128 returns quotient and remainder of a * num / den, with a product of 128 bits. den must
// be positive. mulDiv128 panics when the quotient does not fit into 63 bits.
func mulDiv128(a uint64, num, den uint64) (q, r uint64) {
	hi, lo := bits.Mul64(a, num)
	// bits.Div64 needs a quotient that fits into 64 bits
	if hi >= den {
		panic(errOverflow) //nolint:forbidigo // see Add: a wrapped sum would be paid
	}
	q, r = bits.Div64(hi, lo, den)
	if q > math.MaxInt64 {
		panic(errOverflow) //nolint:forbidigo // see Add: a wrapped sum would be paid
	}
	return q, r
}
