package promises

import (
	"context"
	"maps"
	"slices"

	"fenzhang/local/simulate/people"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

// payerAtEntity is a taxpayer at a paying entity.
type payerAtEntity struct {
	tenant   ident.Tenant
	entity   ident.Entity
	taxpayer ident.Taxpayer
}

// taxYear is the year that runs are played in.
const taxYear = 2026

// taxLists are the tax rows of all taxpayers of the run, as they lie in their lists.
type taxLists map[payerAtEntity][]settlement.Booking

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

// checkTaxes checks promise P5: the rows of each settlement are those of the booking that stands,
// and what was withheld in a month is what the rules give on the month's total.
func (b *Examiner) checkTaxes() {
	of := map[payerAtEntity][]settlement.Settlement{}
	for _, id := range slices.Sorted(maps.Keys(b.settlements)) {
		s := b.settlements[id]
		p := payerAtEntity{s.Tenant, s.Entity,
			ident.Taxpayer(b.actors.Directory.SurvivorOf(context.Background(), s.Tenant, s.TaxpayerID))}
		of[p] = append(of[p], s)
	}
	for p, ss := range of {
		bookings := settlement.Whole(b.lists[p])
		for _, s := range ss {
			b.checkRows(s, bookings)
		}
		b.checkMonths(p, ss, bookings)
	}
}

// checkRows compares what stands of a settlement in the tax rows with the figures of its booking.
func (b *Examiner) checkRows(s settlement.Settlement, bookings []settlement.Booking) {
	withheld, want := map[string]money.Amount{}, map[string]money.Amount{}
	income, wantIncome := money.Amount{}, money.Amount{}
	for _, k := range bookings {
		if k.Settlement != ident.Settlement(s.ID) {
			continue
		}
		for _, r := range k.Rows {
			withheld[r.Kind] = withheld[r.Kind].Add(r.Withheld)
			income = income.Add(r.Income)
		}
	}
	if s.BookingStands() {
		f, err := b.readFigures(s, s.Booking)
		if err != nil {
			b.world.ReportBroken("P5", "%s: %v", s.ID, err)
			return
		}
		for _, r := range f.Rows {
			want[r.Kind] = want[r.Kind].Add(r.Withheld)
			wantIncome = wantIncome.Add(r.Income)
		}
	}
	for kind := range withheld {
		if withheld[kind] != want[kind] {
			b.world.ReportBroken("P5", "%s/%s: the rows of %s come to %s, its booking says %s", s.Tenant,
				s.ID, kind,
				withheld[kind], want[kind])
		}
	}
	for kind := range want {
		if withheld[kind] != want[kind] {
			b.world.ReportBroken("P5", "%s/%s: the rows of %s come to %s, its booking says %s", s.Tenant,
				s.ID, kind,
				withheld[kind], want[kind])
		}
	}
	if income != wantIncome {
		b.world.ReportBroken("P5", "%s/%s: the rows tell of an income of %s, its booking of %s",
			s.Tenant, s.ID,
			income, wantIncome)
	}
}

// taxMonth is a taxpayer's month and item.
type taxMonth struct{ item, platform, period string }

// checkMonths taxes each month's total at once and compares: what was withheld is that, or what
// differs stands as an open true-up, which only a booking that was taken back, a merge or other
// rules leave behind.
func (b *Examiner) checkMonths(p payerAtEntity, ss []settlement.Settlement,
	bookings []settlement.Booking) {
	merged := slices.ContainsFunc(b.lists[p], func(k settlement.Booking) bool {
		return k.Kind == settlement.KindMerged
	})
	reversed := merged || b.world.HasHeard(context.Background(), b.actors.Laws.Changed)
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
			continue // what is above the formula's highest value waits for the annual settlement
		}
		b.checkMonth(p, ss, others, m, sum, reversed)
	}
}

func (b *Examiner) checkMonth(p payerAtEntity, ss []settlement.Settlement, rows []tax.Row, m taxMonth,
	sum money.Amount, reversed bool) {
	ctx := context.Background()
	var last settlement.Settlement
	var total money.Amount
	for _, s := range ss {
		if !s.BookingStands() || s.CreatorShare().IsZero() {
			continue
		}
		f, err := b.readFigures(s, s.Booking)
		if err != nil {
			b.world.ReportBroken("P5", "%s: %v", s.ID, err)
			return
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
	if last.ID == "" && reversed {
		b.checkOpenTrueUp(p, m, money.Amount{}, sum)
		return
	}
	entity, err1 := b.actors.Directory.Entity(ctx, p.tenant, p.entity, last.PaymentDate)
	payer, err2 := b.actors.Directory.Taxpayer(ctx, p.tenant, p.taxpayer)
	profile, ok := payer.ProfileOn(last.PaymentDate)
	if last.ID == "" || err1 != nil || err2 != nil || !ok {
		b.world.ReportBroken("P5", "%+v %+v: rows of no settlement", p, m)
		return
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
	if err != nil {
		b.world.ReportBroken("P5", "%+v %+v: %v", p, m, err)
		return
	}
	var want money.Amount
	for _, r := range res.Rows {
		if r.Kind == tax.IIT {
			want = want.Add(r.Withheld)
		}
	}
	switch {
	case want == sum:
	case reversed:
		b.checkOpenTrueUp(p, m, want, sum)
	default:
		b.world.ReportBroken("P5", "%s %s %s: %s withheld on %s in %s, the rules give %s", p.tenant,
			p.taxpayer,
			m.item, sum, total, m.period, want)
	}
}

// checkOpenTrueUp checks that what differs stands as an open true-up.
func (b *Examiner) checkOpenTrueUp(p payerAtEntity, m taxMonth, want, sum money.Amount) {
	b.paths["true-up"]++
	if up, err := b.openTrueUp(p, m); err != nil || up != want.Sub(sum) {
		b.world.ReportBroken("P5", "%s %s %s: %s withheld in %s, the rules give %s, open are %s (%v)",
			p.tenant,
			p.taxpayer, m.item, sum, m.period, want, up, err)
	}
}

// openTrueUp is the difference that stands as an open true-up of a taxpayer's month and item.
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
