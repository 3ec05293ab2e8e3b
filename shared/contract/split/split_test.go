package split

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

func yuan(s string) money.Amount { return money.MustParse(s) }

// creatorAnd makes ratio terms of the creator c, the agency m and others.
func creatorAnd(creator, mcn tenancy.Party, more ...tenancy.Party) []tenancy.Party {
	creator.Party, creator.Kind, mcn.Party, mcn.Kind = "c", KindCreator, "m", KindMCN
	return append([]tenancy.Party{creator, mcn}, more...)
}

func share(s string) money.Rate { return money.MustRate(s) }

func TestApply(t *testing.T) {
	bands := []tenancy.Tier{{From: yuan("0.00"), Share: share("0.5")}, {From: yuan("10000.00"), Share: share("0.6")}}
	for name, c := range map[string]struct {
		incomeType, level, amount string
		terms                     tenancy.Split
		want                      string // "amount by short" of each party
	}{
		"7:2:1 with the platform as memo splits the money 7:2": {"xingtu_ad", "", "900.01", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("0.7")}, tenancy.Party{Share: share("0.2")}, tenancy.Party{Party: "p", Kind: KindMemo, Share: share("0.1")})}, "700.01, 200.00"},
		"7:2:1 of 100.00 among three": {"xingtu_ad", "", "100.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("0.7")}, tenancy.Party{Share: share("0.2")}, tenancy.Party{Party: "p", Kind: KindPayee, Share: share("0.1")})}, "70.00, 20.00, 10.00"},
		"weights that are whole numbers split as their ratio": {"xingtu_ad", "", "100.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("7")}, tenancy.Party{Share: share("2")}, tenancy.Party{Party: "p", Kind: KindPayee, Share: share("1")})}, "70.00, 20.00, 10.00"},
		"7:2:1 of 90.00 with the platform as memo": {"xingtu_ad", "", "90.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("0.7")}, tenancy.Party{Share: share("0.2")}, tenancy.Party{Party: "p", Kind: KindMemo, Share: share("0.1")})}, "70.00, 20.00"},
		"thirds are exact, the fen that is left goes to the creator": {"xingtu_ad", "", "100.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: money.Ratio(1, 3)}, tenancy.Party{Share: money.Ratio(1, 3)}, tenancy.Party{Party: "p", Kind: KindPayee, Share: money.Ratio(1, 3)})}, "33.34, 33.33, 33.33"},
		"a third and a decimal": {"commerce_commission", "", "0.09", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: money.Ratio(1, 3)}, tenancy.Party{Share: money.Ratio(1, 6)}, tenancy.Party{Party: "p", Kind: KindPayee, Share: share("0.50")})}, "0.03, 0.02, 0.04"},
		"live tip: the MCN's part is floored": {"live_tip", "", "100.01", tenancy.Split{Method: "ratio", Parties: creatorAnd(tenancy.Party{Share: share("0.55")}, tenancy.Party{Share: share("0.45")})}, "55.01, 45.00"},
		"commerce: half-even, rest to the named party": {"commerce_commission", "", "0.05", tenancy.Split{Method: "ratio", RemainderTo: "m",
			Parties: creatorAnd(tenancy.Party{Share: share("0.5")}, tenancy.Party{Share: share("0.5")})}, "0.02, 0.03"},
		"a level weighs the creator's share, 0.5 x 1.2 : 0.5 = 6 : 5": {"live_tip", "S", "1100.00", tenancy.Split{Method: "ratio", LevelFactors: map[string]money.Rate{"S": share("1.2")},
			Parties: creatorAnd(tenancy.Party{Share: share("0.5")}, tenancy.Party{Share: share("0.5")})}, "600.00, 500.00"},
		"a level without a factor takes the default": {"live_tip", "", "200.00", tenancy.Split{Method: "ratio", LevelFactors: map[string]money.Rate{"S": share("1.2"), "default": share("1")},
			Parties: creatorAnd(tenancy.Party{Share: share("0.5")}, tenancy.Party{Share: share("0.5")})}, "100.00, 100.00"},
		"a fixed amount first, the rest to the other": {"xingtu_ad", "", "1000.00", tenancy.Split{Method: "fixed", Parties: creatorAnd(tenancy.Party{}, tenancy.Party{Fixed: yuan("300.00")})}, "700.00 rest, 300.00 fixed"},
		"shares of what fixed amounts leave": {"xingtu_ad", "", "1000.00", tenancy.Split{Method: "fixed", Parties: creatorAnd(tenancy.Party{Share: share("0.7")}, tenancy.Party{Share: share("0.3")},
			tenancy.Party{Party: "x", Kind: KindPayee, Fixed: yuan("200.00")})}, "560.00, 240.00, 200.00 fixed"},
		"a fixed amount that the money does not cover is named": {"xingtu_ad", "", "100.00", tenancy.Split{Method: "fixed", Parties: creatorAnd(tenancy.Party{}, tenancy.Party{Fixed: yuan("300.00")})}, "0.00 rest, 100.00 fixed 200.00"},
		"a cap gives the excess to who takes the rest": {"xingtu_ad", "", "1000.00", tenancy.Split{Method: "ratio", RemainderTo: "m",
			Parties: creatorAnd(tenancy.Party{Share: share("0.7"), Cap: yuan("500.00")}, tenancy.Party{Share: share("0.3")})}, "500.00 cap, 500.00"},
		"a floor is paid by who takes the rest": {"xingtu_ad", "", "1000.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("0.9")}, tenancy.Party{Share: share("0.1"), Floor: yuan("250.00")})}, "750.00, 250.00 floor"},
		"a floor above the whole is named": {"xingtu_ad", "", "100.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("0.9")}, tenancy.Party{Share: share("0.1"), Floor: yuan("250.00")})}, "0.00, 100.00 floor 150.00"},
		"a guarantee out of the MCN's part": {"xingtu_ad", "", "1000.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("0.4"), Guarantee: yuan("800.00")}, tenancy.Party{Share: share("0.6")})}, "800.00 guarantee, 200.00 guarantee"},
		"a guarantee down to zero, the rest is named": {"xingtu_ad", "", "1000.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("0.4"), Guarantee: yuan("2000.00")}, tenancy.Party{Share: share("0.6")})}, "1000.00 guarantee 1000.00, 0.00 guarantee"},
		"a guarantee leaves payees their shares": {"xingtu_ad", "", "1000.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("0.4"), Guarantee: yuan("2000.00")}, tenancy.Party{Share: share("0.3")}, tenancy.Party{Party: "x", Kind: KindPayee, Share: share("0.3")})}, "700.00 guarantee 1300.00, 0.00 guarantee, 300.00"},
		"a share at its cap is not capped": {"xingtu_ad", "", "1000.00", tenancy.Split{Method: "ratio", RemainderTo: "m",
			Parties: creatorAnd(tenancy.Party{Share: share("0.5"), Cap: yuan("500.00")}, tenancy.Party{Share: share("0.5")})}, "500.00, 500.00"},
		"a share at its floor is not lifted": {"xingtu_ad", "", "1000.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("0.9")}, tenancy.Party{Share: share("0.1"), Floor: yuan("100.00")})}, "900.00, 100.00"},
		"a share at its guarantee is not lifted": {"xingtu_ad", "", "1000.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("0.4"), Guarantee: yuan("400.00")}, tenancy.Party{Share: share("0.6")})}, "400.00, 600.00"},
		"a guarantee takes nothing from the second agency when the first covers it": {"xingtu_ad", "", "1000.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("0.4"), Guarantee: yuan("500.00")}, tenancy.Party{Share: share("0.3")}, tenancy.Party{Party: "n", Kind: KindMCN, Share: share("0.3")})}, "500.00 guarantee, 200.00 guarantee, 300.00"},
		"a guarantee that the share exceeds changes nothing": {"xingtu_ad", "", "1000.00", tenancy.Split{Method: "ratio",
			Parties: creatorAnd(tenancy.Party{Share: share("0.4"), Guarantee: yuan("400.00")}, tenancy.Party{Share: share("0.6")})}, "400.00, 600.00"},
		"marginal bands: 50% of 10000 and 60% of 5000": {"xingtu_ad", "", "15000.00", tenancy.Split{Method: "tiered", TierMode: "marginal", RemainderTo: "m",
			Parties: creatorAnd(tenancy.Party{Tiers: bands}, tenancy.Party{})}, "8000.00 tier, 7000.00 rest"},
		"whole bands: 60% of 15000": {"xingtu_ad", "", "15000.00", tenancy.Split{Method: "tiered", TierMode: "whole", RemainderTo: "m",
			Parties: creatorAnd(tenancy.Party{Tiers: bands}, tenancy.Party{})}, "9000.00 tier, 6000.00 rest"},
		"a band begins at its first fen": {"xingtu_ad", "", "10000.00", tenancy.Split{Method: "tiered", TierMode: "whole", RemainderTo: "m",
			Parties: creatorAnd(tenancy.Party{Tiers: bands}, tenancy.Party{})}, "6000.00 tier, 4000.00 rest"},
		"one fen below it": {"xingtu_ad", "", "9999.99", tenancy.Split{Method: "tiered", TierMode: "whole", RemainderTo: "m",
			Parties: creatorAnd(tenancy.Party{Tiers: bands}, tenancy.Party{})}, "4999.99 tier, 5000.00 rest"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := shown(apply(t, c.incomeType, c.level, c.terms, yuan(c.amount))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func apply(t *testing.T, incomeType, level string, terms tenancy.Split, amount money.Amount) []Share {
	t.Helper()
	plan, err := CompilePlan(incomeType, terms, level)
	if err != nil {
		t.Fatal(err)
	}
	return plan.SplitAmount(nil, amount)
}

func shown(shares []Share) string {
	var out []string
	for _, s := range shares {
		text := strings.TrimSpace(s.Amount.String() + " " + s.By)
		if !s.Short.IsZero() {
			text += " " + s.Short.String()
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

func TestALevelWithoutAFactorIsNamed(t *testing.T) {
	terms := tenancy.Split{Method: "ratio", LevelFactors: map[string]money.Rate{"S": share("1.2")}, Parties: creatorAnd(tenancy.Party{Share: share("0.5")}, tenancy.Party{Share: share("0.5")})}
	if _, err := CompilePlan("live_tip", terms, "B"); err == nil || !strings.Contains(err.Error(), `level "B"`) {
		t.Fatalf("a level without a factor gives %v", err)
	}
}

func TestMemoIsComputedOnTheGrossBeforeThePlatform(t *testing.T) {
	plan, err := CompilePlan("xingtu_ad", tenancy.Split{Method: "ratio", Parties: creatorAnd(tenancy.Party{Share: share("0.7")}, tenancy.Party{Share: share("0.2")}, tenancy.Party{Party: "p", Kind: KindMemo, Share: share("0.1")})}, "")
	if err != nil {
		t.Fatal(err)
	}
	for gross, want := range map[money.Amount]money.Amount{money.Yuan(1000): money.Yuan(100), money.Yuan(100): money.Yuan(10)} {
		if memo := plan.AppendMemos(nil, gross); len(memo) != 1 || memo[0].Amount != want || memo[0].Basis != gross {
			t.Errorf("memo on %s: %v", gross, memo)
		}
	}
}

// draw gives terms with any feature that tenancy accepts.
func draw(t *rapid.T, incomeType string) tenancy.Split {
	n := rapid.IntRange(1, 8).Draw(t, "parties")
	s := tenancy.Split{Method: rapid.SampledFrom([]string{"ratio", "fixed", "tiered"}).Draw(t, "method")}
	for i := range n {
		kind := rapid.SampledFrom([]string{KindMCN, KindPayee, KindMemo}).Draw(t, "kind")
		if i == 0 {
			kind = KindCreator
		}
		s.Parties = append(s.Parties, tenancy.Party{Party: string(rune('a' + i)), Kind: kind})
	}
	s.RemainderTo = s.Parties[rapid.IntRange(0, n-1).Draw(t, "rest")].Party
	if !s.Parties[indexOf(s, s.RemainderTo)].SharesMoney() {
		s.RemainderTo = "a"
	}
	switch s.Method {
	case "tiered":
		drawTiers(t, &s)
	default:
		drawShares(t, &s)
	}
	for i := range s.Parties {
		drawBounds(t, &s, i)
	}
	if s.Method == "ratio" && incomeType == "live_tip" && rapid.Bool().Draw(t, "levels") {
		s.LevelFactors = map[string]money.Rate{"default": money.Ratio(rapid.Int64Range(1, 1000).Draw(t, "factor"), 100)}
	}
	return s
}

func indexOf(s tenancy.Split, name string) int {
	for i, p := range s.Parties {
		if p.Party == name {
			return i
		}
	}
	return -1
}

// drawShares cuts 1 into the shares of those who have no fixed amount.
func drawShares(t *rapid.T, s *tenancy.Split) {
	den := rapid.SampledFrom([]int64{10, 100, 10000, 7, 1_000_000_000}).Draw(t, "den")
	left := den
	for i := range s.Parties {
		p := &s.Parties[i]
		switch {
		case !p.SharesMoney() || p.Party == s.RemainderTo:
		case s.Method == "fixed" && rapid.Bool().Draw(t, "is fixed"):
			p.Fixed = drawAmount(t, "fixed")
		default:
			part := rapid.Int64Range(0, left).Draw(t, "share")
			p.Share = money.Ratio(part, den)
			left -= part
		}
	}
	s.Parties[indexOf(*s, s.RemainderTo)].Share = money.Ratio(left, den)
}

func drawTiers(t *rapid.T, s *tenancy.Split) {
	s.TierMode = rapid.SampledFrom([]string{"marginal", "whole"}).Draw(t, "mode")
	most := int64(10000 / len(s.Parties))
	for i := range s.Parties {
		p := &s.Parties[i]
		if !p.SharesMoney() || p.Party == s.RemainderTo {
			continue
		}
		from := money.Amount{}
		for range rapid.IntRange(1, 12).Draw(t, "tiers") {
			p.Tiers = append(p.Tiers, tenancy.Tier{From: from, Share: money.Ratio(rapid.Int64Range(0, most).Draw(t, "tier"), 10000)})
			from = from.Add(drawAmount(t, "width"))
		}
	}
	if len(s.Parties) == 1 || s.RemainderParty() == 0 && !hasTiers(*s) {
		s.Parties[0].Tiers = []tenancy.Tier{{Share: money.Ratio(1, 1)}}
	}
}

func hasTiers(s tenancy.Split) bool {
	for _, p := range s.Parties {
		if len(p.Tiers) > 0 {
			return true
		}
	}
	return false
}

func drawAmount(t *rapid.T, what string) money.Amount {
	return money.Fen(rapid.OneOf(rapid.Int64Range(1, 1000), rapid.Int64Range(1, 100_000_000)).Draw(t, what))
}

func drawBounds(t *rapid.T, s *tenancy.Split, i int) {
	p := &s.Parties[i]
	if p.SharesMoney() && p.Party != s.RemainderTo && p.Fixed.IsZero() {
		if rapid.Bool().Draw(t, "has floor") {
			p.Floor = drawAmount(t, "floor")
		}
		if rapid.Bool().Draw(t, "has cap") {
			p.Cap = p.Floor.Add(drawAmount(t, "cap"))
		}
	}
	mcn := false
	for _, q := range s.Parties {
		mcn = mcn || q.Kind == KindMCN
	}
	if p.Kind == KindCreator && mcn && rapid.Bool().Draw(t, "has guarantee") {
		p.Guarantee = drawAmount(t, "guarantee")
		if p.Cap.Positive() {
			p.Guarantee = money.Min(p.Guarantee, p.Cap)
		}
	}
}

func TestPartsSumToTheWholeAndNoneIsNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		incomeType := rapid.SampledFrom([]string{"live_tip", "commerce_commission", "xingtu_ad", "incentive"}).Draw(t, "type")
		s := draw(t, incomeType)
		contract := tenancy.Contract{Version: tenancy.Version{From: civil.MustDate("2026-01-01")}, CreatorID: "the-creator", PayingEntity: "e", Cycle: "month",
			Routes: map[string]string{incomeType: tenancy.MCNPays}, Splits: map[string]tenancy.Split{incomeType: s}, PriceBasis: tenancy.BeforeTax, RevenueBasis: "net"}
		if problems := contract.Problems(); len(problems) > 0 {
			t.Fatalf("drawn terms are refused: %v\n%+v", problems, s)
		}
		plan, err := CompilePlan(incomeType, s, "")
		if err != nil {
			t.Fatal(err)
		}
		amount := money.Fen(rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(1, 9_999_999_999_999)).Draw(t, "fen"))
		checkShares(t, s, amount, plan.SplitAmount(nil, amount))
	})
}

// checkShares wants what every contract promises, whatever its terms.
func checkShares(t *rapid.T, s tenancy.Split, amount money.Amount, shares []Share) {
	var sum, mcn money.Amount
	for _, x := range shares {
		if x.Amount.Negative() || x.Short.Negative() {
			t.Fatalf("%s gets %s, short of %s", x.Party, x.Amount, x.Short)
		}
		sum = sum.Add(x.Amount)
		if x.Kind == KindMCN {
			mcn = mcn.Add(x.Amount)
		}
	}
	if sum != amount {
		t.Fatalf("parts sum to %s, not %s", sum, amount)
	}
	for _, x := range shares {
		p := s.Parties[indexOf(s, x.Party)]
		if p.Cap.Positive() && x.Amount.Cmp(p.Cap) > 0 {
			t.Fatalf("%s gets %s, above the cap %s", x.Party, x.Amount, p.Cap)
		}
		if p.Fixed.Positive() && x.By == ByFixed && x.Amount.Add(x.Short) != p.Fixed {
			t.Fatalf("%s gets %s and is short of %s, of the fixed %s", x.Party, x.Amount, x.Short, p.Fixed)
		}
		if p.Guarantee.Positive() && x.Amount.Cmp(p.Guarantee) < 0 && (!mcn.IsZero() || x.Amount.Add(x.Short) != p.Guarantee) {
			t.Fatalf("%s gets %s of the guaranteed %s, short of %s, while the MCN keeps %s", x.Party, x.Amount, p.Guarantee, x.Short, mcn)
		}
	}
}

// eight are terms with all that costs time: eight parties, bands, caps, floors and a guarantee.
func eight() tenancy.Split {
	s := tenancy.Split{Method: "tiered", TierMode: "marginal", RemainderTo: "p1"}
	for i := range 8 {
		p := tenancy.Party{Party: "p" + string(rune('0'+i)), Kind: KindPayee}
		switch i {
		case 0:
			p.Kind, p.Guarantee = KindCreator, yuan("900000.00")
		case 1:
			p.Kind = KindMCN
		}
		if i != 1 {
			for b := range 12 {
				p.Tiers = append(p.Tiers, tenancy.Tier{From: money.Yuan(int64(b) * 50000), Share: money.Ratio(int64(60+b), 1000)})
			}
			p.Cap, p.Floor = yuan("88888.88"), yuan("11.11")
		}
		s.Parties = append(s.Parties, p)
	}
	s.Parties[0].Cap = money.Amount{}
	return s
}

// A split costs a few allocations a party, which decimals make, so that a line with eight parties stays within ten
// microseconds.
func TestASplitAllocatesLittle(t *testing.T) {
	plan, err := CompilePlan("xingtu_ad", eight(), "")
	if err != nil {
		t.Fatal(err)
	}
	shares, memos := make([]Share, 0, 8), make([]Memo, 0, 8)
	if n := testing.AllocsPerRun(100, func() {
		shares = plan.SplitAmount(shares[:0], money.Fen(123456789))
		memos = plan.AppendMemos(memos[:0], money.Fen(150000000))
	}); n > 64 {
		t.Fatalf("a split of eight parties allocates %v times", n)
	}
}

func BenchmarkApply(b *testing.B) {
	plan, err := CompilePlan("xingtu_ad", eight(), "")
	if err != nil {
		b.Fatal(err)
	}
	shares := make([]Share, 0, 8)
	b.ReportAllocs()
	for b.Loop() {
		shares = plan.SplitAmount(shares[:0], money.Fen(123456789))
	}
}

func BenchmarkApplyRatio(b *testing.B) {
	plan, err := CompilePlan("xingtu_ad", tenancy.Split{Method: "ratio", Parties: creatorAnd(tenancy.Party{Share: share("0.7")}, tenancy.Party{Share: share("0.2")},
		tenancy.Party{Party: "p", Kind: KindMemo, Share: share("0.1")})}, "")
	if err != nil {
		b.Fatal(err)
	}
	shares, memos := make([]Share, 0, 8), make([]Memo, 0, 8)
	b.ReportAllocs()
	for b.Loop() {
		shares = plan.SplitAmount(shares[:0], money.Fen(123456789))
		memos = plan.AppendMemos(memos[:0], money.Fen(150000000))
	}
}

// The share names its ratio where one ratio made the whole amount: in the first band, and in every band that counts
// for the whole.
func TestTheRatioOfABandIsNamed(t *testing.T) {
	bands := []tenancy.Tier{{From: yuan("0.00"), Share: share("0.5")}, {From: yuan("10000.00"), Share: share("0.6")}}
	for _, c := range []struct{ mode, amount, want string }{
		{"marginal", "9000.00", "0.5"}, {"marginal", "15000.00", "0"}, {"whole", "9000.00", "0.5"}, {"whole", "15000.00", "0.6"},
	} {
		terms := tenancy.Split{Method: "tiered", TierMode: c.mode, RemainderTo: "m", Parties: creatorAnd(tenancy.Party{Tiers: bands}, tenancy.Party{})}
		if got := apply(t, "xingtu_ad", "", terms, yuan(c.amount))[0].Ratio; got.Cmp(share(c.want)) != 0 {
			t.Errorf("%s bands on %s: ratio %s, want %s", c.mode, c.amount, got, c.want)
		}
	}
}

func TestEqualSharesAreEqualInEveryField(t *testing.T) {
	one := Share{Party: "c", Kind: KindCreator, Amount: yuan("1.00"), Ratio: share("0.5"), By: ByCap, Short: yuan("2.00")}
	same := one
	same.Ratio = share("0.50")
	if !one.Equal(same) {
		t.Error("0.5 and 0.50 are the same ratio")
	}
	for field, change := range map[string]func(*Share){
		"party": func(s *Share) { s.Party = "m" }, "kind": func(s *Share) { s.Kind = KindMCN }, "amount": func(s *Share) { s.Amount = yuan("1.01") },
		"ratio": func(s *Share) { s.Ratio = share("0.6") }, "by": func(s *Share) { s.By = ByFloor }, "short": func(s *Share) { s.Short = yuan("0.00") },
	} {
		other := one
		change(&other)
		if one.Equal(other) {
			t.Errorf("shares that differ in %s are equal", field)
		}
	}
}
