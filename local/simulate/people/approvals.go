package people

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/local/simulate/system"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy/review"
)

// ApprovalLevels returns how many approvers an amount needs at a tenant; no levels mean one
// approver.
func (a *Actors) ApprovalLevels(tenant ident.Tenant) []review.Level {
	if tenant != ident.Tenant(a.Variants.SeveralApprovers) {
		return nil
	}
	return []review.Level{{Above: money.Fen(300_000), Approvers: 2},
		{Above: money.Fen(3_000_000), Approvers: 3}}
}

// approverRoles returns the people of a tenant who may approve.
func approverRoles() []string { return []string{"approver", "approver-2", "approver-3"} }

// nextApprover picks who looks at a settlement next: somebody who has not approved the settlement
// yet; in some cases anybody.
func (a *Actors) nextApprover(s settlement.Settlement) system.Caller {
	c := callerOf(s.Tenant, approverRoles()[0])
	if s.Tenant != ident.Tenant(a.Variants.SeveralApprovers) || s.Status != settlement.InReview {
		return c
	}
	if !a.world.Faults.Over && a.world.Chance(6) {
		return callerOf(s.Tenant, engine.PickRandom(a.world, approverRoles()))
	}
	for _, name := range approverRoles() {
		c.Role = name
		if !slices.ContainsFunc(s.Approvals, func(a settlement.Approval) bool {
			return a.By == c.Subject()
		}) {
			break
		}
	}
	return c
}

// moveInBulk submits and approves many settlements with one call for each person, and returns the
// settlements that need another act.
func (a *Actors) moveInBulk(tenant ident.Tenant,
	open []settlement.Settlement) []settlement.Settlement {
	var submit []settlement.Settlement
	approve := map[system.Caller][]settlement.Settlement{}
	rest := slices.DeleteFunc(open, func(s settlement.Settlement) bool {
		switch {
		case s.Hold != nil:
			return false
		case s.Status == settlement.PendingReview:
			submit = append(submit, s)
			return true
		case s.Status == settlement.InReview:
			approve[a.nextApprover(s)] = append(approve[a.nextApprover(s)], s)
			return true
		}
		return false
	})
	a.planBulkMove(callerOf(tenant, "finance"), "submit", settlement.InReview, submit)
	for _, name := range approverRoles() {
		c := callerOf(tenant, name)
		a.planBulkMove(c, "approve", settlement.Approved, approve[c])
	}
	return rest
}

// planBulkMove schedules a bulk call that moves settlements to a status, in some cases twice, with
// outdated versions, or with a settlement that does not exist.
func (a *Actors) planBulkMove(c system.Caller, name string, to settlement.Status,
	of []settlement.Settlement) {
	if len(of) == 0 {
		return
	}
	var items []string
	asked := map[string]int{}
	for _, s := range of {
		asked[s.ID] = s.StatusVersion
		if s.StatusVersion > 1 && a.world.Faults.Chance(20, engine.FaultDoubleClick) {
			asked[s.ID]--
		}
		items = append(items, fmt.Sprintf(`{"settlement_id":%q,"status_version":%d}`, s.ID, asked[s.ID]))
	}
	// the call must answer for the unknown settlement and still move the others
	if a.world.Chance(3) {
		items = append(items, `{"settlement_id":"st-unknown","status_version":1}`)
	}
	body := fmt.Sprintf(`{"to":%q,"items":[%s]}`, to, strings.Join(items, ","))
	delay := a.world.DurationBetween(0, 3*time.Minute)
	a.world.RunAfter(delay, func() { a.callBulkMove(c, name, to, body, asked) })
	if a.world.Faults.Chance(4, engine.FaultDoubleClick) {
		a.world.RunAfter(delay+a.world.DurationBetween(0, time.Second), func() {
			a.callBulkMove(c, name, to, body, asked)
		})
	}
}

// bulkAnswer is the answer to a bulk call, with a result for each settlement.
type bulkAnswer struct {
	Results []bulkResult `json:"results"`
}

// bulkResult is the result of a bulk call for one settlement.
type bulkResult struct {
	ID         string `json:"settlement_id"`
	Status     int    `json:"status"`
	Replayed   bool   `json:"replayed"`
	Settlement *struct {
		Status     settlement.Status `json:"status"`
		Version    int               `json:"status_version"`
		Transition string            `json:"transition_id"`
	} `json:"settlement"`
	Error json.RawMessage `json:"error"`
}

// callBulkMove makes a bulk call and checks that every result is complete: a settlement or an
// error.
func (a *Actors) callBulkMove(c system.Caller, name string, to settlement.Status, body string,
	asked map[string]int) {
	status, answer := 0, ""
	a.world.StartTask(a.world.NewTask("bulk-"+name, c.Tenant), func(ctx context.Context) {
		res := a.sys.Post(ctx, c, "/v1/settlements/transitions", "", body)
		status, answer = res.StatusCode, res.Body
	}, func(killed bool) {
		a.world.Trace.Printf("answer", "%s %s of %d by %s: %d %.300s", c.Tenant, name, len(asked), c.Role,
			status,
			answer)
		if killed || status != 200 {
			return
		}
		var bulk bulkAnswer
		if err := json.Unmarshal([]byte(answer), &bulk); err != nil || len(bulk.Results) < len(asked) {
			a.world.ReportBroken("simulator", "bulk %s was answered with %s (%v)", name, answer, err)
			return
		}
		a.Acts++
		for _, r := range bulk.Results {
			a.keepBulkResult(c, name, r, asked)
		}
	})
}

// keepBulkResult checks that a result is complete, and keeps the answer about a moved settlement.
func (a *Actors) keepBulkResult(c system.Caller, name string, r bulkResult, asked map[string]int) {
	seen, known := asked[r.ID]
	if (r.Status == 200) != (r.Settlement != nil) || (r.Status == 200) != (len(r.Error) == 0) ||
		(!known && r.Status != 404 && r.Status != 503) { // a busy store answers 503 for any id
		a.world.ReportBroken("P9", "bulk %s of %s was answered with %d, settlement %v, error %s", name,
			r.ID, r.Status, r.Settlement, r.Error)
		return
	}
	if r.Status != 200 {
		return
	}
	p := MoveAnswer{Tenant: c.Tenant, ID: r.ID, Act: name, SeenVersion: seen,
		Version: r.Settlement.Version, Status: r.Settlement.Status, By: c.Subject(),
		Transition: r.Settlement.Transition}
	if r.Replayed {
		p.Act = "again"
	}
	a.Answered.Moved = append(a.Answered.Moved, p)
	a.Answered.BulkItems++
}
