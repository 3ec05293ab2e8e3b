package tenancy

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
)

// contractOf is a contract whose split of live tips is read from JSON, as clients send it.
func contractOf(t *testing.T, terms string) Contract {
	t.Helper()
	var s Split
	if err := json.Unmarshal([]byte(terms), &s); err != nil {
		t.Fatal(err)
	}
	return Contract{Version: Version{From: civil.MustDate("2026-01-01"), By: "maker"}, CreatorID: "c-1", PayingEntity: "e-1", Cycle: "month",
		Routes: map[string]string{"live_tip": MCNPays}, Splits: map[string]Split{"live_tip": s}, PriceBasis: BeforeTax, RevenueBasis: "net"}
}

func paths(found []fault.Field) string {
	var out []string
	for _, f := range found {
		out = append(out, strings.TrimPrefix(f.Field, "splits.live_tip."))
	}
	slices.Sort(out)
	return strings.Join(slices.Compact(out), " ")
}

// with makes terms of a creator and an agency whose further fields are given.
func with(head string, creator ident.Creator, mcn string, more ...string) string {
	parties := append([]string{string(`{"party":"c","kind":"creator"` + creator + `}`), `{"party":"m","kind":"mcn"` + mcn + `}`}, more...)
	return `{` + head + `,"parties":[` + strings.Join(parties, ",") + `]}`
}

func TestEveryProblemOfTermsHasItsPath(t *testing.T) {
	ratio, fixed, tiered := `"method":"ratio"`, `"method":"fixed"`, `"method":"tiered","tier_mode":"whole"`
	half := `,"share":"0.5"`
	for name, c := range map[string]struct{ terms, want string }{
		"ratio with everything":         {with(ratio+`,"remainder_to":"m","level_factors":{"S":"1.2"}`, ident.Creator(half+`,"cap":"9.00","floor":"1.00","guarantee":"5.00"`), half), ""},
		"fixed and the rest":            {with(fixed, ``, `,"fixed":"5.00"`), ""},
		"fixed and shares of the rest":  {with(fixed, ident.Creator(half), half, `{"party":"x","kind":"payee","fixed":"5.00"}`), ""},
		"fixed without fixed amounts":   {with(fixed, ident.Creator(half), half), ""},
		"tiers and the rest":            {with(tiered+`,"remainder_to":"m"`, `,"tiers":[{"from":"0.00","share":"0.5"},{"from":"10.00","share":"0.6"}]`, ``), ""},
		"tiers of all parties":          {with(tiered, `,"tiers":[{"from":"0.00","share":"0.5"},{"from":"10.00","share":"0.6"}]`, `,"tiers":[{"from":"0.00","share":"0.5"},{"from":"10.00","share":"0.4"}]`), ""},
		"an unknown method":             {with(`"method":"feeling"`, ident.Creator(half), half), "method"},
		"a fixed amount by ratio":       {with(ratio, ident.Creator(half), half+`,"fixed":"5.00"`), "parties.1.fixed"},
		"fixed and share":               {with(fixed, ident.Creator(half), half+`,"fixed":"5.00"`), "parties.1.fixed"},
		"fixed and cap":                 {with(fixed, ``, `,"fixed":"5.00","cap":"6.00"`), "parties.1.fixed"},
		"a negative fixed amount":       {with(fixed, ``, `,"fixed":"-5.00"`), "parties.1.fixed"},
		"the rest is fixed":             {with(fixed+`,"remainder_to":"m"`, `,"share":"1"`, `,"fixed":"5.00"`), "parties.1.fixed"},
		"shares beside fixed below 1":   {with(fixed, ident.Creator(half), ``, `{"party":"x","kind":"payee","fixed":"5.00"}`), "parties"},
		"a cap below the floor":         {with(ratio, ident.Creator(half), half+`,"cap":"1.00","floor":"2.00"`), "parties.1.cap"},
		"a cap of who takes the rest":   {with(ratio, ident.Creator(half+`,"cap":"1.00"`), half), "parties.0.cap"},
		"a memo with a cap":             {with(ratio, ident.Creator(half), half, `{"party":"x","kind":"memo","share":"0.1","cap":"5.00"}`), "parties.2.cap"},
		"a guarantee for the agency":    {with(ratio, ident.Creator(half), half+`,"guarantee":"5.00"`), "parties.1.guarantee"},
		"a guarantee above the cap":     {with(ratio+`,"remainder_to":"m"`, ident.Creator(half+`,"cap":"4.00","guarantee":"5.00"`), half), "parties.0.guarantee"},
		"a guarantee without an agency": {`{"method":"ratio","parties":[{"party":"c","kind":"creator","share":"1","guarantee":"5.00"}]}`, "parties.0.guarantee"},
		"tiers by ratio":                {with(ratio, ident.Creator(half+`,"tiers":[{"from":"0.00","share":"0.5"}]`), half), "parties.0.tiers"},
		"tiers and share":               {with(tiered+`,"remainder_to":"m"`, ident.Creator(half+`,"tiers":[{"from":"0.00","share":"0.5"}]`), ``), "parties.0.tiers"},
		"no way to read tiers":          {with(`"method":"tiered","remainder_to":"m"`, `,"tiers":[{"from":"0.00","share":"0.5"}]`, ``), "tier_mode"},
		"a way to read tiers by ratio":  {with(ratio+`,"tier_mode":"whole"`, ident.Creator(half), half), "tier_mode"},
		"a first tier above zero":       {with(tiered+`,"remainder_to":"m"`, `,"tiers":[{"from":"1.00","share":"0.5"}]`, ``), "parties.0.tiers.0.from"},
		"tiers that do not rise":        {with(tiered+`,"remainder_to":"m"`, `,"tiers":[{"from":"0.00","share":"0.5"},{"from":"0.00","share":"0.6"}]`, ``), "parties.0.tiers.1.from"},
		"a tier's share above 1":        {with(tiered+`,"remainder_to":"m"`, `,"tiers":[{"from":"0.00","share":"1.5"}]`, ``), "parties parties.0.tiers.0.share"},
		"bands above 1 together":        {with(tiered+`,"remainder_to":"m"`, `,"tiers":[{"from":"0.00","share":"0.6"}]`, ``, `{"party":"x","kind":"payee","tiers":[{"from":"0.00","share":"0.4"},{"from":"5.00","share":"0.5"}]}`), "parties"},
		"bands below 1 without a rest":  {with(tiered, `,"tiers":[{"from":"0.00","share":"0.6"}]`, `,"share":"0.3"`), "parties"},
		"no tiers at all":               {with(tiered, ident.Creator(half), half), "parties"},
		"nothing for a party":           {with(tiered+`,"remainder_to":"m"`, ``, ``, `{"party":"x","kind":"payee","tiers":[{"from":"0.00","share":"0.4"}]}`), "parties.0.tiers"},
		"a payee that is the creator":   {with(ratio, ident.Creator(half), ``, `{"party":"c-1","kind":"payee","share":"0.5"}`), "parties.2.party"},
		"a payee that is no id":         {with(ratio, ident.Creator(half), ``, `{"party":"a friend","kind":"payee","share":"0.5"}`), "parties.2.party"},
		"a factor of nothing":           {with(ratio+`,"level_factors":{"S":"0"}`, ident.Creator(half), half), "level_factors.S"},
		"factors in bands":              {with(tiered+`,"remainder_to":"m","level_factors":{"S":"1"}`, `,"tiers":[{"from":"0.00","share":"0.5"}]`, ``), "level_factors"},
		"the rest to nobody":            {with(ratio+`,"remainder_to":"x"`, ident.Creator(half), half), "remainder_to"},
		"nine parties":                  {with(ratio, ident.Creator(half), half, slices.Repeat([]string{`{"party":"x","kind":"memo","share":"0"}`}, 7)...), "parties"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := paths(contractOf(t, c.terms).Problems()); got != c.want {
				t.Errorf("problems of %q, want %q", got, c.want)
			}
		})
	}
}

func TestFactorsWeighLiveTipsOnly(t *testing.T) {
	k := contractOf(t, with(`"method":"ratio","level_factors":{"S":"1.2"}`, `,"share":"0.5"`, `,"share":"0.5"`))
	k.Routes["xingtu_ad"], k.Splits["xingtu_ad"] = MCNPays, k.Splits["live_tip"]
	if got := paths(k.Problems()); got != "splits.xingtu_ad.level_factors" {
		t.Errorf("problems of %q", got)
	}
}

func TestAProjectNeedsAReasonAndASecondPerson(t *testing.T) {
	k := contractOf(t, with(`"method":"ratio"`, `,"share":"0.5"`, `,"share":"0.5"`))
	if !k.IsApproved() {
		t.Error("a contract without a project waits for somebody")
	}
	k.ProjectID = "p-1"
	if got := paths(k.Problems()); got != "project_reason" {
		t.Errorf("a project without a reason has problems of %q", got)
	}
	k.ProjectReason = "a campaign with papers of its own"
	if len(k.Problems()) > 0 || k.IsApproved() {
		t.Errorf("a project with a reason: %v, approved %v", k.Problems(), k.IsApproved())
	}
	if k.ApprovedBy = "maker"; k.IsApproved() {
		t.Error("its maker approved it")
	}
	if k.ApprovedBy = "second"; !k.IsApproved() {
		t.Error("a second person's yes does not count")
	}
	k.ProjectID = ""
	if got := paths(k.Problems()); got != "project_reason" {
		t.Errorf("a reason without a project has problems of %q", got)
	}
}

func TestOldTermsKeepTheirForm(t *testing.T) {
	old := `{"method":"ratio","parties":[{"party":"c","kind":"creator","share":"0.7"},{"party":"m","kind":"mcn","share":"0.3"}],"remainder_to":"c"}`
	k := contractOf(t, old)
	got, err := json.Marshal(k.Splits["live_tip"])
	if err != nil || string(got) != old {
		t.Errorf("%s, %v", got, err)
	}
	if problems := k.Problems(); len(problems) > 0 {
		t.Errorf("refused: %v", problems)
	}
	if !reflect.DeepEqual(k.Payees(), []PayeeRef(nil)) {
		t.Errorf("payees %v", k.Payees())
	}
}

// A cycle that makes several settlements in a month must say that each of them counts amounts anew.
func TestAmountsOfShortCyclesAreMeasuredKnowingly(t *testing.T) {
	ratio, half := `"method":"ratio"`, `,"share":"0.5"`
	plain := with(ratio+`,"level_factors":{"default":"1.2"}`, ident.Creator(half), half)
	for name, terms := range map[string]func(measured string) string{
		"a guarantee":    func(m string) string { return with(ratio+m, ident.Creator(half+`,"guarantee":"5.00"`), half) },
		"a cap":          func(m string) string { return with(ratio+m, ident.Creator(half), half+`,"cap":"5.00"`) },
		"a floor":        func(m string) string { return with(ratio+m, ident.Creator(half), half+`,"floor":"5.00"`) },
		"a fixed amount": func(m string) string { return with(`"method":"fixed"`+m, ``, `,"fixed":"5.00"`) },
		"bands": func(m string) string {
			return with(`"method":"tiered","tier_mode":"whole","remainder_to":"m"`+m, `,"tiers":[{"from":"0.00","share":"0.5"},{"from":"10.00","share":"0.6"}]`, ``)
		},
		"shares alone": func(m string) string { return with(ratio+m, ident.Creator(half), half) },
	} {
		for _, cycle := range Cycles() {
			for measured, want := range map[string]string{"": "measured", `,"measured":"settlement"`: "", `,"measured":"month"`: "measured"} {
				k := contractOf(t, terms(measured))
				k.Cycle = cycle
				if measured == "" && (cycle == Monthly || name == "shares alone") {
					want = ""
				}
				if got := paths(k.Problems()); got != want {
					t.Errorf("%s, cycle %s, %q: %q, want %q", name, cycle, measured, got, want)
				}
			}
		}
	}
	k := contractOf(t, plain)
	k.Cycle = Weekly
	if got := paths(k.Problems()); got != "" {
		t.Errorf("plain weights by the week: %q", got)
	}
}
