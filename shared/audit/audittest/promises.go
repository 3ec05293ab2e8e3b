package audittest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
)

// Store is a store of evidence with its index, as the tests need it.
type Store interface {
	audit.Objects
	audit.Index
}

// Entry makes an audit entry of a tenant with the given record id.
func Entry(t testing.TB, tenant ident.Tenant, id string) audit.Entry {
	t.Helper()
	body, err := json.Marshal(audit.Record{ID: id, Tenant: tenant,
		At: time.Date(2026, 11, 16, 2, 0, 0, 0, time.UTC), Actor: string("approver@" + tenant),
		Act: "settlement.approved", Object: "s-" + id, What: json.RawMessage(`{"gross":"10.00"}`),
		Why: "月结 <ok>"})
	if err != nil {
		t.Fatal(err)
	}
	e, err := audit.ReadEntry(body)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// Promises runs the tests that every store of evidence must pass; open returns an empty store.
func Promises(t *testing.T, open func(t *testing.T) Store) {
	t.Run("an object is written once", func(t *testing.T) { testPutOnce(t, open(t)) })
	t.Run("one of many writers of a name wins", func(t *testing.T) { testConcurrentPuts(t, open(t)) })
	t.Run("a head survives its store", func(t *testing.T) { testHead(t, open(t)) })
	t.Run("records keep their places", func(t *testing.T) { testPlaces(t, open(t)) })
	t.Run("only one advance from a head", func(t *testing.T) { testAdvance(t, open(t)) })
	t.Run("tenants do not meet", func(t *testing.T) { testTenants(t, open(t)) })
}

// lockUntil returns a time that is far enough for the lock of a test's object and near enough for
// cleaning up.
func lockUntil() time.Time { return time.Now().Add(24 * time.Hour) }

// testPutOnce checks that a second write of a name changes nothing.
func testPutOnce(t *testing.T, s Store) {
	ctx := context.Background()
	if _, err := s.Get(ctx, "a/000000000001.ndjson"); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("get of nothing: %v", err)
	}
	taken, err := s.Put(ctx, "a/000000000001.ndjson", []byte("first\n"), lockUntil())
	if err != nil || taken {
		t.Fatalf("first put: %v %v", taken, err)
	}
	taken, err = s.Put(ctx, "a/000000000001.ndjson", []byte("second\n"), lockUntil())
	if err != nil || !taken {
		t.Fatalf("second put: %v %v", taken, err)
	}
	got, err := s.Get(ctx, "a/000000000001.ndjson")
	if err != nil || string(got) != "first\n" {
		t.Errorf("got %q %v", got, err)
	}
}

// testConcurrentPuts checks that exactly one of eight concurrent writers of a name succeeds.
func testConcurrentPuts(t *testing.T, s Store) {
	ctx := context.Background()
	var won atomic.Int32
	var winner atomic.Value
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			body := fmt.Appendf(nil, "writer %d\n", i)
			taken, err := s.Put(ctx, "a/000000000002.ndjson", body, lockUntil())
			if err != nil {
				t.Error(err)
			}
			if !taken {
				won.Add(1)
				winner.Store(body)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Fatalf("%d writers won", won.Load())
	}
	got, err := s.Get(ctx, "a/000000000002.ndjson")
	if err != nil || !bytes.Equal(got, winner.Load().([]byte)) {
		t.Errorf("got %q %v, the winner wrote %q", got, err, winner.Load())
	}
}

// sealHeads seals n batches of one record each and returns all heads, beginning with the empty one.
func sealHeads(t *testing.T, tenant ident.Tenant, n int) []audit.Head {
	t.Helper()
	heads := []audit.Head{{Tenant: tenant}}
	for i := range n {
		_, next, err := heads[i].SealBatch([]audit.Entry{Entry(t, tenant, fmt.Sprintf("r%d", i))})
		if err != nil {
			t.Fatal(err)
		}
		heads = append(heads, next)
	}
	return heads
}

// sameHead reports whether two heads are equal in all fields.
func sameHead(a, b audit.Head) bool {
	return fmt.Sprint(a) == fmt.Sprint(b)
}

// testHead checks that a stored head is read unchanged, for trees of up to seven records.
func testHead(t *testing.T, s Store) {
	ctx := context.Background()
	heads := sealHeads(t, "a", 7)
	for i := range 7 {
		got, err := s.Head(ctx, "a")
		if err != nil || !sameHead(got, heads[i]) {
			t.Fatalf("head %d is %v %v, want %v", i, got, err, heads[i])
		}
		if moved, err := s.Advance(ctx, got, heads[i+1]); err != nil || !moved {
			t.Fatalf("advance %d: %v %v", i, moved, err)
		}
	}
}

// testPlaces checks that the places of more records than one read finds are returned, and that a
// repeated write changes nothing.
func testPlaces(t *testing.T, s Store) {
	ctx := context.Background()
	want := map[string]audit.Place{}
	var ids []string
	for i := range 2*audit.MaxBatch + 7 {
		id := fmt.Sprintf("r%d", i)
		want[id] = audit.Place{Batch: int64(1 + i/50), Seq: int64(i)}
		ids = append(ids, id)
	}
	for range 2 { // a repeated write changes nothing
		if err := s.SetPlaces(ctx, "a", want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Places(ctx, "a", append(ids, "none"))
	if err != nil || !maps.Equal(got, want) {
		t.Errorf("places %v %v", got, err)
	}
	if none, err := s.Places(ctx, "a", nil); err != nil || len(none) != 0 {
		t.Errorf("places of nothing: %v %v", none, err)
	}
}

// testAdvance checks that exactly one of eight concurrent writers advances a chain, and that a late
// one cannot move it back.
func testAdvance(t *testing.T, s Store) {
	ctx := context.Background()
	heads := sealHeads(t, "a", 2)
	for step := range 2 {
		var moved atomic.Int32
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				ok, err := s.Advance(ctx, heads[step], heads[step+1])
				if err != nil {
					t.Error(err)
				}
				if ok {
					moved.Add(1)
				}
			})
		}
		wg.Wait()
		if moved.Load() != 1 {
			t.Errorf("%d writers advanced", moved.Load())
		}
	}
	if ok, err := s.Advance(ctx, heads[0], heads[1]); err != nil || ok {
		t.Errorf("a late writer moved the chain back: %v", err)
	}
	if got, err := s.Head(ctx, "a"); err != nil || !sameHead(got, heads[2]) {
		t.Errorf("head %v %v", got, err)
	}
}

// testTenants checks that a tenant sees neither places nor head of another tenant.
func testTenants(t *testing.T, s Store) {
	ctx := context.Background()
	heads := sealHeads(t, "a", 1)
	if err := s.SetPlaces(ctx, "a", map[string]audit.Place{"r0": {Batch: 1}}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Advance(ctx, heads[0], heads[1]); err != nil {
		t.Fatal(err)
	}
	places, err := s.Places(ctx, "b", []string{"r0"})
	if err != nil || len(places) != 0 {
		t.Errorf("tenant b sees %v %v", places, err)
	}
	if got, err := s.Head(ctx, "b"); err != nil || got.Batch != 0 || got.Tenant != "b" {
		t.Errorf("tenant b's head is %v %v", got, err)
	}
}
