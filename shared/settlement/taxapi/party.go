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

// entityFacts is a paying entity, named or described.
type entityFacts struct {
	ID             string `json:"id"`
	Place          string `json:"place"`
	PlaceTier      string `json:"place_tier"`
	PlatformFiling bool   `json:"platform_filing"`
}

// payeeFacts is a taxpayer, named or described.
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

// platform is the platform of an income that names none.
const platform = "douyin"

// provinceHeader replaces the place of the payee's registration, by which it files itself.
const provinceHeader = "x-province-code"

// check notes what is wrong with the description.
func (e *entityFacts) check(b *body, corpus *tax.Corpus) {
	rest := *e
	rest.ID = ""
	switch {
	case e.ID != "":
		b.need(ident.Valid(e.ID), "paying_entity.id", "must be 1 to 64 of A-Z a-z 0-9 _ -")
		b.need(rest == (entityFacts{}), "paying_entity", "give its id or describe it, not both")
	case e.Place == "":
		b.add("paying_entity.place", "must be the six-digit code of a place of the mainland")
	default:
		_, err := corpus.EngineAt(e.Place)
		b.need(err == nil, "paying_entity.place", "must be the six-digit code of a place of the mainland")
	}
}

// check notes what is wrong with the description; province is the header that replaces the
// registration.
func (t *payeeFacts) check(b *body, corpus *tax.Corpus, province string) {
	rest := *t
	rest.ID, rest.AgencyConsent = "", nil
	if t.ID != "" {
		b.need(ident.Valid(t.ID), "taxpayer.id", "must be 1 to 64 of A-Z a-z 0-9 _ -")
		b.need(rest == (payeeFacts{}), "taxpayer", "give its id or describe it, not both")
	}
	b.need(isWord(t.Industry), "taxpayer.industry", "must be a word of a-z, 0-9, _ and -")
	_, err := corpus.EngineAt(t.Jurisdiction)
	b.need(err == nil, "taxpayer.jurisdiction",
		"must be the six-digit code of a place of the mainland")
	_, err = corpus.EngineAt(province)
	b.need(err == nil, "X-Province-Code", "must be the six-digit code of a place of the mainland")
}

// described gives the entity as far as the body tells it; filed for the platform where it says so.
// A named one stands as any entity does.
func (e *entityFacts) described(on string, day civil.Date) tax.Entity {
	if e.ID != "" {
		return tax.Entity{PlaceTier: "city"}
	}
	out := tax.Entity{ID: "quoted", Place: e.Place, PlaceTier: e.PlaceTier, VAT: "general"}
	if e.PlatformFiling && !day.IsZero() {
		out.Filings = []tax.PlatformFiling{{Platform: on, From: civil.On(day.Year(), 1, 1).AddDays(-1)}}
	}
	return out
}

// described gives the payee as far as the body tells it; a named one stands as any person does.
func (t *payeeFacts) described(province string) tax.Taxpayer {
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

// entity loads a named paying entity as it stands on a day.
func (a API) entity(ctx context.Context, tenant ident.Tenant, e entityFacts, on string,
	day civil.Date) (tax.Entity, error) {
	if e.ID == "" {
		return e.described(on, day), nil
	}
	found, err := a.Directory.Entity(ctx, tenant, ident.Entity(e.ID), day)
	return settlement.EntityFacts(found), err
}

// payee is a taxpayer with what its profile says of the consent to agency filing.
type payee struct {
	tax.Taxpayer
	consent bool
}

// taxpayer loads a named taxpayer's profile of a day.
func (a API) taxpayer(ctx context.Context, tenant ident.Tenant, t payeeFacts, province string,
	day civil.Date) (payee, error) {
	if t.ID == "" {
		return payee{t.described(province), t.AgencyConsent != nil && *t.AgencyConsent}, nil
	}
	found, err := a.Directory.Taxpayer(ctx, tenant, ident.Taxpayer(t.ID))
	if err != nil {
		return payee{}, err
	}
	p, ok := found.ProfileOn(day)
	if !ok {
		return payee{}, fault.Missing("profile_missing", string("tax profile of "+found.TaxpayerID),
			"The taxpayer has no tax profile on that day; record one.")
	}
	out := payee{settlement.TaxpayerFacts(p), consented(p, day)}
	if t.AgencyConsent != nil {
		out.consent = *t.AgencyConsent
	}
	if province != "" {
		out.Jurisdiction = province
	}
	return out, nil
}

// consented tells whether the worker's written consent to agency filing is among the profile's
// papers on a day.
func consented(p tenancy.Profile, day civil.Date) bool {
	for _, x := range p.Papers {
		if x.Name == settlement.ConsentPaper && !day.Before(x.From) &&
			(x.To.IsZero() || !day.After(x.To)) {
			return true
		}
	}
	return false
}

// positions gives the tenant's approved positions of a day.
func (a API) positions(ctx context.Context, tenant ident.Tenant,
	day civil.Date) ([]tax.Position, error) {
	found, err := a.Directory.Positions(ctx, tenant, day)
	return settlement.PositionFacts(found), err
}
