package income

import (
	"context"
	"errors"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// State is where a bucket stands.
type State string

// The states of a bucket. Lines enter an open one only.
const (
	Open    State = "open"
	Settled State = "settled" // a settlement has consumed it
	Carried State = "carried" // nothing to pay: what was below zero went on to a later month
)

// The sources of a bucket's money: what the platform owes, or what was accrued at day close.
const (
	SourceClearing = "clearing"
	SourceAccrued  = "accrued"
)

// Totals sum lines.
type Totals struct {
	Lines         int
	Distributable money.Amount
	Gross         money.Amount // before the platform's part
}

// Bucket gathers the lines of a creator, month and income type that one statement will consume.
type Bucket struct {
	Tenant, CreatorID, IncomeType string
	Period                        civil.Month
	State                         State
	Totals
	PlatformFee, Refund, Subsidy money.Amount
	Own                          map[civil.Month]int // lines by their own service period; others than Period are late ones
	Source                       string
	By                           []string // who uploaded lines: preparers of the settlement
	Platforms                    []string
	Entities                     []string // paying entities in whose books the money was accrued
	Settlement                   string   // the settlement that consumed it last
	Occurrence                   int      // how often it was consumed: again after a settlement was undone
	CarriedTo                    civil.Month
}

// Name is how people and answers name a bucket: <period>#<income_type>.
func (b Bucket) Name() string { return BucketName(b.Period, b.IncomeType) }

// BucketName is the name of the bucket of a month and income type.
func BucketName(period civil.Month, incomeType string) string {
	return period.String() + "#" + incomeType
}

// MaxLines is the most lines of one Addition: a transaction takes 100 items.
const MaxLines = 90

// Addition are new lines of one creator, income type and own service period.
type Addition struct {
	Tenant, CreatorID, IncomeType string
	Period                        civil.Month
	Lines                         []Line // at most MaxLines, with ids of their own
	By, Trace                     string
	At                            time.Time
	WriteID                       string // chosen before the first try; it is the audit record's id too
}

// Placed tells what became of a line.
type Placed struct {
	Bucket civil.Month // of the statement that consumes it
	Repeat bool        // the line was there already, with the same content
	Other  bool        // the line is there with other content; nothing was changed
}

// ErrRival tells that a bucket changed between reading and writing; read it again and decide anew.
var ErrRival = errors.New("income: the bucket has changed since it was read")

// Lines keeps income lines.
type Lines interface {
	// Add writes lines into the open bucket of their month or, where that is closed, of the first later open
	// month, in one transaction with the bucket's sums and the audit record. Each line is written once, whatever
	// is repeated.
	Add(ctx context.Context, a Addition) ([]Placed, error)
}

// Buckets keeps what waits for statements.
type Buckets interface {
	// Buckets lists a creator's buckets of the months from and to, both included.
	Buckets(ctx context.Context, tenant, creator string, from, to civil.Month) ([]Bucket, error)
	// Bucket reads one, consistently; false when there is none.
	Bucket(ctx context.Context, tenant, creator string, period civil.Month, incomeType string) (Bucket, bool, error)
	// Fold sums the lines that lie in a bucket.
	Fold(ctx context.Context, b Bucket) (Totals, error)
	// Carry closes an open bucket with nothing to pay and takes what is below zero on to the next open month.
	// The error is ErrRival when the bucket is no longer as given.
	Carry(ctx context.Context, b Bucket, by, actID string, at time.Time) error
}
