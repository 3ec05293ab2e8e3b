package settlement

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/money"
)

// Provisional marks VATDate and PayOn of a settlement as provisional: the calendar of their year is
// not loaded, so that the contract's day may still move to a working day. Nothing is approved,
// booked or paid on provisional dates.
type Provisional struct {
	cycle.PayRule        // computes the day once the calendar is loaded
	Missing       string // the calendar that is not loaded: "calendar.2027"
}

// provisionalOf returns the mark for dates of a contract, nil where the dates are final.
func provisionalOf(d cycle.Dates) *Provisional {
	if d.Missing == "" {
		return nil
	}
	return &Provisional{d.Rule, d.Missing}
}

// withFinalDates sets the final dates of a settlement whose dates were provisional and whose
// calendar has been loaded since. It returns false when there was nothing to set.
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

// withPayDay sets the final dates of s. Where they differ from the provisional ones the quote is
// dropped, because VAT and the tax month depend on the dates.
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

// withoutQuote drops the figures of the quote, so that they are computed again.
func (s Settlement) withoutQuote() Settlement {
	s.Quote = ""
	s.Net, s.ToPay = money.Amount{}, money.Amount{}
	s.SetOffs = nil
	return s
}

// finalizeDates writes the final dates of a settlement once its calendar is loaded. It returns
// false when there was nothing to write.
func (v *Advancer) finalizeDates(ctx context.Context, s Settlement) (bool, error) {
	n, final := v.service.withFinalDates(s)
	if !final {
		return false, nil
	}
	a := Act{ID: v.service.NewID(), Name: "settlement.dates_final", By: "system:advance-settlement",
		Reason: s.Provisional.Missing + ": the calendar is loaded"}
	n = n.withAct(a, v.service.Clock.Instant())
	n.Arrival = v.service.expectedArrival(ctx, n)
	return true, v.service.Store.Apply(ctx, Change{Old: &s, New: n})
}
