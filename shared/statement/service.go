package statement

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/settlement"
)

// System is the actor of acts on statements that no person performed.
const System = "system:build-statements"

// Change is one write of a statement's state with everything that must be written together with it.
// The store writes all of it or nothing.
type Change struct {
	// Old and New are the states before and after. The version of Old is the condition of the write;
	// it is 0 when no state was stored.
	Old, New    State
	Settlements []settlement.Change
	Record      audit.Record
	// ScheduleAcceptance requests that the statement is listed under its day of acceptance.
	ScheduleAcceptance bool
}

// ScheduledAcceptance names a statement in the list of a day of acceptance.
type ScheduledAcceptance struct {
	CreatorID ident.Creator
	Period    Period
}

// StateStore stores the lives of statements. When a write finds that its own act id is stored
// already, an earlier try has succeeded and the write returns no error.
type StateStore interface {
	// ReadState reads one state with a consistent read; false when the statement was never sent.
	ReadState(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
		period Period) (State, bool, error)
	// ListStates lists the states of a creator from one month to another, both months included.
	ListStates(ctx context.Context, tenant ident.Tenant, creator ident.Creator, from,
		to civil.Month) ([]State, error)
	// ApplyChange writes a change. The error is optimistic.ErrRival when a condition fails.
	ApplyChange(ctx context.Context, c Change) error
	// ListScheduled lists the statements that silence accepts from the given day.
	ListScheduled(ctx context.Context, tenant ident.Tenant,
		day civil.Date) ([]ScheduledAcceptance, error)
}

// Service builds statements and carries out the steps of their life.
type Service struct {
	Builder
	States StateStore
	// Documents is nil in a function that only carries out steps and renders no documents.
	Documents *Documents
	Clock     clock.Clock
	NewID     func() string
}

// applyChange calls decide and writes its change; it repeats both when somebody else wrote in
// between.
func (s *Service) applyChange(ctx context.Context,
	decide func(act string, now time.Time) (Change, error)) (State, error) {
	now := s.Clock.Instant()
	return optimistic.RetryValue(ctx, func() (State, error) {
		act := s.NewID()
		c, err := decide(act, now)
		// A state with another act id means that decide found nothing to change.
		if err != nil || c.New.Act != act {
			return c.New, err
		}
		return c.New, s.States.ApplyChange(ctx, c)
	})
}

// withRecord returns the change with its audit record.
func (c Change) withRecord(name, by, why string, now time.Time) Change {
	what, err := json.Marshal(struct {
		State    Standing   `json:"state"`
		Hash     string     `json:"content_hash"`
		Version  int        `json:"version"`
		AcceptOn civil.Date `json:"accept_on,omitzero"`
		Open     int        `json:"open_disputes"`
		Held     []string   `json:"settlements,omitempty"`
	}{c.New.Standing, c.New.Hash, c.New.Version, c.New.AcceptOn, c.New.countOpenDisputes(),
		settlementIDs(c.Settlements)})
	if err != nil { // words and numbers always marshal
		what = nil
	}
	c.Record = audit.Record{ID: c.New.Act, Tenant: c.New.Tenant, At: now, Actor: by,
		Act:    "statement." + name,
		Object: string(c.New.CreatorID+"/") + c.New.Period.String(), What: what, Why: why}
	return c
}

// settlementIDs returns the ids of changed settlements.
func settlementIDs(cs []settlement.Change) []string {
	var ids []string
	for _, c := range cs {
		ids = append(ids, c.New.ID)
	}
	return ids
}

// changeSettlements loads settlements and returns the changes that to makes; settlements that to
// leaves unchanged are left out. Each change has an audit record of its settlement.
func (s *Service) changeSettlements(ctx context.Context, tenant ident.Tenant,
	ids []ident.Settlement,
	to func(settlement.Settlement) (settlement.Settlement, bool, error)) ([]settlement.Change, error) {
	var out []settlement.Change
	for _, id := range ids {
		old, err := s.Settlements.Load(ctx, tenant, id)
		if err != nil {
			return nil, err
		}
		n, changed, err := to(old)
		if err != nil {
			return nil, err
		}
		if changed {
			out = append(out, settlement.Change{Old: &old, New: n})
		}
	}
	return out, nil
}

// SendStatement sends a statement to its creator. Its documents are stored first, so that nothing
// is sent that cannot be read. Sending the same content again changes nothing.
//
// SendStatement returns 5002 glyph_missing with the characters that the font lacks, and 3001
// disputed while a dispute is not answered.
func (s *Service) SendStatement(ctx context.Context, by identity.Principal, creator ident.Creator,
	period Period) (State, error) {
	st, err := s.BuildStatement(ctx, by.Tenant, creator, period)
	if err != nil {
		return State{}, err
	}
	days, err := s.acceptanceDays(ctx, st)
	if err != nil {
		return State{}, err
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return State{}, fault.Temporary(err)
	}
	if err := s.Documents.StoreStatement(ctx, st); err != nil {
		return State{}, err
	}
	return s.applyChange(ctx, func(act string, now time.Time) (Change, error) {
		old, _, err := s.States.ReadState(ctx, by.Tenant, creator, period)
		if err != nil || old.Hash == st.Hash {
			return Change{New: old}, err
		}
		n, err := old.markSent(st, days, today, act, by.Subject, now)
		if err != nil {
			return Change{}, err
		}
		c := Change{Old: old, New: n, ScheduleAcceptance: !n.AcceptOn.IsZero()}
		c.Settlements, err = s.changeSettlements(ctx, by.Tenant, n.Settlements,
			func(x settlement.Settlement) (settlement.Settlement, bool, error) {
				waits := x.NeedsConfirm && !x.Confirmed && x.CanBeHeld()
				return x.SendStatement(n.AcceptOn, newAct(s.NewID(), "settlement.statement_sent", by.Subject),
					now), waits, nil
			})
		return c.withRecord("sent", by.Subject, "", now), err
	})
}

// newAct returns an act on a settlement.
func newAct(id, name, by string) settlement.Act {
	return settlement.Act{ID: id, Name: name, By: by}
}

// acceptanceDays returns the number of days of silence that accept a statement: the longest of its
// contracts, or 0 when one of the contracts has no such clause.
func (s *Service) acceptanceDays(ctx context.Context, st Statement) (int, error) {
	days := 0
	for _, b := range st.Bills {
		c, err := s.Directory.Contract(ctx, st.Tenant, st.CreatorID, b.IncomeType, st.Period.Month.Last())
		if fault.HasCode(err, fault.RuleMissing) || (err == nil && c.AcceptAfterDays == 0) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
		days = max(days, c.AcceptAfterDays)
	}
	return days, nil
}

// readSent reads the state of a statement; fault.MissingObject when it was never sent.
func (s *Service) readSent(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	period Period) (State, error) {
	state, ok, err := s.States.ReadState(ctx, tenant, creator, period)
	if err == nil && !ok {
		err = fault.MissingObject("sent statement")
	}
	return state, err
}

// CheckOwner returns fault.MissingObject when the caller is not the creator: for anybody else the
// statement does not exist.
func CheckOwner(by identity.Principal, creator ident.Creator) error {
	if by.Creator != creator {
		return fault.MissingObject("statement")
	}
	return nil
}

// ConfirmStatement records the creator's confirmation and releases the settlements that waited for
// it. seen is the content hash of what the creator has read, "" when it was not given.
func (s *Service) ConfirmStatement(ctx context.Context, by identity.Principal,
	creator ident.Creator,
	period Period, seen string) (State, error) {
	if err := CheckOwner(by, creator); err != nil {
		return State{}, err
	}
	return s.applyChange(ctx, func(act string, now time.Time) (Change, error) {
		old, err := s.readSent(ctx, by.Tenant, creator, period)
		if err != nil || old.Standing == Confirmed {
			return Change{New: old}, err
		}
		n, err := old.markConfirmed(seen, act, by.Subject, now)
		if err != nil {
			return Change{}, err
		}
		c := Change{Old: old, New: n}
		c.Settlements, err = s.releaseConfirmed(ctx, n, "settlement.confirmed", by.Subject, now)
		return c.withRecord("confirmed", by.Subject, "", now), err
	})
}

// releaseConfirmed releases the settlements that waited for the creator's confirmation and are not
// disputed.
func (s *Service) releaseConfirmed(ctx context.Context, n State, name, by string,
	now time.Time) ([]settlement.Change, error) {
	return s.changeSettlements(ctx, n.Tenant, n.Settlements,
		func(x settlement.Settlement) (settlement.Settlement, bool, error) {
			return x.ConfirmStatement(newAct(s.NewID(), name, by), now), x.NeedsConfirm && !x.Confirmed &&
				x.CanBeHeld() && !n.hasOpenDispute(ident.Settlement(x.ID)), nil
		})
}

// DisputeStatement records the creator's objections to some lines or settlements. Only their
// settlements are held; the other settlements of the statement are released.
//
// DisputeStatement returns fault.MissingObject for a line or settlement that the statement does not
// contain, and 3001 heard for a statement that is confirmed or accepted.
func (s *Service) DisputeStatement(ctx context.Context, by identity.Principal,
	creator ident.Creator,
	period Period, list []Objection) (State, error) {
	if err := checkObjections(list); err != nil {
		return State{}, err
	}
	if err := CheckOwner(by, creator); err != nil {
		return State{}, err
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return State{}, fault.Temporary(err)
	}
	st, err := s.BuildStatement(ctx, by.Tenant, creator, period)
	if err != nil {
		return State{}, err
	}
	return s.applyChange(ctx, func(act string, now time.Time) (Change, error) {
		disputes, err := findDisputed(st, list, by.Subject, now)
		if err != nil {
			return Change{}, err
		}
		return s.disputeChange(ctx, by, st, disputes, today.AddDays(AnswerDays), act, now)
	})
}

// disputeChange returns the change that records disputes, holds their settlements and releases the
// other settlements of the statement.
func (s *Service) disputeChange(ctx context.Context, by identity.Principal, st Statement,
	disputes []Dispute, answerBy civil.Date, act string, now time.Time) (Change, error) {
	old, err := s.readSent(ctx, by.Tenant, st.CreatorID, st.Period)
	if err != nil {
		return Change{}, err
	}
	held, err := s.holdDisputed(ctx, by, disputes, answerBy, now)
	if err != nil {
		return Change{}, err
	}
	n, err := old.addDisputes(disputes, act)
	if err != nil {
		return Change{}, err
	}
	others, err := s.releaseConfirmed(ctx, n, "settlement.confirmed", by.Subject, now)
	return Change{Old: old, New: n, Settlements: append(held, others...)}.withRecord("disputed",
		by.Subject, "", now), err
}

// findDisputed finds the lines and settlements of the statement to which the creator objects.
func findDisputed(st Statement, list []Objection, by string, now time.Time) ([]Dispute, error) {
	out := make([]Dispute, len(list))
	for i, o := range list {
		out[i] = Dispute{LineID: o.LineID, SettlementID: o.SettlementID, Reason: o.Reason, At: now,
			By: by}
		if o.LineID == "" {
			if !slices.ContainsFunc(st.Bills, func(b Bill) bool {
				return b.SettlementID == o.SettlementID
			}) {
				return nil, fault.MissingObject(
					fmt.Sprintf("settlement as lines.%d names in this statement", i))
			}
			continue
		}
		at := slices.IndexFunc(st.Lines, func(l Line) bool { return l.LineID == o.LineID })
		if at < 0 {
			return nil, fault.MissingObject(fmt.Sprintf("line as lines.%d names in this statement", i))
		}
		out[i].SettlementID = st.Lines[at].SettlementID
	}
	return out, nil
}

// holdDisputed holds the settlements of disputes, and stores in each dispute whether its money
// could still be held.
func (s *Service) holdDisputed(ctx context.Context, by identity.Principal, disputes []Dispute,
	answerBy civil.Date, now time.Time) ([]settlement.Change, error) {
	var ids []ident.Settlement
	for _, d := range disputes {
		if d.SettlementID != "" && !slices.Contains(ids, d.SettlementID) {
			ids = append(ids, d.SettlementID)
		}
	}
	stopped := map[string]bool{}
	changes, err := s.changeSettlements(ctx, by.Tenant, ids,
		func(x settlement.Settlement) (settlement.Settlement, bool, error) {
			// The payment has been sent already; the dispute is recorded without a hold.
			if !x.CanBeHeld() {
				return x, false, nil
			}
			stopped[x.ID] = true
			n, err := x.Dispute(answerBy, newAct(s.NewID(), "settlement.disputed", by.Subject), now)
			return n, x.Disputed.IsZero(), err
		})
	for i, d := range disputes {
		disputes[i].Held = stopped[string(d.SettlementID)]
	}
	return changes, err
}

// ResolveDispute records the answer of finance to a disputed line or settlement. The last answer
// about a settlement ends its hold.
func (s *Service) ResolveDispute(ctx context.Context, by identity.Principal, creator ident.Creator,
	period Period, a Answer) (State, error) {
	if err := a.validate(); err != nil {
		return State{}, err
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return State{}, fault.Temporary(err)
	}
	return s.applyChange(ctx, func(act string, now time.Time) (Change, error) {
		old, err := s.readSent(ctx, by.Tenant, creator, period)
		if err != nil {
			return Change{}, err
		}
		n, err := old.answerDispute(a, today, act, by.Subject, now)
		if err != nil {
			return Change{}, err
		}
		c := Change{Old: old, New: n, ScheduleAcceptance: n.Standing == Sent && !n.AcceptOn.IsZero()}
		c.Settlements, err = s.changeSettlements(ctx, by.Tenant, answeredSettlements(old, n),
			func(x settlement.Settlement) (settlement.Settlement, bool, error) {
				return x.ResolveDispute(n.AcceptOn, settlement.Act{ID: s.NewID(), Name: "settlement.resolved",
					By: by.Subject, Reason: a.Outcome}, now), !x.Disputed.IsZero(), nil
			})
		return c.withRecord("resolved", by.Subject, a.Outcome, now), err
	})
}

// answeredSettlements lists the settlements that had an open dispute before an answer and have none
// after it; their holds end.
func answeredSettlements(before, after State) []ident.Settlement {
	var answered []ident.Settlement
	for _, d := range before.Disputes {
		if d.SettlementID != "" && d.IsOpen() && !after.hasOpenDispute(d.SettlementID) &&
			!slices.Contains(answered, d.SettlementID) {
			answered = append(answered, d.SettlementID)
		}
	}
	return answered
}

// daysBack is the number of days for which acceptances are made up after missed nightly runs.
const daysBack = 31

// AcceptSilent accepts the statements that have been left unanswered for as long as their contracts
// say by the business date, for those creators for whom mine returns true. It may be run twice,
// late and in parallel. It returns the number of statements that it accepted.
func (s *Service) AcceptSilent(ctx context.Context, tenant ident.Tenant,
	mine func(creator ident.Creator) bool) (int, error) {
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return 0, fault.Temporary(err)
	}
	accepted := 0
	var failed error
	for back := range daysBack {
		list, err := s.States.ListScheduled(ctx, tenant, today.AddDays(-back))
		if err != nil {
			return accepted, errors.Join(failed, err)
		}
		for _, w := range list {
			if !mine(w.CreatorID) {
				continue
			}
			did, err := s.acceptOne(ctx, tenant, today, w)
			failed = errors.Join(failed, err)
			if did {
				accepted++
			}
		}
	}
	return accepted, failed
}

// acceptOne accepts one statement if it still waits for its creator's answer.
func (s *Service) acceptOne(ctx context.Context, tenant ident.Tenant, today civil.Date,
	w ScheduledAcceptance) (did bool, err error) {
	_, err = s.applyChange(ctx, func(act string, now time.Time) (Change, error) {
		did = false
		old, ok, err := s.States.ReadState(ctx, tenant, w.CreatorID, w.Period)
		if err != nil || !ok {
			return Change{}, err
		}
		n, due := old.markAccepted(today, act, System, now)
		if !due {
			return Change{New: old}, nil
		}
		did = true
		c := Change{Old: old, New: n}
		c.Settlements, err = s.releaseConfirmed(ctx, n, "settlement.accepted", System, now)
		return c.withRecord("accepted", System, "", now), err
	})
	return did && err == nil, err
}

// monthsBack is the number of months in a creator's list of statements.
const monthsBack = 14

// ListStatements lists the statements of a creator's last fourteen months, newest first: statements
// that were sent with their state, and statements that have lines and were not sent as drafts.
func (s *Service) ListStatements(ctx context.Context, by identity.Principal,
	creator ident.Creator) ([]State, error) {
	if !by.CanSee(creator) {
		return nil, fault.MissingObject("creator")
	}
	if _, err := s.Directory.Creator(ctx, by.Tenant, creator); err != nil {
		return nil, err
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return nil, fault.Temporary(err)
	}
	from, to := today.Month().Add(1-monthsBack), today.Month()
	states, err := s.States.ListStates(ctx, by.Tenant, creator, from, to)
	if err != nil {
		return nil, err
	}
	buckets, err := s.Facts.ListBuckets(ctx, by.Tenant, creator, from, to)
	if err != nil {
		return nil, err
	}
	for _, b := range buckets {
		p := Period{b.Period, partName(b)}
		if !slices.ContainsFunc(states, func(x State) bool { return x.Period == p }) {
			states = append(states, State{CreatorID: creator, Period: p, Standing: Draft,
				Number: statementNumber(creator, p), Settlements: []ident.Settlement{}, Disputes: []Dispute{}})
		}
	}
	slices.SortFunc(states, func(a, b State) int {
		return strings.Compare(b.Period.String(), a.Period.String())
	})
	return states, nil
}
