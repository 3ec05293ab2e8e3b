package main

import (
	"context"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementdb"
)

// merge is what the master data says of a taxpayer that turned out to be another one.
type merge struct {
	into string
	at   int64
}

// The taxpayers of the run. Two of them may turn out to be one person.
const (
	onePerson = "tp-" + first
	sameOne   = "tp-" + fifth
)

func taxpayers() []string { return []string{onePerson, "tp-" + worker, "tp-" + studio, sameOne} }

// survivor is the taxpayer that one goes on as, as far as the machine of the call has heard.
func (d *directory) survivor(ctx context.Context, tenant ident.Tenant,
	taxpayer ident.Taxpayer) string {
	if m := d.merged[string(tenant+"/")+string(taxpayer)]; d.w.knows(ctx, m.at) {
		return m.into
	}
	return string(taxpayer)
}

func (w *world) wireMerging(tables *settlementdb.Store) {
	w.merging = &settlement.Merging{Service: w.service, Store: tables,
		Entities: func(context.Context, ident.Tenant) ([]string, error) {
			return []string{ordinary, filed}, nil
		}}
}

// planMerge plans that two taxpayers are found to be one person. The second person's yes changes
// the master data; what follows is done by the call, or by the next one.
func (w *world) planMerge(tenant ident.Tenant) {
	w.s.at(w.moment(1, 19), func() {
		w.people.merged[string(tenant+"/"+sameOne)] = merge{onePerson, w.s.now}
		w.trace.add("merge", "%s: %s is %s", tenant, sameOne, onePerson)
		w.carryMerge(tenant, 1)
		if w.s.chance(3) {
			w.faults.count(faultClick)
			w.s.after(w.s.between(0, time.Second), func() { w.carryMerge(tenant, 1) })
		}
	})
}

// carryMerge calls until it is answered.
func (w *world) carryMerge(tenant ident.Tenant, try int) {
	var err error
	w.s.begin(w.task("merge", tenant), func(ctx context.Context) {
		err = w.merging.Carry(ctx, tenant, sameOne, onePerson, admin(tenant))
	}, func(killed bool) {
		w.trace.add("answer", "%s merge: %v", tenant, err)
		switch {
		case err != nil || killed:
			w.s.after(time.Duration(try)*w.s.between(time.Second, 2*time.Minute), func() {
				w.carryMerge(tenant, try+1)
			})
		default:
			w.acts++
		}
	})
}

// checkMerges checks that the list of a merged taxpayer is closed and empty of months not filed,
// that what left it has arrived once in the other one, and that nothing was booked for it any more.
func (b *books) checkMerges() {
	tenant := b.turns.merge
	if tenant == "" {
		return
	}
	for _, entity := range []string{ordinary, filed} {
		theirs, ours := b.lists[person{ident.Tenant(tenant), ident.Entity(entity), sameOne}],
			b.lists[person{ident.Tenant(tenant), ident.Entity(entity), onePerson}]
		if len(theirs) == 0 || theirs[len(theirs)-1].Into != onePerson {
			b.broken("P5", "%s/%s at %s is merged, and its list of %d bookings is not closed", tenant,
				sameOne, entity, len(theirs))
			continue
		}
		arrived := 0
		for _, k := range ours {
			if k.Merged == sameOne {
				arrived++
			}
		}
		if want := min(len(theirs)-1, 1); arrived != want {
			b.broken("P5", "the list of %s/%s at %s arrived %d times in that of %s, not %d times", tenant,
				sameOne, entity, arrived, onePerson, want)
		}
		if arrived > 0 {
			b.paths["merged"]++
		}
		b.checkMoved(ident.Tenant(tenant), ident.Entity(entity), theirs, ours)
	}
	for _, s := range b.settlements {
		if s.Tenant == ident.Tenant(tenant) && s.TaxpayerID == sameOne &&
			(s.Unbooked() || s.Status == settlement.Approved) && !s.Dead() {
			b.broken("P5", "%s/%s waits as %s, who is %s", tenant, s.ID, sameOne, onePerson)
		}
	}
}

// checkMoved checks that rows neither came nor went with the merge.
func (b *books) checkMoved(tenant ident.Tenant, entity ident.Entity, theirs,
	ours []settlement.Booking) {
	returns, err := b.store.FiledMonths(context.Background(), tenant, entity)
	if err != nil {
		b.broken("P5", "%s: %v", tenant, err)
	}
	closedAt := theirs[len(theirs)-1].At
	early := map[civil.Month]bool{}
	for _, f := range returns {
		early[f.Month] = !f.At.After(closedAt)
	}
	moved, stays := map[row]money.Amount{}, map[row]money.Amount{}
	for n, list := range [][]settlement.Booking{theirs, ours} {
		for _, k := range list {
			for _, r := range k.Rows {
				if k.Kind == settlement.KindMerged {
					moved[rowOf(r)] = moved[rowOf(r)].Add(r.Withheld).Add(r.Income)
				}
				if n == 0 && !early[lawdiff.MonthOfPeriod(r.Period)] {
					stays[rowOf(r)] = stays[rowOf(r)].Add(r.Withheld).Add(r.Income)
				}
			}
		}
	}
	for what, sums := range map[string]map[row]money.Amount{"came or went": moved,
		"stays behind": stays} {
		for r, sum := range sums {
			if !sum.IsZero() {
				b.broken("P5", "%s of %+v %s as %s/%s became %s", sum, r, what, tenant, sameOne, onePerson)
			}
		}
	}
}

// row tells tax rows apart.
type row struct{ kind, item, period, project, platform string }

func rowOf(r tax.Row) row { return row{r.Kind, r.Item, r.Period, r.Project, r.Platform} }
