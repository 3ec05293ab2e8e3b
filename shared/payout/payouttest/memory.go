// Package payouttest helps to test payments: it holds settlements in memory that behave like those
// of the real table, and lets writes fail before or after they take effect.
package payouttest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
)

// Memory implements payout.Payables, payout.Unclear and payout.Rebooking in memory.
type Memory struct {
	// Fails, when set, is called before and after each write. The error of Fails is returned to the
	// caller, and an error before the write also prevents the write. So a test can simulate a crash
	// between a write and its answer.
	Fails func(act string, before bool) error

	mu       sync.Mutex
	payables map[string]payout.Payable
	history  map[string][]payout.State
	Rebooked []civil.Date
}

// ErrCrash is the simulated failure of storage.
var ErrCrash = errors.New("crash")

// NewMemory returns a Memory with the given settlements.
func NewMemory(all ...payout.Payable) *Memory {
	m := &Memory{payables: map[string]payout.Payable{}, history: map[string][]payout.State{}}
	for _, p := range all {
		m.Put(p)
	}
	return m
}

// Put stores a settlement as it is.
func (m *Memory) Put(p payout.Payable) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.payables[string(p.Tenant+"/")+string(p.SettlementID)] = p
}

// Get returns a settlement as it is now.
func (m *Memory) Get(tenant ident.Tenant, id ident.Settlement) payout.Payable {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.payables[string(tenant+"/")+string(id)]
}

// History lists the states through which a settlement's payout went.
func (m *Memory) History(id ident.Settlement) []payout.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.history[string(id)])
}

// Load is payout.Payables.Load.
func (m *Memory) Load(_ context.Context, tenant ident.Tenant,
	id ident.Settlement) (payout.Payable, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p, ok := m.payables[string(tenant+"/")+string(id)]
	if !ok {
		return p, fault.MissingObject("settlement")
	}
	return p, nil
}

// FindByKey is payout.Payables.FindByKey.
func (m *Memory) FindByKey(_ context.Context, tenant ident.Tenant,
	key string) (payout.Payable, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.payables {
		if p.Tenant == tenant && p.Key == key {
			return p, nil
		}
	}
	return payout.Payable{}, fault.MissingObject("payout")
}

// MarkSent is payout.Payables.MarkSent.
func (m *Memory) MarkSent(_ context.Context, p payout.Payable, at time.Time) error {
	return m.writeDisturbed("sent", func() error {
		now := m.payables[string(p.Tenant+"/")+string(p.SettlementID)]
		if now.Status != payout.Paying || now.State != payout.Created || now.Hold != "" {
			return fault.New(fault.IllegalMove, "not_to_send", "not now")
		}
		now.State = payout.Sent
		now.SentAt = at
		now.PaymentDate = p.PaymentDate
		m.storePayable(now)
		return nil
	})
}

// RecordOutcome is payout.Payables.RecordOutcome.
func (m *Memory) RecordOutcome(_ context.Context, p payout.Payable, o payout.Outcome) error {
	return m.writeDisturbed("record", func() error {
		now := m.payables[string(p.Tenant+"/")+string(p.SettlementID)]
		steps, err := payout.Transitions(now.State, o.State)
		if err != nil || len(steps) == 0 {
			return err
		}
		if len(steps) > 1 {
			return errors.New("more than one step at once")
		}
		now.State = o.State
		switch o.State {
		case payout.Paid:
			now.Status = "PAID"
		case payout.Failed, payout.Cancelled:
			now.Status = "FAILED"
		default: // the payable waits in the other states
		}
		m.storePayable(now)
		return nil
	})
}

// Rebook is payout.Rebooking.Rebook.
func (m *Memory) Rebook(_ context.Context, _ payout.Payable, today civil.Date) error {
	return m.writeDisturbed("rebook", func() error {
		m.Rebooked = append(m.Rebooked, today)
		return nil
	})
}

// ListUnclear is payout.Unclear.ListUnclear; every payout counts as old enough.
func (m *Memory) ListUnclear(_ context.Context, _ time.Time, limit int) ([]payout.Payable, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []payout.Payable
	for _, p := range m.payables {
		if p.State.IsOpen() && len(out) < limit {
			out = append(out, p)
		}
	}
	return out, nil
}

// storePayable stores a settlement and adds its state to the history; the caller holds the lock.
func (m *Memory) storePayable(p payout.Payable) {
	m.payables[string(p.Tenant+"/")+string(p.SettlementID)] = p
	m.history[string(p.SettlementID)] = append(m.history[string(p.SettlementID)], p.State)
}

// writeDisturbed makes a write between two calls of Fails.
func (m *Memory) writeDisturbed(act string, f func() error) error {
	if err := m.injectedError(act, true); err != nil {
		return err
	}
	m.mu.Lock()
	err := f()
	m.mu.Unlock()
	if err != nil {
		return err
	}
	return m.injectedError(act, false)
}

// injectedError returns the error of Fails, nil when Fails is not set.
func (m *Memory) injectedError(act string, before bool) error {
	if m.Fails == nil {
		return nil
	}
	return m.Fails(act, before)
}
