package tax

import (
	"math/bits"

	"fenzhang/shared/money"
)

// exactAmount is an exact sum of fen: num/den.
type exactAmount struct{ num, den int64 }

// multiplyExact gives a x r exactly. Amounts are at most 10^15 fen and rates of deductions have at
// most three decimals (the loader checks that), so the product fits.
func multiplyExact(a money.Amount, r money.Fraction) exactAmount {
	return exactAmount{a.Fen() * r.Num(), r.Den()}
}

// subtractAmount gives f - a exactly.
func (f exactAmount) subtractAmount(a money.Amount) exactAmount {
	return exactAmount{f.num - a.Fen()*f.den, f.den}
}

// addExact adds two fractions exactly.
func (f exactAmount) addExact(g exactAmount) exactAmount {
	x, y := f.den, g.den
	for y != 0 {
		x, y = y, x%y
	}
	return exactAmount{f.num*(g.den/x) + g.num*(f.den/x), f.den / x * g.den}
}

// roundedAmount gives the fraction rounded half up to the fen, never below zero.
func (f exactAmount) roundedAmount() money.Amount {
	if f.num <= 0 {
		return money.Amount{}
	}
	return money.Fen(f.num).MulDiv(1, f.den, money.HalfUp)
}

// bracketTable is a compiled list of brackets.
type bracketTable struct{ levels []bracketLevel }

type bracketLevel struct {
	upTo     int64 // fen; 0 on the last level
	num, den int64 // rate
	bracket  Bracket
}

func newBracketTable(bs []Bracket) bracketTable {
	var t bracketTable
	for _, b := range bs {
		t.levels = append(t.levels, bracketLevel{b.UpTo.Fen(), b.Rate.Num(), b.Rate.Den(), b})
	}
	return t
}

// bracketAndTax finds the level of an exact base and gives base x rate - quick, rounded half up
// once. A base at or below zero has no tax and no level.
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
	return nil, money.Amount{} // not reached: the loader asks for a last level without end
}

// isAboveEdge tells whether the positive base is more than edge, over 128 bits.
func isAboveEdge(base exactAmount, edge int64) bool {
	hi, lo := bits.Mul64(uint64(edge), uint64(base.den))
	return hi == 0 && lo < uint64(base.num)
}
