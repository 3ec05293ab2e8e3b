package ledgercheck_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy"
)

// merge makes one person of the taxpayers of two creators.
func (w *world) merge(t rapid.TB, from, into string) {
	t.Helper()
	p := w.People.Taxpayers["tp-"+from]
	p.MergedInto = "tp-" + into
	w.People.Taxpayers["tp-"+from] = p
	c := w.People.People[from]
	c.TaxpayerID = ident.Taxpayer("tp-" + into)
	w.People.People[from] = c
	if err := w.Merging(t, settletest.Ordinary).ApplyMerge(context.Background(), settletest.Tenant, "tp-"+from, "tp-"+into, "admin@"+settletest.Tenant); err != nil {
		t.Fatal(err)
	}
}

// Each record was taxed alone; together they owe more, which is one open true-up of the survivor.
func TestAMergeShowsWhatThePersonOwesAsATrueUp(t *testing.T) {
	w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
	w.People.AddCreator("c-passport", "natural_person", settletest.Ordinary, tenancy.MCNPays)
	first := w.settle(t, settletest.Person, "live-1", "4000.00") // (2,800 - 800) x 20% = 400.00
	second := w.settle(t, "c-passport", "live-2", "4000.00")
	for _, id := range []string{string(first), string(second)} {
		w.to(t, id, "quote", "submit", "approve", "book", string(payout.Paid))
	}
	if list := w.openTrueUps(t, settletest.Ordinary, "2026-09"); len(list) != 0 {
		t.Fatalf("%+v", list)
	}
	w.merge(t, "c-passport", settletest.Person)
	w.explained(t, "the merge")
	list := w.openTrueUps(t, settletest.Ordinary, "2026-09") // 5,600 x 80% x 20% = 896.00, less 800.00
	if len(list) != 1 || list[0].Difference != yuan("96.00") || list[0].Taxpayer != "tp-"+settletest.Person {
		t.Fatalf("%+v", list)
	}
	w.to(t, string(second), string(payout.Returned), "reopen")
	w.explained(t, "what came back after the merge")
	if list := w.openTrueUps(t, settletest.Ordinary, "2026-09"); len(list) != 0 {
		t.Fatalf("with one payment left: %+v", list)
	}
	w.to(t, w.opened[0], "quote", "submit", "approve", "book", string(payout.Paid)) // 496.00 on the whole month
	w.explained(t, "what was paid again")
	if list := w.openTrueUps(t, settletest.Ordinary, "2026-09"); len(list) != 0 {
		t.Fatalf("paid again: %+v", list)
	}
}

// sum is what the rows of some bookings come to.
func sum(list []settlement.Booking) (income, withheld money.Amount) {
	for _, b := range list {
		for _, r := range b.Rows {
			income, withheld = income.Add(r.Income), withheld.Add(r.Withheld)
		}
	}
	return income, withheld
}

// Whenever in the life of settlements two taxpayers are merged, every balance stays explained, and both lists together
// are the person's whole.
func TestAnyLifeAroundAMergeIsExplained(t *testing.T) {
	w, round := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t))), 0
	forward := []string{"quote", "submit", "approve", "book", "book", string(payout.Paid)}
	acts := []string{"reject", "cancel", "reopen", string(payout.Failed), string(payout.Returned)}
	rapid.Check(t, func(rt *rapid.T) {
		round++
		people := []string{fmt.Sprintf("c-one-%d", round), fmt.Sprintf("c-two-%d", round)}
		for _, id := range people {
			w.People.AddCreator(ident.Creator(id), "natural_person", settletest.Ordinary, tenancy.MCNPays)
		}
		w.check.Creators, w.opened = only(people), nil
		steps := rapid.IntRange(4, 14).Draw(rt, "steps")
		at := rapid.IntRange(1, steps-1).Draw(rt, "merged at")
		for n := range steps {
			w.AdvanceTime(time.Millisecond)
			if n == at {
				w.merge(rt, people[1], people[0])
				w.explained(rt, "the merge")
			}
			kind := rapid.SampledFrom([]string{"settle", "forward", "forward", "act"}).Draw(rt, "step")
			if kind == "settle" || len(w.opened) == 0 {
				amount := money.Fen(rapid.Int64Range(1, 3_000_000).Draw(rt, "fen"))
				w.opened = append(w.opened, string(w.settle(rt, ident.Creator(rapid.SampledFrom(people).Draw(rt, "creator")), fmt.Sprintf("live-%d-%d", round, n), amount.String())))
				continue
			}
			id := rapid.SampledFrom(w.opened).Draw(rt, "settlement")
			if kind == "act" {
				w.act(rt, rapid.SampledFrom(acts).Draw(rt, "act"), id)
				continue
			}
			for _, name := range forward[:rapid.IntRange(1, len(forward)).Draw(rt, "how far")] {
				w.act(rt, name, id)
			}
		}
		w.explained(rt, "all steps")
		var lists [2][]settlement.Booking
		for i, id := range people {
			list, err := w.Store.TaxRows(context.Background(), settletest.Tenant, settletest.Ordinary, ident.Taxpayer("tp-"+id), 2026)
			if err != nil {
				rt.Fatal(err)
			}
			lists[i] = list
		}
		income, withheld := sum(settlement.BookingsOfPerson(lists[0]))
		both, kept := sum(append(lists[0], lists[1]...))
		if income != both || withheld != kept {
			rt.Fatalf("the person's whole is %s and %s, both lists come to %s and %s", income, withheld, both, kept)
		}
	})
}
