package tax

import (
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

// GrossUp is the gross behind a net that was promised after tax (包税). The tax that the payer bears
// is income itself, so the gross must be searched.
type GrossUp struct {
	// Amount is the payment that leaves the net, or the one whose net is nearest below it.
	Amount money.Amount
	// Result is the computation of Amount.
	Result Result
	Exact  bool
	// Above is the next payment whose net is larger than wanted, where no payment leaves exactly the
	// wanted net: at a threshold that taxes the whole period, and where two roundings coincide.
	Above *PaymentNet
}

// PaymentNet is a payment and the net that it leaves after tax.
type PaymentNet struct {
	Amount money.Amount `json:"amount"`
	Gross  money.Amount `json:"gross"`
	Net    money.Amount `json:"net"`
}

// FindGross finds the smallest payment that leaves exactly the wanted net after its taxes, on top
// of the period totals in f; f.Amount is ignored. Where no payment leaves exactly that net, the two
// nearest payments are returned.
//
// Errors: those of Compute; 2001 when the net is not above zero or no payment in range leaves as
// much.
func (c *Corpus) FindGross(f Facts, net money.Amount) (GrossUp, error) {
	return searchGross(c.Compute, f, net)
}

// largestGrossUp is how many times the wanted net the payment may be at most: no withholding takes
// three quarters of a payment.
const largestGrossUp = 4

// spareFen extends the range of the search, so that the gross is found also where a payment must
// make up for tax that earlier payments left short.
const spareFen = 100_000_000

// wiggle is by how many fen coinciding roundings can make the net fall while the payment grows.
const wiggle = 8

// searchGross finds the gross on each stretch between the amounts at which VAT or surcharges start,
// because the net falls at those amounts and grows everywhere else.
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

// grossSearch is the state of a search over payments, in fen, between the amounts at which a tax on
// the whole period starts.
type grossSearch struct {
	compute   func(Facts) (Result, error)
	facts     Facts
	wantedNet int64
	// low is where the next stretch begins.
	low          int64
	exactPayment int64
	// paymentBelow and paymentAbove are the payments whose nets are nearest to the wanted one.
	paymentBelow, paymentAbove int64
	netBelow                   int64
	netAbove                   int64
	err                        error
}

// netOf computes a payment and returns its result and its net in fen; after an error it returns
// zero.
func (s *grossSearch) netOf(amount int64) (Result, int64) {
	if s.err != nil {
		return Result{}, 0
	}
	s.facts.Amount = money.Fen(amount)
	res, err := s.compute(s.facts)
	s.err = err
	return res, res.Net.Fen()
}

// taxStartAmounts finds the payments, in order, from which on VAT or the education surcharge is
// due; at each of them the net falls.
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

// periodTotal returns the period's total of one kind of tax.
func (r *Result) periodTotal(tax string) money.Amount {
	for i := range r.Taxes {
		if r.Taxes[i].Tax == tax {
			return r.Taxes[i].Total
		}
	}
	return money.Amount{}
}

// smallestMatch finds by bisection the smallest n in low..high for which ok is true, or high+1 if
// there is none; ok must stay true for all larger n.
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

// searchRange looks for the wanted net on one stretch, on which the net grows except for a few fen.
func (s *grossSearch) searchRange(low, high int64) {
	if s.exactPayment != 0 || s.err != nil || low > high {
		return
	}
	at := smallestMatch(low, high, func(a int64) bool { _, n := s.netOf(a); return n >= s.wantedNet })
	// roundings can hide the exact net a few fen beside the place that bisection found
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

// nearestPayments returns the payments on both sides of the wanted net.
func (s *grossSearch) nearestPayments() (GrossUp, error) {
	res, net := s.netOf(s.paymentAbove)
	next := &PaymentNet{Amount: money.Fen(s.paymentAbove), Gross: res.Gross, Net: money.Fen(net)}
	if s.paymentBelow == 0 {
		return GrossUp{Amount: next.Amount, Result: res, Above: next}, s.err
	}
	res, _ = s.netOf(s.paymentBelow)
	return GrossUp{Amount: money.Fen(s.paymentBelow), Result: res, Above: next}, s.err
}
