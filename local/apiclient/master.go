package apiclient

import (
	"context"
	"encoding/json"
	"net/http"

	"fenzhang/shared/ident"
)

// Kind is a kind of master data; its value is the path of its route.
type Kind string

// The kinds of master data.
const (
	PayingEntities Kind = "paying-entities"
	Taxpayers      Kind = "taxpayers"
	Creators       Kind = "creators"
	Contracts      Kind = "contracts"
	Strategies     Kind = "strategies"
	Positions      Kind = "positions"
)

// PayingEntity is a company of the tenant that pays creators (结算主体).
type PayingEntity struct {
	EntityID  ident.Entity     `json:"entity_id,omitempty"`
	Name      string           `json:"name"`
	USCC      string           `json:"uscc"`
	Place     string           `json:"place"`
	PlaceTier string           `json:"place_tier"`
	VAT       string           `json:"vat"`
	From      string           `json:"from,omitempty"`
	Filings   []PlatformFiling `json:"platform_filings,omitempty"`
	Accounts  []Account        `json:"accounts,omitempty"`
}

// PlatformFiling is the filing under STA Announcement 2025 No. 15 that allows the cumulative
// method.
type PlatformFiling struct {
	Platform string `json:"platform"`
	Class    string `json:"class"`
	FiledOn  string `json:"filed_on"`
	Proof    string `json:"proof"`
	From     string `json:"from"`
	To       string `json:"to,omitempty"`
}

// Account is a bank or payment account of a paying entity.
type Account struct {
	Method  string `json:"method"`
	Account string `json:"account"`
}

// Taxpayer is one person or organisation (纳税人).
type Taxpayer struct {
	TaxpayerID ident.Taxpayer `json:"taxpayer_id,omitempty"`
	Name       string         `json:"name"`
	IDType     string         `json:"id_type"`
	IDNumber   string         `json:"id_number"`
	Phone      string         `json:"phone,omitempty"`
	Profiles   []Profile      `json:"profiles"`
}

// Profile is the tax facts of a taxpayer from a day on (涉税资料).
type Profile struct {
	From         string  `json:"from"`
	Kind         string  `json:"kind"`
	Resident     bool    `json:"resident"`
	VAT          string  `json:"vat"`
	Collection   string  `json:"collection"`
	Jurisdiction string  `json:"jurisdiction"`
	PlaceTier    string  `json:"place_tier,omitempty"`
	Industry     string  `json:"industry,omitempty"`
	Papers       []Paper `json:"papers,omitempty"`
}

// Paper is a document that proves facts of a profile.
type Paper struct {
	Name       string `json:"name"`
	Number     string `json:"number"`
	From       string `json:"from"`
	To         string `json:"to,omitempty"`
	FileSHA256 string `json:"file_sha256,omitempty"`
	CheckedBy  string `json:"checked_by,omitempty"`
}

// Creator is a creator of content with an account to which it is paid (达人).
type Creator struct {
	CreatorID        ident.Creator     `json:"creator_id,omitempty"`
	TaxpayerID       ident.Taxpayer    `json:"taxpayer_id"`
	Nickname         string            `json:"nickname"`
	Level            string            `json:"level,omitempty"`
	PlatformAccounts []PlatformAccount `json:"platform_accounts,omitempty"`
	Payout           PayoutAccount     `json:"payout"`
}

// PlatformAccount is a creator's account at a platform.
type PlatformAccount struct {
	Platform string `json:"platform"`
	UID      string `json:"uid"`
}

// PayoutAccount is the account to which a creator is paid; it must be in the creator's own name.
type PayoutAccount struct {
	Method  string `json:"method"`
	Account string `json:"account"`
	Holder  string `json:"holder"`
}

// Contract is one version of a contract with a creator (合约).
type Contract struct {
	ContractID           string            `json:"contract_id,omitempty"`
	CreatorID            ident.Creator     `json:"creator_id"`
	PayingEntity         ident.Entity      `json:"paying_entity"`
	From                 string            `json:"from"`
	To                   string            `json:"to,omitempty"`
	Routes               map[string]string `json:"routes"`
	Splits               map[string]Split  `json:"splits"`
	Cycle                string            `json:"cycle"`
	CutOffDay            int               `json:"cut_off_day,omitempty"`
	PayDay               int               `json:"pay_day,omitempty"`
	CutOffAfterDays      int               `json:"cut_off_after_days,omitempty"`
	PayAfterDays         int               `json:"pay_after_days,omitempty"`
	PayAfterWorkingDays  int               `json:"pay_after_working_days,omitempty"`
	PayDayMoves          string            `json:"pay_day_moves,omitempty"`
	MinimumPayout        string            `json:"minimum_payout,omitempty"`
	MinimumPayoutMonths  int               `json:"minimum_payout_months,omitempty"`
	LeftOn               string            `json:"left_on,omitempty"`
	AcceptAfterDays      int               `json:"accept_after_days,omitempty"`
	ConfirmBeforePayment bool              `json:"confirm_before_payment,omitempty"`
	PriceBasis           string            `json:"price_basis"`
	RevenueBasis         string            `json:"revenue_basis"`
	ProjectID            string            `json:"project_id,omitempty"`
	InvoiceBeforePayment bool              `json:"invoice_before_payment,omitempty"`
}

// Split says which party gets which part of an income type.
type Split struct {
	Method      string  `json:"method"`
	Parties     []Party `json:"parties"`
	RemainderTo string  `json:"remainder_to,omitempty"`
}

// Party is one party of a split; the figure of a memo party is for information and is no part of
// the money.
type Party struct {
	Party string `json:"party"`
	Kind  string `json:"kind"`
	Share string `json:"share"`
}

// Strategy rewards actions (激励策略).
type Strategy struct {
	StrategyID string `json:"strategy_id,omitempty"`
	From       string `json:"from"`
	To         string `json:"to,omitempty"`
	Match      Match  `json:"match"`
	Reward     Reward `json:"reward"`
	DailyCap   string `json:"daily_cap,omitempty"`
}

// Match is the actions that a strategy rewards; an empty platform matches every platform.
type Match struct {
	ActionType string `json:"action_type"`
	Platform   string `json:"platform,omitempty"`
}

// Reward is what an action earns: a fixed amount, or an amount for each unit. Cash is a decimal
// string of yuan, points are a JSON integer.
type Reward struct {
	Kind    string          `json:"kind"`
	Amount  json.RawMessage `json:"amount,omitempty"`
	PerUnit json.RawMessage `json:"per_unit,omitempty"`
}

// Position is a tenant's decision where the law is open (税务口径).
type Position struct {
	PositionID string `json:"position_id,omitempty"`
	Rule       string `json:"rule"`
	Reading    string `json:"reading"`
	Reasons    string `json:"reasons"`
	Evidence   string `json:"evidence"`
	From       string `json:"from"`
	To         string `json:"to,omitempty"`
	Version    int    `json:"version,omitempty"`
	DecidedBy  string `json:"decided_by,omitempty"`
	ApprovedBy string `json:"approved_by,omitempty"`
}

// Create posts a new object of master data and returns the stored object. The API answers 409 when
// the id exists.
func (c *Client) Create(ctx context.Context, kind Kind,
	object any) (json.RawMessage, Answer, error) {
	var stored json.RawMessage
	answer, err := c.callWithRetries(ctx, http.MethodPost, "/v1/"+string(kind), nil, object, &stored)
	return stored, answer, err
}

// ApprovePosition approves a tax position as the second person.
func (c *Client) ApprovePosition(ctx context.Context, id string) error {
	_, err := c.callWithRetries(ctx, http.MethodPost, "/v1/positions/"+id+"/approve", nil,
		struct{}{}, nil)
	return err
}
