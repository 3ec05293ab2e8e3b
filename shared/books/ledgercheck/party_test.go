package ledgercheck_test

import (
	"context"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/contract/split"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy"
)

// share gives each payee a tenth of a creator's live tips, out of the agency's part.
func (w *world) share(creator ident.Creator, payees ...string) {
	parties := []tenancy.Party{{Party: string(creator), Kind: split.KindCreator, Share: money.MustRate("0.7")}}
	for _, p := range payees {
		parties = append(parties, tenancy.Party{Party: p, Kind: split.KindPayee, Share: money.MustRate("0.1")})
	}
	parties = append(parties, tenancy.Party{Party: "mcn", Kind: split.KindMCN, Share: money.Ratio(int64(3-len(payees)), 10)})
	w.People.Contracts[string(creator)].Splits["live_tip"] = tenancy.Split{Method: "ratio", Parties: parties}
}

// parties has the payees of a settlement asked for again, where that is possible, and opens what is due.
func (w *world) parties(t rapid.TB, id string, creators []string) {
	t.Helper()
	ctx := context.Background()
	in, s := w.intent(t, identity.Finance, id)
	for _, p := range s.Shares {
		if p.Kind != split.KindPayee {
			continue
		}
		if _, err := w.RequestPartySettlement(ctx, in, p.Party); err != nil && !fault.HasCode(err, fault.IllegalMove) {
			t.Fatal(err)
		}
	}
	if err := w.OpenPartySettlements(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		t.Fatal(err)
	}
	for _, c := range creators {
		w.look(t, ident.Creator(c))
	}
}

// party finds the own settlement of a payee, opened last.
func (w *world) party(t *testing.T, main ident.Settlement, payee string) string {
	t.Helper()
	page, _, err := w.Store.List(t.Context(), settletest.Tenant, settlement.Query{Creator: ident.Creator(payee)}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range page {
		if s.Parent == main {
			return s.ID
		}
	}
	t.Fatalf("%s has no settlement of its share in %s", payee, main)
	return ""
}

func (w *world) accrued(t *testing.T) money.Amount {
	t.Helper()
	for _, b := range w.page(t).Accounts {
		if b.Account == ledger.PartyAccrued {
			return b.Balance
		}
	}
	return money.Amount{}
}

func (w *world) wantAccrued(t *testing.T, when, want string) {
	t.Helper()
	w.explained(t, when)
	if got := w.accrued(t); got != money.MustParse(want) {
		t.Errorf("%s: party.accrued is %s, want %s", when, got, want)
	}
}

func (w *world) walk(t *testing.T, id string, acts ...string) {
	t.Helper()
	for _, name := range acts {
		w.act(t, name, id)
		w.explained(t, name+" of "+id)
	}
}

func (w *world) open(t *testing.T, id string) {
	t.Helper()
	if err := w.OpenPartySettlements(t.Context(), settletest.Tenant, ident.Settlement(id)); err != nil {
		t.Fatal(err)
	}
}

func TestPayeesAreSettledForThemselves(t *testing.T) {
	w := open(t)
	w.People.AddCreator("friend", "natural_person", settletest.Filed, tenancy.MCNPays) // its own contract is with another company
	w.share(settletest.Person, settletest.Studio, "friend")
	id := w.settle(t, settletest.Person, "live-1", "10000.00")
	w.wantAccrued(t, "opening", "-2000.00")
	w.walk(t, string(id), "quote", "submit")
	w.open(t, string(id))
	w.wantAccrued(t, "before the approval nothing is opened", "-2000.00")
	w.walk(t, string(id), "approve")
	w.open(t, string(id))
	w.open(t, string(id))
	w.wantAccrued(t, "the approval", "0.00")
	studio, friend := w.party(t, id, settletest.Studio), w.party(t, id, "friend")
	w.wantParty(t, studio, settlement.Opening{Route: tenancy.StudioInvoice, Entity: settletest.Ordinary, Source: settlement.SourceParty, Parent: id, CreatorID: settletest.Studio, PayMethod: "bank"})
	w.wantParty(t, friend, settlement.Opening{Route: tenancy.MCNPays, Entity: settletest.Ordinary, Source: settlement.SourceParty, Parent: id, CreatorID: "friend", PayMethod: "douyin"})
	w.walk(t, friend, "quote", "submit", "approve", "book", string(payout.Failed), "reopen")
	w.walk(t, w.opened[0], "quote", "submit", "approve", "book", string(payout.Paid))
	w.walk(t, studio, "quote", "submit", "approve", "book", string(payout.Paid))
	w.walk(t, string(id), "book", string(payout.Paid), string(payout.Returned), "reopen")
	w.open(t, w.opened[1])
	w.walk(t, w.opened[1], "quote", "submit", "approve")
	w.open(t, w.opened[1])
	w.wantAccrued(t, "the end: a reopened main one opens no payee twice", "0.00")
}

// wantParty wants a payee's settlement over its tenth of 10,000, with its own facts.
func (w *world) wantParty(t *testing.T, id string, want settlement.Opening) {
	t.Helper()
	_, s := w.intent(t, identity.Finance, id)
	if s.Gross != money.Yuan(1000) || s.CreatorShare() != s.Gross || s.Route != want.Route || s.Entity != want.Entity || s.Source != want.Source ||
		s.Parent != want.Parent || s.CreatorID != want.CreatorID || s.TaxpayerID != ident.Taxpayer("tp-"+want.CreatorID) || s.PayMethod != want.PayMethod {
		t.Errorf("a payee's settlement is %+v", s.Opening)
	}
}

func TestAStudioWithoutAContractHandsInAnInvoice(t *testing.T) {
	w := open(t)
	w.People.AddCreator("workshop", "company", settletest.Ordinary, tenancy.StudioInvoice)
	delete(w.People.Contracts, "workshop")
	w.share(settletest.Person, "workshop")
	id := w.settle(t, settletest.Person, "live-1", "10000.00")
	w.walk(t, string(id), "quote", "submit", "approve")
	w.open(t, string(id))
	party := w.party(t, id, "workshop")
	w.walk(t, party, "quote")
	if _, s := w.intent(t, identity.Finance, party); s.Hold == nil || s.Hold.Reason != settlement.HoldInvoice || s.Net != s.Gross {
		t.Errorf("a company's share is %s net %s, on hold %v", s.Status, s.Net, s.Hold)
	}
}

func TestAMainSettlementIsKeptByItsPayees(t *testing.T) {
	w := open(t)
	w.share(settletest.Person, settletest.Studio)
	id := w.settle(t, settletest.Person, "live-1", "10000.00")
	w.walk(t, string(id), "quote", "submit", "approve")
	w.open(t, string(id))
	in, _ := w.intent(t, identity.Approver, string(id))
	if _, err := w.Cancel(t.Context(), in); fault.AsError(err).Reason != "party_settled" {
		t.Fatalf("cancelling over a living payee: %v", err)
	}
	party := w.party(t, id, settletest.Studio)
	w.walk(t, party, "quote", "submit", "reject")
	w.open(t, string(id))
	w.wantAccrued(t, "a rejected payee waits for somebody to ask", "-1000.00")
	w.ask(t, id, settletest.Studio, "")
	w.ask(t, id, settletest.Studio, "party_waiting")
	w.open(t, string(id))
	w.wantAccrued(t, "asked for again", "0.00")
	again := w.party(t, id, settletest.Studio)
	if again == party {
		t.Fatal("the rejected settlement lives again")
	}
	w.ask(t, id, settletest.Studio, "party_settled")
	w.ask(t, id, "nobody", "invalid_input")
	w.walk(t, again, "quote", "submit", "approve", "cancel")
	w.wantAccrued(t, "a cancelled payee", "-1000.00")
	w.walk(t, string(id), "cancel")
	w.wantAccrued(t, "the main one is cancelled too", "0.00")
	w.ask(t, id, settletest.Studio, "not_approved")
	w.open(t, string(id))
	w.wantAccrued(t, "nothing is opened for what was cancelled", "0.00")
}

// ask asks for a payee's settlement; a reason is that of the refusal.
func (w *world) ask(t *testing.T, id ident.Settlement, payee, reason string) {
	t.Helper()
	in, _ := w.intent(t, identity.Finance, string(id))
	_, err := w.RequestPartySettlement(t.Context(), in, payee)
	if (err == nil) != (reason == "") || (err != nil && fault.AsError(err).Reason != reason) {
		t.Errorf("asking for %s: %v, want %q", payee, err, reason)
	}
}
