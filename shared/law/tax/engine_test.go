package tax_test

import (
	"errors"
	"io/fs"
	"testing"

	"fenzhang/rules"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/money"
)

// national loads the pack that the binary carries.
func national(t testing.TB) *tax.Engine {
	t.Helper()
	sub, err := fs.Sub(rules.Files, "national")
	if err != nil {
		t.Fatal(err)
	}
	c, err := taxpack.LoadCorpus(sub)
	if err != nil {
		t.Fatal(err)
	}
	return c.National()
}

// no28 is the demo tenant's position on the unread MOF/STA Announcement 2026 No. 28.
func no28() tax.Position {
	return tax.Position{ID: "pos-28", Rule: "vat.natural_person.withholding", Reading: "daily_1000_at_1pct"}
}

// personFacts is a resident person paid by an ordinary company in a city district.
func personFacts(day, amount string) tax.Facts {
	on := civil.MustDate(day)
	return tax.Facts{PaymentDate: on, VATDate: on, Entity: tax.Entity{ID: "ordinary", PlaceTier: "city"}, Platform: "douyin",
		Taxpayer: tax.Taxpayer{Kind: "natural_person", Resident: true, VAT: "natural_person", Collection: "withheld"},
		Amount:   money.MustParse(amount), VATIncluded: true}
}

// platformFacts is the same person at an entity that has filed for the platform and files the VAT.
func platformFacts(day, amount string) tax.Facts {
	f := personFacts(day, amount)
	f.Entity = tax.Entity{ID: "filed", PlaceTier: "city", Filings: []tax.PlatformFiling{{Platform: "douyin", From: civil.MustDate("2025-10-01")}}}
	f.AgencyFiling = true
	return f
}

// businessFacts is a studio paid against its invoice.
func businessFacts(kind, vat, day, amount string) tax.Facts {
	f := personFacts(day, amount)
	f.Route = "studio_invoice"
	f.Taxpayer = tax.Taxpayer{Kind: kind, Resident: true, VAT: vat, Collection: "books", PlaceTier: "city"}
	return f
}

// failer is what tests and property runs have in common.
type failer interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

// book computes the payments one after the other, each on the rows of those before it.
func book(t failer, e *tax.Engine, fs ...tax.Facts) []tax.Result {
	t.Helper()
	var rows []tax.Row
	var out []tax.Result
	for i, f := range fs {
		r, err := e.ComputeRows(f, rows)
		if err != nil {
			t.Fatalf("payment %d: %v", i+1, err)
		}
		rows = append(rows, r.Rows...)
		out = append(out, r)
	}
	return out
}

// due gives what falls on a payment for one tax.
func due(r tax.Result, kind string) string { return line(r.Taxes, kind).Due.String() }

func line(ls []tax.Line, kind string) tax.Line {
	for _, l := range ls {
		if l.Tax == kind {
			return l
		}
	}
	return tax.Line{}
}

func with(f tax.Facts, change func(*tax.Facts)) tax.Facts {
	change(&f)
	return f
}

func byPosition(f tax.Facts) tax.Facts {
	f.Positions = append(f.Positions, no28())
	return f
}

func TestPayments(t *testing.T) {
	e := national(t)
	type want struct{ item, vat, umct, edu, ledu, iit, net string }
	tests := []struct {
		name     string
		payments []tax.Facts
		want     []want
	}{
		{"two income types in one month at an ordinary company are one time: 20000 x 80% x 20% = 3200",
			[]tax.Facts{personFacts("2026-09-15", "8000.00"), personFacts("2026-09-15", "12000.00")},
			[]want{{"labor", "0.00", "0.00", "0.00", "0.00", "1280.00", "6720.00"}, {"labor", "0.00", "0.00", "0.00", "0.00", "1920.00", "10080.00"}}},
		{"another month begins anew",
			[]tax.Facts{personFacts("2026-09-15", "20000.00"), personFacts("2026-10-15", "800.00")},
			[]want{{"labor", "0.00", "0.00", "0.00", "0.00", "3200.00", "16800.00"}, {"labor", "0.00", "0.00", "0.00", "0.00", "0.00", "800.00"}}},
		{"a separate project is taxed by itself",
			[]tax.Facts{personFacts("2026-09-15", "800.00"), with(personFacts("2026-09-15", "800.00"), func(f *tax.Facts) { f.Project = "film" })},
			[]want{{"labor", "0.00", "0.00", "0.00", "0.00", "0.00", "800.00"}, {"labor", "0.00", "0.00", "0.00", "0.00", "0.00", "800.00"}}},
		{"the filed entity withholds cumulatively: 11000, 22000, 33000 at 3%",
			[]tax.Facts{platformFacts("2026-09-15", "20000.00"), platformFacts("2026-10-15", "20000.00"), platformFacts("2026-11-16", "20000.00")},
			[]want{{"labor_platform", "0.00", "0.00", "0.00", "0.00", "330.00", "19670.00"}, {"labor_platform", "0.00", "0.00", "0.00", "0.00", "330.00", "19670.00"}, {"labor_platform", "0.00", "0.00", "0.00", "0.00", "330.00", "19670.00"}}},
		{"a lean month gives nothing back: 18000, then 18000 + 1000: cumulative taxable 9400 and 5200",
			[]tax.Facts{platformFacts("2026-09-15", "18000.00"), platformFacts("2026-10-15", "1000.00"), platformFacts("2026-11-16", "15250.00")},
			[]want{{"labor_platform", "0.00", "0.00", "0.00", "0.00", "282.00", "17718.00"}, {"labor_platform", "0.00", "0.00", "0.00", "0.00", "0.00", "1000.00"}, {"labor_platform", "0.00", "0.00", "0.00", "0.00", "90.00", "15160.00"}}},
		{"after the VAT change, under the position: 12000/1.01 = 11881.19, VAT 118.81, labor income 11881.19",
			[]tax.Facts{byPosition(personFacts("2026-11-16", "12000.00"))},
			[]want{{"labor", "118.81", "4.16", "1.78", "1.19", "1900.99", "9973.07"}}},
		{"two payments of one day reach 1000: the second bears the VAT of both",
			[]tax.Facts{byPosition(personFacts("2026-11-16", "600.00")), byPosition(personFacts("2026-11-16", "600.00"))},
			[]want{{"labor", "0.00", "0.00", "0.00", "0.00", "0.00", "600.00"}, {"labor", "11.88", "0.41", "0.18", "0.12", "77.62", "509.79"}}},
		{"1009.99 is 999.99 without VAT: exempt; 1010.00 reaches 1000.00",
			[]tax.Facts{byPosition(personFacts("2026-11-16", "1009.99")), byPosition(personFacts("2026-11-17", "1010.00"))},
			[]want{{"labor", "0.00", "0.00", "0.00", "0.00", "42.00", "967.99"}, {"labor", "10.00", "0.35", "0.15", "0.10", "200.00", "799.40"}}},
		{"the VAT date decides, not the payment date",
			[]tax.Facts{with(personFacts("2026-11-16", "12000.00"), func(f *tax.Facts) { f.VATDate = civil.MustDate("2026-10-31") })},
			[]want{{"labor", "0.00", "0.00", "0.00", "0.00", "1920.00", "10080.00"}}},
		{"a price without VAT: VAT on top, income stays the price",
			[]tax.Facts{with(byPosition(personFacts("2026-11-16", "10000.00")), func(f *tax.Facts) { f.VATIncluded = false })},
			[]want{{"labor", "100.00", "3.50", "1.50", "1.00", "1600.00", "8394.00"}}},
		{"agency filing at exactly 100000: VAT 1000, UMCT half of 70, no education surcharges",
			[]tax.Facts{platformFacts("2026-10-15", "101000.00")},
			[]want{{"labor_platform", "1000.00", "35.00", "0.00", "0.00", "4980.00", "94985.00"}}},
		{"a non-resident: 20000 x 80% by the monthly table, no 800 rule, summed per month",
			[]tax.Facts{with(personFacts("2026-10-15", "15000.00"), func(f *tax.Facts) { f.Taxpayer.Resident = false }), with(personFacts("2026-10-20", "5000.00"), func(f *tax.Facts) { f.Taxpayer.Resident = false })},
			[]want{{"labor", "0.00", "0.00", "0.00", "0.00", "990.00", "14010.00"}, {"labor", "0.00", "0.00", "0.00", "0.00", "800.00", "4200.00"}}},
		{"a royalty is one time per payment and its copyright exempt from VAT",
			[]tax.Facts{with(personFacts("2026-11-16", "10000.00"), func(f *tax.Facts) { f.Item = tax.ItemRoyalty }), with(personFacts("2026-11-16", "10000.00"), func(f *tax.Facts) { f.Item = tax.ItemRoyalty })},
			[]want{{"royalty", "0.00", "0.00", "0.00", "0.00", "1600.00", "8400.00"}, {"royalty", "0.00", "0.00", "0.00", "0.00", "1600.00", "8400.00"}}},
		{"agency filing just below the threshold",
			[]tax.Facts{platformFacts("2026-10-15", "100999.98")},
			[]want{{"labor_platform", "0.00", "0.00", "0.00", "0.00", "5060.00", "95939.98"}}},
		{"the old edge: 100000 itself was exempt in 2025",
			[]tax.Facts{platformFacts("2025-12-15", "101000.00")},
			[]want{{"labor_platform", "0.00", "0.00", "0.00", "0.00", "5060.00", "95940.00"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for i, r := range book(t, e, tt.payments...) {
				got := want{r.Item, due(r, tax.VAT), due(r, tax.UMCT), due(r, tax.EDU), due(r, tax.LEDU), due(r, tax.IIT), r.Net.String()}
				if got != tt.want[i] {
					t.Errorf("payment %d:\n got %+v\nwant %+v", i+1, got, tt.want[i])
				}
			}
		})
	}
}

// A month that crosses 100,000 with a small payment: VAT 1000 falls on 500, and what 500 cannot bear is short.
func TestShortfall(t *testing.T) {
	r := book(t, national(t), platformFacts("2026-10-14", "100500.00"), platformFacts("2026-10-15", "500.00"))[1]
	vat := line(r.Taxes, tax.VAT)
	if vat.Due.String() != "1000.00" || vat.Amount.String() != "500.00" || vat.Shortfall.String() != "500.00" {
		t.Errorf("VAT due %s, kept back %s, short %s", vat.Due, vat.Amount, vat.Shortfall)
	}
	if u := line(r.Taxes, tax.UMCT); u.Amount.String() != "0.00" || u.Shortfall.String() != "35.00" {
		t.Errorf("UMCT kept back %s, short %s", u.Amount, u.Shortfall)
	}
	if r.Net.String() != "0.00" {
		t.Errorf("net %s", r.Net)
	}
	if got := r.Rows[0].Withheld.String(); got != "1000.00" {
		t.Errorf("the VAT row counts %s: the agent owes all of it", got)
	}
}

func TestBusinessIsPaidInFull(t *testing.T) {
	e := national(t)
	tests := []struct {
		name, kind, vat string
		amount          string
		wantVAT         string // estimated on this payer's payments alone
		unknown         []string
	}{
		{"individual business below the threshold", "individual_business", "small_scale", "50000.00", "0.00", []string{tax.IIT}},
		{"individual business at the threshold", "individual_business", "small_scale", "101000.00", "1000.00", []string{tax.IIT}},
		{"sole proprietorship", "sole_proprietorship", "small_scale", "50000.00", "0.00", []string{tax.IIT}},
		{"partnership", "partnership", "small_scale", "50000.00", "0.00", []string{tax.IIT}},
		{"general taxpayer", "individual_business", "general", "50000.00", "2830.19", []string{tax.UMCT, tax.EDU, tax.LEDU, tax.IIT}},
		{"company", "company", "general", "50000.00", "2830.19", []string{tax.UMCT, tax.EDU, tax.LEDU, tax.CIT}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := e.Compute(businessFacts(tt.kind, tt.vat, "2026-11-16", tt.amount))
			if err != nil {
				t.Fatal(err)
			}
			if len(r.Taxes) != 0 || r.Net != r.Gross || !r.TotalWithheld.IsZero() {
				t.Errorf("kept back %v of %s", r.Taxes, r.Gross)
			}
			for _, kind := range tt.unknown {
				if l := line(r.PayeeObligations, kind); l.Missing == nil || len(l.Law) == 0 {
					t.Errorf("%s must be a named unknown with its article, is %+v", kind, l)
				}
			}
			if got := line(r.PayeeObligations, tax.VAT); got.Due.String() != tt.wantVAT || got.Collection != tax.SelfFiled || len(got.Law) == 0 || got.Missing != nil {
				t.Errorf("VAT estimate %s (%s), want %s", got.Due, got.Collection, tt.wantVAT)
			}
		})
	}
}

// The estimate of a month's second payment is what the month grows by.
func TestEstimatesGrow(t *testing.T) {
	rs := book(t, national(t), businessFacts("individual_business", "small_scale", "2026-11-02", "90900.00"), businessFacts("individual_business", "small_scale", "2026-11-16", "30300.00"))
	if got := line(rs[1].PayeeObligations, tax.VAT).Due.String(); got != "1200.00" {
		t.Errorf("VAT estimate of the crossing payment %s, want 1200.00", got)
	}
	// 1200 x 7% = 84, half; 1200 x 3% = 36, half; sales above 100000, so no exemption
	if u, d := line(rs[1].PayeeObligations, tax.UMCT).Due.String(), line(rs[1].PayeeObligations, tax.EDU).Due.String(); u != "42.00" || d != "18.00" {
		t.Errorf("UMCT %s, EDU %s", u, d)
	}
}

func TestUnknownPlaceIsNamed(t *testing.T) {
	f := businessFacts("individual_business", "small_scale", "2026-11-02", "202000.00")
	f.Taxpayer.PlaceTier = ""
	r, err := national(t).Compute(f)
	if err != nil {
		t.Fatal(err)
	}
	if l := line(r.PayeeObligations, tax.UMCT); l.Missing == nil {
		t.Errorf("UMCT of an unknown place must be a named unknown, is %+v", l)
	}
}

func TestGaps(t *testing.T) {
	e := national(t)
	tests := []struct {
		name  string
		facts tax.Facts
		rule  string
	}{
		{"No. 28 without a position", personFacts("2026-11-16", "12000.00"), "vat.natural_person.withholding"},
		{"No. 28 with a reading nobody declared", with(personFacts("2026-11-16", "12000.00"), func(f *tax.Facts) {
			f.Positions = []tax.Position{{ID: "x", Rule: "vat.natural_person.withholding", Reading: "never"}}
		}), "vat.natural_person.withholding"},
		{"agency filing in 2028", platformFacts("2028-01-01", "5000.00"), "vat.levy_rate.reduced"},
		{"the position's values end with 2027 too", byPosition(personFacts("2028-01-01", "5000.00")), "vat.levy_rate.reduced"},
		{"before the pack", personFacts("1999-01-01", "5000.00"), "national"},
		{"wages off the payroll", with(personFacts("2026-09-15", "5000.00"), func(f *tax.Facts) { f.Taxpayer.Kind = "employee" }), "iit.wages.payroll_incomplete"},
		{"wages without their payroll month", with(personFacts("2026-09-15", "5000.00"), func(f *tax.Facts) { f.Taxpayer.Kind, f.Route = "employee", "payroll" }), "iit.wages.payroll_incomplete"},
		{"wages of an incomplete payroll month", with(personFacts("2026-09-15", "5000.00"), func(f *tax.Facts) {
			f.Taxpayer.Kind, f.Route, f.Payroll = "employee", "payroll", &tax.Payroll{Months: 9}
		}), "iit.wages.payroll_incomplete"},
		{"a person abroad before the VAT Law", with(personFacts("2025-11-17", "5000.00"), func(f *tax.Facts) {
			f.Taxpayer.Resident, f.Taxpayer.Overseas = false, true
		}), "VAT"},
		{"an intern on the payroll", with(personFacts("2026-09-15", "5000.00"), func(f *tax.Facts) { f.Taxpayer.Kind, f.Route = "student_intern", "payroll" }), "regime"},
		{"a break month", with(platformFacts("2026-11-16", "5000.00"), func(f *tax.Facts) {
			f.ToDate.Year = tax.YearToDate{Months: 2, Income: money.Yuan(9000), Broken: true}
		}), "iit.labor_platform.break_months"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, err := e.Compute(tt.facts)
			var g *tax.Gap
			if !errors.As(err, &g) {
				t.Fatalf("want a gap, got net %s, error %v", r.Net, err)
			}
			if g.Rule != tt.rule || g.Missing.ZH == "" || g.Missing.EN == "" {
				t.Errorf("gap %q in %q, want rule %s", g.Missing, g.Rule, tt.rule)
			}
			if f := fault.AsError(err); f.Code != fault.RuleMissing || f.Missing != tt.rule {
				t.Errorf("becomes %d with missing %q", f.Code, f.Missing)
			}
		})
	}
}

// From 2028 the estimate of a studio's VAT is unknown, but the studio is still paid in full.
func TestEstimateAfterLapse(t *testing.T) {
	r, err := national(t).Compute(businessFacts("individual_business", "small_scale", "2028-01-01", "5000.00"))
	if err != nil {
		t.Fatal(err)
	}
	if l := line(r.PayeeObligations, tax.VAT); l.Missing == nil || r.Net != r.Gross {
		t.Errorf("VAT %+v, net %s", l, r.Net)
	}
}

func TestForbidden(t *testing.T) {
	e := national(t)
	force := func(f tax.Facts, item string) tax.Facts { f.Item = item; return f }
	tests := []struct {
		name   string
		facts  tax.Facts
		reason string
	}{
		{"cumulative method at an ordinary MCN", force(personFacts("2026-09-15", "5000.00"), tax.ItemLaborPlatform), "item_forbidden"},
		{"one-off method at a filed entity", force(platformFacts("2026-09-15", "5000.00"), tax.ItemLabor), "item_forbidden"},
		{"a person's labor as business income", force(personFacts("2026-09-15", "5000.00"), tax.ItemBusiness), "item_forbidden"},
		{"a studio's business as labor", force(businessFacts("individual_business", "small_scale", "2026-09-15", "5000.00"), tax.ItemLabor), "item_forbidden"},
		{"the platform pays", with(personFacts("2026-09-15", "5000.00"), func(f *tax.Facts) { f.Route = "platform_pays_creator" }), "not_the_payer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := e.Compute(tt.facts)
			var x *tax.Forbidden
			if !errors.As(err, &x) || x.Reason != tt.reason || len(x.Law) == 0 || x.Law[0].Article == "" {
				t.Fatalf("want a refusal %s with its article, got %v", tt.reason, err)
			}
			if fault.AsError(err).Status() != 422 {
				t.Errorf("status %d", fault.AsError(err).Status())
			}
		})
	}
}

func TestFilingIsForItsPlatformAndDates(t *testing.T) {
	e := national(t)
	tests := []struct{ name, platform, from, to, want string }{
		{"in force", "douyin", "2026-01-01", "2026-12-31", tax.ItemLaborPlatform},
		{"another platform", "kuaishou", "2026-01-01", "2026-12-31", tax.ItemLabor},
		{"not yet", "douyin", "2026-09-16", "2026-12-31", tax.ItemLabor},
		{"no more", "douyin", "2026-01-01", "2026-09-14", tax.ItemLabor},
		{"last day", "douyin", "2026-01-01", "2026-09-15", tax.ItemLaborPlatform},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := platformFacts("2026-09-15", "5000.00")
			f.Entity.Filings = []tax.PlatformFiling{{Platform: tt.platform, From: civil.MustDate(tt.from), To: civil.MustDate(tt.to)}}
			if got, err := e.DeriveItem(f); err != nil || got != tt.want {
				t.Errorf("item %s, %v; want %s", got, err, tt.want)
			}
		})
	}
}

func TestBreakMonths(t *testing.T) {
	e := national(t)
	payments := func(reading string) []tax.Facts {
		var fs []tax.Facts
		for _, day := range []string{"2026-07-15", "2026-08-15", "2026-10-15"} {
			f := platformFacts(day, "20000.00")
			f.Positions = []tax.Position{{ID: "pos-break", Rule: "iit.labor_platform.break_months", Reading: reading}}
			fs = append(fs, f)
		}
		return fs
	}
	// counting income months: 60000 x 80% - 3 x 5000 = 33000 -> 990 - 660; restarting: 16000 - 5000 = 11000 -> 330
	for reading, want := range map[string]string{"count_income_months": "330.00", "restart_after_break": "330.00"} {
		rs := book(t, e, payments(reading)...)
		if got := due(rs[2], tax.IIT); got != want {
			t.Errorf("%s: %s, want %s", reading, got, want)
		}
		if len(rs[2].Positions) != 1 || len(rs[1].Positions) != 0 {
			t.Errorf("%s: the position is marked where it is used, and only there: %v, %v", reading, rs[1].Positions, rs[2].Positions)
		}
	}
	// where they differ: 100000 each crosses into 10% only when the months add up (taxable 75000, 150000, 225000)
	for reading, want := range map[string]string{"count_income_months": "15000.00", "restart_after_break": "4980.00"} {
		fs := payments(reading)
		for i := range fs {
			fs[i].Amount, fs[i].AgencyFiling, fs[i].Platform = money.Yuan(100000), false, "douyin"
		}
		if got := due(book(t, e, fs...)[2], tax.IIT); got != want {
			t.Errorf("%s: %s, want %s", reading, got, want)
		}
	}
}

func TestFactsAreChecked(t *testing.T) {
	_, err := national(t).Compute(tax.Facts{})
	f := fault.AsError(err)
	if f.Code != fault.InvalidInput || len(f.Fields) < 6 {
		t.Fatalf("all problems at once, got %v", err)
	}
}

// An unconfirmed rule is marked in the list, in its step and in the step's own words.
func TestUnconfirmedIsMarked(t *testing.T) {
	r, err := national(t).Compute(byPosition(personFacts("2026-11-16", "12000.00")))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"iit.brackets.labor", "iit.labor.income_base", "relief.six_taxes_two_fees", "rounding.half_up", "vat.natural_person.withholding", "vat.price_divisor"}
	if len(r.Unconfirmed) != len(want) {
		t.Fatalf("unconfirmed %v, want %v", r.Unconfirmed, want)
	}
	for i := range want {
		if r.Unconfirmed[i] != want[i] {
			t.Errorf("unconfirmed %v, want %v", r.Unconfirmed, want)
		}
	}
	for _, s := range r.Steps {
		if text := s.Text(); text.ZH == "" || text.EN == "" {
			t.Errorf("step %s has no text", s.Name())
		}
	}
	if len(r.Rules.Positions) != 1 || r.Rules.Positions[0] != "pos-28" {
		t.Errorf("positions %v", r.Rules.Positions)
	}
}

// What was stored before only as sales and VAT stands for its surcharges too.
func TestStatedTurnover(t *testing.T) {
	f := byPosition(personFacts("2026-11-16", "1010.00"))
	f.ToDate.Day = tax.Turnover{Sales: money.Yuan(10000), VAT: money.Yuan(100), Stated: true}
	r, err := national(t).Compute(f)
	if err != nil {
		t.Fatal(err)
	}
	// VAT 110: UMCT 7.70 less 3.85 = 3.85; before, on 100: 3.50
	if due(r, tax.VAT) != "10.00" || due(r, tax.UMCT) != "0.35" {
		t.Errorf("VAT %s, UMCT %s", due(r, tax.VAT), due(r, tax.UMCT))
	}
}

// Two payments of 600 on one day bore 11.88 of VAT; when the first comes back, 600 stands alone and owes none.
func TestTrueUpsAfterAReversal(t *testing.T) {
	e := national(t)
	f := byPosition(personFacts("2026-11-16", "600.00"))
	rs := book(t, e, f, f)
	rows := append(append([]tax.Row{}, rs[0].Rows...), rs[1].Rows...)
	if list, err := e.TrueUps(f, rows); err != nil || len(list) != 0 {
		t.Fatalf("before the reversal: %v, %v", list, err)
	}
	for _, r := range rs[0].Rows {
		r.Income, r.Received, r.Sales, r.Withheld = r.Income.Neg(), r.Received.Neg(), r.Sales.Neg(), r.Withheld.Neg()
		rows = append(rows, r)
	}
	list, err := e.TrueUps(f, rows)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, u := range list {
		got[u.Tax+" "+u.Period] = u.Excess.String()
	}
	// income left 588.12: below 800, so the 77.62 of the month is too much as well
	for what, want := range map[string]string{"VAT 2026-11-16": "11.88", "UMCT 2026-11-16": "0.41", "EDU 2026-11-16": "0.18", "LEDU 2026-11-16": "0.12", "IIT 2026-11": "77.62"} {
		if got[what] != want {
			t.Errorf("%s: excess %q, want %s (all: %v)", what, got[what], want, got)
		}
	}
	// and where too little was withheld, the difference is negative
	short := append([]tax.Row{}, rs[0].Rows...)
	short[len(short)-1].Income = money.Yuan(4000)
	if list, err := e.TrueUps(f, short); err != nil || len(list) != 1 || list[0].Excess.String() != "-640.00" {
		t.Errorf("too little withheld: %v, %v", list, err)
	}
}
