package people

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/local/simulate/system"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
)

// callerOf returns the person who has a role at a tenant.
func callerOf(tenant ident.Tenant, role string) system.Caller {
	return system.Caller{Tenant: tenant, Role: role}
}

// planOfficeVisits schedules when the people of a tenant look at their open settlements.
func (a *Actors) planOfficeVisits(tenant ident.Tenant) {
	a.world.RunAt(a.randomMoment(0, 20), func() { a.HandleOpenSettlements(tenant) })
	for _, day := range []string{"2026-09-02", "2026-09-15"} {
		a.world.RunAt(civil.MustDate(day).Start().Add(a.world.DurationBetween(9*time.Hour, 18*time.Hour)),
			func() {
				a.HandleOpenSettlements(tenant)
			})
	}
	lastEvening := civil.MustDate("2026-08-31").Start().Add(22 * time.Hour)
	a.world.RunAt(lastEvening.Add(a.world.DurationBetween(0, 119*time.Minute)), func() {
		a.HandleOpenSettlements(tenant)
	})
}

// HandleOpenSettlements has the people of a tenant read all settlements and do what each needs.
func (a *Actors) HandleOpenSettlements(tenant ident.Tenant) {
	var open []settlement.Settlement
	a.world.StartTask(a.world.NewTask("office", tenant), func(ctx context.Context) {
		_ = a.sys.Settlements.EachSettlement(ctx, tenant,
			settlement.Query{From: civil.MustDate("2026-08-27")},
			func(s settlement.Settlement) error {
				open = append(open, s)
				return nil
			})
	}, func(bool) {
		if tenant == ident.Tenant(a.Variants.SeveralApprovers) && a.world.Chance(2) {
			open = a.moveInBulk(tenant, open)
		}
		for _, s := range open {
			if a.world.Chance(10) {
				a.makeIllegalAttempt(s)
			}
			a.handleSettlement(s)
		}
		if tenant == ident.Tenant(a.Variants.TaxDesk) {
			a.reviewTrueUps(tenant)
		}
	})
}

// handleSettlement does what a person does with a settlement in the state in which it was read:
// release or confirm a hold, submit, approve, reject, cancel or reopen.
func (a *Actors) handleSettlement(s settlement.Settlement) {
	calm := a.world.Faults.Over
	approver, finance := a.nextApprover(s), callerOf(s.Tenant, "finance")
	version := s.StatusVersion
	body := func(more string) string { return fmt.Sprintf(`{"status_version":%d%s}`, version, more) }
	path := "/v1/settlements/" + s.ID
	rare := func(n int) bool { return !calm && a.world.Chance(n) }
	switch {
	case s.Hold != nil && s.Hold.Reason == settlement.HoldInvoice && s.NeedsInvoice && s.Paper == nil:
		a.planAct(finance, s, "invoice", path+"/invoice",
			fmt.Sprintf(`{"status_version":%d,"number":"24332000000012345678","issued_on":"2026-08-28",`+
				`"amount":%q,"file_sha256":%q}`,
				version, s.CreatorShare(), strings.Repeat("ab", 32)))
	case s.Hold != nil && s.Hold.Reason == settlement.HoldNetChanged:
		a.planAct(approver, s, "confirm-net", path+"/confirm-net", body(fmt.Sprintf(`,"net":%q`, s.Net)))
	case s.Hold != nil && (s.Status == settlement.Paid || s.Status == settlement.Failed):
		return
	case s.Hold != nil && s.Hold.Reason == settlement.HoldPaper &&
		!rare(10): // the paper is expected: people wait for it
	case s.Hold != nil && s.Hold.Reason == settlement.HoldCalendar &&
		a.world.Chance(2): // the calendar comes by itself: in half of the cases nobody tries
		a.planAct(finance, s, "release", path+"/release", body(""))
	case s.Hold != nil && s.Hold.Reason != settlement.HoldRuleGap &&
		s.Hold.Reason != settlement.HoldCalendar:
		a.planAct(finance, s, "release", path+"/release", body(""))
	case rare(14) && !s.WasSent() && s.Status != settlement.Paid && s.Status != settlement.Failed:
		a.planAct(finance, s, "hold", path+"/hold", body(`,"reason":"RISK","text":"look again"`))
	case s.Status == settlement.PendingReview:
		a.planAct(finance, s, "submit", path+"/transitions", body(`,"to":"IN_REVIEW"`))
	case s.Status == settlement.InReview && rare(9):
		a.planAct(approver, s, "reject", path+"/transitions", body(`,"to":"FAILED","reason":"wrong"`))
	case s.Status == settlement.InReview:
		a.planAct(approver, s, "approve", path+"/transitions", body(`,"to":"APPROVED"`))
	case (s.Status == settlement.Approved || s.Status == settlement.Paying && !s.WasSent()) && rare(8):
		a.planAct(approver, s, "cancel", path+"/cancel", body(`,"reason":"not this month"`))
	case s.RefuseReopening() == nil && a.world.Chance(2) && !a.isLeftUnpaid(s):
		a.planAct(approver, s, "reopen", path+"/reopen", body(`,"reason":"new account"`))
	}
}

// planAct schedules an act on a settlement, in some cases twice or with an outdated version.
func (a *Actors) planAct(c system.Caller, s settlement.Settlement, name, path, body string) {
	delay := a.world.DurationBetween(0, 3*time.Minute)
	a.world.RunAfter(delay, func() { a.callAct(c, s, name, path, body) })
	if a.world.Faults.Chance(10, engine.FaultDoubleClick) {
		a.world.RunAfter(delay+a.world.DurationBetween(0, 30*time.Millisecond), func() {
			a.callAct(c, s, name, path, body)
		})
	}
	// a page that was loaded before the last change of status
	if s.StatusVersion > 1 && a.world.Faults.Chance(20, engine.FaultDoubleClick) {
		old := strings.Replace(body, fmt.Sprintf(`"status_version":%d`, s.StatusVersion),
			fmt.Sprintf(`"status_version":%d`, s.StatusVersion-1), 1)
		a.world.RunAfter(a.world.DurationBetween(0, 10*time.Minute), func() {
			a.callAct(c, s, name, path, old)
		})
	}
}

// callAct makes an act on a settlement and keeps the answer.
func (a *Actors) callAct(c system.Caller, s settlement.Settlement, name, path, body string) {
	var status int
	var answer string
	a.world.StartTask(a.world.NewTask(name, c.Tenant), func(ctx context.Context) {
		res := a.sys.Post(ctx, c, path, "", body)
		status, answer = res.StatusCode, res.Body
	}, func(killed bool) {
		a.world.Trace.Printf("answer", "%s %s %s: %d %.160s", c.Tenant, name, s.ID, status, answer)
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
			a.world.ReportBroken("simulator", "answer to %s cannot be read: %s", name, answer)
			return
		}
		a.Acts++
		a.Answered.Moved = append(a.Answered.Moved,
			MoveAnswer{Tenant: c.Tenant, ID: string(v.SettlementID), Act: name, SeenVersion: asked.Version,
				Version: v.Version,
				Status:  v.Status, By: c.Subject(), Transition: v.Transition})
	})
}

// readRoute reads a route and passes an answer with status 200 to the function shown.
func (a *Actors) readRoute(c system.Caller, name, path string, shown func(answer string)) {
	status, answer := 0, ""
	a.world.StartTask(a.world.NewTask(name, c.Tenant), func(ctx context.Context) {
		res := a.sys.Get(ctx, c, path)
		status, answer = res.StatusCode, res.Body
	}, func(killed bool) {
		switch {
		case !killed && status == 200:
			shown(answer)
		case !killed && status < 500:
			a.world.ReportBroken("simulator", "%s was refused: %d %s", name, status, answer)
		}
	})
}
