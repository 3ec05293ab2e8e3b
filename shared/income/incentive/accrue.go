package incentive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// CreatorDay identifies one day of one creator.
type CreatorDay struct {
	Tenant  ident.Tenant
	Creator ident.Creator
	Day     civil.Date
}

// PriorAccrual is what was accrued for a creator's day so far; the zero value means that nothing
// was accrued.
type PriorAccrual struct {
	Revision int
	Cash     money.Amount
}

// Accrual is one posting of cash rewards that a closed day owes a creator.
type Accrual struct {
	Tenant  ident.Tenant
	Creator ident.Creator
	Day     civil.Date
	// Revision is 1 for the first accrual of the day and one more for each later addition.
	Revision int
	// Difference is the amount to post now.
	Difference money.Amount
	// Total is the amount of the whole day, this posting included.
	Total  money.Amount
	Events int
	// Traffic and Shop are the points of the day, for the record only.
	Traffic, Shop int64
	ClosedAt      time.Time
}

// reasonOf is the format of the reason in an accrual's journal entry; ParseJournalReason reads the
// day back from it.
const reasonOf = "incentives of %s, revision %d"

// JournalReason returns the reason that the accrual's journal entry states.
func (a Accrual) JournalReason() string { return fmt.Sprintf(reasonOf, a.Day, a.Revision) }

// ParseJournalReason returns the day of the accrual from the reason of its journal entry; ok is
// false for an entry that is not an accrual.
func ParseJournalReason(reason string) (day civil.Date, ok bool) {
	text, ok := strings.CutPrefix(reason, "incentives of ")
	if !ok {
		return day, false
	}
	text, _, ok = strings.Cut(text, ", revision ")
	day, err := civil.ParseDate(text)
	return day, ok && err == nil
}

// Accruals posts the cash that a closed day owes a creator: journal entry, income line and the
// closed day in one transaction.
type Accruals interface {
	// PostAccrual writes the accrual on condition that the last stored revision is the one before it.
	// It returns fault.StaleVersion around optimistic.ErrRival when the revision exists already, and
	// fault.RuleMissing when the creator has no contract that covers the day; after an error nothing
	// is written.
	PostAccrual(ctx context.Context, a Accrual) error
}

// Chunks stores the entries of creators' days. The same entry may be added any number of times.
type Chunks interface {
	// AddEntries stores entries; every later ReadCreatorDay or ReadShard returns them.
	AddEntries(ctx context.Context, entries map[CreatorDay][]Entry) error
	// ReadCreatorDay reads the entries of one creator's day and what was accrued for it.
	ReadCreatorDay(ctx context.Context, d CreatorDay) ([]Entry, PriorAccrual, error)
	// ReadShard reads shard n (below keys.DayShards) of a tenant's day and calls each for one creator
	// after another.
	ReadShard(ctx context.Context, tenant ident.Tenant, day civil.Date, n uint32,
		each func(creator ident.Creator, entries []Entry, closed PriorAccrual) error) error
}

// Days stores which days of a tenant have events and how far each day is closed.
type Days interface {
	// MarkChanged records that entries were added to the days. A day whose close has begun becomes due
	// again, so the entries are seen by that close or by the next one.
	MarkChanged(ctx context.Context, tenant ident.Tenant, days []civil.Date) error
	// ListDueDays lists the days before a given day whose entries are not all accrued, oldest first.
	ListDueDays(ctx context.Context, tenant ident.Tenant, before civil.Date) ([]civil.Date, error)
	// BeginClose marks the close of a day as begun and returns the number of changes that this close
	// will cover.
	BeginClose(ctx context.Context, tenant ident.Tenant, day civil.Date) (touches int64, err error)
	// FinishClose records that a close which covered that many changes is complete.
	FinishClose(ctx context.Context, tenant ident.Tenant, day civil.Date, touches int64) error
	// IsClosed reports whether a close of the day was ever completed.
	IsClosed(ctx context.Context, tenant ident.Tenant, day civil.Date) (bool, error)
}

// Parked stores the events that wait for a strategy.
type Parked interface {
	// ParkEvents lists events as waiting; listing an event again changes nothing.
	ParkEvents(ctx context.Context, tenant ident.Tenant, events []Event) error
	// ListParked lists the waiting events of an action type, page by page; the cursor is "" before the
	// first and after the last page.
	ListParked(ctx context.Context, tenant ident.Tenant, action,
		cursor string) ([]Event, string, error)
	// StoreReward writes a reward into the recorded event unless it has one; it returns the reward
	// that is stored then.
	StoreReward(ctx context.Context, tenant ident.Tenant, event string, g Grant) (Grant, error)
	// UnparkEvent removes an event from the list of waiting events.
	UnparkEvent(ctx context.Context, tenant ident.Tenant, e Event) error
}

// Accruer adds recorded events to the creators' days and closes the days.
type Accruer struct {
	Clock     clock.Clock
	Directory interface {
		Strategies(ctx context.Context, tenant ident.Tenant) ([]tenancy.Strategy, error)
		Tenants(ctx context.Context) ([]string, error)
	}
	Chunks   Chunks
	Days     Days
	Parked   Parked
	Accruals Accruals
	Log      *slog.Logger
}

// StreamedEvent is a recorded event that was read from the table's stream.
type StreamedEvent struct {
	Tenant ident.Tenant
	Event  Event
	Grant  *Grant
}

// AddRecordedEvents adds recorded events to the days on which they count. It may be called again
// with all or some of the same events in any order; after an error some events may be missing, and
// the caller must pass all of them again.
func (a *Accruer) AddRecordedEvents(ctx context.Context, seen []StreamedEvent) error {
	entries := map[CreatorDay][]Entry{}
	parked := map[string][]Event{}
	for _, s := range seen {
		d := CreatorDay{Tenant: s.Tenant, Creator: s.Event.CreatorID, Day: s.Event.Day()}
		entries[d] = append(entries[d], Entry{EventID: s.Event.EventID, Grant: s.Grant})
		if s.Grant == nil {
			parked[string(s.Tenant)] = append(parked[string(s.Tenant)], s.Event)
		}
	}
	for _, tenant := range slices.Sorted(maps.Keys(parked)) {
		if err := a.Parked.ParkEvents(ctx, ident.Tenant(tenant), parked[tenant]); err != nil {
			return err
		}
	}
	return a.addEntries(ctx, entries)
}

// addEntries stores entries first and marks their days as changed afterwards: a close that has not
// read the entries sees the mark and is repeated.
func (a *Accruer) addEntries(ctx context.Context, entries map[CreatorDay][]Entry) error {
	if err := a.Chunks.AddEntries(ctx, entries); err != nil {
		return err
	}
	days := map[string][]civil.Date{}
	for d := range entries {
		if !slices.Contains(days[string(d.Tenant)], d.Day) {
			days[string(d.Tenant)] = append(days[string(d.Tenant)], d.Day)
		}
	}
	for _, tenant := range slices.Sorted(maps.Keys(days)) {
		slices.SortFunc(days[tenant], func(a, b civil.Date) int {
			return cmp.Compare(a.String(), b.String())
		})
		if err := a.Days.MarkChanged(ctx, ident.Tenant(tenant), days[tenant]); err != nil {
			return err
		}
	}
	return nil
}

// CloseDueDays closes, for every tenant, each day before today that is due: yesterday, days that a
// missed run left open, and closed days to which events came late. A failure of one tenant does not
// stop the others.
func (a *Accruer) CloseDueDays(ctx context.Context) error {
	today, err := a.Clock.Today(ctx)
	if err != nil {
		return err
	}
	return a.forEachTenant(ctx, func(tenant ident.Tenant) error {
		// Waiting events are rewarded first, so that the close of their day includes them.
		err := a.rewardParkedOfTenant(ctx, tenant)
		days, dueErr := a.Days.ListDueDays(ctx, tenant, today)
		err = errors.Join(err, dueErr)
		for _, day := range days {
			err = errors.Join(err, a.closeDay(ctx, tenant, day))
		}
		return err
	})
}

// CloseDay closes one day for every tenant, whether it is due or not; closing a day again posts
// only what was added since.
func (a *Accruer) CloseDay(ctx context.Context, day civil.Date) error {
	return a.forEachTenant(ctx, func(tenant ident.Tenant) error {
		return errors.Join(a.rewardParkedOfTenant(ctx, tenant), a.closeDay(ctx, tenant, day))
	})
}

// RewardParked rewards, for every tenant, the waiting events for which a strategy has been recorded
// since.
func (a *Accruer) RewardParked(ctx context.Context) error {
	return a.forEachTenant(ctx, func(tenant ident.Tenant) error {
		return a.rewardParkedOfTenant(ctx, tenant)
	})
}

// forEachTenant calls do for every tenant and joins the errors.
func (a *Accruer) forEachTenant(ctx context.Context, do func(tenant ident.Tenant) error) error {
	tenants, err := a.Directory.Tenants(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, tenant := range tenants {
		if err := do(ident.Tenant(tenant)); err != nil {
			failed = errors.Join(failed, fmt.Errorf("tenant %s: %w", tenant, err))
		}
	}
	return failed
}

// shardsAtOnce is the largest number of shards of a day that are summed at the same time.
const shardsAtOnce = 4

// closeDay accrues what the day owes each creator. A creator without a contract does not stop the
// others: the day is closed for them and stays due, so that the next close tries again.
func (a *Accruer) closeDay(ctx context.Context, tenant ident.Tenant, day civil.Date) error {
	touches, err := a.Days.BeginClose(ctx, tenant, day)
	if err != nil {
		return err
	}
	var waiting atomic.Int64
	group, shardCtx := errgroup.WithContext(ctx)
	group.SetLimit(pace.Parallelism(ctx, shardsAtOnce))
	for n := range uint32(keys.DayShards) {
		group.Go(func() error {
			return a.Chunks.ReadShard(shardCtx, tenant, day, n,
				func(creator ident.Creator, entries []Entry, closed PriorAccrual) error {
					err := a.accrueCreatorDay(shardCtx, CreatorDay{Tenant: tenant, Creator: creator, Day: day},
						entries,
						closed)
					// A creator without a contract is counted and tried again by the next close.
					if fault.HasCode(err, fault.RuleMissing) {
						waiting.Add(1)
						return nil
					}
					return err
				})
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("close %s: %w", day, err)
	}
	a.Log.InfoContext(ctx, "day closed", "tenant", tenant, "day", day.String(),
		"creators_without_contract", waiting.Load())
	if err := a.Days.FinishClose(ctx, tenant, day, touches); err != nil || waiting.Load() == 0 {
		return err
	}
	// Marking the day as changed keeps it due for the creators without a contract.
	return a.Days.MarkChanged(ctx, tenant, []civil.Date{day})
}

// accrueCreatorDay posts what a creator's day owes beyond what was accrued before. When another
// close was faster, the day is read again; that close has usually posted everything.
func (a *Accruer) accrueCreatorDay(ctx context.Context, d CreatorDay, entries []Entry,
	closed PriorAccrual) error {
	read := true
	return optimistic.Retry(ctx, func() (err error) {
		if !read {
			if entries, closed, err = a.Chunks.ReadCreatorDay(ctx, d); err != nil {
				return err
			}
		}
		read = false
		t := SumDay(entries)
		difference := t.Cash.Sub(closed.Cash)
		if difference.IsZero() {
			return nil
		}
		return a.Accruals.PostAccrual(ctx, Accrual{
			Tenant: d.Tenant, Creator: d.Creator, Day: d.Day, Revision: closed.Revision +
				1, Difference: difference, Total: t.Cash,
			Events: t.Events, Traffic: t.Traffic, Shop: t.Shop, ClosedAt: a.Clock.Instant(),
		})
	})
}

// rewardParkedOfTenant goes through the waiting events of every action that a strategy of the
// tenant rewards.
func (a *Accruer) rewardParkedOfTenant(ctx context.Context, tenant ident.Tenant) error {
	strategies, err := a.Directory.Strategies(ctx, tenant)
	if err != nil {
		return err
	}
	for _, action := range rewardedActions(strategies) {
		for cursor := ""; ; {
			events, next, err := a.Parked.ListParked(ctx, tenant, action, cursor)
			if err != nil {
				return err
			}
			if err := a.rewardEvents(ctx, tenant, strategies, events); err != nil {
				return err
			}
			if cursor = next; cursor == "" {
				break
			}
		}
	}
	return nil
}

// rewardedActions lists the action types that the strategies reward, each once and sorted.
func rewardedActions(strategies []tenancy.Strategy) []string {
	var names []string
	for i := range strategies {
		names = append(names, strategies[i].ActionType)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// rewardEvents stores each event's reward in the event itself, then adds it to the day, and only
// then removes the event from the waiting list. When the run stops in between, the next run
// continues with the stored rewards.
func (a *Accruer) rewardEvents(ctx context.Context, tenant ident.Tenant,
	strategies []tenancy.Strategy, events []Event) error {
	entries := map[CreatorDay][]Entry{}
	var done []Event
	for _, e := range events {
		s, ok := FindStrategy(strategies, e)
		if !ok {
			continue
		}
		g, err := a.storeReward(ctx, tenant, s, e)
		if err != nil {
			return err
		}
		if g == nil {
			continue
		}
		d := CreatorDay{Tenant: tenant, Creator: e.CreatorID, Day: e.Day()}
		entries[d] = append(entries[d], Entry{EventID: e.EventID, Grant: g})
		done = append(done, e)
	}
	if len(done) == 0 {
		return nil
	}
	if err := a.addEntries(ctx, entries); err != nil {
		return err
	}
	for _, e := range done {
		if err := a.Parked.UnparkEvent(ctx, tenant, e); err != nil {
			return err
		}
	}
	return nil
}

// storeReward computes the reward of a waiting event and stores it in the event; it returns nil for
// a reward that cannot be computed. Such an event stays on the waiting list, because a corrected
// strategy can still reward it.
func (a *Accruer) storeReward(ctx context.Context, tenant ident.Tenant, s tenancy.Strategy,
	e Event) (*Grant, error) {
	g, err := ComputeGrant(s, e)
	if err != nil {
		a.Log.ErrorContext(ctx, "parked event cannot be rewarded", "tenant", tenant, "event_id",
			e.EventID, "strategy", s.StrategyID, "cause", err.Error())
		return nil, nil
	}
	if g, err = a.Parked.StoreReward(ctx, tenant, e.EventID, g); err != nil {
		return nil, err
	}
	return &g, nil
}
