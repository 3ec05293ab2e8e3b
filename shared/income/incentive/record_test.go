package incentive_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivetest"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

var noon = time.Date(2026, 8, 3, 12, 0, 0, 0, civil.Shanghai)

// directory knows creators whose id begins with "c", and the given strategies.
type directory struct {
	strategies []tenancy.Strategy
	tenants    []string
	err        error
}

func (d *directory) Creator(_ context.Context, _ ident.Tenant, creator ident.Creator) (tenancy.Creator, error) {
	if !strings.HasPrefix(string(creator), "c") {
		return tenancy.Creator{}, fault.MissingObject("creator")
	}
	return tenancy.Creator{CreatorID: creator}, d.err
}

func (d *directory) Strategies(context.Context, ident.Tenant) ([]tenancy.Strategy, error) {
	return d.strategies, d.err
}

func (d *directory) Tenants(context.Context) ([]string, error) { return d.tenants, d.err }

func watching() []tenancy.Strategy {
	return []tenancy.Strategy{{Version: tenancy.Version{From: civil.MustDate("2026-01-01"), Version: 4}, StrategyID: "st-1", ActionType: "watch_live",
		Reward: tenancy.Reward{Kind: tenancy.Cash, Amount: money.Fen(50), PerUnit: true}}}
}

func newRecorder(events incentive.Events, d *directory) *incentive.Recorder {
	calls := 0
	return &incentive.Recorder{Clock: clock.FixedAt(noon), Directory: d, Events: events, NewID: func() string {
		calls++
		return fmt.Sprintf("call-%d", calls)
	}}
}

func event(id, more string) string {
	return fmt.Sprintf(`{"event_id":%q,"creator_id":"c-1","action_type":"watch_live","occurred_at":"2026-08-03T11:00:00+08:00"%s}`, id, more)
}

// record gives one word for each result: new, replay, or the code and the reason of the refusal.
func record(t *testing.T, r *incentive.Recorder, bodies ...string) []string {
	t.Helper()
	raw := make([]json.RawMessage, len(bodies))
	for i, b := range bodies {
		raw[i] = json.RawMessage(b)
	}
	results, err := r.RecordEvents(t.Context(), "demo", raw)
	if err != nil {
		t.Fatal(err)
	}
	words := make([]string, len(results))
	for i, res := range results {
		switch e := fault.AsError(res.Err); {
		case res.Err != nil:
			words[i] = fmt.Sprintf("%d %s", e.Code, e.Reason)
		case res.Repeated:
			words[i] = "replay"
		default:
			words[i] = "new"
		}
	}
	return words
}

func TestRecord(t *testing.T) {
	other := `,"quantity":9`
	for name, c := range map[string]struct {
		before []string
		send   []string
		want   string
	}{
		"new":                                {nil, []string{event("a", "")}, "new"},
		"again":                              {[]string{event("a", "")}, []string{event("a", "")}, "replay"},
		"other content":                      {[]string{event("a", "")}, []string{event("a", other)}, "2002 key_reused"},
		"repeat in the batch":                {nil, []string{event("a", ""), event("a", ""), event("b", "")}, "new, replay, new"},
		"other content in the batch":         {nil, []string{event("a", ""), event("a", other), event("a", "")}, "new, 2002 key_reused, replay"},
		"the second is the one from before":  {[]string{event("a", "")}, []string{event("a", other), event("a", "")}, "2002 key_reused, replay"},
		"one's trouble is not the other's":   {nil, []string{`{"event_id":1}`, event("a", ""), `nonsense`}, "2001 invalid_input, new, 2001 invalid_input"},
		"unknown creator":                    {nil, []string{strings.Replace(event("a", ""), "c-1", "x-1", 1), event("b", "")}, "3003 not_found, new"},
		"unknown creator, then a known one":  {nil, []string{strings.Replace(event("a", ""), "c-1", "x-1", 1), event("a", "")}, "3003 not_found, new"},
		"a reward beyond all bounds is told": {nil, []string{strings.Replace(event("a", `,"quantity":1000000`), "watch_live", "jackpot", 1)}, "2001 invalid_input"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &directory{strategies: append(watching(), tenancy.Strategy{StrategyID: "st-2", ActionType: "jackpot",
				Reward: tenancy.Reward{Kind: tenancy.Shop, Points: 1 << 60, PerUnit: true}})}
			r := newRecorder(incentivetest.NewMemory(), d)
			if c.before != nil {
				record(t, r, c.before...)
			}
			if got := strings.Join(record(t, r, c.send...), ", "); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestRewardIsDecidedOnce(t *testing.T) {
	d := &directory{strategies: watching()}
	m := incentivetest.NewMemory()
	r := newRecorder(m, d)
	record(t, r, event("a", `,"quantity":3`), event("p", ""))
	d.strategies[0].Reward.Amount = money.Fen(99)
	d.strategies[0].Version.Version = 5
	if got := record(t, r, event("a", `,"quantity":3`)); got[0] != "replay" {
		t.Fatal(got)
	}
	kept, _ := m.ReadEvent("demo", "a")
	if kept.Grant == nil || kept.Grant.Amount != money.Fen(150) || kept.Grant.Version != 4 || kept.Parked {
		t.Errorf("kept %+v", kept.Grant)
	}
}

func TestEventWithoutStrategyIsKept(t *testing.T) {
	m := incentivetest.NewMemory()
	r := newRecorder(m, &directory{})
	if got := record(t, r, event("p", "")); got[0] != "new" {
		t.Fatal(got)
	}
	if kept, ok := m.ReadEvent("demo", "p"); !ok || !kept.Parked || kept.Grant != nil {
		t.Errorf("kept %+v", kept)
	}
}

// losing stores what it is given and answers as if it had been there: an SDK that tries again after a lost answer.
type losing struct{ *incentivetest.Memory }

func (l losing) AddEvents(ctx context.Context, tenant ident.Tenant, events []incentive.Recorded) []incentive.StoreOutcome {
	l.Memory.AddEvents(ctx, tenant, events)
	return l.Memory.AddEvents(ctx, tenant, events)
}

func TestOwnWriteAfterALostAnswerIsNew(t *testing.T) {
	r := newRecorder(losing{incentivetest.NewMemory()}, &directory{strategies: watching()})
	if got := record(t, r, event("a", "")); got[0] != "new" {
		t.Errorf("got %s, want new: nobody else recorded it", got[0])
	}
}

type failing struct{ err error }

func (f failing) AddEvents(_ context.Context, _ ident.Tenant, events []incentive.Recorded) []incentive.StoreOutcome {
	out := make([]incentive.StoreOutcome, len(events))
	for i := range out {
		out[i].Err = f.err
	}
	return out
}

func TestThrottledEventIsToBeSentAgain(t *testing.T) {
	r := newRecorder(failing{errors.New("throttled")}, &directory{strategies: watching()})
	for _, word := range record(t, r, event("a", ""), event("a", ""), event("b", "")) {
		if word != "5003 unavailable" {
			t.Errorf("got %s, want 5003 unavailable", word)
		}
	}
}

func TestMasterDataAwayIsUnavailable(t *testing.T) {
	r := newRecorder(incentivetest.NewMemory(), &directory{err: errors.New("throttled")})
	if _, err := r.RecordEvents(t.Context(), "demo", []json.RawMessage{[]byte(event("a", ""))}); !fault.HasCode(err, fault.Unavailable) {
		t.Errorf("error %v", err)
	}
}

func TestMemoryKeepsThePromises(t *testing.T) {
	incentivetest.TestStore(t, func(*testing.T) incentivetest.Store {
		m := incentivetest.NewMemory()
		days := incentivetest.Days{Memory: m}
		return incentivetest.Store{Events: m, Parked: m, Chunks: days, Days: days}
	})
}
