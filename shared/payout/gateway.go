// Package payout moves a settlement's money to its payee through a payment gateway, once (promise
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

// Method is the way a payee is paid.
type Method string

// The methods of the model; a tenant can use those it has a merchant account for.
const (
	Douyin Method = "douyin"
	WeChat Method = "wechat"
	Alipay Method = "alipay"
	Bank   Method = "bank"
)

// Order is one payment as a gateway is asked to make it. The same key always carries the same
// content.
type Order struct {
	Key        string // 32 letters and digits; the gateway's uniqueness rests on it
	Amount     money.Amount
	Account    string // Douyin open id or account number, clear text: never logged
	HolderName string // clear text: never logged
	Bank       string // name or 12-digit CNAPS code of the payee's bank, bank method only
	Remark     string // at most 32 characters, shown to the payee
}

// Outcome is what a gateway says about an order.
type Outcome struct {
	State     State
	GatewayID string       // the gateway's own number
	Reason    string       // the gateway's word for a failure or why it is unclear; no personal data
	Amount    money.Amount // as the gateway has it; zero when it did not say
	At        time.Time    // when the gateway says it happened, otherwise when we heard
}

// Notice is a gateway's verified message about an order.
type Notice struct {
	// of the merchant account whose key verified the body; a body never names a tenant
	Tenant ident.Tenant
	Key    string
	Outcome
}

// Gateway sends orders through one merchant account.
type Gateway interface {
	// Send asks for a payment. Whatever leaves open whether the order was taken (time-out, 5xx, an
	// unknown code, an answer whose signature is wrong) is Outcome UNKNOWN with a nil error. An error
	// means that nothing was sent. Sending the same order again never pays twice.
	Send(ctx context.Context, o Order) (Outcome, error)
	// Query asks what became of a key: NOT_FOUND when the gateway surely has none, UNKNOWN when it did
	// not say. An error means that it was not asked.
	Query(ctx context.Context, key string) (Outcome, error)
	// ParseNotice verifies a message and reads it. Header names are in lower case. The error is
	// ErrUnverified when the message is not from this merchant account's gateway, and fault.Invalid
	// when it is but cannot be read.
	ParseNotice(ctx context.Context, headers map[string]string, body []byte) (Notice, error)
}

// ErrUnverified tells that a message carries no signature, or none that the merchant account's keys
// verify.
var ErrUnverified = errors.New("signature missing or wrong")

// RemarkLimit is the number of characters that every gateway takes as remark.
const RemarkLimit = 32

var keyShape = regexp.MustCompile(`^[A-Za-z0-9]{32}$`)

// PayoutKey gives the payout key of a settlement: 32 hexadecimal digits made of tenant and settlement
// id. A settlement is one occurrence of a payable, so asking again can never make a second key; a
// reopened payable is another settlement and has another.
func PayoutKey(tenant ident.Tenant, settlementID ident.Settlement) string {
	sum := sha256.Sum256([]byte(string("payout\x1f"+tenant+"\x1f") + string(settlementID)))
	return hex.EncodeToString(sum[:16])
}

// Validate tells all that is wrong with an order before anything is written or sent. The texts name
// fields and never repeat a value.
func (o Order) Validate() error {
	var fields []fault.Field
	refuse := func(bad bool, field, problem string) {
		if bad {
			fields = append(fields, fault.Field{Field: field, Problem: problem})
		}
	}
	refuse(!keyShape.MatchString(o.Key), "key", "must be 32 letters and digits")
	refuse(!o.Amount.Positive(), "amount", "must be above zero")
	refuse(o.Account == "" || !printable(o.Account), "account",
		"must be present, without control characters")
	refuse(o.HolderName == "" || !printable(o.HolderName), "holder",
		"must be present, without control characters")
	refuse(!printable(o.Bank), "bank", "must have no control characters")
	refuse(!printable(o.Remark) || utf8.RuneCountInString(o.Remark) > RemarkLimit, "remark",
		"must have at most 32 characters and no control characters")
	if len(fields) > 0 {
		return fault.Invalid(fields...)
	}
	return nil
}

func printable(s string) bool {
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
