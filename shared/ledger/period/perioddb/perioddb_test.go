package perioddb_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/money"
)

var september = civil.MonthOf(time.Date(2026, 9, 1, 0, 0, 0, 0, civil.Shanghai))

// step returns a period of entity e at one revision of its life.
func step(month civil.Month, revision int, act string, change func(*period.Period)) period.Period {
	p := period.Period{Tenant: "t", Entity: "e", Month: month, State: period.Closing, Revision: revision, Act: act}
	if change != nil {
		change(&p)
	}
	return p
}

func first(p *period.Period)   { p.First = true }
func sealing(p *period.Period) { p.First, p.Sealing = true, true }
func sealed(p *period.Period)  { p.First, p.Sealing, p.State = true, true, period.Sealed }

func store(l dynamotest.Tables) *perioddb.Store {
	return &perioddb.Store{DB: l.Client, Ledger: l.Ledger, Settlements: l.Settlements, NewToken: rand.Text}
}

func TestAPeriodGoesFromClosingToItsSealStepByStep(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		ctx := context.Background()
		s := store(l)
		if p, err := s.NewestPeriod(ctx, "t", "e"); err != nil || p != nil {
			t.Fatalf("before the first closing: %v %v", p, err)
		}
		for _, p := range []period.Period{step(september, 1, "a1", first), step(september, 1, "a1", first),
			step(september, 2, "a2", sealing), step(september, 3, "a3", sealed)} {
			if err := s.SavePeriod(ctx, p, nil); err != nil { // the second one is a repeat of the same act
				t.Fatalf("revision %d: %v", p.Revision, err)
			}
		}
		rivals := map[string]period.Period{
			"another act of the same revision":      step(september, 3, "b3", sealed),
			"a month after the next":                step(september.Add(2), 1, "b1", nil),
			"a first closing of a closed entity":    step(september.Add(1), 1, "c1", first),
			"a sealing of a period not yet closing": step(september.Add(1), 1, "d1", sealing),
		}
		for name, p := range rivals {
			if err := s.SavePeriod(ctx, p, nil); !errors.Is(err, optimistic.ErrRival) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := s.SavePeriod(ctx, step(september.Add(1), 1, "a4", nil), nil); err != nil {
			t.Fatal(err)
		}
		newest, err := s.NewestPeriod(ctx, "t", "e")
		if err != nil || newest == nil || newest.Month != september.Add(1) || newest.Tenant != "t" {
			t.Errorf("newest: %v %v", newest, err)
		}
		list, err := s.ListPeriods(ctx, "t", "e")
		if err != nil || len(list) != 2 || list[0].Month != september.Add(1) || list[1].State != period.Sealed {
			t.Errorf("list: %v %v", list, err)
		}
		if p, err := s.Period(ctx, "t", "e", september.Add(2)); err != nil || p != nil {
			t.Errorf("an open period: %v %v", p, err)
		}
	})
}

func TestEntriesGoWhereTheHeadSays(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		ctx := context.Background()
		s := store(l)
		if err := s.SavePeriod(ctx, step(september, 1, "a1", first), nil); err != nil {
			t.Fatal(err)
		}
		assign := func() (civil.Month, bool) {
			t.Helper()
			// a new reader each time, which remembers nothing
			periods := &ledgerdb.Periods{DB: l.Client, Table: l.Ledger,
				Clock: clock.FixedAt(time.Date(2026, 10, 2, 2, 0, 0, 0, time.UTC))}
			e := ledger.Entry{Tenant: "t", CreatorID: "c", Entity: "e"}
			closing, err := periods.AssignPeriodIn(ctx, &e, september)
			if err != nil {
				t.Fatal(err)
			}
			return e.Accounting, closing
		}
		if month, closing := assign(); month != september || !closing {
			t.Errorf("while closing: %s %v", month, closing)
		}
		if err := s.SavePeriod(ctx, step(september, 2, "a2", sealing), nil); err != nil {
			t.Fatal(err)
		}
		if month, closing := assign(); month != september.Add(1) || closing {
			t.Errorf("once the sealing has begun: %s %v", month, closing)
		}
	})
}

func TestAFencedBookRefusesEntriesOfThePeriod(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		ctx := context.Background()
		s := store(l)
		post := func(id string, month civil.Month) error {
			t.Helper()
			e := ledger.Entry{ID: id, Tenant: "t", CreatorID: "c", Entity: "e", Accounting: month}
			e.Debit(ledger.PlatformClearing, money.Yuan(5))
			e.Credit(ledger.CreatorPayable, money.Yuan(5))
			writes, err := ledgerdb.EntryWrites(l.Ledger, e)
			if err != nil {
				t.Fatal(err)
			}
			return dynamo.WriteOutcome(dynamo.Transact(ctx, l.Client, rand.Text(), writes), "act", id)
		}
		if err := s.FenceBook(ctx, "t", "nobody", "e", september); err != nil {
			t.Errorf("a book without balances: %v", err)
		}
		if err := post("e1", september); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a repeated fence changes nothing
			if err := s.FenceBook(ctx, "t", "c", "e", september); err != nil {
				t.Fatal(err)
			}
		}
		if err := post("e2", september); err == nil {
			t.Error("an entry of the fenced month was posted")
		}
		if err := post("e3", september.Add(1)); err != nil {
			t.Errorf("an entry of the next month: %v", err)
		}
	})
}
