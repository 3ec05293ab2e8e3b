package people

import (
	"context"
	"fmt"
	"slices"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/review"
)

// The creators of each tenant. Both tenants have creators of the same ids, so that
// a mix-up of tenants is noticed.
const (
	First  = "c-first"  // a person, paid by the ordinary entity
	Second = "c-second" // another account of the person c-first
	Worker = "c-worker" // a person, paid by the entity that files for the platform
	Studio = "c-studio" // an individual business that issues invoices
	Fifth  = "c-fifth"  // another person, paid on the 5th of the month
)

// CreatorNames returns the creators of each tenant.
func CreatorNames() []string { return []string{First, Second, Worker, Studio, Fifth} }

// The paying entities of each tenant: an ordinary company, and one that has filed as a platform
// enterprise.
const (
	OrdinaryEntity = "ent-mcn"
	PlatformEntity = "ent-plat"
)

// Directory is the master data of both tenants in memory. It implements tenancy.Directory.
type Directory struct {
	actors     *Actors
	TenantIDs  []string
	people     map[string]tenancy.Creator
	Contracts  map[string]tenancy.Contract
	strategies []tenancy.Strategy
	late       bool // the last strategy of strategies has arrived
	automatic  map[string]review.Automatic
	merged     map[string]mergedTaxpayer // by tenant and merged taxpayer
}

var _ tenancy.Directory = (*Directory)(nil)

// adminOf returns the person who maintains the master data of a tenant.
func adminOf(tenant ident.Tenant) string { return string("admin@" + tenant) }

// newDirectory draws the master data of both tenants.
func newDirectory(a *Actors) *Directory {
	s := a.world
	d := &Directory{actors: a, TenantIDs: []string{"ta", "tb"}, people: map[string]tenancy.Creator{},
		Contracts: map[string]tenancy.Contract{}, merged: map[string]mergedTaxpayer{},
		automatic: map[string]review.Automatic{
			engine.PickRandom(s, []string{"ta", "tb", "none"}): {Submit: true,
				ApproveUpTo: money.Fen(500_000)}}}
	shares := []string{"0.7", "0.5", "0.65", "1"}
	for _, t := range d.TenantIDs {
		for _, c := range CreatorNames() {
			d.addCreator(s, ident.Tenant(t), ident.Creator(c), engine.PickRandom(s, shares))
		}
	}
	since := tenancy.Version{From: civil.MustDate("2026-01-01"), Version: 1}
	d.strategies = []tenancy.Strategy{
		{Version: since, StrategyID: "st-watch", ActionType: "watch_live",
			Reward: tenancy.Reward{Kind: tenancy.Cash, Amount: money.Fen(5), PerUnit: true}},
		{Version: since, StrategyID: "st-share", ActionType: "share",
			Reward: tenancy.Reward{Kind: tenancy.Cash, Amount: money.Fen(150)}, DailyCap: money.Fen(400)},
		{Version: since, StrategyID: "st-like", ActionType: "like",
			Reward: tenancy.Reward{Kind: tenancy.Traffic, Points: 3}},
		{Version: since, StrategyID: "st-late", ActionType: "late_action",
			Reward: tenancy.Reward{Kind: tenancy.Cash, Amount: money.Fen(77)}},
	}
	return d
}

// addCreator adds a creator with a contract; share is the part of the income that the creator
// gets.
func (d *Directory) addCreator(s *engine.World, tenant ident.Tenant, creator ident.Creator,
	share string) {
	tp := "tp-" + creator
	entity := OrdinaryEntity
	route := tenancy.MCNPays
	method := "douyin"
	payDay := 15
	switch creator {
	// the second account of the person c-first
	case Second:
		tp, payDay = "tp-"+First, 0
	case Worker:
		entity, payDay = PlatformEntity, 0
	case Studio:
		route, method = tenancy.StudioInvoice, "bank"
	case Fifth:
		payDay = 5
	}
	d.people[string(tenant+"/")+string(creator)] = tenancy.Creator{CreatorID: creator,
		TaxpayerID: ident.Taxpayer(tp), By: adminOf(tenant),
		Accounts: []tenancy.PlatformAccount{{Platform: "douyin", UID: string("u-" + creator)}},
		Payout:   tenancy.PayoutAccount{Method: method}}
	split := splitOf(creator, share)
	basis := "net"
	if s.Chance(3) {
		basis = "gross"
	}
	d.Contracts[string(tenant+"/")+string(creator)] = tenancy.Contract{
		Version:    tenancy.Version{From: civil.MustDate("2026-01-01"), Version: 1, By: adminOf(tenant)},
		ContractID: string("ct-" + creator), CreatorID: creator, PayingEntity: ident.Entity(entity),
		Cycle: "month", PayDay: payDay, PriceBasis: "before_tax_with_vat", RevenueBasis: basis,
		Routes: map[string]string{"live_tip": route, "commerce_commission": route,
			"incentive": route},
		Splits:               map[string]tenancy.Split{"live_tip": split, "commerce_commission": split},
		InvoiceBeforePayment: creator == Studio}
	d.drawContractCycle(s, string(tenant+"/")+string(creator))
}

// splitOf returns the split of a creator's income: the creator's share, and the rest for the
// agency.
func splitOf(creator ident.Creator, share string) tenancy.Split {
	split := tenancy.Split{Method: "ratio", RemainderTo: string(creator),
		Parties: []tenancy.Party{{Party: string(creator), Kind: "creator", Share: money.MustRate(share)}}}
	if rest := map[string]string{"0.7": "0.3", "0.5": "0.5", "0.65": "0.35"}[share]; rest != "" {
		split.Parties = append(split.Parties,
			tenancy.Party{Party: "mcn", Kind: "mcn", Share: money.MustRate(rest)})
	}
	if creator == First {
		// c-first shares its income with c-fifth, who gets a settlement of its own for the share
		split.RemainderTo = ""
		split.Parties = []tenancy.Party{{Party: First, Kind: "creator", Share: money.MustRate("0.6")},
			{Party: Fifth, Kind: "payee", Share: money.MustRate("0.15")},
			{Party: "mcn", Kind: "mcn", Share: money.MustRate("0.25")}}
	}
	return split
}

// drawContractCycle draws the settlement cycle of a contract, and in some cases a minimum amount
// that is paid.
func (d *Directory) drawContractCycle(s *engine.World, key string) {
	c := d.Contracts[key]
	c.Cycle = engine.PickRandom(s, []string{tenancy.Monthly, tenancy.Monthly, tenancy.HalfMonth,
		tenancy.Weekly, tenancy.Daily})
	if c.Cycle != tenancy.Monthly {
		c.PayDay = 0
	}
	// a daily statement below the minimum is carried forward every day: the run would never rest
	if c.Cycle != tenancy.Daily && s.Chance(4) {
		c.MinimumPayout, c.MinimumPayoutMonths = money.Fen(100_000), 1
	}
	d.Contracts[key] = c
}

// Creator returns a creator, with the taxpayer that survived a merge.
func (d *Directory) Creator(ctx context.Context, tenant ident.Tenant,
	id ident.Creator) (tenancy.Creator, error) {
	c, ok := d.people[string(tenant+"/")+string(id)]
	if !ok {
		return c, fault.MissingObject("creator")
	}
	c.TaxpayerID = ident.Taxpayer(d.SurvivorOf(ctx, tenant, c.TaxpayerID))
	return c, nil
}

// Contract returns the contract that covers an income of a creator on a day.
func (d *Directory) Contract(_ context.Context, tenant ident.Tenant, creator ident.Creator,
	incomeType string, day civil.Date) (tenancy.Contract, error) {
	c, ok := d.Contracts[string(tenant+"/")+string(creator)]
	if _, covered := c.Routes[incomeType]; !ok || !covered || !c.IsInForceOn(day) {
		return tenancy.Contract{},
			fault.MissingRule("contract_missing", string("contract of "+creator), "no contract")
	}
	return c, nil
}

// Entity returns a paying entity.
func (d *Directory) Entity(_ context.Context, tenant ident.Tenant, id ident.Entity,
	_ civil.Date) (tenancy.PayingEntity, error) {
	since := tenancy.Version{From: civil.MustDate("2026-01-01"), Version: 1, By: adminOf(tenant)}
	e := tenancy.PayingEntity{Version: since, EntityID: id, Name: "甲文化", Place: "330100",
		PlaceTier: "city", VAT: "general"}
	switch id {
	case OrdinaryEntity:
	case PlatformEntity:
		e.Filings = []tenancy.PlatformFiling{{Platform: "douyin", From: since.From}}
	default:
		return e, fault.MissingObject("paying entity")
	}
	return e, nil
}

// Taxpayer returns a taxpayer. The studio is an individual business that keeps books, every other
// taxpayer a resident person.
func (d *Directory) Taxpayer(ctx context.Context, tenant ident.Tenant,
	id ident.Taxpayer) (tenancy.Taxpayer, error) {
	p := tenancy.Profile{From: civil.MustDate("2026-01-01"), Kind: "natural_person", Resident: true,
		VAT: "natural_person", Collection: "withheld", Jurisdiction: "330100"}
	if id == "tp-"+Studio {
		p.Kind = "individual_business"
		p.VAT = "small_scale"
		p.Collection = "books"
		p.Papers = d.handedInPapers(ctx, tenant)
	}
	t := tenancy.Taxpayer{TaxpayerID: id, Profiles: []tenancy.Profile{p}, By: adminOf(tenant)}
	if into := d.SurvivorOf(ctx, tenant, id); ident.Taxpayer(into) != id {
		t.MergedInto = into
	}
	return t, nil
}

// Strategies returns the reward strategies of a tenant; the last one is missing until it arrives.
func (d *Directory) Strategies(context.Context, ident.Tenant) ([]tenancy.Strategy, error) {
	if d.late {
		return d.strategies, nil
	}
	return d.strategies[:3], nil
}

// Positions returns none: no tenant of the simulation takes a position on open questions of law.
func (d *Directory) Positions(context.Context, ident.Tenant,
	civil.Date) ([]tenancy.Position, error) {
	return nil, nil
}

// Tenants returns the ids of both tenants.
func (d *Directory) Tenants(context.Context) ([]string, error) { return d.TenantIDs, nil }

// Creators lists all creators of a tenant on one page.
func (d *Directory) Creators(ctx context.Context, tenant ident.Tenant, cursor string,
	_ int) ([]tenancy.Creator, string, error) {
	if cursor != "" {
		return nil, "", fmt.Errorf("simulate: no page after %s", cursor)
	}
	var out []tenancy.Creator
	for _, name := range CreatorNames() {
		c, err := d.Creator(ctx, tenant, ident.Creator(name))
		if err != nil {
			return nil, "", err
		}
		out = append(out, c)
	}
	return out, "", nil
}

// ContractsOf lists the only contract of a creator.
func (d *Directory) ContractsOf(_ context.Context, tenant ident.Tenant, creator ident.Creator,
	_ string, _ civil.Date) ([]tenancy.Contract, error) {
	c, ok := d.Contracts[string(tenant+"/")+string(creator)]
	if !ok {
		return nil, nil
	}
	return []tenancy.Contract{c}, nil
}

// ReviewRules returns the review rules of a tenant. Where settlements are submitted and approved
// automatically, large ones are rejected, so that both paths are taken.
func (d *Directory) ReviewRules(_ context.Context, tenant ident.Tenant,
	_ civil.Date) (review.Rules, error) {
	r, err := review.Defaults()
	r.Automatic = d.automatic[string(tenant)]
	r.Levels = d.actors.ApprovalLevels(tenant)
	r.Papers = d.actors.wantedPapers(tenant)
	r.Checks = slices.DeleteFunc(slices.Clone(r.Checks), func(c review.Check) bool {
		return c.Code != review.Amount && c.Code != review.SetOff && c.Code != review.Held
	})
	for i := range r.Checks {
		if c := &r.Checks[i]; c.Code == review.Amount && r.Automatic.Submit {
			c.Effect = review.Reject
		}
	}
	if d.actors.bug.ReviewRules != nil {
		d.actors.bug.ReviewRules(&r)
	}
	return r, err
}
