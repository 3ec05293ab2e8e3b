package settlement

import (
	"cmp"
	"context"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement/filedmonth"
)

// isInFiledReturn reports whether one of the tax rows of a booking is in a return that the paying
// entity has filed. Rows that the payee files do not count.
func (s *Service) isInFiledReturn(ctx context.Context, st Settlement,
	rows []tax.Row) (bool, error) {
	if len(rows) == 0 {
		return false, nil
	}
	list, err := s.Store.FiledMonths(ctx, st.Tenant, st.Entity)
	if err != nil {
		return false, err
	}
	filed := filedmonth.Lookup(list)
	for i := range rows {
		if rows[i].Collection != tax.SelfFiled && filed(lawdiff.MonthOfPeriod(rows[i].Period)) {
			return true, nil
		}
	}
	return false, nil
}

// monthFiled is the error for an act that would reverse a booking whose tax is in a filed return.
func monthFiled() error {
	return illegalMove("month_filed",
		"The month in which this payable was taxed is filed: tax and booking stay, and its net is only "+
			"paid. A wrong income is corrected by an amended return.")
}

// keepsBooking reports whether the next occurrence of s pays the net of an existing booking, which
// cannot be reversed because its month is filed.
func (s Settlement) keepsBooking(b booked) bool {
	return s.Carries != "" || s.Kept || (s.Status == Paid && b.filed)
}

// carryFigures sets on the new occurrence s the figures of the booking of old, which is not
// reversed. s is then paid without being booked.
func (s Settlement) carryFigures(old Settlement, f Figures) (Settlement, Figures) {
	s.Carries = cmp.Or(old.Carries, ident.Settlement(old.ID))
	s.Quote = old.Booking
	s.Booking = old.Booking
	s.Net = old.Net
	s.ToPay = old.ToPay
	s.SetOffs = old.SetOffs
	f.Tenant = s.Tenant
	f.Settlement = ident.Settlement(s.ID)
	f.Hash = old.Booking
	return s, f
}

// payCarriedBooking moves a settlement that carries an earlier booking to PAYING. Nothing is booked
// again.
func (s Settlement) payCarriedBooking(on civil.Date, key string, a Act, now time.Time) Change {
	n := s.moveTo(Paying, a, now)
	n.PaymentDate = on
	n.Payout = &Payout{Key: key, Method: s.PayMethod, State: payout.Created}
	return Change{Old: &s, New: n}
}

// IsBooked reports whether s has a booking that was not reversed. A settlement that carries the
// figures of an earlier occurrence has no booking itself.
func (s Settlement) IsBooked() bool {
	switch {
	case s.Booking == "" || s.Carries != "" || s.BookedEntry == "":
		return false
	case s.Kept:
		return true
	}
	return s.ReopenedBy == "" && (s.Status == Paying || s.Status == Paid)
}
