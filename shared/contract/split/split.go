// Package split divides an income among the parties of a contract. The parts always sum to the
// whole (promise P2).
package split

import (
	"fmt"

	"github.com/shopspring/decimal"

	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// The kinds of parties.
const (
	KindCreator = "creator"
	KindMCN     = "mcn"
	KindPayee   = "payee"
	KindMemo    = "memo"
)

// What decided a share; "" is the plain ratio.
const (
	ByFixed     = "fixed"     // the contract's fixed amount
	ByTier      = "tier"      // the band of the amount, or all bands up to it
	ByRest      = "rest"      // what the others left
	ByCap       = "cap"       // the most that the party gets
	ByFloor     = "floor"     // the least that it gets
	ByGuarantee = "guarantee" // the creator's guaranteed sum; of an mcn party: it paid for it
)

// Share is one party's money, with what decided it.
type Share struct {
	Party  string       `json:"party"`
	Kind   string       `json:"kind"`
	Amount money.Amount `json:"amount"`
	// Ratio is of the base. There is none where bands were added up, and where the share is no ratio.
	Ratio money.Rate `json:"ratio,omitzero"`
	By    string     `json:"by,omitempty"`
	// Short is what fixed amount, floor or guarantee promise and the income did not cover.
	Short money.Amount `json:"short,omitzero"`
}

// Equal reports whether two shares are the same in every field.
func (s Share) Equal(other Share) bool {
	return s.Party == other.Party && s.Kind == other.Kind && s.By == other.By &&
		s.Amount == other.Amount && s.Short == other.Short && s.Ratio.Cmp(other.Ratio) == 0
}

// Memo is a figure shown beside the split, on gross_before_platform; it moves no money.
type Memo struct {
	Party  string       `json:"party"`
	Amount money.Amount `json:"amount"`
	Basis  money.Amount `json:"basis"`
}

// Mode names how the parts of an income type are rounded; the rest goes to the party that takes it.
type Mode struct {
	Name     string
	Rounding money.Rounding
}

// RoundingModeOf gives the named rounding of an income type: live tips floor the other parties,
// commerce commissions round half-even, Xingtu and everything else truncates.
func RoundingModeOf(incomeType string) Mode {
	switch incomeType {
	case "commerce_commission":
		return Mode{"half_even", money.HalfEven}
	case "live_tip":
		return Mode{"floor_others", money.Down}
	}
	return Mode{"truncate", money.Down}
}

// Plan is a contract's split of one income type, ready to be applied. It is immutable.
type Plan struct {
	parts          []part          // money parties, in the contract's order
	total          decimal.Decimal // what the parts' weights are measured by
	memos          []tenancy.Party
	restPart       int
	rounding       money.Rounding
	isWholeTier    bool // bands: the share of the band reached is taken of the whole
	hasFixed       bool // some part is a fixed amount
	hasBounds      bool // some part has a cap or a floor
	guaranteedPart int  // the part with a guarantee, -1 without one
}

// part is one money party. Its weight over the plan's total is its ratio of what the fixed amounts
// leave.
type part struct {
	name, kind          string
	by                  string
	weight              decimal.Decimal
	ratio               money.Rate
	fixed, limit, floor money.Amount // a limit of zero is none
	guarantee           money.Amount
	bands               []band
}

// band begins at from; below is what all bands before it make together.
type band struct {
	from, below money.Amount
	share       money.Rate
}

// CompilePlan makes a plan of a contract's terms for one income type. The level is the creator's
// and matters where the terms weigh by it. Terms that tenancy accepts fail only for a level without
// a factor.
func CompilePlan(incomeType string, terms tenancy.Split, level string) (*Plan, error) {
	p := &Plan{rounding: RoundingModeOf(incomeType).Rounding, isWholeTier: terms.TierMode == tenancy.Whole,
		restPart: -1, guaranteedPart: -1}
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

// compilePart compiles one money party whose weight is known.
func (p *Plan) compilePart(t tenancy.Party, weight decimal.Decimal) (part, error) {
	ratio, ok := money.RatioOf(weight, p.total)
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

// markAsRest marks a part that has no share of its own.
func (x *part) markAsRest(terms tenancy.Split) {
	if x.weight.IsZero() && len(x.bands) == 0 {
		x.by = ByRest
	}
}

// compileBands adds up what each band makes when it is full, each rounded for itself.
func compileBands(tiers []tenancy.Tier, how money.Rounding) []band {
	out := make([]band, len(tiers))
	for i, t := range tiers {
		out[i] = band{from: t.From, share: t.Share}
		if i > 0 {
			before := out[i-1]
			out[i].below = before.below.Add(before.share.Of(t.From.Sub(before.from), how))
		}
	}
	return out
}

// partyWeights gives each party's weight and the total that the weights are measured by. By ratio the
// total is the sum of the money parties' weights, so that 7:2:1 with a memo party splits the money
// 7:2; in bands, and beside fixed amounts that leave nothing to share, it is the whole. Shares that
// are fractions are brought to one denominator, so that every weight is an exact decimal.
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

// weightsOverOneDenominator gives the parties' shares, the creator's times the factor, as multiples of
// 1/whole. whole is 1 where all of them are decimals.
func weightsOverOneDenominator(terms tenancy.Split, factor money.Rate) ([]decimal.Decimal, decimal.Decimal) {
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

// levelFactor gives the weight of a creator's level; 1 where the terms know no levels.
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

// SplitAmount appends the money shares of amount to dst: fixed amounts first, as long as the money
// lasts; then the shares of what they leave; the rest to the party that takes it; then caps and
// floors against that party's part; last the guarantee against the MCN's. The shares sum to amount,
// and none is negative. amount must not be negative.
func (p *Plan) SplitAmount(dst []Share, amount money.Amount) []Share {
	begin := len(dst)
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
	shares := dst[begin:]
	base := left
	for i := range p.parts {
		x := &p.parts[i]
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

// shareOfBase gives a part's own share of the base.
func (p *Plan) shareOfBase(x *part, base money.Amount, s *Share) money.Amount {
	if len(x.bands) == 0 {
		return base.Part(x.weight, p.total, p.rounding)
	}
	b := p.findBand(x, base, s)
	if p.isWholeTier {
		return b.share.Of(base, p.rounding)
	}
	return b.below.Add(b.share.Of(base.Sub(b.from), p.rounding))
}

// findBand finds the band of an amount, and notes its share where that is the whole's.
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

// applyCapsAndFloors gives what lies above caps to the party that takes the rest, and then takes from it what
// floors demand.
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

// applyGuarantee lifts the creator's part out of the mcn parties' parts, down to zero, in the contract's
// order.
func (p *Plan) applyGuarantee(shares []Share) {
	creator := &shares[p.guaranteedPart]
	want := p.parts[p.guaranteedPart].guarantee
	if creator.Amount.Cmp(want) >= 0 {
		return
	}
	creator.By = ByGuarantee
	for i := range shares {
		if shares[i].Kind != KindMCN || creator.Amount.Cmp(want) >= 0 || shares[i].Amount.IsZero() {
			continue
		}
		more := money.Min(want.Sub(creator.Amount), shares[i].Amount)
		shares[i].Amount, shares[i].By = shares[i].Amount.Sub(more), ByGuarantee
		creator.Amount = creator.Amount.Add(more)
	}
	creator.Short = want.Sub(creator.Amount)
}

// AppendMemos appends the memo parties' figures on gross before the platform's part.
func (p *Plan) AppendMemos(dst []Memo, grossBeforePlatform money.Amount) []Memo {
	for i := range p.memos {
		m := &p.memos[i]
		amount := m.Share.Of(grossBeforePlatform, money.HalfEven)
		dst = append(dst, Memo{Party: m.Party, Amount: amount, Basis: grossBeforePlatform})
	}
	return dst
}

// AllToCreator is the split that gives everything to the creator: incentives, unless a contract
// says otherwise.
func AllToCreator(creator ident.Creator) tenancy.Split {
	all := tenancy.Party{Party: string(creator), Kind: KindCreator, Share: money.Ratio(1, 1)}
	return tenancy.Split{Method: tenancy.MethodRatio, Parties: []tenancy.Party{all}}
}
