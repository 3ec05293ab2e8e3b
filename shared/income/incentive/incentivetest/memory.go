// Package incentivetest stores incentives in memory for tests, and tests the behaviour that every
// store of incentives must have.
package incentivetest

import (
	"context"
	"slices"
	"strings"
	"sync"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
)

// Memory stores events in memory. It implements incentive.Events, incentive.Parked and
// incentive.Accruals; Days implements the other interfaces.
type Memory struct {
	mu     sync.Mutex
	events map[keys.Key]incentive.Recorded
	parked map[keys.Key]incentive.Event
	chunks map[incentive.CreatorDay][]incentive.Entry
	closed map[incentive.CreatorDay]incentive.PriorAccrual
	days   map[keys.Key]*day
	// Posted lists every accrual in the order of posting.
	Posted []incentive.Accrual
	// Refuse, when set, is called before an accrual is posted; its error refuses the accrual.
	Refuse func(incentive.Accrual) error
}

// day is the state of closing of a tenant's day.
type day struct {
	begun            bool
	touches, covered int64
	complete         bool
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{events: map[keys.Key]incentive.Recorded{}, parked: map[keys.Key]incentive.Event{},
		chunks: map[incentive.CreatorDay][]incentive.Entry{},
		closed: map[incentive.CreatorDay]incentive.PriorAccrual{}, days: map[keys.Key]*day{}}
}

// AddEvents implements incentive.Events.
func (m *Memory) AddEvents(_ context.Context, tenant ident.Tenant,
	events []incentive.Recorded) []incentive.StoreOutcome {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make([]incentive.StoreOutcome, len(events))
	for i, r := range events {
		k := keys.Event(tenant, r.EventID)
		if _, taken := m.events[k]; !taken {
			m.events[k] = r
		}
		out[i].First = m.events[k]
	}
	return out
}

// ReadEvent returns the event that is stored under an id.
func (m *Memory) ReadEvent(tenant ident.Tenant, event string) (incentive.Recorded, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.events[keys.Event(tenant, event)]
	return r, ok
}

// ParkEvents implements incentive.Parked.
func (m *Memory) ParkEvents(_ context.Context, tenant ident.Tenant,
	events []incentive.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range events {
		m.parked[keys.ParkedEvent(tenant, e.ActionType, e.EventID)] = e
	}
	return nil
}

// ListParked implements incentive.Parked with pages of one event, so that tests exercise paging.
func (m *Memory) ListParked(_ context.Context, tenant ident.Tenant, action,
	cursor string) ([]incentive.Event, string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for k := range m.parked {
		if k.PK == keys.ParkedEvents(tenant, action) && k.SK > cursor {
			names = append(names, k.SK)
		}
	}
	if len(names) == 0 {
		return nil, "", nil
	}
	slices.Sort(names)
	page := []incentive.Event{m.parked[keys.ParkedEvent(tenant, action, names[0])]}
	if len(names) == 1 {
		return page, "", nil
	}
	return page, names[0], nil
}

// StoreReward implements incentive.Parked.
func (m *Memory) StoreReward(_ context.Context, tenant ident.Tenant, event string,
	g incentive.Grant) (incentive.Grant, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := keys.Event(tenant, event)
	r := m.events[k]
	if r.Grant == nil {
		r.Grant = &g
		m.events[k] = r
	}
	return *r.Grant, nil
}

// UnparkEvent implements incentive.Parked.
func (m *Memory) UnparkEvent(_ context.Context, tenant ident.Tenant, e incentive.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.parked, keys.ParkedEvent(tenant, e.ActionType, e.EventID))
	return nil
}

// PostAccrual implements incentive.Accruals.
func (m *Memory) PostAccrual(_ context.Context, a incentive.Accrual) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.Refuse != nil {
		if err := m.Refuse(a); err != nil {
			return err
		}
	}
	d := incentive.CreatorDay{Tenant: a.Tenant, Creator: a.Creator, Day: a.Day}
	if m.closed[d].Revision != a.Revision-1 {
		return fault.New(fault.StaleVersion, "day_closed", "The day was accrued by another close.").Wrap(
			optimistic.ErrRival)
	}
	m.closed[d] = incentive.PriorAccrual{Revision: a.Revision, Cash: a.Total}
	m.Posted = append(m.Posted, a)
	return nil
}

// Days is the view of a Memory that stores creators' days. It implements incentive.Chunks and
// incentive.Days.
type Days struct{ *Memory }

// AddEntries implements incentive.Chunks.
func (d Days) AddEntries(_ context.Context,
	entries map[incentive.CreatorDay][]incentive.Entry) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for c, es := range entries {
		d.chunks[c] = append(d.chunks[c], es...)
	}
	return nil
}

// ReadCreatorDay implements incentive.Chunks.
func (d Days) ReadCreatorDay(_ context.Context,
	c incentive.CreatorDay) ([]incentive.Entry, incentive.PriorAccrual, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.chunks[c]), d.closed[c], nil
}

// ReadShard implements incentive.Chunks.
func (d Days) ReadShard(ctx context.Context, tenant ident.Tenant, on civil.Date, n uint32,
	each func(ident.Creator, []incentive.Entry, incentive.PriorAccrual) error) error {
	d.mu.Lock()
	var creators []incentive.CreatorDay
	for c := range d.chunks {
		if c.Tenant == tenant && c.Day == on &&
			keys.DayChunks(tenant, on, c.Creator) == keys.DayShard(tenant, on, n) {
			creators = append(creators, c)
		}
	}
	d.mu.Unlock()
	slices.SortFunc(creators, func(a, b incentive.CreatorDay) int {
		return strings.Compare(string(a.Creator), string(b.Creator))
	})
	for _, c := range creators {
		entries, closed, err := d.ReadCreatorDay(ctx, c)
		if err != nil {
			return err
		}
		if err := each(c.Creator, entries, closed); err != nil {
			return err
		}
	}
	return nil
}

// dayState returns the state of a tenant's day, which it creates when there is none.
func (d Days) dayState(tenant ident.Tenant, on civil.Date) *day {
	k := keys.EventDay(tenant, on)
	if d.days[k] == nil {
		d.days[k] = &day{}
	}
	return d.days[k]
}

// MarkChanged implements incentive.Days.
func (d Days) MarkChanged(_ context.Context, tenant ident.Tenant, days []civil.Date) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, on := range days {
		if t := d.dayState(tenant, on); t.begun {
			t.touches++
		}
	}
	return nil
}

// ListDueDays implements incentive.Days.
func (d Days) ListDueDays(_ context.Context, tenant ident.Tenant,
	before civil.Date) ([]civil.Date, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var due []civil.Date
	for k, t := range d.days {
		if on, err := civil.ParseDate(k.SK); err == nil && k.PK == keys.EventDays(tenant) &&
			on.Before(before) && (!t.complete || t.covered != t.touches) {
			due = append(due, on)
		}
	}
	slices.SortFunc(due, func(a, b civil.Date) int { return strings.Compare(a.String(), b.String()) })
	return due, nil
}

// BeginClose implements incentive.Days.
func (d Days) BeginClose(_ context.Context, tenant ident.Tenant, on civil.Date) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.dayState(tenant, on)
	t.begun = true
	return t.touches, nil
}

// FinishClose implements incentive.Days.
func (d Days) FinishClose(_ context.Context, tenant ident.Tenant, on civil.Date,
	touches int64) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.dayState(tenant, on)
	t.complete, t.covered = true, max(t.covered, touches)
	return nil
}

// IsClosed implements incentive.Days.
func (d Days) IsClosed(_ context.Context, tenant ident.Tenant, on civil.Date) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := d.days[keys.EventDay(tenant, on)]
	return t != nil && t.complete, nil
}
