// Package taxapi answers tax questions over HTTP: quotes, and the rules in force on a day.
package taxapi

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/httpapi"
	"fenzhang/shared/identity"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tax"
	"fenzhang/shared/tenancy"
)

// API answers the routes.
type API struct {
	Engine *tax.Engine
	// Corpus gives all packs as they stand at the moment of a request.
	Corpus    func(context.Context) *tax.Corpus
	Directory tenancy.Directory
	Clock     clock.Clock
}

// Routes are the routes of compute-tax.
func (a API) Routes() []httpapi.Route {
	return []httpapi.Route{
		{Method: "POST", Path: "/v1/tax/quote", Roles: identity.AllRoles(), Handle: a.quote},
		{Method: "GET", Path: "/v1/tax/rules", Roles: identity.AllRoles(), Handle: a.rules},
	}
}

// question is the body of a quote. Entity and taxpayer are named, or described.
type question struct {
	Date     civil.Date   `json:"date"`
	Entity   entityFacts  `json:"paying_entity"`
	Taxpayer payeeFacts   `json:"taxpayer"`
	Income   incomeFacts  `json:"income"`
	ToDate   periodToDate `json:"period_to_date"`
}

type entityFacts struct {
	ID             string `json:"id"`
	Place          string `json:"place"`
	PlaceTier      string `json:"place_tier"`
	PlatformFiling bool   `json:"platform_filing"`
}

type payeeFacts struct {
	ID           string `json:"id"`
	Kind         string `json:"kind"`
	Resident     *bool  `json:"resident"`
	VAT          string `json:"vat"`
	Collection   string `json:"collection"`
	Jurisdiction string `json:"jurisdiction"`
	Industry     string `json:"industry"`
}

type incomeFacts struct {
	Type        string        `json:"type"`
	Item        string        `json:"item"`
	Amount      money.Amount  `json:"amount"`
	NetWanted   *money.Amount `json:"net_wanted"`
	VATIncluded *bool         `json:"vat_included"`
}

type periodToDate struct {
	Day struct {
		Sales money.Amount `json:"sales"`
		VAT   money.Amount `json:"vat"`
	} `json:"day"`
	Month struct {
		Income   money.Amount `json:"income"`
		Withheld money.Amount `json:"withheld"`
		Sales    money.Amount `json:"sales"`
	} `json:"month"`
	Year struct {
		Months   int          `json:"months"`
		Income   money.Amount `json:"income"`
		Withheld money.Amount `json:"withheld"`
	} `json:"year"`
}

func (a API) quote(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var q question
	if err := r.JSON(&q); err != nil {
		return httpapi.Response{}, err
	}
	f, err := a.facts(ctx, r, q)
	if err != nil {
		return httpapi.Response{}, err
	}
	res, err := a.Engine.Compute(f)
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(res), nil
}

// facts turns a question into the engine's words. A creator may only ask about what it describes itself.
func (a API) facts(ctx context.Context, r *httpapi.Request, q question) (tax.Facts, error) {
	if q.Income.NetWanted != nil {
		return tax.Facts{}, fault.Invalid(fault.Field{Field: "income.net_wanted", Problem: "is not computed in this release; give the amount"})
	}
	if (q.Entity.ID != "" || q.Taxpayer.ID != "") && r.OnlyOwn() {
		return tax.Facts{}, fault.Absent("paying entity or taxpayer")
	}
	f := tax.Facts{PaymentDate: q.Date, VATDate: q.Date, IncomeType: q.Income.Type, Item: q.Income.Item, Amount: q.Income.Amount, VATIncluded: true, Platform: platform}
	if q.Income.VATIncluded != nil {
		f.VATIncluded = *q.Income.VATIncluded
	}
	var err error
	if f.Entity, err = a.entity(ctx, r.Tenant, q); err != nil {
		return f, err
	}
	if f.Taxpayer, err = a.taxpayer(ctx, r, q); err != nil {
		return f, err
	}
	positions, err := a.Directory.Positions(ctx, r.Tenant, q.Date)
	if err != nil {
		return f, err
	}
	f.Positions = settlement.PositionFacts(positions)
	f.ToDate = q.ToDate.facts()
	return f, nil
}

// platform is the platform of a described income: with platform_filing the entity is filed for it.
const platform = "douyin"

func (a API) entity(ctx context.Context, tenant string, q question) (tax.Entity, error) {
	if q.Entity.ID != "" {
		e, err := a.Directory.Entity(ctx, tenant, q.Entity.ID, q.Date)
		return settlement.EntityFacts(e), err
	}
	e := tax.Entity{ID: "quoted", Place: q.Entity.Place, PlaceTier: q.Entity.PlaceTier, VAT: "general"}
	if q.Entity.PlatformFiling {
		e.Filings = []tax.PlatformFiling{{Platform: platform, From: q.Date.AddDays(-366)}}
	}
	return e, nil
}

func (a API) taxpayer(ctx context.Context, r *httpapi.Request, q question) (tax.Taxpayer, error) {
	if q.Taxpayer.ID == "" {
		t := q.Taxpayer
		out := tax.Taxpayer{Kind: t.Kind, Resident: t.Resident == nil || *t.Resident, VAT: t.VAT, Collection: t.Collection, Jurisdiction: t.Jurisdiction, Industry: t.Industry}
		if province := r.Header["x-province-code"]; province != "" {
			out.Jurisdiction = province
		}
		return out, nil
	}
	t, err := a.Directory.Taxpayer(ctx, r.Tenant, q.Taxpayer.ID)
	if err != nil {
		return tax.Taxpayer{}, err
	}
	p, ok := t.ProfileOn(q.Date)
	if !ok {
		return tax.Taxpayer{}, fault.Missing("profile_missing", "tax profile of "+t.TaxpayerID, "The taxpayer has no tax profile on that day; record one.")
	}
	return settlement.TaxpayerFacts(p), nil
}

func (p periodToDate) facts() tax.ToDate {
	var t tax.ToDate
	t.Day = tax.Turnover{Sales: p.Day.Sales, VAT: p.Day.VAT, Stated: true}
	t.Month = tax.MonthToDate{Income: p.Month.Income, Withheld: p.Month.Withheld, Turnover: tax.Turnover{Sales: p.Month.Sales, Stated: true}}
	t.Year = tax.YearToDate{Months: p.Year.Months, Income: p.Year.Income, Withheld: p.Year.Withheld}
	return t
}
