package tax_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// drawAnyFacts draws a payment of any payee, on any route, between 2025 and 2027.
func drawAnyFacts(t *rapid.T) tax.Facts {
	on := civil.MustDate("2025-07-01").AddDays(rapid.IntRange(0, 600).Draw(t, "day"))
	f := tax.Facts{PaymentDate: on, VATDate: on.AddDays(-rapid.IntRange(0, 40).Draw(t, "days from VAT date to payment")),
		Entity: tax.Entity{ID: "e", Place: rapid.SampledFrom([]string{"", "330100", "110000", "440300"}).Draw(t, "place"),
			PlaceTier: rapid.SampledFrom([]string{"city", "county", "other"}).Draw(t, "tier"), VAT: "general"},
		Route:    rapid.SampledFrom([]string{"", "mcn_pays", "studio_invoice", "payroll"}).Draw(t, "route"),
		Platform: "douyin", Project: rapid.SampledFrom([]string{"", "p"}).Draw(t, "project"),
		Taxpayer: tax.Taxpayer{Kind: rapid.SampledFrom([]string{"natural_person", "natural_person", "individual_business", "company", "employee", "student_intern"}).Draw(t, "kind"),
			Resident: rapid.IntRange(0, 4).Draw(t, "resident") > 0, VAT: rapid.SampledFrom([]string{"natural_person", "small_scale", "general"}).Draw(t, "vat"),
			Collection:   rapid.SampledFrom([]string{"withheld", "books"}).Draw(t, "collection"),
			Jurisdiction: rapid.SampledFrom([]string{"", "330100", "650100"}).Draw(t, "jurisdiction"), PlaceTier: rapid.SampledFrom([]string{"", "city"}).Draw(t, "payee tier")},
		Item:        rapid.SampledFrom([]string{"", "", "", tax.ItemAuthor, tax.ItemIncidental}).Draw(t, "item"),
		Amount:      money.Fen(rapid.OneOf(rapid.Int64Range(1, 200_000), rapid.Int64Range(1, 30_000_000)).Draw(t, "amount")),
		VATIncluded: rapid.Bool().Draw(t, "vat included"), AgencyFiling: rapid.Bool().Draw(t, "agency filing")}
	if rapid.Bool().Draw(t, "filed") {
		f.Entity.Filings = []tax.PlatformFiling{{Platform: "douyin", From: civil.MustDate("2025-10-01")}}
	}
	if rapid.Bool().Draw(t, "position") {
		f.Positions = []tax.Position{no28()}
	}
	return f
}

// figures is a result without what only explains it.
func figures(r tax.Result) tax.Result {
	r.Steps, r.Unconfirmed, r.Rules = nil, nil, tax.RulesUsed{}
	return r
}

// TestSilenceChangesNoFigure computes payments of one payee after the other with steps and without, in one workspace.
func TestSilenceChangesNoFigure(t *testing.T) {
	c := corpus(t)
	silent := c.NewFigureComputer()
	rapid.Check(t, func(t *rapid.T) {
		var rows []tax.Row
		for range rapid.IntRange(1, 6).Draw(t, "payments") {
			f := drawAnyFacts(t)
			want, wantErr := c.ComputeRows(f, rows)
			got, err := silent.ComputeRows(&f, rows)
			if (err == nil) != (wantErr == nil) || (err != nil && err.Error() != wantErr.Error()) {
				t.Fatalf("silent: %v; with steps: %v", err, wantErr)
			}
			if err != nil {
				continue
			}
			if diff := cmp.Diff(figures(want), figures(*got), cmp.AllowUnexported(money.Amount{}, money.Fraction{}, civil.Date{}), emptyIsNone()); diff != "" {
				t.Fatal(diff)
			}
			if len(got.Steps) > 0 || len(want.Steps) == 0 {
				t.Fatalf("%d steps in silence, %d without", len(got.Steps), len(want.Steps))
			}
			rows = append(rows, want.Rows...)
		}
	})
}

// emptyIsNone takes an empty list for none: the workspace's lists are empty after their first use.
func emptyIsNone() cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type().Kind().String() == "slice" },
		cmp.FilterValues(func(a, b any) bool { return lengthOf(a) == 0 && lengthOf(b) == 0 }, cmp.Ignore()))
}

func lengthOf(list any) int {
	switch l := list.(type) {
	case []tax.Line:
		return len(l)
	case []tax.Row:
		return len(l)
	case []tax.TrueUp:
		return len(l)
	case []string:
		return len(l)
	}
	return 1
}

// TestResultsDoNotShareMemory computes again and again in the engine's workspaces: what was given before stands.
func TestResultsDoNotShareMemory(t *testing.T) {
	e := national(t)
	first, err := e.Compute(byPosition(personFacts("2026-11-16", "12000.00")))
	if err != nil {
		t.Fatal(err)
	}
	before := first.Net.String() + line(first.Taxes, tax.IIT).Base.String() + first.Rows[0].Sales.String() + first.Steps[3].Text().EN
	for _, amount := range []string{"1.00", "99999.99", "500000.00"} {
		if _, err := e.Compute(byPosition(platformFacts("2026-11-16", amount))); err != nil {
			t.Fatal(err)
		}
	}
	if after := first.Net.String() + line(first.Taxes, tax.IIT).Base.String() + first.Rows[0].Sales.String() + first.Steps[3].Text().EN; after != before {
		t.Errorf("%s became %s", before, after)
	}
}

func BenchmarkSilentRows(b *testing.B) {
	s := corpus(b).NewFigureComputer()
	f := byPosition(personFacts("2026-11-16", "12000.00"))
	first, err := s.ComputeRows(&f, nil)
	if err != nil {
		b.Fatal(err)
	}
	var rows []tax.Row
	for range 8 {
		rows = append(rows, first.Rows...)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.ComputeRows(&f, rows); err != nil {
			b.Fatal(err)
		}
	}
}
