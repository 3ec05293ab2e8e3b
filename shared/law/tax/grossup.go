package tax

import (
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// GrossUp is the gross behind a net that was agreed after tax (包税): the tax that the payer bears is
// income itself.
type GrossUp struct {
	Amount money.Amount // the payment that leaves the net, or comes nearest below it
	Result Result       // its taxes
	Exact  bool
	// Above is the next payment whose net lies above the one wanted, where no payment leaves exactly
	// that net: at a threshold that taxes the whole, and where two roundings fall together.
	Above *Priced
}

// Priced is a payment and what it leaves.
type Priced struct {
	Amount money.Amount `json:"amount"`
	Gross  money.Amount `json:"gross"`
	Net    money.Amount `json:"net"`
}

// GrossUp finds the smallest payment after whose taxes the wanted net is left, to the fen, on top
// of what stands in the periods; f.Amount is ignored. Where no payment leaves exactly that net, it
// gives the two nearest.
//
// Errors: those of Compute; 2001 when the net is not above zero or no payment in range leaves as
// much.
func (c *Corpus) GrossUp(f Facts, net money.Amount) (GrossUp, error) {
	return grossUp(c.Compute, f, net)
}

// largestGrossUp is how many times the wanted net the payment may be: no withholding takes three
// quarters.
const largestGrossUp = 4

// spareFen is added to the range of the search, so that a payment whose earlier taxes are made up
// for is found too.
const spareFen = 100_000_000

// wiggle is how far, in fen, roundings that fall together can move a net out of its order.
const wiggle = 8

func grossUp(compute func(Facts) (Result, error), f Facts, net money.Amount) (GrossUp, error) {
	if !net.Positive() || net.Fen() > largestFen/(2*largestGrossUp) {
		return GrossUp{}, fault.Invalid(fault.Field{Field: "net_wanted",
			Problem: "must be above zero and at most " + money.Fen(largestFen/(2*largestGrossUp)).String()})
	}
	s := search{compute: compute, facts: f, want: net.Fen()}
	top := net.Fen()*largestGrossUp + spareFen
	for _, seam := range s.seams(top) {
		s.within(s.low, seam-1)
		s.low = seam
	}
	s.within(s.low, top)
	switch {
	case s.err != nil:
		return GrossUp{}, s.err
	case s.exact != 0:
		f.Amount = money.Fen(s.exact)
		res, err := compute(f)
		return GrossUp{Amount: f.Amount, Result: res, Exact: true}, err
	case s.above == 0:
		return GrossUp{}, fault.Invalid(
			fault.Field{Field: "net_wanted", Problem: "no payment leaves that much"})
	}
	return s.nearest()
}

// search walks the payments, in fen, between the seams at which a tax sets in for the whole period.
type search struct {
	compute      func(Facts) (Result, error)
	facts        Facts
	want         int64
	low          int64 // where the next stretch begins
	exact        int64
	below, above int64 // payments with the nearest nets
	netBelow     int64
	netAbove     int64
	err          error
}

// at computes a payment.
func (s *search) at(amount int64) (Result, int64) {
	if s.err != nil {
		return Result{}, 0
	}
	s.facts.Amount = money.Fen(amount)
	res, err := s.compute(s.facts)
	s.err = err
	return res, res.Net.Fen()
}

// seams finds the payments, in order, from which one of the taxes on turnover is due: there the net
// falls.
func (s *search) seams(top int64) []int64 {
	s.low = 1
	var list []int64
	from := int64(1)
	for _, tax := range [...]string{VAT, EDU} {
		due := func(amount int64) bool {
			res, _ := s.at(amount)
			return res.totalOf(tax).Positive()
		}
		if at := first(from, top, due); at > from && at <= top {
			list = append(list, at)
			from = at
		}
	}
	return list
}

// totalOf is the period's tax of a kind.
func (r *Result) totalOf(tax string) money.Amount {
	for i := range r.Taxes {
		if r.Taxes[i].Tax == tax {
			return r.Taxes[i].Total
		}
	}
	return money.Amount{}
}

// first finds the smallest n in low..high for which ok holds, high+1 if none; ok must stay true
// once it is.
func first(low, high int64, ok func(int64) bool) int64 {
	for low <= high {
		if mid := low + (high-low)/2; ok(mid) {
			high = mid - 1
		} else {
			low = mid + 1
		}
	}
	return low
}

// within looks for the net on one stretch, on which it grows but for a few fen.
func (s *search) within(low, high int64) {
	if s.exact != 0 || s.err != nil || low > high {
		return
	}
	at := first(low, high, func(a int64) bool { _, n := s.at(a); return n >= s.want })
	for a := max(low, at-wiggle); a <= min(high, at+wiggle) && s.err == nil; a++ {
		_, n := s.at(a)
		switch {
		case n == s.want:
			s.exact = a
			return
		case n < s.want && (s.below == 0 || n > s.netBelow):
			s.below, s.netBelow = a, n
		case n > s.want && (s.above == 0 || n < s.netAbove):
			s.above, s.netAbove = a, n
		}
	}
}

// nearest answers with the payments on both sides of the net.
func (s *search) nearest() (GrossUp, error) {
	res, net := s.at(s.above)
	next := &Priced{Amount: money.Fen(s.above), Gross: res.Gross, Net: money.Fen(net)}
	if s.below == 0 {
		return GrossUp{Amount: next.Amount, Result: res, Above: next}, s.err
	}
	res, _ = s.at(s.below)
	return GrossUp{Amount: money.Fen(s.below), Result: res, Above: next}, s.err
}
