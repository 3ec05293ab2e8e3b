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
	Above *PaymentNet
}

// PaymentNet is a payment and what it leaves.
type PaymentNet struct {
	Amount money.Amount `json:"amount"`
	Gross  money.Amount `json:"gross"`
	Net    money.Amount `json:"net"`
}

// FindGross finds the smallest payment after whose taxes the wanted net is left, to the fen, on top
// of what stands in the periods; f.Amount is ignored. Where no payment leaves exactly that net, it
// gives the two nearest.
//
// Errors: those of Compute; 2001 when the net is not above zero or no payment in range leaves as
// much.
func (c *Corpus) FindGross(f Facts, net money.Amount) (GrossUp, error) {
	return searchGross(c.Compute, f, net)
}

// largestGrossUp is how many times the wanted net the payment may be: no withholding takes three
// quarters.
const largestGrossUp = 4

// spareFen is added to the range of the search, so that a payment whose earlier taxes are made up
// for is found too.
const spareFen = 100_000_000

// wiggle is how far, in fen, roundings that fall together can move a net out of its order.
const wiggle = 8

func searchGross(compute func(Facts) (Result, error), f Facts, net money.Amount) (GrossUp, error) {
	if !net.Positive() || net.Fen() > largestFen/(2*largestGrossUp) {
		return GrossUp{}, fault.Invalid(fault.Field{Field: "net_wanted",
			Problem: "must be above zero and at most " + money.Fen(largestFen/(2*largestGrossUp)).String()})
	}
	s := grossSearch{compute: compute, facts: f, wantedNet: net.Fen()}
	top := net.Fen()*largestGrossUp + spareFen
	for _, seam := range s.taxStartAmounts(top) {
		s.searchRange(s.low, seam-1)
		s.low = seam
	}
	s.searchRange(s.low, top)
	switch {
	case s.err != nil:
		return GrossUp{}, s.err
	case s.exactPayment != 0:
		f.Amount = money.Fen(s.exactPayment)
		res, err := compute(f)
		return GrossUp{Amount: f.Amount, Result: res, Exact: true}, err
	case s.paymentAbove == 0:
		return GrossUp{}, fault.Invalid(
			fault.Field{Field: "net_wanted", Problem: "no payment leaves that much"})
	}
	return s.nearestPayments()
}

// grossSearch walks the payments, in fen, between the seams at which a tax sets in for the whole
// period.
type grossSearch struct {
	compute                    func(Facts) (Result, error)
	facts                      Facts
	wantedNet                  int64
	low                        int64 // where the next stretch begins
	exactPayment               int64
	paymentBelow, paymentAbove int64 // payments with the nearest nets
	netBelow                   int64
	netAbove                   int64
	err                        error
}

// netOf computes a payment.
func (s *grossSearch) netOf(amount int64) (Result, int64) {
	if s.err != nil {
		return Result{}, 0
	}
	s.facts.Amount = money.Fen(amount)
	res, err := s.compute(s.facts)
	s.err = err
	return res, res.Net.Fen()
}

// taxStartAmounts finds the payments, in order, from which one of the taxes on turnover is due:
// there the net falls.
func (s *grossSearch) taxStartAmounts(top int64) []int64 {
	s.low = 1
	var list []int64
	from := int64(1)
	for _, tax := range [...]string{VAT, EDU} {
		due := func(amount int64) bool {
			res, _ := s.netOf(amount)
			return res.periodTotal(tax).Positive()
		}
		if at := smallestMatch(from, top, due); at > from && at <= top {
			list = append(list, at)
			from = at
		}
	}
	return list
}

// periodTotal is the period's tax of a kind.
func (r *Result) periodTotal(tax string) money.Amount {
	for i := range r.Taxes {
		if r.Taxes[i].Tax == tax {
			return r.Taxes[i].Total
		}
	}
	return money.Amount{}
}

// smallestMatch finds the smallest n in low..high for which ok holds, high+1 if none; ok must stay
// true once it is.
func smallestMatch(low, high int64, ok func(int64) bool) int64 {
	for low <= high {
		if mid := low + (high-low)/2; ok(mid) {
			high = mid - 1
		} else {
			low = mid + 1
		}
	}
	return low
}

// searchRange looks for the net on one stretch, on which it grows but for a few fen.
func (s *grossSearch) searchRange(low, high int64) {
	if s.exactPayment != 0 || s.err != nil || low > high {
		return
	}
	at := smallestMatch(low, high, func(a int64) bool { _, n := s.netOf(a); return n >= s.wantedNet })
	for a := max(low, at-wiggle); a <= min(high, at+wiggle) && s.err == nil; a++ {
		_, n := s.netOf(a)
		switch {
		case n == s.wantedNet:
			s.exactPayment = a
			return
		case n < s.wantedNet && (s.paymentBelow == 0 || n > s.netBelow):
			s.paymentBelow, s.netBelow = a, n
		case n > s.wantedNet && (s.paymentAbove == 0 || n < s.netAbove):
			s.paymentAbove, s.netAbove = a, n
		}
	}
}

// nearestPayments answers with the payments on both sides of the net.
func (s *grossSearch) nearestPayments() (GrossUp, error) {
	res, net := s.netOf(s.paymentAbove)
	next := &PaymentNet{Amount: money.Fen(s.paymentAbove), Gross: res.Gross, Net: money.Fen(net)}
	if s.paymentBelow == 0 {
		return GrossUp{Amount: next.Amount, Result: res, Above: next}, s.err
	}
	res, _ = s.netOf(s.paymentBelow)
	return GrossUp{Amount: money.Fen(s.paymentBelow), Result: res, Above: next}, s.err
}
