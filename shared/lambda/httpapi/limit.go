package httpapi

import (
	"container/list"
	"context"
	"sync"
	"time"

	"fenzhang/shared/identity"
)

// Rate is a token bucket's measure.
type Rate struct {
	PerSecond float64 // calls, not money
	Burst     float64
}

// TokenBuckets limits callers: a person by source address, device and subject, a service token by
// its tenant. The buckets live in the function's memory, so the limit holds for each running
// instance; side routes have functions of their own and so give way first.
type TokenBuckets struct {
	Person, Machine Rate

	mu      sync.Mutex
	buckets map[string]*list.Element
	order   *list.List // most recently used first; bounded, the oldest is forgotten
}

// maxBuckets bounds the memory that strangers can make us use.
const maxBuckets = 10_000

type bucket struct {
	who   string
	left  float64
	since time.Time
}

// NewTokenBuckets makes a limiter with the given measures.
func NewTokenBuckets(person, machine Rate) *TokenBuckets {
	return &TokenBuckets{Person: person, Machine: machine, buckets: map[string]*list.Element{},
		order: list.New()}
}

// DefaultLimits are the limits of the design: 50 a second with a burst of 200 for a person, 500 a
// second for a tenant's machines.
func DefaultLimits() *TokenBuckets {
	return NewTokenBuckets(Rate{PerSecond: 50, Burst: 200}, Rate{PerSecond: 500, Burst: 1000})
}

// WaitTime takes one call from the caller's bucket, or says how long to wait.
func (b *TokenBuckets) WaitTime(p identity.Principal, source, device string,
	now time.Time) time.Duration {
	who, rate := "p|"+source+"|"+device+"|"+string(p.Tenant)+"|"+p.Subject, b.Person
	if p.Scope == identity.ScopeMachine {
		who, rate = string("m|"+p.Tenant), b.Machine
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.findBucket(who, rate, now)
	k.left = min(rate.Burst, k.left+now.Sub(k.since).Seconds()*rate.PerSecond)
	k.since = now
	if k.left < 1 {
		return time.Duration((1 - k.left) / rate.PerSecond * float64(time.Second))
	}
	k.left--
	return 0
}

func (b *TokenBuckets) findBucket(who string, rate Rate, now time.Time) *bucket {
	if e, ok := b.buckets[who]; ok {
		b.order.MoveToFront(e)
		return e.Value.(*bucket)
	}
	if b.order.Len() >= maxBuckets {
		oldest := b.order.Back()
		delete(b.buckets, oldest.Value.(*bucket).who)
		b.order.Remove(oldest)
	}
	k := &bucket{who: who, left: rate.Burst, since: now}
	b.buckets[who] = b.order.PushFront(k)
	return k
}

// NoRevocations is for stages and tests in which no token is ever revoked.
type NoRevocations struct{}

// IsRevoked is always false.
func (NoRevocations) IsRevoked(context.Context, identity.Principal) (bool, error) {
	return false, nil
}
