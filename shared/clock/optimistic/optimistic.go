// Package optimistic repeats a decision when another writer was faster.
//
// A try reads, decides, and writes under the condition that what it read has not changed. Each try
// is a new act with a new act id; a write that is sent again after a lost answer keeps its id and
// its content. The id must be new, because after ErrRival the first write may still have succeeded:
// its answer was lost and the other writer changed the item afterwards. A second write under the
// same id would then lack an audit record.
package optimistic

import (
	"context"
	"errors"

	"fenzhang/shared/clock/pace"
	"fenzhang/shared/fault"
)

// ErrRival reports that another writer was faster. Stores return it when a condition of a write
// failed and the existing item does not carry the id of this act. The caller then reads again and
// decides anew.
var ErrRival = errors.New("somebody else wrote first")

// Tries is how often a decision is made at most. The waits between the tries take less than a
// second in all.
const Tries = 8

// Retry calls try again, after a wait that becomes longer each time, until try returns another
// error than ErrRival or none.
//
// Errors: those of try; fault.Unavailable when another writer was faster in every try, or ctx
// ended.
func Retry(ctx context.Context, try func() error) error {
	err := pace.Retry(ctx, func(tries int, err error) bool {
		return tries < Tries && errors.Is(err, ErrRival)
	}, try)
	if errors.Is(err, ErrRival) {
		// the new error no longer matches ErrRival, so that an enclosing Retry does not start over
		return fault.Temporary(errors.New(err.Error()))
	}
	return err
}

// RetryValue is Retry for a try with a result.
func RetryValue[T any](ctx context.Context, try func() (T, error)) (T, error) {
	var value T
	err := Retry(ctx, func() (err error) {
		value, err = try()
		return err
	})
	return value, err
}
