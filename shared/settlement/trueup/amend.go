package trueup

import (
	"context"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/tenancy"
)

// Amended is a taxpayer with the months whose filed returns differ from what is booked now
// (更正申报清单).
type Amended struct {
	Taxpayer ident.Taxpayer      `json:"taxpayer_id"`
	Months   []lawdiff.Amendment `json:"months"`
}

// Amendments lists the returns of a paying entity, from a month on, that must be filed again. It
// lists them for the taxpayers of the next creators after the cursor.
func (t *Service) Amendments(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	from civil.Month, d lawdiff.LatenessRules, cursor string, limit int) ([]Amended, string, error) {
	returns, err := t.booked.FiledMonths(ctx, tenant, entity)
	if err != nil {
		return nil, "", err
	}
	creators, next, err := t.directory.Creators(ctx, tenant, cursor, limit)
	if err != nil {
		return nil, "", err
	}
	var out []Amended
	for _, c := range creators {
		log, first, err := t.readTaxLogOfCreator(ctx, tenant, entity, c, from)
		if err != nil {
			return nil, "", err
		}
		if !first {
			continue
		}
		payer, err := t.directory.Taxpayer(ctx, tenant, log.taxpayer)
		if err != nil {
			return nil, "", err
		}
		profile, _ := payer.ProfileOn(from.Last())
		was, now := filedRows(log.bookings, returns)
		months, err := lawdiff.MonthsToRefile(profile.Kind, was, now, filedmonth.Lookup(returns), from, d)
		if err != nil {
			return nil, "", err
		}
		if len(months) > 0 {
			out = append(out, Amended{Taxpayer: log.taxpayer, Months: months})
		}
	}
	return out, next, nil
}

// maxMerges is the greatest number of successive merges of a taxpayer that are followed.
const maxMerges = 5

// readTaxLogOfCreator reads the bookings of a creator's taxpayer around a month. When several
// creators have the same taxpayer, first is true only for the creator whose settlement was booked
// first, so that the taxpayer is listed once.
func (t *Service) readTaxLogOfCreator(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	c tenancy.Creator, around civil.Month) (log taxLog, first bool, err error) {
	log.into = string(c.TaxpayerID)
	for range maxMerges { // the surviving taxpayer may have been merged again
		if log, err = t.readTaxLog(ctx, tenant, entity, ident.Taxpayer(log.into), around); err != nil ||
			log.into == "" {
			break
		}
	}
	if err != nil {
		return log, false, err
	}
	at := slices.IndexFunc(log.bookings, func(b settlement.Booking) bool {
		return b.Kind == settlement.KindBooking
	})
	if at < 0 {
		return log, len(log.bookings) > 0, nil
	}
	one, err := t.booked.LoadAll(ctx, tenant, []ident.Settlement{log.bookings[at].Settlement})
	return log, len(one) != 1 || one[0].CreatorID == c.CreatorID, err
}

// filedRows returns the tax rows that the filed returns contain (was) and all rows that are booked
// (now). A booking that was decided less than filedmonth.LongestBooking before the filing was
// recorded may have been written after the return was made, and counts as missing from the return.
// A booking for a payment in the month itself is always in the return, because Recorder.Record
// waits until such bookings are written. Rows without an instant are older than the recording of
// filed months and count as filed.
func filedRows(bookings []settlement.Booking,
	returns []filedmonth.FiledMonth) (was, now []tax.Row) {
	for i := range bookings {
		b := &bookings[i]
		for _, r := range b.Rows {
			now = append(now, r)
			at := slices.IndexFunc(returns, func(f filedmonth.FiledMonth) bool {
				return f.Month == lawdiff.MonthOfPeriod(r.Period)
			})
			if at < 0 || b.At.IsZero() ||
				(b.Kind == settlement.KindBooking && b.On.Month() == returns[at].Month) ||
				!b.At.After(returns[at].At.Add(-filedmonth.LongestBooking)) {
				was = append(was, r)
			}
		}
	}
	return was, now
}
