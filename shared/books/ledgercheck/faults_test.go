package ledgercheck_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/books/ledgercheck"
	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/settletest"
)

// change rewrites an item of a table behind everybody's back; nil removes it.
func (w *world) change(t *testing.T, table string, k keys.Key, how func(item map[string]types.AttributeValue)) {
	t.Helper()
	key := map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: k.PK}, "sk": &types.AttributeValueMemberS{Value: k.SK}}
	out, err := w.Tables.Client.GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(table), Key: key, ConsistentRead: aws.Bool(true)})
	if err != nil || out.Item == nil {
		t.Fatalf("%s: nothing to spoil: %v", k, err)
	}
	if how == nil {
		_, err = w.Tables.Client.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String(table), Key: key})
	} else {
		how(out.Item)
		_, err = w.Tables.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(table), Item: out.Item})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fen sets a number of an item.
func fen(attribute string, n int64) func(map[string]types.AttributeValue) {
	return func(it map[string]types.AttributeValue) {
		it[attribute] = &types.AttributeValueMemberN{Value: fmt.Sprint(n)}
	}
}

// rows changes a booking of tax rows.
func rows(t *testing.T, how func(*settlement.Booking)) func(map[string]types.AttributeValue) {
	return func(it map[string]types.AttributeValue) {
		var b settlement.Booking
		if err := json.Unmarshal([]byte(it["doc"].(*types.AttributeValueMemberS).Value), &b); err != nil {
			t.Fatal(err)
		}
		how(&b)
		doc, err := json.Marshal(b)
		if err != nil {
			t.Fatal(err)
		}
		it["doc"] = &types.AttributeValueMemberS{Value: string(doc)}
	}
}

// spoiled is a creator with two payables that are paid, one of them reopened, an accrued day and an advance.
type spoiled struct {
	*world
	healthy, sick settlement.Settlement
	day           civil.Date
	accrual       string // id of its entry
}

func (s *spoiled) ledger() string { return s.Tables.Ledger }

func toSpoil(t *testing.T) *spoiled {
	w := &spoiled{world: over(settletest.OpenIn(t, dynamotest.OpenInMemory(t))), day: civil.MustDate("2026-09-01")}
	paid := []string{"quote", "submit", "approve", "book", string(payout.Paid)}
	first, second := w.settle(t, settletest.Person, "live-1", "10000.00"), w.settle(t, settletest.Person, "live-2", "300.00")
	for _, name := range paid {
		w.act(t, name, string(first))
		w.act(t, name, string(second))
	}
	for _, name := range []string{string(payout.Returned), "reopen"} {
		w.act(t, name, string(first))
	}
	for _, name := range paid {
		w.act(t, name, w.opened[0])
	}
	if err := w.accruals.PostAccrual(t.Context(), incentive.Accrual{Tenant: settletest.Tenant, Creator: settletest.Person, Day: w.day, Revision: 1,
		Difference: money.Yuan(2), Total: money.Yuan(2), ClosedAt: w.Now()}); err != nil {
		t.Fatal(err)
	}
	w.claim(t, settletest.Person, "adv", receivable.Advance, yuan("50.00"))
	w.explained(t, "all that is to be spoiled")
	_, w.healthy = w.intent(t, identity.Auditor, string(second))
	_, w.sick = w.intent(t, identity.Auditor, w.opened[0])
	entries, err := w.check.Journal.Entries(t.Context(), settletest.Tenant, settletest.Person)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Reason, "incentives of ") {
			w.accrual = e.ID
		}
	}
	return w
}

func (s *spoiled) entry(id string) keys.Key {
	return keys.JournalEntry(settletest.Tenant, settletest.Person, id)
}

// taxRow finds the number of the rows of the sick settlement.
func (s *spoiled) taxRow(t *testing.T) keys.Key {
	t.Helper()
	all, err := s.Store.TaxRows(t.Context(), settletest.Tenant, settletest.Ordinary, "tp-"+settletest.Person, 2026)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(all, func(b settlement.Booking) bool {
		return b.Settlement == ident.Settlement(s.sick.ID) && b.Kind == settlement.KindBooking
	})
	return keys.TaxRows(settletest.Tenant, settletest.Ordinary, "tp-"+settletest.Person, 2026, all[i].Seq)
}

// told writes differences as "account [paying entity taxpayer month] actual-expected: objects".
func told(found []ledgercheck.Difference) []string {
	var out []string
	for _, d := range found {
		text := d.Account
		if d.Taxpayer != "" {
			text += string(" "+d.Entity+" ") + string(d.Taxpayer) + " " + d.TaxPeriod.String()
		}
		out = append(out, fmt.Sprintf("%s %s: %s", text, d.Difference, strings.Join(d.Objects, " ")))
	}
	return out
}

// Each kind of fault, planted in the tables behind everybody's back, is named with the objects to look at, and with no
// other; the closing of the month finds it by the check that is there for it.
func TestPlantedFaultsAreNamed(t *testing.T) {
	tax := func(month, difference string) string {
		return "tax.iit.payable ent-mcn tp-c-person " + month + " " + difference + ": SICK"
	}
	for name, c := range map[string]struct {
		plant func(t *testing.T, s *spoiled)
		want  []string // SICK and ACCRUAL stand for ids
		check string   // that fails in the review of September
	}{
		"a changed balance": {func(t *testing.T, s *spoiled) {
			s.change(t, s.ledger(), keys.Balance(settletest.Tenant, settletest.Person, settletest.Ordinary), fen("mcn.revenue", 5))
		}, []string{"balance of mcn.revenue at ent-mcn 3090.05: "}, period.CheckBalances},
		"a lost opening": {func(t *testing.T, s *spoiled) {
			_, first := s.intent(t, identity.Auditor, string(s.sick.Reopens))
			s.change(t, s.ledger(), s.entry(first.OpenedBy), nil)
		}, []string{"balance of creator.payable at ent-mcn -7000.00: SICK", "balance of mcn.revenue at ent-mcn -3000.00: ",
			"balance of platform.clearing at ent-mcn 10000.00: SICK", "creator.payable 7000.00: SICK", "platform.clearing -10000.00: SICK"}, period.CheckUnexplained},
		"a lost booking": {func(t *testing.T, s *spoiled) {
			s.change(t, s.ledger(), s.entry(s.sick.BookedEntry), nil)
		}, []string{"balance of creator.payable at ent-mcn 1120.00: SICK", "balance of tax.iit.payable at ent-mcn -1120.00: SICK",
			"creator.payable -1120.00: SICK", tax("2026-09", "1120.00")}, period.CheckTaxRows},
		"a tax row of another amount": {func(t *testing.T, s *spoiled) {
			s.change(t, s.ledger(), s.taxRow(t), rows(t, func(b *settlement.Booking) { b.Rows[0].Withheld = b.Rows[0].Withheld.Add(money.Fen(1)) }))
		}, []string{tax("2026-09", "0.01")}, period.CheckTaxRows},
		"a tax row of another month": {func(t *testing.T, s *spoiled) {
			s.change(t, s.ledger(), s.taxRow(t), rows(t, func(b *settlement.Booking) { b.On = civil.MustDate("2026-10-15") }))
		}, []string{tax("2026-09", "-1120.00"), tax("2026-10", "1120.00")}, period.CheckTaxRows},
		"tax rows without a row": {func(t *testing.T, s *spoiled) {
			s.change(t, s.ledger(), s.taxRow(t), rows(t, func(b *settlement.Booking) { b.Rows = nil }))
		}, []string{tax("2026-09", "-1120.00")}, period.CheckTaxRows},
		"a receivable that is open for more": {func(t *testing.T, s *spoiled) {
			s.change(t, s.ledger(), keys.Receivable(settletest.Tenant, settletest.Person, settletest.Ordinary, "adv"), fen("opn", 6000))
		}, []string{"creator.receivable -10.00: adv", "receivable adv over its amount 10.00: adv"}, period.CheckUnexplained},
		"a lost receivable": {func(t *testing.T, s *spoiled) {
			s.change(t, s.ledger(), keys.Receivable(settletest.Tenant, settletest.Person, settletest.Ordinary, "adv"), nil)
		}, []string{"creator.receivable 50.00: RAISED", "gateway.clearing -50.00: RAISED"}, period.CheckUnexplained},
		"a closed day of another amount": {func(t *testing.T, s *spoiled) {
			s.change(t, s.Tables.Incentives, keys.DayClose(settletest.Tenant, s.day, settletest.Person), fen("cash", 150))
		}, []string{"accrual of 2026-09-01 0.50: ACCRUAL 2026-09#incentive"}, period.CheckAccruals},
		"a lost closed day": {func(t *testing.T, s *spoiled) {
			s.change(t, s.Tables.Incentives, keys.DayClose(settletest.Tenant, s.day, settletest.Person), nil)
		}, []string{"accrual of 2026-09-01 2.00: ACCRUAL 2026-09#incentive"}, period.CheckAccruals},
		"a lost accrual": {func(t *testing.T, s *spoiled) {
			s.change(t, s.ledger(), s.entry(s.accrual), nil)
		}, []string{"accrual of 2026-09-01 -2.00: 2026-09#incentive", "balance of creator.accrued at ent-mcn -2.00: 2026-09#incentive",
			"balance of mcn.incentive_cost at ent-mcn 2.00: ", "creator.accrued 2.00: 2026-09#incentive"}, period.CheckAccruals},
		"a bucket of another amount": {func(t *testing.T, s *spoiled) {
			s.change(t, s.ledger(), keys.Bucket(settletest.Tenant, settletest.Person, civil.MustMonth("2026-09"), "incentive"), fen("dist", 150))
		}, []string{"creator.accrued -0.50: 2026-09#incentive"}, period.CheckAccruals},
	} {
		t.Run(name, func(t *testing.T) {
			s := toSpoil(t)
			raised := s.raisedBy(t, "adv")
			c.plant(t, s)
			found := s.page(t).Differences
			ids := strings.NewReplacer("SICK", s.sick.ID, "ACCRUAL", s.accrual, "RAISED", raised)
			want := make([]string, len(c.want))
			for i := range c.want {
				want[i] = ids.Replace(c.want[i])
			}
			if got := told(found); strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("found\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
			reviewer := ledgercheck.Reviewer{Service: s.check, Contracts: s.People, TrueUps: s.TrueUps(t)}
			book, err := reviewer.Review(context.Background(), settletest.Tenant, settletest.Ordinary, settletest.Person, civil.NewMonth(2026, 9))
			if err != nil || !slices.ContainsFunc(book.Findings, func(f period.Finding) bool { return f.Check == c.check }) {
				t.Errorf("the review does not fail by %s: %+v %v", c.check, book.Findings, err)
			}
		})
	}
}

// raisedBy is the entry that raised a receivable.
func (s *spoiled) raisedBy(t *testing.T, id string) string {
	t.Helper()
	all, err := s.check.Settlements.Receivables(t.Context(), settletest.Tenant, settletest.Person, settletest.Ordinary)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range all {
		if r.ID == id {
			return r.Act
		}
	}
	t.Fatalf("no receivable %s", id)
	return ""
}

// A creator with more wrong objects than a difference tells names the first of them.
func TestObjectsAreBounded(t *testing.T) {
	w := over(settletest.OpenIn(t, dynamotest.OpenInMemory(t)))
	for n := range 12 {
		id := w.settle(t, settletest.Person, fmt.Sprintf("live-%02d", n), "100.00")
		_, s := w.intent(t, identity.Auditor, string(id))
		w.change(t, w.Tables.Ledger, keys.JournalEntry(settletest.Tenant, settletest.Person, s.OpenedBy), nil)
	}
	for _, d := range w.page(t).Differences {
		if d.Account == "creator.payable" && (len(d.Objects) != 10 || !slices.IsSorted(d.Objects)) {
			t.Errorf("%+v", d)
		}
	}
}
