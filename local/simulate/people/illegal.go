package people

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"fenzhang/local/simulate/engine"
	"fenzhang/local/simulate/system"
	"fenzhang/shared/settlement"
)

// LegalMoves are the moves of promise P4.
func LegalMoves(from settlement.Status) []settlement.Status {
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
	by         system.Caller
	path, body string
	forbidden  bool
}

// drawIllegalAttempt draws an act that a settlement as it was seen does not allow.
func (a *Actors) drawIllegalAttempt(s settlement.Settlement) attempt {
	v := attempt{by: callerOf(s.Tenant, "approver"), path: "/transitions"}
	moves := slices.DeleteFunc(settlement.Statuses(), func(to settlement.Status) bool {
		return slices.Contains(LegalMoves(s.Status), to)
	})
	to := engine.PickRandom(a.world, moves)
	if a.world.Chance(4) { // a move that exists, by somebody who may not make it
		to = engine.PickRandom(a.world, settlement.Statuses()[1:])
		v.by.Role = engine.PickRandom(a.world, []string{"auditor", "cashier"})
		v.forbidden = true
	}
	switch to {
	case settlement.PendingReview, settlement.InReview:
		if !v.forbidden {
			v.by.Role = "finance"
		}
	case settlement.Paying, settlement.Paid: // the system's alone
		v.forbidden = true
	}
	v.body = fmt.Sprintf(`{"status_version":%d,"to":%q,"reason":"tried"}`, s.StatusVersion, to)
	return a.drawOtherAttempt(s, v)
}

// drawOtherAttempt puts now and then an act that is no transition in the place of one.
func (a *Actors) drawOtherAttempt(s settlement.Settlement, v attempt) attempt {
	early := s.Status == settlement.PendingReview || s.Status == settlement.InReview
	past := s.Status == settlement.Paid || s.Status == settlement.Failed
	other := attempt{by: callerOf(s.Tenant, "approver"), path: "/reopen"}
	reason := "tried"
	switch {
	case v.forbidden || !a.world.Chance(3):
		return v
	case early:
		other.path = engine.PickRandom(a.world, []string{"/cancel", "/reopen"})
	case past && a.world.Chance(2):
		other.path = "/cancel"
	case past:
		other.path = "/hold"
		other.by.Role = "finance"
		reason = "RISK"
	}
	other.body = fmt.Sprintf(`{"status_version":%d,"reason":%q}`, s.StatusVersion, reason)
	return other
}

// makeIllegalAttempt makes an act that must be refused, and looks at the refusal. a machine that dies or is busy
// answers nothing.
func (a *Actors) makeIllegalAttempt(s settlement.Settlement) {
	v := a.drawIllegalAttempt(s)
	var status int
	var answer string
	a.world.RunAfter(0, func() {
		a.world.StartTask(a.world.NewTask("try", v.by.Tenant), func(ctx context.Context) {
			res := a.sys.Post(ctx, v.by, "/v1/settlements/"+s.ID+v.path, "", v.body)
			status, answer = res.StatusCode, res.Body
		}, func(killed bool) {
			a.world.Trace.Addf("answer", "%s tries %s %s of %s as %s: %d %.160s", v.by.Tenant, v.path,
				v.body, s.ID,
				v.by.Role, status, answer)
			if killed || status >= 500 {
				return
			}
			var refusal struct {
				Code   int    `json:"code"`
				Reason string `json:"reason"`
			}
			if err := json.Unmarshal([]byte(answer), &refusal); err != nil ||
				!v.isProperRefusal(refusal.Code, refusal.Reason) {
				a.world.ReportBroken("P4", "%s in %s was tried by %s with %s and answered with %d %s", s.ID,
					s.Status,
					v.by.Subject(), v.path+" "+v.body, status, answer)
			}
			a.Refused++
		})
	})
}

// isProperRefusal tells whether a refusal is one that an attempt must meet. Who prepared a settlement is
// refused as that first.
func (a attempt) isProperRefusal(code int, reason string) bool {
	switch code {
	case 1003:
		return a.forbidden && reason == "forbidden" || !a.forbidden && reason == "preparer"
	case 3001, 3002:
		return !a.forbidden
	}
	return false
}
