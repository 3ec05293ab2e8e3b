package billing_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/usage"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/tenancy"
)

// settledDays is how many daily statements the creator of the tests of reads has behind it.
const settledDays = 60

// longCourse is a creator of a daily cycle, all of whose days are settled.
func longCourse(t *testing.T) *world {
	t.Helper()
	w := newWorldOn(t, dynamotest.OpenInMemory(t).WithCapacityCounted(), "2026-09-30")
	w.agreed("c1", tenancy.Daily, nil)
	first := civil.MustDate("2026-08-01")
	for n := range settledDays {
		w.upload(t, "op", on(fmt.Sprint("l", n), "c1", first.AddDays(n).String(), "10.00"))
	}
	if r := w.run(t, "2026-09-30"); r.Opened != settledDays {
		t.Fatalf("the days' statements: %+v", r)
	}
	return w
}

// night runs the statements of the creator and counts the read units that it takes.
func (w *world) night(t *testing.T) (billing.Report, float64) {
	t.Helper()
	ctx, tally := usage.WithTally(context.Background())
	r, err := w.statements.OpenDueSettlements(ctx, billing.Order{Tenant: tenant, By: billing.System}, "c1")
	if err != nil {
		t.Fatal(err)
	}
	return r, tally.Units().Read
}

// What is settled and stands costs a night no read of its own: the buckets tell it.
func TestNightReadsWhatIsDueOrChanged(t *testing.T) {
	w := longCourse(t)
	w.today.Store(civil.MustDate("2026-10-02"))
	r, idle := w.night(t)
	t.Logf("read units of a night after %d settled days: %.1f", settledDays, idle)
	if r.Already != settledDays || r.Opened != 0 {
		t.Errorf("an idle night: %+v", r)
	}
	if idle > settledDays/6 {
		t.Errorf("an idle night takes %.1f read units after %d settled days", idle, settledDays)
	}
	if err := w.undo(t, w.settlements(t)[0].ID); err != nil {
		t.Fatal(err)
	}
	r, busy := w.night(t)
	t.Logf("read units of a night that settles one day again: %.1f", busy)
	if r.Already != settledDays-1 || r.Opened != 1 || busy > 2*idle+10 {
		t.Errorf("after a rejection: %+v with %.1f read units", r, busy)
	}
	if r, units := w.night(t); r.Already != settledDays || units > idle+1 {
		t.Errorf("the night after: %+v with %.1f read units", r, units)
	}
}

// A bucket that was consumed before the word of its standing was kept is asked for by its settlement, as it was then.
func TestBucketWithoutTheWordIsSettledAgain(t *testing.T) {
	w := newWorld(t, "2026-09-15")
	w.upload(t, "op", line("a", "c1", "live_tip", "2026-08", "10.00"))
	w.run(t, "2026-09-15")
	w.change(t, "c1", "2026-08", "live_tip", "REMOVE live", nil)
	if r := w.run(t, "2026-09-15"); r.Already != 1 || r.Opened != 0 {
		t.Fatalf("its settlement stands: %+v", r)
	}
	if err := w.undo(t, w.settlements(t)[0].ID); err != nil {
		t.Fatal(err)
	}
	if r := w.run(t, "2026-09-15"); r.Already != 0 || r.Opened != 1 {
		t.Errorf("its settlement was undone: %+v", r)
	}
	if b := w.bucket(t, "c1", "2026-08", "live_tip"); !b.SettlementInForce || b.Occurrence != 2 {
		t.Errorf("settled again: %+v", b)
	}
}

// Whoever is rejected, and however often the runs are repeated and overtake each other: what was undone is opened once.
func TestUndoneWhileRunsGoOn(t *testing.T) {
	w := newWorldOn(t, dynamotest.OpenInMemory(t), "2026-09-15")
	for n := range 20 {
		creator := fmt.Sprint("u", n)
		w.directory.creators[creator] = true
		w.upload(t, "op", line("a", ident.Creator(creator), "live_tip", "2026-08", "10.00"))
	}
	w.run(t, "2026-09-15")
	var work sync.WaitGroup
	for _, s := range w.settlements(t) {
		work.Go(func() {
			if err := w.undo(t, s.ID); err != nil {
				t.Error(err)
			}
		})
		work.Go(func() { w.settleAll(t, s.CreatorID, false) })
	}
	work.Wait()
	if r := w.run(t, "2026-09-15"); r.Due != 20 {
		t.Errorf("the run after: %+v", r)
	}
	if all := w.settlements(t); len(all) != 40 || grossOf(all) != money.Yuan(200) {
		t.Errorf("%d settlements stand for %s", len(all), grossOf(all))
	}
}

// undo rejects a settlement.
func (w *world) undo(t *testing.T, id string) error {
	t.Helper()
	if _, err := w.service.Transition(t.Context(), settlement.Intent{By: person(identity.Finance), ID: id, Version: 1}, settlement.InReview); err != nil {
		return err
	}
	_, err := w.service.Transition(t.Context(), settlement.Intent{By: person(identity.Approver), ID: id, Version: 2, Reason: "wrong"}, settlement.Failed)
	return err
}
