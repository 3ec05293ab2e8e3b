package payoutdouyin

import (
	"context"
	"encoding/json"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-pay/gopay/douyin"

	"fenzhang/shared/fault"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
)

// noticeAlgorithm is the only way in which a notice's content is encrypted.
const noticeAlgorithm = "AEAD_AES_256_GCM"

// ParseNotice verifies, decrypts and reads a transfer notice; see payout.Gateway. A body that
// another merchant's API key encrypted is ErrUnverified here, although the platform signed it.
func (g *Gateway) ParseNotice(_ context.Context, headers map[string]string,
	body []byte) (payout.Notice, error) {
	if err := g.verify(signInfo(headers, body)); err != nil {
		return payout.Notice{}, err
	}
	return g.readNotice(body)
}

// readNotice decrypts and reads a body whose signature holds.
func (g *Gateway) readNotice(body []byte) (payout.Notice, error) {
	var n douyin.NotifyReq
	if err := json.Unmarshal(body, &n); err != nil || n.Resource == nil {
		return payout.Notice{}, unreadable("", "must be a notice with a resource")
	}
	if n.Resource.Algorithm != noticeAlgorithm {
		return payout.Notice{}, unreadable("resource.algorithm", "must be "+noticeAlgorithm)
	}
	plain, err := douyin.DecryptNotifyCipherTextToBytes(n.Resource.Ciphertext, n.Resource.Nonce,
		n.Resource.AssociatedData, g.account.APIKey)
	if err != nil {
		return payout.Notice{}, payout.ErrUnverified
	}
	if !strings.HasPrefix(n.EventType, "TRANSFER.") {
		return payout.Notice{}, unreadable("event_type", "must be about a transfer")
	}
	return g.readBill(plain)
}

func signInfo(headers map[string]string, body []byte) *douyin.SignInfo {
	get := func(name string) string { return headers[strings.ToLower(name)] }
	return &douyin.SignInfo{
		HeaderTimestamp: get(douyin.HeaderTimestamp),
		HeaderNonce:     get(douyin.HeaderNonce),
		HeaderSignature: get(douyin.HeaderSignature),
		HeaderSerial:    get(douyin.HeaderSerial),
		SignBody:        string(body),
	}
}

// bill is a notice's decrypted content, as far as it is used. gopay's own type would refuse an
// amount written as a number, and its errors repeat the content.
type bill struct {
	Merchant  string          `json:"mch_id"`
	Key       string          `json:"out_bill_no"`
	GatewayID string          `json:"transfer_bill_no"`
	State     string          `json:"state"`
	Amount    json.RawMessage `json:"transfer_amount"`
	Reason    string          `json:"fail_reason"`
	Updated   string          `json:"update_time"`
	Created   string          `json:"create_time"`
}

var keyShape = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)

func (g *Gateway) readBill(plain []byte) (payout.Notice, error) {
	var b bill
	if err := json.Unmarshal(plain, &b); err != nil {
		return payout.Notice{}, unreadable("resource", "must be a transfer bill")
	}
	if b.Merchant != g.account.Merchant {
		return payout.Notice{}, unreadable("mch_id", "is another merchant's")
	}
	if !keyShape.MatchString(b.Key) {
		return payout.Notice{}, unreadable("out_bill_no", "must be 1 to 32 letters and digits")
	}
	amount, err := fen(b.Amount)
	if err != nil {
		return payout.Notice{}, unreadable("transfer_amount", "must be whole fen above zero")
	}
	heard := state(b.State)
	if heard == payout.Unknown {
		return payout.Notice{}, unreadable("state", "is not a state of a transfer")
	}
	return payout.Notice{Key: b.Key, Outcome: payout.Outcome{
		State: heard, GatewayID: b.GatewayID, Reason: code(b.Reason), Amount: amount,
		At: g.when(b.Updated, b.Created),
	}}, nil
}

var fenShape = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)

// fen reads an amount written as a string, as notices do, or as a number, as queries do.
func fen(raw json.RawMessage) (money.Amount, error) {
	text := strings.Trim(string(raw), `"`)
	if !fenShape.MatchString(text) {
		return money.Amount{}, errors.New("not fen")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return money.Fen(n), err
}

func unreadable(field, problem string) error {
	return fault.Invalid(fault.Field{Field: field, Problem: problem})
}
