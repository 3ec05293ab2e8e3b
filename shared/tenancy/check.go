package tenancy

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

var (
	placePattern  = regexp.MustCompile(`^[0-9]{6}$`)
	actionPattern = regexp.MustCompile(`^[a-z][a-z0-9_]{1,39}$`)
	sha256Pattern = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// validator collects the problems of an object, each with the path of its field.
type validator struct{ fault.Problems }

// checkText demands a text of 1 to limit characters.
func (c *validator) checkText(field, value string, limit int) {
	switch n := utf8.RuneCountInString(value); {
	case strings.TrimSpace(value) == "":
		c.Add(field, "must be given")
	case n > limit:
		c.Add(field, "must have at most "+strconv.Itoa(limit)+" characters")
	}
}

// checkOptionalText allows an empty text, or one of at most limit characters.
func (c *validator) checkOptionalText(field, value string, limit int) {
	if value != "" {
		c.checkText(field, value, limit)
	}
}

// checkOneOf demands one of the allowed values.
func (c *validator) checkOneOf(field, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.Add(field, "must be one of "+strings.Join(allowed, ", "))
	}
}

// checkID demands the form of an identifier.
func (c *validator) checkID(field, value string) {
	if !ident.Valid(value) {
		c.Add(field, "must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
	}
}

// checkOptionalID allows an object without an id, because the system derives one.
func (c *validator) checkOptionalID(field, value string) {
	if value != "" {
		c.checkID(field, value)
	}
}

// checkPlace demands the six digits of a place code (GB/T 2260).
func (c *validator) checkPlace(field, value string) {
	if !placePattern.MatchString(value) {
		c.Add(field, "must be the six digits of a place (GB/T 2260)")
	}
}

// checkPeriod demands a first day, and a last day that is not before it.
func (c *validator) checkPeriod(prefix string, from, to civil.Date) {
	if from.IsZero() {
		c.Add(prefix+"from", "must be given")
	}
	if !to.IsZero() && to.Before(from) {
		c.Add(prefix+"to", "must not be before from")
	}
}

// checkDayOfMonth demands a day of the month; 0 means that the day is left out.
func (c *validator) checkDayOfMonth(field string, day int) {
	if day < 0 || day > 31 {
		c.Add(field, "must be a day of the month, 1 to 31")
	}
}

// elementPath returns the path of element i of a list, with a dot at its end.
func elementPath(list string, i int) string { return list + "." + strconv.Itoa(i) + "." }

// PayMethods lists the methods of payment.
func PayMethods() []string { return []string{"douyin", "wechat", "alipay", "bank"} }

// IncomeTypes lists the built-in income types.
func IncomeTypes() []string {
	return []string{"live_tip", "commerce_commission", "xingtu_ad", "incentive"}
}

// Problems lists the invalid fields of a paying entity.
func (e PayingEntity) Problems() []fault.Field {
	var c validator
	c.checkOptionalID("entity_id", string(e.EntityID))
	c.checkText("name", e.Name, 200)
	c.checkCreditCode("uscc", e.USCC)
	c.checkPlace("place", e.Place)
	c.checkOneOf("place_tier", e.PlaceTier, "city", "county", "other")
	c.checkOneOf("vat", e.VAT, "small_scale", "general")
	c.checkPeriod("", e.From, e.To)
	for i, f := range e.Filings {
		p := elementPath("platform_filings", i)
		c.checkText(p+"platform", f.Platform, 64)
		c.checkText(p+"class", f.Class, 64)
		c.checkText(p+"proof", f.Proof, 500)
		if f.FiledOn.IsZero() {
			c.Add(p+"filed_on", "must be given")
		}
		c.checkPeriod(p, f.From, f.To)
	}
	for i, a := range e.Accounts {
		p := elementPath("accounts", i)
		c.checkOneOf(p+"method", a.Method, PayMethods()...)
		c.checkText(p+"account", a.Account, 64)
	}
	return c.Problems
}

// Problems lists the invalid fields of a contract, judged by the contract alone. Package master
// checks that creator, entity and payees exist and that no other contract covers the same days.
func (k Contract) Problems() []fault.Field {
	var c validator
	c.checkOptionalID("contract_id", k.ContractID)
	c.checkID("creator_id", string(k.CreatorID))
	c.checkID("paying_entity", string(k.PayingEntity))
	c.checkPeriod("", k.From, k.To)
	c.checkRoutes(k)
	for _, incomeType := range sortedKeys(k.Splits) {
		field := "splits." + incomeType
		if _, ok := k.Routes[incomeType]; !ok {
			c.Add(field, "has no route in routes")
		}
		c.checkSplit(field, incomeType, k)
	}
	c.checkCycle(k)
	c.checkOneOf("price_basis", k.PriceBasis, BeforeTax, AfterTax, WithVAT, WithoutVAT)
	c.checkOneOf("revenue_basis", k.RevenueBasis, "gross", "net")
	if k.AcceptAfterDays < 0 || k.AcceptAfterDays > maxAcceptDays {
		c.Add("accept_after_days", "must be 0 to 90; 0 means that silence accepts nothing")
	}
	c.checkProject(k)
	return c.Problems
}

// maxAcceptDays is the longest silence, in days, after which a statement may count as accepted.
const maxAcceptDays = 90

// Limits of a contract's terms: a pay day more than a year after the settled span is an error of
// input, and a year has about 250 working days.
const (
	maxAfterDays        = 366
	maxAfterWorkingDays = 250
	maxMinimumMonths    = 12
)

// checkCycle checks the days of a contract: only those that belong to its cycle may be given, and
// they must not contradict each other.
func (c *validator) checkCycle(k Contract) {
	c.checkOneOf("cycle", k.Cycle, Cycles()...)
	c.checkDayOfMonth("cut_off_day", k.CutOffDay)
	c.checkDayOfMonth("pay_day", k.PayDay)
	c.checkUpTo("cut_off_after_days", k.CutOffAfterDays, maxAfterDays)
	c.checkUpTo("pay_after_days", k.PayAfterDays, maxAfterDays)
	c.checkUpTo("pay_after_working_days", k.PayAfterWorkingDays, maxAfterWorkingDays)
	c.checkUpTo("minimum_payout_months", k.MinimumPayoutMonths, maxMinimumMonths)
	c.AddIf(k.CutOffDay != 0 && k.Cycle != Monthly, "cut_off_day",
		"belongs to the cycle month; other cycles have cut_off_after_days")
	c.AddIf(k.PayDay != 0 && k.Cycle != Monthly, "pay_day",
		"belongs to the cycle month; other cycles have pay_after_days or pay_after_working_days")
	c.AddIf(k.CutOffAfterDays != 0 && (k.Cycle == OnDemand || k.CutOffDay != 0), "cut_off_after_days",
		"must not stand beside cut_off_day, nor with the cycle on_demand, whose statement is made when "+
			"it is asked for")
	c.AddIf(isMoreThanOneGiven(k.PayDay, k.PayAfterDays, k.PayAfterWorkingDays), "pay_day",
		"only one of pay_day, pay_after_days and pay_after_working_days may be given")
	c.AddIf(k.PayDay != 0 && k.CutOffDay > k.PayDay, "cut_off_day", "must not lie after pay_day")
	c.AddIf(k.PayAfterDays != 0 && k.CutOffAfterDays > k.PayAfterDays, "cut_off_after_days",
		"must not be more than pay_after_days")
	if k.PayDayMoves != "" {
		c.checkOneOf("pay_day_moves", k.PayDayMoves, MovesNext, MovesPrevious)
	}
	c.AddIf(k.MinimumPayout.Negative(), "minimum_payout", "must not be negative")
	c.AddIf(k.MinimumPayoutMonths != 0 && k.MinimumPayout.IsZero(), "minimum_payout_months",
		"needs a minimum_payout")
	c.AddIf(!k.LeftOn.IsZero() && k.LeftOn.Before(k.From), "left_on", "must not be before from")
	c.AddIf(!k.LeftOn.IsZero() && !k.To.IsZero() && k.LeftOn.After(k.To), "left_on",
		"must not be after to")
}

// isMoreThanOneGiven reports whether more than one of the values is given, which means not zero.
func isMoreThanOneGiven(values ...int) bool {
	given := 0
	for _, v := range values {
		if v != 0 {
			given++
		}
	}
	return given > 1
}

// checkUpTo demands a number from 0 to most.
func (c *validator) checkUpTo(field string, n, most int) {
	c.AddIf(n < 0 || n > most, field, "must be 0 to "+strconv.Itoa(most))
}

// checkRoutes demands a known route for each income type, and a split for each income type that the
// tenant pays.
func (c *validator) checkRoutes(k Contract) {
	if len(k.Routes) == 0 {
		c.Add("routes", "must name at least one income type with its route")
	}
	for _, incomeType := range sortedKeys(k.Routes) {
		field, route := "routes."+incomeType, k.Routes[incomeType]
		if !slices.Contains(IncomeTypes(), incomeType) {
			c.Add(field, "is not a known income type; known are "+strings.Join(IncomeTypes(), ", "))
		}
		c.checkOneOf(field, route, MCNPays, PlatformPaysCreator, FlexPlatformPays, StudioInvoice, Payroll)
		if _, ok := k.Splits[incomeType]; !ok && IsPaidByTenant(route) {
			c.Add("splits."+incomeType, "must be given, because you pay this income")
		}
	}
}

// sortedKeys returns the keys of a map in order, so that problems are always listed in the same
// order.
func sortedKeys[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// maxPoints is the most points of one reward or daily cap, so that the sum of a day fits into
// int64.
const maxPoints = 1_000_000_000

// Problems lists the invalid fields of a reward strategy.
func (s Strategy) Problems() []fault.Field {
	var c validator
	c.checkOptionalID("strategy_id", s.StrategyID)
	c.checkPeriod("", s.From, s.To)
	if !actionPattern.MatchString(s.ActionType) {
		c.Add("match.action_type", "must be 2 to 40 of the characters a-z 0-9 _ and begin with a letter")
	}
	c.checkOptionalText("match.platform", s.Platform, 64)
	c.checkOneOf("reward.kind", s.Reward.Kind, Cash, Traffic, Shop)
	field := "reward.amount"
	if s.Reward.PerUnit {
		field = "reward.per_unit"
	}
	c.checkQuantity(field, s.Reward.Amount, s.Reward.Points)
	if s.HasDailyCap() {
		c.checkQuantity("daily_cap", s.DailyCap, s.DailyCapPoints)
	}
	return c.Problems
}

// checkQuantity demands money or points above zero and below the limit of one reward.
func (c *validator) checkQuantity(field string, amount money.Amount, points int64) {
	if amount.Fen()+points <= 0 {
		c.Add(field, "must be above zero")
	}
	if points > maxPoints || amount.Cmp(money.Yuan(maxPoints)) > 0 {
		c.Add(field, "is too large")
	}
}

// Problems lists the invalid fields of a tax position.
func (p Position) Problems() []fault.Field {
	var c validator
	c.checkOptionalID("position_id", p.PositionID)
	c.checkText("rule", p.Rule, 128)
	c.checkText("reading", p.Reading, 128)
	c.checkText("reasons", p.Reasons, 4000)
	c.checkText("evidence", p.Evidence, 4000)
	c.checkPeriod("", p.From, p.To)
	return c.Problems
}

// IDProblems reports an id that has not the form of an identifier.
func IDProblems(field, id string) []fault.Field {
	var c validator
	c.checkID(field, id)
	return c.Problems
}

// Problems lists the invalid fields of a creator without its payout account.
func (k Creator) Problems() []fault.Field {
	var c validator
	c.checkOptionalID("creator_id", string(k.CreatorID))
	c.checkText("nickname", k.Nickname, 128)
	c.checkOptionalText("level", k.Level, 32)
	seen := map[PlatformAccount]bool{}
	for i, a := range k.Accounts {
		p := elementPath("platform_accounts", i)
		c.checkText(p+"platform", a.Platform, 64)
		c.checkText(p+"uid", a.UID, 128)
		if seen[a] {
			c.Add(p+"uid", "is given twice")
		}
		seen[a] = true
	}
	return c.Problems
}
