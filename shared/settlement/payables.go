package settlement

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
)

// Payables gives package payout access to settlements.
type Payables struct{ service *Service }

var (
	_ payout.Payables = Payables{}
	_ payout.Unclear  = Payables{}
)

// Load reads a settlement and returns what paying needs of it.
func (p Payables) Load(ctx context.Context, tenant ident.Tenant,
	id ident.Settlement) (payout.Payable, error) {
	s, err := p.service.Store.Load(ctx, tenant, id)
	if err != nil {
		return payout.Payable{}, err
	}
	return payableOf(s), nil
}

// payableOf returns what paying needs of a settlement.
func payableOf(s Settlement) payout.Payable {
	b := payout.Payable{Tenant: s.Tenant, SettlementID: ident.Settlement(s.ID), CreatorID: s.CreatorID,
		TaxpayerID: s.TaxpayerID, Entity: s.Entity, Status: string(s.Status),
		Version: int64(s.StatusVersion), ToPay: s.ToPay, Method: payout.Method(s.PayMethod),
		Period:   s.ServicePeriod,
		TaxMonth: s.PaymentDate.Month(), PaymentDate: s.PaymentDate, Trace: s.TraceID}
	if s.Hold != nil {
		b.Hold = s.Hold.Reason
	}
	if s.Payout != nil {
		b.Key = s.Payout.Key
		b.State = s.Payout.State
		b.SentAt = s.Payout.SentAt
		b.Method = payout.Method(s.Payout.Method)
	}
	return b
}

// MarkSent writes, before the payment is first sent, that it is sent and which settlement its
// payout key belongs to.
//
// Errors: 3001 not_to_be_sent when the settlement no longer waits to be sent; 3002 stale_version
// when it was booked for another month or changed since it was read.
func (p Payables) MarkSent(ctx context.Context, b payout.Payable, at time.Time) error {
	s, err := p.service.Store.Load(ctx, b.Tenant, b.SettlementID)
	if err != nil {
		return err
	}
	if s.Status != Paying || s.Hold != nil || s.Payout == nil || s.Payout.State != payout.Created {
		return illegalMove("not_to_be_sent", "The settlement is not waiting to be sent any more.")
	}
	// taxes belong to the month of payment: money must not leave in another month than it was taxed
	// for
	if s.PaymentDate.Month() != b.TaxMonth || s.PaymentDate.Month() != b.PaymentDate.Month() {
		return fault.New(fault.StaleVersion, "stale_version",
			"The settlement was booked for another month since it was read.")
	}
	if err := p.service.Store.PutPayoutKey(ctx, s.Tenant, s.Payout.Key, s.ID); err != nil {
		return err
	}
	c := s.RecordPayoutState(payout.Sent, payout.Outcome{State: payout.Sent}, booked{},
		Act{ID: p.service.NewID(), Name: "payout.sent", By: "system:pay-out"}, at)
	c.New.PaymentDate = b.PaymentDate
	if err := p.service.Store.Apply(ctx, c); !errors.Is(err, optimistic.ErrRival) {
		return err
	}
	return fault.New(fault.StaleVersion, "stale_version", "Somebody else moved the settlement.")
}

// RecordOutcome moves the payout one state towards the outcome that the gateway has reported, and
// writes what follows for status and journal. An outcome that is recorded already changes nothing.
func (p Payables) RecordOutcome(ctx context.Context, b payout.Payable, o payout.Outcome) error {
	return optimistic.Retry(ctx, func() error {
		s, err := p.service.Store.Load(ctx, b.Tenant, b.SettlementID)
		if err != nil {
			return err
		}
		if s.Payout == nil {
			return payout.ErrContradiction
		}
		path, err := payout.Transitions(s.Payout.State, o.State)
		if err != nil || len(path) == 0 {
			return err
		}
		return p.applyOutcome(ctx, s, path[0], o)
	})
}

// applyOutcome writes one new state of the payout of s.
func (p Payables) applyOutcome(ctx context.Context, s Settlement, to payout.State,
	o payout.Outcome) error {
	var b booked
	var err error
	if to == payout.Failed || to == payout.Cancelled {
		if b, err = p.service.readBookingFacts(ctx, s); err != nil {
			return err
		}
	}
	a := Act{ID: p.service.NewID(), Name: "payout." + strings.ToLower(string(to)), By: "system:payout",
		Reason: o.Reason}
	return p.service.Store.Apply(ctx, s.RecordPayoutState(to, o, b, a, p.service.Clock.Instant()))
}

// FindByKey finds the settlement that a payout key belongs to.
func (p Payables) FindByKey(ctx context.Context, tenant ident.Tenant,
	key string) (payout.Payable, error) {
	id, err := p.service.Store.SettlementOfKey(ctx, tenant, key)
	if err != nil {
		return payout.Payable{}, err
	}
	return p.Load(ctx, tenant, ident.Settlement(id))
}

// unclearDays is how many days back ListUnclear looks for openings.
const unclearDays = 62

// ListUnclear lists payouts of all tenants whose final state is unknown and which have not changed
// since before an instant; the longest unchanged come first.
func (p Payables) ListUnclear(ctx context.Context, before time.Time,
	limit int) ([]payout.Payable, error) {
	tenants, err := p.service.Directory.Tenants(ctx)
	if err != nil {
		return nil, err
	}
	var waiting []Settlement
	for _, t := range tenants {
		err := p.service.EachSettlement(ctx, ident.Tenant(t),
			Query{Status: Paying, From: civil.DateOf(before).AddDays(-unclearDays)},
			func(s Settlement) error {
				if s.Payout != nil && s.Payout.State.IsOpen() && s.LastUpdated.Before(before) {
					waiting = append(waiting, s)
				}
				return nil
			})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(waiting, func(a, b Settlement) int { return a.LastUpdated.Compare(b.LastUpdated) })
	var out []payout.Payable
	for _, s := range waiting[:min(limit, len(waiting))] {
		out = append(out, payableOf(s))
	}
	return out, nil
}

// EachSettlement calls visit for every settlement of a query, newest opening first, and stops at
// the first error.
func (s *Service) EachSettlement(ctx context.Context, tenant ident.Tenant, q Query,
	visit func(Settlement) error) error {
	for cursor := ""; ; {
		page, next, err := s.Store.List(ctx, tenant, q, cursor, 100)
		if err != nil {
			return err
		}
		for _, st := range page {
			if err := visit(st); err != nil {
				return err
			}
		}
		if next == "" {
			return nil
		}
		cursor = next
	}
}
