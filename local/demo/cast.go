package main

import (
	"fmt"

	"fenzhang/local/apiclient"
	"fenzhang/shared/ident"
)

// monthTenant is the agency in whose month every obstacle to a payment occurs once.
const monthTenant = "demo-month"

// The paying entities of the agency monthTenant.
const (
	monthEntity = "ent-month"
	// has filed the basic information of the platform with the tax authority
	monthPlatform = "ent-month-plat"
)

// player is one payee of that agency; all persons are invented.
type player struct {
	id, name, idType, number string
	entity                   ident.Entity
	studio                   bool
	paperTo                  string // last day of the business licence
}

// castOfMonth returns the payees of the agency; each appears in one scene.
func castOfMonth() []player {
	people := []player{
		{id: "m-manual", name: "孟样甲", number: "110105189003017014"},
		{id: "m-net", name: "孟样乙", number: "110105189003027028"},
		{id: "m-setoff", name: "孟样丙", number: "110105189003037031"},
		{id: "m-return", name: "孟样丁", number: "110105189003047045"},
		{id: "m-dispute", name: "孟样戊", number: "110105189003057059"},
		{id: "m-risk", name: "孟样己", number: "110105189003067062"},
		{id: "m-paper", name: "孟样印工作室（个体工商户）", number: "92330106DEM000436U", idType: "uscc", studio: true,
			paperTo: "2026-09-30"},
		{id: "m-trueup", name: "孟样辛", number: "11010518900308708X"},
		{id: "m-gap", name: "孟样壬", number: "110105189003097093"},
		{id: "m-party", name: "孟样癸", number: "110105189003107108"},
		{id: "m-scout", name: "孟样子", number: "110105189003117111"},
		{id: "m-studio", name: "孟样工作室（个体工商户）", number: "92330106DEM0004281", idType: "uscc",
			studio: true},
	}
	for i := range people {
		if people[i].idType == "" {
			people[i].idType = "201"
		}
		if people[i].entity == "" {
			people[i].entity = monthEntity
		}
	}
	return people
}

// monthMaster returns the agency's master data.
func monthMaster() (entities []apiclient.PayingEntity, taxpayers []apiclient.Taxpayer,
	creators []apiclient.Creator, contracts []apiclient.Contract) {
	entities = []apiclient.PayingEntity{
		{EntityID: monthEntity, Name: "月样例文化传播有限公司", USCC: "91330106DEM000401C", Place: "330100",
			PlaceTier: "city", VAT: "general", From: "2026-01-01"},
		{EntityID: monthPlatform, Name: "月样例结算服务有限公司", USCC: "91330106DEM00041X4", Place: "330100",
			PlaceTier: "city", VAT: "general", From: "2026-01-01",
			Filings: []apiclient.PlatformFiling{{Platform: "douyin", Class: "款项结算", FiledOn: "2026-01-10",
				Proof: "receipt 2026-01-10", From: "2026-01-01"}}},
	}
	for _, p := range castOfMonth() {
		profile := apiclient.Profile{From: "2026-01-01", Kind: "natural_person", Resident: true,
			VAT: "natural_person", Collection: "withheld", Jurisdiction: "330100"}
		account := apiclient.PayoutAccount{Method: "douyin", Account: "openid-" + p.id, Holder: p.name}
		route := "mcn_pays"
		if p.studio {
			profile.Kind = "individual_business"
			profile.VAT = "small_scale"
			profile.Collection = "books"
			profile.Industry = "culture"
			profile.Papers = []apiclient.Paper{licenceOf(p, p.paperTo)}
			account = apiclient.PayoutAccount{Method: "bank", Account: "6216260000000000019", Holder: p.name}
			route = "studio_invoice"
		}
		taxpayers = append(taxpayers,
			apiclient.Taxpayer{TaxpayerID: ident.Taxpayer("tp-" + p.id), Name: p.name, IDType: p.idType,
				IDNumber: p.number, Phone: "13800138000", Profiles: []apiclient.Profile{profile}})
		creators = append(creators,
			apiclient.Creator{CreatorID: ident.Creator(p.id), TaxpayerID: ident.Taxpayer("tp-" + p.id),
				Nickname: p.name, Level: "A",
				PlatformAccounts: []apiclient.PlatformAccount{{Platform: "douyin", UID: "u-" + p.id}},
				Payout:           account})
		contracts = append(contracts, contractOf(p, route))
	}
	return entities, taxpayers, creators, contracts
}

// licenceOf returns the business licence of a studio, valid until the day to.
func licenceOf(p player, to string) apiclient.Paper {
	return apiclient.Paper{Name: "business_licence", Number: p.number, From: "2026-01-01", To: to}
}

// contractOf returns a contract under which the payee gets 70% of live tips and commissions, paid
// on the 15th. One payee gives 10% to the scout who brought her.
func contractOf(p player, route string) apiclient.Contract {
	split := apiclient.Split{Method: "ratio",
		Parties: []apiclient.Party{{Party: p.id, Kind: "creator", Share: "0.7"},
			{Party: "mcn", Kind: "mcn", Share: "0.3"}}}
	if p.id == "m-party" { // the scout who brought the creator gets a share
		split.Parties = []apiclient.Party{{Party: p.id, Kind: "creator", Share: "0.6"},
			{Party: "m-scout", Kind: "payee", Share: "0.1"}, {Party: "mcn", Kind: "mcn", Share: "0.3"}}
	}
	return apiclient.Contract{ContractID: fmt.Sprintf("k-%s", p.id), CreatorID: ident.Creator(p.id),
		PayingEntity: p.entity, From: "2026-01-01", Cycle: "month", PayDay: 15,
		PriceBasis: "before_tax", RevenueBasis: "net", InvoiceBeforePayment: p.studio,
		Routes: map[string]string{"live_tip": route, "commerce_commission": route},
		Splits: map[string]apiclient.Split{"live_tip": split, "commerce_commission": split}}
}
