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

// System is the actor of what no person did.
const System = "system:build-statements"

// Change is one write of a statement's state, with all that must agree with it. Store writes it
// whole or not at all.
type Change struct {
	Old, New           State // Old.Version is the condition; zero where there was none
	Settlements        []settlement.Change
	Record             audit.Record
	ScheduleAcceptance bool // put the statement on the list of its day of acceptance
}

// ScheduledAcceptance names a statement on the list of a day of acceptance.
type ScheduledAcceptance struct {
	CreatorID ident.Creator
	Period    Period
}

// StateStore keeps the lives of statements. Finding one's own act in the way of a write is success.
type StateStore interface {
	// State reads one, consistently; false where the statement was never sent.
	ReadState(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
		period Period) (State, bool, error)
	// States lists a creator's, of the months from and to, both included.
	ListStates(ctx context.Context, tenant ident.Tenant, creator ident.Creator, from,
		to civil.Month) ([]State, error)
	// Apply writes a change. The error is optimistic.ErrRival when a condition fails.
	ApplyChange(ctx context.Context, c Change) error
	// Waiting lists the statements that silence accepts from a day.
	ListScheduled(ctx context.Context, tenant ident.Tenant, day civil.Date) ([]ScheduledAcceptance, error)
}

// Service makes statements and leads their life.
type Service struct {
	Builder
	States    StateStore
	Documents *Documents // nil where only lives are led
	Clock     clock.Clock
	NewID     func() string
}

// applyChange decides and writes until nobody gets in between.
func (s *Service) applyChange(ctx context.Context,
	decide func(act string, now time.Time) (Change, error)) (State, error) {
	now := s.Clock.Instant()
	return optimistic.Value(ctx, func() (State, error) {
		act := s.NewID()
		c, err := decide(act, now)
		if err != nil || c.New.Act != act { // nothing to write: it is so already
			return c.New, err
		}
		return c.New, s.States.ApplyChange(ctx, c)
	})
}

// withRecord is the audit record of a change.
func (c Change) withRecord(name, by, why string, now time.Time) Change {
	what, err := json.Marshal(struct {
		State    Standing   `json:"state"`
		Hash     string     `json:"content_hash"`
		Version  int        `json:"version"`
		AcceptOn civil.Date `json:"accept_on,omitzero"`
		Open     int        `json:"open_disputes"`
		Held     []string   `json:"settlements,omitempty"`
	}{c.New.Standing, c.New.Hash, c.New.Version, c.New.AcceptOn, c.New.countOpenDisputes(), settlementIDs(c.Settlements)})
	if err != nil { // words and numbers always marshal
		what = nil
	}
	c.Record = audit.Record{ID: c.New.Act, Tenant: c.New.Tenant, At: now, Actor: by,
		Act:    "statement." + name,
		Object: string(c.New.CreatorID+"/") + c.New.Period.String(), What: what, Why: why}
	return c
}

func settlementIDs(cs []settlement.Change) []string {
	var ids []string
	for _, c := range cs {
		ids = append(ids, c.New.ID)
	}
	return ids
}

// changeSettlements gives the changes of those settlements of a statement that to changes; each has a
// settlement's own record.
func (s *Service) changeSettlements(ctx context.Context, tenant ident.Tenant, ids []ident.Settlement,
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

// SendStatement sends a statement to its creator: its documents are stored first, so that nothing is sent
// that cannot be read. The same content sent again changes nothing.
//
// Errors: 5002 glyph_missing names the letters that the font lacks; 3001 disputed while a dispute
// is not answered.
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
		return State{}, fault.Later(err)
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
				waits := x.NeedsConfirm && !x.Confirmed && x.Stoppable()
				return x.SendStatement(n.AcceptOn, newAct(s.NewID(), "settlement.statement_sent", by.Subject),
					now), waits, nil
			})
		return c.withRecord("sent", by.Subject, "", now), err
	})
}

func newAct(id, name, by string) settlement.Act { return settlement.Act{ID: id, Name: name, By: by} }

// acceptanceDays is how many days of silence accept a statement: the longest that its contracts say, 0
// where one of them says nothing.
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

// readSent reads the state of a statement that was sent.
func (s *Service) readSent(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	period Period) (State, error) {
	state, ok, err := s.States.ReadState(ctx, tenant, creator, period)
	if err == nil && !ok {
		err = fault.Absent("sent statement")
	}
	return state, err
}

// CheckOwner refuses a caller who is not the creator: for anybody else the statement does not exist.
func CheckOwner(by identity.Principal, creator ident.Creator) error {
	if by.Creator != creator {
		return fault.Absent("statement")
	}
	return nil
}

// ConfirmStatement is the creator's yes. seen is the hash of what it read, "" where it does not say.
func (s *Service) ConfirmStatement(ctx context.Context, by identity.Principal, creator ident.Creator,
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

// releaseConfirmed lets go on what waited for the creator's word and is not disputed.
func (s *Service) releaseConfirmed(ctx context.Context, n State, name, by string,
	now time.Time) ([]settlement.Change, error) {
	return s.changeSettlements(ctx, n.Tenant, n.Settlements,
		func(x settlement.Settlement) (settlement.Settlement, bool, error) {
			return x.Confirm(newAct(s.NewID(), name, by), now), x.NeedsConfirm && !x.Confirmed &&
				x.Stoppable() && !n.hasOpenDispute(ident.Settlement(x.ID)), nil
		})
}

// DisputeStatement is the creator's no to some lines or settlements: only their settlements are held, and
// the others of the statement go on.
//
// Errors: fault.Absent for a line or settlement that the statement does not have; 3001 heard for a
// statement that is confirmed or accepted.
func (s *Service) DisputeStatement(ctx context.Context, by identity.Principal, creator ident.Creator,
	period Period, list []Objection) (State, error) {
	if err := checkObjections(list); err != nil {
		return State{}, err
	}
	if err := CheckOwner(by, creator); err != nil {
		return State{}, err
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return State{}, fault.Later(err)
	}
	st, err := s.BuildStatement(ctx, by.Tenant, creator, period)
	if err != nil {
		return State{}, err
	}
	return s.applyChange(ctx, func(act string, now time.Time) (Change, error) {
		old, err := s.readSent(ctx, by.Tenant, creator, period)
		if err != nil {
			return Change{}, err
		}
		disputes, err := findDisputed(st, list, by.Subject, now)
		if err != nil {
			return Change{}, err
		}
		held, err := s.holdDisputed(ctx, by, disputes, today.AddDays(AnswerDays), now)
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
	})
}

// findDisputed finds what the creator objects to.
func findDisputed(st Statement, list []Objection, by string, now time.Time) ([]Dispute, error) {
	out := make([]Dispute, len(list))
	for i, o := range list {
		out[i] = Dispute{LineID: o.LineID, SettlementID: o.SettlementID, Reason: o.Reason, At: now,
			By: by}
		if o.LineID == "" {
			if !slices.ContainsFunc(st.Bills, func(b Bill) bool {
				return b.SettlementID == o.SettlementID
			}) {
				return nil, fault.Absent(fmt.Sprintf("settlement as lines.%d names in this statement", i))
			}
			continue
		}
		at := slices.IndexFunc(st.Lines, func(l Line) bool { return l.LineID == o.LineID })
		if at < 0 {
			return nil, fault.Absent(fmt.Sprintf("line as lines.%d names in this statement", i))
		}
		out[i].SettlementID = st.Lines[at].SettlementID
	}
	return out, nil
}

// holdDisputed holds the settlements of disputes, and notes on each dispute whether its money could still
// be held.
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
			if !x.Stoppable() {
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

// ResolveDispute is finance's answer to a disputed line or settlement. The last answer to a settlement
// ends its hold.
func (s *Service) ResolveDispute(ctx context.Context, by identity.Principal, creator ident.Creator,
	period Period, a Answer) (State, error) {
	if err := a.validate(); err != nil {
		return State{}, err
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return State{}, fault.Later(err)
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
		var free []ident.Settlement
		for _, d := range old.Disputes {
			if d.SettlementID != "" && d.IsOpen() && !n.hasOpenDispute(d.SettlementID) &&
				!slices.Contains(free, d.SettlementID) {
				free = append(free, d.SettlementID)
			}
		}
		c := Change{Old: old, New: n, ScheduleAcceptance: n.Standing == Sent && !n.AcceptOn.IsZero()}
		c.Settlements, err = s.changeSettlements(ctx, by.Tenant, free,
			func(x settlement.Settlement) (settlement.Settlement, bool, error) {
				return x.Resolve(n.AcceptOn, settlement.Act{ID: s.NewID(), Name: "settlement.resolved",
					By: by.Subject, Reason: a.Outcome}, now), !x.Disputed.IsZero(), nil
			})
		return c.withRecord("resolved", by.Subject, a.Outcome, now), err
	})
}

// daysBack is how many days a missed night's acceptances are still made up for.
const daysBack = 31

// AcceptSilent accepts, for those creators that mine names, the statements that have been silent for
// as long as their contracts say by the business date. It may be run twice, late and in parallel.
// It gives how many it accepted.
func (s *Service) AcceptSilent(ctx context.Context, tenant ident.Tenant,
	mine func(creator ident.Creator) bool) (int, error) {
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return 0, fault.Later(err)
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

// acceptOne accepts one statement by silence, if it still waits for its creator.
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

// monthsBack is how far back a creator's list of statements looks.
const monthsBack = 14

// ListStatements gives the statements of a creator's last fourteen months, newest first: those that were sent
// with their life, and those that have lines and were not sent as drafts.
func (s *Service) ListStatements(ctx context.Context, by identity.Principal,
	creator ident.Creator) ([]State, error) {
	if !by.MaySee(creator) {
		return nil, fault.Absent("creator")
	}
	if _, err := s.Directory.Creator(ctx, by.Tenant, creator); err != nil {
		return nil, err
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return nil, fault.Later(err)
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
