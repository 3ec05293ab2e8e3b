package e2e

import (
	"encoding/json"
	"fmt"
	"math/big"
	"strings"
	"sync/atomic"
	"testing"

	"fenzhang/local/apiclient"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/money"
)

const since = "2026-01-01"

// serial numbers the people of this run.
var serial atomic.Int64

// payee is a creator with everything that being paid needs.
type payee struct {
	creator  ident.Creator
	taxpayer ident.Taxpayer
	contract string
	entity   ident.Entity
}

// entity makes a paying entity of this run, once; making it again is the same answer.
func (s *stack) entity(t testing.TB) string {
	t.Helper()
	id := s.id("ent")
	s.must(t, as(identity.Admin), "POST", "/v1/paying-entities", apiclient.PayingEntity{EntityID: ident.Entity(id), Name: "端到端文化传媒有限公司", USCC: creditCode("1", s.number()),
		Place: "330100", PlaceTier: "city", VAT: "general", From: since, Accounts: []apiclient.Account{{Method: "douyin", Account: "merchant-e2e"}}}, nil)
	return id
}

// number is a number that differs from run to run.
func (s *stack) number() int {
	n, _ := new(big.Int).SetString(s.run, 36) // rand.Text gives letters and digits
	return int(n.Int64() % 80_000)
}

// person makes a natural person who is paid by Douyin Pay: 70 of 100 of each income are hers.
func (s *stack) person(t testing.TB, name string) payee {
	t.Helper()
	n := int(serial.Add(1))
	day := s.number()*13 + n*7
	p := s.payee(name, apiclient.Taxpayer{Name: "测试样例", IDType: "201", IDNumber: residentID(1880+day%20, 1+day/20%12, 1+day/240%28, (s.number()+n)%1000), Phone: "13800138000",
		Profiles: []apiclient.Profile{{From: since, Kind: "natural_person", Resident: true, VAT: "natural_person", Collection: "withheld", Jurisdiction: "330100"}}})
	s.make(t, p, apiclient.PayoutAccount{Method: "douyin", Account: string("openid-" + p.creator), Holder: "测试样例"}, "mcn_pays", false)
	return p.payee
}

// studio makes an individually-owned business that is paid into a bank account against its invoice.
func (s *stack) studio(t testing.TB, name string) payee {
	t.Helper()
	n := int(serial.Add(1))
	code := creditCode("2", 80_000+(s.number()+n)%20_000)
	p := s.payee(name, apiclient.Taxpayer{Name: "测试文化工作室（个体工商户）", IDType: "uscc", IDNumber: code, Phone: "13800138000",
		Profiles: []apiclient.Profile{{From: since, Kind: "individual_business", Resident: true, VAT: "small_scale", Collection: "books", Jurisdiction: "330100", Industry: "culture",
			Papers: []apiclient.Paper{{Name: "business_licence", Number: code, From: since}}}}})
	s.make(t, p, apiclient.PayoutAccount{Method: "bank", Account: "6216260000000000019", Holder: "测试文化工作室（个体工商户）"}, "studio_invoice", true)
	return p.payee
}

// draft is a payee to be made.
type draft struct {
	payee
	taxpayer apiclient.Taxpayer
}

func (s *stack) payee(name string, tp apiclient.Taxpayer) draft {
	tp.TaxpayerID = ident.Taxpayer(s.id("tp-" + name))
	return draft{payee{creator: ident.Creator(s.id("c-" + name)), taxpayer: tp.TaxpayerID, contract: s.id("k-" + name), entity: ident.Entity(s.id("ent"))}, tp}
}

func (s *stack) make(t testing.TB, p draft, account apiclient.PayoutAccount, route string, invoice bool) {
	t.Helper()
	admin := as(identity.Admin)
	s.entity(t)
	s.must(t, admin, "POST", "/v1/taxpayers", p.taxpayer, nil)
	s.must(t, admin, "POST", "/v1/creators", apiclient.Creator{CreatorID: p.creator, TaxpayerID: p.payee.taxpayer, Nickname: "样例", Level: "A",
		PlatformAccounts: []apiclient.PlatformAccount{{Platform: "douyin", UID: string("u-" + p.creator)}}, Payout: account}, nil)
	c := apiclient.Contract{ContractID: p.contract, CreatorID: p.creator, PayingEntity: p.entity, From: since, Routes: map[string]string{}, Splits: map[string]apiclient.Split{},
		Cycle: "month", PriceBasis: "before_tax", RevenueBasis: "net", InvoiceBeforePayment: invoice}
	for _, income := range []string{"live_tip", "commerce_commission", "incentive"} {
		c.Routes[income] = route
		c.Splits[income] = apiclient.Split{Method: "ratio", RemainderTo: "creator", Parties: []apiclient.Party{{Party: "creator", Kind: "creator", Share: "0.7"}, {Party: "mcn", Kind: "mcn", Share: "0.3"}}}
	}
	c.Splits["incentive"] = apiclient.Split{Method: "ratio", RemainderTo: "creator", Parties: []apiclient.Party{{Party: "creator", Kind: "creator", Share: "1"}}}
	s.must(t, admin, "POST", "/v1/contracts", c, nil)
}

// open opens a settlement by a settle call.
func (s *stack) open(t testing.TB, p payee, activity, amount string) ident.Settlement {
	t.Helper()
	var out apiclient.SettleAnswer
	a := s.must(t, as(identity.Operator), "POST", "/v1/incentive/settle", settleRequest(p.creator, activity, amount), &out, "X-Idemp-Key", "key-"+activity+"-"+string(p.creator))
	if a.status != 201 || out.Status != apiclient.PendingReview || out.StatusVersion != 1 {
		t.Fatalf("settle: %d %s", a.status, a.body)
	}
	return out.SettlementID
}

// settleRequest is for live tips of 2026-09-20, 12:00 in Shanghai.
func settleRequest(creator ident.Creator, activity, amount string) apiclient.SettleRequest {
	return apiclient.SettleRequest{UserID: string(creator), ActivityID: activity, TS: 1789876800000, Amount: amount, IncomeType: "live_tip"}
}

func (s *stack) read(t testing.TB, id string) apiclient.Settlement {
	t.Helper()
	var out apiclient.Settlement
	s.must(t, as(identity.Auditor), "GET", "/v1/settlements/"+id, nil, &out)
	return out
}

// until waits for a settlement to be as wanted.
func (s *stack) until(t testing.TB, id, what string, wanted func(apiclient.Settlement) bool) apiclient.Settlement {
	t.Helper()
	var seen apiclient.Settlement
	eventually(t, what, func() bool { seen = s.read(t, id); return wanted(seen) }, func() string {
		p, _ := json.Marshal(seen.Payout)
		return fmt.Sprintf("%s is %s, quoted %v, hold %q, payout %s", id, seen.Status, seen.HasQuote(), seen.HeldFor(), p)
	})
	return seen
}

func quoted(st apiclient.Settlement) bool { return st.HasQuote() }

func status(want string) func(apiclient.Settlement) bool {
	return func(st apiclient.Settlement) bool { return st.Status == want }
}

// move makes a transition as somebody.
func (s *stack) move(t testing.TB, role identity.Role, st apiclient.Settlement, to string) apiclient.Settlement {
	t.Helper()
	var out apiclient.Settlement
	s.must(t, as(role), "POST", string("/v1/settlements/"+st.SettlementID+"/transitions"), map[string]any{"to": to, "status_version": st.StatusVersion}, &out)
	return out
}

// approve takes a settlement through quote, review and approval by two people.
func (s *stack) approve(t testing.TB, id string) apiclient.Settlement {
	t.Helper()
	st := s.until(t, id, "a quote", quoted)
	return s.move(t, identity.Approver, s.move(t, identity.Finance, st, apiclient.InReview), apiclient.Approved)
}

// pay takes a settlement to PAID.
func (s *stack) pay(t testing.TB, id string) apiclient.Settlement {
	t.Helper()
	s.approve(t, id)
	return s.until(t, id, "PAID", status(apiclient.Paid))
}

func amount(t testing.TB, text string) money.Amount {
	t.Helper()
	a, err := money.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// adds checks promise P2 of one settlement, to the fen.
func adds(t testing.TB, st apiclient.Settlement) {
	t.Helper()
	var shares, kept money.Amount
	for _, p := range st.Shares {
		shares = shares.Add(amount(t, p.Amount))
	}
	if shares != amount(t, st.Gross) {
		t.Errorf("%s: shares %s, gross %s", st.SettlementID, shares, st.Gross)
	}
	for _, x := range st.Taxes {
		if x.BorneBy == "creator" {
			kept = kept.Add(amount(t, x.Amount))
		}
		if len(x.Law) == 0 {
			t.Errorf("%s: %s without its law", st.SettlementID, x.Tax)
		}
	}
	if st.Net == nil || st.ToPay == nil || kept.Add(amount(t, *st.Net)) != amount(t, st.CreatorShare) || *st.Net != *st.ToPay {
		t.Errorf("%s: share %s, kept back %s, net %v, to pay %v", st.SettlementID, st.CreatorShare, kept, st.Net, st.ToPay)
	}
}

// residentID makes a citizen number (GB 11643-1999) of nobody who lives: born before 1900.
func residentID(year, month, day, serial int) string {
	body := fmt.Sprintf("330106%04d%02d%02d%03d", year, month, day, serial)
	sum := 0
	for i, w := range [17]int{7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2} {
		sum += int(body[i]-'0') * w
	}
	return body + string("10X98765432"[sum%11])
}

// creditCode makes a unified social credit code (GB 32100-2015) of no organisation.
func creditCode(class string, n int) string {
	const alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
	org := fmt.Sprintf("DEM%05d", n)
	check := 0
	for i, w := range [8]int{3, 7, 9, 10, 5, 8, 4, 2} {
		check += w * orgValue(org[i])
	}
	last := fmt.Sprint(11 - check%11)
	switch 11 - check%11 {
	case 10:
		last = "X"
	case 11:
		last = "0"
	}
	body := "9" + class + "330106" + org + last
	sum := 0
	for i, w := range [17]int{1, 3, 9, 27, 19, 26, 16, 17, 20, 29, 25, 13, 8, 24, 10, 30, 28} {
		sum += strings.IndexByte(alphabet, body[i]) * w
	}
	return body + string(alphabet[(31-sum%31)%31])
}

// orgValue is the value of a character of an organisation code (GB 11714-1997).
func orgValue(c byte) int {
	if c >= 'A' {
		return int(c-'A') + 10
	}
	return int(c - '0')
}
