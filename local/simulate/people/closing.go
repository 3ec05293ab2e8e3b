package people

import (
	"context"
	"fmt"
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/local/simulate/system"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement/receivable"
)

// ClosedMonth is the month whose accounting period is closed in a run.
const ClosedMonth = "2026-08"

// payingEntityOf returns the paying entity in the contract of a creator.
func payingEntityOf(creator ident.Creator) string {
	if creator == Worker {
		return PlatformEntity
	}
	return OrdinaryEntity
}

// planClosing schedules what the finance people of a tenant do beside settlements: they raise
// claims, record a filed month, and close and seal accounting periods.
func (a *Actors) planClosing(tenant ident.Tenant) {
	a.planClaims(tenant)
	if a.world.Chance(2) {
		a.planRequest(a.randomMoment(7, 10), callerOf(tenant, "finance"), "file-month",
			"/v1/tax/filed-months",
			fmt.Sprintf(`{"paying_entity":%q,"month":%q,"filed_on":"2026-09-03","reference":"r-1"}`,
				engine.PickRandom(a.world, []string{OrdinaryEntity, OrdinaryEntity, PlatformEntity}),
				ClosedMonth))
	}
	if a.world.Chance(2) {
		when := a.randomMoment(5, 19)
		a.world.RunAt(when, func() { a.closePeriods(tenant) })
		a.world.RunAt(when.Add(a.world.DurationBetween(10*time.Second, time.Hour)), func() {
			a.sealPeriods(tenant)
		})
	}
}

// planClaims schedules up to two claims on creators and their approval by a second person.
func (a *Actors) planClaims(tenant ident.Tenant) {
	for n := range a.world.Rand.IntN(3) {
		creator := engine.PickRandom(a.world, CreatorNames())
		kind := engine.PickRandom(a.world, []receivable.Kind{receivable.Advance, receivable.Penalty,
			receivable.RefundRecovery, receivable.Other})
		id := fmt.Sprintf("claim-%d", n)
		body := fmt.Sprintf(
			`{"receivable_id":%q,"creator_id":%q,"paying_entity":%q,"kind":%q,"amount":%q,`+
				`"document":"doc","reason":"owed"%s}`, id, creator, payingEntityOf(ident.Creator(creator)),
			kind,
			money.Fen(1+a.world.Rand.Int64N(300_000)),
			engine.PickRandom(a.world, []string{"", `,"max_share":"0.5"`}))
		when := a.randomMoment(0, 14)
		a.planRequest(when, callerOf(tenant, "finance"), "claim", "/v1/receivables", body)
		a.planRequest(when.Add(a.world.DurationBetween(time.Minute, 20*time.Hour)),
			callerOf(tenant, "admin"),
			"approve-claim",
			"/v1/receivables/"+id+"/approve", "")
	}
}

// planRequest schedules a request, in some cases twice within a second.
func (a *Actors) planRequest(when time.Time, c system.Caller, name, path, body string) {
	a.world.RunAt(when, func() { a.sendRequest(c, name, path, body, 1) })
	if a.world.Chance(3) {
		a.world.RunAt(when.Add(a.world.DurationBetween(0, time.Second)), func() {
			a.sendRequest(c, name, path, body, 1)
		})
	}
}

// sendRequest posts a request until it is answered, eight times at most.
func (a *Actors) sendRequest(c system.Caller, name, path, body string, try int) {
	status, answer := 0, ""
	a.world.StartTask(a.world.NewTask(name, c.Tenant), func(ctx context.Context) {
		res := a.sys.Post(ctx, c, path, "", body)
		status, answer = res.StatusCode, res.Body
	}, func(killed bool) {
		a.world.Trace.Printf("answer", "%s %s %s: %d %.160s", c.Tenant, name, path, status, answer)
		switch {
		case !killed && status < 300:
			a.Acts++
			a.keepTaxAnswer(c, name, answer)
		case killed || status >= 500:
			if try < 8 {
				a.world.RunAfter(time.Duration(try)*a.world.DurationBetween(time.Second, 2*time.Minute),
					func() {
						a.sendRequest(c, name, path, body, try+1)
					})
			}
		case status == 400:
			a.world.ReportBroken("simulator", "%s was refused: %s", name, answer)
		}
	})
}

// closePeriods begins to close the month that is over, at all paying entities of a tenant.
func (a *Actors) closePeriods(tenant ident.Tenant) {
	a.changePeriods(tenant, "close", identity.Finance, a.sys.Periods.Close)
}

// sealPeriods seals the closed month at all paying entities of a tenant; the product refuses while
// something is open.
func (a *Actors) sealPeriods(tenant ident.Tenant) {
	a.changePeriods(tenant, "seal", identity.Approver, a.sys.Periods.Seal)
}

// changePeriods closes or seals the accounting period at all paying entities of a tenant.
func (a *Actors) changePeriods(tenant ident.Tenant, name string, role identity.Role,
	act func(context.Context, identity.Principal, ident.Entity, civil.Month) (period.Period, error)) {
	by := identity.Principal{Tenant: tenant, Subject: string(role) + "@" + string(tenant),
		Roles: []identity.Role{role}}
	for _, entity := range []string{OrdinaryEntity, PlatformEntity} {
		var p period.Period
		var err error
		a.world.StartTask(a.world.NewTask(name+"-period", tenant), func(ctx context.Context) {
			p, err = act(ctx, by, ident.Entity(entity), ClosingMonth())
		}, func(killed bool) {
			a.world.Trace.Printf("period", "%s %s of %s: %s %v", name, entity, tenant, p.State, err)
			if err == nil && !killed {
				a.Acts++
			}
		})
	}
}

// ClosingMonth returns ClosedMonth as a month.
func ClosingMonth() civil.Month { return civil.MustDate(ClosedMonth + "-01").Month() }
