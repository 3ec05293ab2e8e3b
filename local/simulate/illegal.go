package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"fenzhang/shared/settlement"
)

// legal are the moves of promise P4.
func legal(from settlement.Status) []settlement.Status {
	switch from {
	case settlement.PendingReview:
		return []settlement.Status{settlement.InReview}
	case settlement.InReview:
		return []settlement.Status{settlement.Approved, settlement.Failed}
	case settlement.Approved:
		return []settlement.Status{settlement.Paying}
	case settlement.Paying:
		return []settlement.Status{settlement.Paid, settlement.Failed}
	}
	return nil
}

// attempt is an act that must be refused: by a person without the right to it with code 1003, by
// anybody else because of the settlement's status, or because that has changed since it was seen.
type attempt struct {
	by         caller
	path, body string
	forbidden  bool
}

// illegal draws an act that a settlement as it was seen does not allow.
func (w *world) illegal(s settlement.Settlement) attempt {
	a := attempt{by: caller{s.Tenant, "approver"}, path: "/transitions"}
	moves := slices.DeleteFunc(settlement.Statuses(), func(to settlement.Status) bool {
		return slices.Contains(legal(s.Status), to)
	})
	to := one(w.s, moves)
	if w.s.chance(4) { // a move that exists, by somebody who may not make it
		to = one(w.s, settlement.Statuses()[1:])
		a.by.role = one(w.s, []string{"auditor", "cashier"})
		a.forbidden = true
	}
	switch to {
	case settlement.PendingReview, settlement.InReview:
		if !a.forbidden {
			a.by.role = "finance"
		}
	case settlement.Paying, settlement.Paid: // the system's alone
		a.forbidden = true
	}
	a.body = fmt.Sprintf(`{"status_version":%d,"to":%q,"reason":"tried"}`, s.StatusVersion, to)
	return w.otherAct(s, a)
}

// otherAct puts now and then an act that is no transition in the place of one.
func (w *world) otherAct(s settlement.Settlement, a attempt) attempt {
	early := s.Status == settlement.PendingReview || s.Status == settlement.InReview
	past := s.Status == settlement.Paid || s.Status == settlement.Failed
	other := attempt{by: caller{s.Tenant, "approver"}, path: "/reopen"}
	reason := "tried"
	switch {
	case a.forbidden || !w.s.chance(3):
		return a
	case early:
		other.path = one(w.s, []string{"/cancel", "/reopen"})
	case past && w.s.chance(2):
		other.path = "/cancel"
	case past:
		other.path = "/hold"
		other.by.role = "finance"
		reason = "RISK"
	}
	other.body = fmt.Sprintf(`{"status_version":%d,"reason":%q}`, s.StatusVersion, reason)
	return other
}

// try makes an act that must be refused, and looks at the refusal. A machine that dies or is busy
// answers nothing.
func (w *world) try(s settlement.Settlement) {
	a := w.illegal(s)
	var status int
	var answer string
	w.s.after(0, func() {
		w.s.begin(w.task("try", a.by.tenant), func(ctx context.Context) {
			res := w.post(ctx, w.api, a.by, "/v1/settlements/"+s.ID+a.path, "", a.body)
			status, answer = res.StatusCode, res.Body
		}, func(killed bool) {
			w.trace.add("answer", "%s tries %s %s of %s as %s: %d %.160s", a.by.tenant, a.path, a.body, s.ID,
				a.by.role, status, answer)
			if killed || status >= 500 {
				return
			}
			var refusal struct {
				Code   int    `json:"code"`
				Reason string `json:"reason"`
			}
			if err := json.Unmarshal([]byte(answer), &refusal); err != nil ||
				!a.refused(refusal.Code, refusal.Reason) {
				w.broken("P4", "%s in %s was tried by %s with %s and answered with %d %s", s.ID, s.Status,
					a.by.subject(), a.path+" "+a.body, status, answer)
			}
			w.tried++
		})
	})
}

// refused tells whether a refusal is one that an attempt must meet. Who prepared a settlement is
// refused as that first.
func (a attempt) refused(code int, reason string) bool {
	switch code {
	case 1003:
		return a.forbidden && reason == "forbidden" || !a.forbidden && reason == "preparer"
	case 3001, 3002:
		return !a.forbidden
	}
	return false
}
