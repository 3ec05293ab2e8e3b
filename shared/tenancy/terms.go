package tenancy

import (
	"slices"
	"strconv"

	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// The price bases of a contract: which taxes the agreed amounts of the creator's share include.
const (
	BeforeTax  = "before_tax"
	AfterTax   = "after_tax"   // the share is promised net; the payer bears the tax on it (包税)
	WithVAT    = "with_vat"    // the share includes VAT
	WithoutVAT = "without_vat" // VAT comes on top of the share
)

// The methods of a split.
const (
	// every party that gets money has a share, a fraction of the distributable amount
	MethodRatio = "ratio"
	// some parties have a fixed amount per settlement; the others share the rest
	MethodFixed  = "fixed"
	MethodTiered = "tiered" // the parties' shares depend on bands of the distributable amount
)

// The modes of a tiered split.
const (
	Marginal = "marginal" // each band's share applies to the part of the amount within the band (超额累进)
	Whole    = "whole"    // the share of the highest band reached applies to the whole amount (全额)
)

// PerSettlement is the only value of Split.Measured: amounts count for each settlement by itself.
const PerSettlement = "settlement"

// DefaultLevel is the key of the factor for creators whose level is not in the table of factors.
const DefaultLevel = "default"

// Split says which party of a contract gets which part of an income type.
type Split struct {
	Method      string  `json:"method"` // ratio, fixed, tiered
	Parties     []Party `json:"parties"`
	RemainderTo string  `json:"remainder_to,omitempty"`
	// marginal or whole; required by the method tiered
	TierMode string `json:"tier_mode,omitempty"`
	// Measured says for what fixed amounts, bands, caps, floors and the guarantee count: for each
	// settlement by itself, the only measure there is. A contract whose cycle makes several
	// settlements in a month must state it.
	Measured string `json:"measured,omitempty"`
	// LevelFactors weigh the creator's share of live tips by the creator's level.
	LevelFactors map[string]money.Rate `json:"level_factors,omitempty"`
}

// Party is one party of a split. Kind is creator, mcn, payee (another creator, whose id is Party)
// or memo. All amounts are per settlement.
type Party struct {
	Party string       `json:"party"`
	Kind  string       `json:"kind"`
	Share money.Rate   `json:"share,omitzero"`
	Fixed money.Amount `json:"fixed,omitzero"` // fixed amount that the party gets in place of a share
	Tiers []Tier       `json:"tiers,omitempty"`
	// Cap is the most that the party gets; the excess goes to the party that takes the remainder.
	Cap money.Amount `json:"cap,omitzero"`
	// Floor is the least that the party gets; the party that takes the remainder pays the difference.
	Floor money.Amount `json:"floor,omitzero"`
	// Guarantee is the least that the creator gets (保底); the MCN's part of the settlement pays the
	// difference, down to zero. Without income there is no settlement, and so no guarantee.
	Guarantee money.Amount `json:"guarantee,omitzero"`
}

// Tier is a band of the distributable amount: from From, inclusive, up to the From of the next
// band.
type Tier struct {
	From  money.Amount `json:"from"`
	Share money.Rate   `json:"share"`
}

// SharesMoney reports whether the party gets a part of the money; memo parties are figures for
// reports only.
func (p Party) SharesMoney() bool { return p.Kind != "memo" }

// RemainderParty returns the index of the party that takes the remainder: the one that the terms
// name, else the creator, else the first party that shares the money; -1 when there is none.
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

// IsApproved reports whether the version may be in force: a contract with a project_id needs a
// second person, because a separate project can lower the tax.
func (k Contract) IsApproved() bool {
	return k.ProjectID == "" || (k.ApprovedBy != "" && k.ApprovedBy != k.By)
}

// ApprovedOnly leaves out the versions that wait for their approval; the version before them stays
// in force.
func ApprovedOnly(all []Contract) []Contract {
	return slices.DeleteFunc(slices.Clone(all), func(k Contract) bool { return !k.IsApproved() })
}

// Limits of a split, which keep its computation and its explanation small.
const (
	maxParties = 8
	maxTiers   = 12
	maxLevels  = 20
)

// checkProject demands a reason with a project_id, and refuses a reason without one.
func (c *validator) checkProject(k Contract) {
	if k.ProjectID == "" {
		if k.ProjectReason != "" {
			c.Add("project_reason", "goes with project_id only")
		}
		return
	}
	c.checkID("project_id", k.ProjectID)
	c.checkText("project_reason", k.ProjectReason, 1000)
}

// checkSplit checks the split of one income type: parties with different names, exactly one
// creator, one kind of amount for each party, and terms that always distribute the whole amount.
func (c *validator) checkSplit(field, incomeType string, k Contract) {
	s := k.Splits[incomeType]
	c.checkOneOf(field+".method", s.Method, MethodRatio, MethodFixed, MethodTiered)
	if len(s.Parties) > maxParties {
		c.Add(field+".parties", "must be at most "+strconv.Itoa(maxParties))
		return
	}
	kinds := c.checkParties(field, k, s)
	if kinds["creator"] != 1 {
		c.Add(field+".parties", "must have exactly one party of kind creator")
	}
	if s.RemainderTo != "" && !slices.ContainsFunc(s.Parties, func(p Party) bool {
		return p.Party == s.RemainderTo && p.SharesMoney()
	}) {
		c.Add(field+".remainder_to", "must name a party that shares the money")
	}
	c.checkRemainderParty(field, s)
	c.checkGuarantees(field, s, kinds["mcn"])
	c.checkLevelFactors(field, incomeType, s)
	c.checkMeasure(field+".measured", s, k.Cycle)
	if s.Method == MethodTiered {
		c.checkOneOf(field+".tier_mode", s.TierMode, Marginal, Whole)
		c.checkTierSums(field, s)
		return
	}
	if s.TierMode != "" {
		c.Add(field+".tier_mode", "goes with method tiered only")
	}
	c.checkShareSums(field, s)
}

// checkParties checks each party of a split and returns the number of parties of each kind.
func (c *validator) checkParties(field string, k Contract, s Split) map[string]int {
	seen := map[string]bool{}
	kinds := map[string]int{}
	for i, p := range s.Parties {
		path := elementPath(field+".parties", i)
		c.checkID(path+"party", p.Party)
		if seen[p.Party] {
			c.Add(path+"party", "is named twice")
		}
		seen[p.Party] = true
		kinds[p.Kind]++
		c.checkOneOf(path+"kind", p.Kind, "creator", "mcn", "payee", "memo")
		if p.Kind == "payee" && ident.Creator(p.Party) == k.CreatorID {
			c.Add(path+"party", "is the contract's own creator; name another creator, or use kind creator")
		}
		c.checkParty(path, s, p)
	}
	return kinds
}

// checkMeasure demands that the split states its measure when it has amounts and the contract's
// cycle makes several settlements in a month: an amount meant for the month would be paid with each
// of them.
func (c *validator) checkMeasure(field string, s Split, cycle string) {
	switch {
	case s.Measured == PerSettlement:
	case s.Measured != "":
		c.checkOneOf(field, s.Measured, PerSettlement)
	case s.dependsOnAmount() && slices.Contains(Cycles(), cycle) && cycle != Monthly:
		c.Add(field, "must be settlement, to say that fixed amounts, bands, caps, floors and the "+
			"guarantee count for each settlement by itself: the cycle "+cycle+
			" makes several in a month, and each of them counts anew; for terms of the month choose the "+
			"cycle month")
	}
}

// dependsOnAmount reports whether the split depends on how much is settled at once, beyond
// rounding.
func (s Split) dependsOnAmount() bool {
	return slices.ContainsFunc(s.Parties, func(p Party) bool {
		return !p.Guarantee.IsZero() || len(p.Tiers) > 0 ||
			slices.ContainsFunc(p.amountBounds(), func(b bound) bool {
				return !b.amount.IsZero()
			})
	})
}

// bound is an amount that replaces or limits a share, with the name of its field.
type bound struct {
	name   string
	amount money.Amount
}

// amountBounds lists the fixed amount, the cap and the floor of the party.
func (p Party) amountBounds() []bound {
	return []bound{{"fixed", p.Fixed}, {"cap", p.Cap}, {"floor", p.Floor}}
}

// checkParty checks the share, the amounts and the bands of one party.
func (c *validator) checkParty(path string, s Split, p Party) {
	if !p.Share.IsShare() {
		c.Add(path+"share", "must be between 0 and 1")
	}
	for _, a := range append(p.amountBounds(), bound{"guarantee", p.Guarantee}) {
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
	c.checkTiers(path, s, p)
}

// checkTiers demands bands that begin at 0.00 and rise, so that every amount lies in exactly one
// band.
func (c *validator) checkTiers(path string, s Split, p Party) {
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
		tier := elementPath(path+"tiers", i)
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

// checkRemainderParty refuses a fixed amount, cap or floor for the party that takes the remainder:
// an excess above its cap would belong to nobody.
func (c *validator) checkRemainderParty(field string, s Split) {
	rest := s.RemainderParty()
	if rest < 0 {
		return
	}
	p, path := s.Parties[rest], elementPath(field+".parties", rest)
	for _, a := range p.amountBounds() {
		if a.amount.Positive() {
			c.Add(path+a.name,
				"is not possible for the party that takes the rest; name another one in remainder_to")
		}
	}
}

// checkGuarantees allows a guarantee for the creator only, and only beside a party of kind mcn,
// which pays it.
func (c *validator) checkGuarantees(field string, s Split, mcns int) {
	for i, p := range s.Parties {
		path := elementPath(field+".parties", i) + "guarantee"
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

// checkLevelFactors allows a short table of factors, for live tips that are split by ratio.
func (c *validator) checkLevelFactors(field, incomeType string, s Split) {
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
	for _, level := range sortedKeys(s.LevelFactors) {
		factor := s.LevelFactors[level]
		c.checkText(path+"."+level, level, 32)
		if !factor.Positive() || factor.Cmp(money.Ratio(10, 1)) > 0 {
			c.Add(path+"."+level, "must be above 0 and at most 10")
		}
	}
}

// checkShareSums demands shares that sum to 1: of the parties that share the money or, where a memo
// party is part of a ratio such as 7:2:1, of all parties. Beside fixed amounts the shares divide
// the rest and may be left out; then the party that takes the remainder gets all of the rest.
func (c *validator) checkShareSums(field string, s Split) {
	var all, paid []money.Rate // shares of all parties, and of the parties that get money
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

// sumIsOne reports whether the rates sum to 1 exactly.
func sumIsOne(rates []money.Rate) bool {
	sum, one := money.SumOfRates(rates...)
	return sum.Equal(one)
}

// checkTierSums demands shares that sum to 1 in every band, or to at most 1 where the party that
// takes the remainder has no share.
func (c *validator) checkTierSums(field string, s Split) {
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
			c.Add(elementPath(field+".parties", i)+"tiers",
				"or a share must be given; only the party that takes the rest has none")
		}
	}
	// The sum of shares changes only where some band begins.
	for _, from := range tierBoundaries(s) {
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

// ShareAt returns the party's share in the band of an amount.
func (p Party) ShareAt(amount money.Amount) money.Rate {
	share := p.Share
	for _, t := range p.Tiers {
		if amount.Cmp(t.From) >= 0 {
			share = t.Share
		}
	}
	return share
}

// tierBoundaries lists, in rising order, the amounts at which a band of any party begins.
func tierBoundaries(s Split) []money.Amount {
	var all []money.Amount
	for _, p := range s.Parties {
		for _, t := range p.Tiers {
			all = append(all, t.From)
		}
	}
	slices.SortFunc(all, money.Amount.Cmp)
	return slices.Compact(all)
}

// Payees lists the payee parties of all splits, each with the path of the field that names it
// first.
func (k Contract) Payees() []PayeeRef {
	var found []PayeeRef
	for _, incomeType := range sortedKeys(k.Splits) {
		for i, p := range k.Splits[incomeType].Parties {
			if p.Kind == "payee" && !slices.ContainsFunc(found, func(f PayeeRef) bool {
				return f.CreatorID == ident.Creator(p.Party)
			}) {
				found = append(found,
					PayeeRef{elementPath("splits."+incomeType+".parties", i) + "party", ident.Creator(p.Party)})
			}
		}
	}
	return found
}

// PayeeRef is a payee of a contract and the path of the field that names it.
type PayeeRef struct {
	Field     string
	CreatorID ident.Creator
}
