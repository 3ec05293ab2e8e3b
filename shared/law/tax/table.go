package tax

import (
	"math/bits"

	"fenzhang/shared/money"
)

// exactAmount is an exact sum in fen, num/den, that has not been rounded yet.
type exactAmount struct{ num, den int64 }

// multiplyExact returns a x r exactly. Amounts are at most 10^15 fen and deduction rates have at
// most three decimals, which the loader checks, so the product fits into 64 bits.
func multiplyExact(a money.Amount, r money.Fraction) exactAmount {
	return exactAmount{a.Fen() * r.Num(), r.Den()}
}

// subtractAmount returns f - a exactly.
func (f exactAmount) subtractAmount(a money.Amount) exactAmount {
	return exactAmount{f.num - a.Fen()*f.den, f.den}
}

// addExact returns f + g exactly, over their least common denominator.
func (f exactAmount) addExact(g exactAmount) exactAmount {
	x, y := f.den, g.den
	for y != 0 {
		x, y = y, x%y
	}
	return exactAmount{f.num*(g.den/x) + g.num*(f.den/x), f.den / x * g.den}
}

// roundedAmount returns the sum rounded half up to the fen; a negative sum is reported as zero.
func (f exactAmount) roundedAmount() money.Amount {
	if f.num <= 0 {
		return money.Amount{}
	}
	return money.Fen(f.num).MulDiv(1, f.den, money.HalfUp)
}

// bracketTable is a progressive table, compiled for comparison with exact sums.
type bracketTable struct{ levels []bracketLevel }

// bracketLevel is one compiled level of a progressive table.
type bracketLevel struct {
	// upTo is the level's upper edge in fen; 0 on the last level.
	upTo int64
	// num/den is the level's rate.
	num, den int64
	bracket  Bracket
}

// newBracketTable compiles the brackets of a rule file.
func newBracketTable(bs []Bracket) bracketTable {
	var t bracketTable
	for _, b := range bs {
		t.levels = append(t.levels, bracketLevel{b.UpTo.Fen(), b.Rate.Num(), b.Rate.Den(), b})
	}
	return t
}

// bracketAndTax finds the level of an exact base and returns it with the tax: base x rate - quick
// deduction, rounded half up once at the end. A base of zero or less has no level and no tax.
func (t *bracketTable) bracketAndTax(base exactAmount) (*Bracket, money.Amount) {
	if base.num <= 0 {
		return nil, money.Amount{}
	}
	for i := range t.levels {
		l := &t.levels[i]
		if l.upTo == 0 || !isAboveEdge(base, l.upTo) {
			return &l.bracket,
				money.Fen(base.num).MulDiv(l.num, l.den*base.den, money.HalfUp).Sub(l.bracket.Quick)
		}
	}
	// not reached, because the loader asks for a last level without an edge
	return nil, money.Amount{}
}

// isAboveEdge reports whether the positive base exceeds an edge. The product of edge and
// denominator needs 128 bits.
func isAboveEdge(base exactAmount, edge int64) bool {
	hi, lo := bits.Mul64(uint64(edge), uint64(base.den))
	return hi == 0 && lo < uint64(base.num)
}
