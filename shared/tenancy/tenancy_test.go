package tenancy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
)

func day(s string) civil.Date {
	if s == "" {
		return civil.Date{}
	}
	return civil.MustDate(s)
}

// version makes a dated object; Contract is the simplest that has all dates.
func version(n int, from, to string, incomeTypes ...string) Contract {
	c := Contract{ContractID: "k", Routes: map[string]string{}}
	c.Version = Version{From: day(from), To: day(to), Version: n}
	for _, t := range incomeTypes {
		c.Routes[t] = MCNPays
	}
	return c
}

func TestInForce(t *testing.T) {
	open := version(1, "2026-01-01", "")
	later := version(2, "2026-06-01", "2026-09-30")
	rewritten := version(3, "2026-03-01", "")
	for name, c := range map[string]struct {
		versions []Contract
		day      string
		want     int
	}{
		"nothing":                          {nil, "2026-01-01", 0},
		"the day before":                   {[]Contract{open}, "2025-12-31", 0},
		"the first day":                    {[]Contract{open}, "2026-01-01", 1},
		"before the later one":             {[]Contract{open, later}, "2026-05-31", 1},
		"the later one's first day":        {[]Contract{open, later}, "2026-06-01", 2},
		"its last day":                     {[]Contract{open, later}, "2026-09-30", 2},
		"what ended leaves nothing":        {[]Contract{open, later}, "2026-10-01", 0},
		"the highest number governs":       {[]Contract{rewritten, open, later}, "2026-07-01", 3},
		"from its first day on only":       {[]Contract{open, later, rewritten}, "2026-02-28", 1},
		"a rewritten one stays after gaps": {[]Contract{open, later, rewritten}, "2026-10-01", 3},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := InForce(c.versions, day(c.day))
			if ok != (c.want > 0) || got.Version.Version != c.want {
				t.Errorf("got version %d, %v; want %d", got.Version.Version, ok, c.want)
			}
		})
	}
}

func TestLatest(t *testing.T) {
	if got, ok := LatestVersion([]Contract{version(2, "2026-01-01", ""), version(3, "2025-01-01", ""), version(1, "2027-01-01", "")}); !ok || got.Version.Version != 3 {
		t.Errorf("got %v, %v", got.Version, ok)
	}
	if _, ok := LatestVersion[Contract](nil); ok {
		t.Error("nothing has a latest version")
	}
}

// The slow way looks at every day of two years.
func TestOverlapsFindWhatADayByDaySearchFinds(t *testing.T) {
	first := civil.MustDate("2026-01-01")
	rapid.Check(t, func(t *rapid.T) {
		contract := func(id string) []Contract {
			var out []Contract
			for n := range rapid.IntRange(1, 3).Draw(t, "versions of "+id) {
				c := version(n+1, "2026-01-01", "", rapid.SliceOfNDistinct(rapid.SampledFrom(IncomeTypes()), 1, 2, rapid.ID).Draw(t, "types")...)
				c.ContractID = id
				c.From = first.AddDays(rapid.IntRange(0, 60).Draw(t, "from"))
				if rapid.Bool().Draw(t, "ends") {
					c.To = c.From.AddDays(rapid.IntRange(0, 30).Draw(t, "days"))
				}
				out = append(out, c)
			}
			return out
		}
		mine, others := contract("mine"), contract("other")
		want := map[string]civil.Date{}
		for n := range 120 {
			d := first.AddDays(n)
			a, here := InForce(mine, d)
			b, there := InForce(others, d)
			for incomeType := range a.Routes {
				if _, both := b.Routes[incomeType]; here && there && both && want[incomeType].IsZero() {
					want[incomeType] = d
				}
			}
		}
		got := Overlaps(slices.Concat(mine, others), "mine")
		if len(got) != len(want) {
			t.Fatalf("got %v, want %v", got, want)
		}
		for _, o := range got {
			if o.Contract != "other" || want[o.IncomeType] != o.Day {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
	})
}

func TestStrategyJSON(t *testing.T) {
	for name, c := range map[string]struct {
		strategy Strategy
		want     string
	}{
		"cash a unit, capped": {
			Strategy{Version: Version{From: day("2026-01-01"), Version: 1, By: "admin@demo"}, StrategyID: "s1", ActionType: "live_minutes", Platform: "douyin",
				Reward: Reward{Kind: Cash, Amount: money.MustParse("0.02"), PerUnit: true}, DailyCap: money.Yuan(50)},
			`{"from":"2026-01-01","version":1,"by":"admin@demo","strategy_id":"s1","match":{"action_type":"live_minutes","platform":"douyin"},"reward":{"kind":"cash","per_unit":"0.02"},"daily_cap":"50.00"}`,
		},
		"points an action": {
			Strategy{Version: Version{From: day("2026-01-01"), To: day("2026-12-31"), Version: 2}, StrategyID: "s2", ActionType: "share", Reward: Reward{Kind: Shop, Points: 5}, DailyCapPoints: 20},
			`{"from":"2026-01-01","to":"2026-12-31","version":2,"strategy_id":"s2","match":{"action_type":"share"},"reward":{"kind":"shop","amount":5},"daily_cap":20}`,
		},
		"no cap": {
			Strategy{Version: Version{From: day("2026-01-01"), Version: 1}, StrategyID: "s3", ActionType: "share", Reward: Reward{Kind: Traffic, Points: 7, PerUnit: true}},
			`{"from":"2026-01-01","version":1,"strategy_id":"s3","match":{"action_type":"share"},"reward":{"kind":"traffic","per_unit":7}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := json.Marshal(c.strategy)
			if err != nil || string(b) != c.want {
				t.Fatalf("wrote %s, %v\nwant  %s", b, err, c.want)
			}
			var again Strategy
			if err := json.Unmarshal(b, &again); err != nil || again != c.strategy {
				t.Errorf("read %+v, %v", again, err)
			}
		})
	}
}

func TestParseQuantity(t *testing.T) {
	for _, c := range []struct {
		kind, raw string
		ok        bool
	}{
		{Cash, `"1.50"`, true}, {Cash, `1.50`, false}, {Cash, `"1.5"`, false}, {Cash, `null`, false}, {Cash, `5`, false},
		{Shop, `5`, true}, {Shop, `"5"`, false}, {Shop, `5.0`, false}, {Shop, `5e3`, false}, {Shop, `null`, false}, {Traffic, ``, false},
	} {
		if _, _, err := ParseQuantity(c.kind, json.RawMessage(c.raw)); (err == nil) != c.ok {
			t.Errorf("%s %s: %v", c.kind, c.raw, err)
		}
	}
}

func TestMasks(t *testing.T) {
	for got, want := range map[string]string{
		MaskNumber("11010519491231002X"):   "1****************X",
		MaskNumber("440524188001010014"):   "4****************4",
		MaskPhone("13800138000"):           "138****8000",
		MaskAccount("6216261000000000018"): strings.Repeat("*", 15) + "0018",
		MaskAccount("abcd"):                "****",
		MaskName("张三"):                     "张*",
		MaskName("张"):                      "*",
		MaskName(""):                       "",
		MaskName(strings.Repeat("长", 100)): "长" + strings.Repeat("*", maskLimit),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestMasksHideAtLeastHalf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789X张三")), 8, 32, -1).Draw(t, "text")
		for _, m := range []string{MaskNumber(s), MaskAccount(s), MaskName(s)} {
			if shown := len([]rune(m)) - strings.Count(m, "*"); shown*2 > len([]rune(s)) {
				t.Fatalf("%q shows %d of %q", m, shown, s)
			}
		}
	})
}

func TestSharesSumToOneExactly(t *testing.T) {
	party := func(kind, share string) Party { return Party{Party: kind, Kind: kind, Share: money.MustRate(share)} }
	for name, c := range map[string]struct {
		parties []Party
		ok      bool
	}{
		"one":                      {[]Party{party("creator", "1")}, true},
		"two":                      {[]Party{party("creator", "0.55"), party("mcn", "0.45")}, true},
		"7:2:1 with a memo":        {[]Party{party("creator", "0.7"), party("mcn", "0.2"), party("memo", "0.1")}, true},
		"money and a memo beside":  {[]Party{party("creator", "0.7"), party("mcn", "0.3"), party("memo", "0.1")}, true},
		"less":                     {[]Party{party("creator", "0.7"), party("mcn", "0.2")}, false},
		"a billionth less":         {[]Party{party("creator", "0.5"), party("mcn", "0.499999999")}, false},
		"all to the memo":          {[]Party{party("creator", "0"), party("memo", "1")}, false},
		"more than one":            {[]Party{party("creator", "1.1"), party("mcn", "-0.1")}, false},
		"no creator":               {[]Party{party("mcn", "1")}, false},
		"two creators":             {[]Party{party("creator", "0.5"), {Party: "x", Kind: "creator", Share: money.MustRate("0.5")}}, false},
		"nobody":                   {nil, false},
		"two parties of one name":  {[]Party{party("creator", "0.5"), {Party: "creator", Kind: "mcn", Share: money.MustRate("0.5")}}, false},
		"a party of unknown kind":  {[]Party{party("creator", "0.5"), party("friend", "0.5")}, false},
		"a party without any name": {[]Party{party("creator", "0.5"), {Kind: "mcn", Share: money.MustRate("0.5")}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var k validator
			k.checkSplit("s", "xingtu_ad", Contract{Splits: map[string]Split{"xingtu_ad": {Method: "ratio", Parties: c.parties}}})
			if (len(k.Problems) == 0) != c.ok {
				t.Errorf("found %v", k.Problems)
			}
		})
	}
}

func TestPersonsAndAccounts(t *testing.T) {
	today := civil.MustDate("2026-11-22")
	fields := func(found []fault.Field) string {
		var out []string
		for _, f := range found {
			out = append(out, f.Field)
		}
		return strings.Join(out, " ")
	}
	for want, p := range map[string][]Person{
		"": {
			{Name: "样例人", IDType: "resident_id", IDNumber: " 11010519491231002x "}, {Name: "A", IDType: "passport", IDNumber: "e1234567"},
			{Name: "公司", IDType: CreditCode, IDNumber: "91350100m000100y43", Phone: "13800138000"}, {Name: "港人", IDType: "237", IDNumber: "81000018900101001X"},
		},
		"id_number": {{Name: "A", IDType: "208", IDNumber: "x"}, {Name: "A", IDType: CreditCode, IDNumber: "11010519491231002X"}, {Name: "A", IDType: CitizenCard, IDNumber: ""}},
		"phone":     {{Name: "A", IDType: "208", IDNumber: "E1234567", Phone: "+8613800138000"}},
	} {
		for _, q := range p {
			if got := fields(q.Normalized().Problems(today)); got != want {
				t.Errorf("%+v: %q, want %q", q, got, want)
			}
		}
	}
	for want, list := range map[string][]PayoutAccount{
		"":                             {{"bank", "6216261000000000018", "A"}, {"douyin", "open-id_1", "A"}, {"alipay", "a@example.com", "A"}},
		"payout.account":               {{"bank", "62 16", "A"}, {"bank", "1234567", "A"}, {"wechat", "", "A"}, {"douyin", "a\tb", "A"}},
		"payout.method payout.account": {{"cash", "", "A"}},
		"payout.account payout.holder": {{"bank", "****0018", "张*"}},
		"payout.holder":                {{"bank", "6216261000000000018", " "}},
	} {
		for _, a := range list {
			if got := fields(a.Problems()); got != want {
				t.Errorf("%+v: %q, want %q", a, got, want)
			}
		}
	}
}

func TestProfileOn(t *testing.T) {
	x := Taxpayer{Profiles: []Profile{{From: day("2026-06-01"), Kind: "company"}, {From: day("2026-01-01"), Kind: "natural_person"}}}
	for on, want := range map[string]string{"2025-12-31": "", "2026-01-01": "natural_person", "2026-05-31": "natural_person", "2026-06-01": "company"} {
		if p, ok := x.ProfileOn(day(on)); p.Kind != want || ok != (want != "") {
			t.Errorf("%s: %q, %v", on, p.Kind, ok)
		}
	}
}
