package income

import (
	"context"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// State is the processing state of a bucket.
type State string

// The states of a bucket. New income lines are written into an open bucket only.
const (
	Open State = "open"
	// Settled marks a bucket whose lines were consumed by a settlement.
	Settled State = "settled"
	// Carried marks a bucket that was closed without a settlement; its money was carried forward to a
	// later bucket.
	Carried State = "carried"
)

// The sources of the money in a bucket.
const (
	// SourceClearing is the source of a bucket whose money the platform reports and owes.
	SourceClearing = "clearing"
	// SourceAccrued is the source of a bucket whose money was accrued when a day of incentives was
	// closed.
	SourceAccrued = "accrued"
)

// Totals are the sums of the lines of a bucket.
type Totals struct {
	Lines         int
	Distributable money.Amount
	// Gross is the income before the platform deducted its fee.
	Gross money.Amount
}

// The reasons for which a bucket is closed without a settlement and its money is carried forward.
const (
	// BelowZero is the reason of a bucket that had nothing to pay: a negative sum was carried forward,
	// a zero sum just closed.
	BelowZero = "below_zero"
	// MinimumPayout is the reason of a bucket in which the creator's share was below the contract's
	// minimum payout.
	MinimumPayout = "minimum_payout"
)

// CarriedAmount is money that was carried forward into a bucket from an earlier bucket.
type CarriedAmount struct {
	From cycle.Period
	// Since is the month of the oldest money in the amount that the minimum payout held back.
	Since  civil.Month
	Reason string
	Amount money.Amount
}

// Bucket gathers the income lines of one creator, one income type and one month or part of a month,
// until one statement consumes them.
type Bucket struct {
	Tenant     ident.Tenant
	CreatorID  ident.Creator
	IncomeType string
	Period     civil.Month
	Part       cycle.Part
	State      State
	Totals
	PlatformFee, Refund, Subsidy money.Amount
	// LinesByMonth counts the lines of the bucket by their own service period; lines of another month
	// than Period came late.
	LinesByMonth map[civil.Month]int
	Source       string
	// Uploaders are the people who uploaded lines of the bucket; they count as preparers of its
	// settlement and may not approve it.
	Uploaders []string
	Platforms []string
	// Entities are the paying entities in whose books the money was accrued.
	Entities []ident.Entity
	// Settlement is the id of the settlement that consumed the bucket last.
	Settlement ident.Settlement
	// Occurrence counts how often the bucket was consumed; it is above 1 when a settlement was undone
	// and opened again.
	Occurrence int
	// SettlementInForce reports that the settlement which consumed the bucket was not undone. Undoing
	// that settlement clears the mark in the same transaction. Buckets that were consumed before the
	// mark existed have false too.
	SettlementInForce bool
	// CarriedTo is the period of the bucket into which the money was carried; it is zero when no money
	// was left to carry.
	CarriedTo cycle.Period
	// CarriedReason is the reason why a carried bucket was closed. It is empty for buckets of earlier
	// releases, all of which had a negative sum.
	CarriedReason string
	// CarriedIn lists the amounts that were carried into this bucket, in the order of the periods they
	// came from.
	CarriedIn []CarriedAmount
}

// CyclePeriod returns the month, or the part of a month, whose lines the bucket gathers.
func (b Bucket) CyclePeriod() cycle.Period { return cycle.Period{Month: b.Period, Part: b.Part} }

// Name returns the name of the bucket for people and answers: <period>#<income_type>.
func (b Bucket) Name() string { return BucketName(b.CyclePeriod(), b.IncomeType) }

// IsDone reports whether nothing of the bucket is due any more: it was carried forward, or the
// settlement that consumed it is in force.
func (b Bucket) IsDone() bool {
	return b.State == Carried || b.State == Settled && b.SettlementInForce
}

// HeldSince returns the month of the oldest money in the bucket that the minimum payout has held
// back; it is the bucket's own month when no money was held back before.
func (b Bucket) HeldSince() civil.Month {
	since := b.Period
	for _, c := range b.CarriedIn {
		if c.Reason == MinimumPayout && c.Since.Before(since) {
			since = c.Since
		}
	}
	return since
}

// BucketName returns the name of the bucket of a month or part of a month and an income type.
func BucketName(period cycle.Period, incomeType string) string {
	return period.String() + "#" + incomeType
}

// MaxLines is the largest number of lines in one Addition, because a DynamoDB transaction takes at
// most 100 items.
const MaxLines = 90

// Addition is the request to write new lines of one creator, one income type and one service
// period.
type Addition struct {
	Tenant     ident.Tenant
	CreatorID  ident.Creator
	IncomeType string
	Period     civil.Month
	// Into is the period to which the lines belong by the days on which they occurred.
	Into cycle.Period
	// Course is the sequence of periods of the contracts; it decides where the lines go when the
	// period Into is closed.
	Course cycle.Timeline
	// Lines holds at most MaxLines lines, each with a different id.
	Lines     []Line
	By, Trace string
	At        time.Time
	// WriteID identifies this write. It is chosen before the first try and is also the id of the audit
	// record, so that a retry recognises its own earlier success.
	WriteID string
}

// Placement reports into which bucket a line was written, or why it was not written.
type Placement struct {
	// Bucket is the period of the statement that will consume the line.
	Bucket cycle.Period
	// IsRepeat reports that the same line with the same content was stored by an earlier call.
	IsRepeat bool
	// HasOtherContent reports that another line is stored under this id; the stored line was left
	// unchanged.
	HasOtherContent bool
}

// LineStore stores income lines.
type LineStore interface {
	// AddLines writes lines into the bucket to which they belong or, when that bucket is closed, into
	// the first later open one. The lines, the sums of the bucket and the audit record are written in
	// one transaction. Each line is written once, however often the call is repeated.
	AddLines(ctx context.Context, a Addition) ([]Placement, error)
}

// CarryOrder is the request to close an open bucket without a settlement.
type CarryOrder struct {
	Reason string
	// Into is the period to which the money is carried; when its bucket is closed, the next open one
	// takes the money.
	Into      cycle.Period
	Course    cycle.Timeline
	By, ActID string
	At        time.Time
}

// BucketStore reads and closes the buckets whose lines wait for a statement.
type BucketStore interface {
	// ListBuckets lists a creator's buckets from one month to another, both months included.
	ListBuckets(ctx context.Context, tenant ident.Tenant, creator ident.Creator, from,
		to civil.Month) ([]Bucket, error)
	// ReadBucket reads one bucket with a consistent read; false when there is no such bucket.
	ReadBucket(ctx context.Context, tenant ident.Tenant, creator ident.Creator, period cycle.Period,
		incomeType string) (Bucket, bool, error)
	// SumLines adds up the stored lines of a bucket, to compare them with the bucket's own totals.
	SumLines(ctx context.Context, b Bucket) (Totals, error)
	// CarryForward closes an open bucket and carries its money, if there is any, into another bucket.
	// The error is optimistic.ErrRival when the bucket has changed since b was read.
	CarryForward(ctx context.Context, b Bucket, c CarryOrder) error
}
