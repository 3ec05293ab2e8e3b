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

// Service closes and seals accounting periods.
type Service struct {
	Store    Store
	Books    Books
	Creators Creators
	Days     Days
	Evidence Evidence
	Charts   Charts
	Clock    clock.Clock
	NewID    func() string
	Budget   time.Duration // time that one call may spend on checking books; zero means DefaultBudget
}

// DefaultBudget is the default time for checking books in one call. DefaultBudget leaves time for
// the rest of the call before the gateway ends it after 29 seconds.
const DefaultBudget = 15 * time.Second

// reviewBudget returns the time that one call may spend on checking books.
func (s *Service) reviewBudget() time.Duration {
	if s.Budget == 0 {
		return DefaultBudget
	}
	return s.Budget
}

// notNowError returns an error 3001 with a reason and a text for people.
func notNowError(reason, text string) error { return fault.New(fault.IllegalMove, reason, text) }

// Close begins the closing of a period and runs its checks. From then on entries go to the next
// period, except the accruals of the month's own days, which enter until the sealing begins. A
// repeated call of Close continues checks that were not complete, or runs complete ones anew.
//
// Errors: 3001 period_not_over, period_sealed, period_order.
func (s *Service) Close(ctx context.Context, by identity.Principal, entity ident.Entity,
	month civil.Month) (Period, error) {
	return optimistic.RetryValue(ctx, func() (Period, error) {
		p, err := s.readOrBeginClosing(ctx, by, entity, month)
		if err != nil {
			return Period{}, err
		}
		// Only an incomplete review of the closing is continued; a complete one is repeated, because what
		// it found may have been mended.
		if p.Review.Checks == nil || p.Review.Complete || p.Review.Sealing {
			p.Review = s.newReview(by, false)
		}
		return s.continueReview(ctx, p)
	})
}

// readOrBeginClosing reads the period, or begins its closing when it is open. Errors: 3001 when the
// period is sealed.
func (s *Service) readOrBeginClosing(ctx context.Context, by identity.Principal,
	entity ident.Entity,
	month civil.Month) (Period, error) {
	p, err := s.Store.Period(ctx, by.Tenant, entity, month)
	if err != nil {
		return Period{}, err
	}
	if p == nil {
		return s.beginClosing(ctx, by, entity, month)
	}
	if p.State == Sealed {
		return Period{}, periodSealedError(month)
	}
	return *p, nil
}

// periodSealedError returns the error for an act on a sealed period.
func periodSealedError(month civil.Month) error {
	return notNowError("period_sealed", "The period "+month.String()+
		" is sealed for good; there is no re-opening. Post what comes late in the open period.")
}

// beginClosing stores the period as closing, when its month is over and the month before it is
// sealed.
func (s *Service) beginClosing(ctx context.Context, by identity.Principal, entity ident.Entity,
	month civil.Month) (Period, error) {
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return Period{}, fault.Temporary(err)
	}
	if !month.Before(today.Month()) {
		return Period{}, notNowError("period_not_over",
			"The period "+month.String()+" is not over yet; close it when its month is past.")
	}
	newest, err := s.Store.NewestPeriod(ctx, by.Tenant, entity)
	if err != nil {
		return Period{}, err
	}
	switch {
	case newest == nil:
	case !newest.Month.Before(month):
		return Period{}, periodSealedError(month)
	case newest.State != Sealed || newest.Month.Add(1) != month:
		return Period{}, notNowError("period_order",
			"Periods are closed in order; the last one closed is "+
				newest.Month.String()+" ("+newest.State+").")
	}
	p := Period{Tenant: by.Tenant, Entity: entity, Month: month, State: Closing, First: newest == nil,
		Revision: 1, ClosingBy: by.Subject, ClosingAt: s.Clock.Instant(), Act: s.NewID()}
	return p, s.Store.SavePeriod(ctx, p, s.auditRecord(p, by, "period.closing", nil))
}

// auditRecord returns the audit record of an act on the period.
func (s *Service) auditRecord(p Period, by identity.Principal, act string,
	what json.RawMessage) *audit.Record {
	return &audit.Record{ID: p.Act, Tenant: p.Tenant, At: s.Clock.Instant(), Actor: by.Subject,
		Act: act, Object: string(p.Entity+":") + p.Month.String(), What: what}
}

// newReview returns a review in which no book has been checked.
func (s *Service) newReview(by identity.Principal, sealing bool) Review {
	return Review{Sealing: sealing, By: by.Subject, At: s.Clock.Instant(), Checks: newChecks(),
		Sheet: ledger.Sheet{}}
}

// continueReview checks further books and stores how far the review has come.
func (s *Service) continueReview(ctx context.Context, p Period) (Period, error) {
	if err := s.reviewBooks(ctx, &p); err != nil {
		return p, err
	}
	p.Revision++
	p.Act = s.NewID()
	return p, s.Store.SavePeriod(ctx, p, nil)
}

// Seal seals a period after all its checks have passed; the caller must not be the person who began
// the closing. When the books are too many for one call, the period is returned with an incomplete
// review, and Seal must be called again. A sealed period is returned as it is.
//
// Errors: 3001 not_closing, settling, checks_failed; 1003 preparer when the caller began the
// closing.
func (s *Service) Seal(ctx context.Context, by identity.Principal, entity ident.Entity,
	month civil.Month) (Period, error) {
	return optimistic.RetryValue(ctx, func() (Period, error) {
		p, err := s.readSealable(ctx, by, entity, month)
		if err != nil || p.State == Sealed {
			return p, err
		}
		// A review from before the sealing has fenced no books, so it proves nothing for the seal.
		if !p.Review.Sealing || p.Review.Complete || !p.Sealing {
			if p, err = s.beginSealing(ctx, by, p); err != nil {
				return p, err
			}
		}
		if p, err = s.continueReview(ctx, p); err != nil || !p.Review.Complete {
			return p, err
		}
		if failed := p.Review.FailedChecks(); len(failed) > 0 {
			return p, notNowError("checks_failed",
				"The period cannot be sealed: "+strings.Join(failed, ", ")+
					". Read the period for what each check found and who is to act.")
		}
		return s.writeSeal(ctx, by, p)
	})
}

// beginSealing stops further accruals in the period before its books are checked for the seal. A
// day that is not accrued yet prevents the sealing here, so that its accrual can still enter the
// period to which it belongs.
func (s *Service) beginSealing(ctx context.Context, by identity.Principal,
	p Period) (Period, error) {
	due, err := s.daysNotAccrued(ctx, p)
	if err != nil {
		return p, err
	}
	if len(due) > 0 {
		return p, notNowError("checks_failed", "The period cannot be sealed: "+CheckAccrualDays+" ("+
			strings.Join(due, "; ")+"). The operator lets these days close; then seal it.")
	}
	p.Review = s.newReview(by, true)
	p.Sealing = true
	p.Act = s.NewID()
	p.Revision++
	return p, s.Store.SavePeriod(ctx, p, nil)
}

// readSealable reads a period and checks that the caller may seal it now. A sealed period is
// returned without an error.
func (s *Service) readSealable(ctx context.Context, by identity.Principal, entity ident.Entity,
	month civil.Month) (Period, error) {
	p, err := s.Store.Period(ctx, by.Tenant, entity, month)
	if err != nil {
		return Period{}, err
	}
	switch {
	case p == nil:
		return Period{}, notNowError("not_closing",
			"The period "+month.String()+" is open; begin its closing first.")
	case p.State == Sealed:
		return *p, nil
	case p.ClosingBy == by.Subject:
		return Period{}, fault.New(fault.Forbidden, "preparer",
			"You began the closing of this period; another person seals it.")
	}
	// A function that read the period before the closing may still write entries into it.
	if wait := p.ClosingAt.Add(ledger.Settling).Sub(s.Clock.Instant()); wait > 0 {
		return Period{}, notNowError("settling",
			fmt.Sprintf("The closing has just begun; seal it in %d seconds, when every function "+
				"knows of it.", int(wait/time.Second)+1))
	}
	return *p, nil
}

// writeSeal stores the seal of a period, with its trial balance and the end of the tenant's audit
// chain.
func (s *Service) writeSeal(ctx context.Context, by identity.Principal, p Period) (Period, error) {
	trial, err := s.trialBalance(ctx, &p)
	if err != nil {
		return p, err
	}
	// The seal names the chain's end, so that neither the books nor the evidence before it can be
	// replaced unnoticed.
	head, err := s.Evidence.Head(ctx, p.Tenant)
	if err != nil {
		return p, fault.Temporary(err)
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
	return p, s.Store.SavePeriod(ctx, p, s.auditRecord(p, by, "period.sealed", what))
}
