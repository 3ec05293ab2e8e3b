package period

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/ledger"
)

// Service closes and seals periods.
type Service struct {
	Store    Store
	Books    Books
	Creators Creators
	Days     Days
	Evidence Evidence
	Charts   Charts
	Clock    clock.Clock
	NewID    func() string
	Budget   time.Duration // how long one call may review books; zero is DefaultBudget
}

// DefaultBudget leaves a call time below the gateway's 29 seconds.
const DefaultBudget = 15 * time.Second

func (s *Service) budget() time.Duration {
	if s.Budget == 0 {
		return DefaultBudget
	}
	return s.Budget
}

func notNow(reason, text string) error { return fault.New(fault.IllegalMove, reason, text) }

// Close begins the closing of a period and runs its checks. From then on entries go to the next
// period, but for the accruals of the month's own days, which enter until its sealing begins.
// Called again it goes on with checks that were not complete, or runs them anew.
//
// Errors: 3001 period_not_over, period_sealed, period_order.
func (s *Service) Close(ctx context.Context, by identity.Principal, entity ident.Entity,
	month civil.Month) (Period, error) {
	return optimistic.Value(ctx, func() (Period, error) {
		p, err := s.closing(ctx, by, entity, month)
		if err != nil {
			return Period{}, err
		}
		if p.Review.Checks == nil || p.Review.Complete || p.Review.Sealing {
			p.Review = s.review(by, false)
		}
		return s.run(ctx, p)
	})
}

// closing reads the period, and begins its closing where that is due.
func (s *Service) closing(ctx context.Context, by identity.Principal, entity ident.Entity,
	month civil.Month) (Period, error) {
	p, err := s.Store.Period(ctx, by.Tenant, entity, month)
	if err != nil {
		return Period{}, err
	}
	if p == nil {
		return s.begin(ctx, by, entity, month)
	}
	if p.State == Sealed {
		return Period{}, sealedFor(month)
	}
	return *p, nil
}

func sealedFor(month civil.Month) error {
	return notNow("period_sealed", "The period "+month.String()+
		" is sealed for good; there is no re-opening. Post what comes late in the open period.")
}

func (s *Service) begin(ctx context.Context, by identity.Principal, entity ident.Entity,
	month civil.Month) (Period, error) {
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return Period{}, fault.Later(err)
	}
	if !month.Before(today.Month()) {
		return Period{}, notNow("period_not_over",
			"The period "+month.String()+" is not over yet; close it when its month is past.")
	}
	newest, err := s.Store.NewestPeriod(ctx, by.Tenant, entity)
	if err != nil {
		return Period{}, err
	}
	switch {
	case newest == nil:
	case !newest.Month.Before(month):
		return Period{}, sealedFor(month)
	case newest.State != Sealed || newest.Month.Add(1) != month:
		return Period{}, notNow("period_order", "Periods are closed in order; the last one closed is "+
			newest.Month.String()+" ("+newest.State+").")
	}
	p := Period{Tenant: by.Tenant, Entity: entity, Month: month, State: Closing, First: newest == nil,
		Revision: 1, ClosingBy: by.Subject,
		ClosingAt: s.Clock.Instant(), Act: s.NewID()}
	return p, s.Store.SavePeriod(ctx, p, s.record(p, by, "period.closing", nil))
}

func (s *Service) record(p Period, by identity.Principal, act string,
	what json.RawMessage) *audit.Record {
	return &audit.Record{ID: p.Act, Tenant: p.Tenant, At: s.Clock.Instant(), Actor: by.Subject,
		Act: act, Object: string(p.Entity+":") + p.Month.String(), What: what}
}

func (s *Service) review(by identity.Principal, sealing bool) Review {
	return Review{Sealing: sealing, By: by.Subject, At: s.Clock.Instant(), Checks: checks(),
		Sheet: ledger.Sheet{}}
}

// run goes on with the review and keeps how far it came.
func (s *Service) run(ctx context.Context, p Period) (Period, error) {
	if err := s.walk(ctx, &p); err != nil {
		return p, err
	}
	p.Revision++
	p.Act = s.NewID()
	return p, s.Store.SavePeriod(ctx, p, nil)
}

// Seal fixes a period for good after all checks pass, by another person than began its closing.
// Where the books are too many for one call the period comes back as it is, its review not
// complete: call again. Sealed already, it is answered as it is.
//
// Errors: 3001 not_closing, settling, checks_failed; 1003 for who began the closing.
func (s *Service) Seal(ctx context.Context, by identity.Principal, entity ident.Entity,
	month civil.Month) (Period, error) {
	return optimistic.Value(ctx, func() (Period, error) {
		p, err := s.sealable(ctx, by, entity, month)
		if err != nil || p.State == Sealed {
			return p, err
		}
		if !p.Review.Sealing || p.Review.Complete || !p.Sealing {
			if p, err = s.beginSealing(ctx, by, p); err != nil {
				return p, err
			}
		}
		if p, err = s.run(ctx, p); err != nil || !p.Review.Complete {
			return p, err
		}
		if failed := p.Review.FailedChecks(); len(failed) > 0 {
			return p, notNow("checks_failed", "The period cannot be sealed: "+strings.Join(failed, ", ")+
				". Read the period for what each check found and who is to act.")
		}
		return s.seal(ctx, by, p)
	})
}

// beginSealing lets no accrual enter the period any more before its books are walked over. A day
// that is still to be accrued stops it here, so that what the day owes can enter the period that it
// belongs to.
func (s *Service) beginSealing(ctx context.Context, by identity.Principal,
	p Period) (Period, error) {
	due, err := s.outstanding(ctx, p)
	if err != nil {
		return p, err
	}
	if len(due) > 0 {
		return p, notNow("checks_failed", "The period cannot be sealed: "+CheckAccrualDays+" ("+
			strings.Join(due, "; ")+"). The operator lets these days close; then seal it.")
	}
	p.Review = s.review(by, true)
	p.Sealing, p.Act = true, s.NewID()
	p.Revision++
	return p, s.Store.SavePeriod(ctx, p, nil)
}

func (s *Service) sealable(ctx context.Context, by identity.Principal, entity ident.Entity,
	month civil.Month) (Period, error) {
	p, err := s.Store.Period(ctx, by.Tenant, entity, month)
	if err != nil {
		return Period{}, err
	}
	switch {
	case p == nil:
		return Period{}, notNow("not_closing",
			"The period "+month.String()+" is open; begin its closing first.")
	case p.State == Sealed:
		return *p, nil
	case p.ClosingBy == by.Subject:
		return Period{}, fault.New(fault.Forbidden, "preparer",
			"You began the closing of this period; another person seals it.")
	}
	if wait := p.ClosingAt.Add(ledger.Settling).Sub(s.Clock.Instant()); wait > 0 {
		return Period{}, notNow("settling",
			fmt.Sprintf("The closing has just begun; seal it in %d seconds, when every function knows of it.", int(wait/time.Second)+1))
	}
	return *p, nil
}

// seal writes the seal with the end of the chain of evidence.
func (s *Service) seal(ctx context.Context, by identity.Principal, p Period) (Period, error) {
	trial, err := s.trial(ctx, &p)
	if err != nil {
		return p, err
	}
	head, err := s.Evidence.Head(ctx, p.Tenant)
	if err != nil {
		return p, fault.Later(err)
	}
	seal := Seal{By: by.Subject, At: s.Clock.Instant(), Balance: trial, AuditSeq: head.Tree.Count,
		Audit: hex.EncodeToString(head.Chain[:])}
	if seal.Hash, err = SealHash(p, seal); err != nil {
		return p, err
	}
	p.State = Sealed
	p.Seal = &seal
	p.Act = s.NewID()
	p.Revision++
	what, err := json.Marshal(map[string]any{"hash": seal.Hash, "totals": trial.Totals,
		"audit_seq": seal.AuditSeq, "audit_hash": seal.Audit, "closing_by": p.ClosingBy})
	if err != nil {
		return p, fault.Internal(err)
	}
	return p, s.Store.SavePeriod(ctx, p, s.record(p, by, "period.sealed", what))
}
