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

// CreatorDay names a creator's day.
type CreatorDay struct {
	Tenant  ident.Tenant
	Creator ident.Creator
	Day     civil.Date
}

// PriorAccrual is what was accrued for a creator's day so far; the zero value is nothing.
type PriorAccrual struct {
	Revision int
	Cash     money.Amount
}

// Accrual is one entry of what a closed day owes a creator.
type Accrual struct {
	Tenant        ident.Tenant
	Creator       ident.Creator
	Day           civil.Date
	Revision      int          // 1 for the first; one more for each later addition
	Difference    money.Amount // to be posted now
	Total         money.Amount // of the day, this posting included
	Events        int
	Traffic, Shop int64 // points, for the record
	ClosedAt      time.Time
}

// reasonOf is how the journal entry of an accrual says what it is for.
const reasonOf = "incentives of %s, revision %d"

// JournalReason is what the accrual's journal entry says that it is for.
func (a Accrual) JournalReason() string { return fmt.Sprintf(reasonOf, a.Day, a.Revision) }

// ParseJournalReason reads back for which day an entry was posted; ok is false for one that is no accrual.
func ParseJournalReason(reason string) (day civil.Date, ok bool) {
	text, ok := strings.CutPrefix(reason, "incentives of ")
	if !ok {
		return day, false
	}
	text, _, ok = strings.Cut(text, ", revision ")
	day, err := civil.ParseDate(text)
	return day, ok && err == nil
}

// Accruals posts the money that a closed day owes a creator: journal entry, income line and the
// day's close, in one transaction.
type Accruals interface {
	// Post writes the accrual on condition that the revision before it is the last one. It answers
	// fault.StaleVersion around optimistic.ErrRival when the revision is there already, and
	// fault.RuleMissing when the creator has no contract that covers it; then nothing is written.
	PostAccrual(ctx context.Context, a Accrual) error
}

// Chunks keeps the entries of creators' days. An entry may be added any number of times.
type Chunks interface {
	// Add keeps the entries; they are read by the next Creator or Shard that begins after it.
	AddEntries(ctx context.Context, entries map[CreatorDay][]Entry) error
	// Creator reads one creator's day.
	ReadCreatorDay(ctx context.Context, d CreatorDay) ([]Entry, PriorAccrual, error)
	// Shard reads part n of keys.DayShards of a tenant's day, one creator after the other.
	ReadShard(ctx context.Context, tenant ident.Tenant, day civil.Date, n uint32,
		each func(creator ident.Creator, entries []Entry, closed PriorAccrual) error) error
}

// Days keeps which days of a tenant have events, and how far each is closed.
type Days interface {
	// Touch notes that entries of the days were added. A day whose close has begun becomes due again;
	// so whatever is added is seen by that close or by the next.
	MarkChanged(ctx context.Context, tenant ident.Tenant, days []civil.Date) error
	// Due lists the days before the given one whose entries are not all accrued, oldest first.
	ListDueDays(ctx context.Context, tenant ident.Tenant, before civil.Date) ([]civil.Date, error)
	// Begin starts a close and gives the number of touches that it will cover.
	BeginClose(ctx context.Context, tenant ident.Tenant, day civil.Date) (touches int64, err error)
	// Finish notes that a close which covered that many touches is complete.
	FinishClose(ctx context.Context, tenant ident.Tenant, day civil.Date, touches int64) error
	// Closed tells whether a close of the day was ever complete.
	IsClosed(ctx context.Context, tenant ident.Tenant, day civil.Date) (bool, error)
}

// Parked keeps the events that wait for a strategy.
type Parked interface {
	// Park lists an event as waiting; again is harmless.
	ParkEvents(ctx context.Context, tenant ident.Tenant, events []Event) error
	// Waiting lists waiting events of an action type, page by page; the cursor is "" at both ends.
	ListParked(ctx context.Context, tenant ident.Tenant, action, cursor string) ([]Event, string, error)
	// Reward writes the grant into the recorded event, unless it has one; it gives the grant that
	// stands.
	StoreReward(ctx context.Context, tenant ident.Tenant, event string, g Grant) (Grant, error)
	// Unpark takes an event off the list.
	UnparkEvent(ctx context.Context, tenant ident.Tenant, e Event) error
}

// Accruer brings recorded events into the creators' days and closes the days.
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

// StreamedEvent is a recorded event that the stream carries.
type StreamedEvent struct {
	Tenant ident.Tenant
	Event  Event
	Grant  *Grant
}

// AddRecordedEvents brings recorded events into their days. It may be called again with the same events, all
// or some, in any order; an error means that some may be missing and all are to be given again.
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

// addEntries keeps entries first and touches their days after: a close that misses the entries meets the
// touch.
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
// missed run left, and closed days to which events came late. One tenant's trouble does not stop
// the others.
func (a *Accruer) CloseDueDays(ctx context.Context) error {
	today, err := a.Clock.Today(ctx)
	if err != nil {
		return err
	}
	return a.forEachTenant(ctx, func(tenant ident.Tenant) error {
		err := a.rewardParkedOfTenant(ctx, tenant)
		days, dueErr := a.Days.ListDueDays(ctx, tenant, today)
		err = errors.Join(err, dueErr)
		for _, day := range days {
			err = errors.Join(err, a.closeDay(ctx, tenant, day))
		}
		return err
	})
}

// CloseDay closes one day for every tenant, whether it is due or not; closing again changes
// nothing.
func (a *Accruer) CloseDay(ctx context.Context, day civil.Date) error {
	return a.forEachTenant(ctx, func(tenant ident.Tenant) error {
		return errors.Join(a.rewardParkedOfTenant(ctx, tenant), a.closeDay(ctx, tenant, day))
	})
}

// RewardParked gives, for every tenant, waiting events the reward of a strategy that has arrived
// since.
func (a *Accruer) RewardParked(ctx context.Context) error {
	return a.forEachTenant(ctx, func(tenant ident.Tenant) error { return a.rewardParkedOfTenant(ctx, tenant) })
}

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

// shardsAtOnce bounds how many parts of a day are folded at the same time.
const shardsAtOnce = 4

// closeDay accrues what each creator's day owes. A creator without a contract keeps nobody else
// waiting: the day is closed for the others and stays due, so that the next close tries again.
func (a *Accruer) closeDay(ctx context.Context, tenant ident.Tenant, day civil.Date) error {
	touches, err := a.Days.BeginClose(ctx, tenant, day)
	if err != nil {
		return err
	}
	var waiting atomic.Int64
	group, shardCtx := errgroup.WithContext(ctx)
	group.SetLimit(pace.AtOnce(ctx, shardsAtOnce))
	for n := range uint32(keys.DayShards) {
		group.Go(func() error {
			return a.Chunks.ReadShard(shardCtx, tenant, day, n,
				func(creator ident.Creator, entries []Entry, closed PriorAccrual) error {
					err := a.accrueCreatorDay(shardCtx, CreatorDay{Tenant: tenant, Creator: creator, Day: day}, entries,
						closed)
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
	return a.Days.MarkChanged(ctx, tenant, []civil.Date{day})
}

// accrueCreatorDay posts what the day owes beyond what was accrued. When another close was faster the day is
// read again; that one's posting leaves nothing to do.
func (a *Accruer) accrueCreatorDay(ctx context.Context, d CreatorDay, entries []Entry, closed PriorAccrual) error {
	read := true
	return optimistic.Do(ctx, func() (err error) {
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

// rewardParkedOfTenant goes through the waiting events of every action that a strategy rewards.
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

func rewardedActions(strategies []tenancy.Strategy) []string {
	var names []string
	for i := range strategies {
		names = append(names, strategies[i].ActionType)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// rewardEvents decides each event's reward in the event itself, brings it into the day, and only then
// takes it off the list: stopped anywhere, the next run goes on from what was decided.
func (a *Accruer) rewardEvents(ctx context.Context, tenant ident.Tenant, strategies []tenancy.Strategy,
	events []Event) error {
	entries := map[CreatorDay][]Entry{}
	var done []Event
	for _, e := range events {
		s, ok := FindStrategy(strategies, e)
		if !ok {
			continue
		}
		g, err := ComputeGrant(s, e)
		if err != nil {
			a.Log.ErrorContext(ctx, "parked event cannot be rewarded", "tenant", tenant, "event_id",
				e.EventID, "strategy", s.StrategyID, "cause", err.Error())
			continue
		}
		if g, err = a.Parked.StoreReward(ctx, tenant, e.EventID, g); err != nil {
			return err
		}
		d := CreatorDay{Tenant: tenant, Creator: e.CreatorID, Day: e.Day()}
		entries[d] = append(entries[d], Entry{EventID: e.EventID, Grant: &g})
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
