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

// Amended is a taxpayer whose filed returns differ from what is booked now (更正申报清单).
type Amended struct {
	Taxpayer ident.Taxpayer      `json:"taxpayer_id"`
	Months   []lawdiff.Amendment `json:"months"`
}

// Amendments lists the returns of a paying entity that must be filed again, of a month and later
// affected ones: for the taxpayers of the next creators after the cursor.
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
		log, first, err := t.logOfCreator(ctx, tenant, entity, c, from)
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

// maxMerges bounds how many merges one after another are followed.
const maxMerges = 5

// logOfCreator reads what was booked for a creator's taxpayer around a month. Of several creators
// with one taxpayer, first is true of the one whose settlement was booked first, so that the
// taxpayer is listed once.
func (t *Service) logOfCreator(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	c tenancy.Creator, around civil.Month) (log taxLog, first bool, err error) {
	log.into = string(c.TaxpayerID)
	for range maxMerges { // merged, and merged again
		if log, err = t.logOf(ctx, tenant, entity, ident.Taxpayer(log.into), around); err != nil ||
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

// filedRows gives the rows that the returns were made of, and those that stand. What was decided
// less than filedmonth.LongestBooking before a filing was recorded may have been written after it,
// and no return is made in so short a time: it counts as late. A payment of the month itself was
// decided before the month had ended, which File waits for; and rows that say no instant are older
// than the recording of filed months.
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
