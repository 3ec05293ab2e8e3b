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

// isFiled tells whether rows of a booking stand in a return that was filed; what the payee files
// itself does not.
func (s *Service) isFiled(ctx context.Context, st Settlement, rows []tax.Row) (bool, error) {
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

// taxFiled refuses what would take back a booking that stands in a filed return.
func taxFiled() error {
	return notNow("month_filed",
		"The month in which this payable was taxed is filed: tax and booking stay, and its net is only "+
			"paid. A wrong income is corrected by an amended return.")
}

// keepsBooking is true where a new occurrence pays the net of an earlier booking, which stays
// because its month is filed.
func (s Settlement) keepsBooking(b booked) bool {
	return s.Carries != "" || s.Kept || (s.Status == Paid && b.filed)
}

// carryFigures gives s the figures of the booking that stays, instead of a booking of its own.
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

// payCarried moves a settlement that carries an earlier booking to PAYING: nothing is booked.
func (s Settlement) payCarried(on civil.Date, key string, a Act, now time.Time) Change {
	n := s.move(Paying, a, now)
	n.PaymentDate = on
	n.Payout = &Payout{Key: key, Method: s.PayMethod, State: payout.Created}
	return Change{Old: &s, New: n}
}

// BookingStands tells that the booking of s was made and not taken back. A settlement that carries
// another's figures has none of its own.
func (s Settlement) BookingStands() bool {
	switch {
	case s.Booking == "" || s.Carries != "" || s.BookedEntry == "":
		return false
	case s.Kept:
		return true
	}
	return s.ReopenedBy == "" && (s.Status == Paying || s.Status == Paid)
}
