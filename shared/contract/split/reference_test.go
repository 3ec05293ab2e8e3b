package split

import (
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// The reference computes with rationals what Plan computes with decimals. It knows the terms and the law of rounding,
// and nothing of the plan.

func rational(r money.Rate) *big.Rat {
	f := r.Fraction()
	return big.NewRat(f.Num(), f.Den())
}

// roundedFen rounds what is not negative to whole fen.
func roundedFen(x *big.Rat, how money.Rounding) money.Amount {
	fen, rest := new(big.Int).QuoRem(x.Num(), x.Denom(), new(big.Int))
	half := new(big.Int).Lsh(rest, 1).Cmp(x.Denom())
	if (how == money.HalfUp && half >= 0) || (how == money.HalfEven && (half > 0 || (half == 0 && fen.Bit(0) == 1))) {
		fen.Add(fen, big.NewInt(1))
	}
	return money.Fen(fen.Int64())
}

func times(a money.Amount, r *big.Rat) *big.Rat { return new(big.Rat).Mul(big.NewRat(a.Fen(), 1), r) }

// weightsOf gives each party's weight and their sum over the parties that share the money.
func weightsOf(s tenancy.Split) ([]*big.Rat, *big.Rat) {
	weights, sum := make([]*big.Rat, len(s.Parties)), new(big.Rat)
	for i, p := range s.Parties {
		weights[i] = rational(p.Share)
		if factor, ok := s.LevelFactors["default"]; ok && p.Kind == KindCreator {
			weights[i].Mul(weights[i], rational(factor))
		}
		if p.SharesMoney() {
			sum.Add(sum, weights[i])
		}
	}
	return weights, sum
}

// banded gives a party's part of the base by its bands.
func banded(p tenancy.Party, mode string, base money.Amount, how money.Rounding) money.Amount {
	sum := money.Amount{}
	for i, t := range p.Tiers {
		if base.Cmp(t.From) < 0 {
			break
		}
		if mode == tenancy.Whole {
			sum = roundedFen(times(base, rational(t.Share)), how)
			continue
		}
		top := base
		if i+1 < len(p.Tiers) {
			top = money.Min(base, p.Tiers[i+1].From)
		}
		sum = sum.Add(roundedFen(times(top.Sub(t.From), rational(t.Share)), how))
	}
	return sum
}

// reference gives the parties' parts of an amount under terms without bounds and guarantees.
func reference(s tenancy.Split, amount money.Amount, how money.Rounding) map[string]money.Amount {
	weights, sum := weightsOf(s)
	parts := map[string]money.Amount{}
	base := amount
	for _, p := range s.Parties {
		if p.SharesMoney() {
			parts[p.Party] = money.Min(p.Fixed, base)
			base = base.Sub(parts[p.Party])
		}
	}
	left := base
	for i, p := range s.Parties {
		if !p.SharesMoney() || i == s.RemainderParty() || p.Fixed.Positive() {
			continue
		}
		part := banded(p, s.TierMode, base, how)
		if s.Method != tenancy.MethodTiered && sum.Sign() > 0 {
			part = roundedFen(times(base, new(big.Rat).Quo(weights[i], sum)), how)
		}
		parts[p.Party] = money.Min(part, left)
		left = left.Sub(parts[p.Party])
	}
	parts[s.Parties[s.RemainderParty()].Party] = left
	return parts
}

func TestSharesAreThoseOfExactRationals(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		incomeType := rapid.SampledFrom([]string{"live_tip", "commerce_commission", "xingtu_ad"}).Draw(t, "type")
		s := draw(t, incomeType)
		for i := range s.Parties {
			s.Parties[i].Cap, s.Parties[i].Floor, s.Parties[i].Guarantee = money.Amount{}, money.Amount{}, money.Amount{}
		}
		plan, err := CompilePlan(incomeType, s, "")
		if err != nil {
			t.Fatal(err)
		}
		plan.rounding = rapid.SampledFrom([]money.Rounding{money.HalfUp, money.HalfEven, money.Down}).Draw(t, "rounding")
		recompileBands(plan, s)
		amount := money.Fen(rapid.OneOf(rapid.Int64Range(0, 1000), rapid.Int64Range(1, 9_999_999_999_999)).Draw(t, "fen"))
		want := reference(s, amount, plan.rounding)
		for _, got := range plan.SplitAmount(nil, amount) {
			if got.Amount != want[got.Party] {
				t.Fatalf("%s gets %s of %s, want %s", got.Party, got.Amount, amount, want[got.Party])
			}
		}
		checkRatios(t, plan, s)
	})
}

// recompileBands rounds what full bands make by the plan's rounding.
func recompileBands(plan *Plan, s tenancy.Split) {
	for i := range plan.parts {
		if tiers := s.Parties[indexOf(s, plan.parts[i].name)].Tiers; len(tiers) > 0 {
			plan.parts[i].bands = compileBands(tiers, plan.rounding)
		}
	}
}

// checkRatios wants the stored ratio of every part to be exactly its weight over the sum.
func checkRatios(t *rapid.T, plan *Plan, s tenancy.Split) {
	weights, sum := weightsOf(s)
	if s.Method == tenancy.MethodTiered || sum.Sign() == 0 {
		return
	}
	for _, x := range plan.parts {
		want := new(big.Rat).Quo(weights[indexOf(s, x.name)], sum)
		if rational(x.ratio).Cmp(want) != 0 {
			t.Fatalf("the ratio of %s is %s, want %s", x.name, x.ratio, want)
		}
	}
}

// BenchmarkEightParties splits one line among eight parties by ratio, three of them thirds of a fifth.
func BenchmarkEightParties(b *testing.B) {
	s := tenancy.Split{Method: "ratio"}
	for i, share := range []money.Rate{share("0.4"), share("0.2"), money.Ratio(1, 15), money.Ratio(1, 15), money.Ratio(1, 15), share("0.15"), share("0.025"), share("0.025")} {
		kind := KindPayee
		if i == 0 {
			kind = KindCreator
		}
		s.Parties = append(s.Parties, tenancy.Party{Party: string(rune('a' + i)), Kind: kind, Share: share})
	}
	plan, err := CompilePlan("commerce_commission", s, "")
	if err != nil {
		b.Fatal(err)
	}
	shares := make([]Share, 0, 8)
	b.ReportAllocs()
	for b.Loop() {
		shares = plan.SplitAmount(shares[:0], money.Fen(123456789))
	}
}
