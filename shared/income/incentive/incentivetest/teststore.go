package incentivetest

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
)

// Store holds the interfaces of a store of events and days under test.
type Store struct {
	Events incentive.Events
	Parked incentive.Parked
	Chunks incentive.Chunks
	Days   incentive.Days
}

const tenant = "demo"

// SampleEvent returns a recorded event for tests.
func SampleEvent(id string) incentive.Recorded {
	g := incentive.NewGrant(incentive.Cash, 50, "st-1", 2, 1000)
	return incentive.Recorded{
		Event: incentive.Event{EventID: id, CreatorID: "c-1", ActionType: "watch_live", Quantity: 3,
			Platform:   "douyin",
			OccurredAt: time.Date(2026, 8, 3, 9, 30, 0, 500, civil.Shanghai),
			Details: incentive.Details{ContentID: "live-1", UTM: &incentive.UTM{Source: "app"},
				Metrics: map[string]string{"seconds": "12.5"}}},
		Grant: &g, Digest: "digest-of-" + id, WriteID: "call-1",
		RecordedAt: time.UnixMilli(1785720000123),
	}
}

// TestStore tests the behaviour that every store must have. open returns an empty store.
func TestStore(t *testing.T, open func(t *testing.T) Store) {
	t.Run("an id is taken once, also by fifty at once", func(t *testing.T) {
		testOneWinner(t, open(t))
	})
	t.Run("what is there already comes back as it was", func(t *testing.T) {
		testFirstIsKept(t, open(t))
	})
	t.Run("a batch stores what is new beside what is not", func(t *testing.T) {
		testMixedBatch(t, open(t))
	})
	t.Run("entries of a creator's day come back once or more", func(t *testing.T) {
		testDayEntries(t, open(t))
	})
	t.Run("a touch after the close began makes the day due", func(t *testing.T) {
		testLateEvents(t, open(t))
	})
	t.Run("a parked event gets one reward", func(t *testing.T) { testParkedEvents(t, open(t)) })
}

// testOneWinner checks that fifty concurrent calls store an event once.
func testOneWinner(t *testing.T, s Store) {
	var won atomic.Int32
	var wg sync.WaitGroup
	for i := range 50 {
		wg.Go(func() {
			r := SampleEvent("ev-1")
			r.WriteID = "call-" + string(rune('A'+i))
			got := s.Events.AddEvents(t.Context(), tenant, []incentive.Recorded{r})[0]
			if got.Err != nil {
				t.Error(got.Err)
			} else if got.First.WriteID == r.WriteID {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d calls stored the event, want 1", won.Load())
	}
}

// testFirstIsKept checks that a second event under the same id returns the first event unchanged.
func testFirstIsKept(t *testing.T, s Store) {
	full, bare := SampleEvent("full"), SampleEvent("bare")
	bare.Grant = nil
	bare.Parked = true
	bare.Details = incentive.Details{}
	bare.Platform = ""
	bare.Quantity = 1
	for _, want := range []incentive.Recorded{full, bare} {
		s.Events.AddEvents(t.Context(), tenant, []incentive.Recorded{want})
		again := want
		again.WriteID, again.Digest = "call-2", "another"
		got := s.Events.AddEvents(t.Context(), tenant, []incentive.Recorded{again})[0]
		if got.Err != nil || !SameRecorded(got.First, want) {
			t.Errorf("%s: got %+v (%v)\nwant %+v", want.EventID, got.First, got.Err, want)
		}
	}
	if got := s.Events.AddEvents(t.Context(), "other",
		[]incentive.Recorded{full})[0]; got.Err != nil ||
		got.First.WriteID != full.WriteID {
		t.Errorf("another tenant's id stands in the way: %+v", got)
	}
}

// SameRecorded reports whether two recorded events are equal; times are compared as instants.
func SameRecorded(a, b incentive.Recorded) bool {
	sameGrant := (a.Grant == nil) == (b.Grant == nil) && (a.Grant == nil || *a.Grant == *b.Grant)
	sameUTM := (a.UTM == nil) == (b.UTM == nil) && (a.UTM == nil || *a.UTM == *b.UTM)
	return a.EventID == b.EventID && a.CreatorID == b.CreatorID && a.ActionType == b.ActionType &&
		a.OccurredAt.Equal(b.OccurredAt) &&
		a.Quantity == b.Quantity && a.Platform == b.Platform && a.ContentID == b.ContentID &&
		len(a.Metrics) == len(b.Metrics) && sameUTM &&
		sameGrant && a.Digest == b.Digest && a.WriteID == b.WriteID && a.RecordedAt.Equal(b.RecordedAt) &&
		a.Parked == b.Parked
}

// testMixedBatch checks a batch in which some ids exist already.
func testMixedBatch(t *testing.T, s Store) {
	s.Events.AddEvents(t.Context(), tenant,
		[]incentive.Recorded{SampleEvent("ev-030"), SampleEvent("ev-060")})
	batch := make([]incentive.Recorded, 120)
	for i := range batch {
		batch[i] = SampleEvent(
			"ev-" + string([]byte{byte('0' + i/100), byte('0' + i/10%10), byte('0' + i%10)}))
		batch[i].WriteID = "call-2"
	}
	for i, got := range s.Events.AddEvents(t.Context(), tenant, batch) {
		want := "call-2"
		if i == 30 || i == 60 {
			want = "call-1"
		}
		if got.Err != nil || got.First.EventID != batch[i].EventID || got.First.WriteID != want {
			t.Errorf("event %d: kept is %s by %s (%v), want %s by %s", i, got.First.EventID,
				got.First.WriteID,
				got.Err, batch[i].EventID, want)
		}
	}
}

// testDayEntries checks that entries added several times are read once for each creator.
func testDayEntries(t *testing.T, s Store) {
	day := civil.MustDate("2026-08-03")
	g := SampleEvent("x").Grant
	want := map[string][]incentive.Entry{}
	for _, creator := range []string{"c", "c-1", "c-10", "C", "d"} {
		d := incentive.CreatorDay{Tenant: tenant, Creator: ident.Creator(creator), Day: day}
		entries := []incentive.Entry{{EventID: creator + "-a", Grant: g}, {EventID: creator + "-b"}}
		want[creator] = entries
		for _, part := range [][]incentive.Entry{entries, entries[:1],
			entries} { // again, and with other borders
			if err := s.Chunks.AddEntries(t.Context(),
				map[incentive.CreatorDay][]incentive.Entry{d: part}); err != nil {
				t.Fatal(err)
			}
		}
	}
	seen := map[string]int{}
	for n := range uint32(8) {
		err := s.Chunks.ReadShard(t.Context(), tenant, day, n,
			func(creator ident.Creator, entries []incentive.Entry, closed incentive.PriorAccrual) error {
				seen[string(creator)]++
				if got, want := incentive.SumDay(entries),
					incentive.SumDay(want[string(creator)]); got != want ||
					closed.Revision != 0 {
					t.Errorf("%s: fold %+v, want %+v", creator, got, want)
				}
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
	}
	for creator, entries := range want {
		if seen[creator] != 1 {
			t.Errorf("%s was given %d times, want 1", creator, seen[creator])
		}
		got, _, err := s.Chunks.ReadCreatorDay(t.Context(),
			incentive.CreatorDay{Tenant: tenant, Creator: ident.Creator(creator), Day: day})
		if err != nil || incentive.SumDay(got) != incentive.SumDay(entries) {
			t.Errorf("%s alone: %+v (%v)", creator, incentive.SumDay(got), err)
		}
	}
}

// testLateEvents checks that entries after the beginning of a close make the day due again.
func testLateEvents(t *testing.T, s Store) {
	ctx := context.Background()
	day := civil.MustDate("2026-08-03")
	after := civil.MustDate("2026-08-04")
	due := func(want ...civil.Date) {
		t.Helper()
		if got, err := s.Days.ListDueDays(ctx, tenant, after); err != nil || !slices.Equal(got, want) {
			t.Errorf("due %v (%v), want %v", got, err, want)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	begin := func() int64 {
		t.Helper()
		n, err := s.Days.BeginClose(ctx, tenant, day)
		must(err)
		return n
	}
	due()
	must(s.Days.MarkChanged(ctx, tenant, []civil.Date{day, after}))
	due(day)
	first := begin()
	due(day)
	must(s.Days.MarkChanged(ctx, tenant, []civil.Date{day})) // while the close reads
	must(s.Days.FinishClose(ctx, tenant, day, first))
	due(day)
	second := begin()
	must(s.Days.FinishClose(ctx, tenant, day, second))
	due()
	must(s.Days.FinishClose(ctx, tenant, day, first)) // a slow rival of the first close
	due()
	if closed, err := s.Days.IsClosed(ctx, tenant, day); err != nil || !closed {
		t.Errorf("closed %v (%v)", closed, err)
	}
	must(s.Days.MarkChanged(ctx, tenant, []civil.Date{day})) // a late event
	due(day)
}

// testParkedEvents checks that a waiting event gets one reward and leaves the list.
func testParkedEvents(t *testing.T, s Store) {
	ctx := context.Background()
	r := SampleEvent("ev-p")
	r.Grant, r.Parked = nil, true
	s.Events.AddEvents(ctx, tenant, []incentive.Recorded{r})
	for range 2 {
		if err := s.Parked.ParkEvents(ctx, tenant, []incentive.Event{r.Event, r.Event}); err != nil {
			t.Fatal(err)
		}
	}
	events, cursor, err := s.Parked.ListParked(ctx, tenant, r.ActionType, "")
	if err != nil || len(events) != 1 || cursor != "" || events[0].EventID != "ev-p" ||
		events[0].Quantity != 3 || !events[0].OccurredAt.Equal(r.OccurredAt) {
		t.Fatalf("waiting %+v %q (%v)", events, cursor, err)
	}
	first, second := incentive.NewGrant(incentive.Traffic, 7, "st-2", 1, 0),
		incentive.NewGrant(incentive.Shop, 9, "st-3", 1, 0)
	for _, g := range []incentive.Grant{first, second} {
		if got, err := s.Parked.StoreReward(ctx, tenant, "ev-p", g); err != nil || got != first {
			t.Errorf("reward is %+v (%v), want the first, %+v", got, err, first)
		}
	}
	if kept := s.Events.AddEvents(ctx, tenant, []incentive.Recorded{r})[0].First; !kept.Parked ||
		kept.Grant == nil || *kept.Grant != first {
		t.Errorf("the event says %+v", kept)
	}
	if err := s.Parked.UnparkEvent(ctx, tenant, r.Event); err != nil {
		t.Fatal(err)
	}
	if events, _, err := s.Parked.ListParked(ctx, tenant, r.ActionType, ""); err != nil ||
		len(events) != 0 {
		t.Errorf("still waiting: %+v (%v)", events, err)
	}
}
