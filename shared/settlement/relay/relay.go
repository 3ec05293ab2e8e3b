// Package relay turns changes of the settlements table into messages. It is the only reader of that
// table's stream: the image of each write is the outbox, so nothing that was written is left
// untold.
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

// Queue names where a message goes.
type Queue string

// The queues and the event bus.
const (
	Tax    Queue = "tax"
	Settle Queue = "settle"
	Payout Queue = "payout"
	Audit  Queue = "audit"
	Bus    Queue = "bus"
)

// Queues lists all places to which a write of a settlement may give a message.
func Queues() []Queue { return []Queue{Tax, Settle, Payout, Audit, Bus} }

// Message is one message. Group orders messages of a queue; ID makes a repeated one no second one.
type Message struct {
	Queue Queue
	Group string
	ID    string
	Body  []byte
	Type  string // of events on the bus
}

// Sender sends messages; it returns an error when any may not have arrived. Sending one twice is
// harmless.
type Sender interface {
	Send(ctx context.Context, messages []Message) error
}

// event is what other systems hear of a settlement: no names, no accounts.
type event struct {
	SettlementID  ident.Settlement  `json:"settlement_id"`
	Tenant        ident.Tenant      `json:"tenant"`
	CreatorID     ident.Creator     `json:"creator_id"`
	Status        settlement.Status `json:"status"`
	StatusVersion int               `json:"status_version"`
	TransitionID  string            `json:"transition_id"`
	At            string            `json:"at"`
}

// what is the part of an audit record that tells the state after the act.
type what struct {
	Status        settlement.Status `json:"status"`
	StatusVersion int               `json:"status_version"`
	Gross         string            `json:"gross"`
	Net           string            `json:"net,omitempty"`
	Hold          string            `json:"hold,omitempty"`
	Payout        string            `json:"payout,omitempty"`
	Figures       string            `json:"figures,omitempty"`
}

// MessagesOf gives the messages of one write of a settlement.
func MessagesOf(s settlement.Settlement) ([]Message, error) {
	if s.Last.ID == "" {
		return nil, errors.New("relay: a settlement without an act")
	}
	record, err := recordOf(s)
	if err != nil {
		return nil, err
	}
	out := []Message{record}
	if op := s.Due(); op != "" {
		task, err := taskOf(s, op, s.Last.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, task)
	}
	if s.PartiesDue() && s.Due() != settlement.OpAdvance {
		task, err := taskOf(s, settlement.OpAdvance, s.Last.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, task)
	}
	if s.Last.ID == s.TransitionID {
		body, err := json.Marshal(event{ident.Settlement(s.ID), s.Tenant, s.CreatorID, s.Status,
			s.StatusVersion, s.TransitionID, stamp(s)})
		if err != nil {
			return nil, err
		}
		out = append(out, Message{Queue: Bus, ID: s.Last.ID, Body: body, Type: "SettlementStatusChanged"})
	}
	return out, nil
}

func stamp(s settlement.Settlement) string {
	return s.LastUpdated.Format("2006-01-02T15:04:05.000Z07:00")
}

// recordOf is the audit record of the last act. Where one act wrote two settlements (a reopened
// payable), both images give the same id, and the trail keeps one record.
func recordOf(s settlement.Settlement) (Message, error) {
	w := what{Status: s.Status, StatusVersion: s.StatusVersion, Gross: s.Gross.String(),
		Figures: s.Quote}
	if s.Quote != "" || s.Booking != "" {
		w.Net = s.Net.String()
	}
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
	return AuditMessage(audit.Record{ID: s.Last.ID, Tenant: s.Tenant, At: s.LastUpdated, Actor: s.Last.By,
		Act:    s.Last.Name,
		Object: s.ID, What: detail, Why: s.Last.Reason, TaxID: s.TaxpayerID, LedgerHash: s.Last.Ledger,
		Trace: s.TraceID})
}

// AuditMessage is the message of one audit record.
func AuditMessage(r audit.Record) (Message, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return Message{}, fmt.Errorf("relay: audit record %s: %w", r.ID, err)
	}
	return Message{Queue: Audit, Group: string(r.Tenant), ID: r.ID, Body: body}, nil
}

// RepeatTask is the message of an operation that stood still; round names the sweep, so that a new one
// is not taken for a repeat of the last.
func RepeatTask(s settlement.Settlement, op, round string) (Message, error) {
	return taskOf(s, op, s.Last.ID+"-"+round)
}

// taskOf puts an operation on its queue.
func taskOf(s settlement.Settlement, op, id string) (Message, error) {
	body, err := json.Marshal(settlement.Task{Tenant: s.Tenant, SettlementID: ident.Settlement(s.ID),
		TransitionID: s.Last.ID, Op: op, Trace: s.TraceID})
	if err != nil {
		return Message{}, err
	}
	m := Message{ID: id + "-" + op, Body: body}
	switch op {
	case settlement.OpQuote, settlement.OpBook, settlement.OpRebook:
		m.Queue, m.Group = Tax, settlement.Group(string(s.Tenant), string(s.Entity), string(s.TaxpayerID))
	case settlement.OpSend, settlement.OpQuery:
		m.Queue, m.Group = Payout, settlement.Group(string(s.Tenant), string(s.CreatorID))
	default:
		m.Queue, m.Group = Settle, settlement.Group(string(s.Tenant), s.ID)
	}
	return m, nil
}
