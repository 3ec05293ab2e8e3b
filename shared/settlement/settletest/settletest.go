// Package settletest makes a small tenant for tests and benchmarks, whose settlements are stored in
// a local DynamoDB.
package settletest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementdb"
	"fenzhang/shared/tenancy"
)

// The ids of the tenant, of its two paying entities (an ordinary agency, and one with a platform
// filing) and of its three creators.
const (
	// Tenant is the tenant of the demo data, to which the sample events of functions refer.
	Tenant   = "demo-mcn"
	Ordinary = "ent-mcn"
	Filed    = "ent-plat"
	Person   = "c-person"
	Worker   = "c-worker"
	Studio   = "c-studio"
)

// World is a tenant with its services, tables and clock.
type World struct {
	*settlement.Service
	*settlement.Taxes
	Payables settlement.Payables
	// Database is the store of Service, unless a test replaces Service.Store.
	Database *settlementdb.Store
	Tables   dynamotest.Tables
	People   *Directory

	now   atomic.Int64
	today atomic.Value
	ids   atomic.Int64

	// newToken makes transaction tokens. They are unique over all tests, because DynamoDB remembers a
	// token for ten minutes.
	newToken func() string
	periods  ledger.Periods
}

// Open makes a tenant with three creators in new tables. The business date is 2026-09-15, a pay
// day, until the test sets another one.
func Open(t testing.TB) *World {
	t.Helper()
	return OpenIn(t, dynamotest.Open(t))
}

// OpenIn makes the tenant of Open in existing tables, which may be tables in memory.
func OpenIn(t testing.TB, tables dynamotest.Tables) *World {
	t.Helper()
	corpus, err := taxpack.LoadEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	calendar, err := taxpack.NationalCalendar()
	if err != nil {
		t.Fatal(err)
	}
	return NewWorld(tables.WithCapacityCounted(), ruleset.Fixed{Corpus: corpus}, calendar)
}

// NewWorld makes the tenant of Open from tables, tax rules and a calendar; benchmarks, which have
// no testing.TB, call it.
func NewWorld(tables dynamotest.Tables, rules settlement.Rules,
	calendar settlement.Calendar) *World {
	w := &World{Tables: tables, People: NewDirectory()}
	// All worlds begin at the same instant, so that tests always see the same figures.
	w.now.Store(time.Date(2026, 9, 15, 10, 0, 0, 0, civil.Shanghai).UnixMilli())
	w.today.Store(civil.Date{})
	c := clock.Clock{Now: w.Now, Override: func(context.Context) (civil.Date, error) {
		return w.today.Load().(civil.Date), nil
	}}
	w.newToken = ids.NewSource(time.Now)
	w.periods = &ledgerdb.Periods{DB: tables.Client, Table: tables.Ledger, Clock: c}
	store := &settlementdb.Store{
		DB: tables.Client, Settlements: tables.Settlements, Ledger: tables.Ledger,
		Control:  tables.Control,
		NewToken: w.newToken, Now: w.Now, Periods: w.periods,
	}
	var err error
	w.Service, err = settlement.New(settlement.Parts{Store: store, Directory: w.People,
		Calendar: calendar, Clock: c, NewID: w.NextID})
	if err != nil {
		panic(err) //nolint:forbidigo // a test world with missing parts is a mistake of the test
	}
	if w.Taxes, err = settlement.NewTaxes(w.Service, rules, nil); err != nil {
		panic(err) //nolint:forbidigo // a test world with missing parts is a mistake of the test
	}
	w.Database = store
	w.Payables = settlement.NewPayables(w.Service)
	return w
}

// Now is the world's instant; AdvanceTime moves it.
func (w *World) Now() time.Time { return time.UnixMilli(w.now.Load()) }

// AdvanceTime lets time go by.
func (w *World) AdvanceTime(d time.Duration) { w.now.Add(d.Milliseconds()) }

// SetDate moves the business date.
func (w *World) SetDate(day string) { w.today.Store(civil.MustDate(day)) }

// NextID returns a new id. Ids ascend and are as long as real ids.
func (w *World) NextID() string { return fmt.Sprintf("%026d", w.ids.Add(1)) }

// CallerWith returns an authenticated caller with roles. Its subject is the first role and the
// tenant, such as "finance@demo-mcn".
func CallerWith(roles ...identity.Role) identity.Principal {
	return identity.Principal{Tenant: Tenant, Subject: string(roles[0]) + "@" + Tenant, Roles: roles}
}

// SettleRequest returns a settle call for a creator's live tips of August 2026.
func SettleRequest(creator ident.Creator, activity, amount string) settlement.Request {
	return settlement.Request{UserID: creator, ActivityID: activity,
		TS:     settlement.Millis(civil.MustDate("2026-08-20").Start().UnixMilli()),
		Amount: money.MustParse(amount), IncomeType: "live_tip"}
}

// Directory is master data in memory. It implements tenancy.Directory.
type Directory struct {
	Entities          map[string]tenancy.PayingEntity
	Taxpayers         map[string]tenancy.Taxpayer
	People            map[string]tenancy.Creator
	Contracts         map[string]tenancy.Contract
	ApprovedPositions []tenancy.Position
}

// NewDirectory makes master data of an ordinary agency, a paying entity with a platform filing, two
// natural persons and a studio.
func NewDirectory() *Directory {
	since := tenancy.Version{From: civil.MustDate("2026-01-01"), Version: 1, By: "admin@" + Tenant}
	d := &Directory{
		Entities: map[string]tenancy.PayingEntity{
			Ordinary: {Version: since, EntityID: Ordinary, Name: "甲文化", Place: "330100", PlaceTier: "city",
				VAT: "general"},
			Filed: {Version: since, EntityID: Filed, Name: "乙结算", Place: "330100", PlaceTier: "city",
				VAT:     "general",
				Filings: []tenancy.PlatformFiling{{Platform: "douyin", From: since.From}}},
		},
		Taxpayers: map[string]tenancy.Taxpayer{}, People: map[string]tenancy.Creator{},
		Contracts: map[string]tenancy.Contract{},
	}
	d.AddCreator(Person, "natural_person", Ordinary, tenancy.MCNPays)
	d.AddCreator(Worker, "natural_person", Filed, tenancy.MCNPays)
	d.AddCreator(Studio, "individual_business", Ordinary, tenancy.StudioInvoice)
	return d
}

// AddCreator adds a creator with a taxpayer and a contract: the creator gets 70 percent, and the
// pay day is the 15th.
func (d *Directory) AddCreator(creator ident.Creator, kind string, entity ident.Entity,
	route string) {
	profile := tenancy.Profile{From: civil.MustDate("2026-01-01"), Kind: kind, Resident: true,
		VAT: "natural_person", Collection: "withheld", Jurisdiction: "330100"}
	method := "douyin"
	// A studio or company keeps books and is paid by bank transfer.
	if kind != "natural_person" {
		profile.VAT = "small_scale"
		profile.Collection = "books"
		method = "bank"
	}
	tp := "tp-" + creator
	d.Taxpayers[string(tp)] = tenancy.Taxpayer{TaxpayerID: ident.Taxpayer(tp),
		Profiles: []tenancy.Profile{profile}, By: "admin@" + Tenant}
	d.People[string(creator)] = tenancy.Creator{CreatorID: creator, TaxpayerID: ident.Taxpayer(tp),
		By:       "admin@" + Tenant,
		Accounts: []tenancy.PlatformAccount{{Platform: "douyin", UID: string("u-" + creator)}},
		Payout:   tenancy.PayoutAccount{Method: method}}
	// The same split holds for live tips and for commerce commissions.
	split := tenancy.Split{Method: "ratio", Parties: []tenancy.Party{
		{Party: string(creator), Kind: "creator", Share: money.MustRate("0.7")},
		{Party: "mcn", Kind: "mcn", Share: money.MustRate("0.3")}}}
	d.Contracts[string(creator)] = tenancy.Contract{
		Version: tenancy.Version{From: civil.MustDate("2026-01-01"), Version: 1,
			By: "admin@" + Tenant},
		ContractID: string("ct-" + creator), CreatorID: creator, PayingEntity: entity, Cycle: "month",
		PayDay: 15, PriceBasis: "before_tax_with_vat", RevenueBasis: "net",
		Routes: map[string]string{"live_tip": route, "commerce_commission": route},
		Splits: map[string]tenancy.Split{"live_tip": split, "commerce_commission": split}}
}

var _ tenancy.Directory = (*Directory)(nil)

// findInTenant returns an entry of a map; it returns fault.MissingObject when the map has no such
// entry or the tenant is another one.
func findInTenant[V any](m map[string]V, tenant ident.Tenant, id, what string) (V, error) {
	v, ok := m[id]
	if !ok || tenant != Tenant {
		var none V
		return none, fault.MissingObject(what)
	}
	return v, nil
}

// Creator finds a creator by id.
func (d *Directory) Creator(_ context.Context, tenant ident.Tenant,
	id ident.Creator) (tenancy.Creator, error) {
	return findInTenant(d.People, tenant, string(id), "creator")
}

// Contract finds the creator's contract, when it covers the income type on the day.
func (d *Directory) Contract(_ context.Context, tenant ident.Tenant, creator ident.Creator,
	incomeType string, day civil.Date) (tenancy.Contract, error) {
	c, err := findInTenant(d.Contracts, tenant, string(creator), "creator")
	if _, covered := c.Routes[incomeType]; err != nil || !covered || !c.IsInForceOn(day) {
		return tenancy.Contract{},
			fault.MissingRule("contract_missing", string("contract of "+creator), "no contract")
	}
	return c, nil
}

// ContractsOf lists the contracts of a creator; this directory has at most one for each.
func (d *Directory) ContractsOf(_ context.Context, tenant ident.Tenant, creator ident.Creator,
	_ string, _ civil.Date) ([]tenancy.Contract, error) {
	c, ok := d.Contracts[string(creator)]
	if !ok || tenant != Tenant {
		return nil, nil
	}
	return []tenancy.Contract{c}, nil
}

// Entity finds a paying entity by id.
func (d *Directory) Entity(_ context.Context, tenant ident.Tenant, id ident.Entity,
	_ civil.Date) (tenancy.PayingEntity, error) {
	return findInTenant(d.Entities, tenant, string(id), "paying entity")
}

// Taxpayer finds a taxpayer by id.
func (d *Directory) Taxpayer(_ context.Context, tenant ident.Tenant,
	id ident.Taxpayer) (tenancy.Taxpayer, error) {
	return findInTenant(d.Taxpayers, tenant, string(id), "taxpayer")
}

// Strategies returns nothing: this directory has no reward strategies.
func (d *Directory) Strategies(context.Context, ident.Tenant) ([]tenancy.Strategy, error) {
	return nil, nil
}

// Positions lists the approved tax positions, whatever the day.
func (d *Directory) Positions(context.Context, ident.Tenant,
	civil.Date) ([]tenancy.Position, error) {
	return d.ApprovedPositions, nil
}

// Tenants lists the one tenant.
func (d *Directory) Tenants(context.Context) ([]string, error) { return []string{Tenant}, nil }

// Creators lists a page of the creators in the order of their ids.
func (d *Directory) Creators(_ context.Context, _ ident.Tenant, cursor string,
	limit int) ([]tenancy.Creator, string, error) {
	var out []tenancy.Creator
	for _, id := range slices.Sorted(maps.Keys(d.People)) {
		if id > cursor && len(out) == limit {
			return out, string(out[limit-1].CreatorID), nil
		}
		if id > cursor {
			out = append(out, d.People[id])
		}
	}
	return out, "", nil
}
