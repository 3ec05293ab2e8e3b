package promises

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"fenzhang/local/simulate/people"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

// payerAtEntity is a taxpayer at a paying entity; taxes are computed and filed for each such pair.
type payerAtEntity struct {
	tenant   ident.Tenant
	entity   ident.Entity
	taxpayer ident.Taxpayer
}

// taxYear is the year of all runs.
const taxYear = 2026

// taxLists are the tax bookings of all taxpayers of the run.
type taxLists map[payerAtEntity][]settlement.Booking

// readTaxes reads the tax bookings of all taxpayers.
func (b *Examiner) readTaxes() {
	b.lists = taxLists{}
	for _, t := range b.actors.Directory.TenantIDs {
		for _, entity := range []string{people.OrdinaryEntity, people.PlatformEntity} {
			for _, payer := range people.Taxpayers() {
				list, err := b.sys.Store.TaxRows(context.Background(), ident.Tenant(t), ident.Entity(entity),
					ident.Taxpayer(payer), taxYear)
				if err != nil {
					b.world.ReportBroken("P5", "%s/%s: %v", t, payer, err)
				}
				if len(list) > 0 {
					b.lists[payerAtEntity{ident.Tenant(t), ident.Entity(entity), ident.Taxpayer(payer)}] = list
				}
			}
		}
	}
}

// checkTaxes checks promise P5: the tax rows of each settlement are those of its booking, and the
// tax withheld in a month is what the rules give on the total of the month.
func (b *Examiner) checkTaxes() {
	of := map[payerAtEntity][]settlement.Settlement{}
	for _, id := range slices.Sorted(maps.Keys(b.settlements)) {
		s := b.settlements[id]
		// a merge moves the settlements of a taxpayer to the survivor
		p := payerAtEntity{s.Tenant, s.Entity,
			ident.Taxpayer(b.actors.Directory.SurvivorOf(context.Background(), s.Tenant, s.TaxpayerID))}
		of[p] = append(of[p], s)
	}
	for p, ss := range of {
		bookings := settlement.BookingsOfPerson(b.lists[p])
		for _, s := range ss {
			b.checkTaxRows(s, bookings)
		}
		b.checkTaxMonths(p, ss, bookings)
	}
}

// checkTaxRows compares the tax rows of a settlement with the figures of its booking.
func (b *Examiner) checkTaxRows(s settlement.Settlement, bookings []settlement.Booking) {
	got := rowSums{withheld: map[string]money.Amount{}}
	for _, k := range bookings {
		if k.Settlement == ident.Settlement(s.ID) {
			got.add(k.Rows)
		}
	}
	want := rowSums{withheld: map[string]money.Amount{}}
	if s.IsBooked() {
		f, err := b.readFigures(s, s.Booking)
		if err != nil {
			b.world.ReportBroken("P5", "%s: %v", s.ID, err)
			return
		}
		want.add(f.Rows)
	}
	for _, kinds := range []map[string]money.Amount{got.withheld, want.withheld} {
		for kind := range kinds {
			if got.withheld[kind] != want.withheld[kind] {
				b.world.ReportBroken("P5", "%s/%s: the rows of %s come to %s, its booking says %s",
					s.Tenant, s.ID, kind, got.withheld[kind], want.withheld[kind])
			}
		}
	}
	if got.income != want.income {
		b.world.ReportBroken("P5", "%s/%s: the rows have an income of %s, its booking of %s", s.Tenant,
			s.ID, got.income, want.income)
	}
}

// rowSums adds up tax rows: the tax withheld by kind of tax, and the income.
type rowSums struct {
	withheld map[string]money.Amount
	income   money.Amount
}

// add adds some tax rows.
func (sums *rowSums) add(rows []tax.Row) {
	for _, r := range rows {
		sums.withheld[r.Kind] = sums.withheld[r.Kind].Add(r.Withheld)
		sums.income = sums.income.Add(r.Income)
	}
}

// taxMonth is a month of a taxpayer's income item, at one platform.
type taxMonth struct{ item, platform, period string }

// checkTaxMonths checks every month of a taxpayer. A difference between the tax withheld and the
// tax by the rules is allowed only after a reversal, a merge or a change of the rules, and must be
// an open true-up.
func (b *Examiner) checkTaxMonths(p payerAtEntity, ss []settlement.Settlement,
	bookings []settlement.Booking) {
	merged := slices.ContainsFunc(b.lists[p], func(k settlement.Booking) bool {
		return k.Kind == settlement.KindMerged
	})
	reversed := merged || b.world.KnowsOfChange(context.Background(), b.actors.Laws.Changed)
	withheld := map[taxMonth]money.Amount{}
	var others []tax.Row
	for _, k := range bookings {
		reversed = reversed || k.Kind == settlement.KindReversal
		for _, r := range k.Rows {
			others = append(others, r)
			if r.Kind == tax.IIT {
				m := taxMonth{r.Item, r.Platform, r.Period}
				withheld[m] = withheld[m].Add(r.Withheld)
			}
		}
	}
	for m, sum := range withheld {
		if reversed && tax.IsCumulative(m.item, "natural_person") {
			continue // a cumulative formula never gives tax back within the year: the annual settlement does
		}
		b.checkTaxMonth(p, ss, others, m, sum, reversed)
	}
}

// checkTaxMonth compares the tax withheld in a month with the tax that the rules give when the
// month's total is taxed at once. A difference must be an open true-up when mayDiffer, and is an
// error otherwise.
func (b *Examiner) checkTaxMonth(p payerAtEntity, ss []settlement.Settlement, rows []tax.Row,
	m taxMonth,
	withheld money.Amount, mayDiffer bool) {
	last, total, err := b.monthTotal(ss, m)
	if err != nil {
		b.world.ReportBroken("P5", "%v", err)
		return
	}
	if last.ID == "" && mayDiffer { // all settlements of the month were reversed
		b.checkOpenTrueUp(p, m, money.Amount{}, withheld)
		return
	}
	want, err := b.taxByRules(p, last, total, rows, m)
	switch {
	case err != nil:
		b.world.ReportBroken("P5", "%+v %+v: %v", p, m, err)
	case want == withheld:
	case mayDiffer:
		b.checkOpenTrueUp(p, m, want, withheld)
	default:
		b.world.ReportBroken("P5", "%s %s %s: %s withheld on %s in %s, the rules give %s", p.tenant,
			p.taxpayer, m.item, withheld, total, m.period, want)
	}
}

// monthTotal returns the settlement that was paid last of those booked in a month, and what their
// creator earned in sum.
func (b *Examiner) monthTotal(ss []settlement.Settlement, m taxMonth) (last settlement.Settlement,
	total money.Amount, err error) {
	for _, s := range ss {
		if !s.IsBooked() || s.CreatorShare().IsZero() {
			continue
		}
		f, err := b.readFigures(s, s.Booking)
		if err != nil {
			return last, total, fmt.Errorf("%s: %w", s.ID, err)
		}
		if !slices.ContainsFunc(f.Rows, func(r tax.Row) bool {
			return r.Kind == tax.IIT && (taxMonth{r.Item, r.Platform, r.Period}) == m
		}) {
			continue
		}
		total = total.Add(s.CreatorShare())
		if last.ID == "" || last.PaymentDate.Before(s.PaymentDate) {
			last = s
		}
	}
	return last, total, nil
}

// taxByRules computes the income tax on the total of a month, with the facts of the last settlement
// and the rows of the earlier months.
func (b *Examiner) taxByRules(p payerAtEntity, last settlement.Settlement, total money.Amount,
	rows []tax.Row, m taxMonth) (money.Amount, error) {
	ctx := context.Background()
	entity, err1 := b.actors.Directory.Entity(ctx, p.tenant, p.entity, last.PaymentDate)
	payer, err2 := b.actors.Directory.Taxpayer(ctx, p.tenant, p.taxpayer)
	profile, ok := payer.ProfileOn(last.PaymentDate)
	if last.ID == "" || err1 != nil || err2 != nil || !ok {
		return money.Amount{}, errors.New("rows of no settlement")
	}
	facts := settlement.FactsOf(last.Opening, entity, profile, nil, last.PaymentDate)
	facts.Amount = total
	var before []tax.Row
	for _, r := range rows {
		if r.Kind == tax.IIT && r.Period < m.period && r.Item == m.item {
			before = append(before, r)
		}
	}
	res, err := b.sys.Taxes.Rules.Current(ctx).Corpus.ComputeRows(facts, before)
	var want money.Amount
	for _, r := range res.Rows {
		if r.Kind == tax.IIT {
			want = want.Add(r.Withheld)
		}
	}
	return want, err
}

// checkOpenTrueUp checks that a difference is recorded as an open true-up of the same amount.
func (b *Examiner) checkOpenTrueUp(p payerAtEntity, m taxMonth, want, sum money.Amount) {
	b.paths["true-up"]++
	if up, err := b.openTrueUp(p, m); err != nil || up != want.Sub(sum) {
		b.world.ReportBroken("P5", "%s %s %s: %s withheld in %s, the rules give %s, open are %s (%v)",
			p.tenant,
			p.taxpayer, m.item, sum, m.period, want, up, err)
	}
}

// openTrueUp returns the sum of the open true-ups of a taxpayer's month and item.
func (b *Examiner) openTrueUp(p payerAtEntity, m taxMonth) (money.Amount, error) {
	list, err := b.sys.TrueUps.OfTaxpayer(context.Background(), p.tenant, p.entity, p.taxpayer,
		civil.MustDate("2026-12-01").Month())
	var sum money.Amount
	for i := range list {
		if u := &list[i]; u.Item == m.item && u.Period == m.period && u.Tax == tax.IIT {
			sum = sum.Add(u.Difference)
		}
	}
	return sum, err
}
