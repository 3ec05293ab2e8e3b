package settlement

import (
	"time"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement/reason"
	"fenzhang/shared/tenancy/review"
)

// step is the next step of a settlement: what has to be done, by whom and until when.
type step struct {
	action, owner string
	state         string         // name in the tenant's deadlines; "" when nothing is pending
	text          bilingual.Text // for the creator
	since         time.Time      // the instant from which the deadline runs
	on            civil.Date     // the business date on which it is due, where one is fixed
}

// noStep is the step of a settlement that has ended: nothing has to be done.
func noStep(text bilingual.Text) step { return step{action: "none", owner: "nobody", text: text} }

// pendingStep returns the next step of a settlement. It is defined for every status, hold and state
// of the payout.
func (s Settlement) pendingStep() step {
	switch s.Status {
	case Failed:
		return s.stepOfFailed()
	case Paid:
		return s.stepOfPaid()
	default: // the others wait for a person or for the pay day, below
	}
	if s.WasSent() {
		return s.stepOfSent()
	}
	if s.Status == Paying && s.ReasonClass == Cancelled {
		return step{action: "cancel", owner: "system", state: "send",
			text: reason.StateText(reason.ToCancel), since: s.statusSince()}
	}
	if s.Hold != nil {
		action := "end_hold"
		if s.Hold.Reason == HoldCalendar {
			action = "load_calendar"
		}
		return step{action: action, owner: s.Hold.Owner, state: s.Hold.Reason,
			text: reason.FindHold(s.Hold.Reason).Creator, since: s.HoldBegan(), on: s.Hold.Until}
	}
	return s.stepOfOpen()
}

// stepOfOpen is the next step of a settlement without a hold whose money was not sent.
func (s Settlement) stepOfOpen() step {
	switch {
	case s.Quote == "" && s.Status != Paying:
		return step{action: "quote", owner: "system", state: "quote",
			text: reason.StateText(reason.Computing), since: s.LastUpdated}
	case s.Status == PendingReview:
		return step{action: "submit", owner: "finance", state: "submit",
			text: reason.StateText(reason.ToSubmit), since: s.statusSince()}
	case s.Status == InReview:
		return step{action: "approve", owner: "approver", state: "approve",
			text: reason.StateText(reason.ToApprove), since: s.statusSince()}
	case s.Status == Approved:
		return step{action: "book_on_" + s.PayOn.String(), owner: "system", state: "book",
			text: reason.StateText(reason.ToBook), since: s.statusSince(), on: s.PayOn}
	}
	return step{action: "pay", owner: "system", state: "send", text: reason.StateText(reason.ToSend),
		since: s.statusSince()}
}

// stepOfFailed is the next step of a FAILED settlement: an approver reopens it when its payout
// failed.
func (s Settlement) stepOfFailed() step {
	switch {
	case s.ReasonClass != PaymentFailed:
		return noStep(reason.StateText(s.ReasonClass))
	case s.ReopenedBy != "":
		return noStep(reason.StateText(reason.PaidAgain))
	}
	code := ""
	if s.Payout != nil {
		code = s.Payout.Reason
	}
	return step{action: "reopen", owner: "approver", state: "reopen",
		text: reason.FindFailure(code).Creator, since: s.statusSince()}
}

// stepOfPaid is the next step of a PAID settlement: an approver reopens it when the payout was
// returned.
func (s Settlement) stepOfPaid() step {
	switch {
	case s.Payout == nil || s.Payout.State != payout.Returned:
		return noStep(reason.StateText(reason.Paid))
	case s.ReopenedBy != "":
		return noStep(reason.StateText(reason.PaidAgain))
	}
	return step{action: "reopen", owner: "approver", state: "reopen",
		text: reason.StateText(reason.Returned), since: s.LastUpdated}
}

// stepOfSent is the next step of a settlement whose money was sent: the gateway's answer, or the
// payee's confirmation.
func (s Settlement) stepOfSent() step {
	ask := step{action: "ask_gateway", owner: "system", state: "gateway",
		text: reason.StateText(reason.Sent), since: s.Payout.SentAt}
	switch s.Payout.State {
	case payout.Unknown:
		ask.text = reason.StateText(reason.Unclear)
	case payout.WaitingPayee:
		return step{action: "confirm_receipt", owner: "creator", state: "payee",
			text: reason.StateText(reason.WaitingPayee), since: s.Payout.SentAt}
	default: // in the other states the gateway is asked as usual
	}
	return ask
}

// statusSince is the instant of the last change of status.
func (s Settlement) statusSince() time.Time {
	if n := len(s.History); n > 0 {
		return s.History[n-1].At
	}
	return s.OpenedAt
}

// HoldBegan is the instant at which the present hold began. Holds stored before this field existed
// have the instant of the last write.
func (s Settlement) HoldBegan() time.Time {
	if s.HeldSince.IsZero() {
		return s.LastUpdated
	}
	return s.HeldSince
}

// endOfDay is the time of day, 18:00, by which work that is due on a day must be done.
const endOfDay = 18 * time.Hour

// Viewer computes what a caller sees of settlements at a moment: next step, deadline, expected
// arrival and texts, by the rules of a tenant.
type Viewer struct {
	Rules      review.Rules
	Calendar   Calendar
	Now        time.Time  // real time, for deadlines that run from the instant of an act
	Today      civil.Date // business date, for deadlines on a day
	ForCreator bool       // names of staff and what they wrote to each other are left out
}

// Next is the next action on a settlement, who has to do it, and by when.
type Next struct {
	Action, Owner string
	Due           time.Time // zero where nothing limits it
	Overdue       bool      // it waits longer than the tenant's deadlines allow
}

// NextAction returns the next action on a settlement, its owner, when it is due, and whether it is
// overdue.
func (v Viewer) NextAction(s Settlement) Next {
	w := s.pendingStep()
	due, overdue := v.deadlineOf(w)
	owner := w.owner
	if v.ForCreator && s.Hold != nil && w.state == s.Hold.Reason &&
		ident.Creator(owner) != s.CreatorID {
		owner = reason.FindHold(s.Hold.Reason).Owner
	}
	return Next{Action: w.action, Owner: owner, Due: due, Overdue: overdue}
}

// Overdue reports whether a settlement waits longer than the deadlines of the tenant allow, and the
// name of its state in these deadlines.
func (v Viewer) Overdue(s Settlement) (state string, overdue bool) {
	w := s.pendingStep()
	_, overdue = v.deadlineOf(w)
	return w.state, overdue
}

// deadlineOf returns when a step is due and whether it is overdue. A step that is due on a business
// date becomes overdue only after the tenant's deadline from that date. Every other step is due
// when the deadline has run since the act that began the step.
func (v Viewer) deadlineOf(w step) (time.Time, bool) {
	d, limited := v.Rules.Deadlines[w.state]
	if w.state == "" || (!limited && w.on.IsZero()) {
		return time.Time{}, false
	}
	if w.action == "end_hold" && !w.on.IsZero() { // who set the hold has fixed its last day
		return w.on.Start(), v.Today.After(w.on)
	}
	if !w.on.IsZero() {
		return w.on.Start().Add(endOfDay), v.Today.After(v.addWorkingDays(w.on, d.WorkingDays))
	}
	end := w.since.Add(time.Duration(d.Hours) * time.Hour)
	if d.WorkingDays > 0 {
		end = v.addWorkingDays(civil.DateOf(w.since), d.WorkingDays).Start().Add(endOfDay)
	}
	return end, v.Now.After(end)
}

// addWorkingDays returns the day n working days after a day. In a year whose calendar is not loaded
// every day counts as a working day.
func (v Viewer) addWorkingDays(day civil.Date, n int) civil.Date {
	for range n {
		next := day.AddDays(1)
		if v.Calendar != nil {
			if working, err := v.Calendar.NextWorkingDay(day); err == nil {
				next = working
			}
		}
		day = next
	}
	return day
}

// ExpectedArrival is the instant at which the money of a settlement is expected. When a calendar
// was missing at the last write, the arrival is computed here as soon as the calendar is loaded.
func (v Viewer) ExpectedArrival(s Settlement) time.Time {
	if !s.Arrival.IsZero() || s.Provisional != nil || v.Calendar == nil || s.Status == Failed ||
		s.Status == Paid {
		return s.Arrival
	}
	return arrivalAfterApproval(laterDate(s.PayOn, v.Today), v.Calendar)
}

// CreatorText explains the state of a settlement to its creator. When a check of the tenant has
// rejected the settlement, the text that the tenant wrote for this check is added.
func (v Viewer) CreatorText(s Settlement) bilingual.Text {
	text := s.pendingStep().text
	if s.wasRejectedByReview() {
		cause := v.Rules.FindingText(s.Review.Rejects)
		text = reason.StateText(reason.RejectedByReview)
		text.ZH, text.EN = text.ZH+cause.ZH, text.EN+cause.EN
	}
	return text
}
