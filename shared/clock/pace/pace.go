// Package pace decides how long a call waits before it tries again and how many parts of it run at
// the same time. A simulation replaces both through the context: it runs the same code one part
// after another, without waiting.
package pace

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// key is the key of the simulation's Pause in a context.
type key struct{}

// Pause waits before another try, at most as long as most; its error is that of the context.
type Pause func(ctx context.Context, most time.Duration) error

// WithPause returns a context under which nothing runs in parallel and every wait calls pause.
func WithPause(ctx context.Context, pause Pause) context.Context {
	return context.WithValue(ctx, key{}, pause)
}

// Wait waits a random time of at most most (full jitter), so that callers who were refused at the
// same time do not all come back at the same time.
func Wait(ctx context.Context, most time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if pause, ok := ctx.Value(key{}).(Pause); ok {
		return pause(ctx, most)
	}
	wait := time.NewTimer(rand.N(most))
	defer wait.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return nil
	}
}

const (
	// The first wait of Retry is at most firstWait; each further wait is twice as long, up to
	// longestWait.
	firstWait   = 8 * time.Millisecond
	longestWait = 256 * time.Millisecond
)

// Retry calls try until it succeeds or again returns false; again receives the number of calls made
// and the error of the last one. Retry waits before every call except the first.
//
// Errors: the last error of try, joined with the error of the context when that ended the waiting.
func Retry(ctx context.Context, again func(tries int, err error) bool, try func() error) error {
	most := firstWait
	for tries := 1; ; tries++ {
		err := try()
		if err == nil || !again(tries, err) {
			return err
		}
		// the error of try is kept, because it says why the call was repeated
		if ended := Wait(ctx, most); ended != nil {
			return errors.Join(err, ended)
		}
		most = min(2*most, longestWait)
	}
}

// Parallelism returns how many parts of a call may run at the same time: n, or 1 under a context of
// WithPause.
func Parallelism(ctx context.Context, n int) int {
	if _, ok := ctx.Value(key{}).(Pause); ok {
		return 1
	}
	return n
}
