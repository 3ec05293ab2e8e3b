package settlement

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/payout"
)

// warnOfCalendars logs one line for each year whose calendar should be loaded today and is not. An
// alarm watches these lines.
func (v *Advancer) warnOfCalendars(ctx context.Context, today civil.Date) {
	years := []int{today.Year()}
	due := civil.NewDate(today.Year(), time.Month(v.calendarDue.Month().Number()), v.calendarDue.Day())
	if !today.Before(due) {
		years = append(years, today.Year()+1)
	}
	for _, year := range years {
		if _, err := v.service.Calendar.IsWorkingDay(civil.NewDate(year, time.January, 1)); err != nil {
			v.log.WarnContext(ctx, "calendar not loaded", "year", year)
		}
	}
}

// overdueCounter counts the overdue settlements of a tenant by state during a sweep.
type overdueCounter struct {
	Viewer
	states map[string]int
}

// countIfOverdue adds a settlement to the count of its state if it is overdue.
func (k *overdueCounter) countIfOverdue(s Settlement) {
	if state, overdue := k.Overdue(s); overdue {
		k.states[state]++
	}
}

// logCounts logs one line for each state with the number of overdue settlements, without names.
func (k *overdueCounter) logCounts(ctx context.Context, log *slog.Logger, tenant ident.Tenant) {
	for _, state := range slices.Sorted(maps.Keys(k.states)) {
		log.WarnContext(ctx, "settlements overdue", "tenant", tenant, "state", state, "count",
			k.states[state])
	}
}

// sweepDays is how many days back Sweep looks for openings. A settlement that is older and still
// open needs a person.
const sweepDays = 100

// Sweep enqueues an advance of every settlement, of all tenants, that waits for the system. Thus a
// lost stream record does no harm, and a settlement that waited for a date or a rule goes on.
func (v *Advancer) Sweep(ctx context.Context) error {
	tenants, err := v.service.Directory.Tenants(ctx)
	if err != nil {
		return err
	}
	today, err := v.service.Clock.Today(ctx)
	if err != nil {
		return err
	}
	v.warnOfCalendars(ctx, today)
	real := v.service.Clock.Instant().AddDate(0, 0, -sweepDays)
	for _, t := range tenants {
		viewer, err := v.service.Viewer(ctx, identity.Principal{Tenant: ident.Tenant(t)})
		if err != nil {
			return err
		}
		late := overdueCounter{viewer, map[string]int{}}
		err = v.service.EachSettlement(ctx, ident.Tenant(t), Query{From: civil.DateOf(real)},
			func(s Settlement) error {
				late.countIfOverdue(s)
				// these three wait for the system although nextOperation knows nothing for them
				if _, final := v.service.withFinalDates(s); final || s.HasUnopenedParties() ||
					viewer.Rules.Automatic.Submit && s.Status == PendingReview && s.Quote != "" && s.Hold == nil {
					return v.enqueue(ctx, s, OpAdvance)
				}
				if s.nextOperation() == "" || (s.Status == Approved && today.Before(s.PayOn)) {
					return nil
				}
				return v.enqueue(ctx, s, OpAdvance)
			})
		if err != nil {
			return err
		}
		late.logCounts(ctx, v.log, ident.Tenant(t))
	}
	return nil
}

// nextOperation is the operation that the system can try on a settlement without a person, "" for
// none. Besides DueOperation these are: a missing rule that may be published by now, a hold that
// may have ended, a payout without an answer, and a cancellation that is half done.
func (s Settlement) nextOperation() string {
	switch {
	case s.Status == Paying && s.ReasonClass == Cancelled:
		return OpAdvance
	case s.Hold != nil && s.Hold.Reason == HoldRuleGap && s.IsUnbooked():
		return OpQuote
	case s.Hold != nil && s.Hold.Reason == HoldRuleGap:
		return OpRebook
	case s.isHoldRechecked(), s.Hold != nil && !s.Hold.Until.IsZero():
		return OpAdvance
	case s.Status == Paying && s.WasSent() && s.Payout.State != payout.WaitingPayee:
		return OpQuery
	}
	return s.DueOperation()
}

// RunTask advances one settlement and opens the settlements of its payees. An error of the payees
// does not stop the settlement itself; it is returned so that the queue tries again.
func (v *Advancer) RunTask(ctx context.Context, task Task) error {
	parties := v.service.OpenPartySettlements(ctx, task.Tenant, task.SettlementID)
	if err := v.advanceOne(ctx, task); err != nil {
		return err
	}
	return parties
}

// advanceOne does what a settlement can do next without a person, or enqueues it.
func (v *Advancer) advanceOne(ctx context.Context, task Task) error {
	s, err := v.service.Store.Load(ctx, task.Tenant, task.SettlementID)
	if err != nil {
		return err
	}
	if written, err := v.finalizeDates(ctx, s); err != nil || written {
		return err
	}
	switch op := s.nextOperation(); {
	case op == "" && s.Status == PendingReview && s.Quote != "" && s.Hold == nil:
		return v.moveAutomatically(ctx, s) // the tenant may have let the system submit since the quote
	case op == "":
		return nil
	case op == OpAdvance && s.Status == Paying && s.ReasonClass == Cancelled:
		return v.service.FinishCancel(ctx, s.Tenant, ident.Settlement(s.ID))
	case op == OpAdvance && (s.Hold == nil || s.isAboutToBeRejected()):
		return v.moveAutomatically(ctx, s)
	case op == OpAdvance && s.isHoldRechecked():
		return v.service.recheckHold(ctx, s)
	case op == OpAdvance:
		return v.endExpiredHold(ctx, s)
	default:
		return v.enqueue(ctx, s, op)
	}
}

// endExpiredHold ends a hold whose last day has come.
func (v *Advancer) endExpiredHold(ctx context.Context, s Settlement) error {
	today, err := v.service.Clock.Today(ctx)
	if err != nil || today.Before(s.Hold.Until) {
		return err
	}
	n, err := s.EndHold(Act{ID: v.service.NewID(), Name: "settlement.released",
		By: "system:advance-settlement", Reason: "the hold's end has come"}, v.service.Clock.Instant())
	if fault.HasCode(err, fault.IllegalMove) {
		return nil // EndHold refuses holds that end only with their cause
	}
	if err != nil {
		return err
	}
	return v.service.Store.Apply(ctx, Change{Old: &s, New: n})
}
