// Package split divides an income among the parties of a contract. The shares of the parties always
// sum to the income (promise P2).
package split

import (
	"fmt"

	"github.com/shopspring/decimal"

	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// The kinds of parties. A memo party gets no money; its figure is only shown.
const (
	KindCreator = "creator"
	KindMCN     = "mcn"
	KindPayee   = "payee"
	KindMemo    = "memo"
)

// The terms of the contract that decided a share, as Share.By names them; "" means the ratio.
const (
	ByFixed = "fixed" // the contract's fixed amount
	ByTier  = "tier"  // the tier of the amount, or all tiers up to it
	ByRest  = "rest"  // the rest after the other parties' shares
	ByCap   = "cap"   // the maximum of the party
	ByFloor = "floor" // the minimum of the party
	// the creator's guaranteed minimum; for an mcn party: it paid for that minimum
	ByGuarantee = "guarantee"
)

// Share is the money of one party, with the term of the contract that decided it.
type Share struct {
	Party  string       `json:"party"`
	Kind   string       `json:"kind"`
	Amount money.Amount `json:"amount"`
	// Ratio is the share of the base. It is absent if several tiers were summed or the share is no
	// ratio.
	Ratio money.Rate `json:"ratio,omitzero"`
	By    string     `json:"by,omitempty"`
	// Short is the part of a fixed amount, floor or guarantee that the income did not cover.
	Short money.Amount `json:"short,omitzero"`
}

// Equal reports whether two shares are the same in every field.
func (s Share) Equal(other Share) bool {
	return s.Party == other.Party && s.Kind == other.Kind && s.By == other.By &&
		s.Amount == other.Amount && s.Short == other.Short && s.Ratio.Cmp(other.Ratio) == 0
}

// Memo is the figure of a memo party, computed on gross_before_platform and shown beside the split.
// No money is paid for it.
type Memo struct {
	Party  string       `json:"party"`
	Amount money.Amount `json:"amount"`
	Basis  money.Amount `json:"basis"`
}

// Mode is the rounding of the shares of an income type. The fen that rounding leaves go to the
// party that takes the rest.
type Mode struct {
	Name     string
	Rounding money.Rounding
}

// RoundingModeOf returns the rounding of an income type: live tips round the other parties down,
// commerce commissions round half-even, all other types truncate.
func RoundingModeOf(incomeType string) Mode {
	switch incomeType {
	case "commerce_commission":
		return Mode{"half_even", money.HalfEven}
	case "live_tip":
		return Mode{"floor_others", money.Down}
	}
	return Mode{"truncate", money.Down}
}

// Plan is the split of one income type of a contract, prepared to be applied to amounts. Plan is
// immutable.
type Plan struct {
	parts          []part          // the parties that get money, in the contract's order
	total          decimal.Decimal // the sum of weights that is 100%
	memos          []tenancy.Party
	restPart       int
	rounding       money.Rounding
	isWholeTier    bool // tiers: the share of the reached tier applies to the whole amount
	hasFixed       bool // at least one party has a fixed amount
	hasBounds      bool // at least one party has a cap or a floor
	guaranteedPart int  // index of the party with a guarantee, -1 without one
}

// part is one party that gets money. Its ratio is weight divided by Plan.total, applied to the
// money that the fixed amounts leave.
type part struct {
	name, kind          string
	by                  string
	weight              decimal.Decimal
	ratio               money.Rate
	fixed, limit, floor money.Amount // a limit of zero means no cap
	guarantee           money.Amount
	bands               []band
}

// band is one tier: it begins at the amount from, and below is the share of all tiers before it
// when they are full.
type band struct {
	from, below money.Amount
	share       money.Rate
}

// CompilePlan prepares the split of a contract for one income type. level is the creator's level,
// which matters only if the terms weigh by level.
//
// Errors: for terms that tenancy accepts, only a level without a factor.
func CompilePlan(incomeType string, terms tenancy.Split, level string) (*Plan, error) {
	p := &Plan{rounding: RoundingModeOf(incomeType).Rounding,
		isWholeTier: terms.TierMode == tenancy.Whole,
		restPart:    -1, guaranteedPart: -1}
	weights, total, err := partyWeights(terms, level)
	if err != nil {
		return nil, err
	}
	p.total = total
	rest := terms.RemainderParty()
	for i, party := range terms.Parties {
		if !party.SharesMoney() {
			p.memos = append(p.memos, party)
			continue
		}
		x, err := p.compilePart(party, weights[i])
		if err != nil {
			return nil, err
		}
		if i == rest {
			p.restPart = len(p.parts)
			x.markAsRest(terms)
		}
		if x.guarantee.Positive() {
			p.guaranteedPart = len(p.parts)
		}
		p.parts = append(p.parts, x)
	}
	if p.restPart < 0 {
		return nil, fmt.Errorf("split: no party has a share of the money")
	}
	return p, nil
}

// compilePart prepares one party that gets money and whose weight is known.
func (p *Plan) compilePart(t tenancy.Party, weight decimal.Decimal) (part, error) {
	ratio, ok := money.ExactRatio(weight, p.total)
	if !ok {
		return part{}, fmt.Errorf("split: the share of %s cannot be reckoned exactly", t.Party)
	}
	x := part{name: t.Party, kind: t.Kind, weight: weight, ratio: ratio,
		fixed: t.Fixed, limit: t.Cap, floor: t.Floor, guarantee: t.Guarantee}
	switch {
	case x.fixed.Positive():
		x.by, p.hasFixed = ByFixed, true
	case len(t.Tiers) > 0:
		x.by, x.bands = ByTier, compileBands(t.Tiers, p.rounding)
	}
	p.hasBounds = p.hasBounds || x.limit.Positive() || x.floor.Positive()
	return x, nil
}

// markAsRest marks a party without its own share as the one that takes the rest.
func (x *part) markAsRest(terms tenancy.Split) {
	if x.weight.IsZero() && len(x.bands) == 0 {
		x.by = ByRest
	}
}

// compileBands sums for each tier the shares of all full tiers before it, each rounded on its own.
func compileBands(tiers []tenancy.Tier, how money.Rounding) []band {
	out := make([]band, len(tiers))
	for i, t := range tiers {
		out[i] = band{from: t.From, share: t.Share}
		if i > 0 {
			before := out[i-1]
			out[i].below = before.below.Add(before.share.ApplyTo(t.From.Sub(before.from), how))
		}
	}
	return out
}

// partyWeights returns each party's weight and the total that counts as 100%. For ratios the total
// is the sum of the weights of all parties that get money, so that 7:2:1 with a memo party splits
// the money 7:2. For tiers, and if fixed amounts leave no ratios, the total is the common
// denominator. Shares that are fractions are brought to one denominator, so that every weight is an
// exact decimal.
func partyWeights(terms tenancy.Split, level string) ([]decimal.Decimal, decimal.Decimal, error) {
	factor, err := levelFactor(terms, level)
	if err != nil {
		return nil, decimal.Decimal{}, err
	}
	weights, whole := weightsOverOneDenominator(terms, factor)
	sum, fixed := decimal.Decimal{}, false
	for i, p := range terms.Parties {
		if weights[i].IsNegative() || p.Fixed.Negative() {
			return nil, decimal.Decimal{}, fmt.Errorf("split: share of %s is negative", p.Party)
		}
		if p.SharesMoney() {
			sum = sum.Add(weights[i])
		}
		fixed = fixed || p.Fixed.Positive()
	}
	switch {
	case terms.Method == tenancy.MethodTiered || (fixed && sum.IsZero()):
		return weights, whole, nil
	case sum.IsZero():
		return nil, decimal.Decimal{}, fmt.Errorf("split: no party has a share of the money")
	}
	return weights, sum, nil
}

// weightsOverOneDenominator returns the parties' shares as multiples of 1/whole, with the creator's
// share multiplied by the level factor. If all shares are decimals, whole is 1.
func weightsOverOneDenominator(terms tenancy.Split,
	factor money.Rate) ([]decimal.Decimal, decimal.Decimal) {
	weights := make([]decimal.Decimal, len(terms.Parties))
	denominators := make([]decimal.Decimal, len(terms.Parties))
	factorNum, factorDen := factor.Parts()
	whole := decimal.NewFromInt(1)
	for i, p := range terms.Parties {
		weights[i], denominators[i] = p.Share.Parts()
		if p.Kind == KindCreator {
			weights[i] = weights[i].Mul(factorNum)
			denominators[i] = denominators[i].Mul(factorDen)
		}
		whole = whole.Mul(denominators[i])
	}
	for i := range weights {
		times, _ := whole.QuoRem(denominators[i], 0)
		weights[i] = weights[i].Mul(times)
	}
	return weights, whole
}

// levelFactor returns the factor of a creator's level, and 1 if the terms have no levels. A level
// that the terms do not name has the factor of the default level.
func levelFactor(terms tenancy.Split, level string) (money.Rate, error) {
	if len(terms.LevelFactors) == 0 {
		return money.Ratio(1, 1), nil
	}
	f, ok := terms.LevelFactors[level]
	if !ok {
		f, ok = terms.LevelFactors[tenancy.DefaultLevel]
	}
	if !ok {
		return money.Rate{}, fmt.Errorf(
			"split: the contract has no factor for level %q and no default one", level)
	}
	return f, nil
}

// SplitAmount appends the parties' shares of an amount to dst. SplitAmount applies, in this order:
// fixed amounts, as long as the money lasts; the ratios or tiers of what they leave; the rest to
// its party; caps and floors, at the cost of that party; the creator's guarantee, at the cost of
// the MCN. The shares sum to the amount and none is negative. The amount must not be negative.
func (p *Plan) SplitAmount(dst []Share, amount money.Amount) []Share {
	begin := len(dst)
	dst, base := p.payFixedAmounts(dst, amount)
	shares := dst[begin:]
	left := base
	for i := range p.parts {
		x := &p.parts[i]
		// The party that takes the rest is not rounded: it gets whatever the others leave.
		if i == p.restPart {
			if len(x.bands) > 0 {
				p.findBand(x, base, &shares[i])
			}
			continue
		}
		if x.fixed.Positive() {
			continue
		}
		// Half-even parts of many small shares may together exceed the whole by some fen; nobody
		// gets more than what is left.
		shares[i].Amount = money.Min(p.shareOfBase(x, base, &shares[i]), left)
		left = left.Sub(shares[i].Amount)
	}
	shares[p.restPart].Amount = left
	if p.hasBounds {
		p.applyCapsAndFloors(shares)
	}
	if p.guaranteedPart >= 0 {
		p.applyGuarantee(shares)
	}
	return dst
}

// payFixedAmounts appends one share for each party, with the fixed amounts paid as far as the money
// reaches. payFixedAmounts returns the money that is left.
func (p *Plan) payFixedAmounts(dst []Share, amount money.Amount) ([]Share, money.Amount) {
	left := amount
	for i := range p.parts {
		x := &p.parts[i]
		s := Share{Party: x.name, Kind: x.kind, Ratio: x.ratio, By: x.by}
		if x.fixed.Positive() {
			s.Amount = money.Min(x.fixed, left)
			s.Short = x.fixed.Sub(s.Amount)
			left = left.Sub(s.Amount)
		}
		dst = append(dst, s)
	}
	return dst, left
}

// shareOfBase returns the share of a party by its ratio or its tiers, before caps and floors.
func (p *Plan) shareOfBase(x *part, base money.Amount, s *Share) money.Amount {
	if len(x.bands) == 0 {
		return base.ShareOf(x.weight, p.total, p.rounding)
	}
	b := p.findBand(x, base, s)
	if p.isWholeTier {
		return b.share.ApplyTo(base, p.rounding)
	}
	return b.below.Add(b.share.ApplyTo(base.Sub(b.from), p.rounding))
}

// findBand finds the tier of an amount. findBand sets the ratio of the share if a single tier
// decides it.
func (p *Plan) findBand(x *part, base money.Amount, s *Share) *band {
	at := len(x.bands) - 1
	for at > 0 && base.Cmp(x.bands[at].from) < 0 {
		at--
	}
	b := &x.bands[at]
	if p.isWholeTier || at == 0 {
		s.Ratio = b.share
	}
	return b
}

// applyCapsAndFloors gives the money above the caps to the party that takes the rest, and then
// takes the money for the floors from it.
func (p *Plan) applyCapsAndFloors(shares []Share) {
	rest := &shares[p.restPart]
	for i := range p.parts {
		if limit := p.parts[i].limit; limit.Positive() && shares[i].Amount.Cmp(limit) > 0 {
			rest.Amount = rest.Amount.Add(shares[i].Amount.Sub(limit))
			shares[i].Amount, shares[i].By = limit, ByCap
		}
	}
	for i := range p.parts {
		if floor := p.parts[i].floor; shares[i].Amount.Cmp(floor) < 0 {
			more := money.Min(floor.Sub(shares[i].Amount), rest.Amount)
			rest.Amount = rest.Amount.Sub(more)
			shares[i].Amount, shares[i].By = shares[i].Amount.Add(more), ByFloor
			shares[i].Short = floor.Sub(shares[i].Amount)
		}
	}
}

// applyGuarantee raises the creator's share to the guaranteed minimum. The money comes from the mcn
// parties in the contract's order, down to zero.
func (p *Plan) applyGuarantee(shares []Share) {
	creator := &shares[p.guaranteedPart]
	want := p.parts[p.guaranteedPart].guarantee
	if creator.Amount.Cmp(want) >= 0 {
		return
	}
	creator.By = ByGuarantee
	for i := range shares {
		// Only the agency guarantees the minimum, so other payees keep their shares.
		if shares[i].Kind != KindMCN || creator.Amount.Cmp(want) >= 0 || shares[i].Amount.IsZero() {
			continue
		}
		more := money.Min(want.Sub(creator.Amount), shares[i].Amount)
		shares[i].Amount, shares[i].By = shares[i].Amount.Sub(more), ByGuarantee
		creator.Amount = creator.Amount.Add(more)
	}
	creator.Short = want.Sub(creator.Amount)
}

// AppendMemos appends the figures of the memo parties, computed on the gross income before the
// platform's part.
func (p *Plan) AppendMemos(dst []Memo, grossBeforePlatform money.Amount) []Memo {
	for i := range p.memos {
		m := &p.memos[i]
		amount := m.Share.ApplyTo(grossBeforePlatform, money.HalfEven)
		dst = append(dst, Memo{Party: m.Party, Amount: amount, Basis: grossBeforePlatform})
	}
	return dst
}

// AllToCreator returns the split that gives everything to the creator. AllToCreator applies to
// incentives unless the contract has another split for them.
func AllToCreator(creator ident.Creator) tenancy.Split {
	all := tenancy.Party{Party: string(creator), Kind: KindCreator, Share: money.Ratio(1, 1)}
	return tenancy.Split{Method: tenancy.MethodRatio, Parties: []tenancy.Party{all}}
}
