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

// step is what a settlement waits for.
type step struct {
	action, owner string
	state         string         // of the table of deadlines; "" where nothing is waited for
	text          bilingual.Text // for the creator
	since         time.Time      // the instant from which the deadline runs
	on            civil.Date     // the business date on which it is due, where one is fixed
}

// nothing is the end of a life.
func nothing(text bilingual.Text) step { return step{action: "none", owner: "nobody", text: text} }

// step finds what has to happen next, who does it, and since when it waits. Every status, hold and
// payout has one.
func (s Settlement) step() step {
	switch s.Status {
	case Failed:
		return s.stepOfFailed()
	case Paid:
		return s.stepOfPaid()
	}
	if s.Sent() {
		return s.stepOfSent()
	}
	if s.Status == Paying && s.ReasonClass == Cancelled {
		return step{action: "cancel", owner: "system", state: "send",
			text: reason.StateText(reason.ToCancel), since: s.entered()}
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

func (s Settlement) stepOfOpen() step {
	switch {
	case s.Quote == "" && s.Status != Paying:
		return step{action: "quote", owner: "system", state: "quote",
			text: reason.StateText(reason.Computing), since: s.LastUpdated}
	case s.Status == PendingReview:
		return step{action: "submit", owner: "finance", state: "submit",
			text: reason.StateText(reason.ToSubmit), since: s.entered()}
	case s.Status == InReview:
		return step{action: "approve", owner: "approver", state: "approve",
			text: reason.StateText(reason.ToApprove), since: s.entered()}
	case s.Status == Approved:
		return step{action: "book_on_" + s.PayOn.String(), owner: "system", state: "book",
			text: reason.StateText(reason.ToBook), since: s.entered(), on: s.PayOn}
	}
	return step{action: "pay", owner: "system", state: "send", text: reason.StateText(reason.ToSend),
		since: s.entered()}
}

func (s Settlement) stepOfFailed() step {
	switch {
	case s.ReasonClass != PaymentFailed:
		return nothing(reason.StateText(s.ReasonClass))
	case s.ReopenedBy != "":
		return nothing(reason.StateText(reason.PaidAgain))
	}
	code := ""
	if s.Payout != nil {
		code = s.Payout.Reason
	}
	return step{action: "reopen", owner: "approver", state: "reopen",
		text: reason.FindFailure(code).Creator, since: s.entered()}
}

func (s Settlement) stepOfPaid() step {
	switch {
	case s.Payout == nil || s.Payout.State != payout.Returned:
		return nothing(reason.StateText(reason.Paid))
	case s.ReopenedBy != "":
		return nothing(reason.StateText(reason.PaidAgain))
	}
	return step{action: "reopen", owner: "approver", state: "reopen",
		text: reason.StateText(reason.Returned), since: s.LastUpdated}
}

func (s Settlement) stepOfSent() step {
	ask := step{action: "ask_gateway", owner: "system", state: "gateway",
		text: reason.StateText(reason.Sent), since: s.Payout.SentAt}
	switch s.Payout.State {
	case payout.Unknown:
		ask.text = reason.StateText(reason.Unclear)
	case payout.WaitingPayee:
		return step{action: "confirm_receipt", owner: "creator", state: "payee",
			text: reason.StateText(reason.WaitingPayee), since: s.Payout.SentAt}
	}
	return ask
}

// entered is the instant of the last move.
func (s Settlement) entered() time.Time {
	if n := len(s.History); n > 0 {
		return s.History[n-1].At
	}
	return s.OpenedAt
}

// HoldBegan is the instant since which the hold stands; of holds older than this field, the last
// write.
func (s Settlement) HoldBegan() time.Time {
	if s.HeldSince.IsZero() {
		return s.LastUpdated
	}
	return s.HeldSince
}

// endOfDay is the hour of a day by which people have done what is due on it.
const endOfDay = 18 * time.Hour

// Viewer shows settlements as they stand at a moment, by a tenant's deadlines.
type Viewer struct {
	Rules      review.Rules
	Calendar   Calendar
	Now        time.Time  // real: what runs since an act
	Today      civil.Date // the business date: what is due on a day
	ForCreator bool       // names of staff and what they wrote to each other are left out
}

// Next is what has to happen with a settlement, who does it, and when it should be done.
type Next struct {
	Action, Owner string
	Due           time.Time // zero where nothing limits it
	Overdue       bool      // it waits longer than the tenant's deadlines allow
}

// Next names the next action of a settlement, its owner, when it is due, and whether that has
// passed.
func (v Viewer) Next(s Settlement) Next {
	w := s.step()
	due, overdue := v.due(w)
	owner := w.owner
	if v.ForCreator && s.Hold != nil && w.state == s.Hold.Reason &&
		ident.Creator(owner) != s.CreatorID {
		owner = reason.FindHold(s.Hold.Reason).Owner
	}
	return Next{Action: w.action, Owner: owner, Due: due, Overdue: overdue}
}

// Overdue tells whether a settlement waits longer than the tenant allows, and in which state of the
// deadlines.
func (v Viewer) Overdue(s Settlement) (state string, overdue bool) {
	w := s.step()
	_, overdue = v.due(w)
	return w.state, overdue
}

// due gives the end of a wait. What is due on a business date has the deadline's time on top before
// it is overdue; the rest is due when the deadline has run since the act that began it.
func (v Viewer) due(w step) (time.Time, bool) {
	d, limited := v.Rules.Deadlines[w.state]
	if w.state == "" || (!limited && w.on.IsZero()) {
		return time.Time{}, false
	}
	if w.action == "end_hold" && !w.on.IsZero() { // its last day was said by whoever set it
		return w.on.Start(), v.Today.After(w.on)
	}
	if !w.on.IsZero() {
		return w.on.Start().Add(endOfDay), v.Today.After(v.workingDays(w.on, d.WorkingDays))
	}
	end := w.since.Add(time.Duration(d.Hours) * time.Hour)
	if d.WorkingDays > 0 {
		end = v.workingDays(civil.DateOf(w.since), d.WorkingDays).Start().Add(endOfDay)
	}
	return end, v.Now.After(end)
}

// workingDays goes n working days on. In a year whose calendar is not loaded every day counts.
func (v Viewer) workingDays(day civil.Date, n int) civil.Date {
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

// ArrivalOf is the expected arrival. What was not known at the last write, for want of a calendar,
// is known as soon as the calendar is loaded.
func (v Viewer) ArrivalOf(s Settlement) time.Time {
	if !s.Arrival.IsZero() || s.Provisional != nil || v.Calendar == nil || s.Status == Failed ||
		s.Status == Paid {
		return s.Arrival
	}
	return arrivalAfter(laterDate(s.PayOn, v.Today), v.Calendar)
}

// CreatorText gives the creator the reason for the state of its settlement. A check that rejected
// it is named in the words that the tenant gave it.
func (v Viewer) CreatorText(s Settlement) bilingual.Text {
	text := s.step().text
	if s.rejectedByReview() {
		cause := v.Rules.FindingText(s.Review.Rejects)
		text = reason.StateText(reason.RejectedByReview)
		text.ZH, text.EN = text.ZH+cause.ZH, text.EN+cause.EN
	}
	return text
}
