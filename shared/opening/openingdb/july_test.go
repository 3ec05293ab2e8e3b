package openingdb_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/books/ledgercheck"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/opening"
	"fenzhang/shared/opening/openingdb"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/tenancy"
)

// never has sealed nothing.
type never struct{ sealed bool }

func (n never) HasSealedPeriod(context.Context, ident.Tenant) (bool, error) { return n.sealed, nil }

// world is a tenant into which a workbook is imported.
type world struct {
	*settletest.World
	imports *opening.Service
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{World: settletest.OpenIn(t, dynamotest.OpenInMemory(t))}
	k := w.People.Contracts[settletest.Worker]
	k.From = civil.MustDate("2025-12-01") // January pays December
	w.People.Contracts[settletest.Worker] = k
	w.People.ApprovedPositions = []tenancy.Position{{Version: tenancy.Version{From: civil.MustDate("2026-11-01")}, PositionID: "pos-28",
		Rule: "vat.natural_person.withholding", Reading: "daily_1000_at_1pct", DecidedBy: "a", ApprovedBy: "b"}}
	token := ids.NewSource(time.Now)
	store := &openingdb.Store{Rows: w.Store, DB: w.Tables.Client, Ledger: w.Tables.Ledger, Outbox: w.Tables.Settlements, NewToken: token}
	w.imports = &opening.Service{Directory: w.People, Store: store, Periods: never{}, Payer: w.Service, Clock: w.Clock, NewID: w.NextID}
	return w
}

// month settles, books and pays one month's income of the worker and gives the income tax that was withheld.
func (w *world) month(t *testing.T, month civil.Month, amount string) money.Amount {
	t.Helper()
	ctx := t.Context()
	w.SetDate(month.Day(26).String()) // past the pay day, wherever holidays move it
	r := settletest.SettleRequest(settletest.Worker, "live-"+month.String(), amount)
	r.TS = settlement.Millis(month.Add(-1).Day(20).Start().UnixMilli())
	a, _, err := w.Settle(ctx, settletest.CallerWith(identity.Operator), "key-live-"+month.String(), r)
	if err != nil {
		t.Fatal(err)
	}
	return w.pay(t, string(a.SettlementID))
}

// pay takes an open settlement to its end.
func (w *world) pay(t *testing.T, id string) money.Amount {
	t.Helper()
	ctx := t.Context()
	if err := w.Quote(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		t.Fatal(err)
	}
	for _, move := range []struct {
		role identity.Role
		to   settlement.Status
	}{{identity.Finance, settlement.InReview}, {identity.Approver, settlement.Approved}} {
		s := w.load(t, id)
		if _, err := w.Transition(ctx, settlement.Intent{By: settletest.CallerWith(move.role), ID: id, Version: s.StatusVersion}, move.to); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Book(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		t.Fatal(err)
	}
	p, err := w.Payables.Load(ctx, settletest.Tenant, ident.Settlement(id))
	if err != nil || p.Status != string(settlement.Paying) {
		t.Fatalf("%+v %v", p, err)
	}
	if err := w.Payables.MarkSent(ctx, p, w.Now()); err != nil {
		t.Fatal(err)
	}
	if err := w.Payables.RecordOutcome(ctx, p, payout.Outcome{State: payout.Paid, At: w.Now()}); err != nil {
		t.Fatal(err)
	}
	s := w.load(t, id)
	f, err := w.Store.Figures(ctx, settletest.Tenant, id, s.Booking)
	if err != nil {
		t.Fatal(err)
	}
	var iit money.Amount
	for _, l := range f.Result.Taxes {
		if l.Tax == tax.IIT {
			iit = iit.Add(l.Amount)
		}
	}
	return iit
}

func (w *world) load(t *testing.T, id string) settlement.Settlement {
	t.Helper()
	s, err := w.Store.Load(t.Context(), settletest.Tenant, ident.Settlement(id))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// history is what a year's bookings so far look like in the workbook: a row for each tax, item and month.
func (w *world) history(t *testing.T, year int) [][]string {
	t.Helper()
	bookings, err := w.Store.TaxRows(t.Context(), settletest.Tenant, settletest.Filed, "tp-"+settletest.Worker, year)
	if err != nil {
		t.Fatal(err)
	}
	head := []string{"paying_entity", "creator_id", "tax", "item", "platform", "month", "income", "received", "sales", "withheld", "collection", "document"}
	out := [][]string{head}
	for _, b := range bookings {
		for _, r := range b.Rows {
			out = append(out, []string{settletest.Filed, settletest.Worker, r.Kind, r.Item, r.Platform, r.Period[:7], shown(r.Income), shown(r.Received), shown(r.Sales),
				r.Withheld.String(), r.Collection, "return of " + r.Period[:7]})
		}
	}
	return out
}

func shown(a money.Amount) string {
	if a.IsZero() {
		return ""
	}
	return a.String()
}

func (w *world) hand(t *testing.T, id string, book opening.Book) []opening.Problem {
	t.Helper()
	file := []byte(fmt.Sprint(book))
	_, problems, err := w.imports.CheckImport(t.Context(), settletest.CallerWith(identity.Finance), id, file, book)
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) > 0 {
		return problems
	}
	for range 2 { // the second time everything is there already
		r, problems, err := w.imports.ApproveImport(t.Context(), settletest.CallerWith(identity.Approver), id, file, book)
		if err != nil || len(problems) > 0 || r.State != opening.Posted || r.ApprovedBy == r.CheckedBy {
			t.Fatalf("%+v %+v %v", r, problems, err)
		}
	}
	return nil
}

// A tenant that begins in July with the first half's history withholds in each later month what one does that has
// been here since January; December's cumulative tax included.
func TestATenantThatBeginsInJulyGetsDecemberRight(t *testing.T) {
	amounts := []string{"30000.00", "5000.00", "88000.00", "12000.50", "700.00", "64000.01", "41000.00", "90000.00", "100.00", "55000.00", "30000.00", "72000.00"}
	since, begun := open(t), open(t)
	for n := range 6 {
		since.month(t, civil.NewMonth(2026, 1).Add(n), amounts[n])
	}
	begun.SetDate("2026-07-01")
	if problems := begun.hand(t, "half-year", opening.Book{opening.Withholding: since.history(t, 2026)}); problems != nil {
		t.Fatalf("%+v", problems)
	}
	var total money.Amount
	for n := 6; n < 12; n++ {
		month := civil.NewMonth(2026, 1).Add(n)
		a, b := since.month(t, month, amounts[n]), begun.month(t, month, amounts[n])
		if a != b {
			t.Errorf("%s: %s withheld, by one who has been here since January %s", month, b, a)
		}
		total = total.Add(b)
	}
	if !total.Positive() {
		t.Fatal("no month was taxed, so that nothing is proven")
	}
	without := open(t)
	for n := 6; n < 12; n++ {
		without.month(t, civil.NewMonth(2026, 1).Add(n), amounts[n])
	}
	if a, b := december(t, begun), december(t, without); a == b {
		t.Errorf("December is %s with history and without", a)
	}
}

// december is the year's cumulative tax of the rows that stand.
func december(t *testing.T, w *world) money.Amount {
	t.Helper()
	bookings, err := w.Store.TaxRows(t.Context(), settletest.Tenant, settletest.Filed, "tp-"+settletest.Worker, 2026)
	if err != nil {
		t.Fatal(err)
	}
	var sum money.Amount
	for _, b := range bookings {
		for _, r := range b.Rows {
			if r.Kind == tax.IIT {
				sum = sum.Add(r.Withheld)
			}
		}
	}
	return sum
}

func TestAPayableFromBeforeIsPaidLikeAnyOther(t *testing.T) {
	w := open(t)
	w.SetDate("2026-07-15")
	book := opening.Book{opening.Payables: {{"external_ref", "creator_id", "income_type", "service_period", "amount"}, {"OLD-1", settletest.Person, "live_tip", "2026-06", "1000.00"}}}
	if problems := w.hand(t, "payables", book); problems != nil {
		t.Fatalf("%+v", problems)
	}
	all, _, err := w.Store.List(t.Context(), settletest.Tenant, settlement.Query{}, "", 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d settlements, %v", len(all), err)
	}
	if s := all[0]; s.CreatorShare() != money.MustParse("1000.00") || s.Gross != s.CreatorShare() || len(s.Shares) != 1 {
		t.Errorf("%+v", s)
	}
	if iit := w.pay(t, all[0].ID); iit != money.MustParse("40.00") {
		t.Errorf("income tax %s", iit)
	}
	book2 := ledgerdb.Book{DB: w.Tables.Client, Table: w.Tables.Ledger}
	entries, err := book2.Entries(t.Context(), settletest.Tenant, settletest.Person)
	if err != nil {
		t.Fatal(err)
	}
	sums := ledger.SumByAccount(entries)
	if sums[ledger.OpeningBalance] != money.MustParse("1000.00") || !sums[ledger.CreatorPayable].IsZero() || !sums[ledger.MCNRevenue].IsZero() {
		t.Errorf("%v", sums)
	}
}

// What the books before have taxed is paid whole by the same life, and no tax comes of it, not even when it is paid again.
func TestAPayableTaxedBeforeIsOnlyPaid(t *testing.T) {
	w := open(t)
	w.SetDate("2026-07-15")
	head := []string{"external_ref", "creator_id", "income_type", "service_period", "amount", "taxed", "tax_document"}
	book := opening.Book{opening.Payables: {head, {"OLD-1", settletest.Person, "live_tip", "2026-06", "960.00", "yes", "return of 2026-06"}}}
	if problems := w.hand(t, "payables", book); problems != nil {
		t.Fatalf("%+v", problems)
	}
	all, _, err := w.Store.List(t.Context(), settletest.Tenant, settlement.Query{}, "", 10)
	if err != nil || len(all) != 1 || !all[0].TaxedBefore() || !all[0].BroughtForward() {
		t.Fatalf("%+v, %v", all, err)
	}
	if iit := w.pay(t, all[0].ID); !iit.IsZero() {
		t.Errorf("income tax %s", iit)
	}
	first := w.load(t, all[0].ID)
	if first.Net != money.MustParse("960.00") || first.ToPay != first.Net {
		t.Errorf("net %s, paid %s", first.Net, first.ToPay)
	}
	p, err := w.Payables.Load(t.Context(), settletest.Tenant, ident.Settlement(first.ID))
	if err == nil {
		err = w.Payables.RecordOutcome(t.Context(), p, payout.Outcome{State: payout.Returned, At: w.Now()})
	}
	if err != nil {
		t.Fatal(err)
	}
	again, err := w.Reopen(t.Context(), settlement.Intent{By: settletest.CallerWith(identity.Approver), ID: first.ID, Version: first.StatusVersion, Reason: "came back"})
	if err != nil {
		t.Fatal(err)
	}
	second := w.secondApproval(t, again.ID)
	if second.Net != money.MustParse("960.00") || !second.TaxedBefore() {
		t.Errorf("paid again: %+v", second)
	}
	bookings, err := w.Store.TaxRows(t.Context(), settletest.Tenant, first.Entity, first.TaxpayerID, 2026)
	for _, b := range bookings {
		if len(b.Rows) > 0 {
			t.Errorf("rows of tax: %+v", b)
		}
	}
	entries, err2 := ledgerdb.Book{DB: w.Tables.Client, Table: w.Tables.Ledger}.Entries(t.Context(), settletest.Tenant, settletest.Person)
	sums := ledger.SumByAccount(entries)
	if err != nil || err2 != nil || sums[ledger.OpeningBalance] != money.MustParse("960.00") || !sums[ledger.CreatorPayable].IsZero() || sums[ledger.GatewayClearing] != money.MustParse("-960.00") {
		t.Errorf("%v %v %v", sums, err, err2)
	}
	check := ledgercheck.Service{Journal: ledgerdb.Book{DB: w.Tables.Client, Table: w.Tables.Ledger}, Settlements: w.Store,
		Buckets: &incomedb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: w.NextID},
		Days:    incentivedb.NewDays(w.Tables.Client, w.Tables.Incentives), Creators: w.People}
	if r, err := check.CheckPage(t.Context(), settletest.Tenant, ""); err != nil || !r.Unexplained.IsZero() || len(r.Differences) > 0 {
		t.Errorf("the books: %+v %v", r, err)
	}
	for name, row := range map[string][]string{
		"before tax":          {"OLD-1", settletest.Person, "live_tip", "2026-06", "960.00", "", ""},
		"with another amount": {"OLD-1", settletest.Person, "live_tip", "2026-06", "961.00", "yes", "return of 2026-06"},
	} {
		file := opening.Book{opening.Payables: {head, row}}
		content := []byte(fmt.Sprint(file))
		if _, _, err := w.imports.CheckImport(t.Context(), settletest.CallerWith(identity.Finance), "again-"+row[4], content, file); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.imports.ApproveImport(t.Context(), settletest.CallerWith(identity.Approver), "again-"+row[4], content, file); !fault.HasCode(err, fault.OtherContent) {
			t.Errorf("the same reference %s: %v", name, err)
		}
	}
}

// secondApproval pays a reopened settlement, with an approver who did not reopen it.
func (w *world) secondApproval(t *testing.T, id string) settlement.Settlement {
	t.Helper()
	ctx := t.Context()
	if err := w.Quote(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		t.Fatal(err)
	}
	other := settletest.CallerWith(identity.Approver)
	other.Subject = "second-approver@" + settletest.Tenant
	for i, by := range []identity.Principal{settletest.CallerWith(identity.Finance), other} {
		if _, err := w.Transition(ctx, settlement.Intent{By: by, ID: id, Version: 1 + i}, []settlement.Status{settlement.InReview, settlement.Approved}[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Book(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		t.Fatal(err)
	}
	p, err := w.Payables.Load(ctx, settletest.Tenant, ident.Settlement(id))
	if err == nil {
		err = w.Payables.MarkSent(ctx, p, w.Now())
	}
	if err == nil {
		err = w.Payables.RecordOutcome(ctx, p, payout.Outcome{State: payout.Paid, At: w.Now()})
	}
	if err != nil {
		t.Fatal(err)
	}
	return w.load(t, id)
}

func TestRowsThatCannotBeAreRefusedByTheirCell(t *testing.T) {
	w := open(t)
	w.month(t, civil.NewMonth(2026, 6), "10000.00")
	head := w.history(t, 2026)[0]
	book := opening.Book{opening.Withholding: {head,
		{settletest.Filed, settletest.Worker, "IIT", "labor_platform", "douyin", "2026-05", "1.00", "", "", "0.00", "withheld", "d"},
		{"ent-none", settletest.Person, "IIT", "labor", "", "2026-05", "1.00", "", "", "0.00", "withheld", "d"},
		{settletest.Ordinary, "c-none", "IIT", "labor", "", "2026-05", "1.00", "", "", "0.00", "withheld", "d"},
		{settletest.Ordinary, settletest.Person, "IIT", "gifts", "", "2025-12", "", "", "", "0.00", "withheld", "d"},
		{settletest.Ordinary, settletest.Person, "VAT", "labor", "", "2026-12", "", "1.01", "", "0.00", "withheld", "d"},
	}, opening.Payables: {{"external_ref", "creator_id", "income_type", "service_period", "amount"}, {"OLD-1", settletest.Person, "xingtu_ad", "2026-06", "1000.00"}}}
	problems := w.hand(t, "bad", book)
	var got []string
	for _, p := range problems {
		got = append(got, p.CellPath())
	}
	want := "payables.2.income_type withholding.2.creator_id withholding.3.paying_entity withholding.4.creator_id withholding.5.item withholding.5.month withholding.5.income withholding.6.month withholding.6.sales"
	if strings.Join(got, " ") != want {
		t.Errorf("%+v", problems)
	}
	if _, err := w.imports.Store.ReadRecord(t.Context(), settletest.Tenant, "bad"); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("a refused file was kept: %v", err)
	}
}

func TestAnImportNeedsTwoPeopleTheSameFileAndAnOpenYear(t *testing.T) {
	w := open(t)
	w.SetDate("2026-07-15")
	book := opening.Book{opening.Payables: {{"external_ref", "creator_id", "income_type", "service_period", "amount"}, {"OLD-1", settletest.Person, "live_tip", "2026-06", "1.00"}}}
	check := func(file string) error {
		_, _, err := w.imports.CheckImport(t.Context(), settletest.CallerWith(identity.Finance), "one", []byte(file), book)
		return err
	}
	approve := func(role identity.Role, file string) error {
		_, _, err := w.imports.ApproveImport(t.Context(), settletest.CallerWith(role), "one", []byte(file), book)
		return err
	}
	if err := approve(identity.Approver, "a"); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("not handed in: %v", err)
	}
	if err := check("a"); err != nil {
		t.Fatal(err)
	}
	if err := check("a"); err != nil {
		t.Errorf("handed in again: %v", err)
	}
	if err := check("b"); !fault.HasCode(err, fault.OtherContent) {
		t.Errorf("another file under the same id: %v", err)
	}
	if err := approve(identity.Approver, "b"); !fault.HasCode(err, fault.OtherContent) {
		t.Errorf("approved another file: %v", err)
	}
	if err := approve(identity.Finance, "a"); !fault.HasCode(err, fault.Forbidden) {
		t.Errorf("approved one's own: %v", err)
	}
	w.imports.Periods = never{sealed: true}
	if err := approve(identity.Approver, "a"); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("after a sealed period: %v", err)
	}
	if err := check("c"); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("handed in after a sealed period: %v", err)
	}
}
