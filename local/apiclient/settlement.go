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

// SettleRequest asks to settle income that is not in the system as income lines.
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

// SettleAnswer is the settlement that a settle call made.
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
	answer, err := c.call(ctx, http.MethodPost, "/v1/incentive/settle",
		http.Header{"X-Idemp-Key": {key}}, in, &out)
	return out, answer, err
}

// Settlement is one payable (结算单). Money is decimal strings of yuan; what the quote fixes is nil
// until it stands.
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

// Quoted tells whether a quote stands.
func (s Settlement) Quoted() bool { return len(s.Quote) > 0 && string(s.Quote) != "null" }

// HeldFor gives the reason of the hold, "" for none.
func (s Settlement) HeldFor() string {
	if s.Hold == nil {
		return ""
	}
	return s.Hold.Reason
}

// Hold stops a settlement until its reason is gone.
type Hold struct {
	Reason string  `json:"reason"`
	Owner  string  `json:"owner"`
	Until  *string `json:"until"`
	Text   string  `json:"text"`
}

// Share is one party's part of the money; the shares sum to gross.
type Share struct {
	Party  string `json:"party"`
	Kind   string `json:"kind"`
	Amount string `json:"amount"`
}

// Memo is a figure beside the money, such as the platform's part.
type Memo struct {
	Party  string `json:"party"`
	Amount string `json:"amount"`
	Basis  string `json:"basis"`
}

// Tax is one tax: withheld from the payee, owed by the payee itself, or owed by the payer.
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

// Law is where a figure comes from.
type Law struct {
	Document string `json:"document"`
	Article  string `json:"article"`
	URL      string `json:"url,omitempty"`
}

// SetOff is a deduction from the net that is no tax.
type SetOff struct {
	Kind     string `json:"kind"`
	Amount   string `json:"amount"`
	Document string `json:"document"`
}

// Rules names the policy pack that taxed.
type Rules struct {
	Pack      string   `json:"pack"`
	Version   string   `json:"version"`
	SHA256    string   `json:"sha256"`
	Positions []string `json:"positions"`
}

// Payout is one attempt to move the money.
type Payout struct {
	Key       string  `json:"key"`
	Method    string  `json:"method"`
	State     string  `json:"state"`
	SentAt    *string `json:"sent_at"`
	GatewayID *string `json:"gateway_id"`
	Reason    *string `json:"reason"`
}

// Next tells who has to do what.
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

// Filter selects settlements; empty fields select all. From and To are Shanghai dates of the
// opening.
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
	_, err := c.call(ctx, http.MethodGet, string("/v1/settlements/"+id), nil, nil, &out)
	return out, err
}

// Settlements reads one page, newest opening first; the cursor is "" on the last one.
func (c *Client) Settlements(ctx context.Context, f Filter) ([]Settlement, string, error) {
	limit := ""
	if f.Limit > 0 {
		limit = strconv.Itoa(f.Limit)
	}
	var out struct {
		Settlements []Settlement `json:"settlements"`
		NextCursor  *string      `json:"next_cursor"`
	}
	path := query("/v1/settlements", "status", f.Status, "creator_id", string(f.CreatorID), "hold",
		f.Hold,
		"from", f.From, "to", f.To, "limit", limit, "cursor", f.Cursor)
	if _, err := c.call(ctx, http.MethodGet, path, nil, nil, &out); err != nil {
		return nil, "", err
	}
	if out.NextCursor == nil {
		return out.Settlements, "", nil
	}
	return out.Settlements, *out.NextCursor, nil
}

// AllSettlements reads every page of a selection.
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

// act posts to an action of a settlement; every action answers the settlement.
func (c *Client) act(ctx context.Context, id ident.Settlement, action string,
	in any) (Settlement, error) {
	var out Settlement
	_, err := c.call(ctx, http.MethodPost, string("/v1/settlements/"+id+"/")+action, nil, in, &out)
	return out, err
}

// Transition moves a settlement. version is the status version the caller has seen.
func (c *Client) Transition(ctx context.Context, id ident.Settlement, to string, version int,
	reason string) (Settlement, error) {
	return c.act(ctx, id, "transitions", struct {
		To            string `json:"to"`
		StatusVersion int    `json:"status_version"`
		Reason        string `json:"reason,omitempty"`
	}{to, version, reason})
}

// ConfirmNet accepts the net of a settlement that is on hold because it changed.
func (c *Client) ConfirmNet(ctx context.Context, id ident.Settlement, net string,
	version int) (Settlement, error) {
	return c.act(ctx, id, "confirm-net", struct {
		Net           string `json:"net"`
		StatusVersion int    `json:"status_version"`
	}{net, version})
}

// Invoice is what a payee billed for a settlement.
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
	return c.act(ctx, id, "invoice", in)
}

// LedgerCheck is the books compared with what the objects say; Unexplained must be 0.00.
type LedgerCheck struct {
	Accounts    []json.RawMessage `json:"accounts"`
	Differences []json.RawMessage `json:"differences"`
	Unexplained string            `json:"unexplained"`
	NextCursor  *string           `json:"next_cursor"`
}

// CheckLedger reads one page of the check.
func (c *Client) CheckLedger(ctx context.Context, cursor string) (LedgerCheck, error) {
	var out LedgerCheck
	_, err := c.call(ctx, http.MethodGet, query("/v1/ledger/check", "cursor", cursor), nil, nil, &out)
	return out, err
}
