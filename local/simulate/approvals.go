package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy/review"
)

// levels are how many people an amount needs at a tenant.
func (w *world) levels(tenant ident.Tenant) []review.Level {
	if tenant != ident.Tenant(w.turns.many) {
		return nil
	}
	return []review.Level{{Above: money.Fen(300_000), Approvers: 2},
		{Above: money.Fen(3_000_000), Approvers: 3}}
}

// approvers are the people who may approve at a tenant.
func approvers() []string { return []string{"approver", "approver-2", "approver-3"} }

// approverOf is who looks at a settlement next: somebody who has not approved it yet, or now and
// then anybody.
func (w *world) approverOf(s settlement.Settlement) caller {
	c := caller{s.Tenant, approvers()[0]}
	if s.Tenant != ident.Tenant(w.turns.many) || s.Status != settlement.InReview {
		return c
	}
	if !w.faults.over && w.s.chance(6) {
		return caller{s.Tenant, one(w.s, approvers())}
	}
	for _, name := range approvers() {
		c.role = name
		if !slices.ContainsFunc(s.Approvals, func(a settlement.Approval) bool {
			return a.By == c.subject()
		}) {
			break
		}
	}
	return c
}

// together moves many settlements in one call each for submitting and approving, and leaves the
// rest for one by one.
func (w *world) together(tenant ident.Tenant,
	open []settlement.Settlement) []settlement.Settlement {
	var submit []settlement.Settlement
	approve := map[caller][]settlement.Settlement{}
	rest := slices.DeleteFunc(open, func(s settlement.Settlement) bool {
		switch {
		case s.Hold != nil:
			return false
		case s.Status == settlement.PendingReview:
			submit = append(submit, s)
			return true
		case s.Status == settlement.InReview:
			approve[w.approverOf(s)] = append(approve[w.approverOf(s)], s)
			return true
		}
		return false
	})
	w.bulk(caller{tenant, "finance"}, "submit", settlement.InReview, submit)
	for _, name := range approvers() {
		c := caller{tenant, name}
		w.bulk(c, "approve", settlement.Approved, approve[c])
	}
	return rest
}

// bulk asks for one move of many settlements, often twice, some of them on an old view, and of one
// that is not there.
func (w *world) bulk(c caller, name string, to settlement.Status, of []settlement.Settlement) {
	if len(of) == 0 {
		return
	}
	var items []string
	asked := map[string]int{}
	for _, s := range of {
		asked[s.ID] = s.StatusVersion
		if s.StatusVersion > 1 && w.faults.chance(20, faultClick) {
			asked[s.ID]--
		}
		items = append(items, fmt.Sprintf(`{"settlement_id":%q,"status_version":%d}`, s.ID, asked[s.ID]))
	}
	if w.s.chance(3) {
		items = append(items, `{"settlement_id":"st-unknown","status_version":1}`)
	}
	body := fmt.Sprintf(`{"to":%q,"items":[%s]}`, to, strings.Join(items, ","))
	delay := w.s.between(0, 3*time.Minute)
	w.s.after(delay, func() { w.bulkOnce(c, name, to, body, asked) })
	if w.faults.chance(4, faultClick) {
		w.s.after(delay+w.s.between(0, time.Second), func() { w.bulkOnce(c, name, to, body, asked) })
	}
}

// bulkAnswer is what was answered of each item.
type bulkAnswer struct {
	Results []struct {
		ID         string `json:"settlement_id"`
		Status     int    `json:"status"`
		Replayed   bool   `json:"replayed"`
		Settlement *struct {
			Status     settlement.Status `json:"status"`
			Version    int               `json:"status_version"`
			Transition string            `json:"transition_id"`
		} `json:"settlement"`
		Error json.RawMessage `json:"error"`
	} `json:"results"`
}

func (w *world) bulkOnce(c caller, name string, to settlement.Status, body string,
	asked map[string]int) {
	status, answer := 0, ""
	w.s.begin(w.task("bulk-"+name, c.tenant), func(ctx context.Context) {
		res := w.post(ctx, w.api, c, "/v1/settlements/transitions", "", body)
		status, answer = res.StatusCode, res.Body
	}, func(killed bool) {
		w.trace.add("answer", "%s %s of %d by %s: %d %.300s", c.tenant, name, len(asked), c.role, status,
			answer)
		if killed || status != 200 {
			return
		}
		var a bulkAnswer
		if err := json.Unmarshal([]byte(answer), &a); err != nil || len(a.Results) < len(asked) {
			w.broken("simulator", "bulk %s was answered with %s (%v)", name, answer, err)
			return
		}
		w.acts++
		for _, r := range a.Results {
			seen, known := asked[r.ID]
			if (r.Status == 200) != (r.Settlement != nil) || (r.Status == 200) != (len(r.Error) == 0) ||
				(!known && r.Status != 404 && r.Status != 503) { // a busy store knows of none
				w.broken("P9", "bulk %s of %s was answered with %d, settlement %v, error %s", name, r.ID,
					r.Status, r.Settlement, r.Error)
				continue
			}
			if r.Status != 200 {
				continue
			}
			p := movedPromise{tenant: c.tenant, id: r.ID, act: name, asked: seen,
				version: r.Settlement.Version, status: r.Settlement.Status, by: c.subject(),
				transition: r.Settlement.Transition}
			if r.Replayed {
				p.act = "again"
			}
			w.promised.moved = append(w.promised.moved, p)
			w.promised.bulk++
		}
	})
}

// checkApproved checks that an approval which was answered, and was not the last one, is kept.
func (b *books) checkApproved(s settlement.Settlement, p movedPromise) {
	if !slices.ContainsFunc(s.Approvals, func(a settlement.Approval) bool { return a.By == p.by }) {
		b.broken("P9", "%s was told that %s is approved, and its approval is not kept", p.by, p.id)
	}
}

// checkApprovers checks that what was approved was approved by as many different people as its
// amount needs.
func (b *books) checkApprovers(s settlement.Settlement) {
	by := map[string]bool{}
	for _, a := range s.Approvals {
		by[a.By] = true
	}
	for _, m := range s.History {
		if m.To != settlement.Approved || m.By == "system:review" {
			continue
		}
		need := review.Rules{Levels: b.levels(s.Tenant)}.Approvers(s.Gross)
		if len(by) < need || len(by) != len(s.Approvals) || !by[m.By] {
			b.broken("P4", "%s/%s over %s was approved by %v, %d people are needed", s.Tenant, s.ID, s.Gross,
				s.Approvals, need)
		}
	}
}
