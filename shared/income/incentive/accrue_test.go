package incentive_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivetest"
	"fenzhang/shared/money"
)

func newAccruer(m *incentivetest.Memory, d *directory) *incentive.Accruer {
	days := incentivetest.Days{Memory: m}
	return &incentive.Accruer{Clock: clock.FixedAt(noon.AddDate(0, 0, 2)), Directory: d, Chunks: days, Days: days, Parked: m, Accruals: m, Log: slog.New(slog.DiscardHandler)}
}

func seen(id string, creator ident.Creator, at time.Time, fen int64) incentive.StreamedEvent {
	g := incentive.NewGrant(incentive.Cash, fen, "st-1", 1, 0)
	return incentive.StreamedEvent{Tenant: "demo", Event: incentive.Event{EventID: id, CreatorID: creator, ActionType: "watch_live", OccurredAt: at, Quantity: 1}, Grant: &g}
}

// accrued adds up the differences that were posted for a creator's day, and checks that each accrual follows
// from the one before.
func accrued(t interface{ Fatalf(string, ...any) }, m *incentivetest.Memory, creator ident.Creator, day civil.Date) money.Amount {
	var sum money.Amount
	revision := 0
	for _, a := range m.Posted {
		if a.Creator != creator || a.Day != day {
			continue
		}
		revision++
		sum = sum.Add(a.Difference)
		if a.Revision != revision || a.Total != sum || a.Difference.IsZero() {
			t.Fatalf("accrual %+v is revision %d with a sum of %s", a, revision, sum)
		}
	}
	return sum
}

// P6: whatever the stream does and whenever days are closed, in the end the accruals are the fold of the events.
func TestAccrualsEqualTheEvents(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := incentivetest.NewMemory()
		a := newAccruer(m, &directory{tenants: []string{"demo"}})
		var events []incentive.StreamedEvent
		want := map[string]money.Amount{}
		for i := range rapid.IntRange(1, 30).Draw(t, "events") {
			creator := fmt.Sprintf("c-%d", rapid.IntRange(1, 3).Draw(t, "creator"))
			at := noon.AddDate(0, 0, rapid.IntRange(0, 1).Draw(t, "day"))
			fen := rapid.Int64Range(1, 1000).Draw(t, "fen")
			events = append(events, seen(fmt.Sprintf("ev-%d", i), ident.Creator(creator), at, fen))
			k := creator + civil.DateOf(at).String()
			want[k] = want[k].Add(money.Fen(fen))
		}
		pick := rapid.IntRange(0, len(events)-1)
		for range rapid.IntRange(0, 20).Draw(t, "deliveries") {
			from := pick.Draw(t, "from")
			to := min(len(events), from+rapid.IntRange(1, 8).Draw(t, "length"))
			if err := a.AddRecordedEvents(context.Background(), events[from:to]); err != nil {
				t.Fatal(err)
			}
			if rapid.IntRange(0, 3).Draw(t, "close") == 0 {
				if err := a.CloseDueDays(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
		for range 2 { // everything arrives in the end, and closing again changes nothing
			if err := errors.Join(a.AddRecordedEvents(context.Background(), events), a.CloseDueDays(context.Background())); err != nil {
				t.Fatal(err)
			}
		}
		for k, sum := range want {
			creator, day := k[:3], civil.MustDate(k[3:])
			if got := accrued(t, m, ident.Creator(creator), day); got != sum {
				t.Fatalf("%s on %s: accrued %s, recorded %s", creator, day, got, sum)
			}
		}
	})
}

func TestCloseTouchesOnlyDaysThatAreOver(t *testing.T) {
	m := incentivetest.NewMemory()
	a := newAccruer(m, &directory{tenants: []string{"demo"}})
	today := noon.AddDate(0, 0, 2)
	if err := a.AddRecordedEvents(t.Context(), []incentive.StreamedEvent{seen("ev-1", "c-1", today, 100), seen("ev-2", "c-1", noon, 70)}); err != nil {
		t.Fatal(err)
	}
	if err := a.CloseDueDays(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(m.Posted) != 1 || m.Posted[0].Total != money.Fen(70) || m.Posted[0].Events != 1 {
		t.Errorf("posted %+v; today is not over", m.Posted)
	}
	if err := a.CloseDay(t.Context(), civil.DateOf(today)); err != nil { // somebody asks for it
		t.Fatal(err)
	}
	if len(m.Posted) != 2 {
		t.Errorf("posted %+v", m.Posted)
	}
}

func TestLateEventMakesARevision(t *testing.T) {
	m := incentivetest.NewMemory()
	a := newAccruer(m, &directory{tenants: []string{"demo"}})
	for i, fen := range []int64{100, 25} {
		if err := a.AddRecordedEvents(t.Context(), []incentive.StreamedEvent{seen(fmt.Sprintf("ev-%d", i), "c-1", noon, fen)}); err != nil {
			t.Fatal(err)
		}
		if err := a.CloseDueDays(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.Posted) != 2 {
		t.Fatalf("posted %+v", m.Posted)
	}
	if p := m.Posted[1]; p.Revision != 2 || p.Difference != money.Fen(25) || p.Total != money.Fen(125) || p.Events != 2 {
		t.Errorf("the second accrual is %+v", p)
	}
}

func TestClosesAtOncePostOnce(t *testing.T) {
	m := incentivetest.NewMemory()
	a := newAccruer(m, &directory{tenants: []string{"demo"}})
	var events []incentive.StreamedEvent
	for i := range 30 {
		events = append(events, seen(fmt.Sprintf("ev-%d", i), ident.Creator(fmt.Sprintf("c-%d", i%10)), noon, 10))
	}
	if err := a.AddRecordedEvents(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if err := a.CloseDay(context.Background(), civil.DateOf(noon)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if len(m.Posted) != 10 {
		t.Errorf("%d accruals for 10 creators", len(m.Posted))
	}
}

func TestCreatorWithoutContractKeepsNobodyWaiting(t *testing.T) {
	m := incentivetest.NewMemory()
	signed := false
	m.Refuse = func(a incentive.Accrual) error {
		if a.Creator == "c-1" && !signed {
			return fault.MissingRule("contract_missing", "c-1", "No contract.")
		}
		return nil
	}
	a := newAccruer(m, &directory{tenants: []string{"demo"}})
	if err := a.AddRecordedEvents(t.Context(), []incentive.StreamedEvent{seen("ev-1", "c-1", noon, 100), seen("ev-2", "c-2", noon, 70)}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := a.CloseDueDays(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(m.Posted) != 1 || m.Posted[0].Creator != "c-2" {
		t.Fatalf("posted %+v", m.Posted)
	}
	signed = true
	if err := a.CloseDueDays(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(m.Posted) != 2 || m.Posted[1].Creator != "c-1" {
		t.Errorf("posted %+v; the contract has come", m.Posted)
	}
}

func TestParkedEventIsRewardedWhenAStrategyArrives(t *testing.T) {
	m := incentivetest.NewMemory()
	d := &directory{tenants: []string{"demo"}}
	r, a := newRecorder(m, d), newAccruer(m, d)
	var waiting []incentive.StreamedEvent
	for _, id := range []string{"p-1", "p-2", "p-3"} {
		record(t, r, event(id, `,"quantity":2`))
		kept, _ := m.ReadEvent("demo", id)
		waiting = append(waiting, incentive.StreamedEvent{Tenant: "demo", Event: kept.Event})
	}
	if err := errors.Join(a.AddRecordedEvents(t.Context(), waiting), a.CloseDueDays(t.Context())); err != nil {
		t.Fatal(err)
	}
	if len(m.Posted) != 0 {
		t.Fatalf("posted %+v before there was a strategy", m.Posted)
	}
	later := watching()
	later[0].From = civil.MustDate("2026-08-04")
	d.strategies = later
	if err := a.RewardParked(t.Context()); err != nil {
		t.Fatal(err)
	}
	if kept, _ := m.ReadEvent("demo", "p-1"); kept.Grant != nil {
		t.Fatal("a strategy that began after the event rewarded it")
	}
	d.strategies = watching()
	for range 2 {
		if err := errors.Join(a.AddRecordedEvents(t.Context(), waiting), a.CloseDueDays(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
	if got := accrued(t, m, "c-1", civil.DateOf(noon)); got != money.Fen(300) || len(m.Posted) != 1 || m.Posted[0].Events != 3 {
		t.Errorf("accrued %s in %+v", got, m.Posted)
	}
	if words := record(t, r, event("p-1", `,"quantity":2`)); words[0] != "replay" {
		t.Errorf("recording it again is %s", words[0])
	}
	if kept, _ := m.ReadEvent("demo", "p-1"); !kept.Parked {
		t.Error("the first answer said parked; the event has forgotten it")
	}
}

func TestOneTenantsTroubleDoesNotStopTheOthers(t *testing.T) {
	m := incentivetest.NewMemory()
	m.Refuse = func(a incentive.Accrual) error {
		if a.Tenant == "broken" {
			return errors.New("no such table")
		}
		return nil
	}
	a := newAccruer(m, &directory{tenants: []string{"broken", "demo"}})
	bad := seen("ev-1", "c-1", noon, 100)
	bad.Tenant = "broken"
	if err := a.AddRecordedEvents(t.Context(), []incentive.StreamedEvent{bad, seen("ev-1", "c-1", noon, 100)}); err != nil {
		t.Fatal(err)
	}
	if err := a.CloseDueDays(t.Context()); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("error %v", err)
	}
	if len(m.Posted) != 1 || m.Posted[0].Tenant != "demo" {
		t.Errorf("posted %+v", m.Posted)
	}
}

func TestCountersAreClosedWhenAllIsAccrued(t *testing.T) {
	m := incentivetest.NewMemory()
	d := &directory{tenants: []string{"demo"}}
	a, days := newAccruer(m, d), incentivetest.Days{Memory: m}
	c := &incentive.Counters{Clock: clock.FixedAt(noon), Creators: d, Chunks: days, Days: days}
	expect := func(events int, cash int64, closed bool) {
		t.Helper()
		got, err := c.CountDay(t.Context(), "demo", "c-1", civil.Date{})
		if err != nil || got.Events != events || got.Cash != money.Fen(cash) || got.Closed != closed || got.Day != civil.DateOf(noon) {
			t.Errorf("counted %+v (%v), want %d events, %d fen, closed %v", got, err, events, cash, closed)
		}
	}
	expect(0, 0, false)
	for i := range 2 { // the second one is late
		if err := a.AddRecordedEvents(t.Context(), []incentive.StreamedEvent{seen(fmt.Sprintf("ev-%d", i), "c-1", noon, 100)}); err != nil {
			t.Fatal(err)
		}
		expect(i+1, int64(100*(i+1)), false)
		if err := a.CloseDueDays(t.Context()); err != nil {
			t.Fatal(err)
		}
		expect(i+1, int64(100*(i+1)), true)
	}
	if _, err := c.CountDay(t.Context(), "demo", "x-1", civil.Date{}); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("unknown creator: %v", err)
	}
}
