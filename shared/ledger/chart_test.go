package ledger_test

import (
	"fmt"
	"strings"
	"testing"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
)

func standard(t *testing.T) ledger.Chart {
	t.Helper()
	c, err := ledger.StandardChart()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStandardChartHoldsWhatIsPostedTo(t *testing.T) {
	c := standard(t)
	accounts := []ledger.Account{ledger.CreatorPayable, ledger.CreatorReceivable, ledger.CreatorAccrued, ledger.PartyAccrued, ledger.MCNRevenue, ledger.MCNCreatorCost,
		ledger.MCNIncentiveCost, ledger.MCNTaxCost, ledger.MCNOtherIncome, ledger.PlatformClearing, ledger.GatewayClearing, ledger.CourtPayable, ledger.Bank, ledger.OpeningBalance}
	for _, kind := range []string{tax.IIT, tax.VAT, tax.UMCT, tax.EDU, tax.LEDU, tax.CIT, tax.TaxStamp} {
		accounts = append(accounts, ledger.TaxPayable(strings.ToLower(kind)))
	}
	for _, a := range accounts {
		if _, ok := c.FindAccount(a); !ok {
			t.Errorf("%s is posted to and not in the chart", a)
		}
	}
	codes := map[string]bool{}
	for i, a := range c.Accounts {
		own := a
		own.Account = "own.x"
		if p := (ledger.Custom{Accounts: []ledger.ChartAccount{own}}).Problems(ledger.Custom{}); len(p) > 0 || a.Meaning.ZH == "" || a.Meaning.EN == "" {
			t.Errorf("%s: %+v", a.Account, p)
		}
		if codes[a.Code] || (i > 0 && c.Accounts[i-1].Code > a.Code) {
			t.Errorf("code %s stands twice or out of order", a.Code)
		}
		codes[a.Code] = true
	}
}

func TestCustomChart(t *testing.T) {
	own := ledger.ChartAccount{Account: "own.deposit", Code: "2241.09", Name: bilingual.Text{ZH: "保证金", EN: "Deposits"}, Type: ledger.Liability, Side: ledger.CreditSide, Book: ledger.ByCreator}
	u := ledger.Custom{Codes: map[ledger.Account]string{ledger.CreatorPayable: "220205"}, Accounts: []ledger.ChartAccount{own}}
	if p := u.Problems(ledger.Custom{}); len(p) > 0 {
		t.Fatal(p)
	}
	c, err := standard(t).WithCustom(u)
	if err != nil {
		t.Fatal(err)
	}
	if a, _ := c.FindAccount(ledger.CreatorPayable); a.Code != "220205" || len(c.Accounts) != len(standard(t).Accounts)+1 {
		t.Errorf("%+v", a)
	}
	if a, _ := standard(t).FindAccount(ledger.CreatorPayable); a.Code != "2202.01" {
		t.Error("one paying entity's codes changed everybody's chart")
	}
	e := ledger.Entry{ID: "x"}
	e.Debit("own.deposit", money.Yuan(1))
	e.Credit(ledger.CreatorPayable, money.Yuan(1))
	if standard(t).CheckAccounts(e) == nil || c.CheckAccounts(e) != nil {
		t.Error("an entry is admitted by the chart that has its accounts, and by no other")
	}
}

func TestCustomChartProblems(t *testing.T) {
	own := ledger.ChartAccount{Account: "own.deposit", Code: "2241.09", Name: bilingual.Text{ZH: "保证金", EN: "Deposits"}, Type: ledger.Liability, Side: ledger.CreditSide, Book: ledger.Hot}
	with := func(change func(*ledger.ChartAccount)) ledger.Custom {
		a := own
		change(&a)
		return ledger.Custom{Accounts: []ledger.ChartAccount{a}}
	}
	for field, u := range map[string]ledger.Custom{
		"accounts[0].account": with(func(a *ledger.ChartAccount) { a.Account = ledger.CreatorPayable }),
		"accounts[0].code":    with(func(a *ledger.ChartAccount) { a.Code = "22-41" }),
		"accounts[0].name.zh": with(func(a *ledger.ChartAccount) { a.Name.ZH = "" }),
		"accounts[0].type":    with(func(a *ledger.ChartAccount) { a.Type = "equity?" }),
		"accounts[0].side":    with(func(a *ledger.ChartAccount) { a.Side = "left" }),
		"accounts[0].book":    with(func(a *ledger.ChartAccount) { a.Book = "" }),
		"accounts[0].meaning": with(func(a *ledger.ChartAccount) { a.Meaning.EN = strings.Repeat("x", 201) }),
		"accounts[1].account": {Accounts: []ledger.ChartAccount{own, own}},
		"codes.mcn.profit":    {Codes: map[ledger.Account]string{"mcn.profit": "6001"}},
		"codes.mcn.revenue":   {Codes: map[ledger.Account]string{ledger.MCNRevenue: "６００１"}},
		"accounts":            {Accounts: make([]ledger.ChartAccount, 201)},
	} {
		found := false
		for _, p := range u.Problems(ledger.Custom{}) {
			found = found || p.Field == field
		}
		if !found {
			t.Errorf("%s: problem not found", field)
		}
	}
	if p := (ledger.Custom{}).Problems(ledger.Custom{Accounts: []ledger.ChartAccount{own}}); len(p) != 1 {
		t.Errorf("an account taken away: %v", p)
	}
}

// What is just as long, or as many, as it may be is accepted; one more is not.
func TestCustomChartUpToItsBounds(t *testing.T) {
	long := strings.Repeat("x", 200)
	own := ledger.ChartAccount{Account: ledger.Account("own." + strings.Repeat("x", 60)), Code: "2241.09", Name: bilingual.Text{ZH: long, EN: long}, Meaning: bilingual.Text{ZH: long, EN: long},
		Type: ledger.Liability, Side: ledger.CreditSide, Book: ledger.Hot}
	u := ledger.Custom{Accounts: []ledger.ChartAccount{own}}
	for i := range 199 {
		a := own
		a.Account = ledger.Account(fmt.Sprintf("own.n%d", i))
		u.Accounts = append(u.Accounts, a)
	}
	if p := u.Problems(ledger.Custom{}); len(p) > 0 {
		t.Errorf("at the bounds: %v", p)
	}
	for field, change := range map[string]func(*ledger.ChartAccount){
		"accounts[0].account": func(a *ledger.ChartAccount) { a.Account += "x" },
		"accounts[0].name.zh": func(a *ledger.ChartAccount) { a.Name.ZH += "x" },
		"accounts[0].name.en": func(a *ledger.ChartAccount) { a.Name.EN += "x" },
		"accounts[0].meaning": func(a *ledger.ChartAccount) { a.Meaning.ZH += "x" },
	} {
		longer := own
		change(&longer)
		p := ledger.Custom{Accounts: []ledger.ChartAccount{longer}}.Problems(ledger.Custom{})
		if len(p) != 1 || p[0].Field != field {
			t.Errorf("%s one letter too long: %v", field, p)
		}
	}
}

func TestAnEntryHasPostingsThatSumToZero(t *testing.T) {
	e := ledger.Entry{ID: "x"}
	if e.Validate() == nil {
		t.Error("an entry without postings passes")
	}
	e.Debit(ledger.PlatformClearing, money.Yuan(1))
	if e.Validate() == nil {
		t.Error("an entry of one debit passes")
	}
	e.Credit(ledger.CreatorPayable, money.Yuan(1))
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
}
