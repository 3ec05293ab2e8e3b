package split

import (
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

func parties(shares ...string) []tenancy.Party {
	kinds := []string{KindCreator, KindMCN, KindMemo, KindPayee}
	var out []tenancy.Party
	for i, s := range shares {
		out = append(out, tenancy.Party{Party: "p" + string(rune('0'+i)), Kind: kinds[i], Share: money.MustRate(s)})
	}
	return out
}

func TestOf(t *testing.T) {
	for name, c := range map[string]struct {
		incomeType, amount string
		split              tenancy.Split
		want               []string
	}{
		"7:2:1 with the platform as memo splits the money 7:2": {"xingtu_ad", "900.01", tenancy.Split{Parties: parties("0.7", "0.2", "0.1")}, []string{"700.01", "200.00"}},
		"live tip: the MCN's part is floored":                  {"live_tip", "100.01", tenancy.Split{Parties: parties("0.55", "0.45")}, []string{"55.01", "45.00"}},
		"commerce: half-even, rest to the named party":         {"commerce_commission", "0.05", tenancy.Split{Parties: parties("0.5", "0.5"), RemainderTo: "p1"}, []string{"0.02", "0.03"}},
		"named party takes the rest":                           {"xingtu_ad", "0.01", tenancy.Split{Parties: parties("0.5", "0.5"), RemainderTo: "p1"}, []string{"0.00", "0.01"}},
	} {
		t.Run(name, func(t *testing.T) {
			shares, _, err := Of(c.incomeType, c.split, money.MustParse(c.amount), money.MustParse(c.amount))
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range c.want {
				if shares[i].Amount != money.MustParse(w) {
					t.Errorf("share %d is %s, want %s", i, shares[i].Amount, w)
				}
			}
		})
	}
}

func TestMemoIsComputedOnTheGrossBeforeThePlatform(t *testing.T) {
	_, memo, err := Of("xingtu_ad", tenancy.Split{Parties: parties("0.7", "0.2", "0.1")}, money.Yuan(900), money.Yuan(1000))
	if err != nil || len(memo) != 1 || memo[0].Amount != money.Yuan(100) {
		t.Fatalf("memo %v, %v", memo, err)
	}
}

func TestPartsSumToTheWholeAndNoneIsNegative(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 8).Draw(t, "parties")
		s := tenancy.Split{}
		for i := range n {
			kind := KindPayee
			if i == 0 {
				kind = KindCreator
			}
			den := rapid.SampledFrom([]int64{10, 100, 1000, 10000, 7}).Draw(t, "den")
			s.Parties = append(s.Parties, tenancy.Party{Party: string(rune('a' + i)), Kind: kind, Share: money.Ratio(rapid.Int64Range(1, den).Draw(t, "num"), den)})
		}
		s.RemainderTo = s.Parties[rapid.IntRange(0, n-1).Draw(t, "rest")].Party
		amount := money.Fen(rapid.Int64Range(1, 9_999_999_999_999).Draw(t, "fen"))
		kind := rapid.SampledFrom([]string{"live_tip", "commerce_commission", "xingtu_ad", "incentive"}).Draw(t, "type")
		shares, _, err := Of(kind, s, amount, amount)
		if err != nil {
			t.Fatal(err)
		}
		var sum money.Amount
		for _, x := range shares {
			if x.Amount.Negative() {
				t.Fatalf("%s gets %s", x.Party, x.Amount)
			}
			sum = sum.Add(x.Amount)
		}
		if sum != amount {
			t.Fatalf("parts sum to %s, not %s", sum, amount)
		}
	})
}

func BenchmarkOf(b *testing.B) {
	s := tenancy.Split{Parties: parties("0.7", "0.2", "0.1")}
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Of("xingtu_ad", s, money.Fen(123456789), money.Fen(150000000)); err != nil {
			b.Fatal(err)
		}
	}
}
