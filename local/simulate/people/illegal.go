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

// LegalMoves returns the statuses to which a settlement may move (promise P4).
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
	default:
		return nil
	}
}

// attempt is an act that the product must refuse: with code 1003 when the person has no right to
// it, otherwise because of the status of the settlement or because the settlement has changed
// since it was read.
type attempt struct {
	by         system.Caller
	path, body string
	forbidden  bool
}

// drawIllegalAttempt draws a status change that a settlement, as it was read, does not allow.
func (a *Actors) drawIllegalAttempt(s settlement.Settlement) attempt {
	v := attempt{by: callerOf(s.Tenant, "approver"), path: "/transitions"}
	moves := slices.DeleteFunc(settlement.Statuses(), func(to settlement.Status) bool {
		return slices.Contains(LegalMoves(s.Status), to)
	})
	to := engine.PickRandom(a.world, moves)
	if a.world.Chance(4) { // a legal move by a person without the right to it
		to = engine.PickRandom(a.world, settlement.Statuses()[1:])
		v.by.Role = engine.PickRandom(a.world, []string{"auditor", "cashier"})
		v.forbidden = true
	}
	switch to {
	case settlement.PendingReview, settlement.InReview:
		if !v.forbidden {
			v.by.Role = "finance"
		}
	case settlement.Paying, settlement.Paid: // only the system makes these moves
		v.forbidden = true
	default: // the other moves keep the role that was drawn
	}
	v.body = fmt.Sprintf(`{"status_version":%d,"to":%q,"reason":"tried"}`, s.StatusVersion, to)
	return a.drawOtherAttempt(s, v)
}

// drawOtherAttempt replaces an attempt, in one of three cases, by a cancellation, a reopening or a
// hold that the status does not allow.
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

// makeIllegalAttempt makes an act that must be refused, and checks the refusal (promise P4). A
// killed or busy machine gives no answer to check.
func (a *Actors) makeIllegalAttempt(s settlement.Settlement) {
	v := a.drawIllegalAttempt(s)
	var status int
	var answer string
	a.world.RunAfter(0, func() {
		a.world.StartTask(a.world.NewTask("try", v.by.Tenant), func(ctx context.Context) {
			res := a.sys.Post(ctx, v.by, "/v1/settlements/"+s.ID+v.path, "", v.body)
			status, answer = res.StatusCode, res.Body
		}, func(killed bool) {
			a.world.Trace.Printf("answer", "%s tries %s %s of %s as %s: %d %.160s", v.by.Tenant, v.path,
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

// isProperRefusal reports whether an attempt was refused for the right reason. Whoever prepared a
// settlement is refused as preparer before any other check.
func (a attempt) isProperRefusal(code int, reason string) bool {
	switch code {
	case 1003:
		return a.forbidden && reason == "forbidden" || !a.forbidden && reason == "preparer"
	case 3001, 3002:
		return !a.forbidden
	}
	return false
}
