package tenancydb

import (
	"container/list"
	"sync"
	"time"
)

const (
	memoAge  = 30 * time.Second // how old an answer from memory may be
	memoSize = 5_000            // answers kept; the least used one goes first
)

// memo keeps answers of a warm function. The values are shared between callers, who never change
// them.
type memo struct {
	now func() time.Time

	mu    sync.Mutex
	kept  map[string]*list.Element
	order *list.List // most recently used first
}

type remembered struct {
	key   string
	value any
	read  time.Time
}

func newMemo(now func() time.Time) *memo {
	return &memo{now: now, kept: map[string]*list.Element{}, order: list.New()}
}

func (m *memo) get(key string) (any, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.kept[key]
	if !ok {
		return nil, false
	}
	if r := e.Value.(*remembered); m.now().Sub(r.read) < memoAge {
		m.order.MoveToFront(e)
		return r.value, true
	}
	m.drop(e)
	return nil, false
}

func (m *memo) put(key string, value any, read time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.kept[key]; ok {
		m.drop(e)
	}
	m.kept[key] = m.order.PushFront(&remembered{key, value, read})
	if m.order.Len() > memoSize {
		m.drop(m.order.Back())
	}
}

func (m *memo) drop(e *list.Element) {
	delete(m.kept, e.Value.(*remembered).key)
	m.order.Remove(e)
}

// recall gives an answer from memory, or loads it. What worth does not accept is neither taken from
// memory nor kept: an object that was missing a moment ago may have been made since.
func recall[V any](m *memo, key string, worth func(V) bool, load func() (V, error)) (V, error) {
	if v, ok := m.get(key); ok && worth(v.(V)) {
		return v.(V), nil
	}
	read := m.now()
	v, err := load()
	if err == nil && worth(v) {
		m.put(key, v, read)
	}
	return v, err
}
