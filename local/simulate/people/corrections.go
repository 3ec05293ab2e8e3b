package people

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/local/simulate/system"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/trueup"
)

// planTaxWork schedules a merge of two taxpayers and the work of the tax desk, where the variants
// of the run have them at this tenant.
func (a *Actors) planTaxWork(tenant ident.Tenant) {
	if tenant == ident.Tenant(a.Variants.Merge) {
		a.planMerge(tenant)
	}
	if tenant != ident.Tenant(a.Variants.TaxDesk) {
		return
	}
	for _, last := range []int{12, 20, 21} {
		a.world.RunAt(a.randomMoment(last-7, last), func() { a.reviewTrueUps(tenant) })
	}
	a.world.RunAt(a.randomMoment(7, 13), func() { a.HandleOpenSettlements(tenant) })
	for n := range 4 {
		// several payments to one person: when some fail, the later ones were taxed on a total that is
		// too high
		p := a.newPayable(tenant, 100+n)
		p.Creator, p.Amount = ident.Creator(engine.PickRandom(a.world, []string{First, Second})),
			money.Fen(1_500_000+a.world.Rand.Int64N(6_000_000))
		a.planPayable(p, a.randomMoment(0, 12))
	}
	// in half of these runs the law changes too, so that corrections are needed
	if a.world.Chance(2) {
		a.Laws.Changed = a.randomMoment(2, 14).UnixNano()
	}
}

// isLeftUnpaid reports whether nobody reopens a failed settlement of the tax desk's tenant: its
// taxes were reversed, and other taxes that were computed on top of them stay open as true-ups,
// which the desk has to find.
func (a *Actors) isLeftUnpaid(s settlement.Settlement) bool {
	return s.Tenant == ident.Tenant(a.Variants.TaxDesk) && s.Status == settlement.Failed &&
		s.ID < "st-c"
}

// LastMonth is the last month in which taxes are booked in a run.
const LastMonth = "2026-09"

// reviewTrueUps has finance read the open true-ups of a tenant and act on each. Nothing is read
// when nothing was written since the last look, so that a run comes to rest.
func (a *Actors) reviewTrueUps(tenant ident.Tenant) {
	if a.deskSaw == a.world.Streams.WriteCount() {
		return
	}
	a.deskSaw = a.world.Streams.WriteCount()
	for _, entity := range []string{OrdinaryEntity, PlatformEntity} {
		a.readRoute(callerOf(tenant, "finance"), "true-ups", "/v1/tax/true-ups?paying_entity="+entity+
			"&month="+
			LastMonth, func(answer string) {
			var list struct {
				Open []trueup.TrueUp `json:"true_ups"`
			}
			if err := json.Unmarshal([]byte(answer), &list); err != nil {
				a.world.ReportBroken("simulator", "true-ups cannot be read: %v in %s", err, answer)
			}
			corrected := map[string]bool{}
			for i := range list.Open {
				a.handleTrueUp(tenant, &list.Open[i], corrected)
			}
		})
	}
	if a.world.Chance(3) {
		a.readRoute(callerOf(tenant, "auditor"), "amendments",
			"/v1/tax/amendments?paying_entity="+OrdinaryEntity+
				"&month="+ClosedMonth, func(string) {})
	}
}

// handleTrueUp acts on one open true-up: a difference that another law explains is corrected for
// the whole year; for any other, one person decides and another confirms.
func (a *Actors) handleTrueUp(tenant ident.Tenant, u *trueup.TrueUp, corrected map[string]bool) {
	// the second person must not have approved the settlements that bear the difference
	finance, other := callerOf(tenant, "finance"),
		callerOf(tenant, engine.PickRandom(a.world, []string{"admin", "approver-9"}))
	now := a.world.TrueTime()
	second := now.Add(a.world.DurationBetween(time.Second, 3*time.Hour))
	// after the trouble the run should come to rest soon
	if a.world.Faults.Over {
		second = now.Add(5 * time.Minute)
	}
	path := "/v1/tax/true-ups/" + u.ID
	switch {
	case u.Decided:
	case u.Cause == trueup.CauseLaw && !a.isMonthFiled(u) &&
		corrected[string(u.Taxpayer)]: // one correction covers the whole year
	case u.Cause == trueup.CauseLaw && !a.isMonthFiled(u):
		corrected[string(u.Taxpayer)] = true
		a.corrections++
		id := fmt.Sprintf("cor-%s-%d", tenant, a.corrections)
		a.planRequest(now, finance, "correct", "/v1/tax/diffs/post",
			fmt.Sprintf(`{"correction_id":%q,"entity":%q,"taxpayer":%q,"year":2026,"reason":"the share `+
				`has changed"}`, id, u.Entity, u.Taxpayer))
		a.planRequest(second, other, "post-correction", "/v1/tax/diffs/post/"+id+"/approve", "")
	case u.Decision != nil && u.Decision.Difference == u.Difference:
		a.planRequest(second, other, "confirm-true-up", path+"/confirm", "")
	default:
		decision := trueup.Collect
		switch {
		case u.Missing != "" || a.world.Chance(5):
			decision = trueup.LeaveToAnnual
		case u.Difference.Negative():
			decision = trueup.GiveBack
		}
		a.planRequest(now, finance, "decide-true-up", path+"/decide",
			fmt.Sprintf(`{"decision":%q,"reason":"found on the list"}`, decision))
		a.planRequest(second, other, "confirm-true-up", path+"/confirm", "")
	}
}

// isMonthFiled reports whether finance has recorded the month of a true-up as filed.
func (a *Actors) isMonthFiled(u *trueup.TrueUp) bool {
	tenant := a.Variants.TaxDesk
	returns, err := a.sys.Store.FiledMonths(context.Background(), ident.Tenant(tenant), u.Entity)
	return err == nil && filedmonth.Lookup(returns)(u.Month())
}

// payoutFails draws whether a payout of a tenant fails: in one of three cases at the tax desk's
// tenant, where the failures leave true-ups, in one of eight elsewhere.
func (a *Actors) payoutFails(tenant ident.Tenant) bool {
	if tenant == ident.Tenant(a.Variants.TaxDesk) {
		return a.world.TrueNanos() < a.Plan.End.Add(2*time.Hour).UnixNano() && a.world.Chance(3)
	}
	return !a.world.Faults.Over && a.world.Chance(8)
}

// keepTaxAnswer keeps what the tax desk was answered, for promise P9.
func (a *Actors) keepTaxAnswer(c system.Caller, name, answer string) {
	if !slices.Contains([]string{"correct", "post-correction", "decide-true-up", "confirm-true-up"},
		name) {
		return
	}
	var done struct {
		Act   string `json:"transition_id"`
		State string `json:"state"`
	}
	if err := json.Unmarshal([]byte(answer), &done); err != nil {
		a.world.ReportBroken("simulator", "answer to %s cannot be read: %s", name, answer)
		return
	}
	if done.Act != "" {
		a.Answered.Posted = append(a.Answered.Posted, PostedAnswer{c.Tenant, name, done.Act, done.State})
	}
}
