// Package audittest holds a store of evidence in memory that keeps the promises of the real one,
// and the list of those promises for every store.
package audittest

import (
	"context"
	"fmt"
	"io/fs"
	"sync"
	"testing/fstest"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
)

// Memory is a bucket that writes once, and an index. Disturb, when set, is called before and after
// each effect; its error is given to the caller, as if the call or its answer had been lost.
type Memory struct {
	Disturb func() error

	mu      sync.Mutex
	objects map[string][]byte
	until   map[string]time.Time
	heads   map[string]audit.Head
	places  map[string]map[string]audit.Place
}

// NewMemory makes an empty store.
func NewMemory() *Memory {
	return &Memory{objects: map[string][]byte{}, until: map[string]time.Time{},
		heads: map[string]audit.Head{}, places: map[string]map[string]audit.Place{}}
}

// disturbed runs an effect between two disturbances.
func (m *Memory) disturbed(effect func()) error {
	if m.Disturb != nil {
		if err := m.Disturb(); err != nil {
			return err
		}
	}
	m.mu.Lock()
	effect()
	m.mu.Unlock()
	if m.Disturb != nil {
		return m.Disturb()
	}
	return nil
}

// Put writes an object once.
func (m *Memory) Put(_ context.Context, name string, body []byte,
	until time.Time) (taken bool, err error) {
	err = m.disturbed(func() {
		if _, taken = m.objects[name]; !taken {
			m.objects[name], m.until[name] = append([]byte(nil), body...), until
		}
	})
	return taken, err
}

// Get reads an object.
func (m *Memory) Get(_ context.Context, name string) (body []byte, err error) {
	var ok bool
	err = m.disturbed(func() { body, ok = m.objects[name] })
	if err == nil && !ok {
		err = fault.Absent("object")
	}
	return body, err
}

// Head gives the end of a chain.
func (m *Memory) Head(_ context.Context, tenant ident.Tenant) (head audit.Head, err error) {
	err = m.disturbed(func() {
		head = m.heads[string(tenant)]
		head.Tenant = tenant
	})
	return head, err
}

// Places finds records.
func (m *Memory) Places(_ context.Context, tenant ident.Tenant,
	ids []string) (map[string]audit.Place, error) {
	out := map[string]audit.Place{}
	err := m.disturbed(func() {
		for _, id := range ids {
			if p, ok := m.places[string(tenant)][id]; ok {
				out[id] = p
			}
		}
	})
	return out, err
}

// SetPlaces gives records their places.
func (m *Memory) SetPlaces(_ context.Context, tenant ident.Tenant,
	places map[string]audit.Place) error {
	for id, p := range places { // one by one: a crash may leave some of them
		if err := m.disturbed(func() {
			if m.places[string(tenant)] == nil {
				m.places[string(tenant)] = map[string]audit.Place{}
			}
			m.places[string(tenant)][id] = p
		}); err != nil {
			return err
		}
	}
	return nil
}

// Advance moves a chain on.
func (m *Memory) Advance(_ context.Context, from, to audit.Head) (moved bool, err error) {
	err = m.disturbed(func() {
		if m.heads[string(from.Tenant)].Batch == from.Batch {
			moved = true
			m.heads[string(from.Tenant)] = to
		}
	})
	return moved, err
}

// Files gives a copy of the objects as a folder, for the offline check.
func (m *Memory) Files() fstest.MapFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := fstest.MapFS{}
	for name, body := range m.objects {
		out[name] = &fstest.MapFile{Data: append([]byte(nil), body...), Mode: fs.FileMode(0o444)}
	}
	return out
}

// RetainedUntil tells until when an object is kept.
func (m *Memory) RetainedUntil(name string) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.until[name]
	if !ok {
		return t, fmt.Errorf("no object %s", name)
	}
	return t, nil
}
