package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// person is a taxpayer at a paying entity.
type person struct {
	tenant   ident.Tenant
	entity   ident.Entity
	taxpayer ident.Taxpayer
}

// checkTaxes checks promise P5: the rows of each settlement are those of the booking that stands,
// and what was withheld in a month is what the rules give on the month's total.
func (b *books) checkTaxes() {
	of := map[person][]settlement.Settlement{}
	for _, id := range slices.Sorted(maps.Keys(b.settlements)) {
		s := b.settlements[id]
		p := person{s.Tenant, s.Entity,
			ident.Taxpayer(b.people.survivor(context.Background(), s.Tenant, s.TaxpayerID))}
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
func (b *books) checkRows(s settlement.Settlement, bookings []settlement.Booking) {
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
		f, err := b.figures(s, s.Booking)
		if err != nil {
			b.broken("P5", "%s: %v", s.ID, err)
			return
		}
		for _, r := range f.Rows {
			want[r.Kind] = want[r.Kind].Add(r.Withheld)
			wantIncome = wantIncome.Add(r.Income)
		}
	}
	for kind := range withheld {
		if withheld[kind] != want[kind] {
			b.broken("P5", "%s/%s: the rows of %s come to %s, its booking says %s", s.Tenant, s.ID, kind,
				withheld[kind], want[kind])
		}
	}
	for kind := range want {
		if withheld[kind] != want[kind] {
			b.broken("P5", "%s/%s: the rows of %s come to %s, its booking says %s", s.Tenant, s.ID, kind,
				withheld[kind], want[kind])
		}
	}
	if income != wantIncome {
		b.broken("P5", "%s/%s: the rows tell of an income of %s, its booking of %s", s.Tenant, s.ID,
			income, wantIncome)
	}
}

// monthOf is a taxpayer's month and item.
type monthOf struct{ item, platform, period string }

// checkMonths taxes each month's total at once and compares: what was withheld is that, or what
// differs stands as an open true-up, which only a booking that was taken back, a merge or other
// rules leave behind.
func (b *books) checkMonths(p person, ss []settlement.Settlement, bookings []settlement.Booking) {
	merged := slices.ContainsFunc(b.lists[p], func(k settlement.Booking) bool {
		return k.Kind == settlement.KindMerged
	})
	reversed := merged || b.knows(context.Background(), b.laws.changed)
	withheld := map[monthOf]money.Amount{}
	var others []tax.Row
	for _, k := range bookings {
		reversed = reversed || k.Kind == settlement.KindReversal
		for _, r := range k.Rows {
			others = append(others, r)
			if r.Kind == tax.IIT {
				m := monthOf{r.Item, r.Platform, r.Period}
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

func (b *books) checkMonth(p person, ss []settlement.Settlement, rows []tax.Row, m monthOf,
	sum money.Amount, reversed bool) {
	ctx := context.Background()
	var last settlement.Settlement
	var total money.Amount
	for _, s := range ss {
		if !s.BookingStands() || s.CreatorShare().IsZero() {
			continue
		}
		f, err := b.figures(s, s.Booking)
		if err != nil {
			b.broken("P5", "%s: %v", s.ID, err)
			return
		}
		if !slices.ContainsFunc(f.Rows, func(r tax.Row) bool {
			return r.Kind == tax.IIT && (monthOf{r.Item, r.Platform, r.Period}) == m
		}) {
			continue
		}
		total = total.Add(s.CreatorShare())
		if last.ID == "" || last.PaymentDate.Before(s.PaymentDate) {
			last = s
		}
	}
	if last.ID == "" && reversed {
		b.checkOpen(p, m, money.Amount{}, sum)
		return
	}
	entity, err1 := b.people.Entity(ctx, p.tenant, p.entity, last.PaymentDate)
	payer, err2 := b.people.Taxpayer(ctx, p.tenant, p.taxpayer)
	profile, ok := payer.ProfileOn(last.PaymentDate)
	if last.ID == "" || err1 != nil || err2 != nil || !ok {
		b.broken("P5", "%+v %+v: rows of no settlement", p, m)
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
	res, err := b.taxes.Rules.Current(ctx).Corpus.ComputeRows(facts, before)
	if err != nil {
		b.broken("P5", "%+v %+v: %v", p, m, err)
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
		b.checkOpen(p, m, want, sum)
	default:
		b.broken("P5", "%s %s %s: %s withheld on %s in %s, the rules give %s", p.tenant, p.taxpayer,
			m.item, sum, total, m.period, want)
	}
}

// checkOpen checks that what differs stands as an open true-up.
func (b *books) checkOpen(p person, m monthOf, want, sum money.Amount) {
	b.paths["true-up"]++
	if up, err := b.trueUp(p, m); err != nil || up != want.Sub(sum) {
		b.broken("P5", "%s %s %s: %s withheld in %s, the rules give %s, open are %s (%v)", p.tenant,
			p.taxpayer, m.item, sum, m.period, want, up, err)
	}
}

// checkRewards checks promise P6: counters, day closes and accruals are the fold of the recorded
// events.
func (b *books) checkRewards() {
	type day struct {
		tenant  ident.Tenant
		creator ident.Creator
		on      civil.Date
	}
	entries := map[day][]incentive.Entry{}
	digests := map[string]string{}
	closed := map[day]money.Amount{}
	for it := range b.db.Items(incentivesTable) {
		k := keys.Key{PK: pkOf(it), SK: textOf(it, "sk")}
		tenant, event, isEvent := keys.ParseEvent(k)
		switch {
		case isEvent:
			digests[tenant+"/"+event] = textOf(it, "h")
			seen, err := eventOf(it)
			if err != nil {
				b.broken("P6", "event %s: %v", event, err)
				continue
			}
			d := day{ident.Tenant(tenant), seen.Event.CreatorID, seen.Event.Day()}
			entries[d] = append(entries[d], incentive.Entry{EventID: event, Grant: seen.Grant})
		case strings.HasSuffix(k.SK, "#CLOSED"):
			parts := strings.Split(k.PK, "#") // T, tenant, D, day, shard
			closed[day{ident.Tenant(parts[1]), ident.Creator(strings.TrimSuffix(k.SK, "#CLOSED")),
				civil.MustDate(parts[3])}] = money.Fen(number(it, "cash"))
		}
	}
	for _, p := range b.promised.events {
		if digests[string(p.tenant+"/")+p.id] != p.digest {
			b.broken("P9", "event %s of %s was answered as recorded and is not there", p.id, p.tenant)
		}
	}
	accrued := map[[2]string]money.Amount{}
	for d, es := range entries {
		want := naive(es)
		accrued[[2]string{string(d.tenant), string(d.creator)}] = accrued[[2]string{string(d.tenant),
			string(d.creator)}].Add(want)
		if closed[d] != want {
			b.broken("P6", "%s/%s on %s: %s accrued, the events give %s", d.tenant, d.creator, d.on,
				closed[d], want)
		}
		c, err := b.counters.CountDay(context.Background(), d.tenant, d.creator, d.on)
		if err != nil || c.Cash != want || c.Events != len(es) {
			b.broken("P6", "%s/%s on %s: counted %s of %d events, the events give %s of %d (%v)", d.tenant,
				d.creator, d.on, c.Cash, c.Events, want, len(es), err)
		}
		delete(closed, d)
	}
	for d := range closed {
		b.broken("P6", "%s/%s on %s was closed without events", d.tenant, d.creator, d.on)
	}
	posted := map[[2]string]money.Amount{}
	for _, e := range b.entries {
		if strings.HasPrefix(e.Reason, "incentives of ") {
			for _, p := range e.Postings {
				if p.Account == ledger.CreatorAccrued {
					k := [2]string{string(e.Tenant), string(e.CreatorID)}
					posted[k] = posted[k].Sub(p.Amount)
				}
			}
		}
	}
	for _, t := range b.people.tenants {
		for _, c := range creatorNames() {
			if k := [2]string{t, c}; posted[k] != accrued[k] {
				b.broken("P6", "%s/%s: %s posted for incentives, the events give %s", t, c, posted[k],
					accrued[k])
			}
		}
	}
}

// naive adds up a day by itself: each strategy's cash up to its cap.
func naive(es []incentive.Entry) money.Amount {
	sums, limits := map[string]int64{}, map[string]int64{}
	for _, e := range es {
		if e.Grant != nil && e.Grant.Kind == incentive.Cash {
			sums[e.Grant.Strategy] += e.Grant.Amount.Fen()
			limits[e.Grant.Strategy] = e.Grant.DailyCap
		}
	}
	var all int64
	for id, n := range sums {
		if limits[id] > 0 {
			n = min(n, limits[id])
		}
		all += n
	}
	return money.Fen(all)
}

func eventOf(it map[string]types.AttributeValue) (incentive.StreamedEvent, error) {
	seen, ok, err := incentivedb.ParseStreamRecord(recordOf(it))
	if err == nil && !ok {
		err = fmt.Errorf("item %s is no event", pkOf(it))
	}
	return seen, err
}
