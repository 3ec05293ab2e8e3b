package settlement

import (
	"context"
	"time"

	"fenzhang/shared/money"
)

// What may be decided of an open true-up.
const (
	Collect       = "collect"         // the creator owes it
	GiveBack      = "give_back"       // the creator gets it
	LeaveToAnnual = "leave_to_annual" // the payee settles it with the annual return
)

// The states of a decision.
const (
	DecisionPrepared = "prepared" // waits for a second person
	DecisionPosted   = "posted"
	DecisionLeft     = "left" // to the annual settlement
)

// TrueUpDecision is what one person decided of an open true-up and another confirmed.
type TrueUpDecision struct {
	ID          string       `json:"true_up_id"`
	Tenant      string       `json:"-"`
	Entity      string       `json:"paying_entity"`
	Taxpayer    string       `json:"taxpayer_id"`
	Decision    string       `json:"decision"`
	Reason      string       `json:"reason"`
	Difference  money.Amount `json:"difference"` // that was decided; another one is open again
	State       string       `json:"state"`
	DecidedBy   string       `json:"decided_by"`
	DecidedAt   time.Time    `json:"decided_at"`
	ConfirmedBy string       `json:"confirmed_by,omitempty"`
	ConfirmedAt time.Time    `json:"confirmed_at,omitzero"`
	Act         string       `json:"transition_id"` // id of the last write, of the rows and of the journal entry
}

// DecisionStore keeps decisions.
type DecisionStore interface {
	// TrueUpDecision reads the last decision of an open true-up, consistently; fault.Absent when there is none.
	TrueUpDecision(ctx context.Context, tenant, entity, id string) (TrueUpDecision, error)
}
