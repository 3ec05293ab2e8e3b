package main

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"fenzhang/local/apiclient"
	"fenzhang/local/income"
	"fenzhang/rules"
	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/money"
)

// TestEngineGivesTheWorkedCases taxes what the sample files lead to, payment by payment, with the rules in the
// repository, and compares it with the figures that were derived by hand. Every payment of a creator whose method
// is cumulative is a worked case.
func TestEngineGivesTheWorkedCases(t *testing.T) {
	list, err := income.Open(os.DirFS(samples))
	if err != nil {
		t.Fatal(err)
	}
	national, err := fs.Sub(rules.Files, "national")
	if err != nil {
		t.Fatal(err)
	}
	corpus, err := taxpack.LoadCorpus(national)
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]tax.Row{}
	for _, w := range list.Worked {
		check(t, corpus.National(), list, w, rows)
	}
}

// check computes all that a creator is paid on a day; rows are what was booked for creators before.
func check(t *testing.T, engine *tax.Engine, list income.Delivery, w income.WorkedCase, rows map[string][]tax.Row) {
	t.Helper()
	kept, owed := map[string]money.Amount{}, map[string]money.Amount{}
	var net money.Amount
	for _, e := range list.Expected {
		if e.CreatorID != w.CreatorID || e.PayOn != w.PayOn {
			continue
		}
		res, err := engine.ComputeRows(factsOf(t, list, e), rows[string(w.CreatorID)])
		var gap *tax.Gap
		if w.Hold != "" {
			if !errors.As(err, &gap) {
				t.Errorf("case %s: %s is no gap: %v", w.Case, e.ActivityID, err)
			}
			return
		}
		if err != nil {
			t.Fatalf("case %s: %s: %v", w.Case, e.ActivityID, err)
		}
		rows[string(w.CreatorID)] = append(rows[string(w.CreatorID)], res.Rows...)
		net = net.Add(res.Net)
		for _, l := range res.Taxes {
			kept[l.Tax] = kept[l.Tax].Add(l.Amount)
		}
		for _, l := range res.PayeeObligations {
			owed[l.Tax] = owed[l.Tax].Add(l.Due)
		}
	}
	if net != w.Net {
		t.Errorf("case %s, %s on %s: net %s, derived %s; kept back %v", w.Case, w.CreatorID, w.PayOn, net, w.Net, kept)
	}
	for _, name := range []string{"VAT", "UMCT", "EDU", "LEDU", "IIT"} {
		if kept[name] != w.Taxes[name] || owed[name] != w.Owed[name] {
			t.Errorf("case %s, %s on %s: %s kept back %s and owed %s, derived %s and %s", w.Case, w.CreatorID, w.PayOn, name, kept[name], owed[name], w.Taxes[name], w.Owed[name])
		}
	}
}

// factsOf gives what the master data say about one expected settlement.
func factsOf(t *testing.T, list income.Delivery, e income.Expected) tax.Facts {
	t.Helper()
	m := list.Master[string(e.Tenant)]
	k := find(t, m.Contracts, func(k apiclient.Contract) bool { return k.CreatorID == e.CreatorID })
	c := find(t, m.Creators, func(c apiclient.Creator) bool { return c.CreatorID == e.CreatorID })
	p := find(t, m.Taxpayers, func(p apiclient.Taxpayer) bool { return p.TaxpayerID == c.TaxpayerID }).Profiles[0]
	ent := find(t, m.PayingEntities, func(p apiclient.PayingEntity) bool { return p.EntityID == k.PayingEntity })
	f := tax.Facts{
		PaymentDate: e.PayOn, VATDate: e.PayOn, Route: k.Routes[e.IncomeType], IncomeType: e.IncomeType, Platform: platform,
		Entity:   tax.Entity{ID: string(ent.EntityID), Place: ent.Place, PlaceTier: ent.PlaceTier, VAT: ent.VAT},
		Taxpayer: tax.Taxpayer{Kind: p.Kind, Resident: p.Resident, VAT: p.VAT, Collection: p.Collection, Jurisdiction: p.Jurisdiction, Industry: p.Industry, PlaceTier: p.PlaceTier},
		Amount:   money.MustRate(k.Splits[e.IncomeType].Parties[0].Share).ApplyTo(e.Gross, money.HalfEven), VATIncluded: true,
	}
	for _, filing := range ent.Filings {
		f.Entity.Filings = append(f.Entity.Filings, tax.PlatformFiling{Platform: filing.Platform, From: civil.MustDate(filing.From)})
	}
	for _, paper := range p.Papers {
		f.AgencyFiling = f.AgencyFiling || paper.Name == "vat_agency_filing_consent"
	}
	for _, position := range m.Positions {
		f.Positions = append(f.Positions, tax.Position{ID: position.PositionID, Rule: position.Rule, Reading: position.Reading})
	}
	return f
}

func find[T any](t *testing.T, items []T, is func(T) bool) T {
	t.Helper()
	for _, item := range items {
		if is(item) {
			return item
		}
	}
	t.Fatalf("the master data lack a %T", items)
	panic("unreachable")
}
