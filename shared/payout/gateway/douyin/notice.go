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

// noticeAlgorithm is the only algorithm by which the content of a notice may be encrypted.
const noticeAlgorithm = "AEAD_AES_256_GCM"

// ParseNotice verifies, decrypts and reads a transfer notice; see payout.Gateway. A body that is
// encrypted with another merchant's API key is ErrUnverified, although the platform has signed it.
func (g *Gateway) ParseNotice(_ context.Context, headers map[string]string,
	body []byte) (payout.Notice, error) {
	if err := g.verifySignature(signInfo(headers, body)); err != nil {
		return payout.Notice{}, err
	}
	return g.readNotice(body)
}

// readNotice decrypts and reads a notice whose signature is verified.
func (g *Gateway) readNotice(body []byte) (payout.Notice, error) {
	var n douyin.NotifyReq
	if err := json.Unmarshal(body, &n); err != nil || n.Resource == nil {
		return payout.Notice{}, unreadableError("", "must be a notice with a resource")
	}
	if n.Resource.Algorithm != noticeAlgorithm {
		return payout.Notice{}, unreadableError("resource.algorithm", "must be "+noticeAlgorithm)
	}
	plain, err := douyin.DecryptNotifyCipherTextToBytes(n.Resource.Ciphertext, n.Resource.Nonce,
		n.Resource.AssociatedData, g.account.APIKey)
	if err != nil {
		return payout.Notice{}, payout.ErrUnverified
	}
	if !strings.HasPrefix(n.EventType, "TRANSFER.") {
		return payout.Notice{}, unreadableError("event_type", "must be about a transfer")
	}
	return g.readBill(plain)
}

// signInfo returns the signature headers of a notice with the signed body; header names are in
// lower case.
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

// bill is the decrypted content of a notice, as far as it is used. The type of gopay refuses an
// amount that is written as a number, and its errors contain the content.
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

// readBill validates the decrypted content of a notice.
func (g *Gateway) readBill(plain []byte) (payout.Notice, error) {
	var b bill
	if err := json.Unmarshal(plain, &b); err != nil {
		return payout.Notice{}, unreadableError("resource", "must be a transfer bill")
	}
	if b.Merchant != g.account.Merchant {
		return payout.Notice{}, unreadableError("mch_id", "is another merchant's")
	}
	if !keyShape.MatchString(b.Key) {
		return payout.Notice{}, unreadableError("out_bill_no", "must be 1 to 32 letters and digits")
	}
	amount, err := parseFen(b.Amount)
	if err != nil {
		return payout.Notice{}, unreadableError("transfer_amount", "must be whole fen above zero")
	}
	state := payoutState(b.State)
	if state == payout.Unknown {
		return payout.Notice{}, unreadableError("state", "is not a state of a transfer")
	}
	return payout.Notice{Key: b.Key, Outcome: payout.Outcome{
		State: state, GatewayID: b.GatewayID, Reason: sanitizedCode(b.Reason), Amount: amount,
		At: g.firstValidTime(b.Updated, b.Created),
	}}, nil
}

var fenShape = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)

// parseFen reads an amount in fen, which notices write as a string and queries as a number.
func parseFen(raw json.RawMessage) (money.Amount, error) {
	text := strings.Trim(string(raw), `"`)
	if !fenShape.MatchString(text) {
		return money.Amount{}, errors.New("not fen")
	}
	n, err := strconv.ParseInt(text, 10, 64)
	return money.Fen(n), err
}

// unreadableError returns error 2001 for a verified notice that cannot be read.
func unreadableError(field, problem string) error {
	return fault.Invalid(fault.Field{Field: field, Problem: problem})
}
