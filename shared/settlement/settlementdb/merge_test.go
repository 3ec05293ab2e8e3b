package settlementdb_test

import (
	"context"
	"errors"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/statement"
)

// passport is a second account of the person, recorded with another paper.
const (
	passport = "c-passport"
	merged   = "tp-" + passport
	survivor = "tp-" + settletest.Person
)

// twice is a world in which one person is recorded as two taxpayers, and what merges them.
func twice(t *testing.T) (*settletest.World, *settlement.Merging) {
	t.Helper()
	w := settletest.Open(t)
	w.People.AddCreator(passport, "natural_person", settletest.Ordinary, "mcn_pays")
	return w, w.Merging(t, settletest.Filed, settletest.Ordinary)
}

// one writes the merge into the master data, as its own transaction does.
func one(w *settletest.World) {
	p := w.People.Taxpayers[merged]
	p.MergedInto = survivor
	w.People.Taxpayers[merged] = p
	c := w.People.People[passport]
	c.TaxpayerID = survivor
	w.People.People[passport] = c
}

func carry(t *testing.T, w *settletest.World, m *settlement.Merging) {
	t.Helper()
	one(w)
	if err := m.ApplyMerge(context.Background(), settletest.Tenant, merged, survivor, "admin@"+settletest.Tenant); err != nil {
		t.Fatal(err)
	}
}

func listOf(t *testing.T, w *settletest.World, taxpayer ident.Taxpayer) []settlement.Booking {
	t.Helper()
	return must[[]settlement.Booking](t)(w.Store.TaxRows(context.Background(), settletest.Tenant, settletest.Ordinary, taxpayer, 2026))
}

// totals are income and withheld income tax of a list.
func totals(list []settlement.Booking) (income, withheld money.Amount) {
	for _, b := range list {
		for _, r := range b.Rows {
			if r.Kind == tax.IIT {
				income, withheld = income.Add(r.Income), withheld.Add(r.Withheld)
			}
		}
	}
	return income, withheld
}

func wantTotals(t *testing.T, what string, list []settlement.Booking, income, withheld string) {
	t.Helper()
	if i, k := totals(list); i != money.MustParse(income) || k != money.MustParse(withheld) {
		t.Errorf("%s: income %s, withheld %s; want %s and %s", what, i, k, income, withheld)
	}
}

func TestMergedTaxpayersAreTaxedAsOne(t *testing.T) {
	ctx := context.Background()
	w, m := twice(t)
	book(t, w, string(settle(t, w, settletest.Person, "live-1", "4000.00"))) // (2,800 - 800) x 20%
	book(t, w, string(settle(t, w, passport, "live-2", "4000.00")))
	open := settle(t, w, passport, "live-3", "4000.00")
	if err := w.Quote(ctx, settletest.Tenant, open); err != nil {
		t.Fatal(err)
	}
	carry(t, w, m)
	wantTotals(t, "the merged one's rows", listOf(t, w, merged), "0.00", "0.00")
	wantTotals(t, "the survivor's rows", listOf(t, w, survivor), "5600.00", "800.00")
	wantTotals(t, "one person's year", settlement.BookingsOfPerson(listOf(t, w, survivor)), "5600.00", "800.00")
	if got := settlement.BookingsOfPerson(listOf(t, w, merged)); got != nil {
		t.Errorf("the closed list counts too: %+v", got)
	}
	carry(t, w, m)
	if n, k := len(listOf(t, w, merged)), len(listOf(t, w, survivor)); n != 2 || k != 2 {
		t.Errorf("merged again, the lists have %d and %d bookings", n, k)
	}
	moved := load(t, w, string(open))
	if moved.TaxpayerID != survivor || moved.DueOperation() != settlement.OpQuote {
		t.Errorf("the open settlement: %s, due %q", moved.TaxpayerID, moved.DueOperation())
	}
	if got := must[[]settlement.Settlement](t)(w.Store.OpenOf(ctx, settletest.Tenant, settletest.Ordinary, survivor)); len(got) != 1 || ident.Settlement(got[0].ID) != open {
		t.Errorf("the index shows %+v", got)
	}
	law := must[*tax.Corpus](t)(taxpack.LoadEmbedded())
	if got := prepare(t, corrections(t, w, law), ask("cor-1")); got.Additional != money.MustParse("96.00") { // 5,600 x 80% x 20% = 896
		t.Errorf("the open true-up is %s", got.Additional)
	}
	closed := ask("cor-2")
	closed.Taxpayer = merged
	if _, _, err := corrections(t, w, law).Prepare(ctx, finance, closed); !fault.HasCode(err, fault.IllegalMove) {
		t.Errorf("a correction of the closed list: %v", err)
	}
	booked := book(t, w, string(open)) // 8,400 x 80% x 20% = 1,344, less 800
	if booked.TaxpayerID != survivor || booked.Net != money.MustParse("2256.00") {
		t.Errorf("booked as %s with net %s", booked.TaxpayerID, booked.Net)
	}
	wantTotals(t, "after the booking", settlement.BookingsOfPerson(listOf(t, w, survivor)), "8400.00", "1344.00")
}

func TestFiledMonthsStayWhereTheyAre(t *testing.T) {
	w, m := twice(t)
	book(t, w, string(settle(t, w, passport, "live-1", "4000.00")))
	w.SetDate("2026-10-15")
	if _, _, err := w.FilingRecorder(t).Record(context.Background(), settletest.Tenant, "finance", filedmonth.FiledMonth{Entity: settletest.Ordinary, Month: civil.MustMonth("2026-09"), FiledOn: civil.MustDate("2026-10-12"), Reference: "r-1"}); err != nil {
		t.Fatal(err)
	}
	book(t, w, string(settle(t, w, passport, "live-2", "8000.00"))) // 5,600 x 80% x 20%
	carry(t, w, m)
	wantTotals(t, "what stays", listOf(t, w, merged), "2800.00", "400.00")
	wantTotals(t, "what goes", listOf(t, w, survivor), "5600.00", "896.00")
	wantTotals(t, "the year", settlement.BookingsOfPerson(listOf(t, w, survivor)), "8400.00", "1296.00")
}

// A payout that fails after the merge takes its booking back where its rows stand now.
func TestABookingOfBeforeTheMergeIsTakenBackInTheSurvivorsList(t *testing.T) {
	w, m := twice(t)
	id := settle(t, w, passport, "live-1", "4000.00")
	book(t, w, string(id))
	carry(t, w, m)
	if err := w.Payables.MarkSent(context.Background(), must[payout.Payable](t)(w.Payables.Load(context.Background(), settletest.Tenant, id)), w.Now()); err != nil {
		t.Fatal(err)
	}
	hear(t, w, string(id), payout.Failed)
	if s := load(t, w, string(id)); s.Status != settlement.Failed || s.TaxpayerID != merged {
		t.Fatalf("%s of %s", s.Status, s.TaxpayerID)
	}
	if n := len(listOf(t, w, merged)); n != 2 {
		t.Errorf("the closed list has %d bookings", n)
	}
	wantTotals(t, "the survivor's rows", listOf(t, w, survivor), "0.00", "0.00")
	wantTotals(t, "the year", settlement.BookingsOfPerson(listOf(t, w, survivor)), "0.00", "0.00")
}

// Booked and not sent when the month ends, it is booked anew as the survivor's.
func TestABookingMadeAgainAfterTheMergeIsTheSurvivors(t *testing.T) {
	w, m := twice(t)
	id := settle(t, w, passport, "live-1", "4000.00")
	book(t, w, string(id))
	carry(t, w, m)
	w.SetDate("2026-10-09")
	if err := w.Rebook(context.Background(), settletest.Tenant, id); err != nil {
		t.Fatal(err)
	}
	if s := load(t, w, string(id)); s.TaxpayerID != survivor || s.PaymentDate.String() != "2026-10-09" {
		t.Errorf("%s on %s", s.TaxpayerID, s.PaymentDate)
	}
	wantTotals(t, "the year", settlement.BookingsOfPerson(listOf(t, w, survivor)), "2800.00", "400.00")
}

// racing calls before once, when a booking is about to be written.
type racing struct {
	settlement.Store
	before func()
}

func (r *racing) Apply(ctx context.Context, c settlement.Change) error {
	if before := r.before; before != nil && len(c.Rows) > 0 {
		r.before = nil
		before()
	}
	return r.Store.Apply(ctx, c)
}

// approved brings a settlement to the moment before its booking.
func approved(t *testing.T, w *settletest.World, creator ident.Creator, activity string) ident.Settlement {
	t.Helper()
	id := settle(t, w, creator, activity, "4000.00")
	if err := w.Quote(context.Background(), settletest.Tenant, id); err != nil {
		t.Fatal(err)
	}
	move(t, w, finance, string(id), settlement.InReview)
	move(t, w, approver, string(id), settlement.Approved)
	return id
}

func TestABookingThatAMergeOvertakesIsDecidedAnew(t *testing.T) {
	for _, of := range []string{passport, settletest.Person} {
		t.Run(of, func(t *testing.T) {
			w, m := twice(t)
			book(t, w, string(settle(t, w, passport, "live-1", "4000.00")))
			id := approved(t, w, ident.Creator(of), "live-2")
			service := *w.Service
			service.Store = &racing{w.Store, func() { carry(t, w, m) }}
			taxes := *w.Taxes
			taxes.Service = &service
			if err := taxes.RunTask(context.Background(), settlement.Task{Tenant: settletest.Tenant, SettlementID: id, Op: settlement.OpBook}); err != nil {
				t.Fatal(err)
			}
			if err := taxes.RunTask(context.Background(), settlement.Task{Tenant: settletest.Tenant, SettlementID: id, Op: settlement.OpBook}); err != nil { // the move of the taxpayer asks for it
				t.Fatal(err)
			}
			s := load(t, w, string(id))
			if s.TaxpayerID != survivor {
				t.Fatalf("%s, %s", s.TaxpayerID, s.Status)
			}
			if of == settletest.Person { // approved alone, its net falls by what both payments together owe
				if s.Hold == nil || s.Hold.Reason != settlement.HoldNetChanged {
					t.Errorf("%s, hold %+v", s.Status, s.Hold)
				}
				return
			}
			wantTotals(t, "the year", settlement.BookingsOfPerson(listOf(t, w, survivor)), "5600.00", "896.00")
		})
	}
}

// halting makes the lists fail, or lets somebody be faster.
type halting struct {
	settlement.MergeStore
	before func() error
}

func (h *halting) Join(ctx context.Context, tenant ident.Tenant, bookings []settlement.Booking) error {
	if before := h.before; before != nil {
		h.before = nil
		if err := before(); err != nil {
			return err
		}
	}
	return h.MergeStore.Join(ctx, tenant, bookings)
}

func TestAMergeThatABookingOvertakesTakesItAlong(t *testing.T) {
	w, m := twice(t)
	book(t, w, string(settle(t, w, passport, "live-1", "4000.00")))
	id := approved(t, w, passport, "live-2")
	first := approved(t, w, settletest.Person, "live-3")
	m.Entities = func(context.Context, ident.Tenant) ([]string, error) { return []string{settletest.Ordinary}, nil }
	m.Store = &halting{m.Store, func() error { // by a function that has not heard of the merge
		p := w.People.Taxpayers[merged]
		p.MergedInto = ""
		w.People.Taxpayers[merged] = p
		return errors.Join(w.Book(context.Background(), settletest.Tenant, id), w.Book(context.Background(), settletest.Tenant, first))
	}}
	carry(t, w, m)
	wantTotals(t, "what stays", listOf(t, w, merged), "0.00", "0.00")
	wantTotals(t, "what went", listOf(t, w, survivor), "8400.00", "1296.00")
	wantTotals(t, "the year", settlement.BookingsOfPerson(listOf(t, w, survivor)), "8400.00", "1296.00")
}

func TestAMergeThatStoppedHalfwayIsFinishedByCallingAgain(t *testing.T) {
	w, m := twice(t)
	book(t, w, string(settle(t, w, passport, "live-1", "4000.00")))
	open := settle(t, w, passport, "live-2", "4000.00")
	down := errors.New("down")
	m.Entities = func(context.Context, ident.Tenant) ([]string, error) { return []string{settletest.Ordinary}, nil }
	whole := m.Store
	m.Store = &halting{whole, func() error { return down }}
	one(w)
	if err := m.ApplyMerge(context.Background(), settletest.Tenant, merged, survivor, "admin"); !errors.Is(err, down) {
		t.Fatal(err)
	}
	if got := len(listOf(t, w, survivor)); got != 0 {
		t.Errorf("half of it was written: %d", got)
	}
	carry(t, w, m)
	wantTotals(t, "what went", listOf(t, w, survivor), "2800.00", "400.00")
	if s := load(t, w, string(open)); s.TaxpayerID != survivor {
		t.Errorf("the open settlement is %s's", s.TaxpayerID)
	}
}

// A person has one certificate of a year, whichever record it is asked of.
func TestTheCertificateOfAMergedTaxpayerIsTheSurvivors(t *testing.T) {
	w, m := twice(t)
	book(t, w, string(settle(t, w, settletest.Person, "live-1", "4000.00")))
	book(t, w, string(settle(t, w, passport, "live-2", "4000.00")))
	carry(t, w, m)
	papers := statement.Service{Builder: statement.Builder{Directory: w.People, Settlements: w.Store}}
	for _, id := range []string{merged, survivor} {
		c := must[statement.Certificate](t)(papers.BuildCertificate(context.Background(), finance, ident.Taxpayer(id), settletest.Ordinary, 2026))
		if c.TaxpayerID != survivor || len(c.Totals) != 1 || c.Totals[0].Income != money.MustParse("5600.00") || c.Totals[0].Withheld != money.MustParse("800.00") {
			t.Errorf("%s: %s, %+v", id, c.TaxpayerID, c.Totals)
		}
	}
}
