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

// stamp begins the next write of s: it is act a at instant now.
func (s Settlement) stamp(a Act, now time.Time) Settlement {
	s.Revision++
	s.Last = a
	s.LastUpdated = now
	return s
}

// move changes the status; the caller has checked that the edge exists.
func (s Settlement) move(to Status, a Act, now time.Time) Settlement {
	n := s.stamp(a, now)
	n.History = append(slices.Clip(s.History),
		Move{From: s.Status, To: to, At: now, By: a.By, TransitionID: a.ID, Reason: a.Reason})
	n.Status, n.TransitionID = to, a.ID
	n.StatusVersion++
	return n
}

// edge refuses a transition that does not exist (promise P4).
func (s Settlement) edge(to Status) error {
	if slices.Contains(s.Status.next(), to) {
		return nil
	}
	allowed := make([]string, 0, 2)
	for _, n := range s.Status.next() {
		allowed = append(allowed, string(n))
	}
	hint := "it has ended"
	if len(allowed) > 0 {
		hint = "from here it can go to " + strings.Join(allowed, " or ")
	}
	return fault.New(fault.IllegalMove, "illegal_transition",
		"The settlement is "+string(s.Status)+" and cannot become "+string(to)+"; "+hint+".")
}

// version refuses a caller who looked at an older status.
func (s Settlement) version(seen int) error {
	if s.StatusVersion != seen {
		return fault.New(fault.StaleVersion, "stale_version",
			"The settlement has moved on since you read it; read it again and decide anew.")
	}
	return nil
}

func notNow(reason, text string) error { return fault.New(fault.IllegalMove, reason, text) }

// Submit moves to IN_REVIEW; who submits is a preparer.
func (s Settlement) Submit(seen int, a Act, now time.Time) (Settlement, error) {
	if err := s.edge(InReview); err != nil {
		return s, err
	}
	if err := s.version(seen); err != nil {
		return s, err
	}
	n := s.move(InReview, a, now)
	return n.withPreparer(a.By), nil
}

// withPreparer adds a preparer; the system is none. While approvals are missing, one that this
// person has given no longer counts.
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

// refusePreparer keeps apart who makes and who approves.
func (s Settlement) refusePreparer(by string) error {
	if slices.Contains(s.Preparers, by) {
		return fault.New(fault.Forbidden, "preparer",
			"You prepared this settlement (its contract, lines, profile, account, review or a claim that "+
				"it bears); another person must decide.")
	}
	return nil
}

// Approve gives one approval, with a standing quote, no hold, and not by a preparer; the last one
// that the amount needs moves to APPROVED. Approvals bind gross and shares, so that a new quote in
// between leaves them standing.
func (s Settlement) Approve(seen int, a Act, now time.Time) (Settlement, error) {
	if err := s.refusePreparer(a.By); err != nil {
		return s, err
	}
	if err := s.edge(Approved); err != nil {
		return s, err
	}
	if err := s.version(seen); err != nil {
		return s, err
	}
	switch {
	case s.rejecting():
		return s, notNow("review_rejects", "A check of your rules of review rejects this settlement ("+
			s.Review.Rejects+"); mend its cause, or it fails within some seconds.")
	case s.Hold != nil:
		return s, notNow("on_hold", "The settlement is on hold ("+s.Hold.Reason+"); end the hold first.")
	case s.Quote == "":
		return s, notNow("quote_missing", "The taxes are not computed yet; try again in some seconds.")
	case s.approvedBy(a.By):
		return s, notNow("approved_by_you",
			"You have approved this settlement already; another person must approve it too.")
	}
	given := append(slices.Clip(s.Approvals), Approval{By: a.By, Net: s.Net})
	if len(given) < s.ApproversNeeded() {
		a.Name = ActApprovalGiven
		n := s.stamp(a, now)
		n.Approvals = given
		return n, nil
	}
	n := s.move(Approved, a, now)
	n.Approvals = given
	n.ApprovedNet = &s.Net
	n.Automatic = false
	n.ApprovedPay = nilIfEqual(s.ToPay, s.Net)
	return n, nil
}

// Reject ends an IN_REVIEW settlement and takes its opening back: lines and accruals are free
// again.
func (s Settlement) Reject(seen int, a Act, opening ledger.Entry, now time.Time) (Change, error) {
	if err := s.refusePreparer(a.By); err != nil {
		return Change{}, err
	}
	if err := s.edge(Failed); err != nil {
		return Change{}, err
	}
	if s.Status != InReview {
		return Change{}, notNow("illegal_transition",
			"Only the system fails a settlement that is being paid; cancel it before it is sent instead.")
	}
	if err := s.version(seen); err != nil {
		return Change{}, err
	}
	if s.Carries != "" {
		return Change{}, taxFiled()
	}
	n := s.move(Failed, a, now)
	n.ReasonClass = Rejected
	n.Arrival = time.Time{}
	n.Hold = nil
	back := s.takeBack(opening, a.ID, now)
	return Change{Old: &s, New: n, Entry: back, Freed: s.frees()}, nil
}

// takeBack reverses the opening, which for a reopened payable is that of its first occurrence.
func (s Settlement) takeBack(opening ledger.Entry, id string, now time.Time) *ledger.Entry {
	r := opening.Reversal(id, "opening reversed", now, civil.MonthOf(now))
	return &r
}

// Holding sets a hold by a person's or the system's act.
func (s Settlement) Holding(h Hold, a Act, now time.Time) (Settlement, error) {
	if s.Status == Paid || s.Status == Failed || s.Sent() {
		return s, notNow("already_sent",
			"A hold is possible only before the money is sent; this settlement is past that.")
	}
	n := s.stamp(a, now)
	h.ByHand = true
	n.Hold = &h
	return n, nil
}

// Released ends a hold that a person may end.
func (s Settlement) Released(a Act, now time.Time) (Settlement, error) {
	if s.Hold == nil {
		return s, notNow("no_hold", "The settlement is not on hold.")
	}
	switch s.Hold.Reason {
	case HoldNetChanged:
		return s, notNow("confirm_net",
			"This hold ends when an approver confirms the new net (confirm-net).")
	case HoldRuleGap:
		return s, notNow("rule_gap",
			"This hold ends when the missing rule is published or a tax position is approved.")
	case HoldCalendar:
		return s, notNow("calendar_missing",
			"This hold ends by itself once the calendar of the year is loaded in the rules.")
	case HoldDisputed:
		return s, notNow("disputed",
			"This hold ends when finance has answered what the creator disputes (statements, resolve).")
	case HoldConfirmation:
		return s, notNow("unconfirmed",
			"This hold ends when the creator confirms its statement, or accepts it by silence.")
	}
	n := s.stamp(a, now)
	if !strings.HasPrefix(a.By, "system:") {
		n = n.waive(s.Hold.Reason).withPreparer(a.By)
	}
	n.Hold = n.waitsFor()
	return n, nil
}

// ConfirmedNetOf ends a NET_CHANGED hold by an approver's word for exactly this net.
func (s Settlement) ConfirmedNetOf(net money.Amount, a Act, now time.Time) (Settlement, error) {
	if err := s.refusePreparer(a.By); err != nil {
		return s, err
	}
	if s.Hold == nil || s.Hold.Reason != HoldNetChanged {
		return s, notNow("no_net_change", "No changed net waits to be confirmed.")
	}
	if net != s.Net {
		return s, notNow("other_net", "The net to confirm is "+s.Net.String()+
			"; read the settlement again.")
	}
	n := s.stamp(a, now)
	n.ApprovedNet, n.ApprovedPay = &net, nilIfEqual(s.ToPay, net)
	n.Hold = n.waitsFor()
	return n, nil
}

// InvoiceIn records a payee's invoice and ends the hold that waited for it.
func (s Settlement) InvoiceIn(paper InvoicePaper, a Act, now time.Time) (Settlement, error) {
	if s.Status == Paid || s.Status == Failed {
		return s, notNow("ended", "The settlement has ended; an invoice changes nothing any more.")
	}
	if paper.Amount != s.CreatorShare() {
		return s, fault.Invalid(fault.Field{Field: "amount", Problem: "must be the creator's share, " +
			s.CreatorShare().String()})
	}
	n := s.stamp(a, now).withPreparer(a.By)
	n.Paper = &paper
	if n.Hold != nil && n.Hold.Reason == HoldInvoice {
		n.Hold = n.waitsFor()
	}
	return n, nil
}

// Quoted stores the figures that the taxes come to today.
func (s Settlement) Quoted(f Figures, expected civil.Date, a Act, now time.Time) Settlement {
	n := s.stamp(a, now)
	n.Quote, n.PaymentDate = f.Hash, expected
	n.Net, n.ToPay = f.Result.Net, f.Result.Net
	return n.endTaxHold()
}

// Gap holds a settlement whose taxes no rule answers; its figures stay empty. Under a hold that
// comes before, the gap is found again when that has ended.
func (s Settlement) Gap(rule, text string, a Act, now time.Time) Settlement {
	n := s.stamp(a, now).withoutQuote()
	return n.held(&Hold{Reason: HoldRuleGap, Owner: "finance", Text: rule + ": " + text})
}

// GapInPaying holds a booked settlement that must be booked anew and that no rule answers now; what
// is booked stands until a rule does.
func (s Settlement) GapInPaying(rule, text string, a Act, now time.Time) Settlement {
	return s.stamp(a, now).held(&Hold{Reason: HoldRuleGap, Owner: "finance", Text: rule + ": " + text})
}

// NetFell holds an approved settlement whose net, or what of it is to be paid, would be lower than
// what was approved.
func (s Settlement) NetFell(f Figures, parts []receivable.Part, a Act, now time.Time) Settlement {
	n := s.stamp(a, now)
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

// Booked moves to PAYING: taxes, journal, payout key and status are one write.
func (s Settlement) Booked(f Figures, parts []receivable.Part, rows Booking, on civil.Date, key,
	method string, a Act, now time.Time) (Change, error) {
	if err := s.edge(Paying); err != nil {
		return Change{}, err
	}
	n := s.move(Paying, a, now)
	n.Booking = f.Hash
	n.BookedEntry = a.ID
	n.PaymentDate = on
	n.Net = f.Result.Net
	n = n.withSetOffs(parts)
	n.Payout = &Payout{Key: key, Method: method, State: payout.Created}
	c := Change{Old: &s, New: n, Rows: []Booking{rows},
		Entry: nilIfEmpty(n.bookingEntry(f, on, a, now)), Moves: n.setOffMoves(),
		Raised: n.shortfallClaims(f, on, a, now)}
	if f.Hash != s.Quote {
		c.Figures = &f
	}
	return c, nil
}

func (s Settlement) entry(id, reason string, now time.Time) ledger.Entry {
	return ledger.Entry{ID: id, Tenant: s.Tenant, CreatorID: s.CreatorID, Entity: s.Entity,
		Settlement: ident.Settlement(s.ID), At: now, Accounting: civil.MonthOf(now), Reason: reason}
}

// openingEntry posts what opening s means (design, section 6).
func (s Settlement) openingEntry(id string, now time.Time) *ledger.Entry {
	if s.Source == SourceReopened {
		return nil
	}
	e := s.entry(id, "opened", now)
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

// replaceBooking replaces a booking in PAYING, before the first send. A hold that a person has set
// stays.
func (s Settlement) replaceBooking(f Figures, parts []receivable.Part, on civil.Date, a Act,
	now time.Time) Change {
	n := s.stamp(a, now)
	n.Booking = f.Hash
	n.BookedEntry = a.ID
	n.PaymentDate = on
	n.Net = f.Result.Net
	n = n.withSetOffs(parts).endTaxHold()
	c := Change{Old: &s, New: n, Entry: nilIfEmpty(n.bookingEntry(f, on, a, now)),
		Moves: n.setOffMoves(), Raised: n.shortfallClaims(f, on, a, now)}
	if f.Hash != s.Quote && f.Hash != s.Booking {
		c.Figures = &f
	}
	return c
}

// bookingEntry posts what a booking keeps back and what it could not, and the set-offs that are
// made with it.
func (s Settlement) bookingEntry(f Figures, on civil.Date, a Act, now time.Time) ledger.Entry {
	e := s.entry(a.ID, "booked", now)
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
			// what is owed back stands in creator.payable already
			e.Debit(ledger.CreatorPayable, o.Amount)
			e.Credit(kind.Account(), o.Amount)
		}
	}
	return e
}
