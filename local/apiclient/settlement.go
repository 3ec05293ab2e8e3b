package apiclient

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"fenzhang/shared/ident"
)

// The statuses of a settlement.
const (
	PendingReview = "PENDING_REVIEW"
	InReview      = "IN_REVIEW"
	Approved      = "APPROVED"
	Paying        = "PAYING"
	Paid          = "PAID"
	Failed        = "FAILED"
)

// SettleRequest asks to settle an income that was not uploaded as income lines.
type SettleRequest struct {
	UserID        string `json:"user_id"`
	ActivityID    string `json:"activity_id"`
	TS            int64  `json:"ts"` // milliseconds since 1970
	Amount        string `json:"amount"`
	IncomeType    string `json:"income_type"`
	TraceID       string `json:"trace_id,omitempty"`
	ServicePeriod string `json:"service_period,omitempty"`
	GMV           string `json:"gmv,omitempty"`
	Rate          string `json:"rate,omitempty"`
}

// SettleAnswer is the settlement that a settle call opened.
type SettleAnswer struct {
	SettlementID    ident.Settlement `json:"settlement_id"`
	Status          string           `json:"status"`
	StatusVersion   int              `json:"status_version"`
	ExpectedArrival *string          `json:"expected_arrival"`
}

// Settle opens a settlement under an idempotency key of 8 to 64 letters, digits, "_" or "-".
func (c *Client) Settle(ctx context.Context, key string,
	in SettleRequest) (SettleAnswer, Answer, error) {
	var out SettleAnswer
	answer, err := c.callWithRetries(ctx, http.MethodPost, "/v1/incentive/settle",
		http.Header{"X-Idemp-Key": {key}}, in, &out)
	return out, answer, err
}

// Settlement is one payable (结算单). Amounts are decimal strings of yuan; amounts that depend on the
// quote are nil until there is a quote.
type Settlement struct {
	SettlementID     ident.Settlement `json:"settlement_id"`
	Tenant           ident.Tenant     `json:"tenant"`
	CreatorID        ident.Creator    `json:"creator_id"`
	TaxpayerID       ident.Taxpayer   `json:"taxpayer_id"`
	PayingEntity     ident.Entity     `json:"paying_entity"`
	Route            string           `json:"route"`
	IncomeType       string           `json:"income_type"`
	ActivityID       string           `json:"activity_id"`
	ServicePeriod    string           `json:"service_period"`
	VATDate          *string          `json:"vat_date"`
	PaymentDate      *string          `json:"payment_date"`
	Status           string           `json:"status"`
	StatusVersion    int              `json:"status_version"`
	LastUpdated      string           `json:"last_updated"`
	Hold             *Hold            `json:"hold"`
	Gross            string           `json:"gross"`
	Shares           []Share          `json:"shares"`
	Memo             []Memo           `json:"memo"`
	CreatorShare     string           `json:"creator_share"`
	TaxableIncome    *string          `json:"taxable_income"`
	Taxes            []Tax            `json:"taxes"`
	PayeeObligations []Tax            `json:"payee_obligations"`
	PayerTaxes       []Tax            `json:"payer_taxes"`
	Net              *string          `json:"net"`
	SetOffs          []SetOff         `json:"set_offs"`
	ToPay            *string          `json:"to_pay"`
	Quote            json.RawMessage  `json:"quote"`
	Rules            *Rules           `json:"rules"`
	Unconfirmed      []string         `json:"unconfirmed"`
	Payout           *Payout          `json:"payout"`
	Next             *Next            `json:"next"`
	ExpectedArrival  *string          `json:"expected_arrival"`
	Reopens          *string          `json:"reopens"`
	ReopenedBy       *string          `json:"reopened_by"`
	ReasonClass      *string          `json:"reason_class"`
	History          []Move           `json:"history"`
}

// HasQuote reports whether the taxes of the settlement have been quoted.
func (s Settlement) HasQuote() bool { return len(s.Quote) > 0 && string(s.Quote) != "null" }

// HeldFor returns the reason of the hold, and "" without a hold.
func (s Settlement) HeldFor() string {
	if s.Hold == nil {
		return ""
	}
	return s.Hold.Reason
}

// Hold stops a settlement until its reason is resolved.
type Hold struct {
	Reason string  `json:"reason"`
	Owner  string  `json:"owner"`
	Until  *string `json:"until"`
	Text   string  `json:"text"`
}

// Share is one party's part of the money; all shares add up to the gross amount.
type Share struct {
	Party  string `json:"party"`
	Kind   string `json:"kind"`
	Amount string `json:"amount"`
}

// Memo is a figure for information, such as the platform's part.
type Memo struct {
	Party  string `json:"party"`
	Amount string `json:"amount"`
	Basis  string `json:"basis"`
}

// Tax is one tax: withheld from the payee, filed by the payee, or owed by the paying entity.
type Tax struct {
	Tax            string `json:"tax"`
	Collection     string `json:"collection"`
	Base           string `json:"base"`
	Rate           string `json:"rate"`
	QuickDeduction string `json:"quick_deduction"`
	Due            string `json:"due"`
	Amount         string `json:"amount"`
	Shortfall      string `json:"shortfall"`
	BorneBy        string `json:"borne_by"`
	Law            []Law  `json:"law"`
	Status         string `json:"status"`
}

// Law is the source of a figure in the law.
type Law struct {
	Document string `json:"document"`
	Article  string `json:"article"`
	URL      string `json:"url,omitempty"`
}

// SetOff is a deduction from the net amount that is no tax.
type SetOff struct {
	Kind     string `json:"kind"`
	Amount   string `json:"amount"`
	Document string `json:"document"`
}

// Rules identifies the policy pack by which the taxes were computed.
type Rules struct {
	Pack      string   `json:"pack"`
	Version   string   `json:"version"`
	SHA256    string   `json:"sha256"`
	Positions []string `json:"positions"`
}

// Payout is one attempt to pay.
type Payout struct {
	Key       string  `json:"key"`
	Method    string  `json:"method"`
	State     string  `json:"state"`
	SentAt    *string `json:"sent_at"`
	GatewayID *string `json:"gateway_id"`
	Reason    *string `json:"reason"`
}

// Next says what has to be done next, and by whom.
type Next struct {
	Action string  `json:"action"`
	Owner  string  `json:"owner"`
	Due    *string `json:"due"`
}

// Move is one change of status.
type Move struct {
	From         *string `json:"from"`
	To           string  `json:"to"`
	At           string  `json:"at"`
	By           string  `json:"by"`
	TransitionID string  `json:"transition_id"`
	Reason       *string `json:"reason"`
}

// Filter selects settlements; empty fields select all. From and To are dates of the opening in
// Shanghai.
type Filter struct {
	Status    string
	CreatorID ident.Creator
	Hold      string
	From, To  string
	Limit     int
	Cursor    string
}

// Settlement reads one settlement with its history.
func (c *Client) Settlement(ctx context.Context, id ident.Settlement) (Settlement, error) {
	var out Settlement
	_, err := c.callWithRetries(ctx, http.MethodGet, string("/v1/settlements/"+id), nil, nil, &out)
	return out, err
}

// Settlements reads one page of settlements, newest first; the returned cursor is "" on the last
// page.
func (c *Client) Settlements(ctx context.Context, f Filter) ([]Settlement, string, error) {
	limit := ""
	if f.Limit > 0 {
		limit = strconv.Itoa(f.Limit)
	}
	var out struct {
		Settlements []Settlement `json:"settlements"`
		NextCursor  *string      `json:"next_cursor"`
	}
	path := pathWithQuery("/v1/settlements", "status", f.Status, "creator_id", string(f.CreatorID),
		"hold",
		f.Hold,
		"from", f.From, "to", f.To, "limit", limit, "cursor", f.Cursor)
	if _, err := c.callWithRetries(ctx, http.MethodGet, path, nil, nil, &out); err != nil {
		return nil, "", err
	}
	if out.NextCursor == nil {
		return out.Settlements, "", nil
	}
	return out.Settlements, *out.NextCursor, nil
}

// AllSettlements reads all pages of a selection.
func (c *Client) AllSettlements(ctx context.Context, f Filter) ([]Settlement, error) {
	var all []Settlement
	f.Limit = 100
	for {
		page, next, err := c.Settlements(ctx, f)
		if err != nil {
			return nil, err
		}
		all = append(all, page...)
		if next == "" {
			return all, nil
		}
		f.Cursor = next
	}
}

// postAct posts an act on a settlement, such as "confirm-net"; the API answers with the
// settlement.
func (c *Client) postAct(ctx context.Context, id ident.Settlement, action string,
	in any) (Settlement, error) {
	var out Settlement
	_, err := c.callWithRetries(ctx, http.MethodPost, string("/v1/settlements/"+id+"/")+action, nil,
		in, &out)
	return out, err
}

// Transition moves a settlement to a status. The version is the status version that the caller has
// read.
func (c *Client) Transition(ctx context.Context, id ident.Settlement, to string, version int,
	reason string) (Settlement, error) {
	return c.postAct(ctx, id, "transitions", struct {
		To            string `json:"to"`
		StatusVersion int    `json:"status_version"`
		Reason        string `json:"reason,omitempty"`
	}{to, version, reason})
}

// ConfirmNet confirms the net amount of a settlement that is on hold because the amount has
// changed.
func (c *Client) ConfirmNet(ctx context.Context, id ident.Settlement, net string,
	version int) (Settlement, error) {
	return c.postAct(ctx, id, "confirm-net", struct {
		Net           string `json:"net"`
		StatusVersion int    `json:"status_version"`
	}{net, version})
}

// Invoice is a payee's invoice for a settlement.
type Invoice struct {
	Number        string `json:"number"`
	IssuedOn      string `json:"issued_on"`
	Amount        string `json:"amount"`
	FileSHA256    string `json:"file_sha256"`
	StatusVersion int    `json:"status_version"`
}

// HandInInvoice records the payee's invoice.
func (c *Client) HandInInvoice(ctx context.Context, id ident.Settlement,
	in Invoice) (Settlement, error) {
	return c.postAct(ctx, id, "invoice", in)
}

// LedgerCheck compares the ledger with the stored objects; Unexplained must be 0.00.
type LedgerCheck struct {
	Accounts    []json.RawMessage `json:"accounts"`
	Differences []json.RawMessage `json:"differences"`
	Unexplained string            `json:"unexplained"`
	NextCursor  *string           `json:"next_cursor"`
}

// CheckLedger reads one page of the ledger check.
func (c *Client) CheckLedger(ctx context.Context, cursor string) (LedgerCheck, error) {
	var out LedgerCheck
	_, err := c.callWithRetries(ctx, http.MethodGet,
		pathWithQuery("/v1/ledger/check", "cursor", cursor), nil, nil, &out)
	return out, err
}
