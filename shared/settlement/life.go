package settlement

import (
	"slices"
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement/receivable"
)

// withAct starts the next write of s: revision, act and time of the write.
func (s Settlement) withAct(a Act, now time.Time) Settlement {
	s.Revision++
	s.Last = a
	s.LastUpdated = now
	return s
}

// moveTo changes the status of s and adds the change to the history. The caller has checked that
// the transition is legal.
func (s Settlement) moveTo(to Status, a Act, now time.Time) Settlement {
	n := s.withAct(a, now)
	n.History = append(slices.Clip(s.History),
		Move{From: s.Status, To: to, At: now, By: a.By, TransitionID: a.ID, Reason: a.Reason})
	n.Status, n.TransitionID = to, a.ID
	n.StatusVersion++
	return n
}

// requireTransition refuses a transition that the state machine does not have (promise P4).
func (s Settlement) requireTransition(to Status) error {
	if slices.Contains(s.Status.nextStatuses(), to) {
		return nil
	}
	allowed := make([]string, 0, 2)
	for _, n := range s.Status.nextStatuses() {
		allowed = append(allowed, string(n))
	}
	hint := "it has ended"
	if len(allowed) > 0 {
		hint = "from here it can go to " + strings.Join(allowed, " or ")
	}
	return fault.New(fault.IllegalMove, "illegal_transition",
		"The settlement is "+string(s.Status)+" and cannot become "+string(to)+"; "+hint+".")
}

// requireVersion refuses a caller who has read an older version of the status than the present one.
func (s Settlement) requireVersion(seen int) error {
	if s.StatusVersion != seen {
		return fault.New(fault.StaleVersion, "stale_version",
			"The settlement has moved on since you read it; read it again and decide anew.")
	}
	return nil
}

// illegalMove is error 3001 with a reason and a sentence for people.
func illegalMove(reason, text string) error { return fault.New(fault.IllegalMove, reason, text) }

// Submit moves s to IN_REVIEW. The person who submits becomes a preparer, who may not approve.
func (s Settlement) Submit(seen int, a Act, now time.Time) (Settlement, error) {
	if err := s.requireTransition(InReview); err != nil {
		return s, err
	}
	if err := s.requireVersion(seen); err != nil {
		return s, err
	}
	n := s.moveTo(InReview, a, now)
	return n.withPreparer(a.By), nil
}

// withPreparer adds a person to the preparers of s; the system is never one. An approval that this
// person has given before is withdrawn as long as further approvals are missing.
func (s Settlement) withPreparer(by string) Settlement {
	if by == "" || strings.HasPrefix(by, "system:") || slices.Contains(s.Preparers, by) {
		return s
	}
	s.Preparers = append(slices.Clip(s.Preparers), by)
	if s.Status == InReview && s.approvedBy(by) {
		s.Approvals = slices.DeleteFunc(slices.Clone(s.Approvals), func(a Approval) bool {
			return a.By == by
		})
	}
	return s
}

// refusePreparer refuses an act to a person who has prepared the settlement (segregation of
// duties).
func (s Settlement) refusePreparer(by string) error {
	if slices.Contains(s.Preparers, by) {
		return fault.New(fault.Forbidden, "preparer",
			"You prepared this settlement (its contract, lines, profile, account, review or a claim that "+
				"it bears); another person must decide.")
	}
	return nil
}

// Approve adds one approval to s. It needs a quote, no hold, and a person who is no preparer and
// has not approved yet. The last approval that the amount needs moves s to APPROVED. An approval
// covers gross and shares, which never change, so that a new quote in between leaves it valid.
func (s Settlement) Approve(seen int, a Act, now time.Time) (Settlement, error) {
	if err := s.refusePreparer(a.By); err != nil {
		return s, err
	}
	if err := s.requireTransition(Approved); err != nil {
		return s, err
	}
	if err := s.requireVersion(seen); err != nil {
		return s, err
	}
	switch {
	case s.isAboutToBeRejected():
		return s, illegalMove("review_rejects",
			"A check of your rules of review rejects this settlement ("+
				s.Review.Rejects+"); mend its cause, or it fails within some seconds.")
	case s.Hold != nil:
		return s, illegalMove("on_hold", "The settlement is on hold ("+s.Hold.Reason+
			"); end the hold first.")
	case s.Quote == "":
		return s, illegalMove("quote_missing",
			"The taxes are not computed yet; try again in some seconds.")
	case s.approvedBy(a.By):
		return s, illegalMove("approved_by_you",
			"You have approved this settlement already; another person must approve it too.")
	}
	given := append(slices.Clip(s.Approvals), Approval{By: a.By, Net: s.Net})
	if len(given) < s.ApproversNeeded() { // further people must approve this amount
		a.Name = ActApprovalGiven
		n := s.withAct(a, now)
		n.Approvals = given
		return n, nil
	}
	n := s.moveTo(Approved, a, now)
	n.Approvals = given
	n.ApprovedNet = &s.Net
	n.Automatic = false
	n.ApprovedPay = nilIfEqual(s.ToPay, s.Net)
	return n, nil
}

// Reject moves s from IN_REVIEW to FAILED and reverses the journal entry of its opening, so that
// its income lines and accruals can be settled again.
func (s Settlement) Reject(seen int, a Act, opening ledger.Entry, now time.Time) (Change, error) {
	if err := s.refusePreparer(a.By); err != nil {
		return Change{}, err
	}
	if err := s.requireTransition(Failed); err != nil {
		return Change{}, err
	}
	if s.Status != InReview {
		return Change{}, illegalMove("illegal_transition",
			"Only the system fails a settlement that is being paid; cancel it before it is sent instead.")
	}
	if err := s.requireVersion(seen); err != nil {
		return Change{}, err
	}
	if s.Carries != "" {
		return Change{}, monthFiled()
	}
	n := s.moveTo(Failed, a, now)
	n.ReasonClass = Rejected
	n.Arrival = time.Time{}
	n.Hold = nil
	back := s.openingReversal(opening, a.ID, now)
	return Change{Old: &s, New: n, Entry: back, Freed: s.freedBucket()}, nil
}

// openingReversal is the reversal of the journal entry of the opening; a reopened payable has the
// opening of its first occurrence.
func (s Settlement) openingReversal(opening ledger.Entry, id string, now time.Time) *ledger.Entry {
	r := opening.Reversal(id, "opening reversed", now, civil.MonthOf(now))
	return &r
}

// PlaceHold puts s on a hold that a person has set; only a person or its last day ends it.
func (s Settlement) PlaceHold(h Hold, a Act, now time.Time) (Settlement, error) {
	if s.Status == Paid || s.Status == Failed || s.WasSent() {
		return s, illegalMove("already_sent",
			"A hold is possible only before the money is sent; this settlement is past that.")
	}
	n := s.withAct(a, now)
	h.ByHand = true
	n.Hold = &h
	return n, nil
}

// EndHold ends the hold of s. The holds in the list below end only with their cause.
func (s Settlement) EndHold(a Act, now time.Time) (Settlement, error) {
	if s.Hold == nil {
		return s, illegalMove("no_hold", "The settlement is not on hold.")
	}
	switch s.Hold.Reason {
	case HoldNetChanged:
		return s, illegalMove("confirm_net",
			"This hold ends when an approver confirms the new net (confirm-net).")
	case HoldRuleGap:
		return s, illegalMove("rule_gap",
			"This hold ends when the missing rule is published or a tax position is approved.")
	case HoldCalendar:
		return s, illegalMove("calendar_missing",
			"This hold ends by itself once the calendar of the year is loaded in the rules.")
	case HoldDisputed:
		return s, illegalMove("disputed",
			"This hold ends when finance has answered what the creator disputes (statements, resolve).")
	case HoldConfirmation:
		return s, illegalMove("unconfirmed",
			"This hold ends when the creator confirms its statement, or accepts it by silence.")
	}
	n := s.withAct(a, now)
	if !strings.HasPrefix(a.By, "system:") {
		n = n.waiveHold(s.Hold.Reason).withPreparer(a.By)
	}
	n.Hold = n.holdByFacts()
	return n, nil
}

// ConfirmChangedNet ends hold NET_CHANGED after an approver has confirmed exactly this net.
func (s Settlement) ConfirmChangedNet(net money.Amount, a Act, now time.Time) (Settlement, error) {
	if err := s.refusePreparer(a.By); err != nil {
		return s, err
	}
	if s.Hold == nil || s.Hold.Reason != HoldNetChanged {
		return s, illegalMove("no_net_change", "No changed net waits to be confirmed.")
	}
	if net != s.Net {
		return s, illegalMove("other_net", "The net to confirm is "+s.Net.String()+
			"; read the settlement again.")
	}
	n := s.withAct(a, now)
	n.ApprovedNet, n.ApprovedPay = &net, nilIfEqual(s.ToPay, net)
	n.Hold = n.holdByFacts()
	return n, nil
}

// RecordInvoice stores the payee's invoice and ends the hold WAITING_INVOICE. The invoice must be
// over the creator's share.
func (s Settlement) RecordInvoice(paper InvoicePaper, a Act, now time.Time) (Settlement, error) {
	if s.Status == Paid || s.Status == Failed {
		return s, illegalMove("ended", "The settlement has ended; an invoice changes nothing any more.")
	}
	if paper.Amount != s.CreatorShare() {
		return s, fault.Invalid(fault.Field{Field: "amount", Problem: "must be the creator's share, " +
			s.CreatorShare().String()})
	}
	n := s.withAct(a, now).withPreparer(a.By)
	n.Paper = &paper
	if n.Hold != nil && n.Hold.Reason == HoldInvoice {
		n.Hold = n.holdByFacts()
	}
	return n, nil
}

// RecordQuote stores the hash and the net of newly computed figures and the expected payment date.
func (s Settlement) RecordQuote(f Figures, expected civil.Date, a Act, now time.Time) Settlement {
	n := s.withAct(a, now)
	n.Quote, n.PaymentDate = f.Hash, expected
	n.Net, n.ToPay = f.Result.Net, f.Result.Net
	return n.endTaxHold()
}

// HoldForRuleGap puts s on hold RULE_GAP because a rule for its taxes is missing, and drops its
// figures. A hold with precedence stays; after its end the gap is found again.
func (s Settlement) HoldForRuleGap(rule, text string, a Act, now time.Time) Settlement {
	n := s.withAct(a, now).withoutQuote()
	return n.withHold(&Hold{Reason: HoldRuleGap, Owner: "finance", Text: rule + ": " + text})
}

// HoldBookedForRuleGap puts a booked settlement that must be booked again on hold RULE_GAP, because
// a rule is missing now. Its present booking stays in force until the rule is published.
func (s Settlement) HoldBookedForRuleGap(rule, text string, a Act, now time.Time) Settlement {
	return s.withAct(a,
		now).withHold(&Hold{Reason: HoldRuleGap, Owner: "finance", Text: rule + ": " + text})
}

// HoldForLowerNet puts an approved settlement on hold NET_CHANGED, because its net or the amount to
// pay would be lower than what was approved.
func (s Settlement) HoldForLowerNet(f Figures, parts []receivable.Part, a Act,
	now time.Time) Settlement {
	n := s.withAct(a, now)
	n.Quote, n.Net = f.Hash, f.Result.Net
	n = n.withSetOffs(parts)
	text := "The taxes due now lower the net from " + s.Net.String() + " to " + n.Net.String() +
		"; an approver confirms it."
	if f.Result.Net.Cmp(s.approvedNet()) >= 0 {
		text = "Set-offs lower what is paid from " + s.approvedPay().String() + " to " +
			n.ToPay.String() + " of the net of " + n.Net.String() + "; an approver confirms it."
	}
	n.Hold = &Hold{Reason: HoldNetChanged, Owner: "approver", Text: text}
	return n
}

// RecordBooking moves s to PAYING. The change holds tax rows, journal entry, set-offs, payout key
// and status, which are written together.
func (s Settlement) RecordBooking(f Figures, parts []receivable.Part, rows Booking,
	on civil.Date, key,
	method string, a Act, now time.Time) (Change, error) {
	if err := s.requireTransition(Paying); err != nil {
		return Change{}, err
	}
	n := s.moveTo(Paying, a, now)
	n.Booking = f.Hash
	n.BookedEntry = a.ID
	n.PaymentDate = on
	n.Net = f.Result.Net
	n = n.withSetOffs(parts)
	n.Payout = &Payout{Key: key, Method: method, State: payout.Created}
	c := Change{Old: &s, New: n, Rows: []Booking{rows},
		Entry: nilIfEmpty(n.bookingEntry(f, on, a, now)), Moves: n.setOffMoves(),
		Raised: n.shortfallClaims(f, on, a, now)}
	if f.Hash != s.Quote { // else the quote has stored the same figures
		c.Figures = &f
	}
	return c, nil
}

// newEntry returns a journal entry of s without postings.
func (s Settlement) newEntry(id, reason string, now time.Time) ledger.Entry {
	return ledger.Entry{ID: id, Tenant: s.Tenant, CreatorID: s.CreatorID, Entity: s.Entity,
		Settlement: ident.Settlement(s.ID), At: now, Accounting: civil.MonthOf(now), Reason: reason}
}

// openingEntry is the journal entry of the opening of s: the gross is taken from its source account
// and shared among the agency, the creator and further payees. A reopened payable has none, because
// its first occurrence has posted it.
func (s Settlement) openingEntry(id string, now time.Time) *ledger.Entry {
	if s.Source == SourceReopened {
		return nil
	}
	e := s.newEntry(id, "opened", now)
	var mcn, payees money.Amount
	for _, p := range s.Shares {
		switch p.Kind {
		case split.KindMCN:
			mcn = mcn.Add(p.Amount)
		case split.KindPayee:
			payees = payees.Add(p.Amount)
		}
	}
	if s.RevenueBasis == "gross" && s.Source == SourceClearing {
		// the agency is the principal: all is its revenue, and the others' shares are its cost
		e.Debit(ledger.PlatformClearing, s.Gross)
		e.Credit(ledger.MCNRevenue, s.Gross)
		e.Debit(ledger.MCNCreatorCost, s.Gross.Sub(mcn))
	} else {
		e.Debit(s.sourceAccount(), s.Gross)
		e.Credit(ledger.MCNRevenue, mcn)
	}
	e.Credit(ledger.CreatorPayable, s.CreatorShare())
	e.Credit(ledger.PartyAccrued, payees)
	return &e
}

// sourceAccount is the account from which the opening of s takes the gross.
func (s Settlement) sourceAccount() ledger.Account {
	switch s.Source {
	case SourceAccrued:
		return ledger.CreatorAccrued
	case SourceCost:
		return ledger.MCNIncentiveCost
	case SourceParty:
		return ledger.PartyAccrued
	case SourceOpening:
		return ledger.OpeningBalance
	}
	return ledger.PlatformClearing
}

// replaceBooking returns the change that books a settlement in PAYING again, before its money is
// sent. A hold that a person has set stays.
func (s Settlement) replaceBooking(f Figures, parts []receivable.Part, on civil.Date, a Act,
	now time.Time) Change {
	n := s.withAct(a, now)
	n.Booking = f.Hash
	n.BookedEntry = a.ID
	n.PaymentDate = on
	n.Net = f.Result.Net
	n = n.withSetOffs(parts).endTaxHold()
	c := Change{Old: &s, New: n, Entry: nilIfEmpty(n.bookingEntry(f, on, a, now)),
		Moves: n.setOffMoves(), Raised: n.shortfallClaims(f, on, a, now)}
	if f.Hash != s.Quote && f.Hash != s.Booking { // else they are stored already
		c.Figures = &f
	}
	return c
}

// bookingEntry is the journal entry of a booking: the taxes withheld, the tax that the net could
// not bear (a receivable), and the set-offs.
func (s Settlement) bookingEntry(f Figures, on civil.Date, a Act, now time.Time) ledger.Entry {
	e := s.newEntry(a.ID, "booked", now)
	e.Tax = on.Month()
	for _, l := range f.Result.Taxes {
		if l.BorneBy == tax.BorneByCreator {
			e.Debit(ledger.CreatorPayable, l.Amount)
		} else {
			e.Debit(ledger.MCNTaxCost, l.Amount)
		}
		e.Debit(ledger.CreatorReceivable, l.Shortfall)
		e.Credit(ledger.TaxPayable(strings.ToLower(l.Tax)), l.Amount.Add(l.Shortfall))
	}
	for _, o := range s.SetOffs {
		if kind := receivable.Kind(o.Kind); kind != receivable.GiveBack {
			// what is owed back to the creator is in creator.payable already
			e.Debit(ledger.CreatorPayable, o.Amount)
			e.Credit(kind.Account(), o.Amount)
		}
	}
	return e
}
