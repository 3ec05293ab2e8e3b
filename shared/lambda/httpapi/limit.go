package httpapi

import (
	"container/list"
	"context"
	"sync"
	"time"

	"fenzhang/shared/identity"
)

// Rate is the measure of a token bucket: it refills by PerSecond calls and holds at most Burst.
type Rate struct {
	// PerSecond counts calls, so a float is exact enough; no money is a float.
	PerSecond float64
	Burst     float64
}

// TokenBuckets limits the rate of calls: of a person by source address, device and subject; of a
// service token by its tenant. The buckets are in the memory of one running instance of the
// function, so each instance allows the full rate.
type TokenBuckets struct {
	Person, Machine Rate

	mu      sync.Mutex
	buckets map[string]*list.Element
	// order has the most recently used bucket first; when there are maxBuckets, the last one is
	// dropped.
	order *list.List
}

// maxBuckets bounds the memory that callers with ever new addresses can make a function use.
const maxBuckets = 10_000

// bucket is the state of one caller: the calls left at the time since.
type bucket struct {
	who   string
	left  float64
	since time.Time
}

// NewTokenBuckets returns a limiter with a rate for persons and one for service tokens.
func NewTokenBuckets(person, machine Rate) *TokenBuckets {
	return &TokenBuckets{Person: person, Machine: machine, buckets: map[string]*list.Element{},
		order: list.New()}
}

// DefaultLimits returns the limiter of the design: 50 calls a second and a burst of 200 for a
// person; 500 calls a second and a burst of 1000 for the service tokens of a tenant.
func DefaultLimits() *TokenBuckets {
	return NewTokenBuckets(Rate{PerSecond: 50, Burst: 200}, Rate{PerSecond: 500, Burst: 1000})
}

// WaitTime takes one call from the caller's bucket and returns zero; when the bucket is empty it
// returns how long the caller has to wait for the next call.
func (b *TokenBuckets) WaitTime(p identity.Principal, source, device string,
	now time.Time) time.Duration {
	who, rate := "p|"+source+"|"+device+"|"+string(p.Tenant)+"|"+p.Subject, b.Person
	if p.Scope == identity.ScopeMachine {
		who, rate = string("m|"+p.Tenant), b.Machine
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	k := b.findBucket(who, rate, now)
	// the bucket has refilled since the last call, but never above its burst
	k.left = min(rate.Burst, k.left+now.Sub(k.since).Seconds()*rate.PerSecond)
	k.since = now
	if k.left < 1 {
		return time.Duration((1 - k.left) / rate.PerSecond * float64(time.Second))
	}
	k.left--
	return 0
}

// findBucket returns the caller's bucket, a full one for a new caller.
func (b *TokenBuckets) findBucket(who string, rate Rate, now time.Time) *bucket {
	if e, ok := b.buckets[who]; ok {
		b.order.MoveToFront(e)
		return e.Value.(*bucket)
	}
	// the caller that has been silent for the longest time loses its bucket and starts with a full one
	if b.order.Len() >= maxBuckets {
		oldest := b.order.Back()
		delete(b.buckets, oldest.Value.(*bucket).who)
		b.order.Remove(oldest)
	}
	k := &bucket{who: who, left: rate.Burst, since: now}
	b.buckets[who] = b.order.PushFront(k)
	return k
}

// NoRevocations implements Revocations for callbacks and tests, where no token is ever revoked.
type NoRevocations struct{}

// IsRevoked returns false for every caller.
func (NoRevocations) IsRevoked(context.Context, identity.Principal) (bool, error) {
	return false, nil
}
