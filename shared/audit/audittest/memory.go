// Package audittest holds a store of audit evidence in memory that behaves like the real one, and
// the tests that every such store must pass.
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

// Memory is a bucket whose objects are written once, with an index of records. Disturb, when set,
// is called before and after each effect; its error is returned to the caller, as if the call or
// its answer had been lost.
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

// runDisturbed runs an effect between two calls of Disturb.
func (m *Memory) runDisturbed(effect func()) error {
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

// Put writes an object unless its name is taken.
func (m *Memory) Put(_ context.Context, name string, body []byte,
	until time.Time) (taken bool, err error) {
	err = m.runDisturbed(func() {
		if _, taken = m.objects[name]; !taken {
			m.objects[name], m.until[name] = append([]byte(nil), body...), until
		}
	})
	return taken, err
}

// Get reads an object.
func (m *Memory) Get(_ context.Context, name string) (body []byte, err error) {
	var ok bool
	err = m.runDisturbed(func() { body, ok = m.objects[name] })
	if err == nil && !ok {
		err = fault.MissingObject("object")
	}
	return body, err
}

// Head returns the end of a tenant's chain.
func (m *Memory) Head(_ context.Context, tenant ident.Tenant) (head audit.Head, err error) {
	err = m.runDisturbed(func() {
		head = m.heads[string(tenant)]
		head.Tenant = tenant
	})
	return head, err
}

// Places returns the places of those records that have one.
func (m *Memory) Places(_ context.Context, tenant ident.Tenant,
	ids []string) (map[string]audit.Place, error) {
	out := map[string]audit.Place{}
	err := m.runDisturbed(func() {
		for _, id := range ids {
			if p, ok := m.places[string(tenant)][id]; ok {
				out[id] = p
			}
		}
	})
	return out, err
}

// SetPlaces stores the places of records.
func (m *Memory) SetPlaces(_ context.Context, tenant ident.Tenant,
	places map[string]audit.Place) error {
	for id, p := range places {
		// places are written one by one, because a crash may leave some of them unwritten
		if err := m.runDisturbed(func() {
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

// Advance moves the end of a chain, if it is still at from.
func (m *Memory) Advance(_ context.Context, from, to audit.Head) (moved bool, err error) {
	err = m.runDisturbed(func() {
		if m.heads[string(from.Tenant)].Batch == from.Batch {
			moved = true
			m.heads[string(from.Tenant)] = to
		}
	})
	return moved, err
}

// Files returns a copy of the objects as a file system, for the offline check.
func (m *Memory) Files() fstest.MapFS {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := fstest.MapFS{}
	for name, body := range m.objects {
		out[name] = &fstest.MapFile{Data: append([]byte(nil), body...), Mode: fs.FileMode(0o444)}
	}
	return out
}

// RetainedUntil returns the time until which an object is locked.
func (m *Memory) RetainedUntil(name string) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t, ok := m.until[name]
	if !ok {
		return t, fmt.Errorf("no object %s", name)
	}
	return t, nil
}
