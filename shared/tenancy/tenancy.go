// Package tenancy holds a tenant's master data: its paying entities, taxpayers, creators,
// contracts, reward strategies and tax positions, each as dated versions.
package tenancy

import (
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// Version is what every dated object carries: the day from which it holds, the first day on which
// it no longer does (none = open), and a number that grows by one with each change.
type Version struct {
	From    civil.Date `json:"from"`
	To      civil.Date `json:"to,omitzero"`
	Version int        `json:"version"`
	// By is the subject who made this version; it counts as a preparer.
	By string `json:"by,omitempty"`
}

// IsInForceOn tells whether the version is in force on a day. To is the last day of force.
func (v Version) IsInForceOn(day civil.Date) bool {
	return !day.Before(v.From) && (v.To.IsZero() || !day.After(v.To))
}

// PayingEntity is a company of the tenant that pays creators and withholds (结算主体, 扣缴义务人).
type PayingEntity struct {
	Version
	EntityID  ident.Entity     `json:"entity_id"`
	Name      string           `json:"name"`
	USCC      string           `json:"uscc"`
	Place     string           `json:"place"`      // six digits of the tax bureau's place
	PlaceTier string           `json:"place_tier"` // city, county, other: decides the UMCT rate
	VAT       string           `json:"vat"`        // small_scale, general
	Filings   []PlatformFiling `json:"platform_filings,omitempty"`
	Accounts  []EntityAccount  `json:"accounts,omitempty"`
}

// PlatformFiling is the filing under STA Announcement 2025 No. 15 that allows the cumulative
// method.
type PlatformFiling struct {
	Platform string     `json:"platform"`
	Class    string     `json:"class"`
	FiledOn  civil.Date `json:"filed_on"`
	Proof    string     `json:"proof"`
	From     civil.Date `json:"from"`
	To       civil.Date `json:"to,omitzero"`
}

// EntityAccount is an account of a paying entity: at a bank or a payment gateway.
type EntityAccount struct {
	Method  string `json:"method"` // douyin, wechat, alipay, bank
	Account string `json:"account"`
}

// Taxpayer is one person or organisation (纳税人). Name and number are masked here; the vault holds
// them.
type Taxpayer struct {
	// first day of this version; none = from the beginning
	From       civil.Date     `json:"from,omitzero"`
	TaxpayerID ident.Taxpayer `json:"taxpayer_id"`
	Name       string         `json:"name"`
	IDType     string         `json:"id_type"`
	IDNumber   string         `json:"id_number"`
	Phone      string         `json:"phone,omitempty"`
	Profiles   []Profile      `json:"profiles"`
	Version    int            `json:"version"`
	By         string         `json:"by,omitempty"`
	// MergedInto is the taxpayer who turned out to be the same person: from then on settlements are
	// taxed as that one's. Merge is the request that led or may lead there.
	MergedInto string `json:"merged_into,omitempty"`
	Merge      *Merge `json:"merge,omitempty"`
	// Merged are the taxpayers that were merged into this one.
	Merged []string `json:"merged,omitempty"`
}

// Merge is one person's request to merge a taxpayer into another, and the second person's yes.
type Merge struct {
	Into       ident.Taxpayer `json:"into"`
	Reason     string         `json:"reason"`
	AskedBy    string         `json:"asked_by"`
	AskedAt    time.Time      `json:"asked_at"`
	ApprovedBy string         `json:"approved_by,omitempty"`
	ApprovedAt time.Time      `json:"approved_at,omitzero"`
}

// Profile is a taxpayer's effective-dated tax facts (涉税资料).
type Profile struct {
	From civil.Date `json:"from"`
	// natural_person, individual_business, sole_proprietorship, partnership, company, employee,
	// student_intern
	Kind         string `json:"kind"`
	Resident     bool   `json:"resident"`
	VAT          string `json:"vat"`        // natural_person, small_scale, general
	Collection   string `json:"collection"` // withheld, books, income_rate, cost_rate, levy_rate
	Jurisdiction string `json:"jurisdiction"`
	// city, county, other, of its own registration: decides the UMCT it files itself
	PlaceTier string `json:"place_tier,omitempty"`
	Industry  string `json:"industry,omitempty"`
	// month (also when "") or quarter, for VAT that it files itself
	VATPeriod string `json:"vat_period,omitempty"`
	// a person abroad who sells services consumed in China (境外个人)
	Overseas bool `json:"overseas,omitempty"`
	// holds equity, shares or partnership interests, and so must keep books
	HoldsEquity bool    `json:"holds_equity,omitempty"`
	Papers      []Paper `json:"papers,omitempty"`
}

// Paper is a document that a profile rests on; a missing or expired one is a hold with its name.
type Paper struct {
	Name       string     `json:"name"`
	Number     string     `json:"number"`
	From       civil.Date `json:"from"`
	To         civil.Date `json:"to,omitzero"`
	FileSHA256 string     `json:"file_sha256,omitempty"`
	CheckedBy  string     `json:"checked_by,omitempty"`
}

// DatedVersion gives first day and number of the version; a taxpayer has no last day.
func (t Taxpayer) DatedVersion() Version { return Version{From: t.From, Version: t.Version, By: t.By} }

// DatedVersion gives first day and number of the version; a creator has no last day.
func (c Creator) DatedVersion() Version { return Version{From: c.From, Version: c.Version, By: c.By} }

// ProfileOn gives the profile in force on a day, and whether there is one.
func (t Taxpayer) ProfileOn(day civil.Date) (Profile, bool) {
	var best Profile
	for _, p := range t.Profiles {
		if !day.Before(p.From) && (best.From.IsZero() || p.From.After(best.From)) {
			best = p
		}
	}
	return best, !best.From.IsZero()
}

// Creator is a payee account of the tenant (达人).
type Creator struct {
	// first day of this version; none = from the beginning
	From       civil.Date        `json:"from,omitzero"`
	CreatorID  ident.Creator     `json:"creator_id"`
	TaxpayerID ident.Taxpayer    `json:"taxpayer_id"`
	Nickname   string            `json:"nickname"`
	Level      string            `json:"level,omitempty"`
	Accounts   []PlatformAccount `json:"platform_accounts,omitempty"`
	Payout     PayoutAccount     `json:"payout"`
	// PayoutSince is the business date, and PayoutAt the instant, on which this payout account was
	// recorded; zero where it was recorded before such dates were kept.
	PayoutSince civil.Date `json:"payout_since,omitzero"`
	PayoutAt    time.Time  `json:"payout_at,omitzero"`
	Version     int        `json:"version"`
	By          string     `json:"by,omitempty"`
}

// PlatformAccount is the creator's account at a platform.
type PlatformAccount struct {
	Platform string `json:"platform"`
	UID      string `json:"uid"`
}

// PayoutAccount is where a creator is paid; account and holder are masked here, the vault holds
// them.
type PayoutAccount struct {
	Method  string `json:"method"` // douyin, wechat, alipay, bank
	Account string `json:"account"`
	Holder  string `json:"holder"`
}

// The settlement routes (结算通道).
const (
	MCNPays             = "mcn_pays"
	PlatformPaysCreator = "platform_pays_creator"
	FlexPlatformPays    = "flex_platform_pays"
	StudioInvoice       = "studio_invoice"
	Payroll             = "payroll"
)

// IsPaidByTenant tells whether on this route the tenant pays the creator; where it does not, lines are
// shown as settled by somebody else and make no tax, payable or payout.
func IsPaidByTenant(route string) bool {
	return route == MCNPays || route == StudioInvoice || route == Payroll
}

// The cycles: how long a part of a contract's income is gathered before it is settled.
const (
	Daily     = "daily"
	Weekly    = "weekly"
	HalfMonth = "half_month"
	Monthly   = "month"
	OnDemand  = "on_demand" // settled when somebody asks for it
)

// Cycles are all of them.
func Cycles() []string { return []string{Daily, Weekly, HalfMonth, Monthly, OnDemand} }

// The ways in which a pay day moves that is no working day.
const (
	MovesNext     = "next"
	MovesPrevious = "previous"
)

// Contract is one version of an agreement with a creator (合约).
type Contract struct {
	Version
	ContractID   string        `json:"contract_id"`
	CreatorID    ident.Creator `json:"creator_id"`
	PayingEntity ident.Entity  `json:"paying_entity"`
	// income type -> route
	Routes map[string]string `json:"routes"`
	// income type -> split
	Splits map[string]Split `json:"splits"`
	// daily, weekly, half_month, month, on_demand
	Cycle string `json:"cycle"`
	// of a monthly cycle: day of the month after, on which the statement is made
	CutOffDay int `json:"cut_off_day,omitempty"`
	// of a monthly cycle: day of the month after the service period
	PayDay int `json:"pay_day,omitempty"`
	// days from the last day of the part until its statement is made
	CutOffAfterDays int `json:"cut_off_after_days,omitempty"`
	// days from the last day of the part until the pay day
	PayAfterDays int `json:"pay_after_days,omitempty"`
	// likewise in working days
	PayAfterWorkingDays int `json:"pay_after_working_days,omitempty"`
	// where a pay day is no working day: next (also when "") or previous
	PayDayMoves string `json:"pay_day_moves,omitempty"`
	// a creator's share below it is carried on to the next part
	MinimumPayout money.Amount `json:"minimum_payout,omitzero"`
	// carried for at most so many months, then paid; 0 is without end
	MinimumPayoutMonths int `json:"minimum_payout_months,omitempty"`
	// last day of the cooperation: what is open after it is settled for good
	LeftOn civil.Date `json:"left_on,omitzero"`
	// before_tax, after_tax, with_vat, without_vat
	PriceBasis   string `json:"price_basis"`
	RevenueBasis string `json:"revenue_basis"` // gross, net
	ProjectID    string `json:"project_id,omitempty"`
	// why it is taxed as a project of its own; goes with project_id
	ProjectReason string `json:"project_reason,omitempty"`
	// the second person of a version with a project_id
	ApprovedBy           string `json:"approved_by,omitempty"`
	InvoiceBeforePayment bool   `json:"invoice_before_payment,omitempty"`
	// nothing is paid before the creator has confirmed or accepted its statement
	ConfirmBeforePayment bool `json:"confirm_before_payment,omitempty"`
	// days after which silence accepts a statement that was sent; 0 = it never does
	AcceptAfterDays int `json:"accept_after_days,omitempty"`
}

// Reward is what an action earns: cash in yuan, traffic or shop points in whole numbers.
type Reward struct {
	Kind    string       // cash, traffic, shop
	Amount  money.Amount // cash for the action, or for each unit when PerUnit
	Points  int64        // points likewise
	PerUnit bool
}

// Strategy rewards matching events (激励策略). Its JSON is the contract's: {match: {...}, reward:
// {...}, daily_cap}.
type Strategy struct {
	Version
	StrategyID string
	ActionType string
	Platform   string // empty matches every platform
	Reward     Reward
	// DailyCap is the most a creator earns by it in a day, zero for no cap; DailyCapPoints likewise
	// where the reward is points.
	DailyCap       money.Amount
	DailyCapPoints int64
}

// Position is a tenant's recorded decision where the law is open (税务口径).
type Position struct {
	Version
	PositionID string `json:"position_id"`
	Rule       string `json:"rule"`
	Reading    string `json:"reading"`
	Reasons    string `json:"reasons"`
	Evidence   string `json:"evidence"`
	DecidedBy  string `json:"decided_by"`
	ApprovedBy string `json:"approved_by,omitempty"`
}

// IsApproved tells whether a second person has approved the position.
func (p Position) IsApproved() bool { return p.ApprovedBy != "" && p.ApprovedBy != p.DecidedBy }
