// Package pace says how a call waits before it tries again and how much of it runs at the same
// time. Both are real unless the context says otherwise, so that a simulation runs the same code in
// turn and without waiting.
package pace

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

type key struct{}

// Pause waits before another try of something that may take up to most; the error is the context's.
type Pause func(ctx context.Context, most time.Duration) error

// WithPause gives a context under which nothing runs at the same time and waiting is what pause
// does.
func WithPause(ctx context.Context, pause Pause) context.Context {
	return context.WithValue(ctx, key{}, pause)
}

// Wait waits with full jitter: up to most, so that callers who were refused together do not come
// back together.
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

// The first wait of Retry is at most firstWait, each further one twice as long, none longer than
// longestWait.
const (
	firstWait   = 8 * time.Millisecond
	longestWait = 256 * time.Millisecond
)

// Retry calls try until it succeeds or again, which is given the number of calls made and the last
// one's error, ends it. It waits before every call but the first.
//
// Errors: the last one of try, joined with that of the context where the context ended the waiting.
func Retry(ctx context.Context, again func(tries int, err error) bool, try func() error) error {
	most := firstWait
	for tries := 1; ; tries++ {
		err := try()
		if err == nil || !again(tries, err) {
			return err
		}
		if ended := Wait(ctx, most); ended != nil {
			return errors.Join(err, ended)
		}
		most = min(2*most, longestWait)
	}
}

// Parallelism is how many parts of a call may run at the same time: n, or 1 where the context asks
// for turns.
func Parallelism(ctx context.Context, n int) int {
	if _, ok := ctx.Value(key{}).(Pause); ok {
		return 1
	}
	return n
}
