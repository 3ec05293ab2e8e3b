package main

import (
	"encoding/json"
	"fmt"

	"fenzhang/local/apiclient"
	"fenzhang/local/income"
	"fenzhang/shared/ident"
)

// The income types of the demo.
const (
	liveTip    = "live_tip"
	commerce   = "commerce_commission"
	xingtu     = "xingtu_ad"
	incentive  = "incentive"
	platform   = "douyin"
	mcnEntity  = "ent-mcn"
	platEntity = "ent-plat"
	hangzhou   = "330100"
	since      = "2026-01-01"
)

// member is one creator of the demo, with what the generator needs to generate the income.
type member struct {
	id     string
	uid    string
	nick   string
	person string // taxpayer id
	name   string
	kind   string // kind of taxpayer
	entity ident.Entity
	shares map[string]share
	earns  map[string]bool
	fixed  bool // a creator of a worked case, whose amounts are given and not drawn
}

// share is the creator's part of an income type in percent; the agency gets the rest.
type share struct {
	creator, agency, memo int
	remainderTo           string
}

// Creator numbers whose taxpayers are organisations; all other creators are natural persons.
const (
	firstStudio, lastStudio   = 11, 17 // and creator 3
	firstSole, lastSole       = 18, 20
	firstCompany, lastCompany = 21, 23
	// paid, like creators 2 and 9, by the entity that files for the platform
	firstPlat, lastPlat = 24, 33
	topStreamer         = 9
	secondAccount       = 8 // an account of the same taxpayer as creator 7
	creators            = 60
)

// taxpayerKindOf returns the kind of taxpayer behind the creator with a number.
func taxpayerKindOf(n int) string {
	switch {
	case n == 3 || n >= firstStudio && n <= lastStudio:
		return "individual_business"
	case n >= firstSole && n <= lastSole:
		return "sole_proprietorship"
	case n >= firstCompany && n <= lastCompany:
		return "company"
	}
	return "natural_person"
}

// payingEntityOf returns the paying entity of the creator with a number.
func payingEntityOf(n int) string {
	if n == 2 || n == topStreamer || n >= firstPlat && n <= lastPlat {
		return platEntity
	}
	return mcnEntity
}

// surnames, subjects and styles are combined to invented names.
const surnames = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳"

var (
	styles   = [...]string{"小满", "阿宁", "北岸", "青禾", "老街", "一禾", "南风", "木子", "七喜", "山海", "半夏", "云朵"}
	subjects = [...]string{"说茶", "爱穿搭", "厨房", "读书", "跑步去"}
	regions  = [...]string{"330106", "310101", "440305", "510104", "110105", "420106"}
)

// newMember makes creator number n.
func newMember(r *random, n int) member {
	m := member{
		id: fmt.Sprintf("c%03d", n), uid: fmt.Sprintf("9%07d", 1000*n+7), kind: taxpayerKindOf(n),
		entity: ident.Entity(payingEntityOf(n)),
		nick:   styles[n%len(styles)] + subjects[(n/len(styles)+n)%len(subjects)],
		fixed:  n <= 6, earns: map[string]bool{},
	}
	owner := n
	if n == secondAccount {
		owner = n - 1
	}
	m.person = fmt.Sprintf("tp%03d", owner)
	m.name = string([]rune(surnames)[owner-1]) + "样例"
	if m.kind != "natural_person" {
		m.name = m.nick + map[string]string{
			"individual_business": "文化工作室（个体工商户）", "sole_proprietorship": "传媒工作室", "company": "传媒有限公司",
		}[m.kind]
	}
	m.shares = drawShares(r)
	if m.fixed {
		m.shares[liveTip], m.shares[commerce] = share{60, 40, 0, "creator"}, share{80, 20, 0, "mcn"}
	}
	if n == 3 {
		m.shares[liveTip] = share{80, 20, 0, "creator"}
	}
	m.drawIncome(r, n)
	return m
}

// drawShares draws the split of each income type. Xingtu is split 7:2:1, with the platform's part
// for information only.
func drawShares(r *random) map[string]share {
	tip := pickRandom(r, []int{50, 55, 60, 70})
	sale := pickRandom(r, []int{70, 75, 80, 85})
	return map[string]share{
		liveTip:   {tip, 100 - tip, 0, "creator"},
		commerce:  {sale, 100 - sale, 0, "mcn"},
		xingtu:    {70, 20, 10, "creator"},
		incentive: {100, 0, 0, "creator"},
	}
}

// drawIncome draws the income types of a creator.
func (m *member) drawIncome(r *random, n int) {
	switch {
	case n == 3:
		m.earns[liveTip] = true
	case n >= 4 && n <= 6:
		m.earns[commerce] = true
	case n <= 2 || n == topStreamer:
		m.earns[liveTip], m.earns[commerce] = true, true
	case n == secondAccount || n == secondAccount-1:
		m.earns[liveTip] = true
	default:
		m.earns[liveTip] = n%6 != 5 || m.entity == platEntity
		m.earns[commerce] = n%6 == 5 || r.chance(47)
		m.earns[xingtu] = m.entity == mcnEntity && r.chance(45)
		m.earns[incentive] = m.entity == mcnEntity && m.kind == "natural_person" && n%3 != 0
	}
}

// makeWorld generates the master data of the demo agency.
func makeWorld(r *random) ([]member, income.Master) {
	var w income.Master
	w.PayingEntities = []apiclient.PayingEntity{
		{EntityID: mcnEntity, Name: "样例互动文化传媒有限公司", USCC: creditCode("1", "330106", 1), Place: hangzhou,
			PlaceTier: "city", VAT: "general", From: since,
			Accounts: []apiclient.Account{{Method: "douyin", Account: "demo-merchant-mcn"},
				{Method: "bank", Account: newBankAccount(1)}}},
		{EntityID: platEntity, Name: "样例平台结算服务有限公司", USCC: creditCode("1", "330106", 2), Place: hangzhou,
			PlaceTier: "city", VAT: "general", From: since,
			Filings: []apiclient.PlatformFiling{{Platform: platform, Class: "款项结算", FiledOn: since,
				Proof: "demo-basic-form-receipt-0001", From: since}},
			Accounts: []apiclient.Account{{Method: "douyin", Account: "demo-merchant-plat"},
				{Method: "bank", Account: newBankAccount(2)}}},
	}
	members := make([]member, 0, creators)
	for n := 1; n <= creators; n++ {
		m := newMember(r, n)
		members = append(members, m)
		if n != secondAccount {
			w.Taxpayers = append(w.Taxpayers, taxpayerOf(r, m, n))
		}
		w.Creators = append(w.Creators, creatorOf(r, m, n))
		w.Contracts = append(w.Contracts, contractOf(m, n))
	}
	w.Strategies = rewardStrategies()
	w.Positions = []apiclient.Position{{
		PositionID: "pos-no28", Rule: positionRule, Reading: positionReading, From: "2026-11-01",
		Reasons:  "财政部 税务总局公告2026年第28号正文尚未取得；按次（日）起征点 1,000 元、征收率 1% 与现行自然人规定一致，待正文到达后复核。",
		Evidence: "demo-memo-2026-10-28.pdf",
	}}
	return members, w
}

// The gap of the national rules that the demo agency closes by a tax position, and the reading it
// chose.
const (
	positionRule    = "vat.natural_person.withholding"
	positionReading = "daily_1000_at_1pct"
)

// taxpayerOf generates the person or organisation behind a creator.
func taxpayerOf(r *random, m member, n int) apiclient.Taxpayer {
	region := pickRandom(r, regions[:])
	t := apiclient.Taxpayer{TaxpayerID: ident.Taxpayer(m.person), Name: m.name,
		Phone: fmt.Sprintf("138001380%02d", n)}
	p := apiclient.Profile{From: since, Kind: m.kind, Resident: true, VAT: "small_scale",
		Collection: "books", Jurisdiction: hangzhou, PlaceTier: "city", Industry: "culture"}
	switch m.kind {
	case "natural_person":
		t.IDType, t.IDNumber = "201", residentID(region, 1880+r.below(20), 1+r.below(12),
			1+r.below(28), n)
		p.VAT = "natural_person"
		p.Collection = "withheld"
		p.Industry = ""
		p.PlaceTier = ""
		if m.entity == platEntity {
			p.Papers = []apiclient.Paper{{Name: "vat_agency_filing_consent", Number: "consent-" + m.id,
				From: since, To: "2027-12-31"}}
		}
	case "individual_business":
		t.IDType, t.IDNumber = "uscc", creditCode("2", "330106", 100+n)
		p.Papers = businessLicence(t.IDNumber)
	default:
		t.IDType, t.IDNumber = "uscc", creditCode("1", "330106", 100+n)
		p.Papers = businessLicence(t.IDNumber)
		if n == lastCompany {
			p.VAT = "general"
		}
	}
	t.Profiles = []apiclient.Profile{p}
	return t
}

// businessLicence returns the business licence of an organisation.
func businessLicence(number string) []apiclient.Paper {
	return []apiclient.Paper{{Name: "business_licence", Number: number, From: since}}
}

// creatorOf makes the account. Persons are paid into their wallet, organisations into a corporate
// account.
func creatorOf(r *random, m member, n int) apiclient.Creator {
	c := apiclient.Creator{
		CreatorID: ident.Creator(m.id), TaxpayerID: ident.Taxpayer(m.person), Nickname: m.nick,
		Level:            pickRandom(r, []string{"A", "B", "B", "C", "C", "D"}),
		PlatformAccounts: []apiclient.PlatformAccount{{Platform: platform, UID: m.uid}},
		Payout: apiclient.PayoutAccount{Method: "douyin", Account: "demo-openid-" + m.id,
			Holder: m.name},
	}
	if m.kind != "natural_person" {
		c.Payout.Method, c.Payout.Account = "bank", newBankAccount(100+n)
	}
	return c
}

// contractOf returns one contract for all income types, so that the income of a month is one
// project for taxes.
func contractOf(m member, n int) apiclient.Contract {
	c := apiclient.Contract{
		ContractID: fmt.Sprintf("k%03d", n), CreatorID: ident.Creator(m.id), PayingEntity: m.entity,
		From:   since,
		Routes: map[string]string{}, Splits: map[string]apiclient.Split{},
		Cycle: "month", PayDay: 15, PriceBasis: "before_tax", RevenueBasis: "net",
	}
	for _, t := range []string{liveTip, commerce, xingtu, incentive} {
		c.Routes[t] = "mcn_pays"
		if m.kind != "natural_person" {
			c.Routes[t] = "studio_invoice"
			c.InvoiceBeforePayment = true
		}
		c.Splits[t] = m.shares[t].split()
	}
	return c
}

// split returns the split of an income type between creator and agency.
func (s share) split() apiclient.Split {
	hundredths := func(n int) string { return fmt.Sprintf("0.%02d", n) }
	out := apiclient.Split{Method: "ratio", RemainderTo: s.remainderTo}
	if s.creator == 100 {
		out.Parties = []apiclient.Party{{Party: "creator", Kind: "creator", Share: "1"}}
		return out
	}
	out.Parties = []apiclient.Party{
		{Party: "creator", Kind: "creator", Share: hundredths(s.creator)},
		{Party: "mcn", Kind: "mcn", Share: hundredths(s.agency)},
	}
	if s.memo > 0 {
		out.Parties = append(out.Parties,
			apiclient.Party{Party: "platform", Kind: "memo", Share: hundredths(s.memo)})
	}
	return out
}

// rewardStrategies returns strategies that reward three actions with cash and two with points. The
// action coupon_claim has no strategy, so that its events are parked.
func rewardStrategies() []apiclient.Strategy {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	return []apiclient.Strategy{
		{StrategyID: "live-minutes", From: since, Match: apiclient.Match{ActionType: "live_minutes"},
			Reward: apiclient.Reward{Kind: "cash", PerUnit: raw(`"0.02"`)}},
		{StrategyID: "new-follower", From: since, Match: apiclient.Match{ActionType: "new_follower"},
			Reward: apiclient.Reward{Kind: "cash", Amount: raw(`"0.30"`)}},
		{StrategyID: "order-referred", From: since, Match: apiclient.Match{ActionType: "order_referred"},
			Reward: apiclient.Reward{Kind: "cash", Amount: raw(`"1.50"`)}},
		{StrategyID: "video-share", From: since, Match: apiclient.Match{ActionType: "video_share"},
			Reward: apiclient.Reward{Kind: "traffic", Amount: raw(`20`)}},
		{StrategyID: "daily-checkin", From: since, Match: apiclient.Match{ActionType: "daily_checkin"},
			Reward: apiclient.Reward{Kind: "shop", Amount: raw(`5`)}},
	}
}

// smallWorld generates the second tenant: one company, two persons, and no tax position.
func smallWorld(r *random) ([]member, income.Master) {
	w := income.Master{
		PayingEntities: []apiclient.PayingEntity{{EntityID: "ent-small", Name: "小样例文化传播有限公司",
			USCC: creditCode("1", "330106", 3), Place: hangzhou, PlaceTier: "city", VAT: "small_scale",
			From:     since,
			Accounts: []apiclient.Account{{Method: "douyin", Account: "demo-merchant-small"}}}}}
	var members []member
	for n := 1; n <= 2; n++ {
		m := member{id: fmt.Sprintf("s%03d", n), uid: fmt.Sprintf("8%07d", n), nick: styles[n] + "小店",
			person: fmt.Sprintf("tps%03d", n),
			name:   string([]rune(surnames)[n+20]) + "小样", kind: "natural_person", entity: "ent-small",
			fixed: true, shares: drawShares(r)}
		m.shares[liveTip] = share{60, 40, 0, "creator"}
		members = append(members, m)
		w.Taxpayers = append(w.Taxpayers, taxpayerOf(r, m, 90+n))
		w.Creators = append(w.Creators, creatorOf(r, m, 90+n))
		k := contractOf(m, 90+n)
		k.ContractID = "k-" + m.id
		w.Contracts = append(w.Contracts, k)
	}
	return members, w
}
