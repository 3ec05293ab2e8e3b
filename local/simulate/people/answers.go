package people

import (
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

// Answered is everything that callers were answered with a status of 2xx; promise P9 says that
// each answer is true.
type Answered struct {
	Settled   []SettleAnswer
	Moved     []MoveAnswer
	Posted    []PostedAnswer
	BulkItems int // settlements that bulk calls have moved
	Lines     []LineAnswer
	Events    []EventAnswer
}

// SettleAnswer is the answer to a call that opened a settlement.
type SettleAnswer struct {
	Payable *Payable
	Key, ID string
	Amount  money.Amount
}

// MoveAnswer is the answer to an act on a settlement.
type MoveAnswer struct {
	Tenant               ident.Tenant
	ID, Act              string
	SeenVersion, Version int
	Status               settlement.Status
	By, Transition       string
}

// LineAnswer is the answer to an uploaded income line.
type LineAnswer struct {
	Tenant                   ident.Tenant
	Creator                  ident.Creator
	IncomeType, Line, Bucket string
	Amount                   money.Amount
}

// EventAnswer is the answer to a recorded incentive event.
type EventAnswer struct {
	Tenant     ident.Tenant
	ID, Digest string
}

// PostedAnswer is the answer to a decision or correction of the tax desk.
type PostedAnswer struct {
	Tenant           ident.Tenant
	Name, Act, State string
}
