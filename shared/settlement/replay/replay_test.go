package replay_test

import (
	"context"
	"fmt"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/replay"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy"
)

// proposal gives the creator 80 of 100 instead of 70, over August 2026.
func proposal() replay.Request {
	parties := []tenancy.Party{{Party: settletest.Person, Kind: "creator", Share: money.MustRate("0.8")}, {Party: "agency", Kind: "mcn", Share: money.MustRate("0.2")}}
	return replay.Request{From: civil.MustMonth("2026-08"), To: civil.MustMonth("2026-08"), Contract: tenancy.Contract{
		Version: tenancy.Version{From: civil.MustDate("2026-12-01")}, CreatorID: settletest.Person, PayingEntity: settletest.Ordinary, Cycle: "month",
		PriceBasis: tenancy.BeforeTax, RevenueBasis: "net", Routes: map[string]string{"live_tip": tenancy.MCNPays},
		Splits: map[string]tenancy.Split{"live_tip": {Method: "ratio", Parties: parties}}}}
}

func open(t *testing.T) (*settletest.World, replay.Service) {
	w := settletest.Open(t)
	return w, replay.Service{Settlements: w.Store, Creators: w.People}
}

func settle(t *testing.T, w *settletest.World, activity, amount, incomeType, period string) ident.Settlement {
	t.Helper()
	r := settletest.SettleRequest(settletest.Person, activity, amount)
	r.IncomeType, r.ServicePeriod = incomeType, civil.MustMonth(period)
	a, _, err := w.Settle(t.Context(), settletest.CallerWith(identity.Operator), "replay-key-"+activity, r)
	if err != nil {
		t.Fatal(err)
	}
	return a.SettlementID
}

func TestAProposalIsComparedWithWhatWasShared(t *testing.T) {
	w, s := open(t)
	first := settle(t, w, "a-1", "1000.00", "live_tip", "2026-08")
	second := settle(t, w, "a-2", "500.01", "live_tip", "2026-08")
	settle(t, w, "a-3", "700.00", "live_tip", "2026-07")            // another month
	settle(t, w, "a-4", "700.00", "commerce_commission", "2026-08") // not covered
	dead := settle(t, w, "a-5", "900.00", "live_tip", "2026-08")
	in := settlement.Intent{By: settletest.CallerWith(identity.Finance), ID: string(dead), Version: 1}
	if _, err := w.Transition(t.Context(), in, settlement.InReview); err != nil {
		t.Fatal(err)
	}
	in.By, in.Version = settletest.CallerWith(identity.Approver), 2
	if _, err := w.Transition(t.Context(), in, settlement.Failed); err != nil {
		t.Fatal(err)
	}
	got, err := s.Run(t.Context(), settletest.Tenant, proposal())
	if err != nil {
		t.Fatal(err)
	}
	want := "[{2026-08 live_tip {creator 1050.01 1200.01 150.00}} {2026-08 live_tip {mcn 450.00 300.00 -150.00}}]"
	if text := fmt.Sprint(got.Lines); text != want {
		t.Errorf("lines %s\nwant  %s", text, want)
	}
	if text := fmt.Sprint(got.Totals, got.NotCovered, len(got.Settlements)); text != "[{creator 1050.01 1200.01 150.00} {mcn 450.00 300.00 -150.00}] [commerce_commission] 2" {
		t.Errorf("totals %s", text)
	}
	for _, id := range got.Settlements {
		if ident.Settlement(id) != first && ident.Settlement(id) != second {
			t.Errorf("read %s", id)
		}
	}
}

func TestAReplayIsBounded(t *testing.T) {
	s := replay.Service{Creators: settletest.NewDirectory()}
	for field, change := range map[string]func(*replay.Request){
		"to":                        func(r *replay.Request) { r.From = r.To.Add(-24) },
		"from":                      func(r *replay.Request) { r.From = civil.Month{} },
		"contract.paying_entity":    func(r *replay.Request) { r.Contract.PayingEntity = "" },
		"contract.revenue_basis":    func(r *replay.Request) { r.Contract.RevenueBasis = "" },
		"contract.splits.xingtu_ad": func(r *replay.Request) { r.Contract.Routes["xingtu_ad"] = tenancy.MCNPays },
	} {
		r := proposal()
		change(&r)
		_, err := s.Run(context.Background(), settletest.Tenant, r)
		if f := fault.AsError(err); f == nil || len(f.Fields) != 1 || f.Fields[0].Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	r := proposal()
	r.Contract.CreatorID = "nobody"
	if _, err := s.Run(context.Background(), settletest.Tenant, r); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("an unknown creator: %v", err)
	}
}

// endless is a creator with more settlements than one replay reads.
type endless struct{}

func (endless) List(context.Context, ident.Tenant, settlement.Query, string, int) ([]settlement.Settlement, string, error) {
	return make([]settlement.Settlement, 100), "more", nil
}

func TestAReplayReadsNoMoreThanItsBound(t *testing.T) {
	s := replay.Service{Settlements: endless{}, Creators: settletest.NewDirectory()}
	if _, err := s.Run(context.Background(), settletest.Tenant, proposal()); !fault.HasCode(err, fault.InvalidInput) {
		t.Errorf("got %v", err)
	}
}
