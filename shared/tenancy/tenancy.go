// Package tenancy holds a tenant's master data: its paying entities, taxpayers, creators,
// contracts, reward strategies and tax positions, each as dated versions.
package tenancy

import (
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// Version is what every dated object has: the first and the last day on which it is in force (no
// last day means open), and a number that grows by one with each change.
type Version struct {
	From    civil.Date `json:"from"`
	To      civil.Date `json:"to,omitzero"`
	Version int        `json:"version"`
	// By is the subject who made this version; the review counts it as a preparer.
	By string `json:"by,omitempty"`
}

// IsInForceOn reports whether the version is in force on a day. Both From and To are days of force.
func (v Version) IsInForceOn(day civil.Date) bool {
	return !day.Before(v.From) && (v.To.IsZero() || !day.After(v.To))
}

// PayingEntity is a company of the tenant that pays creators and withholds taxes (结算主体, 扣缴义务人).
type PayingEntity struct {
	Version
	EntityID  ident.Entity     `json:"entity_id"`
	Name      string           `json:"name"`
	USCC      string           `json:"uscc"`
	Place     string           `json:"place"`      // six-digit code of the place of its tax bureau
	PlaceTier string           `json:"place_tier"` // city, county or other: decides the UMCT rate
	VAT       string           `json:"vat"`        // small_scale, general
	Filings   []PlatformFiling `json:"platform_filings,omitempty"`
	Accounts  []EntityAccount  `json:"accounts,omitempty"`
}

// PlatformFiling is the filing of a platform under STA Announcement 2025 No. 15; it allows the
// paying entity to use the cumulative method of withholding for that platform.
type PlatformFiling struct {
	Platform string     `json:"platform"`
	Class    string     `json:"class"`
	FiledOn  civil.Date `json:"filed_on"`
	Proof    string     `json:"proof"`
	From     civil.Date `json:"from"`
	To       civil.Date `json:"to,omitzero"`
}

// EntityAccount is an account of a paying entity at a bank or a payment gateway.
type EntityAccount struct {
	Method  string `json:"method"` // douyin, wechat, alipay, bank
	Account string `json:"account"`
}

// Taxpayer is one person or organisation (纳税人). Name, ID number and phone are masked; the vault
// holds them sealed.
type Taxpayer struct {
	// From is the first day of this version; the zero date means from the beginning.
	From       civil.Date     `json:"from,omitzero"`
	TaxpayerID ident.Taxpayer `json:"taxpayer_id"`
	Name       string         `json:"name"`
	IDType     string         `json:"id_type"`
	IDNumber   string         `json:"id_number"`
	Phone      string         `json:"phone,omitempty"`
	Profiles   []Profile      `json:"profiles"`
	Version    int            `json:"version"`
	By         string         `json:"by,omitempty"`
	// MergedInto is the taxpayer record that goes on for the same person: after a merge, settlements
	// of this record are taxed as that one's. Merge is the request that led to the merge, or that
	// waits for approval.
	MergedInto string `json:"merged_into,omitempty"`
	Merge      *Merge `json:"merge,omitempty"`
	// Merged lists the taxpayers that were merged into this one.
	Merged []string `json:"merged,omitempty"`
}

// Merge is one person's request to merge a taxpayer into another, with the approval of a second
// person once it is given.
type Merge struct {
	Into       ident.Taxpayer `json:"into"`
	Reason     string         `json:"reason"`
	AskedBy    string         `json:"asked_by"`
	AskedAt    time.Time      `json:"asked_at"`
	ApprovedBy string         `json:"approved_by,omitempty"`
	ApprovedAt time.Time      `json:"approved_at,omitzero"`
}

// Profile is a taxpayer's tax facts from a day on (涉税资料).
type Profile struct {
	From civil.Date `json:"from"`
	// natural_person, individual_business, sole_proprietorship, partnership, company, employee,
	// student_intern
	Kind         string `json:"kind"`
	Resident     bool   `json:"resident"`
	VAT          string `json:"vat"`        // natural_person, small_scale, general
	Collection   string `json:"collection"` // withheld, books, income_rate, cost_rate, levy_rate
	Jurisdiction string `json:"jurisdiction"`
	// PlaceTier is city, county or other, for the place of the taxpayer's own registration; it decides
	// the UMCT that the taxpayer files itself.
	PlaceTier string `json:"place_tier,omitempty"`
	Industry  string `json:"industry,omitempty"`
	// VATPeriod is month (also when empty) or quarter, for VAT that the taxpayer files itself.
	VATPeriod string `json:"vat_period,omitempty"`
	// Overseas marks a person abroad who sells services that are consumed in China (境外个人).
	Overseas bool `json:"overseas,omitempty"`
	// HoldsEquity marks a taxpayer that holds equity, shares or partnership interests and therefore
	// must keep books.
	HoldsEquity bool    `json:"holds_equity,omitempty"`
	Papers      []Paper `json:"papers,omitempty"`
}

// Paper is a document that proves a fact of a profile. A missing or expired paper stops a
// settlement by the hold PAPER_MISSING.
type Paper struct {
	Name       string     `json:"name"`
	Number     string     `json:"number"`
	From       civil.Date `json:"from"`
	To         civil.Date `json:"to,omitzero"`
	FileSHA256 string     `json:"file_sha256,omitempty"`
	CheckedBy  string     `json:"checked_by,omitempty"`
}

// DatedVersion returns first day, number and author of the version; a taxpayer has no last day.
func (t Taxpayer) DatedVersion() Version {
	return Version{From: t.From, Version: t.Version, By: t.By}
}

// DatedVersion returns first day, number and author of the version; a creator has no last day.
func (c Creator) DatedVersion() Version {
	return Version{From: c.From, Version: c.Version, By: c.By}
}

// ProfileOn returns the profile in force on a day, which is the last one that has begun; the second
// result is false when none has.
func (t Taxpayer) ProfileOn(day civil.Date) (Profile, bool) {
	var best Profile
	for _, p := range t.Profiles {
		if !day.Before(p.From) && (best.From.IsZero() || p.From.After(best.From)) {
			best = p
		}
	}
	return best, !best.From.IsZero()
}

// Creator is a payee of the tenant with accounts at platforms (达人).
type Creator struct {
	// From is the first day of this version; the zero date means from the beginning.
	From       civil.Date        `json:"from,omitzero"`
	CreatorID  ident.Creator     `json:"creator_id"`
	TaxpayerID ident.Taxpayer    `json:"taxpayer_id"`
	Nickname   string            `json:"nickname"`
	Level      string            `json:"level,omitempty"`
	Accounts   []PlatformAccount `json:"platform_accounts,omitempty"`
	Payout     PayoutAccount     `json:"payout"`
	// PayoutSince is the business date, and PayoutAt the time, at which this payout account was
	// recorded. Both are zero for accounts that were recorded before these dates were kept.
	PayoutSince civil.Date `json:"payout_since,omitzero"`
	PayoutAt    time.Time  `json:"payout_at,omitzero"`
	Version     int        `json:"version"`
	By          string     `json:"by,omitempty"`
}

// PlatformAccount is a creator's account at a platform.
type PlatformAccount struct {
	Platform string `json:"platform"`
	UID      string `json:"uid"`
}

// PayoutAccount is the account to which a creator is paid. In stored creators account and holder
// are masked; the vault holds them sealed.
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

// IsPaidByTenant reports whether the tenant pays the creator on this settlement route. On the other
// routes income lines are shown as settled by somebody else and make no tax, payable or payout.
func IsPaidByTenant(route string) bool {
	return route == MCNPays || route == StudioInvoice || route == Payroll
}

// The cycles: the span of time whose income is settled together.
const (
	Daily     = "daily"
	Weekly    = "weekly"
	HalfMonth = "half_month"
	Monthly   = "month"
	OnDemand  = "on_demand" // settled when somebody requests it
)

// Cycles lists all cycles.
func Cycles() []string { return []string{Daily, Weekly, HalfMonth, Monthly, OnDemand} }

// The directions in which a pay day that is no working day is moved.
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
	// Routes names the settlement route of each income type.
	Routes map[string]string `json:"routes"`
	// Splits says, for each income type, how the income is divided.
	Splits map[string]Split `json:"splits"`
	// Cycle is daily, weekly, half_month, month or on_demand.
	Cycle string `json:"cycle"`
	// CutOffDay is, for a monthly cycle, the day of the next month on which the statement is made.
	CutOffDay int `json:"cut_off_day,omitempty"`
	// PayDay is, for a monthly cycle, the day of pay in the month after the service period.
	PayDay int `json:"pay_day,omitempty"`
	// CutOffAfterDays is the number of days from the last day of the settled span until its statement
	// is made.
	CutOffAfterDays int `json:"cut_off_after_days,omitempty"`
	// PayAfterDays is the number of days from the last day of the settled span until the pay day.
	PayAfterDays int `json:"pay_after_days,omitempty"`
	// PayAfterWorkingDays is the same as PayAfterDays, counted in working days.
	PayAfterWorkingDays int `json:"pay_after_working_days,omitempty"`
	// PayDayMoves is the direction in which a pay day that is no working day is moved: next (also when
	// empty) or previous.
	PayDayMoves string `json:"pay_day_moves,omitempty"`
	// MinimumPayout is the least amount that is paid; a smaller share is carried forward to the next
	// settlement.
	MinimumPayout money.Amount `json:"minimum_payout,omitzero"`
	// MinimumPayoutMonths is the number of months after which a share below the minimum is paid all
	// the same; 0 means never.
	MinimumPayoutMonths int `json:"minimum_payout_months,omitempty"`
	// LeftOn is the last day of the cooperation; whatever is open after it is settled finally, without
	// a minimum.
	LeftOn civil.Date `json:"left_on,omitzero"`
	// PriceBasis is before_tax, after_tax, with_vat or without_vat.
	PriceBasis   string `json:"price_basis"`
	RevenueBasis string `json:"revenue_basis"` // gross or net: how the agency books its revenue
	ProjectID    string `json:"project_id,omitempty"`
	// ProjectReason says why the contract is taxed as a project of its own; it is required with
	// project_id.
	ProjectReason string `json:"project_reason,omitempty"`
	// ApprovedBy is the second person who approved a version with a project_id.
	ApprovedBy           string `json:"approved_by,omitempty"`
	InvoiceBeforePayment bool   `json:"invoice_before_payment,omitempty"`
	// ConfirmBeforePayment holds every payment until the creator has confirmed or accepted the
	// statement.
	ConfirmBeforePayment bool `json:"confirm_before_payment,omitempty"`
	// AcceptAfterDays is the number of days after which a statement that was sent counts as accepted;
	// 0 means that silence accepts nothing.
	AcceptAfterDays int `json:"accept_after_days,omitempty"`
}

// Reward is what an action earns: cash in yuan, or traffic or shop points in whole numbers.
type Reward struct {
	Kind    string       // cash, traffic, shop
	Amount  money.Amount // cash reward for the action, or for each unit when PerUnit
	Points  int64        // reward in points for the action, or for each unit when PerUnit
	PerUnit bool
}

// Strategy rewards matching events (激励策略). The JSON of Strategy is the form of the HTTP contract:
// {match: {...}, reward: {...}, daily_cap}.
type Strategy struct {
	Version
	StrategyID string
	ActionType string
	Platform   string // empty matches every platform
	Reward     Reward
	// DailyCap is the most cash that a creator earns by the strategy in one day; DailyCapPoints is the
	// same for points. Zero means no cap.
	DailyCap       money.Amount
	DailyCapPoints int64
}

// Position is a tenant's recorded decision on a question that the law leaves open (税务口径).
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

// IsApproved reports whether a second person has approved the position.
func (p Position) IsApproved() bool { return p.ApprovedBy != "" && p.ApprovedBy != p.DecidedBy }
