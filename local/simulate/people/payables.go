package people

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// Payable is an income of a creator that a client wants settled.
type Payable struct {
	Tenant                    ident.Tenant
	Creator                   ident.Creator
	Activity, IncomeType, Key string
	TS                        int64
	Amount                    money.Amount
}

const (
	payablesOfTenant = 3
	uploadsOfTenant  = 2
	linesOfUpload    = 3
	batchesOfTenant  = 1
)

// newPayable draws the n-th payable of a tenant.
func (a *Actors) newPayable(tenant ident.Tenant, n int) *Payable {
	return &Payable{Tenant: tenant, Creator: ident.Creator(engine.PickRandom(a.world, CreatorNames())),
		Activity: fmt.Sprintf("act-%d", n), Key: fmt.Sprintf("key-%s-%04d", tenant, n),
		IncomeType: engine.PickRandom(a.world,
			[]string{"live_tip", "live_tip", "commerce_commission", "incentive"}),
		Amount: a.randomAmount(),
		TS:     a.Plan.Start.Add(-a.world.DurationBetween(time.Hour, 50*24*time.Hour)).UnixMilli()}
}

// planPayable schedules the calls that settle a payable: often twice, under another idempotency
// key, or with another amount under a wrong key. A third of early ones fall on the last evening of
// the month.
func (a *Actors) planPayable(p *Payable, when time.Time) {
	if lastEvening := civil.MustDate("2026-08-31").Start().Add(20 * time.Hour); when.Before(
		lastEvening) && a.world.Chance(3) {
		when = lastEvening.Add(a.world.DurationBetween(0, 4*time.Hour))
	}
	a.world.RunAt(when, func() { a.callSettle(p, p.Key, p.Amount, 1) })
	if a.world.Chance(2) {
		a.world.Faults.CountFault(engine.FaultDoubleClick)
		a.world.RunAt(when.Add(a.world.DurationBetween(0, 40*time.Millisecond)), func() {
			a.callSettle(p, p.Key, p.Amount, 1)
		})
	}
	if a.world.Chance(3) { // another client sends the same payable under its own key
		a.world.RunAt(when.Add(a.world.DurationBetween(0, 3*time.Second)), func() {
			a.callSettle(p, p.Key+"-other", p.Amount, 1)
		})
	}
	if a.world.Chance(6) {
		a.world.RunAt(when.Add(a.world.DurationBetween(0, time.Hour)), func() {
			a.callSettle(p, p.Key+"-wrong", p.Amount.Add(money.Fen(1)), 9)
		})
	}
}

// settleBody returns the body of a call that settles the payable with an amount.
func (p *Payable) settleBody(amount money.Amount) string {
	return fmt.Sprintf(`{"user_id":%q,"activity_id":%q,"ts":%d,"amount":%q,"income_type":%q}`,
		p.Creator, p.Activity, p.TS, amount, p.IncomeType)
}

// callSettle calls settle until there is an answer, eight times at most.
func (a *Actors) callSettle(p *Payable, key string, amount money.Amount, try int) {
	body := p.settleBody(amount)
	var status int
	var answer string
	c := callerOf(p.Tenant, "operator")
	a.world.StartTask(a.world.NewTask("settle", p.Tenant), func(ctx context.Context) {
		res := a.sys.Post(ctx, c, "/v1/incentive/settle", key, body)
		status, answer = res.StatusCode, res.Body
	}, func(killed bool) {
		a.world.Trace.Printf("answer", "%s settle %s %s key %s: %d %.200s", p.Tenant, p.Creator,
			p.Activity, key,
			status, answer)
		switch {
		case !killed && (status == 200 || status == 201):
			var created struct {
				ID string `json:"settlement_id"`
			}
			if err := json.Unmarshal([]byte(answer), &created); err != nil {
				a.world.ReportBroken("simulator", "settle of %s was answered %d %s", p.Activity, status, answer)
				return
			}
			a.Acts++
			a.Answered.Settled = append(a.Answered.Settled, SettleAnswer{p, key, created.ID, amount})
		// a client repeats a call that was not answered; conflicts and rate limits pass too
		case (killed || status >= 500 || status == 409 || status == 429) && try < 8:
			a.world.RunAfter(time.Duration(try)*a.world.DurationBetween(time.Second, 3*time.Minute), func() {
				a.callSettle(p, key, amount, try+1)
			})
		}
	})
}

// RepeatSettleCalls repeats every call of settle that was answered; the first answer must come
// again (promise P9).
func (a *Actors) RepeatSettleCalls() {
	for _, p := range a.Answered.Settled {
		body := p.Payable.settleBody(p.Amount)
		var res events.APIGatewayV2HTTPResponse
		a.world.StartTask(a.world.NewTask("settle-again", p.Payable.Tenant), func(ctx context.Context) {
			res = a.sys.Post(ctx, callerOf(p.Payable.Tenant, "operator"), "/v1/incentive/settle",
				p.Key, body)
		}, func(bool) {
			if res.StatusCode != http.StatusCreated || res.Headers["Idempotency-Replayed"] != "true" ||
				!strings.Contains(res.Body, p.ID) {
				a.world.ReportBroken("P9", "settle of %s was answered with %s; asked again, it is %d %s",
					p.Payable.Activity,
					p.ID, res.StatusCode, res.Body)
			}
		})
		a.world.RunUntil(a.world.TrueTime().Add(100 * time.Millisecond))
	}
}
