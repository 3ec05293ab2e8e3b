// Package relay turns each write of the settlements table into messages for queues and for the
// event bus. It is the only reader of the table's stream. The image of a write contains all that
// its messages need (transactional outbox), so that no committed write remains without its
// messages.
package relay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"fenzhang/shared/audit"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
)

// Queue is the name of a queue, or of the event bus, to which a message is sent.
type Queue string

// These are the queues and the event bus to which messages are sent.
const (
	Tax    Queue = "tax"
	Settle Queue = "settle"
	Payout Queue = "payout"
	Audit  Queue = "audit"
	Bus    Queue = "bus"
)

// Queues lists all queues, and the event bus, to which a write of a settlement may send a message.
func Queues() []Queue { return []Queue{Tax, Settle, Payout, Audit, Bus} }

// Message is one message. A FIFO queue delivers the messages of a Group in order, and drops a
// message whose ID it has received within five minutes.
type Message struct {
	Queue Queue
	Group string
	ID    string
	Body  []byte
	// Type is the detail type of an event on the event bus.
	Type string
}

// Sender sends messages. It returns an error when some message may not have arrived; then all are
// sent again, which is harmless.
type Sender interface {
	Send(ctx context.Context, messages []Message) error
}

// statusEvent is the body of the event about a status move. Other systems receive it, so it
// contains no names of persons and no bank accounts.
type statusEvent struct {
	SettlementID  ident.Settlement  `json:"settlement_id"`
	Tenant        ident.Tenant      `json:"tenant"`
	CreatorID     ident.Creator     `json:"creator_id"`
	Status        settlement.Status `json:"status"`
	StatusVersion int               `json:"status_version"`
	TransitionID  string            `json:"transition_id"`
	At            string            `json:"at"`
}

// auditDetail is the part of an audit record that describes the settlement after the act.
type auditDetail struct {
	Status        settlement.Status `json:"status"`
	StatusVersion int               `json:"status_version"`
	Gross         string            `json:"gross"`
	Net           string            `json:"net,omitempty"`
	Hold          string            `json:"hold,omitempty"`
	Payout        string            `json:"payout,omitempty"`
	Figures       string            `json:"figures,omitempty"`
}

// MessagesOf returns the messages of one write of a settlement: the audit record of its act, the
// tasks that are due, and the event of a status move.
func MessagesOf(s settlement.Settlement) ([]Message, error) {
	if s.Last.ID == "" {
		return nil, errors.New("relay: a settlement without an act")
	}
	record, err := actMessage(s)
	if err != nil {
		return nil, err
	}
	out := []Message{record}
	tasks, err := dueTasks(s)
	if err != nil {
		return nil, err
	}
	out = append(out, tasks...)
	// Only an act that moved the status carries the id of the status.
	if s.Last.ID == s.TransitionID {
		moved, err := statusMessage(s)
		if err != nil {
			return nil, err
		}
		out = append(out, moved)
	}
	return out, nil
}

// dueTasks returns the messages of the operations that are due after a write of a settlement.
func dueTasks(s settlement.Settlement) ([]Message, error) {
	var tasks []Message
	if op := s.DueOperation(); op != "" {
		task, err := taskMessage(s, op, s.Last.ID)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	// The operation advance also opens the settlements of other payees. One message is enough.
	if s.HasUnopenedParties() && s.DueOperation() != settlement.OpAdvance {
		task, err := taskMessage(s, settlement.OpAdvance, s.Last.ID)
		if err != nil {
			return nil, err
		}
		tasks = append(tasks, task)
	}
	return tasks, nil
}

// statusMessage returns the event of a status move for the event bus.
func statusMessage(s settlement.Settlement) (Message, error) {
	body, err := json.Marshal(statusEvent{ident.Settlement(s.ID), s.Tenant, s.CreatorID, s.Status,
		s.StatusVersion, s.TransitionID, formatUpdateTime(s)})
	if err != nil {
		return Message{}, err
	}
	return Message{Queue: Bus, ID: s.Last.ID, Body: body, Type: "SettlementStatusChanged"}, nil
}

// formatUpdateTime formats the instant of a settlement's last write, to the millisecond.
func formatUpdateTime(s settlement.Settlement) string {
	return s.LastUpdated.Format("2006-01-02T15:04:05.000Z07:00")
}

// actMessage returns the audit record of a settlement's last act. When one act wrote two
// settlements (reopening), both images make a message with the same id, and the audit log keeps one
// record.
func actMessage(s settlement.Settlement) (Message, error) {
	w := auditDetail{Status: s.Status, StatusVersion: s.StatusVersion, Gross: s.Gross.String(),
		Figures: s.Quote}
	if s.Quote != "" || s.Booking != "" {
		w.Net = s.Net.String()
	}
	// The figures of the booking replace those of the quote.
	if s.Booking != "" {
		w.Figures = s.Booking
	}
	if s.Hold != nil {
		w.Hold = s.Hold.Reason
	}
	if s.Payout != nil {
		w.Payout = s.Payout.Key + " " + string(s.Payout.State)
	}
	detail, err := json.Marshal(w)
	if err != nil {
		return Message{}, err
	}
	return AuditMessage(audit.Record{ID: s.Last.ID, Tenant: s.Tenant, At: s.LastUpdated,
		Actor:  s.Last.By,
		Act:    s.Last.Name,
		Object: s.ID, What: detail, Why: s.Last.Reason, TaxID: s.TaxpayerID, LedgerHash: s.Last.Ledger,
		Trace: s.TraceID})
}

// AuditMessage returns the message that carries an audit record to the audit queue.
func AuditMessage(r audit.Record) (Message, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Message{}, fmt.Errorf("relay: audit record %s: %w", r.ID, err)
	}
	return Message{Queue: Audit, Group: string(r.Tenant), ID: r.ID, Body: body}, nil
}

// RepeatTask returns the message of an operation that has made no progress. The round names the
// schedule run that found it, so that the queue does not drop the message as a duplicate of an
// earlier round.
func RepeatTask(s settlement.Settlement, op, round string) (Message, error) {
	return taskMessage(s, op, s.Last.ID+"-"+round)
}

// taskMessage returns the message of an operation, for the queue that executes it. The
// queue executes the tasks of a group one after another: those on the taxes of one taxpayer at one
// paying entity, on the payments to one creator, or on one settlement.
func taskMessage(s settlement.Settlement, op, id string) (Message, error) {
	body, err := json.Marshal(settlement.Task{Tenant: s.Tenant, SettlementID: ident.Settlement(s.ID),
		TransitionID: s.Last.ID, Op: op, Trace: s.TraceID})
	if err != nil {
		return Message{}, err
	}
	m := Message{ID: id + "-" + op, Body: body}
	switch op {
	case settlement.OpQuote, settlement.OpBook, settlement.OpRebook:
		// Withholding is cumulative, so taxes of one taxpayer are computed one after another.
		m.Queue = Tax
		m.Group = settlement.MessageGroupID(string(s.Tenant), string(s.Entity), string(s.TaxpayerID))
	case settlement.OpSend, settlement.OpQuery:
		m.Queue = Payout
		m.Group = settlement.MessageGroupID(string(s.Tenant), string(s.CreatorID))
	default:
		m.Queue = Settle
		m.Group = settlement.MessageGroupID(string(s.Tenant), s.ID)
	}
	return m, nil
}
