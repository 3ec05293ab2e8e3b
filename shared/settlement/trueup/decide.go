package trueup

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/receivable"
)

// The decisions on an open true-up.
const (
	Collect       = "collect"         // the creator owes the difference
	GiveBack      = "give_back"       // the difference is refunded to the creator
	LeaveToAnnual = "leave_to_annual" // the payee settles the difference with the annual return
)

// The states of a decision.
const (
	DecisionPrepared = "prepared" // waits for a second person
	DecisionPosted   = "posted"
	DecisionLeft     = "left" // to the annual settlement
)

// Decision is a decision on an open true-up, which one person makes and another one confirms.
type Decision struct {
	ID       string         `json:"true_up_id"`
	Tenant   ident.Tenant   `json:"-"`
	Entity   ident.Entity   `json:"paying_entity"`
	Taxpayer ident.Taxpayer `json:"taxpayer_id"`
	Decision string         `json:"decision"`
	Reason   string         `json:"reason"`
	// the difference decided on; when it changes the true-up is open again
	Difference  money.Amount `json:"difference"`
	State       string       `json:"state"`
	DecidedBy   string       `json:"decided_by"`
	DecidedAt   time.Time    `json:"decided_at"`
	ConfirmedBy string       `json:"confirmed_by,omitempty"`
	ConfirmedAt time.Time    `json:"confirmed_at,omitzero"`
	// id of the last act on the decision, of its tax rows and of its journal entry
	Act string `json:"transition_id"`
}

// DecisionWrite is a decision with everything that is written in the same transaction.
type DecisionWrite struct {
	Decision Decision
	Before   string // act of the decision that it follows; "" for the first one
	Record   audit.Record
	// of a decision that is posted: tax rows, journal entry and claim
	Booking *settlement.Booking
	Entry   *ledger.Entry
	Raised  []receivable.Receivable
}

// found is a true-up with what is needed to post a decision on it.
type found struct {
	TrueUp
	seq   int // next free number of the taxpayer's list of the year
	had   Decision
	filed bool // of cause "law": the month is filed, so that no correction posts the difference
}

// findTrueUp assesses the period of a true-up id again and reads the last decision on it.
func (t *Service) findTrueUp(ctx context.Context, tenant ident.Tenant, id string) (found, error) {
	entity, taxpayer, month, ok := parseTrueUpID(id)
	if !ok {
		return found{}, fault.MissingObject("true-up")
	}
	log, err := t.readTaxLog(ctx, tenant, entity, taxpayer, month)
	if err != nil {
		return found{}, err
	}
	list, err := t.assess(ctx, tenant, log, month)
	if err != nil {
		return found{}, err
	}
	at := slices.IndexFunc(list, func(s Assessment) bool { return s.ID == id })
	if at < 0 {
		return found{}, fault.MissingObject("true-up")
	}
	f := found{TrueUp: TrueUp{Assessment: list[at]}, seq: log.next[list[at].year]}
	if f.Open() {
		if err := t.markChangedByLaw(ctx, tenant, list[at:at+1]); err != nil {
			return f, err
		}
		f.Assessment = list[at]
	}
	if f.Cause == CauseLaw {
		returns, err := t.booked.FiledMonths(ctx, tenant, entity)
		if err != nil {
			return f, err
		}
		f.filed = filedmonth.Lookup(returns)(f.Month())
	}
	f.had, err = t.store.Decision(ctx, tenant, entity, id)
	if fault.HasCode(err, fault.NotFound) {
		err = nil
	}
	return f, err
}

// refuseDecision returns an error when a decision is not possible on the true-up now.
func (f *found) refuseDecision(decision string) error {
	switch {
	case !f.Open():
		return fault.New(fault.IllegalMove, "nothing_open",
			"What is withheld is what the rules give; there is nothing to decide.")
	case decision == LeaveToAnnual:
		return nil
	case f.Missing != "":
		return fault.MissingRule("rule_gap", f.Missing, "No figure is known without "+f.Missing+
			"; it can only be left to the annual settlement.")
	case f.Cause == CauseLaw && !f.filed:
		return fault.New(fault.IllegalMove, "law_changed",
			"The rules have changed since the bookings: post the correction of the year first (POST "+
				"/v1/tax/diffs/post), then decide what is left.")
	case (decision == Collect) != f.Difference.Positive():
		return fault.New(fault.IllegalMove, "other_direction", "The difference is "+f.Difference.String()+
			": above zero it can be collected, below zero given back.")
	}
	return nil
}

// Decide stores the decision of one person on an open true-up; a second person confirms it. It is
// idempotent. Another decision replaces a decision that is not confirmed yet.
//
// Errors: 3003 when the id is unknown; 1003 when the caller is a cashier; 3001 nothing_open,
// law_changed or other_direction when the decision is not possible; 5002 rule_gap when the tax
// cannot be computed.
func (t *Service) Decide(ctx context.Context, by identity.Principal, id, decision,
	reason string) (kept Decision, replayed bool, err error) {
	if err := settlement.RefuseCashier(by); err != nil {
		return kept, false, err
	}
	kept, err = optimistic.RetryValue(ctx, func() (d Decision, err error) {
		d, replayed, err = t.decideOnce(ctx, by, id, decision, reason)
		return d, err
	})
	return kept, replayed, err
}

// decideOnce makes one try of Decide.
func (t *Service) decideOnce(ctx context.Context, by identity.Principal, id, decision,
	reason string) (kept Decision, replayed bool, err error) {
	f, err := t.findTrueUp(ctx, by.Tenant, id)
	if err != nil {
		return kept, false, err
	}
	if had := f.had; had.Decision == decision && had.Reason == reason &&
		(had.Difference == f.Difference && had.State != DecisionPosted || !f.Open()) {
		return had, true, nil
	}
	if err := f.refuseDecision(decision); err != nil {
		return kept, false, err
	}
	d := Decision{ID: id, Tenant: by.Tenant, Entity: f.Entity, Taxpayer: f.Taxpayer,
		Decision: decision, Reason: reason, Difference: f.Difference,
		State: DecisionPrepared, DecidedBy: by.Subject, DecidedAt: t.clock.Instant(), Act: t.newID()}
	record, err := d.auditRecord(&f.Assessment, "tax.true_up_decided", by.Subject, d.DecidedAt)
	if err != nil {
		return kept, false, err
	}
	return d, false, t.store.WriteDecision(ctx,
		DecisionWrite{Decision: d, Before: f.had.Act, Record: record})
}

// auditRecord is the audit record of an act on a decision.
func (d *Decision) auditRecord(s *Assessment, act, by string, at time.Time) (audit.Record, error) {
	what, err := json.Marshal(map[string]any{"decision": d.Decision, "tax": s.Tax, "period": s.Period,
		"item": s.Item, "paying_entity": string(s.Entity),
		"withheld": s.Withheld, "rule": s.Rule, "difference": d.Difference, "cause": s.Cause,
		"decided_by": d.DecidedBy})
	if err != nil {
		return audit.Record{}, fault.Internal(err)
	}
	return audit.Record{ID: d.Act, Tenant: d.Tenant, At: at, Actor: by, Act: act, Object: d.ID,
		What: what, Why: d.Reason, TaxID: s.Taxpayer}, nil
}

// Confirm confirms a decision by a second person and posts it. A decision that was confirmed before
// is answered as it is.
//
// Errors: 3003 when there is no decision; 1003 when the caller made the decision or is a cashier;
// 3002 figures_changed when the difference has changed since.
func (t *Service) Confirm(ctx context.Context, by identity.Principal, id string) (Decision, error) {
	if err := settlement.RefuseCashier(by); err != nil {
		return Decision{}, err
	}
	var raised []receivable.Receivable
	d, err := optimistic.RetryValue(ctx, func() (d Decision, err error) {
		d, raised, err = t.confirmOnce(ctx, by, id, t.newID())
		return d, err
	})
	for _, r := range raised {
		if err == nil {
			err = t.taxes.Requote(ctx, r)
		}
	}
	return d, err
}

// confirmOnce makes one try of Confirm under the id of an act; it returns the claims that the
// decision raises.
func (t *Service) confirmOnce(ctx context.Context, by identity.Principal, id,
	act string) (Decision, []receivable.Receivable, error) {
	f, err := t.findTrueUp(ctx, by.Tenant, id)
	if err != nil {
		return Decision{}, nil, err
	}
	d := f.had
	switch {
	case d.Act == "":
		return d, nil, fault.MissingObject("decision")
	case d.State != DecisionPrepared:
		return d, nil, nil
	case d.DecidedBy == by.Subject:
		return d, nil, fault.New(fault.Forbidden, "preparer",
			"Who decided an open true-up does not confirm it; a second person does.")
	case d.Difference != f.Difference || f.refuseDecision(d.Decision) != nil:
		return d, nil, fault.New(fault.StaleVersion, "figures_changed",
			"Bookings or rules have changed the difference since it was decided; decide it anew.")
	}
	before := d.Act
	d.State = DecisionLeft
	d.ConfirmedBy = by.Subject
	d.ConfirmedAt = t.clock.Instant()
	d.Act = act
	w := DecisionWrite{Before: before}
	name := "tax.true_up_left"
	if d.Decision != LeaveToAnnual {
		d.State, name = DecisionPosted, "tax.true_up_posted"
		last, err := t.booked.Load(ctx, by.Tenant, f.last)
		if err != nil {
			return d, nil, err
		}
		w.addPosting(&f, d, last.CreatorID)
	}
	w.Decision = d
	w.Record, err = d.auditRecord(&f.Assessment, name, by.Subject, d.ConfirmedAt)
	if err != nil {
		return d, nil, err
	}
	return d, w.Raised, t.store.WriteDecision(ctx, w)
}

// addPosting adds to w the tax rows in their original period, the journal entry, and the claim on
// the creator or the debt to the creator. When the payer bears the taxes of the settlement (包税),
// the payer bears the difference too and no claim arises.
func (w *DecisionWrite) addPosting(f *found, d Decision, creator ident.Creator) {
	w.Booking = &settlement.Booking{Entity: f.Entity, Taxpayer: f.Taxpayer, Year: f.year, Seq: f.seq,
		Kind: settlement.KindDecided, EntryID: d.Act, At: d.ConfirmedAt, Rows: f.correctingRows()}
	for range w.Booking.Rows {
		w.Booking.Of = append(w.Booking.Of, f.last)
	}
	e := ledger.Entry{ID: d.Act, Tenant: d.Tenant, CreatorID: creator, Entity: f.Entity,
		Settlement: f.last, At: d.ConfirmedAt, Accounting: civil.MonthOf(d.ConfirmedAt),
		Tax: f.Month(), Reason: "true-up decided: " + d.Decision}
	e.Credit(ledger.TaxPayable(strings.ToLower(f.Tax)), f.Difference)
	r := receivable.Receivable{Tenant: d.Tenant, CreatorID: creator, Entity: f.Entity,
		Amount: f.Difference.Abs(), Open: f.Difference.Abs(), Document: d.ID, Reason: d.Reason,
		State: receivable.Open, Settlement: f.last, RaisedOn: civil.DateOf(d.ConfirmedAt),
		PreparedBy: d.DecidedBy, PreparedAt: d.DecidedAt,
		ApprovedBy: d.ConfirmedBy, ApprovedAt: d.ConfirmedAt, Act: d.Act}
	switch {
	case f.facts.AfterTax:
		e.Debit(ledger.MCNTaxCost, f.Difference)
	case f.Difference.Positive():
		e.Debit(ledger.CreatorReceivable, f.Difference)
		r.ID, r.Kind = settlement.ShortfallPrefix+d.Act, receivable.TaxShortfall
	default:
		e.Debit(ledger.CreatorPayable, f.Difference)
		r.ID, r.Kind = "back-"+d.Act, receivable.GiveBack
	}
	if r.Kind != "" {
		w.Raised = append(w.Raised, r)
	}
	w.Entry = &e
}

// correctingRows are the tax rows that a decision adds. When the price includes VAT, the taxable
// income is the payment less VAT: VAT that is collected lowers the income of the income tax row,
// and VAT that is refunded raises it.
func (s *Assessment) correctingRows() []tax.Row {
	out := []tax.Row{{Kind: s.Tax, Item: s.Item, Project: s.Project, Platform: s.income.Platform,
		Period: s.Period, Withheld: s.Difference, Collection: s.collection}}
	if s.Tax != tax.IIT {
		out[0].Platform = ""
	}
	if i := s.income; s.Tax == tax.VAT && i.Kind != "" && s.facts.VATIncluded {
		out = append(out, tax.Row{Kind: tax.IIT, Item: i.Item, Project: i.Project, Platform: i.Platform,
			Period: i.Period, Income: s.Difference.Neg(), Collection: i.Collection})
	}
	return out
}
