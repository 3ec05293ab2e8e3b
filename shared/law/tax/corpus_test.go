package tax_test

import (
	"errors"
	"strings"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// A place is answered by its own pack, that of its city, or that of its province; planned cities and the corps have
// their own, and nothing answers for a place that no pack knows.
func TestPlaces(t *testing.T) {
	c := corpus(t)
	for place, pack := range map[string]string{
		"": "national", "000000": "national", "110000": "110000", "110105": "110000", "330106": "330000", "330203": "330200", "441500": "440000",
		"441521": "440000", "440300": "440300", "440306": "440300", "659001": "650000", "660000": "660000",
	} {
		if e, err := c.EngineAt(place); err != nil || e.Pack().Pack != pack {
			t.Errorf("%q: %v, %v", place, e, err)
		}
	}
	for _, place := range []string{"990000", "810000", "11000", "1100000", "11000a", "３３０１０６"} {
		if _, err := c.EngineAt(place); !fault.HasCode(err, fault.InvalidInput) {
			t.Errorf("%q: %v", place, err)
		}
	}
	if n := len(c.PackIDs()); n != 38 {
		t.Errorf("%d packs", n)
	}
}

// studio is an individual business whose tax office levies on turnover, paid for an advertisement.
func studio(place string) tax.Facts {
	return tax.Facts{PaymentDate: civil.MustDate("2026-11-16"), VATDate: civil.MustDate("2026-11-16"), IncomeType: "xingtu_ad", VATIncluded: true, Amount: money.Yuan(50_500),
		Entity:   tax.Entity{ID: "e", Place: "330106", PlaceTier: "city", VAT: "general"},
		Taxpayer: tax.Taxpayer{Kind: "individual_business", Resident: true, VAT: "small_scale", Collection: "levy_rate", Jurisdiction: place, Industry: "advertising", PlaceTier: "city"}}
}

func iitOf(t *testing.T, res tax.Result) tax.Line {
	t.Helper()
	for _, l := range res.PayeeObligations {
		if l.Tax == tax.IIT {
			return l
		}
	}
	t.Fatalf("no IIT among %+v", res.PayeeObligations)
	return tax.Line{}
}

// Assessed business income is estimated by the rules of the payee's registration, and lowers nothing: Xiamen 1% of
// 50,000; Beijing 0.8% of what exceeds 20,000; where the rate is not known, the line names the missing rule.
func TestEstimateGoesByThePayeesPlace(t *testing.T) {
	c := corpus(t)
	for place, want := range map[string]string{"350200": "500.00", "110000": "240.00"} {
		res, err := c.Compute(studio(place))
		if err != nil {
			t.Fatal(err)
		}
		if l := iitOf(t, res); l.Due.String() != want || l.Missing != nil {
			t.Errorf("%s: %+v", place, l)
		}
		if res.Net != money.Yuan(50_500) || len(res.Rules.Local) != 2 {
			t.Errorf("%s: net %s by %v", place, res.Net, res.Rules.Local)
		}
	}
	res, err := c.Compute(studio("210000"))
	if err != nil {
		t.Fatal(err)
	}
	if l := iitOf(t, res); !l.Due.IsZero() || len(l.Missing) != 1 || !strings.Contains(l.Missing[0].EN, "@210000") {
		t.Errorf("%+v", l)
	}
}

// What the office of a place decides case by case, what lapsed and what is not recorded are gaps with their rule.
func TestAssessedGapsNameTheirRule(t *testing.T) {
	c := corpus(t)
	quota := tax.Assessable{On: civil.MustDate("2026-11-16"), Kind: "individual_business", Way: "quota", Period: "month", Basis: "revenue", Amount: money.Yuan(40_000), Industry: "other"}
	for place, want := range map[string]string{"130000": "discretion", "140000": "@140000", "630000": "@630000", "660000": "@660000"} {
		e, err := c.EngineAt(place)
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Assess(quota, nil)
		var g *tax.Gap
		if !errors.As(err, &g) || !strings.Contains(g.Error(), want) {
			t.Errorf("%s: %v", place, err)
		}
	}
	hebei, err := c.EngineAt("130000")
	if err != nil {
		t.Fatal(err)
	}
	quota.Amount = money.Yuan(30_000)
	if got, err := hebei.Assess(quota, nil); err != nil || !got.NotTaxed {
		t.Errorf("%+v, %v: up to 30,000 nothing is taxed, whatever the rate above", got, err)
	}
}

// A tax position of the tenant fills an open local rate, and the figure is marked by it.
func TestPositionFillsALocalRate(t *testing.T) {
	e, err := corpus(t).EngineAt("130000")
	if err != nil {
		t.Fatal(err)
	}
	q := tax.Assessable{On: civil.MustDate("2026-11-16"), Kind: "individual_business", Way: "quota", Period: "month", Basis: "revenue", Amount: money.Yuan(40_000), Industry: "other"}
	_, err = e.Assess(q, nil)
	var g *tax.Gap
	if !errors.As(err, &g) {
		t.Fatal(err)
	}
	got, err := e.Assess(q, []tax.Position{{ID: "p1", Rule: g.Rule, Reading: "0.005"}})
	if err != nil || got.Tax != money.Yuan(200) || len(got.Positions) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := e.Assess(q, []tax.Position{{ID: "p1", Rule: g.Rule, Reading: "much"}}); !errors.As(err, &g) {
		t.Errorf("got %v", err)
	}
}

// A position is refused when it could never be used, and told what it may choose.
func TestCheckPosition(t *testing.T) {
	c := corpus(t)
	for _, x := range []struct{ rule, reading, from, problem string }{
		{"vat.natural_person.withholding", "daily_1000_at_1pct", "2026-11-01", ""},
		{"vat.natural_person.withholding", "weekly", "2026-11-01", "must be one of daily_1000_at_1pct"},
		{"vat.natural_person.withholding", "daily_1000_at_1pct", "2026-10-31", "is not open"},
		{"iit.labor.cost_rate", "0.3", "2026-11-01", "is not open"},
		{"vat.nothing", "x", "2026-11-01", "no rule has this id"},
		{"iit.assessed.quota@999999", "0.01", "2026-11-01", "names no place"},
		{"iit.assessed.quota@", "0.01", "2026-11-01", "names no place"},
		{"iit.assessed.quota@140000", "0.01", "2026-11-01", "declares no reading"},
		{"iit.assessed.levy_rate@130000", "0.008", "2026-11-01", ""},
		{"iit.assessed.levy_rate@130000", "eight", "2026-11-01", "decimal rate"},
		{"iit.assessed.levy_rate@130000", "1.01", "2026-11-01", "decimal rate"},
	} {
		got := c.CheckPosition(x.rule, x.reading, civil.MustDate(x.from))
		if (x.problem == "") != (len(got) == 0) || (len(got) > 0 && !strings.Contains(got[0].Problem, x.problem)) {
			t.Errorf("%s %s: %v", x.rule, x.reading, got)
		}
	}
}
