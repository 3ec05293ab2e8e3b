// Package period closes the accounting periods of a paying entity for good: closing runs named
// checks, sealing by a second person fixes the trial balance. There is no re-opening; what comes
// late goes to the open period.
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

// The states of a period; an open one is not stored.
const (
	Open    = "open"
	Closing = "closing"
	Sealed  = "sealed"
)

// Period is one month of a paying entity's books, from the day on which its closing began.
type Period struct {
	Tenant    ident.Tenant `json:"-"`
	Entity    ident.Entity `json:"paying_entity"`
	Month     civil.Month  `json:"period"`
	State     string       `json:"state"`
	First     bool         `json:"first"` // no period of the entity was closed before
	Revision  int          `json:"revision"`
	ClosingBy string       `json:"closing_by"`
	ClosingAt time.Time    `json:"closing_at"`
	// a sealing has begun: not even the accruals of its days enter any more
	Sealing bool   `json:"sealing,omitempty"`
	Review  Review `json:"review"`
	Seal    *Seal  `json:"seal"`
	Act     string `json:"act"` // id of the last write
}

// Seal is what stands for good.
type Seal struct {
	By       string              `json:"by"`
	At       time.Time           `json:"at"`
	Balance  ledger.TrialBalance `json:"balance"`
	AuditSeq int64               `json:"audit_seq"`  // records in the tenant's chain of evidence
	Audit    string              `json:"audit_hash"` // the chain after them
	Hash     string              `json:"hash"`       // SM3 of entity, month, balance and the chain's end
}

// sealed is what the hash of a seal covers.
type sealed struct {
	Tenant   ident.Tenant        `json:"tenant"`
	Entity   ident.Entity        `json:"paying_entity"`
	Month    civil.Month         `json:"period"`
	Balance  ledger.TrialBalance `json:"balance"`
	AuditSeq int64               `json:"audit_seq"`
	Audit    string              `json:"audit_hash"`
}

// SealHash is the SM3 of what a seal fixes, in lower-case hex.
func SealHash(p Period, s Seal) (string, error) {
	doc, err := json.Marshal(sealed{p.Tenant, p.Entity, p.Month, s.Balance, s.AuditSeq, s.Audit})
	if err != nil {
		return "", fault.Internal(err)
	}
	sum := sm3.Sum(doc)
	return hex.EncodeToString(sum[:]), nil
}

// Store keeps periods.
type Store interface {
	// Newest is the newest period that is closing or sealed; nil when none is.
	NewestPeriod(ctx context.Context, tenant ident.Tenant, entity ident.Entity) (*Period, error)
	// Period reads a period, consistently; nil when its closing has not begun.
	Period(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
		month civil.Month) (*Period, error)
	// List gives all periods, newest first.
	ListPeriods(ctx context.Context, tenant ident.Tenant, entity ident.Entity) ([]Period, error)
	// Save writes a period whose revision before was one less, with the audit record of the act where
	// there is one. A new one must follow the newest, which must be sealed. optimistic.ErrRival
	// otherwise; finding one's own act is success. From the write of Sealing on, an accrual of the
	// month is refused.
	SavePeriod(ctx context.Context, p Period, rec *audit.Record) error
	// Fence lets a book refuse every entry of the month and before, for good.
	FenceBook(ctx context.Context, tenant ident.Tenant, book string, entity ident.Entity,
		month civil.Month) error
}

// Finding is something that a check found.
type Finding struct {
	Check string
	Text  string
}

// Book is one book at a paying entity with what its checks found.
type Book struct {
	Entries  []ledger.Entry
	Findings []Finding
}

// Books reviews books.
type Books interface {
	// Review checks one book at a paying entity as far as a month is concerned.
	Review(ctx context.Context, tenant ident.Tenant, entity ident.Entity, book string,
		month civil.Month) (Book, error)
}

// Creators lists a tenant's creators in the order of their ids, from the one after a cursor on.
type Creators interface {
	Creators(ctx context.Context, tenant ident.Tenant, cursor string,
		limit int) ([]tenancy.Creator, string, error)
}

// Days tells which days' incentives are not accrued.
type Days interface {
	ListDueDays(ctx context.Context, tenant ident.Tenant, before civil.Date) ([]civil.Date, error)
}

// Evidence gives the end of a tenant's chain of audit records.
type Evidence interface {
	Head(ctx context.Context, tenant ident.Tenant) (audit.Head, error)
}

// Charts gives a paying entity's chart of accounts.
type Charts interface {
	Chart(ctx context.Context, tenant ident.Tenant, entity ident.Entity) (ledger.Chart, error)
}
