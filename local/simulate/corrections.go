package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/lawdiffapi"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/settlementdb"
	"fenzhang/shared/settlement/trueup"
	"fenzhang/shared/settlement/trueup/trueupapi"
)

// amending is what people do about taxes that were withheld otherwise than the rules give.
type amending struct {
	trueUps trueupapi.API
	diffs   lawdiffapi.API
	asked   int
	seen    int // how much was written when the desk looked last
}

// Routes are the routes of compute-tax for it.
func (a amending) Routes() []httpapi.Route {
	return slices.Concat(a.trueUps.Routes(), a.diffs.Routes())
}

func (w *world) wireTaxes(tables *settlementdb.Store, now clock.Clock, l law) {
	w.amending.trueUps = trueupapi.API{TrueUps: w.closing.trueUps, Calendar: l.calendar, Clock: now}
	w.amending.diffs = lawdiffapi.API{TrueUps: w.closing.trueUps, Settlements: w.store,
		Directory: w.people, Calendar: l.calendar, Clock: now}
	w.wireMerging(tables)
}

// planTaxes plans what happens to the taxes of a tenant beside its settlements.
func (w *world) planTaxes(tenant ident.Tenant) {
	if tenant == ident.Tenant(w.turns.merge) {
		w.planMerge(tenant)
	}
	if tenant != ident.Tenant(w.turns.desk) {
		return
	}
	for _, last := range []int{12, 20, 21} {
		w.s.at(w.moment(last-7, last), func() { w.taxDesk(tenant) })
	}
	w.s.at(w.moment(7, 13), func() { w.office(tenant) })
	for n := range 4 {
		// several payments of one person, of which some fail, so that others were taxed on top of them
		p := w.payable(tenant, 100+n)
		p.creator, p.amount = ident.Creator(one(w.s, []string{first, second})),
			money.Fen(1_500_000+w.s.rng.Int64N(6_000_000))
		w.planPayable(p, w.moment(0, 12))
	}
	if w.s.chance(2) {
		w.laws.changed = w.moment(2, 14).UnixNano()
	}
}

// givesUp tells that nobody pays again what a payout of the desk's tenant did not bring: its taxes
// were taken back, and what others were taxed on top of it stands as an open true-up.
func (w *world) givesUp(s settlement.Settlement) bool {
	return s.Tenant == ident.Tenant(w.turns.desk) && s.Status == settlement.Failed && s.ID < "st-c"
}

// lastMonth is the last one that a run books in.
const lastMonth = "2026-09"

// taxDesk has finance look at the open true-ups of a tenant and do what is to be done of each.
func (w *world) taxDesk(tenant ident.Tenant) {
	if w.amending.seen == w.streams.written() {
		return
	}
	w.amending.seen = w.streams.written()
	for _, entity := range []string{ordinary, filed} {
		w.see(caller{tenant, "finance"}, "true-ups", "/v1/tax/true-ups?paying_entity="+entity+"&month="+
			lastMonth, func(answer string) {
			var list struct {
				Open []trueup.TrueUp `json:"true_ups"`
			}
			if err := json.Unmarshal([]byte(answer), &list); err != nil {
				w.broken("simulator", "true-ups cannot be read: %v in %s", err, answer)
			}
			corrected := map[string]bool{}
			for i := range list.Open {
				w.lookAt(tenant, &list.Open[i], corrected)
			}
		})
	}
	if w.s.chance(3) {
		w.see(caller{tenant, "auditor"}, "amendments", "/v1/tax/amendments?paying_entity="+ordinary+
			"&month="+closedMonth, func(string) {})
	}
}

// lookAt is what people do with one open true-up: what another law explains is corrected, of the
// others one person decides and another confirms.
func (w *world) lookAt(tenant ident.Tenant, u *trueup.TrueUp, corrected map[string]bool) {
	// who decides on no settlement that bears it
	finance, other := caller{tenant, "finance"},
		caller{tenant, one(w.s, []string{"admin", "approver-9"})}
	now := time.Unix(0, w.s.now)
	second := now.Add(w.s.between(time.Second, 3*time.Hour))
	if w.faults.over {
		second = now.Add(5 * time.Minute)
	}
	path := "/v1/tax/true-ups/" + u.ID
	switch {
	case u.Decided:
	case u.Cause == trueup.CauseLaw && !w.isFiled(u) &&
		corrected[string(u.Taxpayer)]: // one correction is of a whole year
	case u.Cause == trueup.CauseLaw && !w.isFiled(u):
		corrected[string(u.Taxpayer)] = true
		w.amending.asked++
		id := fmt.Sprintf("cor-%s-%d", tenant, w.amending.asked)
		w.ask(now, finance, "correct", "/v1/tax/diffs/post",
			fmt.Sprintf(`{"correction_id":%q,"entity":%q,"taxpayer":%q,"year":2026,"reason":"the share has changed"}`, id, u.Entity, u.Taxpayer))
		w.ask(second, other, "post-correction", "/v1/tax/diffs/post/"+id+"/approve", "")
	case u.Decision != nil && u.Decision.Difference == u.Difference:
		w.ask(second, other, "confirm-true-up", path+"/confirm", "")
	default:
		decision := trueup.Collect
		switch {
		case u.Missing != "" || w.s.chance(5):
			decision = trueup.LeaveToAnnual
		case u.Difference.Negative():
			decision = trueup.GiveBack
		}
		w.ask(now, finance, "decide-true-up", path+"/decide",
			fmt.Sprintf(`{"decision":%q,"reason":"found on the list"}`, decision))
		w.ask(second, other, "confirm-true-up", path+"/confirm", "")
	}
}

// isFiled tells whether finance has recorded that the month of a true-up is filed.
func (w *world) isFiled(u *trueup.TrueUp) bool {
	tenant := w.turns.desk
	returns, err := w.store.FiledMonths(context.Background(), ident.Tenant(tenant), u.Entity)
	return err == nil && filedmonth.Lookup(returns)(u.Month())
}

// fails decides whether a payout of a tenant fails: more often where the desk has to find what that
// does to the taxes of others, and on the first day of rest too.
func (w *world) fails(tenant ident.Tenant) bool {
	if tenant == ident.Tenant(w.turns.desk) {
		return w.s.now < w.plan.end.Add(2*time.Hour).UnixNano() && w.s.chance(3)
	}
	return !w.faults.over && w.s.chance(8)
}

// postedPromise is an act of the desk that was answered with 2xx.
type postedPromise struct {
	tenant           ident.Tenant
	name, act, state string
}

// noteTaxAct remembers what the desk was answered.
func (w *world) noteTaxAct(c caller, name, answer string) {
	if !slices.Contains([]string{"correct", "post-correction", "decide-true-up", "confirm-true-up"},
		name) {
		return
	}
	var a struct {
		Act   string `json:"transition_id"`
		State string `json:"state"`
	}
	if err := json.Unmarshal([]byte(answer), &a); err != nil {
		w.broken("simulator", "answer to %s cannot be read: %s", name, answer)
		return
	}
	if a.Act != "" {
		w.promised.posted = append(w.promised.posted, postedPromise{c.tenant, name, a.Act, a.State})
	}
}

// taxLists are the tax rows of all taxpayers of the run, as they lie in their lists.
type taxLists map[person][]settlement.Booking

func (b *books) readTaxes() {
	b.lists = taxLists{}
	for _, t := range b.people.tenants {
		for _, entity := range []string{ordinary, filed} {
			for _, payer := range taxpayers() {
				list, err := b.store.TaxRows(context.Background(), ident.Tenant(t), ident.Entity(entity),
					ident.Taxpayer(payer), taxYear)
				if err != nil {
					b.broken("P5", "%s/%s: %v", t, payer, err)
				}
				if len(list) > 0 {
					b.lists[person{ident.Tenant(t), ident.Entity(entity), ident.Taxpayer(payer)}] = list
				}
			}
		}
	}
}

// taxYear is the year that runs are played in.
const taxYear = 2026

// posting is what decisions and corrections of an act have left behind.
type posting struct {
	// of taxes: rows, credited to taxes payable, owed by creators less owed back
	rows, journal, claimed money.Amount
	bookings               int
}

// checkCorrections checks that each decision and correction that was posted stands whole: rows,
// journal and claim say the same, once; that none stands without an act of two people; and that
// nothing stays open that nobody has decided.
func (b *books) checkCorrections() {
	found := map[string]*posting{}
	at := func(id string) *posting {
		if found[id] == nil {
			found[id] = &posting{}
		}
		return found[id]
	}
	for p, list := range b.lists {
		for _, k := range list {
			if k.Kind != settlement.KindDecided && k.Kind != settlement.KindTrueUp {
				continue
			}
			of := at(string(p.tenant+"/") + k.EntryID)
			of.bookings++
			for _, r := range k.Rows {
				of.rows = of.rows.Add(r.Withheld)
			}
		}
	}
	for _, e := range b.entries {
		if actOf(e) == e.ID && !strings.HasPrefix(e.Reason, "true-up decided") {
			continue
		}
		of := at(string(e.Tenant+"/") + actOf(e))
		for _, x := range e.Postings {
			if x.Account.IsTaxPayable() {
				of.journal = of.journal.Sub(x.Amount)
			}
		}
	}
	if len(found) > 0 {
		b.sumClaims(at)
	}
	for id, r := range b.records {
		switch r.Act {
		case "tax.true_up_posted", "tax.corrected":
			b.paths[map[string]string{"tax.true_up_posted": "decided",
				"tax.corrected": "corrected"}[r.Act]]++
			if of := at(id); of.bookings != 1 || of.rows != of.journal || of.rows != of.claimed {
				b.broken("P5", "%s %s is in %d lists with %s, in the journal with %s, in claims with %s", r.Act,
					id, of.bookings, of.rows, of.journal, of.claimed)
			}
			delete(found, id)
		case "tax.true_up_left":
			b.paths["left to the year"]++
		}
	}
	for id, of := range found {
		b.broken("P5", "%s stands without a decision: %+v", id, *of)
	}
	for _, p := range b.promised.posted {
		r, ok := b.records[string(p.tenant+"/")+p.act]
		posts := r.Act == "tax.true_up_posted" || r.Act == "tax.corrected"
		if !ok || posts != (p.state == trueup.DecisionPosted) {
			b.broken("P9", "%s was answered as %s, %s, and its record says %q", p.name, p.act,
				p.state, r.Act)
		}
	}
	b.checkDesk()
}

// sumClaims adds what decisions and corrections made creators owe or be owed.
func (b *books) sumClaims(at func(string) *posting) {
	for _, t := range b.people.tenants {
		for _, c := range creatorNames() {
			claims, err := b.store.Receivables(context.Background(), ident.Tenant(t), ident.Creator(c), "")
			if err != nil {
				b.broken("P5", "%s/%s: %v", t, c, err)
			}
			for _, r := range claims {
				if r.ApprovedBy == "" || r.Act == "" ||
					(r.Kind != receivable.TaxShortfall && r.Kind != receivable.GiveBack) {
					continue // people raise the others, and bookings these without a second person
				}
				of := at(t + "/" + r.Act)
				if r.Kind == receivable.GiveBack {
					of.claimed = of.claimed.Sub(r.Amount)
				} else {
					of.claimed = of.claimed.Add(r.Amount)
				}
			}
		}
	}
}

// checkDesk checks that the desk has left nothing undecided, and that the returns that must be
// filed again are listed.
func (b *books) checkDesk() {
	if b.turns.desk == "" {
		return
	}
	for _, entity := range []string{ordinary, filed} {
		open, err := b.closing.trueUps.Undecided(context.Background(), ident.Tenant(b.turns.desk),
			ident.Entity(entity), civil.MustMonth(lastMonth))
		if err != nil || len(open) > 0 {
			b.broken("P5", "%s of %s: nobody has decided %q (%v)", entity, b.turns.desk, open, err)
		}
	}
}

// checkAmendments checks that the returns of filed months whose rows have changed since are told to
// be filed again.
func (b *books) checkAmendments() {
	for _, t := range b.people.tenants {
		for _, entity := range []string{ordinary, filed} {
			returns, err := b.store.FiledMonths(context.Background(), ident.Tenant(t), ident.Entity(entity))
			if err != nil {
				b.broken("P5", "%s: %v", t, err)
			}
			for _, f := range returns {
				b.checkAmended(ident.Tenant(t), ident.Entity(entity), f)
			}
		}
	}
}

func (b *books) checkAmended(tenant ident.Tenant, entity ident.Entity, f filedmonth.FiledMonth) {
	want := map[string]money.Amount{}
	for p, list := range b.lists {
		if p.tenant != tenant || p.entity != entity {
			continue
		}
		for _, k := range settlement.Whole(list) {
			for _, r := range k.Rows {
				if lawdiff.MonthOfPeriod(r.Period) == f.Month && k.At.After(f.At) &&
					r.Collection != tax.SelfFiled {
					want[string(p.taxpayer)] = want[string(p.taxpayer)].Add(r.Withheld)
				}
			}
		}
	}
	desk := lawdiff.LatenessRules{Rules: b.laws.Current(context.Background()).Corpus.National(),
		Calendar: b.amending.trueUps.Calendar, PaidOn: civil.DateOf(b.s.Now())}
	list, _, err := b.closing.trueUps.Amendments(context.Background(), tenant, entity, f.Month, desk,
		"", 100)
	if err != nil {
		b.broken("P5", "amendments of %s: %v", tenant, err)
		return
	}
	listed := map[string]bool{}
	for _, a := range list {
		listed[string(a.Taxpayer)] = true
		b.paths["filed again"]++
	}
	for payer, sum := range want {
		if !sum.IsZero() && !listed[payer] {
			b.broken("P5", "%s of %s: %s of tax came to the filed month %s since, and no return is to be "+
				"filed again", payer, tenant, sum, f.Month)
		}
	}
}
