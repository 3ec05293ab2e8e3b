package ledger

import (
	"context"
	"time"

	"fenzhang/shared/civil"
)

// Periods decides the accounting period of an entry.
type Periods interface {
	// AssignPeriod sets the accounting period of an entry: the month of the business date, or the
	// first open month when the books of the paying entity are closed for it. The decision may rest on
	// a read that is up to PeriodMemo old. When the period was sealed since that read, the write of
	// the entry is refused and the caller calls AssignPeriod again.
	AssignPeriod(ctx context.Context, e *Entry) error
	// AssignPeriodIn sets the accounting period of an entry that belongs to a given month, which may
	// be past: that month unless its sealing has begun, else the first open month. closing reports
	// that the month is being closed; the write must then be conditional on its sealing not having
	// begun.
	AssignPeriodIn(ctx context.Context, e *Entry, month civil.Month) (closing bool, err error)
}

const (
	// PeriodMemo is how long a function may use what it read of a paying entity's periods.
	PeriodMemo = 10 * time.Second
	// Settling is the time that must pass between the beginning of a closing and the seal: after it
	// every function knows of the closing, and entries assigned before are written.
	Settling = PeriodMemo + 5*time.Second
)
