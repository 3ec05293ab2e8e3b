package taxplan_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/fault"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/law/taxplan"
	"fenzhang/shared/money"
)

var packs = sync.OnceValues(taxpack.LoadEmbedded)

func corpus(t testing.TB) *tax.Corpus {
	t.Helper()
	c, err := packs()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func ptr[T any](v T) *T { return &v }

func yuan(s string) *money.Amount { return ptr(money.MustParse(s)) }

// year is twelve months of one income in Hangzhou, with everything told that figures need. The tenant has decided
// how VAT of persons is read from November on.
func year() taxplan.Request {
	decided := []tax.Position{{ID: "pos-28", Rule: "vat.natural_person.withholding", Reading: "daily_1000_at_1pct"}}
	q := taxplan.Request{Year: 2026, Jurisdiction: "330100", Positions: map[int][]tax.Position{11: decided, 12: decided}}
	for m := 1; m <= 12; m++ {
		q.Income = append(q.Income, taxplan.Income{Month: m, Type: "xingtu_ad", Amount: money.MustParse("50000.00")})
	}
	q.Facts = taxplan.Facts{Resident: ptr(true), VATIncluded: ptr(true), PlaceTier: "city", Costs: yuan("200000.00"), Special: yuan("12000.00"), Additional: yuan("24000.00"),
		Other: yuan("0.00"), Donations: yuan("0.00"), SocialInsurance: yuan("30000.00"), HousingFund: yuan("24000.00"), MonthsEmployed: ptr(12), Elsewhere: &tax.YearIncome{},
		Staff: ptr(3), Assets: yuan("100000.00"), Restricted: ptr(false)}
	return q
}

func plan(t testing.TB, q taxplan.Request) map[string]taxplan.Alternative {
	t.Helper()
	p, err := taxplan.ComputePlan(corpus(t), q)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]taxplan.Alternative{}
	for _, a := range p.Alternatives {
		all[a.Regime] = a
	}
	return all
}

func figures(a taxplan.Alternative) string {
	if a.TotalTax == nil {
		return "none"
	}
	s := a.TotalTax.String() + " ="
	for _, x := range a.Taxes {
		s += " " + x.Tax + " " + x.Amount.String()
	}
	return s + ", net " + a.Net.String()
}

func TestFiguresOfAYear(t *testing.T) {
	licensed := year()
	licensed.Facts.Work = "licensed"
	published := year()
	published.Facts.Work = "published"
	decided := year()
	decided.Facts.Assessed = &taxplan.Assessed{Way: "deemed_profit_rate", Rate: ptr(money.MustRate("0.1"))}
	for _, c := range []struct {
		q            taxplan.Request
		regime, want string
	}{
		// 600,000 - 60,000 - 54,000 - 24,000 = 462,000; x 30% - 52,920
		{year(), "wages", "85680.00 = IIT 85680.00, net 460320.00"},
		// Ten months 50,000 / 1.01 x 1% = 495.05 filed by the person, two withheld, with 7% + 3% + 2% at half:
		// 17.32 (34.65 less 17.33), 7.42, 4.95. Income of the settlement: 500,000 + 2 x 49,504.95, less 20% = 479,207.92;
		// less 96,000; x 25% - 31,920
		{year(), "labor", "70178.86 = IIT 63881.98 VAT 5940.60 UMCT 207.84 EDU 89.04 LEDU 59.40, net 529821.14"},
		// 480,000 - 96,000 = 384,000; x 25% - 31,920; the month stays below 100,000 of sales, so no VAT
		{year(), "labor_platform", "64080.00 = IIT 64080.00, net 535920.00"},
		// 480,000 x 70% - 96,000 = 240,000; x 20% - 16,920
		{published, "author", "31080.00 = IIT 31080.00, net 568920.00"},
		{licensed, "royalty", "64080.00 = IIT 64080.00, net 535920.00"},
		// 600,000 - 200,000 - 96,000 = 304,000; x 30% - 40,500 = 50,700, half of it for individual businesses
		{year(), "individual_business_books", "25350.00 = IIT 25350.00, net 574650.00"},
		{year(), "sole_proprietorship_books", "50700.00 = IIT 50700.00, net 549300.00"},
		// 600,000 x 10% = 60,000; x 10% - 1,500 = 4,500
		{decided, "individual_business_assessed", "2250.00 = IIT 2250.00, net 597750.00"},
		{decided, "sole_proprietorship_assessed", "4500.00 = IIT 4500.00, net 595500.00"},
		// 400,000 x 5% = 20,000; 380,000 x 20% on the dividend
		{year(), "company", "96000.00 = IIT 76000.00 CIT 20000.00, net 504000.00"},
	} {
		a := plan(t, c.q)[c.regime]
		if got := figures(a); got != c.want || !a.Feasible {
			t.Errorf("%s: %s, want %s; missing %v", c.regime, got, c.want, a.Missing)
		}
	}
}

func TestLocalRulesOfAssessment(t *testing.T) {
	for _, c := range []struct{ place, way, period, regime, want string }{
		// 600,000 x 12% = 72,000; x 10% - 1,500 = 5,700, half of it for individual businesses
		{"650000", "deemed_profit_rate", "", "individual_business_assessed", "2850.00 = IIT 2850.00, net 597150.00"},
		{"650000", "deemed_profit_rate", "", "sole_proprietorship_assessed", "5700.00 = IIT 5700.00, net 594300.00"},
		// twelve months of 49,504.95 x 0.8% = 396.04
		{"440300", "fixed_rate", "month", "sole_proprietorship_assessed", "4752.48 = IIT 4752.48, net 595247.52"},
		// four quarters of 148,514.85 x 0.5% = 742.57
		{"450000", "quota", "quarter", "individual_business_assessed", "2970.28 = IIT 2970.28, net 597029.72"},
	} {
		q := year()
		q.Jurisdiction, q.Facts.Industry = c.place, "culture"
		q.Facts.Assessed = &taxplan.Assessed{Way: c.way, Period: c.period}
		a := plan(t, q)[c.regime]
		if got := figures(a); got != c.want {
			t.Errorf("%s %s %s: %s, missing %v", c.place, c.way, c.regime, got, a.Missing)
		}
	}
}

func TestWhatBarsAnAlternative(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*taxplan.Request)
		regime string
		why    string // rule of the applying ban, the failing presupposition, or the gap
	}{
		"wages without social insurance":          {func(q *taxplan.Request) { q.Facts.SocialInsurance = nil }, "wages", "facts.social_insurance"},
		"wages without housing fund":              {func(q *taxplan.Request) { q.Facts.HousingFund = nil }, "wages", "facts.housing_fund"},
		"wages of who is not employed":            {func(q *taxplan.Request) { q.Facts.Employed = ptr(false) }, "wages", "regime.labor"},
		"labor of an employee":                    {func(q *taxplan.Request) { q.Facts.Employed = ptr(true) }, "labor", "regime.employee"},
		"business of an employee":                 {func(q *taxplan.Request) { q.Facts.Employed = ptr(true) }, "individual_business_books", "regime.employee"},
		"labor of November by an unread text":     {func(q *taxplan.Request) { q.Positions = nil }, "labor", "vat.natural_person.withholding"},
		"one-off labor at a filed platform":       {func(q *taxplan.Request) { q.Facts.PlatformFiling = ptr(true) }, "labor", "regime.platform_worker"},
		"the platform method without filing":      {func(q *taxplan.Request) { q.Facts.PlatformFiling = ptr(false) }, "labor_platform", "regime.labor"},
		"a break in the year":                     {func(q *taxplan.Request) { q.Income = append(q.Income[:3:3], q.Income[5:]...) }, "labor_platform", "iit.labor_platform.break_months"},
		"a business that is not registered":       {func(q *taxplan.Request) { q.Facts.Registered = ptr(false) }, "sole_proprietorship_books", "plan.registered"},
		"a business that is not run":              {func(q *taxplan.Request) { q.Facts.RealOperation = ptr(false) }, "company", "regime.labor"},
		"a business without books":                {func(q *taxplan.Request) { q.Facts.Books = ptr(false) }, "individual_business_books", "plan.books"},
		"a business without costs":                {func(q *taxplan.Request) { q.Facts.Costs = nil }, "individual_business_books", "facts.costs"},
		"a general taxpayer":                      {func(q *taxplan.Request) { q.Facts.VAT = "general" }, "company", "vat.general"},
		"a company without staff":                 {func(q *taxplan.Request) { q.Facts.Staff = nil }, "company", "facts.staff"},
		"assessment without the office":           {func(*taxplan.Request) {}, "individual_business_assessed", "facts.assessed"},
		"assessment where no local text is known": {func(q *taxplan.Request) { q.Facts.Assessed = &taxplan.Assessed{Way: "deemed_profit_rate"} }, "sole_proprietorship_assessed", "iit.assessed.deemed_profit@330000"},
		"assessment of a streamer's studio": {func(q *taxplan.Request) {
			q.Facts.Assessed, q.Facts.Streamer = &taxplan.Assessed{Way: "deemed_profit_rate", Rate: ptr(money.MustRate("0.1"))}, ptr(true)
		}, "individual_business_assessed", "regime.streamer_books"},
		"assessment of live tips":               {func(q *taxplan.Request) { q.Income[4].Type = "live_tip" }, "sole_proprietorship_assessed", "regime.streamer_books"},
		"assessment with equity":                {func(q *taxplan.Request) { q.Facts.HoldsEquity = ptr(true) }, "sole_proprietorship_assessed", "regime.equity_books"},
		"royalty of a performer":                {func(q *taxplan.Request) { q.Facts.Work = "performed" }, "royalty", "plan.licensed"},
		"labor for a licence":                   {func(q *taxplan.Request) { q.Facts.Work = "licensed" }, "labor", "plan.items"},
		"royalty of nobody knows what":          {func(*taxplan.Request) {}, "royalty", "facts.work"},
		"surcharges at a place of unknown tier": {func(q *taxplan.Request) { q.Facts.PlaceTier = "" }, "labor", "facts.place_tier"},
		"sales above the small-scale limit": {func(q *taxplan.Request) {
			for i := range q.Income {
				q.Income[i].Amount = money.MustParse("500000.00")
			}
		}, "individual_business_books", "vat.small_scale.limit"},
		"a year without rules": {func(q *taxplan.Request) { q.Year = 2030 }, "individual_business_books", "VAT"},
	} {
		t.Run(name, func(t *testing.T) {
			q := year()
			c.change(&q)
			a := plan(t, q)[c.regime]
			var why []string
			for _, x := range a.Forbids {
				if x.Applies {
					why = append(why, x.Rule)
					if len(x.Law) == 0 || x.ZH == "" || x.EN == "" {
						t.Errorf("the ban %s says no article", x.Rule)
					}
				}
			}
			for _, x := range a.Presupposes {
				if x.Holds != nil && !*x.Holds {
					why = append(why, x.Rule)
				}
			}
			for _, x := range a.Missing {
				why = append(why, x.Rule)
			}
			found := false
			for _, w := range why {
				found = found || w == c.why
			}
			if !found || a.Feasible || a.TotalTax != nil || a.Net != nil || len(a.Taxes) > 0 {
				t.Errorf("barred by %v, not %s; %s", why, c.why, figures(a))
			}
		})
	}
}

func TestWhatIsNotToldIsNamed(t *testing.T) {
	q := year()
	q.Facts = taxplan.Facts{PlaceTier: "city", Costs: yuan("0.00")}
	for regime, want := range map[string][]string{
		"labor":                     {"facts.special", "facts.additional", "facts.other", "facts.donations", "facts.elsewhere"},
		"labor_platform":            {"facts.special", "facts.additional", "facts.other", "facts.donations", "facts.elsewhere"},
		"individual_business_books": {"facts.elsewhere", "facts.special", "facts.additional", "facts.other"},
	} {
		a := plan(t, q)[regime]
		named := map[string]bool{}
		for _, u := range a.Unknown {
			named[u.Rule] = u.Missing.ZH != "" && u.Missing.EN != ""
		}
		for _, w := range want {
			if !named[w] {
				t.Errorf("%s does not name %s: %v", regime, w, a.Unknown)
			}
		}
	}
	for _, a := range plan(t, q) {
		for _, p := range a.Presupposes {
			if p.ZH == "" || p.EN == "" || len(p.Law) == 0 || p.Status == "" {
				t.Errorf("%s presupposes %s without wording or article", a.Regime, p.Rule)
			}
		}
	}
}

func TestQuarterlyVATReachesTheThresholdAtOnce(t *testing.T) {
	q := year()
	q.Facts.VATPeriod = "quarter"
	for i := range q.Income {
		q.Income[i].Amount = money.MustParse("101000.00") // 100,000 a month, 300,000 a quarter: reached
	}
	a := plan(t, q)["individual_business_books"]
	vat := ""
	for _, m := range a.ByMonth[:3] {
		for _, x := range m.Taxes {
			if x.Tax == tax.VAT {
				vat += fmt.Sprintf("%d:%s ", m.Month, x.Amount)
			}
		}
	}
	if vat != "3:3000.00 " {
		t.Errorf("VAT of the first quarter %s", vat)
	}
}

func TestPositionsBehindFiguresAreNamed(t *testing.T) {
	all := plan(t, year())
	if got := all["labor"].Positions; len(got) != 1 || got[0] != "pos-28" {
		t.Errorf("labor by positions %v", got)
	}
	if got := all["individual_business_books"].Positions; len(got) != 0 {
		t.Errorf("a business by positions %v", got)
	}
}

func TestNotesOfAPlace(t *testing.T) {
	q := year()
	q.Jurisdiction = "460000"
	p, err := taxplan.ComputePlan(corpus(t), q)
	if err != nil || len(p.Notes) == 0 || p.Notes[0].Rule != "iit.burden_cap@460000" || len(p.Notes[0].Law) == 0 {
		t.Errorf("%v %+v", err, p.Notes)
	}
}

func TestAllJurisdictionsAnswer(t *testing.T) {
	c := corpus(t)
	for _, place := range c.Jurisdictions() {
		for _, way := range []string{"deemed_profit_rate", "quota", "fixed_rate", "invoice_issue"} {
			for _, period := range []string{"month", "quarter"} {
				q := year()
				q.Facts.Assessed = &taxplan.Assessed{Way: way, Period: period}
				if q.Jurisdiction = place.Code; q.Jurisdiction == "" {
					q.Jurisdiction = "000000"
				}
				p, err := taxplan.ComputePlan(c, q)
				if err != nil {
					t.Fatalf("%s %s: %v", place.Code, way, err)
				}
				for _, a := range p.Alternatives {
					check(t, a)
				}
			}
		}
	}
}

type failer interface{ Errorf(string, ...any) }

// check holds an alternative against what every one promises.
func check(t failer, a taxplan.Alternative) {
	barred := len(a.Missing) > 0
	for _, x := range a.Forbids {
		barred = barred || x.Applies
	}
	for _, x := range a.Presupposes {
		barred = barred || (x.Holds != nil && !*x.Holds)
	}
	if a.Feasible == barred || a.Feasible != (a.TotalTax != nil) || a.Feasible != (a.Net != nil) || a.Feasible != (a.Gross != nil) {
		t.Errorf("%s: feasible %t, barred %t, total %v", a.Regime, a.Feasible, barred, a.TotalTax)
		return
	}
	if !a.Feasible {
		return
	}
	var sum, gross, kept money.Amount
	for _, x := range a.Taxes {
		sum = sum.Add(x.Amount)
	}
	for _, m := range a.ByMonth {
		gross, kept = gross.Add(m.Income), kept.Add(m.Tax)
		if m.Net != m.Income.Sub(m.Tax) {
			t.Errorf("%s: month %d does not sum up", a.Regime, m.Month)
		}
	}
	own := money.Amount{}
	if a.Contributions != nil {
		own = *a.Contributions
	}
	if sum != *a.TotalTax || gross != *a.Gross || *a.Net != gross.Sub(sum).Sub(own) || sum.Negative() {
		t.Errorf("%s: %s of %s, net %s", a.Regime, sum, gross, *a.Net)
	}
	if a.Settlement != nil && a.Settlement.Kind != taxplan.EnterpriseSettlement && sum.Cmp(kept.Add(a.Settlement.Balance)) != 0 {
		t.Errorf("%s: %s is not %s kept and %s at the year's end", a.Regime, sum, kept, a.Settlement.Balance)
	}
	if len(a.Steps) == 0 {
		t.Errorf("%s: figures without steps", a.Regime)
	}
}

// Whatever is asked, an alternative has a total or says why not, and the same question has the same answer.
func TestPlansOfAnything(t *testing.T) {
	c := corpus(t)
	rapid.Check(t, func(t *rapid.T) {
		fen := rapid.Map(rapid.Int64Range(0, 300_000_000), money.Fen)
		maybe := func(name string) *bool { return rapid.Ptr(rapid.Bool(), true).Draw(t, name) }
		amount := func(name string) *money.Amount { return rapid.Ptr(fen, true).Draw(t, name) }
		q := taxplan.Request{Year: rapid.IntRange(2025, 2029).Draw(t, "year"), Jurisdiction: rapid.SampledFrom([]string{"330100", "460000", "110000", "650000", "440300", "000000"}).Draw(t, "place")}
		for range rapid.IntRange(1, 15).Draw(t, "incomes") {
			q.Income = append(q.Income, taxplan.Income{Month: rapid.IntRange(1, 12).Draw(t, "month"), Type: rapid.SampledFrom([]string{"live_tip", "xingtu_ad"}).Draw(t, "type"), Amount: fen.Draw(t, "income")})
		}
		q.Facts = taxplan.Facts{Resident: maybe("resident"), Employed: maybe("employed"), Work: rapid.SampledFrom([]string{"", "performed", "licensed", "published"}).Draw(t, "work"),
			Streamer: maybe("streamer"), VATIncluded: maybe("vat included"), PlaceTier: rapid.SampledFrom([]string{"", "city", "county", "other"}).Draw(t, "tier"),
			PlatformFiling: maybe("filing"), AgencyConsent: maybe("consent"), LowEarner: maybe("low earner"), Registered: maybe("registered"), RealOperation: maybe("run"), Books: maybe("books"),
			VAT: rapid.SampledFrom([]string{"", "small_scale", "general"}).Draw(t, "vat"), VATPeriod: rapid.SampledFrom([]string{"", "month", "quarter"}).Draw(t, "period"), HoldsEquity: maybe("equity"),
			Staff: rapid.Ptr(rapid.IntRange(0, 400), true).Draw(t, "staff"), Assets: amount("assets"), Restricted: maybe("restricted"), Costs: amount("costs"), Special: amount("special"),
			Additional: amount("additional"), Other: amount("other"), Donations: amount("donations"), MonthsEmployed: rapid.Ptr(rapid.IntRange(1, 12), true).Draw(t, "months"),
			SocialInsurance: amount("insurance"), HousingFund: amount("fund")}
		p, err := taxplan.ComputePlan(c, q)
		if fault.HasCode(err, fault.InvalidInput) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Alternatives) != 10 {
			t.Fatalf("%d alternatives", len(p.Alternatives))
		}
		for _, a := range p.Alternatives {
			check(t, a)
		}
		one, _ := json.Marshal(p)
		again, _ := taxplan.ComputePlan(c, q)
		if two, _ := json.Marshal(again); !bytes.Equal(one, two) {
			t.Fatal("the same question has another answer")
		}
	})
}
