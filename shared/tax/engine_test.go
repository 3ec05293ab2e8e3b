package tax_test

import (
	"io/fs"
	"testing"

	"fenzhang/rules"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
	"fenzhang/shared/tax"
	"fenzhang/shared/taxpack"
)

// national loads the pack that the binary carries.
func national(t testing.TB) *tax.Engine {
	t.Helper()
	sub, err := fs.Sub(rules.Files, "national")
	if err != nil {
		t.Fatal(err)
	}
	e, err := taxpack.Load(sub)
	if err != nil {
		t.Fatal(err)
	}
	return e
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
