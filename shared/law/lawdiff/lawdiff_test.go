package lawdiff_test

import (
	"iter"
	"slices"
	"strconv"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/rules"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
)

// first is the law in the repository.
func first(t testing.TB) *tax.Corpus {
	t.Helper()
	c, err := taxpack.LoadCorpus(rules.NationalPack())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// second is the law with other texts in the national pack.
func second(t testing.TB, changes ...ruletest.Change) *tax.Corpus {
	t.Helper()
	law, err := ruletest.ChangedLaw(changes...)
	if err != nil {
		t.Fatal(err)
	}
	return law
}

// The changes that the tests know.
var (
	costs      = ruletest.Change{File: "iit/labor/cost_rate.yaml", From: `value: "0.20"`, To: `value: "0.10"`}
	lessCosts  = ruletest.Change{File: "iit/labor/cost_rate.yaml", From: `value: "0.20"`, To: `value: "0.30"`}
	deduction  = ruletest.Change{File: "iit/labor_platform/monthly_deduction.yaml", From: `value: "5000.00"`, To: `value: "4000.00"`}
	moreDeduct = ruletest.Change{File: "iit/labor_platform/monthly_deduction.yaml", From: `value: "5000.00"`, To: `value: "6000.00"`}
	threshold  = ruletest.Change{File: "vat/threshold_day.yaml", From: `{amount: "1000.00", edge: reach}`, To: `{amount: "3000.00", edge: reach}`}
)

// payment is one payment to a person; filed entities tax it cumulatively.
func payment(day, amount string, filed bool) tax.Facts {
	on := civil.MustDate(day)
	f := tax.Facts{PaymentDate: on, VATDate: on, Entity: tax.Entity{ID: "e", PlaceTier: "city", VAT: "general"}, Platform: "douyin",
		Taxpayer: tax.Taxpayer{Kind: "natural_person", Resident: true, VAT: "natural_person", Collection: "withheld"},
		Amount:   money.MustParse(amount), VATIncluded: true, Positions: []tax.Position{
			{ID: "pos-28", Rule: "vat.natural_person.withholding", Reading: "daily_1000_at_1pct"},
			{ID: "pos-break", Rule: "iit.labor_platform.break_months", Reading: "count_income_months"}}}
	if filed {
		f.Entity.Filings = []tax.PlatformFiling{{Platform: "douyin", From: civil.MustDate("2025-10-01")}}
	}
	return f
}

// history books payments of one person as the system does, event by event.
type history struct {
	law    *tax.Corpus
	who    lawdiff.PersonYear
	rows   []tax.Row
	events []*lawdiff.Event
	booked map[string]*lawdiff.Event
}

func newHistory(law *tax.Corpus, entity ident.Entity, taxpayer ident.Taxpayer) *history {
	return &history{law: law, who: lawdiff.PersonYear{Entity: entity, Taxpayer: taxpayer, Year: 2026}, booked: map[string]*lawdiff.Event{}}
}

// book books a payment; false where the law gives no figures.
func (h *history) book(f tax.Facts) bool {
	r, err := h.law.ComputeRows(f, h.rows)
	if err != nil {
		return false
	}
	e := &lawdiff.Event{PersonYear: h.who, Kind: lawdiff.Booking, Settlement: ident.Settlement("st-" + strconv.Itoa(len(h.events))), Creator: ident.Creator("c-" + h.who.Taxpayer), Facts: &f, Rows: r.Rows}
	h.add(e)
	h.booked[string(e.Settlement)] = e
	return true
}

func (h *history) reverse(settlement ident.Settlement) {
	of := h.booked[string(settlement)]
	delete(h.booked, string(settlement))
	h.add(&lawdiff.Event{PersonYear: h.who, Kind: lawdiff.Reversal, Settlement: settlement, Creator: of.Creator, Rows: negative(of.Rows)})
}

func (h *history) add(e *lawdiff.Event) {
	h.events = append(h.events, e)
	h.rows = append(h.rows, e.Rows...)
}

func negative(rows []tax.Row) []tax.Row {
	out := slices.Clone(rows)
	for i := range out {
		r := &out[i]
		r.Income, r.Received, r.Sales, r.Withheld = r.Income.Neg(), r.Received.Neg(), r.Sales.Neg(), r.Withheld.Neg()
	}
	return out
}

// post appends a correction as it would be booked.
func (h *history) post(c lawdiff.Correction) {
	if !c.IsEmpty() {
		h.add(&lawdiff.Event{PersonYear: h.who, Kind: lawdiff.TrueUp, Rows: c.Rows, Corrects: c.Corrects, Creators: c.Creators})
	}
}

func stream(events []*lawdiff.Event) iter.Seq2[*lawdiff.Event, error] {
	return func(yield func(*lawdiff.Event, error) bool) {
		for _, e := range events {
			if !yield(e, nil) {
				return
			}
		}
	}
}

// failer is what tests and property runs have in common.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// diff runs one history under a law and lets look at the person.
func (h *history) diff(t failer, law *tax.Corpus, look func(*lawdiff.Person)) lawdiff.Totals {
	t.Helper()
	totals, err := lawdiff.CompareByPerson(law, stream(h.events), func(p *lawdiff.Person) error {
		look(p)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return totals
}

func none(civil.Month) bool { return false }

func all(civil.Month) bool { return true }

func desk(t testing.TB, law *tax.Corpus, paid string) lawdiff.LatenessRules {
	t.Helper()
	c, err := taxpack.NationalCalendar()
	if err != nil {
		t.Fatal(err)
	}
	return lawdiff.LatenessRules{Rules: law.National(), Calendar: c, PaidOn: civil.MustDate(paid)}
}

// drawHistory draws a year of payments and reversals under the first law.
func drawHistory(t *rapid.T, law *tax.Corpus) *history {
	h := newHistory(law, "e", "tp")
	day := civil.MustDate("2026-01-05")
	filed := rapid.Bool().Draw(t, "filed entity")
	for range rapid.IntRange(1, 12).Draw(t, "acts") {
		if standing := sorted(h.booked); len(standing) > 0 && rapid.IntRange(0, 5).Draw(t, "reverse") == 0 {
			h.reverse(ident.Settlement(rapid.SampledFrom(standing).Draw(t, "which")))
			continue
		}
		day = day.AddDays(rapid.IntRange(0, 40).Draw(t, "days"))
		if day.Year() > 2026 {
			break
		}
		f := payment(day.String(), money.Fen(rapid.OneOf(rapid.Int64Range(1, 400_000), rapid.Int64Range(1, 9_000_000)).Draw(t, "fen")).String(), filed)
		f.AgencyFiling = filed && rapid.Bool().Draw(t, "agency filing")
		f.Project = rapid.SampledFrom([]string{"", "", "p"}).Draw(t, "project")
		h.book(f)
	}
	return h
}

func sorted(m map[string]*lawdiff.Event) []string {
	var ids []string
	for id := range m {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func TestTheSameLawChangesNothing(t *testing.T) {
	law := first(t)
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, law)
		totals := h.diff(t, law, func(p *lawdiff.Person) {
			c, err := p.CorrectionOfUnfiledMonths(none)
			if err != nil || !c.IsEmpty() || len(p.Differences) > 0 || len(p.Gaps) > 0 {
				t.Fatalf("%v %+v %+v", err, p.Differences, p.Gaps)
			}
			if months, err := p.Amendments(all, lawdiff.LatenessRules{}); err != nil || months != nil {
				t.Fatalf("%v %+v", err, months)
			}
		})
		for _, x := range totals.Taxes {
			if x.Booked != x.Recomputed || !x.Additional.IsZero() || !x.Over.IsZero() {
				t.Fatalf("%+v", x)
			}
		}
	})
}

// balances holds what a creator owes and is owed by corrections.
func balances(t failer, c lawdiff.Correction) map[ledger.Account]money.Amount {
	t.Helper()
	for _, e := range c.Entries {
		if err := e.Validate(); err != nil { // promise P1
			t.Fatal(err)
		}
		if e.CreatorID != "c-tp" || e.Entity != "e" || e.Tax.Year() != 2026 {
			t.Fatalf("entry of %s at %s for %s", e.CreatorID, e.Entity, e.Tax)
		}
	}
	sums := ledger.SumByAccount(c.Entries)
	return sums
}

func TestPostingClosesTheDifference(t *testing.T) {
	law := first(t)
	laws := []*tax.Corpus{second(t, costs, deduction), second(t, lessCosts, moreDeduct, threshold), second(t, threshold)}
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, law)
		var posted lawdiff.Correction
		for range 2 { // a correction of a correction closes too
			other := rapid.SampledFrom(laws).Draw(t, "law")
			h.diff(t, other, func(p *lawdiff.Person) {
				c, err := p.CorrectionOfUnfiledMonths(none)
				if err != nil {
					t.Fatal(err)
				}
				h.post(c)
				posted.Entries = append(posted.Entries, c.Entries...)
			})
			h.diff(t, other, func(p *lawdiff.Person) {
				if len(p.Differences) > 0 {
					t.Fatalf("%+v", p.Differences)
				}
			})
			if b := balances(t, posted); b[ledger.CreatorReceivable].Negative() || b[ledger.CreatorPayable].Positive() {
				t.Fatalf("receivable %s, payable %s", b[ledger.CreatorReceivable], b[ledger.CreatorPayable])
			}
			h.holdsP5(t, other)
		}
	})
}

// holdsP5 checks that what the rows say is withheld equals the rule on the periods' totals, where no reversal has
// left a named true-up behind.
func (h *history) holdsP5(t failer, law *tax.Corpus) {
	for _, e := range h.events {
		if e.Kind == lawdiff.Reversal {
			return
		}
	}
	for _, e := range h.booked {
		open, err := law.National().TrueUps(*e.Facts, h.rows)
		if err != nil {
			t.Fatal(err)
		}
		want, err := law.National().TrueUps(*e.Facts, h.recomputed(t, law))
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(open, want) {
			t.Fatalf("open true-ups %+v; had it been the law from the beginning: %+v", open, want)
		}
	}
}

// recomputed books all payments under a law from the beginning.
func (h *history) recomputed(t failer, law *tax.Corpus) []tax.Row {
	t.Helper()
	var rows []tax.Row
	for _, e := range h.events {
		if e.Kind != lawdiff.Booking {
			continue
		}
		r, err := law.ComputeRows(*e.Facts, rows)
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r.Rows...)
	}
	return rows
}

func TestFiguresOfOnePerson(t *testing.T) {
	h := newHistory(first(t), "e", "tp")
	h.book(payment("2026-09-15", "10000.00", false)) // 10,000 x 80% x 20% = 1,600.00
	h.book(payment("2026-10-15", "20000.00", false)) // 3,200.00
	law := second(t, costs)                          // 90% of it: 1,800.00 and 3,600.00
	totals := h.diff(t, law, func(p *lawdiff.Person) {
		if len(p.Differences) != 2 || p.Differences[0].Change().Withheld != money.MustParse("200.00") || p.Differences[1].Recomputed.Withheld != money.MustParse("3600.00") {
			t.Fatalf("%+v", p.Differences)
		}
		filed := lawdiff.FiledMonths([]civil.Month{civil.MustMonth("2026-09")})
		c, err := p.CorrectionOfUnfiledMonths(filed)
		if err != nil || c.Additional != money.MustParse("400.00") || !c.Over.IsZero() || len(c.Entries) != 1 || c.Entries[0].Tax.String() != "2026-10" {
			t.Fatalf("%+v %v", c, err)
		}
		sums := ledger.SumByAccount(c.Entries)
		if sums[ledger.CreatorReceivable] != money.MustParse("400.00") || sums[ledger.TaxPayable("iit")] != money.MustParse("-400.00") {
			t.Fatalf("%v", sums)
		}
		months, err := p.Amendments(filed, desk(t, law, "2026-11-30"))
		if err != nil || len(months) != 1 || len(months[0].Rows) != 1 {
			t.Fatalf("%+v %v", months, err)
		}
		r := months[0].Rows[0]
		// September 2026 was due on October 26: the 15th, and as many working days as the holidays in it.
		if r.Filed.Withheld != money.MustParse("1600.00") || r.Corrected.Withheld != money.MustParse("1800.00") || r.ToDate != nil || r.Missing != nil ||
			r.LateFee == nil || r.LateFee.Tax != money.MustParse("200.00") || r.LateFee.Days != int(civil.MustDate("2026-11-30").Start().Sub(r.DueOn.Start()).Hours()/24) {
			t.Fatalf("%+v %+v", r, r.LateFee)
		}
		if want := money.Fen(200_00*int64(r.LateFee.Days)*5).MulDiv(1, 10_000, money.HalfUp); r.LateFee.Fee != want {
			t.Errorf("late fee %s, want %s", r.LateFee.Fee, want)
		}
	})
	if totals.Persons != 1 || totals.Settlements != 2 || totals.Changed != 1 || totals.Taxes[0].Additional != money.MustParse("600.00") {
		t.Errorf("%+v", totals)
	}
}

func TestTooMuchIsOwedBackToTheFen(t *testing.T) {
	h := newHistory(first(t), "e", "tp")
	h.book(payment("2026-11-16", "1009.99", false))
	h.book(payment("2026-11-16", "0.02", false)) // reaches 1,000 a day: VAT on all of it, more than the payment can bear
	law := second(t, threshold)
	h.diff(t, law, func(p *lawdiff.Person) {
		c, err := p.CorrectionOfUnfiledMonths(none)
		if err != nil || c.Over.IsZero() {
			t.Fatalf("%+v %v", c, err)
		}
		sums := balances(t, c)
		if sums[ledger.CreatorPayable].Positive() || sums[ledger.CreatorReceivable].Negative() ||
			sums[ledger.CreatorReceivable].Add(sums[ledger.CreatorPayable]) != c.Additional.Sub(c.Over) {
			t.Errorf("%v", sums)
		}
	})
}

// TestAmendmentsReachLaterMonths compares the set with totals that are worked out apart.
func TestAmendmentsReachLaterMonths(t *testing.T) {
	law := first(t)
	others := []*tax.Corpus{second(t, deduction), second(t, moreDeduct), second(t, deduction, threshold)}
	months := []civil.Month{}
	for m := civil.MustMonth("2026-01"); m.Year() == 2026; m = m.Add(1) {
		months = append(months, m)
	}
	d := desk(t, law, "2026-12-31")
	rapid.Check(t, func(t *rapid.T) {
		h := drawHistory(t, law)
		other := rapid.SampledFrom(others).Draw(t, "law")
		filed := rapid.SliceOfDistinct(rapid.SampledFrom(months), func(m civil.Month) civil.Month { return m }).Draw(t, "filed")
		h.diff(t, other, func(p *lawdiff.Person) {
			set, err := p.Amendments(lawdiff.FiledMonths(filed), d)
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]bool{}
			for i, a := range set {
				if !slices.Contains(filed, a.Month) || (i > 0 && !set[i-1].Month.Before(a.Month)) {
					t.Fatalf("%s is not filed, or out of order", a.Month)
				}
				for _, r := range a.Rows {
					got[a.Month.String()+r.Tax+r.Item] = true
					for _, x := range []money.Amount{r.Corrected.Income, r.Corrected.Sales, r.Corrected.Received, r.Corrected.Withheld} {
						if x.Negative() {
							t.Fatalf("negative return row %+v", r)
						}
					}
					if r.LateFee != nil && (r.LateFee.Tax != r.Corrected.Withheld.Sub(r.Filed.Withheld) || !r.LateFee.Tax.Positive()) {
						t.Fatalf("late fee %+v of %+v", r.LateFee, r)
					}
				}
			}
			booked, again := map[string]money.Amount{}, map[string]money.Amount{}
			h.totals(t, other, booked, again)
			for _, m := range filed {
				for _, item := range []string{tax.ItemLabor, tax.ItemLaborPlatform} {
					want := booked[m.String()+item] != again[m.String()+item]
					if item == tax.ItemLaborPlatform {
						var b, a money.Amount
						for _, before := range months {
							if !before.After(m) {
								b, a = b.Add(booked[before.String()+item]), a.Add(again[before.String()+item])
							}
						}
						want = want || b != a
					}
					_, paid := booked[m.String()+item]
					if want && paid && !got[m.String()+tax.IIT+item] {
						t.Fatalf("%s of %s is missing in %v", item, m, got)
					}
				}
			}
		})
	})
}

// totals sums income tax withheld by month and item, as booked and under a law, reversals taken off.
func (h *history) totals(t failer, law *tax.Corpus, booked, again map[string]money.Amount) {
	t.Helper()
	var rows []tax.Row
	made := map[string][]tax.Row{}
	for _, e := range h.events {
		var now []tax.Row
		switch e.Kind {
		case lawdiff.Booking:
			r, err := law.ComputeRows(*e.Facts, rows)
			if err != nil {
				t.Fatal(err)
			}
			now = r.Rows
			made[string(e.Settlement)] = now
		case lawdiff.Reversal:
			now = negative(made[string(e.Settlement)])
		default: // the other kinds have rows of their own
		}
		rows = append(rows, now...)
		for _, r := range e.Rows {
			if r.Kind == tax.IIT {
				booked[r.Period+r.Item] = booked[r.Period+r.Item].Add(r.Withheld)
			}
		}
		for _, r := range now {
			if r.Kind == tax.IIT {
				again[r.Period+r.Item] = again[r.Period+r.Item].Add(r.Withheld)
			}
		}
	}
}

func TestGapsAreNamedAndNeverZero(t *testing.T) {
	h := newHistory(first(t), "e", "tp")
	h.book(payment("2026-10-15", "10000.00", false))
	h.book(payment("2026-11-16", "10000.00", false))
	h.book(payment("2026-12-15", "10000.00", false))
	for _, e := range h.events {
		e.Facts.Positions = nil // the second law leaves open what a position had closed
	}
	totals := h.diff(t, second(t, costs), func(p *lawdiff.Person) {
		if len(p.Gaps) != 2 || p.Gaps[0].Rule != "vat.natural_person.withholding" || p.Gaps[0].BlockedBy != "" || p.Gaps[1].BlockedBy != p.Gaps[0].Settlement {
			t.Fatalf("%+v", p.Gaps)
		}
		if len(p.Differences) != 1 || p.Differences[0].Settlement != "st-0" {
			t.Errorf("%+v", p.Differences)
		}
		if _, err := p.CorrectionOfUnfiledMonths(none); err == nil {
			t.Error("a person with a gap was corrected")
		}
		if _, err := p.Amendments(all, lawdiff.LatenessRules{}); err == nil {
			t.Error("a person with a gap was amended")
		}
	})
	if totals.Gaps != 2 || totals.Taxes[0].Recomputed != money.MustParse("1800.00") {
		t.Errorf("%+v", totals)
	}
}

func TestDecemberStandsBeforeJanuary(t *testing.T) {
	h := newHistory(first(t), "e", "tp")
	h.book(payment("2026-12-31", "900.00", false))
	late := payment("2027-01-15", "900.00", false)
	late.VATDate = civil.MustDate("2026-12-31")
	h.who.Year = 2027
	h.book(late) // with December's 900.00 the day reaches the threshold
	if vat := h.events[1].Rows[0]; vat.Kind != tax.VAT || vat.Withheld.IsZero() {
		t.Fatalf("%+v", vat)
	}
	if totals := h.diff(t, first(t), func(*lawdiff.Person) {}); totals.Persons != 2 || totals.Changed != 0 {
		t.Errorf("%+v", totals)
	}
	h.events[0].IsEarlierYear = true
	if totals := h.diff(t, first(t), func(*lawdiff.Person) {}); totals.Persons != 1 || totals.Settlements != 1 || totals.Changed != 0 {
		t.Errorf("%+v", totals)
	}
}

func TestStreamsOutOfOrderAreRefused(t *testing.T) {
	law := first(t)
	a, b := newHistory(law, "e", "a"), newHistory(law, "e", "b")
	a.book(payment("2026-09-15", "10000.00", false))
	b.book(payment("2026-09-15", "10000.00", false))
	for name, events := range map[string][]*lawdiff.Event{
		"backwards":    {b.events[0], a.events[0]},
		"come again":   {a.events[0], b.events[0], a.events[0]},
		"no such kind": {{PersonYear: a.who, Kind: "closing"}},
		"true-up without settlement": {a.events[0],
			{PersonYear: a.who, Kind: lawdiff.TrueUp, Rows: a.events[0].Rows}},
	} {
		if _, err := lawdiff.CompareByPerson(law, stream(events), func(*lawdiff.Person) error { return nil }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
