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

// checks gathers all problems of an object, each with the path of its field.
type checks struct{ fault.Problems }

// text wants between 1 and limit characters.
func (c *checks) text(field, value string, limit int) {
	switch n := utf8.RuneCountInString(value); {
	case strings.TrimSpace(value) == "":
		c.Add(field, "must be given")
	case n > limit:
		c.Add(field, "must have at most "+strconv.Itoa(limit)+" characters")
	}
}

// note is a text that may be left out.
func (c *checks) note(field, value string, limit int) {
	if value != "" {
		c.text(field, value, limit)
	}
}

func (c *checks) oneOf(field, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		c.Add(field, "must be one of "+strings.Join(allowed, ", "))
	}
}

func (c *checks) id(field, value string) {
	if !ident.Valid(value) {
		c.Add(field, "must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
	}
}

// ownID is the object's own id: left out, one is made.
func (c *checks) ownID(field, value string) {
	if value != "" {
		c.id(field, value)
	}
}

func (c *checks) place(field, value string) {
	if !placePattern.MatchString(value) {
		c.Add(field, "must be the six digits of a place (GB/T 2260)")
	}
}

// period wants a first day and, where there is a last one, the right order.
func (c *checks) period(prefix string, from, to civil.Date) {
	if from.IsZero() {
		c.Add(prefix+"from", "must be given")
	}
	if !to.IsZero() && to.Before(from) {
		c.Add(prefix+"to", "must not be before from")
	}
}

func (c *checks) dayOfMonth(field string, day int) {
	if day < 0 || day > 31 {
		c.Add(field, "must be a day of the month, 1 to 31")
	}
}

func at(list string, i int) string { return list + "." + strconv.Itoa(i) + "." }

// PayMethods are the ways by which money is sent.
func PayMethods() []string { return []string{"douyin", "wechat", "alipay", "bank"} }

// IncomeTypes are the built-in kinds of income.
func IncomeTypes() []string {
	return []string{"live_tip", "commerce_commission", "xingtu_ad", "incentive"}
}

// Problems lists all that is wrong with a paying entity.
func (e PayingEntity) Problems() []fault.Field {
	var c checks
	c.ownID("entity_id", string(e.EntityID))
	c.text("name", e.Name, 200)
	c.creditCode("uscc", e.USCC)
	c.place("place", e.Place)
	c.oneOf("place_tier", e.PlaceTier, "city", "county", "other")
	c.oneOf("vat", e.VAT, "small_scale", "general")
	c.period("", e.From, e.To)
	for i, f := range e.Filings {
		p := at("platform_filings", i)
		c.text(p+"platform", f.Platform, 64)
		c.text(p+"class", f.Class, 64)
		c.text(p+"proof", f.Proof, 500)
		if f.FiledOn.IsZero() {
			c.Add(p+"filed_on", "must be given")
		}
		c.period(p, f.From, f.To)
	}
	for i, a := range e.Accounts {
		p := at("accounts", i)
		c.oneOf(p+"method", a.Method, PayMethods()...)
		c.text(p+"account", a.Account, 64)
	}
	return c.Problems
}

// Problems lists all that is wrong with a contract in itself; whether creator, entity and payees
// exist, and whether another contract covers the same days, its keeper knows.
func (k Contract) Problems() []fault.Field {
	var c checks
	c.ownID("contract_id", k.ContractID)
	c.id("creator_id", string(k.CreatorID))
	c.id("paying_entity", string(k.PayingEntity))
	c.period("", k.From, k.To)
	c.routes(k)
	for _, incomeType := range sorted(k.Splits) {
		field := "splits." + incomeType
		if _, ok := k.Routes[incomeType]; !ok {
			c.Add(field, "has no route in routes")
		}
		c.split(field, incomeType, k)
	}
	c.cycle(k)
	c.oneOf("price_basis", k.PriceBasis, BeforeTax, AfterTax, WithVAT, WithoutVAT)
	c.oneOf("revenue_basis", k.RevenueBasis, "gross", "net")
	if k.AcceptAfterDays < 0 || k.AcceptAfterDays > maxAcceptDays {
		c.Add("accept_after_days", "must be 0 to 90; 0 means that silence accepts nothing")
	}
	c.project(k)
	return c.Problems
}

// maxAcceptDays bounds how long a creator may be silent before a statement counts as accepted.
const maxAcceptDays = 90

// Bounds of a contract's terms: a later pay day than a year after would be no pay day, and workdays
// are 5 of 7.
const (
	maxAfterDays        = 366
	maxAfterWorkingDays = 250
	maxMinimumMonths    = 12
)

// cycle wants the days that belong to the contract's cycle and contradict each other nowhere.
func (c *checks) cycle(k Contract) {
	c.oneOf("cycle", k.Cycle, Cycles()...)
	c.dayOfMonth("cut_off_day", k.CutOffDay)
	c.dayOfMonth("pay_day", k.PayDay)
	c.upTo("cut_off_after_days", k.CutOffAfterDays, maxAfterDays)
	c.upTo("pay_after_days", k.PayAfterDays, maxAfterDays)
	c.upTo("pay_after_working_days", k.PayAfterWorkingDays, maxAfterWorkingDays)
	c.upTo("minimum_payout_months", k.MinimumPayoutMonths, maxMinimumMonths)
	c.wrong(k.CutOffDay != 0 && k.Cycle != Monthly, "cut_off_day",
		"belongs to the cycle month; other cycles have cut_off_after_days")
	c.wrong(k.PayDay != 0 && k.Cycle != Monthly, "pay_day",
		"belongs to the cycle month; other cycles have pay_after_days or pay_after_working_days")
	c.wrong(k.CutOffAfterDays != 0 && (k.Cycle == OnDemand || k.CutOffDay != 0), "cut_off_after_days",
		"must not stand beside cut_off_day, nor with the cycle on_demand, whose statement is made when "+
			"it is asked for")
	c.wrong(several(k.PayDay, k.PayAfterDays, k.PayAfterWorkingDays), "pay_day",
		"only one of pay_day, pay_after_days and pay_after_working_days may be given")
	c.wrong(k.PayDay != 0 && k.CutOffDay > k.PayDay, "cut_off_day", "must not lie after pay_day")
	c.wrong(k.PayAfterDays != 0 && k.CutOffAfterDays > k.PayAfterDays, "cut_off_after_days",
		"must not be more than pay_after_days")
	if k.PayDayMoves != "" {
		c.oneOf("pay_day_moves", k.PayDayMoves, MovesNext, MovesPrevious)
	}
	c.wrong(k.MinimumPayout.Negative(), "minimum_payout", "must not be negative")
	c.wrong(k.MinimumPayoutMonths != 0 && k.MinimumPayout.IsZero(), "minimum_payout_months",
		"needs a minimum_payout")
	c.wrong(!k.LeftOn.IsZero() && k.LeftOn.Before(k.From), "left_on", "must not be before from")
	c.wrong(!k.LeftOn.IsZero() && !k.To.IsZero() && k.LeftOn.After(k.To), "left_on",
		"must not be after to")
}

// several tells whether more than one is given.
func several(values ...int) bool {
	given := 0
	for _, v := range values {
		if v != 0 {
			given++
		}
	}
	return given > 1
}

func (c *checks) wrong(is bool, field, problem string) {
	if is {
		c.Add(field, problem)
	}
}

func (c *checks) upTo(field string, n, most int) {
	c.wrong(n < 0 || n > most, field, "must be 0 to "+strconv.Itoa(most))
}

func (c *checks) routes(k Contract) {
	if len(k.Routes) == 0 {
		c.Add("routes", "must name at least one income type with its route")
	}
	for _, incomeType := range sorted(k.Routes) {
		field, route := "routes."+incomeType, k.Routes[incomeType]
		if !slices.Contains(IncomeTypes(), incomeType) {
			c.Add(field, "is not a known income type; known are "+strings.Join(IncomeTypes(), ", "))
		}
		c.oneOf(field, route, MCNPays, PlatformPaysCreator, FlexPlatformPays, StudioInvoice, Payroll)
		if _, ok := k.Splits[incomeType]; !ok && IsPaidByTenant(route) {
			c.Add("splits."+incomeType, "must be given, because you pay this income")
		}
	}
}

func sorted[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// maxPoints bounds points, so that a day's sum never leaves int64.
const maxPoints = 1_000_000_000

// Problems lists all that is wrong with a strategy.
func (s Strategy) Problems() []fault.Field {
	var c checks
	c.ownID("strategy_id", s.StrategyID)
	c.period("", s.From, s.To)
	if !actionPattern.MatchString(s.ActionType) {
		c.Add("match.action_type", "must be 2 to 40 of the characters a-z 0-9 _ and begin with a letter")
	}
	c.note("match.platform", s.Platform, 64)
	c.oneOf("reward.kind", s.Reward.Kind, Cash, Traffic, Shop)
	field := "reward.amount"
	if s.Reward.PerUnit {
		field = "reward.per_unit"
	}
	c.quantity(field, s.Reward.Amount, s.Reward.Points)
	if s.HasDailyCap() {
		c.quantity("daily_cap", s.DailyCap, s.DailyCapPoints)
	}
	return c.Problems
}

// quantity wants money or points above zero and below what a sum could not hold.
func (c *checks) quantity(field string, amount money.Amount, points int64) {
	if amount.Fen()+points <= 0 {
		c.Add(field, "must be above zero")
	}
	if points > maxPoints || amount.Cmp(money.Yuan(maxPoints)) > 0 {
		c.Add(field, "is too large")
	}
}

// Problems lists all that is wrong with a tax position.
func (p Position) Problems() []fault.Field {
	var c checks
	c.ownID("position_id", p.PositionID)
	c.text("rule", p.Rule, 128)
	c.text("reading", p.Reading, 128)
	c.text("reasons", p.Reasons, 4000)
	c.text("evidence", p.Evidence, 4000)
	c.period("", p.From, p.To)
	return c.Problems
}

// IDProblems checks an id that is given.
func IDProblems(field, id string) []fault.Field {
	var c checks
	c.id(field, id)
	return c.Problems
}

// Problems lists all that is wrong with a creator, its payout account aside.
func (k Creator) Problems() []fault.Field {
	var c checks
	c.ownID("creator_id", string(k.CreatorID))
	c.text("nickname", k.Nickname, 128)
	c.note("level", k.Level, 32)
	seen := map[PlatformAccount]bool{}
	for i, a := range k.Accounts {
		p := at("platform_accounts", i)
		c.text(p+"platform", a.Platform, 64)
		c.text(p+"uid", a.UID, 128)
		if seen[a] {
			c.Add(p+"uid", "is given twice")
		}
		seen[a] = true
	}
	return c.Problems
}
