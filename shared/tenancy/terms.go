package tenancy

import (
	"slices"
	"strconv"

	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// The price bases of a contract: what the amounts of the creator's share are meant to be.
const (
	BeforeTax  = "before_tax"
	AfterTax   = "after_tax"   // the share is promised net; the payer bears the tax on it (包税)
	WithVAT    = "with_vat"    // the share includes VAT
	WithoutVAT = "without_vat" // VAT comes on top of the share
)

// The methods of a split.
const (
	MethodRatio  = "ratio"  // every money party has a share
	MethodFixed  = "fixed"  // some have a fixed amount per settlement; the others share what is left
	MethodTiered = "tiered" // shares by bands of the distributable
)

// The ways to read bands.
const (
	Marginal = "marginal" // each band's share is taken of what lies in it (超额累进)
	Whole    = "whole"    // the share of the band reached is taken of the whole amount (全额)
)

// PerSettlement is the one measure of amounts in a split: each settlement by itself.
const PerSettlement = "settlement"

// DefaultLevel names the factor of creators whose level the table does not name.
const DefaultLevel = "default"

// Split says who gets which part of an income type.
type Split struct {
	Method      string  `json:"method"` // ratio, fixed, tiered
	Parties     []Party `json:"parties"`
	RemainderTo string  `json:"remainder_to,omitempty"`
	TierMode    string  `json:"tier_mode,omitempty"` // marginal or whole, with method tiered
	// Measured says over what fixed amounts, bands, caps, floors and the guarantee are counted: each
	// settlement by itself, the only measure there is. A contract that makes several settlements in a
	// month must write it down.
	Measured string `json:"measured,omitempty"`
	// LevelFactors weigh the creator's share of live tips by the creator's level.
	LevelFactors map[string]money.Rate `json:"level_factors,omitempty"`
}

// Party is one side of a split. Kind is creator, mcn, payee (another creator, named by Party) or
// memo. Amounts are per settlement.
type Party struct {
	Party string       `json:"party"`
	Kind  string       `json:"kind"`
	Share money.Rate   `json:"share,omitzero"`
	Fixed money.Amount `json:"fixed,omitzero"` // instead of a share
	Tiers []Tier       `json:"tiers,omitempty"`
	// at most this; what lies above goes to the party that takes the rest
	Cap money.Amount `json:"cap,omitzero"`
	// at least this, out of the part of the party that takes the rest
	Floor money.Amount `json:"floor,omitzero"`
	// Guarantee is what the creator gets at least (保底); the MCN's part of the settlement pays the
	// difference, down to zero. Without income there is no settlement, and so no guarantee.
	Guarantee money.Amount `json:"guarantee,omitzero"`
}

// Tier is a band of the distributable: from its first yuan on, up to the next one's.
type Tier struct {
	From  money.Amount `json:"from"`
	Share money.Rate   `json:"share"`
}

// SharesMoney tells whether the party takes part in the money; memo parties do not.
func (p Party) SharesMoney() bool { return p.Kind != "memo" }

// RemainderParty finds the party that takes the rest: the one that the terms name, else the creator, else the
// first money party; -1 when there is none.
func (s Split) RemainderParty() int {
	first := -1
	for i, p := range s.Parties {
		switch {
		case !p.SharesMoney():
		case s.RemainderTo != "" && p.Party == s.RemainderTo:
			return i
		case first < 0 || (s.Parties[first].Kind != "creator" && p.Kind == "creator"):
			first = i
		}
	}
	return first
}

// IsApproved tells whether the version may be in force: a project of its own needs a second person.
func (k Contract) IsApproved() bool {
	return k.ProjectID == "" || (k.ApprovedBy != "" && k.ApprovedBy != k.By)
}

// ApprovedOnly leaves out the versions that wait for their second person; what was in force before
// stays so.
func ApprovedOnly(all []Contract) []Contract {
	return slices.DeleteFunc(slices.Clone(all), func(k Contract) bool { return !k.IsApproved() })
}

// Bounds of what a contract says.
const (
	maxParties = 8
	maxTiers   = 12
	maxLevels  = 20
)

func (c *checks) project(k Contract) {
	if k.ProjectID == "" {
		if k.ProjectReason != "" {
			c.Add("project_reason", "goes with project_id only")
		}
		return
	}
	c.id("project_id", k.ProjectID)
	c.text("project_reason", k.ProjectReason, 1000)
}

// split wants parties with names of their own, one creator among them, each with one way to its
// money, and terms that always give out the whole amount.
func (c *checks) split(field, incomeType string, k Contract) {
	s := k.Splits[incomeType]
	c.oneOf(field+".method", s.Method, MethodRatio, MethodFixed, MethodTiered)
	if len(s.Parties) > maxParties {
		c.Add(field+".parties", "must be at most "+strconv.Itoa(maxParties))
		return
	}
	named := map[string]bool{}
	kinds := map[string]int{}
	for i, p := range s.Parties {
		path := at(field+".parties", i)
		c.id(path+"party", p.Party)
		if named[p.Party] {
			c.Add(path+"party", "is named twice")
		}
		named[p.Party] = true
		kinds[p.Kind]++
		c.oneOf(path+"kind", p.Kind, "creator", "mcn", "payee", "memo")
		if p.Kind == "payee" && ident.Creator(p.Party) == k.CreatorID {
			c.Add(path+"party", "is the contract's own creator; name another creator, or use kind creator")
		}
		c.party(path, s, p)
	}
	if kinds["creator"] != 1 {
		c.Add(field+".parties", "must have exactly one party of kind creator")
	}
	if s.RemainderTo != "" && !slices.ContainsFunc(s.Parties, func(p Party) bool {
		return p.Party == s.RemainderTo && p.SharesMoney()
	}) {
		c.Add(field+".remainder_to", "must name a party that shares the money")
	}
	c.restTaker(field, s)
	c.guarantees(field, s, kinds["mcn"])
	c.levels(field, incomeType, s)
	c.measured(field+".measured", s, k.Cycle)
	if s.Method == MethodTiered {
		c.oneOf(field+".tier_mode", s.TierMode, Marginal, Whole)
		c.tierSums(field, s)
		return
	}
	if s.TierMode != "" {
		c.Add(field+".tier_mode", "goes with method tiered only")
	}
	c.shareSums(field, s)
}

// measured wants a contract to say that amounts count for each settlement where its cycle makes
// several in a month: what was meant for the month would be paid as often as it is settled.
func (c *checks) measured(field string, s Split, cycle string) {
	switch {
	case s.Measured == PerSettlement:
	case s.Measured != "":
		c.oneOf(field, s.Measured, PerSettlement)
	case s.countsAmounts() && slices.Contains(Cycles(), cycle) && cycle != Monthly:
		c.Add(field, "must be settlement, to say that fixed amounts, bands, caps, floors and the "+
			"guarantee count for each settlement by itself: the cycle "+cycle+
			" makes several in a month, and each of them counts anew; for terms of the month choose the "+
			"cycle month")
	}
}

// countsAmounts tells whether the split depends on how much is settled at once, beyond rounding.
func (s Split) countsAmounts() bool {
	return slices.ContainsFunc(s.Parties, func(p Party) bool {
		return !p.Guarantee.IsZero() || len(p.Tiers) > 0 ||
			slices.ContainsFunc(p.bounds(), func(b bound) bool {
				return !b.amount.IsZero()
			})
	})
}

// bound is an amount that replaces or bounds a share.
type bound struct {
	name   string
	amount money.Amount
}

func (p Party) bounds() []bound {
	return []bound{{"fixed", p.Fixed}, {"cap", p.Cap}, {"floor", p.Floor}}
}

// party checks one party's ways to money.
func (c *checks) party(path string, s Split, p Party) {
	if !p.Share.IsShare() {
		c.Add(path+"share", "must be between 0 and 1")
	}
	for _, a := range append(p.bounds(), bound{"guarantee", p.Guarantee}) {
		switch {
		case a.amount.IsZero():
		case a.amount.Negative():
			c.Add(path+a.name, "must not be negative")
		case !p.SharesMoney():
			c.Add(path+a.name, "is not for memo parties; they share no money")
		}
	}
	if !p.Fixed.IsZero() && s.Method != MethodFixed {
		c.Add(path+"fixed", "goes with method fixed only")
	}
	if !p.Fixed.IsZero() && (!p.Share.IsZero() || len(p.Tiers) > 0) {
		c.Add(path+"fixed", "must not stand beside a share; give one of them")
	}
	if !p.Fixed.IsZero() && (!p.Cap.IsZero() || !p.Floor.IsZero()) {
		c.Add(path+"fixed", "needs no cap or floor; leave them out")
	}
	if !p.Cap.IsZero() && p.Cap.Cmp(p.Floor) < 0 {
		c.Add(path+"cap", "must not be below the floor")
	}
	c.tiers(path, s, p)
}

// tiers wants bands that begin at 0.00 and rise, so that every amount lies in exactly one.
func (c *checks) tiers(path string, s Split, p Party) {
	if len(p.Tiers) == 0 {
		return
	}
	switch {
	case s.Method != MethodTiered:
		c.Add(path+"tiers", "go with method tiered only")
	case !p.SharesMoney():
		c.Add(path+"tiers", "are not for memo parties; they share no money")
	case !p.Share.IsZero():
		c.Add(path+"tiers", "must not stand beside a share; give one of them")
	case len(p.Tiers) > maxTiers:
		c.Add(path+"tiers", "must be at most "+strconv.Itoa(maxTiers))
		return
	}
	for i, t := range p.Tiers {
		tier := at(path+"tiers", i)
		switch {
		case i == 0 && !t.From.IsZero():
			c.Add(tier+"from", "must be 0.00, so that no amount lies below the first tier")
		case i > 0 && t.From.Cmp(p.Tiers[i-1].From) <= 0:
			c.Add(tier+"from", "must be above the tier before")
		}
		if !t.Share.IsShare() {
			c.Add(tier+"share", "must be between 0 and 1")
		}
	}
}

// restTaker refuses bounds on the party that takes the rest: what is above its cap would belong to
// nobody.
func (c *checks) restTaker(field string, s Split) {
	rest := s.RemainderParty()
	if rest < 0 {
		return
	}
	p, path := s.Parties[rest], at(field+".parties", rest)
	for _, a := range p.bounds() {
		if a.amount.Positive() {
			c.Add(path+a.name,
				"is not possible for the party that takes the rest; name another one in remainder_to")
		}
	}
}

func (c *checks) guarantees(field string, s Split, mcns int) {
	for i, p := range s.Parties {
		path := at(field+".parties", i) + "guarantee"
		switch {
		case !p.Guarantee.Positive():
		case p.Kind != "creator":
			c.Add(path, "is for the creator only")
		case mcns == 0:
			c.Add(path, "needs a party of kind mcn, whose part pays the difference")
		case !p.Cap.IsZero() && p.Guarantee.Cmp(p.Cap) > 0:
			c.Add(path, "must not be above the cap")
		}
	}
}

// levels wants a short table of factors, for live tips shared by ratio.
func (c *checks) levels(field, incomeType string, s Split) {
	if len(s.LevelFactors) == 0 {
		return
	}
	path := field + ".level_factors"
	switch {
	case incomeType != "live_tip":
		c.Add(path, "weigh live tips only")
	case s.Method != MethodRatio:
		c.Add(path, "go with method ratio only")
	case len(s.LevelFactors) > maxLevels:
		c.Add(path, "must be at most "+strconv.Itoa(maxLevels))
		return
	}
	for _, level := range sorted(s.LevelFactors) {
		factor := s.LevelFactors[level]
		c.text(path+"."+level, level, 32)
		if !factor.Positive() || factor.Cmp(money.Ratio(10, 1)) > 0 {
			c.Add(path+"."+level, "must be above 0 and at most 10")
		}
	}
}

// shareSums wants the shares to sum to 1: of the money parties alone or, where a memo party is part
// of a ratio such as 7:2:1, of all. Beside fixed amounts, the shares are of what these leave, and
// may be none: then one party takes it all.
func (c *checks) shareSums(field string, s Split) {
	var all, paid []money.Rate // of all parties, and of those that share the money
	fixed := false
	for _, p := range s.Parties {
		fixed = fixed || !p.Fixed.IsZero()
		all = append(all, p.Share)
		if p.SharesMoney() {
			paid = append(paid, p.Share)
		}
	}
	sum, one := money.SumOfRates(paid...)
	paidIsOne := sum.Equal(one)
	switch {
	case fixed && !sum.IsZero() && !paidIsOne:
		c.Add(field+".parties",
			"must have shares of what the fixed amounts leave that sum to 1 exactly, or none")
	case fixed:
	case !paidIsOne && (!sumIsOne(all) || !sum.IsPositive()):
		c.Add(field+".parties", "must have shares that sum to 1 exactly")
	}
}

func sumIsOne(rates []money.Rate) bool {
	sum, one := money.SumOfRates(rates...)
	return sum.Equal(one)
}

// tierSums wants the shares to sum to 1 in every band, or to stay within 1 where one party has no
// share of its own and takes the rest.
func (c *checks) tierSums(field string, s Split) {
	rest := s.RemainderParty()
	if rest < 0 {
		return
	}
	open := s.Parties[rest].Share.IsZero() && len(s.Parties[rest].Tiers) == 0
	if !slices.ContainsFunc(s.Parties, func(p Party) bool { return len(p.Tiers) > 0 }) {
		c.Add(field+".parties", "must have a party with tiers")
	}
	for i, p := range s.Parties {
		if p.SharesMoney() && i != rest && p.Share.IsZero() && len(p.Tiers) == 0 {
			c.Add(at(field+".parties", i)+"tiers",
				"or a share must be given; only the party that takes the rest has none")
		}
	}
	for _, from := range boundaries(s) {
		var shares []money.Rate
		for _, p := range s.Parties {
			if p.SharesMoney() {
				shares = append(shares, p.ShareAt(from))
			}
		}
		sum, one := money.SumOfRates(shares...)
		if sum.GreaterThan(one) || (!open && sum.LessThan(one)) {
			c.Add(field+".parties", "must have shares that sum to 1 exactly from "+from.String()+
				" on, or one party without a share that takes the rest")
			return
		}
	}
}

// ShareAt gives the party's share in the band of an amount.
func (p Party) ShareAt(amount money.Amount) money.Rate {
	share := p.Share
	for _, t := range p.Tiers {
		if amount.Cmp(t.From) >= 0 {
			share = t.Share
		}
	}
	return share
}

// boundaries lists where a band of any party begins.
func boundaries(s Split) []money.Amount {
	var all []money.Amount
	for _, p := range s.Parties {
		for _, t := range p.Tiers {
			all = append(all, t.From)
		}
	}
	slices.SortFunc(all, money.Amount.Cmp)
	return slices.Compact(all)
}

// Payees lists the payee parties of all splits, each once with the path where it is named first.
func (k Contract) Payees() []PayeeRef {
	var found []PayeeRef
	for _, incomeType := range sorted(k.Splits) {
		for i, p := range k.Splits[incomeType].Parties {
			if p.Kind == "payee" && !slices.ContainsFunc(found, func(f PayeeRef) bool {
				return f.CreatorID == ident.Creator(p.Party)
			}) {
				found = append(found,
					PayeeRef{at("splits."+incomeType+".parties", i) + "party", ident.Creator(p.Party)})
			}
		}
	}
	return found
}

// PayeeRef is a payee party and where the contract names it.
type PayeeRef struct {
	Field     string
	CreatorID ident.Creator
}
