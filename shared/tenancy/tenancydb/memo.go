package tenancydb

import (
	"container/list"
	"sync"
	"time"
)

const (
	memoAge = 30 * time.Second // greatest age of a result that is taken from memory
	// greatest number of remembered results; the least recently used one is dropped first
	memoSize = 5_000
)

// memo keeps results of reads between the calls of a warm function. The remembered values are
// shared between callers, who must not change them.
type memo struct {
	now func() time.Time

	mu    sync.Mutex
	kept  map[string]*list.Element
	order *list.List // most recently used first
}

// memoEntry is a remembered result with the time at which it was read.
type memoEntry struct {
	key   string
	value any
	read  time.Time
}

// newMemo makes an empty memo.
func newMemo(now func() time.Time) *memo {
	return &memo{now: now, kept: map[string]*list.Element{}, order: list.New()}
}

// get returns a remembered result that is younger than memoAge, and drops an older one.
func (m *memo) get(key string) (any, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.kept[key]
	if !ok {
		return nil, false
	}
	if r := e.Value.(*memoEntry); m.now().Sub(r.read) < memoAge {
		m.order.MoveToFront(e)
		return r.value, true
	}
	m.drop(e)
	return nil, false
}

// put remembers a result and drops the least recently used one when the memo is full.
func (m *memo) put(key string, value any, read time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.kept[key]; ok {
		m.drop(e)
	}
	m.kept[key] = m.order.PushFront(&memoEntry{key, value, read})
	if m.order.Len() > memoSize {
		m.drop(m.order.Back())
	}
}

// drop removes an entry; the caller holds the lock.
func (m *memo) drop(e *list.Element) {
	delete(m.kept, e.Value.(*memoEntry).key)
	m.order.Remove(e)
}

// recallOrLoad returns a result from memory, or loads it. A result that worth refuses is neither
// taken from memory nor remembered: an object that was missing a moment ago may have been created
// since.
func recallOrLoad[V any](m *memo, key string, worth func(V) bool,
	load func() (V, error)) (V, error) {
	if v, ok := m.get(key); ok && worth(v.(V)) {
		return v.(V), nil
	}
	// The age of a result counts from before its load: an object written during the load may be
	// missing in the result.
	read := m.now()
	v, err := load()
	if err == nil && worth(v) {
		m.put(key, v, read)
	}
	return v, err
}
