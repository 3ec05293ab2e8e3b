package settlementdb_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/settlement/trueup"
)

// otherLaw is the national pack with another share deducted from labor income, from its first day.
func otherLaw(t *testing.T, share string) *tax.Corpus {
	t.Helper()
	law, err := ruletest.ChangedLaw(ruletest.LaborCostChange(share))
	if err != nil {
		t.Fatal(err)
	}
	return law
}

func corrections(t *testing.T, w *settletest.World, law *tax.Corpus) *trueup.Service {
	t.Helper()
	return w.TrueUpsUnder(t, ruleset.Fixed{Corpus: law})
}

func prepare(t *testing.T, c *trueup.Service, in trueup.Correction) trueup.Correction {
	t.Helper()
	kept, _, err := c.Prepare(context.Background(), finance, in)
	if err != nil {
		t.Fatal(err)
	}
	return kept
}

func ask(id string, filed ...string) trueup.Correction {
	c := trueup.Correction{ID: id, Entity: settletest.Ordinary, Taxpayer: "tp-" + settletest.Person, Year: 2026, Reason: "the rate was corrected with effect from the past"}
	for _, m := range filed {
		c.Filed = append(c.Filed, civil.MustMonth(m))
	}
	return c
}

func TestACorrectionIsPostedOnceByASecondPerson(t *testing.T) {
	ctx := context.Background()
	w := settletest.Open(t)
	book(t, w, string(settle(t, w, settletest.Person, "live-1", "10000.00"))) // 7,000 x 80% x 20% = 1,120.00
	c := corrections(t, w, otherLaw(t, "0.10"))                               // 90%: 1,260.00
	prepared := prepare(t, c, ask("cor-1"))
	if prepared.State != trueup.Prepared || prepared.Additional != money.MustParse("140.00") || !prepared.Over.IsZero() || prepared.Rows != 1 {
		t.Fatalf("%+v", prepared)
	}
	if again := prepare(t, c, ask("cor-1")); again.Digest != prepared.Digest {
		t.Error("the same call prepared something else")
	}
	if _, _, err := c.Prepare(ctx, finance, ask("cor-1", "2026-09")); !fault.HasCode(err, fault.OtherContent) {
		t.Errorf("another correction under the same id: %v", err)
	}
	if _, err := c.Post(ctx, finance, "cor-1"); !fault.HasCode(err, fault.Forbidden) {
		t.Errorf("the preparer posted: %v", err)
	}
	posted := must[trueup.Correction](t)(c.Post(ctx, approver, "cor-1"))
	if again := must[trueup.Correction](t)(c.Post(ctx, approver, "cor-1")); again.Act != posted.Act || again.State != trueup.Posted {
		t.Errorf("posted twice: %+v", again)
	}
	b := balances(t, w, settletest.Person)
	if b[ledger.CreatorReceivable] != money.MustParse("140.00") || b[ledger.TaxPayable("iit")] != money.MustParse("-1260.00") {
		t.Errorf("%v", b)
	}
	if _, _, err := c.Prepare(ctx, finance, ask("cor-2")); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("the difference is still there: %v", err)
	}
	if err := recorded(t, w, posted); err != nil {
		t.Error(err)
	}
	entry := must[ledger.Entry](t)(ledgerdb.Book{DB: w.Tables.Client, Table: w.Tables.Ledger}.ReadEntry(ctx, settletest.Tenant, settletest.Person, posted.Act+"-2026-09"))
	if entry.Tax.String() != "2026-09" || entry.Reason != "tax corrected" {
		t.Errorf("%+v", entry)
	}
}

// recorded finds the audit record of a posted correction.
func recorded(t *testing.T, w *settletest.World, c trueup.Correction) error {
	t.Helper()
	k := keys.Outbox(settletest.Tenant, c.Act)
	out, err := w.Tables.Client.GetItem(context.Background(), &dynamodb.GetItemInput{TableName: aws.String(w.Tables.Settlements),
		Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: k.PK}, "sk": &types.AttributeValueMemberS{Value: k.SK}}})
	if err != nil {
		return err
	}
	told, ok := out.Item[outbox.AuditAttribute].(*types.AttributeValueMemberS)
	if !ok {
		return fault.MissingObject("audit record")
	}
	var rec audit.Record
	if err := json.Unmarshal([]byte(told.Value), &rec); err != nil {
		return err
	}
	if rec.Act != "tax.corrected" || rec.Actor != approver.Subject || rec.TaxID != c.Taxpayer || rec.LedgerHash == "" || rec.Why == "" {
		t.Errorf("%+v", rec)
	}
	return nil
}

func TestWhatChangedSinceIsPreparedAnew(t *testing.T) {
	ctx := context.Background()
	w := settletest.Open(t)
	book(t, w, string(settle(t, w, settletest.Person, "live-1", "10000.00")))
	c := corrections(t, w, otherLaw(t, "0.30"))
	prepare(t, c, ask("cor-1"))
	w.AdvanceTime(time.Millisecond)
	book(t, w, string(settle(t, w, settletest.Person, "live-2", "10000.00")))
	if _, err := c.Post(ctx, approver, "cor-1"); !fault.HasCode(err, fault.StaleVersion) {
		t.Fatalf("posted what nobody prepared: %v", err)
	}
	prepare(t, c, ask("cor-2"))
	must[trueup.Correction](t)(c.Post(ctx, approver, "cor-2"))
	// 14,000 x 70% x 20% = 1,960.00; 2,240.00 was kept back, so 280.00 is owed to the creator.
	b := balances(t, w, settletest.Person)
	if b[ledger.TaxPayable("iit")] != money.MustParse("-1960.00") || !b[ledger.CreatorReceivable].IsZero() {
		t.Errorf("%v", b)
	}
	if owed := b[ledger.CreatorPayable].Neg().Sub(load(t, w, string(settlementID(t, w, 1))).ToPay).Sub(load(t, w, string(settlementID(t, w, 2))).ToPay); owed != money.MustParse("280.00") {
		t.Errorf("owed back %s", owed)
	}
}

func settlementID(t *testing.T, w *settletest.World, n int) ident.Settlement {
	t.Helper()
	rows := must[[]settlement.Booking](t)(w.Store.TaxRows(context.Background(), settletest.Tenant, settletest.Ordinary, "tp-"+settletest.Person, 2026))
	return rows[n-1].Settlement
}

func TestFiledMonthsAreAmendedAndNotPosted(t *testing.T) {
	ctx := context.Background()
	w := settletest.Open(t)
	book(t, w, string(settle(t, w, settletest.Person, "live-1", "10000.00")))
	law := otherLaw(t, "0.10")
	c := corrections(t, w, law)
	if _, _, err := c.Prepare(ctx, finance, ask("cor-1", "2026-09")); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("a filed month was to be posted: %v", err)
	}
	calendar, err := taxpack.NationalCalendar()
	if err != nil {
		t.Fatal(err)
	}
	who := lawdiff.PersonYear{Entity: settletest.Ordinary, Taxpayer: "tp-" + settletest.Person, Year: 2026}
	must[lawdiff.Totals](t)(c.Compare(ctx, settletest.Tenant, who, law, func(p *lawdiff.Person) error {
		set, err := p.Amendments(lawdiff.FiledMonths([]civil.Month{civil.MustMonth("2026-09")}),
			lawdiff.LatenessRules{Rules: law.National(), Calendar: calendar, PaidOn: civil.MustDate("2026-12-01")})
		if err != nil || len(set) != 1 || set[0].Rows[0].Corrected.Withheld != money.MustParse("1260.00") || set[0].Rows[0].LateFee == nil {
			t.Errorf("%+v %v", set, err)
		}
		return nil
	}))
}

// TestBookingsMadeAgainAreComparedOnTheirDays takes a booking back and makes it again in another month: under the
// law that booked it nothing differs.
func TestBookingsMadeAgainAreComparedOnTheirDays(t *testing.T) {
	ctx := context.Background()
	w := settletest.Open(t)
	id := settle(t, w, settletest.Person, "live-1", "10000.00")
	book(t, w, string(id))
	w.SetDate("2026-10-16")
	if err := w.Rebook(ctx, settletest.Tenant, id); err != nil {
		t.Fatal(err)
	}
	w.AdvanceTime(time.Millisecond)
	second := settle(t, w, settletest.Person, "live-2", "5000.00")
	book(t, w, string(second))
	hear(t, w, string(second), payout.Failed)
	c := w.TrueUps(t)
	who := lawdiff.PersonYear{Entity: settletest.Ordinary, Taxpayer: "tp-" + settletest.Person, Year: 2026}
	seen := 0
	totals := must[lawdiff.Totals](t)(c.Compare(ctx, settletest.Tenant, who, w.Rules.Current(ctx).Corpus, func(p *lawdiff.Person) error {
		seen++
		if len(p.Differences) > 0 || len(p.Gaps) > 0 {
			t.Errorf("%+v %+v", p.Differences, p.Gaps)
		}
		return nil
	}))
	if seen != 1 || totals.Settlements != 2 {
		t.Errorf("%d persons: %+v", seen, totals)
	}
	// Under another law the standing booking differs, and so does neither what was taken back.
	must[lawdiff.Totals](t)(c.Compare(ctx, settletest.Tenant, who, otherLaw(t, "0.10"), func(p *lawdiff.Person) error {
		if len(p.Differences) != 1 || p.Differences[0].Settlement != id || p.Differences[0].Period != "2026-10" {
			t.Errorf("%+v", p.Differences)
		}
		return nil
	}))
}
