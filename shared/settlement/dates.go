package settlement

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/money"
)

// Provisional says that VATDate and PayOn are the contract's day, which may still move: the
// calendar of its year is not loaded. Nothing is approved, booked or paid on such dates.
type Provisional struct {
	cycle.PayRule        // gives the day once the calendar is loaded
	Missing       string // the calendar that is not loaded: "calendar.2027"
}

// provisional is nil where the dates are final.
func provisional(d cycle.Dates) *Provisional {
	if d.Missing == "" {
		return nil
	}
	return &Provisional{d.Rule, d.Missing}
}

// withFinalDates gives st with final dates where they were provisional and the calendar has been
// loaded since, and tells whether that is so.
func (s *Service) withFinalDates(st Settlement) (Settlement, bool) {
	if st.Provisional == nil {
		return st, false
	}
	day, missing := st.Provisional.PayDay(s.Calendar)
	if missing != "" {
		return st, false
	}
	return st.withPayDay(day), true
}

// withPayDay gives s its final dates. Where they move, its quote goes with the old ones: VAT and
// the tax month hang on them.
func (s Settlement) withPayDay(right civil.Date) Settlement {
	n := s
	n.Provisional = nil
	if right != s.VATDate {
		n.PayOn = right
		if s.PayOn.After(s.VATDate) { // it was opened after its pay day
			n.PayOn = laterDate(s.PayOn, right)
		}
		n.VATDate, n.PaymentDate = right, n.PayOn
		n = n.withoutQuote()
	}
	return n.recomputeHold()
}

// withoutQuote takes the figures of the quote away; they are computed anew.
func (s Settlement) withoutQuote() Settlement {
	s.Quote = ""
	s.Net, s.ToPay = money.Amount{}, money.Amount{}
	s.SetOffs = nil
	return s
}

// fixDates writes the final dates of a settlement, and tells whether there was anything to write.
func (v *Advancer) fixDates(ctx context.Context, s Settlement) (bool, error) {
	n, final := v.service.withFinalDates(s)
	if !final {
		return false, nil
	}
	a := Act{ID: v.service.NewID(), Name: "settlement.dates_final", By: "system:advance-settlement",
		Reason: s.Provisional.Missing + ": the calendar is loaded"}
	n = n.stamp(a, v.service.Clock.Instant())
	n.Arrival = v.service.expect(ctx, n)
	return true, v.service.Store.Apply(ctx, Change{Old: &s, New: n})
}
