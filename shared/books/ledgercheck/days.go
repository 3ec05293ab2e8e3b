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

// accrualDay is a day of a creator for which something was accrued: what its closing says, and what
// the journal does.
type accrualDay struct {
	day      civil.Date
	closed   money.Amount
	entries  []string
	posted   money.Amount
	entities []ident.Entity // paying entities of the entries; none where no entry is
	buckets  []string       // those that have lines of the day's month
}

// days holds the closed days of the months in which something was accrued against the entries that
// name them.
func (s Service) days(ctx context.Context, tenant ident.Tenant, f facts) ([]accrualDay, error) {
	all := map[civil.Date]*accrualDay{}
	at := func(day civil.Date) *accrualDay {
		if all[day] == nil {
			all[day] = &accrualDay{day: day}
		}
		return all[day]
	}
	for _, e := range f.entries {
		day, ok := incentive.ParseJournalReason(e.Reason)
		if !ok {
			continue
		}
		d := at(day)
		d.entries = append(d.entries, e.ID)
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
				d := at(day)
				d.buckets = append(d.buckets, b.Name())
			}
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	asked := slices.SortedFunc(maps.Keys(all), func(a, b civil.Date) int {
		return strings.Compare(a.String(), b.String())
	})
	closed, err := s.Days.ReadAccruals(ctx, tenant, f.creator, asked)
	if err != nil {
		return nil, err
	}
	out := make([]accrualDay, len(asked))
	for i, day := range asked {
		out[i] = *all[day]
		out[i].closed = closed[day].Cash
	}
	return out, nil
}

// accrualOf begins the name of what was accrued for a day.
const accrualOf = "accrual of "

// checkDays compares what the closing of days accrued with the journal, day by day.
func (f facts) checkDays(d *differences) {
	for _, day := range f.days {
		d.about(append(day.entries, day.buckets...)...).compare(accrualOf+day.day.String(), day.closed,
			day.posted)
	}
}
