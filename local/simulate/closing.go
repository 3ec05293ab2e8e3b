package main

import (
	"context"
	"fmt"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/books/ledgercheck"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/filedmonth/filedmonthapi"
	"fenzhang/shared/settlement/filedmonth/filedmonthdb"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/receivable/receivableapi"
	"fenzhang/shared/settlement/receivable/receivabledb"
	"fenzhang/shared/settlement/trueup"
	"fenzhang/shared/settlement/trueup/trueupdb"
)

// closing is the work of finance beside the settlements: claims on creators, filed months, closed
// periods.
type closing struct {
	claims  receivableapi.API
	months  filedmonthapi.API
	periods *period.Service
	trueUps *trueup.Service
}

// wireClosing builds what manage-ledger and compute-tax build for it.
func (w *world) wireClosing(db dynamo.API, now clock.Clock,
	posting ledger.Periods) {
	claims := &receivable.Claims{Store: &receivabledb.Store{DB: db, Ledger: ledgerTable,
		Settlements: settlementsTable, NewToken: w.id, Periods: posting},
		Directory: w.people, Clock: now, NewID: w.id, Raised: w.taxes.Requote}
	w.closing.claims = receivableapi.API{Claims: claims, Directory: w.people}
	months, err := filedmonth.New(&filedmonthdb.Store{DB: db, Ledger: ledgerTable,
		Settlements: settlementsTable, NewToken: w.id}, w.people, now, w.id)
	if err != nil {
		w.broken("simulator", "filed months: %v", err)
	}
	w.closing.months = filedmonthapi.API{Months: months}
	w.closing.trueUps, err = trueup.New(w.taxes,
		&trueupdb.Store{DB: db, Ledger: ledgerTable, Settlements: settlementsTable, NewToken: w.id,
			Periods: posting})
	if err != nil {
		w.broken("simulator", "true-ups: %v", err)
	}
	w.closing.periods = &period.Service{Store: &perioddb.Store{DB: db, Ledger: ledgerTable,
		Settlements: settlementsTable, NewToken: w.id},
		Books:    ledgercheck.Reviewer{Service: w.check, Contracts: w.people, TrueUps: w.closing.trueUps},
		Creators: w.people,
		Days:     incentivedb.NewDays(db, incentivesTable), Evidence: noEvidence{},
		Charts: standardCharts{}, Clock: now, NewID: w.id}
}

// noEvidence stands for the chain of audit records, whose end a seal names: the box has the
// records, not their chain.
type noEvidence struct{}

func (noEvidence) Head(_ context.Context, tenant ident.Tenant) (audit.Head, error) {
	return audit.Head{Tenant: tenant}, nil
}

type standardCharts struct{}

func (standardCharts) Chart(context.Context, ident.Tenant, ident.Entity) (ledger.Chart, error) {
	return ledger.Standard()
}

// memories are what the machines remember of closed periods: each for itself, by its own clock.
type memories struct {
	of   map[time.Duration]*ledgerdb.Periods
	make func() *ledgerdb.Periods
}

// Date implements ledger.Periods.
func (m memories) Date(ctx context.Context, e *ledger.Entry) error {
	return m.own(ctx).Date(ctx, e)
}

// DateIn implements ledger.Periods.
func (m memories) DateIn(ctx context.Context, e *ledger.Entry, month civil.Month) (bool, error) {
	return m.own(ctx).DateIn(ctx, e, month)
}

func (m memories) own(ctx context.Context) *ledgerdb.Periods {
	var skew time.Duration
	if t := taskOf(ctx); t != nil {
		skew = t.skew
	}
	if m.of[skew] == nil {
		m.of[skew] = m.make()
	}
	return m.of[skew]
}

const closedMonth = "2026-08"

func entityOf(creator ident.Creator) string {
	if creator == worker {
		return filed
	}
	return ordinary
}

// planClosing plans the work of finance of a tenant.
func (w *world) planClosing(tenant ident.Tenant) {
	for n := range w.s.rng.IntN(3) {
		creator := one(w.s, creatorNames())
		kind := one(w.s, []receivable.Kind{receivable.Advance, receivable.Penalty,
			receivable.RefundRecovery, receivable.Other})
		id := fmt.Sprintf("claim-%d", n)
		body := fmt.Sprintf(
			`{"receivable_id":%q,"creator_id":%q,"paying_entity":%q,"kind":%q,"amount":%q,"document":"doc","reason":"owed"%s}`, id, creator, entityOf(ident.Creator(creator)), kind,
			money.Fen(1+w.s.rng.Int64N(300_000)), one(w.s, []string{"", `,"max_share":"0.5"`}))
		when := w.moment(0, 14)
		w.ask(when, caller{tenant, "finance"}, "claim", "/v1/receivables", body)
		w.ask(when.Add(w.s.between(time.Minute, 20*time.Hour)), caller{tenant, "admin"}, "approve-claim",
			"/v1/receivables/"+id+"/approve", "")
	}
	if w.s.chance(2) {
		w.ask(w.moment(7, 10), caller{tenant, "finance"}, "file-month", "/v1/tax/filed-months",
			fmt.Sprintf(`{"paying_entity":%q,"month":%q,"filed_on":"2026-09-03","reference":"r-1"}`,
				one(w.s, []string{ordinary, ordinary, filed}), closedMonth))
	}
	if w.s.chance(2) {
		when := w.moment(5, 19)
		w.s.at(when, func() { w.closePeriods(tenant) })
		w.s.at(when.Add(w.s.between(10*time.Second, time.Hour)), func() { w.sealPeriods(tenant) })
	}
}

// ask calls a route until it is answered, and often twice.
func (w *world) ask(when time.Time, c caller, name, path, body string) {
	w.s.at(when, func() { w.askOnce(c, name, path, body, 1) })
	if w.s.chance(3) {
		w.s.at(when.Add(w.s.between(0, time.Second)), func() { w.askOnce(c, name, path, body, 1) })
	}
}

func (w *world) askOnce(c caller, name, path, body string, try int) {
	status, answer := 0, ""
	w.s.begin(w.task(name, c.tenant), func(ctx context.Context) {
		res := w.post(ctx, w.api, c, path, "", body)
		status, answer = res.StatusCode, res.Body
	}, func(killed bool) {
		w.trace.add("answer", "%s %s %s: %d %.160s", c.tenant, name, path, status, answer)
		switch {
		case !killed && status < 300:
			w.acts++
			w.noteTaxAct(c, name, answer)
		case killed || status >= 500:
			if try < 8 {
				w.s.after(time.Duration(try)*w.s.between(time.Second, 2*time.Minute), func() {
					w.askOnce(c, name, path, body, try+1)
				})
			}
		case status == 400:
			w.broken("simulator", "%s was refused: %s", name, answer)
		}
	})
}

// closePeriods begins the closing of the month that is over, at all paying entities.
func (w *world) closePeriods(tenant ident.Tenant) {
	w.periodAct(tenant, "close", identity.Finance, w.closing.periods.Close)
}

// sealPeriods seals it where nothing stands against that.
func (w *world) sealPeriods(tenant ident.Tenant) {
	w.periodAct(tenant, "seal", identity.Approver, w.closing.periods.Seal)
}

func (w *world) periodAct(tenant ident.Tenant, name string, role identity.Role,
	act func(context.Context, identity.Principal, ident.Entity, civil.Month) (period.Period, error)) {
	by := identity.Principal{Tenant: tenant, Subject: string(role) + "@" + string(tenant),
		Roles: []identity.Role{role}}
	for _, entity := range []string{ordinary, filed} {
		var p period.Period
		var err error
		w.s.begin(w.task(name+"-period", tenant), func(ctx context.Context) {
			p, err = act(ctx, by, ident.Entity(entity), monthThatCloses())
		}, func(killed bool) {
			w.trace.add("period", "%s %s of %s: %s %v", name, entity, tenant, p.State, err)
			if err == nil && !killed {
				w.acts++
			}
		})
	}
}

func monthThatCloses() civil.Month { return civil.MustDate(closedMonth + "-01").Month() }

// checkPeriods checks that a sealed month has not moved: its seal is the sum of the journal, and
// nothing was posted in it any more.
func (b *books) checkPeriods() {
	month := monthThatCloses()
	for _, t := range b.people.tenants {
		for _, entity := range []string{ordinary, filed} {
			p, err := b.closing.periods.Store.Period(context.Background(), ident.Tenant(t),
				ident.Entity(entity), month)
			if err != nil || p == nil || p.Seal == nil {
				continue
			}
			sums := map[ledger.Account]money.Amount{}
			for _, e := range b.entries {
				if e.Tenant != ident.Tenant(t) || e.Entity != ident.Entity(entity) ||
					e.Accounting.After(month) {
					continue
				}
				for _, x := range e.Postings {
					sums[x.Account] = sums[x.Account].Add(x.Amount)
				}
			}
			for _, r := range p.Seal.Balance.Rows {
				if sums[r.Account] != r.Closing {
					b.broken("P1", "%s of %s was sealed with %s of %s, the journal says %s", entity, t, r.Closing,
						r.Account, sums[r.Account])
				}
				delete(sums, r.Account)
			}
			for account, sum := range sums {
				if !sum.IsZero() {
					b.broken("P1", "%s of %s was sealed without %s, the journal says %s", entity, t, account, sum)
				}
			}
			b.paths["sealed period"]++
		}
	}
}

// trueUp is the difference that stands as an open true-up of a taxpayer's month and item.
func (b *books) trueUp(p person, m monthOf) (money.Amount, error) {
	list, err := b.closing.trueUps.OfTaxpayer(context.Background(), p.tenant, p.entity, p.taxpayer,
		civil.MustDate("2026-12-01").Month())
	var sum money.Amount
	for i := range list {
		if u := &list[i]; u.Item == m.item && u.Period == m.period && u.Tax == tax.IIT {
			sum = sum.Add(u.Difference)
		}
	}
	return sum, err
}
