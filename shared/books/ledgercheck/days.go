package ledgercheck

import (
	"context"
	"maps"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
)

// accrualDay is a day with the amount that its closing accrued to a creator, and the amount that
// the journal has for it.
type accrualDay struct {
	day     civil.Date
	closed  money.Amount
	entries []string
	posted  money.Amount
	// entities are the paying entities of the entries.
	entities []ident.Entity
	// buckets are the names of the buckets with income of the day's month.
	buckets []string
}

// readAccrualDays reads the closings of all days of the months in which something was accrued to a
// creator, and pairs each closing with the journal entries of its day.
func (s Service) readAccrualDays(ctx context.Context, tenant ident.Tenant,
	f facts) ([]accrualDay, error) {
	byDay := f.collectAccrualDays()
	if len(byDay) == 0 {
		return nil, nil
	}
	days := slices.SortedFunc(maps.Keys(byDay), func(a, b civil.Date) int {
		return strings.Compare(a.String(), b.String())
	})
	closed, err := s.Days.ReadAccruals(ctx, tenant, f.creator, days)
	if err != nil {
		return nil, err
	}
	out := make([]accrualDay, len(days))
	for i, day := range days {
		out[i] = *byDay[day]
		out[i].closed = closed[day].Cash
	}
	return out, nil
}

// collectAccrualDays collects the days for which the journal has accruals, and all days of the
// months of accrued income buckets: a day without an entry may have a closing that was not posted.
func (f facts) collectAccrualDays() map[civil.Date]*accrualDay {
	byDay := map[civil.Date]*accrualDay{}
	find := func(day civil.Date) *accrualDay {
		if byDay[day] == nil {
			byDay[day] = &accrualDay{day: day}
		}
		return byDay[day]
	}
	for _, e := range f.entries {
		day, ok := incentive.ParseJournalReason(e.Reason)
		if !ok {
			continue
		}
		d := find(day)
		d.entries = append(d.entries, e.ID)
		// An accrual is a credit, which the journal has as a negative amount.
		d.posted = d.posted.Sub(ledger.SumByAccount([]ledger.Entry{e})[ledger.CreatorAccrued])
		if !slices.Contains(d.entities, e.Entity) {
			d.entities = append(d.entities, e.Entity)
		}
	}
	for _, b := range f.buckets {
		if b.Source != income.SourceAccrued {
			continue
		}
		for month := range b.LinesByMonth {
			for day := month.First(); day.Month() == month; day = day.AddDays(1) {
				d := find(day)
				d.buckets = append(d.buckets, b.Name())
			}
		}
	}
	return byDay
}

// accrualPrefix begins the name of the sum that was accrued for a day.
const accrualPrefix = "accrual of "

// compareDays compares the amount that each day's closing accrued with the journal.
func (f facts) compareDays(d *differences) {
	for _, day := range f.days {
		d.subjectOf(append(day.entries, day.buckets...)...).compare(accrualPrefix+day.day.String(),
			day.closed,
			day.posted)
	}
}
