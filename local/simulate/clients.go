package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/tenancy"
)

// workload is what is to happen in a run, beside what follows from it.
type workload struct {
	start, end time.Time
	tenants    []string
}

// payable is what a client wants settled.
type payable struct {
	tenant                    ident.Tenant
	creator                   ident.Creator
	activity, incomeType, key string
	ts                        int64
	amount                    money.Amount
}

// promised is what was answered with 2xx (promise P9).
type promised struct {
	settled []settledPromise
	moved   []movedPromise
	posted  []postedPromise
	bulk    int // items of calls for many
	lines   []linePromise
	events  []eventPromise
}

type settledPromise struct {
	p       *payable
	key, id string
	amount  money.Amount
}

type movedPromise struct {
	tenant         ident.Tenant
	id, act        string
	asked, version int
	status         settlement.Status
	by, transition string
}

type linePromise struct {
	tenant                   ident.Tenant
	creator                  ident.Creator
	incomeType, line, bucket string
	amount                   money.Amount
}

type eventPromise struct {
	tenant     ident.Tenant
	id, digest string
}

const (
	payablesOfTenant = 3
	uploadsOfTenant  = 2
	linesOfUpload    = 3
	batchesOfTenant  = 1
)

// begin plans the run.
func (w *world) begin() {
	p := &w.plan
	p.tenants = w.people.tenants
	p.start = time.Unix(0, w.s.now)
	p.end = civil.MustDate("2026-09-17").Start()
	for _, t := range p.tenants {
		from := w.s.rng.IntN(len(creatorNames()))
		for n := range uploadsOfTenant {
			w.planUpload(ident.Tenant(t), n, from)
		}
		for n := range batchesOfTenant {
			w.planEvents(ident.Tenant(t), n)
		}
		w.planOffice(ident.Tenant(t))
		w.planClosing(ident.Tenant(t))
		w.planTaxes(ident.Tenant(t))
		w.planPaper(ident.Tenant(t))
	}
	for n := range payablesOfTenant {
		// the same payables in both tenants: their settlements have the same ids
		for _, t := range p.tenants {
			w.planPayable(w.payable(ident.Tenant(t), n), w.moment(0, 13))
		}
	}
	w.s.at(w.moment(5, 10), func() { w.fill(leastSettlements - 14) })
	w.s.at(w.moment(14, 17), func() { w.fill(leastSettlements - 5) })
	w.planNights()
	w.planSweeps()
	w.s.at(w.moment(3, 6), func() { w.people.late = true })
}

// moment is a random time between two days of the run, counted from its start.
func (w *world) moment(fromDay, toDay int) time.Time {
	return w.plan.start.Add(w.s.between(time.Duration(fromDay)*24*time.Hour,
		time.Duration(toDay)*24*time.Hour))
}

// amount draws what incomes come to: some small, some at the edges of the law, some large.
func (w *world) amount() money.Amount {
	switch w.s.rng.IntN(6) {
	case 0:
		return money.Fen(1 + w.s.rng.Int64N(200))
	case 1:
		return money.Fen(one(w.s,
			[]int64{80_000, 80_001, 114_286, 400_000, 571_429, 10_000_000, 500_000}))
	case 2:
		return money.Fen(2_000_000 + w.s.rng.Int64N(10_000_000))
	}
	return money.Fen(10_000 + w.s.rng.Int64N(900_000))
}

// fill has more payables settled where lines, rewards and payees came to too few settlements.
func (w *world) fill(until int) {
	known := 0
	for it := range w.db.Items(settlementsTable) {
		if textOf(it, "sk") == "META" {
			known++
		}
	}
	for range until - known {
		w.planPayable(w.payable(ident.Tenant(one(w.s, w.plan.tenants)), payablesOfTenant+w.filled),
			time.Unix(0, w.s.now))
		w.filled++
	}
}

// payable draws a payable of a tenant.
func (w *world) payable(tenant ident.Tenant, n int) *payable {
	return &payable{tenant: tenant, creator: ident.Creator(one(w.s, creatorNames())),
		activity: fmt.Sprintf("act-%d", n), key: fmt.Sprintf("key-%s-%04d", tenant, n),
		incomeType: one(w.s, []string{"live_tip", "live_tip", "commerce_commission", "incentive"}),
		amount:     w.amount(),
		ts:         w.plan.start.Add(-w.s.between(time.Hour, 50*24*time.Hour)).UnixMilli()}
}

func (w *world) planPayable(p *payable, when time.Time) {
	if lastEvening := civil.MustDate("2026-08-31").Start().Add(20 * time.Hour); when.Before(
		lastEvening) && w.s.chance(3) {
		when = lastEvening.Add(w.s.between(0, 4*time.Hour))
	}
	w.s.at(when, func() { w.settle(p, p.key, p.amount, 1) })
	if w.s.chance(2) {
		w.faults.count(faultClick)
		w.s.at(when.Add(w.s.between(0, 40*time.Millisecond)), func() { w.settle(p, p.key, p.amount, 1) })
	}
	if w.s.chance(3) { // another system sends the same payable under a key of its own
		w.s.at(when.Add(w.s.between(0, 3*time.Second)), func() {
			w.settle(p, p.key+"-other", p.amount, 1)
		})
	}
	if w.s.chance(6) {
		w.s.at(when.Add(w.s.between(0, time.Hour)), func() {
			w.settle(p, p.key+"-wrong", p.amount.Add(money.Fen(1)), 9)
		})
	}
}

// settle calls until there is an answer.
func (w *world) settle(p *payable, key string, amount money.Amount, try int) {
	body := fmt.Sprintf(`{"user_id":%q,"activity_id":%q,"ts":%d,"amount":%q,"income_type":%q}`,
		p.creator, p.activity, p.ts, amount, p.incomeType)
	var status int
	var answer string
	c := caller{p.tenant, "operator"}
	w.s.begin(w.task("settle", p.tenant), func(ctx context.Context) {
		res := w.post(ctx, w.api, c, "/v1/incentive/settle", key, body)
		status, answer = res.StatusCode, res.Body
	}, func(killed bool) {
		w.trace.add("answer", "%s settle %s %s key %s: %d %.200s", p.tenant, p.creator, p.activity, key,
			status, answer)
		switch {
		case !killed && (status == 200 || status == 201):
			var a struct {
				ID string `json:"settlement_id"`
			}
			if err := json.Unmarshal([]byte(answer), &a); err != nil {
				w.broken("simulator", "settle of %s was answered %d %s", p.activity, status, answer)
				return
			}
			w.acts++
			w.promised.settled = append(w.promised.settled, settledPromise{p, key, a.ID, amount})
		case (killed || status >= 500 || status == 409 || status == 429) && try < 8:
			w.s.after(time.Duration(try)*w.s.between(time.Second, 3*time.Minute), func() {
				w.settle(p, key, amount, try+1)
			})
		}
	})
}

// planUpload plans an upload of income lines of some creators, and often the same one again. The
// uploads of a tenant are of the same creators, so that lines come to buckets that hold some
// already, or were consumed.
func (w *world) planUpload(tenant ident.Tenant, n, from int) {
	var docs []json.RawMessage
	var about []linePromise
	for i := range linesOfUpload {
		creator, incomeType := creatorNames()[(from+i)%len(creatorNames())],
			one(w.s, []string{"live_tip", "live_tip", "live_tip", "commerce_commission"})
		period, day := "2026-08", "2026-08-20"
		if w.s.chance(5) {
			period, day = "2026-07", "2026-07-20"
		}
		gross, refund := w.amount(), money.Amount{}
		// A day below zero is carried on day by day, by each night's run: that would not come to rest.
		if w.s.chance(8) && w.people.contracts[string(tenant+"/")+creator].Cycle != tenancy.Daily {
			refund = w.amount()
		}
		id := fmt.Sprintf("line-%d-%d", n, i)
		if w.s.chance(8) && i > 0 {
			id = about[i-1].line // stands twice in the upload
		}
		dist := gross.Sub(refund)
		docs = append(docs,
			fmt.Appendf(nil, `{"line_id":%q,"creator_id":%q,"income_type":%q,"platform":"douyin","occurred_on":%q,"service_period":%q,"gross_before_platform":%q,"platform_fee":"0.00","refund":%q,"subsidy":"0.00","distributable":%q}`,
				id, creator, incomeType, day, period, gross, refund, dist))
		about = append(about, linePromise{tenant: tenant, creator: ident.Creator(creator),
			incomeType: incomeType, line: id, amount: dist})
	}
	when := w.moment(0, 7)
	if n > 0 && !w.s.chance(4) { // while the statements are made
		when = civil.MustDate("2026-09-01").Start().Add(2*time.Hour + w.s.between(0, 2*time.Second))
	}
	w.s.at(when, func() { w.upload(tenant, docs, about, 1) })
	if w.s.chance(2) {
		w.faults.count(faultClick)
		w.s.at(when.Add(w.s.between(0, 2*time.Second)), func() { w.upload(tenant, docs, about, 1) })
	}
}

func (w *world) upload(tenant ident.Tenant, docs []json.RawMessage, about []linePromise, try int) {
	var kept []linePromise
	again := false
	w.s.begin(w.task("upload", tenant), func(ctx context.Context) {
		kept, again = w.record(ctx, tenant, docs, about)
	}, func(killed bool) {
		if !killed {
			w.acts++
			w.promised.lines = append(w.promised.lines, kept...)
		}
		if (killed || again) && try < 12 {
			w.s.after(time.Duration(try)*w.s.between(time.Second, 2*time.Minute), func() {
				w.upload(tenant, docs, about, try+1)
			})
		}
	})
}

// planEvents plans a batch of incentive events, some of them of days that are closed already.
func (w *world) planEvents(tenant ident.Tenant, n int) {
	when := w.moment(0, 10)
	var docs []json.RawMessage
	for i := range 4 + w.s.rng.IntN(8) {
		at := when.Add(-w.s.between(0, 20*time.Hour))
		if w.s.chance(10) {
			at = when.Add(-w.s.between(24*time.Hour, 100*time.Hour))
		}
		docs = append(docs,
			fmt.Appendf(nil, `{"event_id":"ev-%d-%d","creator_id":%q,"action_type":%q,"occurred_at":%q,"quantity":%d,"platform":"douyin"}`,
				n, i, one(w.s, []string{first, worker, fifth}),
				one(w.s, []string{"watch_live", "watch_live", "share", "share", "like", "late_action"}),
				at.In(civil.Shanghai).Format(time.RFC3339), 1+w.s.rng.IntN(40)))
	}
	w.s.at(when, func() { w.events(tenant, docs, 1) })
	if w.s.chance(2) {
		w.s.at(when.Add(w.s.between(0, 3*time.Hour)), func() { w.events(tenant, docs, 1) })
	}
}

func (w *world) events(tenant ident.Tenant, docs []json.RawMessage, try int) {
	var kept []eventPromise
	again := false
	w.s.begin(w.task("record-incentive", tenant), func(ctx context.Context) {
		kept, again = w.count(ctx, tenant, docs)
	}, func(killed bool) {
		if !killed {
			w.acts++
			w.promised.events = append(w.promised.events, kept...)
		}
		if (killed || again) && try < 12 {
			w.s.after(time.Duration(try)*w.s.between(time.Second, 2*time.Minute), func() {
				w.events(tenant, docs, try+1)
			})
		}
	})
}

// planNights plans the nightly jobs: days are closed at half past midnight, statements are made at
// two.
func (w *world) planNights() {
	for day := civil.MustDate("2026-08-28"); !day.After(
		civil.MustDate("2026-09-16")); day = day.AddDays(1) {
		if w.s.chance(3) {
			w.s.at(day.Start().Add(30*time.Minute), func() {
				w.job("close-days", func(ctx context.Context) error { return w.accruer.CloseDueDays(ctx) }, 1)
			})
		}
		if busy := day.Day() == 1 || day.Day() == 7 || day.Day() == 15; !busy && !w.s.chance(16) {
			continue
		}
		times := 1
		if w.s.chance(3) {
			w.faults.count(faultNight)
			times++
		}
		for range times {
			w.s.at(day.Start().Add(2*time.Hour+w.s.between(0, 2*time.Second)), func() { w.night() })
		}
	}
}

// night makes the statements that are due, of all creators of a tenant or by cohorts.
func (w *world) night() {
	for _, t := range w.people.tenants {
		order := billing.Order{Tenant: ident.Tenant(t), By: billing.System}
		w.jobOf("build-statements", ident.Tenant(t), func(ctx context.Context) error {
			_, err := w.statements.OpenDueSettlements(ctx, order, "")
			return err
		}, 1)
		if w.s.chance(3) {
			c := one(w.s, creatorNames()) // its cohort begins or ends with it
			cohort := billing.Task{Tenant: ident.Tenant(t), Upto: ident.Creator(c), By: billing.System}
			if w.s.chance(2) {
				cohort.After, cohort.Upto = ident.Creator(c), ""
			}
			w.jobOf("build-cohort", ident.Tenant(t), func(ctx context.Context) error {
				today, err := w.service.Clock.Today(ctx)
				if err != nil {
					return err
				}
				cohort.Date = today
				_, err = w.statements.RunTask(ctx, cohort)
				return err
			}, 1)
		}
	}
}

// job runs a job of a schedule, and again when it fails, as the schedule's retry does.
func (w *world) job(name string, do func(context.Context) error, try int) {
	w.jobOf(name, "", do, try)
}

func (w *world) jobOf(name string, tenant ident.Tenant, do func(context.Context) error, try int) {
	var err error
	w.s.begin(w.task(name, tenant), func(ctx context.Context) { err = do(ctx) }, func(killed bool) {
		if (err != nil || killed) && try < 6 {
			w.trace.add("again", "%s: %v", name, err)
			w.s.after(time.Duration(try)*time.Minute, func() { w.jobOf(name, tenant, do, try+1) })
		}
	})
}

// planSweeps plans the sweeps, closer together where much happens.
func (w *world) planSweeps() {
	for range 2 {
		w.s.at(w.moment(0, 20), w.sweep)
		w.s.at(w.moment(0, 20), w.sweepPayouts)
	}
}

func (w *world) sweep() {
	if w.plant.noSweep {
		return
	}
	w.job("sweep", w.advancer.Sweep, 1)
}

func (w *world) sweepPayouts() {
	if w.plant.noSweep {
		return
	}
	w.job("sweep-payouts", func(ctx context.Context) error {
		return w.payouts.Sweep(ctx, w.s.Now().Add(-time.Minute), 1000)
	}, 6)
}

// planOffice plans when people look at what waits for them.
func (w *world) planOffice(tenant ident.Tenant) {
	w.s.at(w.moment(0, 20), func() { w.office(tenant) })
	for _, day := range []string{"2026-09-02", "2026-09-15"} {
		w.s.at(civil.MustDate(day).Start().Add(w.s.between(9*time.Hour, 18*time.Hour)), func() {
			w.office(tenant)
		})
	}
	lastEvening := civil.MustDate("2026-08-31").Start().Add(22 * time.Hour)
	w.s.at(lastEvening.Add(w.s.between(0, 119*time.Minute)), func() { w.office(tenant) })
}

// office has the people of a tenant look at all open settlements and do what they find to do.
func (w *world) office(tenant ident.Tenant) {
	var open []settlement.Settlement
	w.s.begin(w.task("office", tenant), func(ctx context.Context) {
		_ = w.service.Each(ctx, tenant, settlement.Query{From: civil.MustDate("2026-08-27")},
			func(s settlement.Settlement) error {
				open = append(open, s)
				return nil
			})
	}, func(bool) {
		if tenant == ident.Tenant(w.turns.many) && w.s.chance(2) {
			open = w.together(tenant, open)
		}
		for _, s := range open {
			if w.s.chance(10) {
				w.try(s)
			}
			w.decide(s)
		}
		if tenant == ident.Tenant(w.turns.desk) {
			w.taxDesk(tenant)
		}
	})
}

// decide is what a person does with a settlement that was seen.
func (w *world) decide(s settlement.Settlement) {
	calm := w.faults.over
	approver, finance := w.approverOf(s), caller{s.Tenant, "finance"}
	version := s.StatusVersion
	body := func(more string) string { return fmt.Sprintf(`{"status_version":%d%s}`, version, more) }
	path := "/v1/settlements/" + s.ID
	rare := func(n int) bool { return !calm && w.s.chance(n) }
	switch {
	case s.Hold != nil && s.Hold.Reason == settlement.HoldInvoice && s.NeedsInvoice && s.Paper == nil:
		w.act(finance, s, "invoice", path+"/invoice",
			fmt.Sprintf(`{"status_version":%d,"number":"24332000000012345678","issued_on":"2026-08-28","amount":%q,"file_sha256":%q}`,
				version, s.CreatorShare(), strings.Repeat("ab", 32)))
	case s.Hold != nil && s.Hold.Reason == settlement.HoldNetChanged:
		w.act(approver, s, "confirm-net", path+"/confirm-net", body(fmt.Sprintf(`,"net":%q`, s.Net)))
	case s.Hold != nil && (s.Status == settlement.Paid || s.Status == settlement.Failed):
		return
	case s.Hold != nil && s.Hold.Reason == settlement.HoldPaper && !rare(10): // it is on its way
	case s.Hold != nil && s.Hold.Reason == settlement.HoldCalendar &&
		w.s.chance(2): // nobody can release it
		w.act(finance, s, "release", path+"/release", body(""))
	case s.Hold != nil && s.Hold.Reason != settlement.HoldRuleGap &&
		s.Hold.Reason != settlement.HoldCalendar:
		w.act(finance, s, "release", path+"/release", body(""))
	case rare(14) && !s.Sent() && s.Status != settlement.Paid && s.Status != settlement.Failed:
		w.act(finance, s, "hold", path+"/hold", body(`,"reason":"RISK","text":"look again"`))
	case s.Status == settlement.PendingReview:
		w.act(finance, s, "submit", path+"/transitions", body(`,"to":"IN_REVIEW"`))
	case s.Status == settlement.InReview && rare(9):
		w.act(approver, s, "reject", path+"/transitions", body(`,"to":"FAILED","reason":"wrong"`))
	case s.Status == settlement.InReview:
		w.act(approver, s, "approve", path+"/transitions", body(`,"to":"APPROVED"`))
	case (s.Status == settlement.Approved || s.Status == settlement.Paying && !s.Sent()) && rare(8):
		w.act(approver, s, "cancel", path+"/cancel", body(`,"reason":"not this month"`))
	case s.Reopenable() == nil && w.s.chance(2) && !w.givesUp(s):
		w.act(approver, s, "reopen", path+"/reopen", body(`,"reason":"new account"`))
	}
}

// act does something, often twice, sometimes on an old view.
func (w *world) act(c caller, s settlement.Settlement, name, path, body string) {
	delay := w.s.between(0, 3*time.Minute)
	w.s.after(delay, func() { w.once(c, s, name, path, body) })
	if w.faults.chance(10, faultClick) {
		w.s.after(delay+w.s.between(0, 30*time.Millisecond), func() { w.once(c, s, name, path, body) })
	}
	if s.StatusVersion > 1 && w.faults.chance(20, faultClick) {
		old := strings.Replace(body, fmt.Sprintf(`"status_version":%d`, s.StatusVersion),
			fmt.Sprintf(`"status_version":%d`, s.StatusVersion-1), 1)
		w.s.after(w.s.between(0, 10*time.Minute), func() { w.once(c, s, name, path, old) })
	}
}

func (w *world) once(c caller, s settlement.Settlement, name, path, body string) {
	var status int
	var answer string
	w.s.begin(w.task(name, c.tenant), func(ctx context.Context) {
		res := w.post(ctx, w.api, c, path, "", body)
		status, answer = res.StatusCode, res.Body
	}, func(killed bool) {
		w.trace.add("answer", "%s %s %s: %d %.160s", c.tenant, name, s.ID, status, answer)
		if killed || status != 200 {
			return
		}
		var v struct {
			SettlementID ident.Settlement  `json:"settlement_id"`
			Status       settlement.Status `json:"status"`
			Version      int               `json:"status_version"`
			Transition   string            `json:"transition_id"`
		}
		var asked struct {
			Version int `json:"status_version"`
		}
		if json.Unmarshal([]byte(answer), &v) != nil || json.Unmarshal([]byte(body), &asked) != nil {
			w.broken("simulator", "answer to %s cannot be read: %s", name, answer)
			return
		}
		w.acts++
		w.promised.moved = append(w.promised.moved,
			movedPromise{tenant: c.tenant, id: string(v.SettlementID), act: name, asked: asked.Version,
				version: v.Version,
				status:  v.Status, by: c.subject(), transition: v.Transition})
	})
}

// ended tells whether nothing more happens to a settlement by itself.
func ended(s settlement.Settlement) bool {
	return s.Status == settlement.Failed ||
		(s.Status == settlement.Paid &&
			(s.Payout == nil || s.Payout.State == payout.Paid || s.Payout.State == payout.Returned))
}

func later(err error) bool { return err != nil && fault.Of(err).Status() >= 500 }
