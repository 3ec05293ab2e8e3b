package income

import (
	"context"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// State is where a bucket stands.
type State string

// The states of a bucket. Lines enter an open one only.
const (
	Open    State = "open"
	Settled State = "settled" // a settlement has consumed it
	Carried State = "carried" // not paid by itself: what it holds went on to a later one
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

// The reasons for which money is carried on.
const (
	BelowZero     = "below_zero"     // there was nothing to pay: what was below zero goes on
	MinimumPayout = "minimum_payout" // the creator's share was below the contract's minimum
)

// CarriedAmount is money that came into a bucket from another one.
type CarriedAmount struct {
	From   cycle.Period
	Since  civil.Month // of the oldest money in it that the minimum held back
	Reason string
	Amount money.Amount
}

// Bucket gathers the lines of a creator, part of a month and income type that one statement will
// consume.
type Bucket struct {
	Tenant     ident.Tenant
	CreatorID  ident.Creator
	IncomeType string
	Period     civil.Month
	Part       cycle.Part
	State      State
	Totals
	PlatformFee, Refund, Subsidy money.Amount
	// lines by their own service period; others than Period are late ones
	LinesByMonth map[civil.Month]int
	Source       string
	Uploaders    []string // who uploaded lines: preparers of the settlement
	Platforms    []string
	Entities     []ident.Entity   // paying entities in whose books the money was accrued
	Settlement   ident.Settlement // the settlement that consumed it last
	Occurrence   int              // how often it was consumed: again after a settlement was undone
	// Standing tells that what consumed it stands: whoever undoes that takes the word back in the same
	// write. It is false also of buckets that were consumed before the word was kept.
	SettlementInForce bool
	CarriedTo         cycle.Period // the zero one where nothing was left
	// why, of a carried one; "" for those of earlier releases, which were below zero
	CarriedReason string
	CarriedIn     []CarriedAmount // in order of where it came from
}

// CyclePeriod is the month or part that the bucket gathers.
func (b Bucket) CyclePeriod() cycle.Period { return cycle.Period{Month: b.Period, Part: b.Part} }

// Name is how people and answers name a bucket: <period>#<income_type>.
func (b Bucket) Name() string { return BucketName(b.CyclePeriod(), b.IncomeType) }

// IsDone tells that nothing of the bucket is due any more: it was carried on, or what consumed it
// stands.
func (b Bucket) IsDone() bool { return b.State == Carried || b.State == Settled && b.SettlementInForce }

// HeldSince is the month of the oldest money in the bucket that the minimum payout held back
// before; the bucket's own where there is none.
func (b Bucket) HeldSince() civil.Month {
	since := b.Period
	for _, c := range b.CarriedIn {
		if c.Reason == MinimumPayout && c.Since.Before(since) {
			since = c.Since
		}
	}
	return since
}

// BucketName is the name of the bucket of a month or part and income type.
func BucketName(period cycle.Period, incomeType string) string {
	return period.String() + "#" + incomeType
}

// MaxLines is the most lines of one Addition: a transaction takes 100 items.
const MaxLines = 90

// Addition are new lines of one creator, income type and own service period.
type Addition struct {
	Tenant     ident.Tenant
	CreatorID  ident.Creator
	IncomeType string
	Period     civil.Month
	Into       cycle.Period   // where the lines belong by their day
	Course     cycle.Timeline // tells where they go when that is closed
	Lines      []Line         // at most MaxLines, with ids of their own
	By, Trace  string
	At         time.Time
	WriteID    string // chosen before the first try; it is the audit record's id too
}

// Placement tells what became of a line.
type Placement struct {
	Bucket          cycle.Period // of the statement that consumes it
	IsRepeat        bool         // the line was there already, with the same content
	HasOtherContent bool         // the line is there with other content; nothing was changed
}

// LineStore keeps income lines.
type LineStore interface {
	// Add writes lines into the bucket where they belong or, where that is closed, into the first
	// later open one, in one transaction with the bucket's sums and the audit record. Each line is
	// written once, whatever is repeated.
	AddLines(ctx context.Context, a Addition) ([]Placement, error)
}

// CarryOrder is the order to close an open bucket without a settlement.
type CarryOrder struct {
	Reason    string
	Into      cycle.Period // where the money goes on to, or the first open one after it
	Course    cycle.Timeline
	By, ActID string
	At        time.Time
}

// BucketStore keeps what waits for statements.
type BucketStore interface {
	// Buckets lists a creator's buckets of the months from and to, both included.
	ListBuckets(ctx context.Context, tenant ident.Tenant, creator ident.Creator, from,
		to civil.Month) ([]Bucket, error)
	// Bucket reads one, consistently; false when there is none.
	ReadBucket(ctx context.Context, tenant ident.Tenant, creator ident.Creator, period cycle.Period,
		incomeType string) (Bucket, bool, error)
	// Fold sums the lines that lie in a bucket.
	SumLines(ctx context.Context, b Bucket) (Totals, error)
	// Carry closes an open bucket and takes what it holds, if anything, on to another one.
	// The error is optimistic.ErrRival when the bucket is no longer as given.
	CarryForward(ctx context.Context, b Bucket, c CarryOrder) error
}
