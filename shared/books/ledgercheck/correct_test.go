package ledgercheck_test

import (
	"context"
	"testing"

	"fenzhang/shared/identity"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/settlement/trueup"
)

// correct posts the true-ups that a law gives in which another share is deducted from labor income.
func (w *world) correct(t *testing.T, id, share string) trueup.Correction {
	t.Helper()
	ctx := context.Background()
	law, err := ruletest.ChangedLaw(ruletest.LaborCostChange(share))
	if err != nil {
		t.Fatal(err)
	}
	c := w.TrueUpsUnder(t, ruleset.Fixed{Corpus: law})
	if _, _, err := c.Prepare(ctx, settletest.CallerWith(identity.Finance), trueup.Correction{ID: id, Entity: settletest.Ordinary, Taxpayer: "tp-" + settletest.Person, Year: 2026, Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	posted, err := c.Post(ctx, settletest.CallerWith(identity.Approver), id)
	if err != nil {
		t.Fatal(err)
	}
	return posted
}

// More withheld, less withheld and a payout that comes back afterwards: every balance stays explained.
func TestCorrectionsAreExplained(t *testing.T) {
	w := open(t)
	id := w.settle(t, settletest.Person, "live-1", "10000.00")
	for _, name := range []string{"quote", "submit", "approve", "book"} {
		w.act(t, name, string(id))
	}
	w.correct(t, "cor-1", "0.10") // 1,120.00 becomes 1,260.00
	w.explained(t, "more withheld")
	w.correct(t, "cor-2", "0.30") // and 980.00: 280.00 is owed back; the next settlement nets it with the receivable
	w.explained(t, "less withheld")
	want := map[ledger.Account]string{ledger.CreatorReceivable: "140.00", ledger.CreatorPayable: "-6160.00", ledger.TaxPayable("iit"): "-980.00"}
	for _, b := range w.page(t).Accounts {
		if text, ok := want[b.Account]; ok && b.Balance != money.MustParse(text) {
			t.Errorf("%s is %s, want %s", b.Account, b.Balance, text)
		}
	}
	for _, name := range []string{string(payout.Paid), string(payout.Returned), "reopen"} {
		w.act(t, name, string(id))
		w.explained(t, name)
	}
	// The booking was taken back with the reopening, so that what was trued up is too much by itself.
	if c := w.correct(t, "cor-3", "0.10"); c.Additional != money.MustParse("140.00") || !c.Over.IsZero() {
		t.Errorf("%+v", c)
	}
	w.explained(t, "what was left of the corrections")
}
