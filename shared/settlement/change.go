package settlement

import (
	"context"
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/receivable"
)

// Change is one decided act: everything in it is written together or not at all.
type Change struct {
	New Settlement
	// nil when New is opened; its Revision is the condition of the write
	Old *Settlement
	// a second settlement written with it: the old occurrence of a reopened payable
	Also    *Settlement
	Figures *Figures                // computed figures, written once under their hash
	Entry   *ledger.Entry           // journal entry with its balances
	Rows    []Booking               // tax rows: one booking, or a reversal and a booking
	Key     *KeyRecord              // record of a settle call's key
	Bucket  *BucketClose            // the statement bucket this opening consumes
	Freed   *BucketFree             // the statement bucket whose settlement this act undoes
	Raised  []receivable.Receivable // claims that arise with the act
	Moves   []receivable.Move       // what it changes of claims that stand
}

// Booking is what one act appends to a taxpayer's tax rows at a paying entity (promise P5).
type Booking struct {
	Entity     ident.Entity
	Taxpayer   ident.Taxpayer
	Year, Seq  int              // Seq is the next free number; a lost race shows there
	Kind       string           // booking, reversal, opening, true_up, decided
	Settlement ident.Settlement // "" for opening rows
	EntryID    string           // the act
	At         time.Time        // instant of the booking
	Rows       []tax.Row
	// of bookings: the payment date that they were taxed for
	On civil.Date `json:",omitzero"`
	// of true-ups: the settlement that each row corrects
	Of      []ident.Settlement `json:",omitempty"`
	Opening *OpeningSource     `json:",omitempty"` // of opening rows: what they rest on
	// of merged rows that leave: the taxpayer in whose list the person goes on
	Into ident.Taxpayer `json:",omitempty"`
	// of merged rows that arrive: the taxpayer whose list of the year counts with this one
	Merged string    `json:",omitempty"`
	Behind []Booking `json:"-"` // that list, as it was read; it is closed, and so never changes again
}

// PaidOn is the payment date that a booking was taxed for. One that was made before bookings kept
// it, and was made again since, was taxed for a day of its income tax month.
func (b *Booking) PaidOn(s Settlement) civil.Date {
	if !b.On.IsZero() {
		return b.On
	}
	for _, r := range b.Rows {
		if m, err := civil.ParseMonth(r.Period); b.EntryID != s.BookedEntry && r.Kind == tax.IIT &&
			err == nil {
			return m.Last()
		}
	}
	return s.PaymentDate
}

// OpeningSource is what opening rows rest on: documents, the file that they came in, and the two
// people who brought and approved it.
type OpeningSource struct {
	Documents []string
	SHA256    string
	By        []string
}

// The kinds of bookings.
const (
	KindBooking  = "booking"
	KindReversal = "reversal"
	KindOpening  = "opening"
	KindTrueUp   = "true_up"
	// two taxpayers are one person: open months leave one list and arrive in the other
	KindMerged  = "merged"
	KindDecided = "decided" // an open true-up that was collected or given back
)

// KeyRecord remembers a settle call's key, content and first answer for 30 days.
type KeyRecord struct {
	Tenant      ident.Tenant
	Key         string
	ContentHash string
	Settlement  ident.Settlement
	Arrival     time.Time
	At          time.Time
	WriteID     string // tells one's own record from a rival's
}

// BucketClose turns the lines gathered for a statement into this settlement.
type BucketClose struct {
	CreatorID  ident.Creator
	Period     cycle.Period
	IncomeType string
	Gross      money.Amount // what the bucket must hold
	Occurrence int
}

// BucketFree names the statement bucket that a settlement consumed.
type BucketFree struct {
	CreatorID  ident.Creator
	Period     cycle.Period
	IncomeType string
}

// frees names the bucket that is to be settled again once s is undone; nil where s was opened for
// no statement.
func (s Settlement) frees() *BucketFree {
	name, isStatement := strings.CutPrefix(s.ActivityID, StatementPrefix+s.IncomeType+":")
	period, err := cycle.ParsePeriod(name)
	if !isStatement || err != nil {
		return nil
	}
	return &BucketFree{s.CreatorID, period, s.IncomeType}
}

// Figures are the outcome of one computation with its steps.
type Figures struct {
	Tenant       ident.Tenant
	Settlement   ident.Settlement
	Hash         string `json:"-"`
	Result       tax.Result
	Item         string
	Rows         []tax.Row
	Gross        money.Amount // of the settlement, for the explanation
	CreatorShare money.Amount
	// what Hash is of, to be stored as it is; nil where the figures were read
	Document []byte `json:"-"`
}

// Store keeps settlements. Implementations keep these promises: Apply writes all of a Change or
// nothing; finding one's own act id in the way is success; a transaction conflict is retried with
// the same token and never reported as optimistic.ErrRival.
type Store interface {
	// Load reads a settlement, consistently. The error is fault.Absent when there is none.
	Load(ctx context.Context, tenant ident.Tenant, id ident.Settlement) (Settlement, error)
	// LoadAll reads settlements by their ids, consistently, in the order of the ids.
	LoadAll(ctx context.Context, tenant ident.Tenant, ids []ident.Settlement) ([]Settlement, error)
	// Apply writes a change. The error is optimistic.ErrRival when a condition fails.
	Apply(ctx context.Context, c Change) error
	// Figures reads computed figures by their hash.
	Figures(ctx context.Context, tenant ident.Tenant, id, hash string) (Figures, error)
	// FiguresOf reads the standing figures of some settlements, by settlement id and hash.
	FiguresOf(ctx context.Context, page []Settlement) (map[string]map[string]Figures, error)
	// PutPayoutKey remembers which settlement a payout key belongs to; writing it again is harmless.
	PutPayoutKey(ctx context.Context, tenant ident.Tenant, key, id string) error
	// SettlementOfKey finds the settlement of a payout key; fault.Absent when the tenant has none.
	SettlementOfKey(ctx context.Context, tenant ident.Tenant, key string) (string, error)
	// Key reads the record of a settle call's key; nil when there is none.
	Key(ctx context.Context, tenant ident.Tenant, key string) (*KeyRecord, error)
	// PutKey writes a record with no other effect (a known payable under a new key).
	// optimistic.ErrRival when it exists.
	PutKey(ctx context.Context, k KeyRecord) error
	// TaxRows reads a year's bookings of a taxpayer at a paying entity, in order, consistently.
	TaxRows(ctx context.Context, tenant ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer,
		year int) ([]Booking, error)
	// OpenOf lists the settlements of a taxpayer at an entity that are not yet booked, oldest opening
	// first. It may lag behind by a moment: quotes use it, bookings never.
	OpenOf(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
		taxpayer ident.Taxpayer) ([]Settlement, error)
	// Receivables reads the claims on a creator at a paying entity (at all of them when entity is "")
	// and what is owed back, consistently.
	Receivables(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
		entity ident.Entity) ([]receivable.Receivable, error)
	filedmonth.Reader
	// Entry reads a journal entry of a creator's book.
	Entry(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
		id string) (ledger.Entry, error)
	// List reads one page, newest opening first; the cursor is "" at the start and at the end.
	List(ctx context.Context, tenant ident.Tenant, q Query, cursor string,
		limit int) ([]Settlement, string, error)
}

// Query narrows a list.
type Query struct {
	Status   Status
	Creator  ident.Creator
	Hold     string
	From, To civil.Date            // Shanghai dates of the opening, both inclusive
	Only     func(Settlement) bool // nil for all
}

// Matches tells whether s belongs to the list.
func (q Query) Matches(s Settlement) bool {
	day := civil.DateOf(s.OpenedAt)
	return (q.Status == "" || s.Status == q.Status) && (q.Creator == "" || s.CreatorID == q.Creator) &&
		(q.Hold == "" || (s.Hold != nil && s.Hold.Reason == q.Hold)) &&
		(q.From.IsZero() || !day.Before(q.From)) && (q.To.IsZero() || !day.After(q.To)) &&
		(q.Only == nil || q.Only(s))
}
