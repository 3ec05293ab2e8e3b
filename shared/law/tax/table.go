package tax

import (
	"math/bits"

	"fenzhang/shared/money"
)

// fraction is an exact sum of fen: num/den.
type fraction struct{ num, den int64 }

// of gives a x r exactly. Amounts are at most 10^15 fen and rates of deductions have at most three
// decimals (the loader checks that), so the product fits.
func of(a money.Amount, r money.Fraction) fraction { return fraction{a.Fen() * r.Num(), r.Den()} }

// minus gives f - a exactly.
func (f fraction) minus(a money.Amount) fraction { return fraction{f.num - a.Fen()*f.den, f.den} }

// plus adds two fractions exactly.
func (f fraction) plus(g fraction) fraction {
	x, y := f.den, g.den
	for y != 0 {
		x, y = y, x%y
	}
	return fraction{f.num*(g.den/x) + g.num*(f.den/x), f.den / x * g.den}
}

// reported gives the fraction rounded half up to the fen, never below zero.
func (f fraction) reported() money.Amount {
	if f.num <= 0 {
		return money.Amount{}
	}
	return money.Fen(f.num).MulDiv(1, f.den, money.HalfUp)
}

// table is a compiled list of brackets.
type table struct{ levels []level }

type level struct {
	upTo     int64 // fen; 0 on the last level
	num, den int64 // rate
	bracket  Bracket
}

func newTable(bs []Bracket) table {
	var t table
	for _, b := range bs {
		t.levels = append(t.levels, level{b.UpTo.Fen(), b.Rate.Num(), b.Rate.Den(), b})
	}
	return t
}

// tax finds the level of an exact base and gives base x rate - quick, rounded half up once. A base
// at or below zero has no tax and no level.
func (t *table) tax(base fraction) (*Bracket, money.Amount) {
	if base.num <= 0 {
		return nil, money.Amount{}
	}
	for i := range t.levels {
		l := &t.levels[i]
		if l.upTo == 0 || !above(base, l.upTo) {
			return &l.bracket,
				money.Fen(base.num).MulDiv(l.num, l.den*base.den, money.HalfUp).Sub(l.bracket.Quick)
		}
	}
	return nil, money.Amount{} // not reached: the loader asks for a last level without end
}

// above tells whether the positive base is more than edge, over 128 bits.
func above(base fraction, edge int64) bool {
	hi, lo := bits.Mul64(uint64(edge), uint64(base.den))
	return hi == 0 && lo < uint64(base.num)
}
