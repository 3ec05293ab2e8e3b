// Package payout pays a settlement to its payee through a payment gateway, exactly once (promise
// P3).
package payout

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"regexp"
	"time"
	"unicode"
	"unicode/utf8"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// Method is a method of payment.
type Method string

// The methods of payment; a tenant can use those for which it has a merchant account.
const (
	Douyin Method = "douyin"
	WeChat Method = "wechat"
	Alipay Method = "alipay"
	Bank   Method = "bank"
)

// Order is one payment as it is requested from a gateway. The same key always carries the same
// content.
type Order struct {
	Key        string // 32 letters and digits; the gateway accepts each key once
	Amount     money.Amount
	Account    string // Douyin open id or account number, clear text: never logged
	HolderName string // clear text: never logged
	Bank       string // name or 12-digit CNAPS code of the payee's bank, for the method bank only
	Remark     string // remark that the payee sees, at most 32 characters
}

// Outcome is what a gateway says about an order.
type Outcome struct {
	State     State
	GatewayID string // the gateway's own number
	// code of the gateway for a failure, or why the outcome is unclear; no personal data
	Reason string
	Amount money.Amount // amount that the gateway reports; zero when it reports none
	At     time.Time    // time of the event as the gateway reports it, else the time of its answer
}

// Notice is a gateway's verified message about an order.
type Notice struct {
	// Tenant is the tenant of the merchant account whose key verified the body; the body itself never
	// names a tenant.
	Tenant ident.Tenant
	Key    string
	Outcome
}

// Gateway sends orders through one merchant account.
type Gateway interface {
	// Send requests a payment. Whatever leaves open whether the order was taken (time-out, 5xx, an
	// unknown code, an answer with a wrong signature) is Outcome UNKNOWN with a nil error. An error
	// means that nothing was sent, because the order or our own configuration is wrong. Sending the
	// same order again never pays twice.
	Send(ctx context.Context, o Order) (Outcome, error)
	// QueryOutcome requests the state of an order by its key: NOT_FOUND when the gateway certainly has no
	// such order, UNKNOWN when the answer leaves that open. An error means that nothing was sent.
	QueryOutcome(ctx context.Context, key string) (Outcome, error)
	// ParseNotice verifies and reads a message. Header names are in lower case. The error is
	// ErrUnverified when the message is not from the gateway of this merchant account, and 2001 when a
	// verified message cannot be read.
	ParseNotice(ctx context.Context, headers map[string]string, body []byte) (Notice, error)
}

// ErrUnverified means that a message has no signature, or one that the keys of the merchant account
// do not verify.
var ErrUnverified = errors.New("signature missing or wrong")

// RemarkLimit is the number of characters that every gateway accepts as remark.
const RemarkLimit = 32

var keyShape = regexp.MustCompile(`^[A-Za-z0-9]{32}$`)

// SettlementKey returns the payout key of a settlement: 32 hexadecimal digits derived from tenant
// and settlement id. So a repeated request for payment can never have a second key; a reopened
// payable is another settlement and has another key.
func SettlementKey(tenant ident.Tenant, settlementID ident.Settlement) string {
	sum := sha256.Sum256([]byte(string("payout\x1f"+tenant+"\x1f") + string(settlementID)))
	return hex.EncodeToString(sum[:16])
}

// Validate returns an error with every invalid field of an order, before anything is stored or
// sent. The texts of Validate name fields and never contain a value.
func (o Order) Validate() error {
	var fields []fault.Field
	refuse := func(bad bool, field, problem string) {
		if bad {
			fields = append(fields, fault.Field{Field: field, Problem: problem})
		}
	}
	refuse(!keyShape.MatchString(o.Key), "key", "must be 32 letters and digits")
	refuse(!o.Amount.Positive(), "amount", "must be above zero")
	refuse(o.Account == "" || !isPrintable(o.Account), "account",
		"must be present, without control characters")
	refuse(o.HolderName == "" || !isPrintable(o.HolderName), "holder",
		"must be present, without control characters")
	refuse(!isPrintable(o.Bank), "bank", "must have no control characters")
	refuse(!isPrintable(o.Remark) || utf8.RuneCountInString(o.Remark) > RemarkLimit, "remark",
		"must have at most 32 characters and no control characters")
	if len(fields) > 0 {
		return fault.Invalid(fields...)
	}
	return nil
}

// isPrintable reports whether a text is valid UTF-8 without control characters.
func isPrintable(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}
