package taxapi

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// entityFacts describes a paying entity in a request: either its id, or all other fields.
type entityFacts struct {
	ID             string `json:"id"`
	Place          string `json:"place"`
	PlaceTier      string `json:"place_tier"`
	PlatformFiling bool   `json:"platform_filing"`
}

// payeeFacts describes a taxpayer in a request: either its id, or all other fields.
type payeeFacts struct {
	ID            string `json:"id"`
	Kind          string `json:"kind"`
	Resident      *bool  `json:"resident"`
	VAT           string `json:"vat"`
	Collection    string `json:"collection"`
	Jurisdiction  string `json:"jurisdiction"`
	Industry      string `json:"industry"`
	PlaceTier     string `json:"place_tier"`
	VATPeriod     string `json:"vat_period"`
	Overseas      bool   `json:"overseas"`
	HoldsEquity   bool   `json:"holds_equity"`
	AgencyConsent *bool  `json:"agency_consent"`
}

// defaultPlatform is the platform of an income for which the request gives no platform.
const defaultPlatform = "douyin"

// provinceHeader is the request header with the place where the payee is registered and files its
// own taxes. It replaces the place in the body or in the tax profile.
const provinceHeader = "x-province-code"

// validate adds the problems of a paying entity's description. The fields other than the id must be
// empty when the id is given.
func (e *entityFacts) validate(p *fault.Problems, corpus *tax.Corpus) {
	rest := *e
	rest.ID = ""
	switch {
	case e.ID != "":
		p.AddIf(!ident.Valid(e.ID), "paying_entity.id", "must be 1 to 64 of A-Z a-z 0-9 _ -")
		p.AddIf(rest != (entityFacts{}), "paying_entity", "give its id or describe it, not both")
	case e.Place == "":
		p.Add("paying_entity.place", "must be the six-digit code of a place of the mainland")
	default:
		_, err := corpus.EngineAt(e.Place)
		p.AddIf(err != nil, "paying_entity.place",
			"must be the six-digit code of a place of the mainland")
	}
}

// validate adds the problems of a taxpayer's description. The province is the value of the header
// X-Province-Code, which replaces the place of registration.
func (t *payeeFacts) validate(p *fault.Problems, corpus *tax.Corpus, province string) {
	rest := *t
	// A consent may be stated also for a taxpayer with an id.
	rest.ID = ""
	rest.AgencyConsent = nil
	if t.ID != "" {
		p.AddIf(!ident.Valid(t.ID), "taxpayer.id", "must be 1 to 64 of A-Z a-z 0-9 _ -")
		p.AddIf(rest != (payeeFacts{}), "taxpayer", "give its id or describe it, not both")
	}
	p.AddIf(!isRuleName(t.Industry), "taxpayer.industry", "must be a word of a-z, 0-9, _ and -")
	_, err := corpus.EngineAt(t.Jurisdiction)
	p.AddIf(err != nil, "taxpayer.jurisdiction",
		"must be the six-digit code of a place of the mainland")
	_, err = corpus.EngineAt(province)
	p.AddIf(err != nil, "X-Province-Code", "must be the six-digit code of a place of the mainland")
}

// statedEntity returns the paying entity as the request body describes it, with a platform filing
// when the body says so. For an entity with an id the result is a placeholder that passes
// validation, because master data is read later.
func (e *entityFacts) statedEntity(on string, day civil.Date) tax.Entity {
	if e.ID != "" {
		return tax.Entity{PlaceTier: "city"}
	}
	out := tax.Entity{ID: "quoted", Place: e.Place, PlaceTier: e.PlaceTier, VAT: "general"}
	if e.PlatformFiling && !day.IsZero() {
		// The filing must precede the year of the payment: it permits the cumulative method for all of
		// it.
		out.Filings = []tax.PlatformFiling{
			{Platform: on, From: civil.NewDate(day.Year(), 1, 1).AddDays(-1)}}
	}
	return out
}

// statedTaxpayer returns the taxpayer as the request body describes it. For a taxpayer with an id
// the result is a placeholder that passes validation, because master data is read later.
func (t *payeeFacts) statedTaxpayer(province string) tax.Taxpayer {
	if t.ID != "" {
		return tax.Taxpayer{Kind: "natural_person", Resident: true, VAT: "natural_person",
			Collection: "withheld"}
	}
	out := tax.Taxpayer{Kind: t.Kind, Resident: !t.Overseas, VAT: t.VAT, Collection: t.Collection,
		Jurisdiction: t.Jurisdiction, Industry: t.Industry,
		PlaceTier: t.PlaceTier, VATPeriod: t.VATPeriod, Overseas: t.Overseas, HoldsEquity: t.HoldsEquity}
	if t.Resident != nil {
		out.Resident = *t.Resident
	}
	if province != "" {
		out.Jurisdiction = province
	}
	return out
}

// loadEntity returns a paying entity on a day: from master data when the request gives an id,
// otherwise as the request describes it.
func (a API) loadEntity(ctx context.Context, tenant ident.Tenant, e entityFacts, on string,
	day civil.Date) (tax.Entity, error) {
	if e.ID == "" {
		return e.statedEntity(on, day), nil
	}
	found, err := a.Directory.Entity(ctx, tenant, ident.Entity(e.ID), day)
	return settlement.EntityFacts(found), err
}

// payee is a taxpayer, and whether the taxpayer has consented to filing by the agency (代办申报).
type payee struct {
	tax.Taxpayer
	consent bool
}

// loadPayee returns a taxpayer on a day: by its tax profile when the request gives an id, otherwise
// as the request describes it.
//
// Errors: fault.RuleMissing with reason profile_missing when the taxpayer has no profile on the
// day.
func (a API) loadPayee(ctx context.Context, tenant ident.Tenant, t payeeFacts, province string,
	day civil.Date) (payee, error) {
	if t.ID == "" {
		return payee{t.statedTaxpayer(province), t.AgencyConsent != nil && *t.AgencyConsent}, nil
	}
	found, err := a.Directory.Taxpayer(ctx, tenant, ident.Taxpayer(t.ID))
	if err != nil {
		return payee{}, err
	}
	p, ok := found.ProfileOn(day)
	if !ok {
		return payee{}, fault.MissingRule("profile_missing", string("tax profile of "+found.TaxpayerID),
			"The taxpayer has no tax profile on that day; record one.")
	}
	out := payee{settlement.TaxpayerFacts(p), hasAgencyConsent(p, day)}
	// The request may state a consent or a province that differs from the profile, to see the effect.
	if t.AgencyConsent != nil {
		out.consent = *t.AgencyConsent
	}
	if province != "" {
		out.Jurisdiction = province
	}
	return out, nil
}

// hasAgencyConsent reports whether the papers of a tax profile contain the worker's written consent
// to filing by the agency, valid on a day.
func hasAgencyConsent(p tenancy.Profile, day civil.Date) bool {
	for _, x := range p.Papers {
		if x.Name == settlement.ConsentPaper && !day.Before(x.From) &&
			(x.To.IsZero() || !day.After(x.To)) {
			return true
		}
	}
	return false
}

// loadPositions reads the tenant's approved tax positions of a day.
func (a API) loadPositions(ctx context.Context, tenant ident.Tenant,
	day civil.Date) ([]tax.Position, error) {
	found, err := a.Directory.Positions(ctx, tenant, day)
	return settlement.PositionFacts(found), err
}
