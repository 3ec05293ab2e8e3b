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

// Change is the outcome of one act on a settlement: the items to write. They are written in one
// transaction or not at all.
type Change struct {
	New Settlement
	// the settlement before the act, nil when New is opened; its Revision is the condition of the
	// write
	Old *Settlement
	// a second settlement that is written too, e.g. the old occurrence of a reopened payable
	Also    *Settlement
	Figures *Figures                // computed figures, stored under their hash
	Entry   *ledger.Entry           // journal entry with its balances
	Rows    []Booking               // tax rows: one booking, or a reversal and a booking
	Key     *KeyRecord              // record of a settle call's key
	Bucket  *BucketClose            // the statement bucket whose lines a new settlement settles
	Freed   *BucketFree             // the statement bucket whose settlement the act undoes
	Raised  []receivable.Receivable // claims that the act raises
	Moves   []receivable.Move       // changes of existing claims
}

// Booking is one entry of the list of a taxpayer's tax rows at a paying entity in a year; each act
// appends at most one (promise P5).
type Booking struct {
	Entity   ident.Entity
	Taxpayer ident.Taxpayer
	// Seq is the next free number of the list; two bookings cannot have one
	Year, Seq  int
	Kind       string           // booking, reversal, opening, true_up, decided
	Settlement ident.Settlement // "" for opening rows
	EntryID    string           // id of the act and of its journal entry
	At         time.Time        // instant of the booking
	Rows       []tax.Row
	// of a booking: the payment date for which it was taxed
	On civil.Date `json:",omitzero"`
	// of a true-up: the settlement that each row corrects
	Of      []ident.Settlement `json:",omitempty"`
	Opening *OpeningSource     `json:",omitempty"` // of opening rows: what they rest on
	// of the booking that closes a merged taxpayer's list: the surviving taxpayer
	Into ident.Taxpayer `json:",omitempty"`
	// of the booking by which a survivor takes over: the taxpayer whose closed list counts too
	Merged string    `json:",omitempty"`
	Behind []Booking `json:"-"` // the bookings of that closed list, filled in when it is read
}

// PaidOn is the payment date for which a booking was taxed. Old bookings do not store it; for one
// that was replaced since, the last day of its income tax month is returned.
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

// OpeningSource is the evidence for opening rows: documents, the hash of the imported file, and the
// two people who imported and approved it.
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
	// a merge of taxpayers: rows of open months are moved from one list to the other
	KindMerged  = "merged"
	KindDecided = "decided" // an open true-up that was collected or refunded
)

// KeyRecord is the stored idempotency key of a settle call, with the content and the first answer.
// It is kept for 30 days.
type KeyRecord struct {
	Tenant      ident.Tenant
	Key         string
	ContentHash string
	Settlement  ident.Settlement
	Arrival     time.Time
	At          time.Time
	// id of the call that wrote the record, to recognize its own write after a retry
	WriteID string
}

// BucketClose marks a statement bucket (the income lines of a creator, period and income type) as
// settled by a settlement.
type BucketClose struct {
	CreatorID  ident.Creator
	Period     cycle.Period
	IncomeType string
	Gross      money.Amount // the sum that the bucket must hold, as a condition of the write
	Occurrence int
}

// BucketFree names the statement bucket whose lines an undone settlement had settled.
type BucketFree struct {
	CreatorID  ident.Creator
	Period     cycle.Period
	IncomeType string
}

// freedBucket returns the statement bucket that can be settled again after s is undone, nil when s
// was not opened by a statement.
func (s Settlement) freedBucket() *BucketFree {
	name, isStatement := strings.CutPrefix(s.ActivityID, StatementPrefix+s.IncomeType+":")
	period, err := cycle.ParsePeriod(name)
	if !isStatement || err != nil {
		return nil
	}
	return &BucketFree{s.CreatorID, period, s.IncomeType}
}

// Figures are the result of one computation of taxes with its steps.
type Figures struct {
	Tenant       ident.Tenant
	Settlement   ident.Settlement
	Hash         string `json:"-"`
	Result       tax.Result
	Item         string
	Rows         []tax.Row
	Gross        money.Amount // of the settlement, for the explanation
	CreatorShare money.Amount
	// the encoded figures, of which Hash is the hash; nil for figures that were read
	Document []byte `json:"-"`
}

// Store keeps settlements. Every implementation keeps these promises: Apply writes all of a Change
// or nothing; a write that finds the item already written with its own act id has succeeded; a
// transaction conflict is retried with the same token and never reported as optimistic.ErrRival.
type Store interface {
	// Load reads a settlement consistently. The error is fault.MissingObject when there is none.
	Load(ctx context.Context, tenant ident.Tenant, id ident.Settlement) (Settlement, error)
	// LoadAll reads settlements by their ids consistently and returns them in the order of the ids.
	LoadAll(ctx context.Context, tenant ident.Tenant, ids []ident.Settlement) ([]Settlement, error)
	// Apply writes a change. The error is optimistic.ErrRival when another write came first.
	Apply(ctx context.Context, c Change) error
	// Figures reads computed figures by their hash.
	Figures(ctx context.Context, tenant ident.Tenant, id, hash string) (Figures, error)
	// FiguresOf reads the figures in force of several settlements, by settlement id and hash.
	FiguresOf(ctx context.Context, page []Settlement) (map[string]map[string]Figures, error)
	// PutPayoutKey records which settlement a payout key belongs to. It is idempotent.
	PutPayoutKey(ctx context.Context, tenant ident.Tenant, key, id string) error
	// SettlementOfKey finds the settlement of a payout key. The error is fault.MissingObject when the
	// tenant has none.
	SettlementOfKey(ctx context.Context, tenant ident.Tenant, key string) (string, error)
	// Key reads the record of the idempotency key of a settle call, nil when there is none.
	Key(ctx context.Context, tenant ident.Tenant, key string) (*KeyRecord, error)
	// PutKey writes the record of a new key for a payable that exists already, and nothing else. The
	// error is optimistic.ErrRival when the key is recorded.
	PutKey(ctx context.Context, k KeyRecord) error
	// TaxRows reads the bookings of a taxpayer at a paying entity in a year consistently, in the order
	// of their numbers.
	TaxRows(ctx context.Context, tenant ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer,
		year int) ([]Booking, error)
	// OpenOf lists the settlements of a taxpayer at a paying entity that are not booked yet, oldest
	// opening first. The read is eventually consistent: quotes use it, bookings never do.
	OpenOf(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
		taxpayer ident.Taxpayer) ([]Settlement, error)
	// Receivables reads the claims on a creator at a paying entity, at all of them when entity is "",
	// and the amounts owed back to the creator. The read is consistent.
	Receivables(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
		entity ident.Entity) ([]receivable.Receivable, error)
	filedmonth.Reader
	// ReadEntry reads an entry of the journal of a creator.
	ReadEntry(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
		id string) (ledger.Entry, error)
	// List reads one page of the settlements of a query, newest opening first; the cursor is "" at the
	// start and at the end.
	List(ctx context.Context, tenant ident.Tenant, q Query, cursor string,
		limit int) ([]Settlement, string, error)
}

// Query selects settlements; an empty field selects all.
type Query struct {
	Status   Status
	Creator  ident.Creator
	Hold     string
	From, To civil.Date            // Shanghai dates of the opening, both inclusive
	Only     func(Settlement) bool // nil for all
}

// Matches reports whether s is selected by the query.
func (q Query) Matches(s Settlement) bool {
	day := civil.DateOf(s.OpenedAt)
	return (q.Status == "" || s.Status == q.Status) && (q.Creator == "" || s.CreatorID == q.Creator) &&
		(q.Hold == "" || (s.Hold != nil && s.Hold.Reason == q.Hold)) &&
		(q.From.IsZero() || !day.Before(q.From)) && (q.To.IsZero() || !day.After(q.To)) &&
		(q.Only == nil || q.Only(s))
}
