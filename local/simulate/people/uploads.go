package people

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// planUpload schedules an upload of income lines, often twice. All uploads of a tenant are of the
// same creators, so that lines come to statement buckets that hold some already, or were consumed.
func (a *Actors) planUpload(tenant ident.Tenant, n, from int) {
	var docs []json.RawMessage
	var about []LineAnswer
	for i := range linesOfUpload {
		creator := CreatorNames()[(from+i)%len(CreatorNames())]
		id := fmt.Sprintf("line-%d-%d", n, i)
		before := ""
		if i > 0 {
			before = about[i-1].Line
		}
		doc, line := a.drawIncomeLine(tenant, creator, id, before)
		docs = append(docs, doc)
		about = append(about, line)
	}
	when := a.randomMoment(0, 7)
	if n > 0 && !a.world.Chance(4) { // at the very time at which statements are made
		when = civil.MustDate("2026-09-01").Start().Add(2*time.Hour +
			a.world.DurationBetween(0, 2*time.Second))
	}
	a.world.RunAt(when, func() { a.sendUpload(tenant, docs, about, 1) })
	if a.world.Chance(2) {
		a.world.Faults.CountFault(engine.FaultDoubleClick)
		a.world.RunAt(when.Add(a.world.DurationBetween(0, 2*time.Second)), func() {
			a.sendUpload(tenant, docs, about, 1)
		})
	}
}

// drawIncomeLine draws an income line of a creator. In one of eight cases the line gets the id of
// the line before, so that an upload has the same id twice.
func (a *Actors) drawIncomeLine(tenant ident.Tenant, creator, id, before string) (json.RawMessage,
	LineAnswer) {
	incomeType := engine.PickRandom(a.world,
		[]string{"live_tip", "live_tip", "live_tip", "commerce_commission"})
	period, day := "2026-08", "2026-08-20"
	if a.world.Chance(5) {
		period, day = "2026-07", "2026-07-20"
	}
	gross, refund := a.randomAmount(), money.Amount{}
	// A negative daily statement is carried forward every night: the run would never come to rest.
	if a.world.Chance(8) && a.Directory.Contracts[string(tenant+"/")+creator].Cycle != tenancy.Daily {
		refund = a.randomAmount()
	}
	if a.world.Chance(8) && before != "" {
		id = before
	}
	dist := gross.Sub(refund)
	doc := fmt.Appendf(nil,
		`{"line_id":%q,"creator_id":%q,"income_type":%q,"platform":"douyin","occurred_on":%q,`+
			`"service_period":%q,"gross_before_platform":%q,"platform_fee":"0.00","refund":%q,`+
			`"subsidy":"0.00","distributable":%q}`,
		id, creator, incomeType, day, period, gross, refund, dist)
	return doc, LineAnswer{Tenant: tenant, Creator: ident.Creator(creator), IncomeType: incomeType,
		Line: id, Amount: dist}
}

// sendUpload uploads income lines until all are recorded or refused, twelve times at most.
func (a *Actors) sendUpload(tenant ident.Tenant, docs []json.RawMessage, about []LineAnswer,
	try int) {
	var kept []LineAnswer
	again := false
	a.world.StartTask(a.world.NewTask("upload", tenant), func(ctx context.Context) {
		kept, again = a.recordLines(ctx, tenant, docs, about)
	}, func(killed bool) {
		if !killed {
			a.Acts++
			a.Answered.Lines = append(a.Answered.Lines, kept...)
		}
		if (killed || again) && try < 12 {
			a.world.RunAfter(time.Duration(try)*a.world.DurationBetween(time.Second, 2*time.Minute), func() {
				a.sendUpload(tenant, docs, about, try+1)
			})
		}
	})
}

// planEvents schedules a batch of incentive events, some of them of days that are closed already.
func (a *Actors) planEvents(tenant ident.Tenant, n int) {
	when := a.randomMoment(0, 10)
	var docs []json.RawMessage
	for i := range 4 + a.world.Rand.IntN(8) {
		at := when.Add(-a.world.DurationBetween(0, 20*time.Hour))
		if a.world.Chance(10) {
			at = when.Add(-a.world.DurationBetween(24*time.Hour, 100*time.Hour))
		}
		docs = append(docs,
			fmt.Appendf(nil, `{"event_id":"ev-%d-%d","creator_id":%q,"action_type":%q,"occurred_at":%q,`+
				`"quantity":%d,"platform":"douyin"}`,
				n, i, engine.PickRandom(a.world, []string{First, Worker, Fifth}),
				engine.PickRandom(a.world,
					[]string{"watch_live", "watch_live", "share", "share", "like", "late_action"}),
				at.In(civil.Shanghai).Format(time.RFC3339), 1+a.world.Rand.IntN(40)))
	}
	a.world.RunAt(when, func() { a.sendEvents(tenant, docs, 1) })
	if a.world.Chance(2) {
		a.world.RunAt(when.Add(a.world.DurationBetween(0, 3*time.Hour)), func() {
			a.sendEvents(tenant, docs, 1)
		})
	}
}

// sendEvents sends incentive events until all are recorded or refused, twelve times at most.
func (a *Actors) sendEvents(tenant ident.Tenant, docs []json.RawMessage, try int) {
	var kept []EventAnswer
	again := false
	a.world.StartTask(a.world.NewTask("record-incentive", tenant), func(ctx context.Context) {
		kept, again = a.recordEvents(ctx, tenant, docs)
	}, func(killed bool) {
		if !killed {
			a.Acts++
			a.Answered.Events = append(a.Answered.Events, kept...)
		}
		if (killed || again) && try < 12 {
			a.world.RunAfter(time.Duration(try)*a.world.DurationBetween(time.Second, 2*time.Minute), func() {
				a.sendEvents(tenant, docs, try+1)
			})
		}
	})
}

// recordLines records income lines. It returns the answers of those recorded, and whether some
// must be sent again.
func (a *Actors) recordLines(ctx context.Context, tenant ident.Tenant, docs []json.RawMessage,
	about []LineAnswer) (kept []LineAnswer, again bool) {
	results, err := a.sys.Lines.RecordUpload(ctx,
		income.Upload{Tenant: tenant, By: string("operator@" + tenant), Lines: docs})
	if err != nil {
		return nil, true
	}
	for i, r := range results {
		if r.Err != nil {
			again = again || isRetryable(r.Err)
			continue
		}
		p := about[i]
		p.Bucket = r.Bucket
		kept = append(kept, p)
	}
	return kept, again
}

// recordEvents records incentive events. It returns the answers of those recorded, and whether
// some must be sent again.
func (a *Actors) recordEvents(ctx context.Context, tenant ident.Tenant,
	docs []json.RawMessage) (kept []EventAnswer, again bool) {
	results, err := a.sys.Incentives.RecordEvents(ctx, tenant, docs)
	if err != nil {
		return nil, true
	}
	for _, r := range results {
		if r.Err != nil {
			again = again || isRetryable(r.Err)
			continue
		}
		kept = append(kept, EventAnswer{Tenant: tenant, ID: r.EventID, Digest: r.Recorded.Digest})
	}
	return kept, again
}
