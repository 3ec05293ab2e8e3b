// Package period closes the accounting periods of a paying entity. Closing runs a list of checks;
// a second person then seals the period, which fixes its trial balance. A sealed period is never
// reopened: later entries go to the open period.
package period

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/emmansun/gmsm/sm3"

	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger"
	"fenzhang/shared/tenancy"
)

// The states of a period; an open period is not stored.
const (
	Open    = "open"
	Closing = "closing"
	Sealed  = "sealed"
)

// Period is one month of a paying entity's books; it is stored when its closing begins.
type Period struct {
	Tenant ident.Tenant `json:"-"`
	Entity ident.Entity `json:"paying_entity"`
	Month  civil.Month  `json:"period"`
	State  string       `json:"state"`
	// true for the first period that the paying entity ever closed
	First     bool      `json:"first"`
	Revision  int       `json:"revision"`
	ClosingBy string    `json:"closing_by"`
	ClosingAt time.Time `json:"closing_at"`
	// Sealing is true once a sealing has begun: from then on not even the accruals of its own days
	// enter the period.
	Sealing bool   `json:"sealing,omitempty"`
	Review  Review `json:"review"`
	Seal    *Seal  `json:"seal"`
	// id of the last write of the period, by which a writer finds its own write again
	Act string `json:"act"`
}

// Seal is the final state of a period.
type Seal struct {
	By      string              `json:"by"`
	At      time.Time           `json:"at"`
	Balance ledger.TrialBalance `json:"balance"`
	// number of records in the tenant's audit chain at the time of the seal
	AuditSeq int64  `json:"audit_seq"`
	Audit    string `json:"audit_hash"` // hash of the tenant's audit chain at the time of the seal
	Hash     string `json:"hash"`       // SM3 of entity, month, balance and the end of the audit chain
}

// sealed is the content that the hash of a seal covers, in stored order.
type sealed struct {
	Tenant   ident.Tenant        `json:"tenant"`
	Entity   ident.Entity        `json:"paying_entity"`
	Month    civil.Month         `json:"period"`
	Balance  ledger.TrialBalance `json:"balance"`
	AuditSeq int64               `json:"audit_seq"`
	Audit    string              `json:"audit_hash"`
}

// SealHash returns the SM3 of what a seal fixes, in lower-case hexadecimal.
func SealHash(p Period, s Seal) (string, error) {
	doc, err := json.Marshal(sealed{p.Tenant, p.Entity, p.Month, s.Balance, s.AuditSeq, s.Audit})
	if err != nil {
		return "", fault.Internal(err)
	}
	sum := sm3.Sum(doc)
	return hex.EncodeToString(sum[:]), nil
}

// Store keeps the periods of paying entities.
type Store interface {
	// NewestPeriod returns the newest closing or sealed period; nil when there is none.
	NewestPeriod(ctx context.Context, tenant ident.Tenant, entity ident.Entity) (*Period, error)
	// Period reads a period by a consistent read; nil when its closing has not begun.
	Period(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
		month civil.Month) (*Period, error)
	// ListPeriods returns all stored periods, newest first.
	ListPeriods(ctx context.Context, tenant ident.Tenant, entity ident.Entity) ([]Period, error)
	// SavePeriod writes a period whose stored revision is one less, with the audit record of the act
	// where there is one. A new period must follow the newest one, which must be sealed. The error is
	// optimistic.ErrRival when another write came first; finding its own earlier write is success.
	// Once a period with Sealing is written, accruals of its month are refused.
	SavePeriod(ctx context.Context, p Period, rec *audit.Record) error
	// FenceBook closes a book for all entries of the month and earlier.
	FenceBook(ctx context.Context, tenant ident.Tenant, book string, entity ident.Entity,
		month civil.Month) error
}

// Finding is one fault that a check found, as text.
type Finding struct {
	Check string
	Text  string
}

// Book is the content of one book at a paying entity, with the findings of its checks.
type Book struct {
	Entries  []ledger.Entry
	Findings []Finding
}

// Books checks single books.
type Books interface {
	// Review checks one book at a paying entity for the entries up to a month.
	Review(ctx context.Context, tenant ident.Tenant, entity ident.Entity, book string,
		month civil.Month) (Book, error)
}

// Creators lists a tenant's creators in the order of their ids, beginning after the cursor.
type Creators interface {
	Creators(ctx context.Context, tenant ident.Tenant, cursor string,
		limit int) ([]tenancy.Creator, string, error)
}

// Days lists the days before a date whose incentives are not all accrued.
type Days interface {
	ListDueDays(ctx context.Context, tenant ident.Tenant, before civil.Date) ([]civil.Date, error)
}

// Evidence reads the end of a tenant's audit chain.
type Evidence interface {
	Head(ctx context.Context, tenant ident.Tenant) (audit.Head, error)
}

// Charts reads a paying entity's chart of accounts.
type Charts interface {
	FindChart(ctx context.Context, tenant ident.Tenant, entity ident.Entity) (ledger.Chart, error)
}
