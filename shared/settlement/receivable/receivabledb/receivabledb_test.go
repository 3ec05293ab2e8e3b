package receivabledb_test

import (
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/receivable/receivabledb"
)

var instant = time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)

func claim(id, act, state string) receivable.Receivable {
	return receivable.Receivable{ID: id, Tenant: "t", CreatorID: "c", Entity: "e", Kind: receivable.Advance,
		Amount: money.Yuan(100), Document: "loan 7", Reason: "camera", State: state,
		RaisedOn: civil.DateOf(instant), PreparedBy: "finance", PreparedAt: instant, Act: act}
}

func record(act string) audit.Record {
	return audit.Record{ID: act, Tenant: "t", At: instant, Actor: "finance", Act: "receivable.prepared", Object: "r1"}
}

func store(l dynamotest.Tables) *receivabledb.Store {
	return &receivabledb.Store{DB: l.Client, Ledger: l.Ledger, Settlements: l.Settlements, NewToken: rand.Text}
}

// approved is claim r1 after its second person, as the act with this id leaves it.
func approved(act string) receivable.Receivable {
	r := claim("r1", act, receivable.Open)
	r.Open = r.Amount
	r.ApprovedBy = "approver"
	r.ApprovedAt = instant
	return r
}

func TestAClaimIsPreparedOnceAndApprovedOnce(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		ctx := context.Background()
		s := store(l)
		if _, err := s.FindByID(ctx, "t", "r1"); !fault.HasCode(err, fault.NotFound) {
			t.Errorf("an unknown claim: %v", err)
		}
		for range 2 { // the same act again is success
			if err := s.Prepare(ctx, claim("r1", "a1", receivable.Prepared), record("a1")); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Prepare(ctx, claim("r1", "a2", receivable.Prepared), record("a2")); !errors.Is(err, optimistic.ErrRival) {
			t.Errorf("another act under the same id: %v", err)
		}
		for range 2 {
			if err := s.Approve(ctx, approved("b1"), "a1", record("b1")); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.Approve(ctx, approved("b2"), "a1", record("b2")); !errors.Is(err, optimistic.ErrRival) {
			t.Errorf("a second approval: %v", err)
		}
		r, err := s.FindByID(ctx, "t", "r1")
		if err != nil || r.State != receivable.Open || r.Open != money.Yuan(100) || r.Tenant != "t" {
			t.Errorf("after the approval: %+v %v", r, err)
		}
		balances, err := ledgerdb.Book{DB: l.Client, Table: l.Ledger}.Balances(ctx, "t", "c")
		if err != nil || balances["e"][ledger.CreatorReceivable] != money.Yuan(100) {
			t.Errorf("the entry was not posted once: %v %v", balances, err)
		}
		for entity, n := range map[ident.Entity]int{"": 1, "e": 1, "other": 0} {
			if list, err := s.ListOf(ctx, "t", "c", entity); err != nil || len(list) != n {
				t.Errorf("claims at %q: %v %v", entity, list, err)
			}
		}
	})
}

func TestNoMoveTakesMoreThanIsOpen(t *testing.T) {
	dynamotest.RunOnBothEngines(t, func(t *testing.T, l dynamotest.Tables) {
		ctx := context.Background()
		s := store(l)
		raise, err := receivabledb.Raise(l.Ledger, approved("a1"))
		if err != nil {
			t.Fatal(err)
		}
		write := func(w types.TransactWriteItem) error {
			return dynamo.WriteOutcome(dynamo.Transact(ctx, l.Client, rand.Text(), []types.TransactWriteItem{w}), "act", "none")
		}
		if err := write(raise); err != nil {
			t.Fatal(err)
		}
		steps := []struct {
			name             string
			taken, withdrawn int64
			whole, refused   bool
			open             int64
		}{
			{name: "a set-off of a part", taken: 60, open: 40},
			{name: "a set-off of more than is open", taken: 41, refused: true, open: 40},
			{name: "a reversed set-off", taken: -10, open: 50},
			{name: "a reversal of more than was set off", taken: -51, refused: true, open: 50},
			{name: "a withdrawal of the whole that is none", withdrawn: 40, whole: true, refused: true, open: 50},
			{name: "a withdrawal of the whole", withdrawn: 50, whole: true, open: 0},
		}
		for _, step := range steps {
			err := write(receivabledb.Move(l.Ledger, "t", receivable.Move{Creator: "c", Entity: "e", ID: "r1",
				Taken: money.Yuan(step.taken), Withdrawn: money.Yuan(step.withdrawn), Whole: step.whole}))
			if (err != nil) != step.refused {
				t.Errorf("%s: %v", step.name, err)
			}
			list, err := s.ListOf(ctx, "t", "c", "e")
			if err != nil || len(list) != 1 || list[0].Open != money.Yuan(step.open) {
				t.Fatalf("after %s: %+v %v", step.name, list, err)
			}
		}
	})
}
