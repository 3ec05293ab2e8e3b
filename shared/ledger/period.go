package ledger

import (
	"context"
	"time"

	"fenzhang/shared/civil"
)

// Periods decides in which accounting period an entry is posted.
type Periods interface {
	// Date gives the entry its accounting period: the month of the business date unless that is closed
	// for its paying entity, then the first open one. What it knows is at most PeriodMemo old; a
	// period that was sealed meanwhile refuses the write, and the caller decides anew.
	AssignPeriod(ctx context.Context, e *Entry) error
	// DateIn gives the entry the accounting period of a month that may be past: the month itself
	// unless its sealing has begun for the paying entity, then the first open one. closing tells that
	// the month is being closed: the write must then depend on its sealing not having begun.
	AssignPeriodIn(ctx context.Context, e *Entry, month civil.Month) (closing bool, err error)
}

const (
	// PeriodMemo is how long a poster may use what it read of a paying entity's periods.
	PeriodMemo = 10 * time.Second
	// Settling is how long a closing must have been in effect before the period can be sealed: every
	// poster has read of it by then, and what was decided before is written.
	Settling = PeriodMemo + 5*time.Second
)
