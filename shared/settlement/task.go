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

// Task is a message on the tax, settle or payout queue: an operation on a settlement. The receiver
// reads the settlement first, so that a repeated or late message changes nothing.
type Task struct {
	Tenant       ident.Tenant     `json:"tenant"`
	SettlementID ident.Settlement `json:"settlement_id"`
	TransitionID string           `json:"transition_id"` // the write that caused it
	Op           string           `json:"op"`
	Trace        string           `json:"trace,omitempty"`
}

// MessageGroupID returns the id of the SQS message group for the given parts, short enough for SQS.
// Messages of one group are handled one at a time: taxes for each paying entity and taxpayer,
// payments for each payee account, everything else for each settlement.
func MessageGroupID(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(p + "\x1f"))
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// The operations of tasks.
const (
	OpQuote   = "quote"
	OpBook    = "book"
	OpRebook  = "rebook"
	OpSend    = "send"
	OpQuery   = "query"
	OpAdvance = "advance"
)

// DueOperation returns the operation that a settlement waits for, "" when it waits for a person, a
// date or a gateway. The relay enqueues it after each write; the sweep enqueues it again when the
// message was lost.
func (s Settlement) DueOperation() string {
	gap := s.Hold != nil && s.Hold.Reason == HoldRuleGap
	switch {
	case (s.Status == PendingReview || s.Status == InReview) && s.Quote == "" && !gap:
		return OpQuote
	case s.isAboutToBeRejected():
		return OpAdvance
	case s.Automatic && s.Quote != "" && s.Hold == nil &&
		(s.Status == PendingReview || s.Status == InReview):
		return OpAdvance // the tenant's review rules let the system submit or approve
	case s.Status == Approved && s.Hold == nil:
		return OpBook
	case s.Status == Paying && s.Hold == nil && s.Payout != nil && !s.WasSent() && s.ToPay.IsZero():
		return OpBook // the amount to pay is zero: Book moves it to PAID without a payout
	case s.Status == Paying && s.Hold == nil && s.Payout != nil && !s.WasSent():
		return OpSend
	}
	return ""
}

// errTask is the error for a message without a settlement or with an unknown operation; SQS moves
// the message to the dead-letter queue after its tries.
var errTask = errors.New("settlement: message is not a task")

// DecodeTask decodes a message from a queue.
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

// RunTask runs a task of the tax queue: quote, book or rebook. After a lost race it tries again.
func (t *Taxes) RunTask(ctx context.Context, task Task) error {
	do := map[string]func(context.Context, ident.Tenant, ident.Settlement) error{OpQuote: t.Quote,
		OpBook: t.Book, OpRebook: t.Rebook}[task.Op]
	if do == nil {
		return errTask
	}
	return optimistic.Retry(ctx, func() error { return do(ctx, task.Tenant, task.SettlementID) })
}
