package settlement

import (
	"cmp"
	"context"
	"errors"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/payout"
)

// FiledMonth is a month whose returns a paying entity has filed: its tax is changed only by an
// amendment any more.
type FiledMonth struct {
	Entity    ident.Entity `json:"paying_entity"`
	Month     civil.Month  `json:"month"`
	FiledOn   civil.Date   `json:"filed_on"`
	Reference string       `json:"reference"`
	By        string       `json:"filed_by"`
	At        time.Time    `json:"at"`
	Act       string       `json:"transition_id"`
}

// asked tells whether two filings say the same.
func (f FiledMonth) asked(o FiledMonth) bool {
	return f.Entity == o.Entity && f.Month == o.Month && f.FiledOn == o.FiledOn &&
		f.Reference == o.Reference
}

// Filed makes a list of filed months a question.
func Filed(list []FiledMonth) lawdiff.Filed {
	months := make([]civil.Month, len(list))
	for i, f := range list {
		months[i] = f.Month
	}
	return lawdiff.Months(months)
}

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
	filed := Filed(list)
	for i := range rows {
		if rows[i].Collection != tax.SelfFiled && filed(lawdiff.MonthOf(rows[i].Period)) {
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

// Filings records which months are filed.
type Filings struct {
	Service *Service
	Store   FilingStore
}

// BookingTime is longer than any function that books may take, and than its clock may differ from
// another's.
const BookingTime = 2 * time.Minute

// FilingStore records filed months; Store reads them.
type FilingStore interface {
	// FileMonth records one with its audit record. optimistic.ErrRival when it is filed already.
	FileMonth(ctx context.Context, tenant ident.Tenant, f FiledMonth) error
}

// File records that a paying entity has filed a month. The same again answers the same.
//
// Errors: 3003 for an unknown paying entity; 3001 month_not_over; 2002 when the month was filed
// with other content.
func (s *Filings) File(ctx context.Context, tenant ident.Tenant, by string,
	f FiledMonth) (kept FiledMonth, replayed bool, err error) {
	today, err := s.Service.Clock.Today(ctx)
	if err != nil {
		return f, false, fault.Later(err)
	}
	if _, err := s.Service.Directory.Entity(ctx, tenant, f.Entity, today); err != nil {
		return f, false, err
	}
	if since := s.Service.Clock.Instant().Sub(f.Month.Add(1).First().Start()); !f.Month.Before(
		today.Month()) || (since >= 0 && since < BookingTime) {
		return f, false, notNow("month_not_over",
			"A month is filed after it has ended and what was booked on its last day is written; "+
				f.Month.String()+" has not, or only just.")
	}
	f.By = by
	f.At = s.Service.Clock.Instant()
	f.Act = s.Service.NewID()
	err = s.Store.FileMonth(ctx, tenant, f)
	if !errors.Is(err, optimistic.ErrRival) {
		return f, false, err
	}
	list, err := s.Service.Store.FiledMonths(ctx, tenant, f.Entity)
	if err != nil {
		return f, false, err
	}
	for _, had := range list {
		if had.Month == f.Month {
			if !had.asked(f) {
				err = fault.New(fault.OtherContent, "month_filed",
					"This month is recorded as filed with another day or reference.")
			}
			return had, true, err
		}
	}
	return f, false, fault.Later(optimistic.ErrRival)
}
