package billing_test

import (
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/tenancy"
)

// on is a line of a day.
func on(id string, creator ident.Creator, day, amount string) income.Line {
	d := civil.MustDate(day)
	l := line(id, creator, "live_tip", d.Month().String(), amount)
	l.OccurredOn = d
	return l
}

// agreed is a contract of a cycle without a pay day.
func (w *world) agreed(creator ident.Creator, kind string, change func(*tenancy.Contract)) tenancy.Contract {
	k := w.directory.contract(creator, "live_tip")
	k.Cycle, k.PayDay = kind, 0
	if change != nil {
		change(&k)
	}
	w.directory.agree(creator, k)
	return k
}

func TestPartsOpenByThemselves(t *testing.T) {
	w := newWorld(t, "2026-08-20")
	w.agreed("h", tenancy.HalfMonth, func(k *tenancy.Contract) { k.PayAfterDays = 3 })
	got := w.upload(t, "op", on("a", "h", "2026-08-15", "10.00"), on("b", "h", "2026-08-16", "20.00"))
	if got[0].Bucket != "2026-08-H1#live_tip" || got[1].Bucket != "2026-08-H2#live_tip" {
		t.Fatalf("placed %+v", got)
	}
	if r := w.run(t, "2026-08-17"); r.Opened != 0 {
		t.Fatalf("before the pay day: %+v", r)
	}
	if r := w.run(t, "2026-08-18"); r.Opened != 1 {
		t.Fatalf("first half: %+v", r)
	}
	s := w.settlements(t)[0]
	if s.Part != "H1" || s.ActivityID != "stmt:live_tip:2026-08-H1" || s.VATDate != civil.MustDate("2026-08-18") || s.PayOn.Before(s.VATDate) {
		t.Errorf("settlement %+v", s.Opening)
	}
	if late := w.upload(t, "op", on("late", "h", "2026-08-03", "5.00")); late[0].Bucket != "2026-08-H2#live_tip" {
		t.Errorf("a late line lies in %s", late[0].Bucket)
	}
}

func TestSmallSharesAreCarriedUntilTheMinimumOrItsEnd(t *testing.T) {
	w := newWorld(t, "2026-11-05")
	w.agreed("m", tenancy.Monthly, func(k *tenancy.Contract) { k.MinimumPayout, k.MinimumPayoutMonths = money.Yuan(70), 2 })
	w.upload(t, "op", on("a", "m", "2026-08-03", "10.00"), on("b", "m", "2026-09-03", "20.00"), on("c", "m", "2026-10-03", "30.00"))
	if r := w.run(t, "2026-09-01"); r.Opened != 0 || r.Reasons[billing.BelowTheMinimum] != 1 || r.Skipped[0].Text.EN == "" {
		t.Fatalf("August: %+v", r)
	}
	if b := w.bucket(t, "m", "2026-09", "live_tip"); len(b.CarriedIn) != 1 || b.CarriedIn[0].Amount != money.Yuan(10) || b.CarriedIn[0].From.String() != "2026-08" {
		t.Errorf("September holds %+v", b.CarriedIn)
	}
	w.run(t, "2026-10-01")
	if b := w.bucket(t, "m", "2026-09", "live_tip"); b.State != income.Carried || b.CarriedReason != income.MinimumPayout || b.CarriedTo.String() != "2026-10" {
		t.Errorf("September %+v", b)
	}
	if r := w.run(t, "2026-11-01"); r.Opened != 1 {
		t.Fatalf("after two months: %+v", r)
	}
	if all := w.settlements(t); len(all) != 1 || all[0].Gross != money.Yuan(60) {
		t.Errorf("settlements %+v", all)
	}
}

func TestLeavingSettlesEverything(t *testing.T) {
	w := newWorld(t, "2026-08-25")
	w.agreed("l", tenancy.OnDemand, func(k *tenancy.Contract) { k.To, k.MinimumPayout = civil.MustDate("2026-08-20"), money.Yuan(500) })
	w.upload(t, "op", on("a", "l", "2026-08-03", "10.00"))
	if r := w.run(t, "2026-08-20"); r.Opened != 0 {
		t.Fatalf("on the last day: %+v", r)
	}
	if r := w.run(t, "2026-08-21"); r.Opened != 1 {
		t.Fatalf("after the last day: %+v", r)
	}
	late := w.upload(t, "op", on("late", "l", "2026-08-04", "5.00"))
	if late[0].Bucket != "2026-08-N2#live_tip" || late[0].Parked != "" {
		t.Errorf("late %+v", late[0])
	}
	if r := w.run(t, "2026-08-25"); r.Opened != 1 || r.Already != 1 {
		t.Errorf("the late line: %+v", r)
	}
}

func TestOnDemandWaitsForTheDemand(t *testing.T) {
	w := newWorld(t, "2026-08-25")
	w.agreed("d", tenancy.OnDemand, nil)
	w.upload(t, "op", on("a", "d", "2026-08-03", "10.00"))
	if r := w.run(t, "2026-08-25"); r.Due != 0 {
		t.Fatalf("without a demand: %+v", r)
	}
	by := person(identity.Creator)
	by.Creator = "d"
	shown, err := w.statements.ListStatements(t.Context(), by, "d", civil.Month{})
	if err != nil || len(shown) != 1 || shown[0].Waits != billing.OnDemand {
		t.Errorf("shown %+v, %v", shown, err)
	}
	ask := billing.Order{Tenant: tenant, By: "f", Date: civil.MustDate("2026-08-25"), OnDemand: true}
	for i, want := range []int{1, 0} {
		if r, err := w.statements.OpenDueSettlements(t.Context(), ask, "d"); err != nil || r.Opened != want {
			t.Errorf("demand %d: %+v, %v", i, r, err)
		}
	}
	if s := w.settlements(t)[0]; s.Part != "N1" || s.VATDate != civil.MustDate("2026-08-25") {
		t.Errorf("settlement %+v", s.Opening)
	}
	if more := w.upload(t, "op", on("b", "d", "2026-08-04", "1.00")); more[0].Bucket != "2026-08-N2#live_tip" {
		t.Errorf("what comes after lies in %s", more[0].Bucket)
	}
}

// Whatever the cycle, its changes, the order of uploads, repeats, late lines and runs side by side: each line is consumed
// once, and settled + open + below zero is what was sent.
func TestEveryCycleConsumesEachLineOnce(t *testing.T) {
	w := newWorld(t, "2026-08-20")
	rounds := 0
	rapid.Check(t, func(rt *rapid.T) {
		rounds++
		creator := fmt.Sprint("p", rounds)
		w.today.Store(civil.MustDate("2026-08-20"))
		kinds := rapid.SliceOfN(rapid.SampledFrom(tenancy.Cycles()), 1, 3).Draw(rt, "cycles")
		var versions []tenancy.Contract
		for i, kind := range kinds {
			k := w.agreed(ident.Creator(creator), kind, func(k *tenancy.Contract) { k.MinimumPayout = money.Fen(rapid.Int64Range(0, 4000).Draw(rt, "minimum")) })
			k.Version.Version = i + 1
			if i > 0 {
				k.From = civil.MustDate("2026-08-01").AddDays(rapid.IntRange(1, 60).Draw(rt, "from"))
			}
			versions = append(versions, k)
		}
		if rapid.Bool().Draw(rt, "ends") {
			versions[len(versions)-1].To = civil.MustDate("2026-10-05")
		}
		w.directory.agree(ident.Creator(creator), versions...)
		var sent []income.Line
		var work sync.WaitGroup
		for step := range rapid.IntRange(3, 10).Draw(rt, "steps") {
			today := w.today.Load().(civil.Date)
			switch rapid.SampledFrom([]string{"new", "new", "new", "repeat", "run", "day"}).Draw(rt, "step") {
			case "new":
				day := civil.MustDate("2026-08-01").AddDays(rapid.IntRange(0, int(today.Start().Sub(civil.MustDate("2026-08-01").Start()).Hours()/24)).Draw(rt, "on"))
				l := on(fmt.Sprint("l", step), ident.Creator(creator), day.String(), money.Fen(rapid.Int64Range(-3000, 9000).Draw(rt, "fen")).String())
				sent = append(sent, l)
				work.Go(func() { w.upload(t, "op", l, l) })
			case "repeat":
				w.upload(t, "op", sent...)
			case "run":
				demand := rapid.Bool().Draw(rt, "demand")
				for range 2 {
					work.Go(func() { w.settleAll(t, ident.Creator(creator), demand) })
				}
			case "day":
				work.Wait()
				w.today.Store(today.AddDays(rapid.IntRange(1, 20).Draw(rt, "days")))
			}
		}
		work.Wait()
		w.today.Store(civil.MustDate("2026-12-31"))
		for range 3 {
			w.settleAll(t, ident.Creator(creator), true)
		}
		w.consumedOnce(t, rt, ident.Creator(creator), sent)
	})
}

func (w *world) settleAll(t *testing.T, creator ident.Creator, demand bool) {
	if _, err := w.statements.OpenDueSettlements(t.Context(), billing.Order{Tenant: tenant, By: billing.System, OnDemand: demand}, creator); err != nil {
		t.Error(err)
	}
}

func (w *world) consumedOnce(t *testing.T, rt *rapid.T, creator ident.Creator, sent []income.Line) {
	var want, got, settled money.Amount
	for _, l := range sent {
		want = want.Add(l.Distributable)
	}
	buckets, err := w.lines.ListBuckets(t.Context(), tenant, creator, civil.MustMonth("2026-08"), civil.MustMonth("2027-06"))
	if err != nil {
		rt.Fatal(err)
	}
	lines, moved := 0, map[cycle.Period]money.Amount{}
	for _, b := range buckets {
		sum, err := w.lines.SumLines(t.Context(), b)
		if err != nil || sum != b.Totals {
			rt.Fatalf("%s holds %+v, its lines %+v, %v", b.Name(), b.Totals, sum, err)
		}
		lines += b.Lines - len(b.CarriedIn)
		for _, c := range b.CarriedIn {
			moved[c.From] = moved[c.From].Add(c.Amount)
		}
		if b.State != income.Carried {
			got = got.Add(b.Distributable)
		}
		if b.State == income.Settled {
			settled = settled.Add(b.Distributable)
		}
	}
	for _, b := range buckets {
		if b.State == income.Carried && moved[b.CyclePeriod()] != b.Distributable {
			rt.Fatalf("%s gave %s on, %s arrived", b.Name(), b.Distributable, moved[b.CyclePeriod()])
		}
	}
	var opened money.Amount
	page, _, err := w.store.List(t.Context(), tenant, settlement.Query{Creator: creator}, "", 100)
	for _, s := range page {
		opened = opened.Add(s.Gross)
	}
	if err != nil || got != want || lines != len(sent) || opened != settled {
		rt.Fatalf("sent %d lines of %s, found %d of %s; settled %s, opened %s, %v", len(sent), want, lines, got, settled, opened, err)
	}
}
