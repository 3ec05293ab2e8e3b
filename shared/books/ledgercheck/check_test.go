package ledgercheck_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"fenzhang/shared/books/ledgercheck"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/tenancy"
)

// world is a tenant with statements and accruals beside settle calls.
type world struct {
	*settletest.World
	check      ledgercheck.Service
	statements *billing.Service
	recorder   *income.Recorder
	accruals   *incomedb.Accruals
	opened     []string
}

func open(t *testing.T) *world { return over(settletest.Open(t)) }

func over(tenant *settletest.World) *world {
	w := &world{World: tenant}
	token := ids.NewSource(time.Now)
	lines := &incomedb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: token}
	w.recorder = &income.Recorder{Lines: lines, Directory: w.People, Clock: w.Clock, NewID: w.NextID}
	w.accruals = &incomedb.Accruals{Store: lines, Incentives: w.Tables.Incentives, Directory: w.People, NewID: w.NextID}
	w.statements = &billing.Service{Settlements: w.Service, Buckets: lines, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	w.check = ledgercheck.Service{Journal: ledgerdb.Book{DB: w.Tables.Client, Table: w.Tables.Ledger}, Settlements: w.Store, Buckets: lines, Days: incentivedb.NewDays(w.Tables.Client, w.Tables.Incentives), Creators: w.People}
	for _, c := range w.People.Contracts {
		c.Routes["incentive"] = tenancy.MCNPays
	}
	return w
}

// page checks and wants nothing unexplained.
func (w *world) page(t rapid.TB) ledgercheck.Report {
	t.Helper()
	r, err := w.check.CheckPage(context.Background(), settletest.Tenant, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) explained(t rapid.TB, after string) {
	t.Helper()
	if r := w.page(t); !r.Unexplained.IsZero() || len(r.Differences) > 0 {
		t.Fatalf("after %s: %s unexplained: %+v", after, r.Unexplained, r.Differences)
	}
}

func (w *world) settle(t rapid.TB, creator ident.Creator, activity, amount string) ident.Settlement {
	t.Helper()
	a, _, err := w.Settle(context.Background(), settletest.CallerWith(identity.Operator), "key-"+activity, settletest.SettleRequest(creator, activity, amount))
	if err != nil {
		t.Fatal(err)
	}
	return a.SettlementID
}

func (w *world) intent(t rapid.TB, role identity.Role, id string) (settlement.Intent, settlement.Settlement) {
	t.Helper()
	s, err := w.Store.Load(context.Background(), settletest.Tenant, ident.Settlement(id))
	if err != nil {
		t.Fatal(err)
	}
	return settlement.Intent{By: settletest.CallerWith(role), ID: id, Version: s.StatusVersion, Reason: "test"}, s
}

// act does one thing to a settlement; what is not possible now changes nothing.
func (w *world) act(t rapid.TB, name, id string) {
	t.Helper()
	ctx := context.Background()
	var err error
	switch name {
	case "quote":
		err = w.Quote(ctx, settletest.Tenant, ident.Settlement(id))
	case "book":
		err = w.Book(ctx, settletest.Tenant, ident.Settlement(id))
	case "submit":
		in, _ := w.intent(t, identity.Finance, id)
		_, err = w.Transition(ctx, in, settlement.InReview)
	case "approve":
		in, _ := w.intent(t, identity.Approver, id)
		_, err = w.Transition(ctx, in, settlement.Approved)
	case "reject":
		in, _ := w.intent(t, identity.Approver, id)
		_, err = w.Transition(ctx, in, settlement.Failed)
	case "cancel":
		in, _ := w.intent(t, identity.Approver, id)
		_, err = w.Cancel(ctx, in)
	case "reopen":
		in, _ := w.intent(t, identity.Approver, id)
		var s settlement.Settlement
		if s, err = w.Reopen(ctx, in); err == nil {
			w.opened = append(w.opened, s.ID)
		}
	default:
		err = w.hear(ctx, id, payout.State(name))
	}
	if err != nil && !fault.HasCode(err, fault.IllegalMove) && !fault.HasCode(err, fault.Forbidden) {
		t.Fatalf("%s %s: %v", name, id, err)
	}
}

// hear lets the gateway say something, where that can follow what it said before.
func (w *world) hear(ctx context.Context, id string, state payout.State) error {
	s, err := w.Store.Load(ctx, settletest.Tenant, ident.Settlement(id))
	if err != nil || s.Payout == nil {
		return err
	}
	p, err := w.Payables.Load(ctx, settletest.Tenant, ident.Settlement(id))
	if err != nil {
		return err
	}
	if (s.Status != settlement.Paying && state != payout.Returned) || (state == payout.Returned && (s.Status != settlement.Paid || s.Payout.State != payout.Paid)) {
		return nil
	}
	if p.State == payout.Created {
		p.PaymentDate = s.PaymentDate
		if err := w.Payables.MarkSent(ctx, p, w.Now()); err != nil {
			return err
		}
	}
	return w.Payables.RecordOutcome(ctx, p, payout.Outcome{State: state, At: w.Now()})
}

func TestEveryStepIsExplained(t *testing.T) {
	w := open(t)
	c := w.People.Contracts[settletest.Person]
	c.Splits["commerce_commission"] = tenancy.Split{Method: "ratio", Parties: []tenancy.Party{{Party: settletest.Person, Kind: split.KindCreator, Share: money.MustRate("0.5")},
		{Party: "c-other", Kind: split.KindPayee, Share: money.MustRate("0.2")}, {Party: "mcn", Kind: split.KindMCN, Share: money.MustRate("0.3")}}}
	id := w.settle(t, settletest.Person, "live-1", "10000.01")
	w.explained(t, "opening")
	for _, name := range []string{"quote", "submit", "approve", "book", string(payout.Paid), string(payout.Returned), "reopen"} {
		w.act(t, name, string(id))
		w.explained(t, name)
	}
	for _, name := range []string{"quote", "submit", "approve", "book", string(payout.Paid)} {
		w.act(t, name, w.opened[0])
		w.explained(t, name+" of the second occurrence")
	}
	want := map[ledger.Account]string{ledger.PlatformClearing: "10000.01", ledger.MCNRevenue: "-3000.00", ledger.GatewayClearing: "-5880.01",
		ledger.TaxPayable("iit"): "-1120.00", ledger.CreatorPayable: "0.00"}
	for _, b := range w.page(t).Accounts {
		if text, ok := want[b.Account]; ok && b.Balance != money.MustParse(text) {
			t.Errorf("%s is %s, want %s", b.Account, b.Balance, text)
		}
		delete(want, b.Account)
	}
	if len(want) > 0 {
		t.Errorf("accounts without a line: %v", want)
	}
}

// Whatever happens to settlements, statements and accruals, in any order, every balance stays explained.
func TestAnyLifeIsExplained(t *testing.T) {
	forward := []string{"quote", "submit", "approve", "book", string(payout.Paid)}
	acts := []string{"reject", "cancel", "reopen", "reopen", string(payout.Failed), string(payout.Returned)}
	w, round := open(t), 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		w.SetDate("2026-09-15")
		creators := w.fresh(round)
		steps := rapid.IntRange(3, 12).Draw(rt, "steps")
		for n := range steps {
			creator := rapid.SampledFrom(creators).Draw(rt, "creator")
			amount := money.Fen(rapid.Int64Range(1, 3_000_000).Draw(rt, "fen"))
			w.AdvanceTime(time.Millisecond)
			switch kind := rapid.SampledFrom([]string{"settle", "accrue", "line", "run", "forward", "forward", "act", "act", "parties", "parties", "claim", "file"}).Draw(rt, "step"); kind {
			case "settle":
				w.opened = append(w.opened, string(w.settle(rt, ident.Creator(creator), fmt.Sprintf("live-%d-%d", round, n), amount.String())))
			case "accrue":
				err := w.accruals.PostAccrual(context.Background(), incentive.Accrual{Tenant: settletest.Tenant, Creator: ident.Creator(creator), Day: civil.NewDate(2026, 8, n%30+1), Revision: 1,
					Difference: amount, Total: amount, ClosedAt: w.Now()})
				if err != nil && !fault.HasCode(err, fault.StaleVersion) {
					rt.Fatal(err)
				}
			case "line":
				w.line(rt, ident.Creator(creator), n, amount)
			case "claim":
				w.claim(rt, ident.Creator(creator), fmt.Sprintf("claim-%d-%d", round, n), rapid.SampledFrom(receivable.Raisable()).Draw(rt, "kind"), amount)
			case "file": // the months of every booking so far are filed from here on
				w.SetDate("2026-10-16")
				if _, _, err := w.FilingRecorder(rt).Record(context.Background(), settletest.Tenant, "finance@"+settletest.Tenant, filedmonth.FiledMonth{Entity: settletest.Ordinary,
					Month: civil.MustMonth("2026-09"), FiledOn: civil.MustDate("2026-10-16"), Reference: "r"}); err != nil {
					rt.Fatal(err)
				}
			case "run":
				if _, err := w.statements.OpenDueSettlements(context.Background(), billing.Order{Tenant: settletest.Tenant, By: billing.System}, ident.Creator(creator)); err != nil {
					rt.Fatal(err)
				}
				w.look(rt, ident.Creator(creator))
			case "forward", "act", "parties":
				if len(w.opened) == 0 {
					continue
				}
				id := rapid.SampledFrom(w.opened).Draw(rt, "settlement")
				if kind == "parties" {
					w.parties(rt, id, creators)
					continue
				}
				if kind == "act" {
					w.act(rt, rapid.SampledFrom(acts).Draw(rt, "act"), id)
					continue
				}
				for _, name := range forward[:rapid.IntRange(1, len(forward)).Draw(rt, "how far")] {
					w.act(rt, name, id)
				}
			}
		}
		w.explained(rt, "all steps")
	})
}

// only lists some creators.
type only []string

func (o only) Creators(context.Context, ident.Tenant, string, int) ([]tenancy.Creator, string, error) {
	var out []tenancy.Creator
	for _, id := range o {
		out = append(out, tenancy.Creator{CreatorID: ident.Creator(id)})
	}
	return out, "", nil
}

// fresh gives three creators whom nothing has happened to, and lets the check see only these.
func (w *world) fresh(round int) []string {
	ids := []string{fmt.Sprint("person-", round), fmt.Sprint("worker-", round), fmt.Sprint("studio-", round)}
	w.People.AddCreator(ident.Creator(ids[0]), "natural_person", settletest.Ordinary, tenancy.MCNPays)
	w.People.AddCreator(ident.Creator(ids[1]), "natural_person", settletest.Filed, tenancy.MCNPays)
	w.People.AddCreator(ident.Creator(ids[2]), "individual_business", settletest.Ordinary, tenancy.StudioInvoice)
	for _, id := range ids {
		w.People.Contracts[id].Routes["incentive"] = tenancy.MCNPays
	}
	w.share(ident.Creator(ids[0]), ids[1:]...)
	w.check.Creators, w.opened = only(ids), nil
	return ids
}

func (w *world) line(t rapid.TB, creator ident.Creator, n int, amount money.Amount) {
	raw := fmt.Sprintf(`{"line_id":"l%d","creator_id":%q,"income_type":"live_tip","platform":"douyin","occurred_on":"2026-08-10","service_period":"2026-08",
		"gross_before_platform":%q,"platform_fee":"0.00","refund":"0.00","subsidy":"0.00","distributable":%q}`, n, creator, amount, amount)
	res, err := w.recorder.RecordUpload(context.Background(), income.Upload{Tenant: settletest.Tenant, By: "operator@x", Lines: []json.RawMessage{json.RawMessage(raw)}})
	if err = errors.Join(err, res[0].Err); err != nil {
		t.Fatal(err)
	}
}

// look remembers the settlements that a run opened.
func (w *world) look(t rapid.TB, creator ident.Creator) {
	page, _, err := w.Store.List(context.Background(), settletest.Tenant, settlement.Query{Creator: creator}, "", 100)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, id := range w.opened {
		known[id] = true
	}
	for i := len(page) - 1; i >= 0; i-- {
		if !known[page[i].ID] {
			w.opened = append(w.opened, page[i].ID)
		}
	}
}

// set changes a number behind everybody's back.
func (w *world) set(t *testing.T, k keys.Key, attribute string, fen int64) {
	t.Helper()
	_, err := w.Tables.Client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: aws.String(w.Tables.Ledger), UpdateExpression: aws.String("SET #a = :n"),
		Key:                      map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: k.PK}, "sk": &types.AttributeValueMemberS{Value: k.SK}},
		ExpressionAttributeNames: map[string]string{"#a": attribute}, ExpressionAttributeValues: map[string]types.AttributeValue{":n": &types.AttributeValueMemberN{Value: fmt.Sprint(fen)}}})
	if err != nil {
		t.Fatal(err)
	}
}

// drop removes an item of the ledger.
func (w *world) drop(t *testing.T, k keys.Key) {
	t.Helper()
	_, err := w.Tables.Client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(w.Tables.Ledger),
		Key: map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: k.PK}, "sk": &types.AttributeValueMemberS{Value: k.SK}}})
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsWrongIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		spoil       func(t *testing.T, w *world, s settlement.Settlement)
		unexplained string
		accounts    []string
	}{
		"a changed balance": {func(t *testing.T, w *world, _ settlement.Settlement) {
			w.set(t, keys.Balance(settletest.Tenant, settletest.Person, settletest.Ordinary), "creator.payable", 5)
		}, "0.05", []string{"balance of creator.payable at ent-mcn"}},
		"a lost booking entry": {func(t *testing.T, w *world, s settlement.Settlement) {
			w.drop(t, keys.JournalEntry(settletest.Tenant, settletest.Person, s.BookedEntry))
		}, "4480.00", []string{"balance of creator.payable at ent-mcn", "balance of tax.iit.payable at ent-mcn", "creator.payable", "tax.iit.payable"}},
		"a lost tax row": {func(t *testing.T, w *world, _ settlement.Settlement) {
			w.drop(t, keys.TaxRows(settletest.Tenant, settletest.Ordinary, "tp-"+settletest.Person, 2026, 1))
		}, "1120.00", []string{"tax.iit.payable"}},
		"a changed bucket": {func(t *testing.T, w *world, _ settlement.Settlement) {
			err := w.accruals.PostAccrual(t.Context(), incentive.Accrual{Tenant: settletest.Tenant, Creator: settletest.Person, Day: civil.MustDate("2026-09-01"), Revision: 1,
				Difference: money.Yuan(2), Total: money.Yuan(2), ClosedAt: w.Now()})
			if err != nil {
				t.Fatal(err)
			}
			w.set(t, keys.Bucket(settletest.Tenant, settletest.Person, civil.MustMonth("2026-09"), "incentive"), "dist", 150)
		}, "0.50", []string{"creator.accrued"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			id := w.settle(t, settletest.Person, "live-1", "10000.00")
			for _, act := range []string{"quote", "submit", "approve", "book", string(payout.Paid)} {
				w.act(t, act, string(id))
			}
			w.explained(t, "payment")
			_, s := w.intent(t, identity.Auditor, string(id))
			c.spoil(t, w, s)
			r := w.page(t)
			var accounts []string
			for _, d := range r.Differences {
				accounts = append(accounts, d.Account)
				if d.CreatorID != settletest.Person || d.Actual.Sub(d.Expected) != d.Difference {
					t.Errorf("difference %+v", d)
				}
			}
			if r.Unexplained != money.MustParse(c.unexplained) || fmt.Sprint(accounts) != fmt.Sprint(c.accounts) {
				t.Errorf("%s unexplained: %+v", r.Unexplained, r.Differences)
			}
		})
	}
}

func TestHandle(t *testing.T) {
	w := open(t)
	ask := func(tenant ident.Tenant, cursor string) (httpapi.Response, error) {
		return w.check.HandleCheck(t.Context(), &httpapi.Request{Principal: identity.Principal{Tenant: tenant}, Query: url.Values{"cursor": {cursor}}})
	}
	res, err := ask(settletest.Tenant, "")
	if report, ok := res.Body.(ledgercheck.Report); err != nil || !ok || report.Accounts == nil || report.Differences == nil || report.NextCursor != nil {
		t.Errorf("%+v, %v", res, err)
	}
	if _, err := ask(settletest.Tenant, string(make([]byte, 65))); !fault.HasCode(err, fault.InvalidInput) {
		t.Errorf("a long cursor: %v", err)
	}
}

func TestAStatementWhoseReopenedPayoutWasRejectedOpensAgain(t *testing.T) {
	w := open(t)
	w.line(t, settletest.Person, 1, money.Yuan(100))
	run := func() billing.Report {
		t.Helper()
		r, err := w.statements.OpenDueSettlements(t.Context(), billing.Order{Tenant: settletest.Tenant, By: billing.System}, settletest.Person)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	run()
	w.look(t, settletest.Person)
	for _, name := range []string{"quote", "submit", "approve", "book", string(payout.Failed), "reopen"} {
		w.act(t, name, w.opened[0])
	}
	if r := run(); r.Opened != 0 || r.Already != 1 {
		t.Fatalf("a reopened payable is alive: %+v", r)
	}
	w.act(t, "submit", w.opened[1])
	in, _ := w.intent(t, identity.Approver, w.opened[1])
	if _, err := w.Transition(t.Context(), in, settlement.Failed); err != nil {
		t.Fatal(err)
	}
	if r := run(); r.Opened != 1 {
		t.Fatalf("after the rejection: %+v", r)
	}
	if r := run(); r.Opened != 0 || r.Already != 1 {
		t.Fatalf("again: %+v", r)
	}
	_, first := w.intent(t, identity.Auditor, w.opened[0])
	if _, third := w.intent(t, identity.Auditor, settlement.IDOf(first.Identity, 3)); third.Gross != first.Gross || third.Source != settlement.SourceClearing {
		t.Errorf("third occurrence %+v", third)
	}
}
