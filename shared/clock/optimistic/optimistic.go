// Package optimistic repeats a decision when somebody else wrote between its reading and its
// writing.
//
// A try reads, decides and writes under the condition that what it read has not changed. Each try
// is an act of its own: it chooses a new act id and keeps it while its one write is sent again with
// the same content. After ErrRival the act's write may still have been carried out, with its answer
// lost and a rival's write over it; a second write under the same id would then have no audit
// record of its own.
package optimistic

import (
	"context"
	"errors"

	"fenzhang/shared/clock/pace"
	"fenzhang/shared/fault"
)

// ErrRival reports that somebody else wrote first. Stores return it when a condition of a write
// failed and the item found does not carry the write's own act id; whoever decided the write reads
// again and decides anew.
var ErrRival = errors.New("somebody else wrote first")

// Tries is how often a decision is made at most. The waits between the tries take less than a
// second.
const Tries = 8

// Retry calls try until its error is not ErrRival, waiting longer before each new call.
//
// Errors: those of try; fault.Unavailable when a rival was faster in every try, or ctx ended.
func Retry(ctx context.Context, try func() error) error {
	err := pace.Retry(ctx, func(tries int, err error) bool {
		return tries < Tries && errors.Is(err, ErrRival)
	}, try)
	if errors.Is(err, ErrRival) {
		return fault.Later(errors.New(err.Error())) // a decision around this one is not made anew for it
	}
	return err
}

// RetryValue is Do for a try with a result.
func RetryValue[T any](ctx context.Context, try func() (T, error)) (T, error) {
	var value T
	err := Retry(ctx, func() (err error) {
		value, err = try()
		return err
	})
	return value, err
}
