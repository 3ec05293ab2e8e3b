package people

import (
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

// Answered is what was answered with 2xx (promise P9).
type Answered struct {
	Settled   []SettleAnswer
	Moved     []MoveAnswer
	Posted    []PostedAnswer
	BulkItems int // items of calls for many
	Lines     []LineAnswer
	Events    []EventAnswer
}

type SettleAnswer struct {
	Payable *Payable
	Key, ID string
	Amount  money.Amount
}

type MoveAnswer struct {
	Tenant               ident.Tenant
	ID, Act              string
	SeenVersion, Version int
	Status               settlement.Status
	By, Transition       string
}

type LineAnswer struct {
	Tenant                   ident.Tenant
	Creator                  ident.Creator
	IncomeType, Line, Bucket string
	Amount                   money.Amount
}

type EventAnswer struct {
	Tenant     ident.Tenant
	ID, Digest string
}

// PostedAnswer is an act of the desk that was answered with 2xx.
type PostedAnswer struct {
	Tenant           ident.Tenant
	Name, Act, State string
}
