package apiclient

import (
	"context"
	"encoding/json"
	"net/http"

	"fenzhang/shared/ident"
)

// MaxBatch is the largest number of events or income lines in one call.
const MaxBatch = 500

// Event is one rewarded action (激励事件).
type Event struct {
	EventID    string            `json:"event_id"`
	CreatorID  ident.Creator     `json:"creator_id"`
	ActionType string            `json:"action_type"`
	OccurredAt string            `json:"occurred_at"`
	ContentID  string            `json:"content_id,omitempty"`
	Quantity   int64             `json:"quantity,omitempty"`
	Platform   string            `json:"platform,omitempty"`
	ViewerRef  string            `json:"viewer_ref,omitempty"`
	SessionID  string            `json:"session_id,omitempty"`
	UTM        *UTM              `json:"utm,omitempty"`
	Device     string            `json:"device,omitempty"`
	Metrics    map[string]string `json:"metrics,omitempty"`
}

// UTM is the campaign that brought the viewer.
type UTM struct {
	Source   string `json:"source,omitempty"`
	Medium   string `json:"medium,omitempty"`
	Campaign string `json:"campaign,omitempty"`
	Term     string `json:"term,omitempty"`
	Content  string `json:"content,omitempty"`
}

// Earned is the reward of an event: cash as a decimal string of yuan, points as an integer.
type Earned struct {
	Kind   string          `json:"kind"`
	Amount json.RawMessage `json:"amount"`
}

// EventResult is the answer to one event of a batch.
type EventResult struct {
	EventID *string `json:"event_id"`
	Status  int     `json:"status"`
	Reward  *Earned `json:"reward,omitempty"`
	Parked  string  `json:"parked,omitempty"`
	Error   *Error  `json:"error,omitempty"`
}

// RecordEvents sends 1 to 500 events, each as JSON, and returns their results in the same order.
func (c *Client) RecordEvents(ctx context.Context,
	events []json.RawMessage) ([]EventResult, error) {
	in := struct {
		Events []json.RawMessage `json:"events"`
	}{events}
	var out struct {
		Results []EventResult `json:"results"`
	}
	_, err := c.callWithRetries(ctx, http.MethodPost, "/api/v1/incentive/record", nil, in, &out)
	return out.Results, err
}

// Counters are the rewards of a creator's events of one day.
type Counters struct {
	CreatorID ident.Creator `json:"creator_id"`
	Date      string        `json:"date"`
	Events    int64         `json:"events"`
	Rewards   struct {
		Cash    string `json:"cash"`
		Traffic int64  `json:"traffic"`
		Shop    int64  `json:"shop"`
	} `json:"rewards"`
	Closed bool `json:"closed"`
}

// Counters reads the counters of a creator on a day.
func (c *Client) Counters(ctx context.Context, creator ident.Creator,
	date string) (Counters, error) {
	var out Counters
	_, err := c.callWithRetries(ctx, http.MethodGet,
		pathWithQuery(string("/api/v1/incentive/counters/"+creator), "date", date), nil, nil, &out)
	return out, err
}

// IncomeLine is one line of income from a platform (收入明细). All amounts are decimal strings of yuan.
type IncomeLine struct {
	LineID              string        `json:"line_id"`
	CreatorID           ident.Creator `json:"creator_id"`
	IncomeType          string        `json:"income_type"`
	Platform            string        `json:"platform"`
	AccountUID          string        `json:"account_uid,omitempty"`
	Nickname            string        `json:"nickname,omitempty"`
	ShopID              string        `json:"shop_id,omitempty"`
	OccurredOn          string        `json:"occurred_on"`
	ServicePeriod       string        `json:"service_period"`
	GrossBeforePlatform string        `json:"gross_before_platform"`
	PlatformFee         string        `json:"platform_fee"`
	Refund              string        `json:"refund"`
	Subsidy             string        `json:"subsidy"`
	// Distributable is what the paying entity received or will receive; negative when a settled
	// sale was refunded.
	Distributable string `json:"distributable"`
	Count         int64  `json:"count,omitempty"`
	Description   string `json:"description,omitempty"`
	Source        string `json:"source,omitempty"`
}

// LineResult is the answer to one income line.
type LineResult struct {
	LineID *string `json:"line_id"`
	Status int     `json:"status"`
	Error  *Error  `json:"error,omitempty"`
}

// UploadIncome sends 1 to 500 income lines and returns their results in the same order.
func (c *Client) UploadIncome(ctx context.Context, lines []IncomeLine) ([]LineResult, error) {
	in := struct {
		Lines []IncomeLine `json:"lines"`
	}{lines}
	var out struct {
		Results []LineResult `json:"results"`
	}
	_, err := c.callWithRetries(ctx, http.MethodPost, "/v1/income-lines", nil, in, &out)
	return out.Results, err
}

// StatementRun counts the statements that were due and what happened to them. Statements of large
// agencies are made by further functions, which may still be running.
type StatementRun struct {
	Date    string `json:"date"`
	Due     int    `json:"due"`
	Opened  int    `json:"opened"`
	Already int    `json:"already"`
	Skipped []struct {
		CreatorID  ident.Creator `json:"creator_id"`
		IncomeType string        `json:"income_type"`
		Period     string        `json:"period"`
		Part       string        `json:"part"`
		Reason     string        `json:"reason"`
	} `json:"skipped"`
}

// RunStatements makes the statements that are due on a date ("" for today), for one creator or for
// all ("").
func (c *Client) RunStatements(ctx context.Context, date string,
	creator ident.Creator) (StatementRun, error) {
	in := struct {
		Date      string        `json:"date,omitempty"`
		CreatorID ident.Creator `json:"creator_id,omitempty"`
	}{date, creator}
	var out StatementRun
	_, err := c.callWithRetries(ctx, http.MethodPost, "/v1/statements/run", nil, in, &out)
	return out, err
}
