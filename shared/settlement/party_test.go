package settlement_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"fenzhang/shared/contract/split"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy"
)

// shared is an approved life whose live tips are shared with two payees of its own.
func (a *agency) shared(t *testing.T, name string) (p *person, payees []string) {
	t.Helper()
	p = a.person(name)
	payees = []string{name + "-x", name + "-y"}
	parties := []tenancy.Party{{Party: name, Kind: split.KindCreator, Share: money.MustRate("0.7")}, {Party: "mcn", Kind: split.KindMCN, Share: money.MustRate("0.1")}}
	for _, x := range payees {
		a.People.AddCreator(ident.Creator(x), "natural_person", settletest.Ordinary, tenancy.MCNPays)
		parties = append(parties, tenancy.Party{Party: x, Kind: split.KindPayee, Share: money.MustRate("0.1")})
	}
	a.People.Contracts[name].Splits["live_tip"] = tenancy.Split{Method: "ratio", Parties: parties}
	for _, s := range steps()[:4] {
		if err := s.do(context.Background(), p); err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
	}
	return p, payees
}

// openParties is the message that the relay sends.
func (p *person) openParties(ctx context.Context) error {
	v := p.Advancer(nil, nil)
	return v.RunTask(ctx, settlement.Task{Tenant: settletest.Tenant, SettlementID: ident.Settlement(p.id), TransitionID: "t", Op: settlement.OpAdvance})
}

// wantOne wants each payee to have one settlement, one opening in its book and nothing accrued beside.
func (p *person) wantOne(t *testing.T, payees []string) {
	t.Helper()
	book := ledgerdb.Book{DB: p.Tables.Client, Table: p.Tables.Ledger}
	for _, x := range payees {
		page, _, err := p.Store.List(context.Background(), settletest.Tenant, settlement.Query{Creator: ident.Creator(x)}, "", 10)
		if err != nil || len(page) != 1 || page[0].Gross != money.Yuan(1000) || page[0].Parent != ident.Settlement(p.id) {
			t.Fatalf("%s has %+v, %v", x, page, err)
		}
		kept, err := book.Balances(context.Background(), settletest.Tenant, ident.Creator(x))
		if err != nil || kept[settletest.Ordinary][ledger.PartyAccrued] != money.Yuan(1000) || kept[settletest.Ordinary][ledger.CreatorPayable] != money.Yuan(-1000) {
			t.Fatalf("book of %s: %v, %v", x, kept, err)
		}
	}
	s, err := p.Store.Load(context.Background(), settletest.Tenant, ident.Settlement(p.id))
	if err != nil || s.HasUnopenedParties() {
		t.Fatalf("the main settlement still waits: %+v, %v", s.Parties, err)
	}
}

func TestPayeesAreOpenedOnceWhateverHappensToTheWrite(t *testing.T) {
	a := openAgency(t)
	for _, f := range fates {
		for at := 1; at <= 2; at++ {
			t.Run(fmt.Sprintf("write %d, %s", at, f), func(t *testing.T) {
				p, payees := a.shared(t, fmt.Sprintf("c-%d-%d", len(a.People.People), at))
				p.suffer(t, step{name: "payees", do: func(ctx context.Context, p *person) error { return p.openParties(ctx) }, again: never}, f, at)
				p.wantOne(t, payees)
			})
		}
	}
}

func TestPayeesAreOpenedOnceBySeveralAtOnce(t *testing.T) {
	a := openAgency(t)
	p, payees := a.shared(t, "c-many")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			for range 20 {
				err := p.openParties(context.Background())
				if err == nil {
					return
				}
				if !fault.HasCode(err, fault.Unavailable) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	p.wantOne(t, payees)
}

// TestCancellingRacesWithPayees: either the payees are settled and the main one stands, or it is cancelled and no
// payee is.
func TestCancellingRacesWithPayees(t *testing.T) {
	a := openAgency(t)
	for n := range 6 {
		p, payees := a.shared(t, fmt.Sprintf("c-race-%d", n))
		var wg sync.WaitGroup
		wg.Go(func() { _ = p.openParties(context.Background()) })
		wg.Go(func() {
			_, _ = p.Cancel(context.Background(), settlement.Intent{By: settletest.CallerWith(identity.Approver), ID: p.id, Version: 3, Reason: "a mistake"})
		})
		wg.Wait()
		for range 2 { // the sweep
			if err := p.openParties(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		s, err := p.Store.Load(context.Background(), settletest.Tenant, ident.Settlement(p.id))
		if err != nil {
			t.Fatal(err)
		}
		if s.Status != settlement.Failed {
			p.wantOne(t, payees)
			continue
		}
		for _, x := range payees {
			if page, _, err := p.Store.List(context.Background(), settletest.Tenant, settlement.Query{Creator: ident.Creator(x)}, "", 10); err != nil || len(page) > 0 {
				t.Fatalf("the main one is cancelled and %s has %+v, %v", x, page, err)
			}
		}
	}
}

func TestTheSweepFindsPayeesWithoutTheirSettlement(t *testing.T) {
	a := openAgency(t)
	p, payees := a.shared(t, "c-swept")
	a.SetDate("2026-09-01") // before the pay day, when nothing else is due
	var v *settlement.Advancer
	v = p.Advancer(func(ctx context.Context, s settlement.Settlement, op string) error {
		if op != settlement.OpAdvance {
			return nil // for another queue
		}
		return v.RunTask(ctx, settlement.Task{Tenant: s.Tenant, SettlementID: ident.Settlement(s.ID), Op: op})
	}, nil)
	if err := v.Sweep(context.Background()); err != nil {
		t.Fatal(err)
	}
	p.wantOne(t, payees)
}
