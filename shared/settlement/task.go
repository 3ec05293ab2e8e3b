package settlement

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/ident"
)

// Task is a message on the tax, settle or payout queue: what to do for which settlement. Whoever
// takes it looks at the settlement first, so that a repeated or late message changes nothing.
type Task struct {
	Tenant       ident.Tenant     `json:"tenant"`
	SettlementID ident.Settlement `json:"settlement_id"`
	TransitionID string           `json:"transition_id"` // the write that caused it
	Op           string           `json:"op"`
	Trace        string           `json:"trace,omitempty"`
}

// Group names the message group of some parts, within what a queue takes. Taxes are computed one at
// a time for each paying entity and taxpayer, payments for each payee account, everything else for
// each settlement.
func Group(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p + "\x1f"))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// The operations.
const (
	OpQuote   = "quote"
	OpBook    = "book"
	OpRebook  = "rebook"
	OpSend    = "send"
	OpQuery   = "query"
	OpAdvance = "advance"
)

// Due gives the operation that a settlement waits for, and "" when it waits for a person, a date or
// a gateway. The relay asks after each write, the sweep for what has stood still.
func (s Settlement) Due() string {
	gap := s.Hold != nil && s.Hold.Reason == HoldRuleGap
	switch {
	case (s.Status == PendingReview || s.Status == InReview) && s.Quote == "" && !gap:
		return OpQuote
	case s.rejecting():
		return OpAdvance
	case s.Automatic && s.Quote != "" && s.Hold == nil &&
		(s.Status == PendingReview || s.Status == InReview):
		return OpAdvance // the tenant's rules need no person
	case s.Status == Approved && s.Hold == nil:
		return OpBook
	case s.Status == Paying && s.Hold == nil && s.Payout != nil && !s.Sent() && s.ToPay.IsZero():
		return OpBook // nothing to send: booking ends it
	case s.Status == Paying && s.Hold == nil && s.Payout != nil && !s.Sent():
		return OpSend
	}
	return ""
}

// errTask is a message that names no settlement or no known operation; it goes to the dead-letter
// queue.
var errTask = errors.New("settlement: message is not a task")

// DecodeTask reads a message.
func DecodeTask(body []byte) (Task, error) {
	var t Task
	if err := json.Unmarshal(body, &t); err != nil {
		return t, fmt.Errorf("%w: %w", errTask, err)
	}
	if t.Tenant == "" || t.SettlementID == "" || t.Op == "" {
		return t, errTask
	}
	return t, nil
}

// Do runs a task of the tax queue.
func (t *Taxes) Do(ctx context.Context, task Task) error {
	do := map[string]func(context.Context, ident.Tenant, ident.Settlement) error{OpQuote: t.Quote,
		OpBook: t.Book, OpRebook: t.Rebook}[task.Op]
	if do == nil {
		return errTask
	}
	return optimistic.Do(ctx, func() error { return do(ctx, task.Tenant, task.SettlementID) })
}
