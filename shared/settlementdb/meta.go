// Package settlementdb keeps settlements, their journal, balances and tax rows in DynamoDB. Keys, items and
// conditions of one act stand together here.
package settlementdb

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/keys"
	"fenzhang/shared/settlement"
)

// item is one DynamoDB item.
type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

func binary(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func textOf(it item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

func numberOf(it item, name string) int64 {
	if v, ok := it[name].(*types.AttributeValueMemberN); ok {
		n, _ := strconv.ParseInt(v.Value, 10, 64) // DynamoDB keeps numbers valid; ours are whole
		return n
	}
	return 0
}

func binaryOf(it item, name string) []byte {
	if v, ok := it[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

func keyed(k keys.Key) item { return item{"pk": text(k.PK), "sk": text(k.SK)} }

// Attribute names of META that conditions, the relay and an operator at the console read.
const (
	attrMeta     = "m"
	attrRevision = "rev"
	attrStatus   = "st"
	attrVersion  = "v"
	attrAct      = "act" // id of the last write: finding one's own is success
	attrHold     = "hold"
)

// metaItem is META of s.
func metaItem(s settlement.Settlement) item {
	it := keyed(keys.Settlement(s.Tenant, s.ID))
	it[attrMeta] = binary(write(&s, walkSettlement))
	it[attrRevision] = number(int64(s.Revision))
	it[attrStatus] = text(string(s.Status))
	it[attrVersion] = number(int64(s.StatusVersion))
	it[attrAct] = text(s.Last.ID)
	if s.Hold != nil {
		it[attrHold] = text(s.Hold.Reason)
	}
	it["tp_pk"] = text(keys.ByTaxpayer(s.Tenant, s.Entity, s.TaxpayerID))
	it["cr_pk"] = text(keys.ByCreator(s.Tenant, s.CreatorID))
	it["op_pk"] = text(keys.ByOpening(s.Tenant, civil.MonthOf(s.OpenedAt), keys.OpeningShard(s.ID)))
	it["at"] = text(keys.OpenedAt(s.OpenedAt))
	return it
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).In(civil.Shanghai)
}

// errNotMeta is an item that is not a settlement's META.
var errNotMeta = errors.New("settlementdb: not a settlement")

// FromItem reads META; the relay uses it on stream images.
func FromItem(it map[string]types.AttributeValue) (settlement.Settlement, error) {
	tenant, id, ok := keys.SettlementOf(textOf(it, "pk"), textOf(it, "sk"))
	if !ok {
		return settlement.Settlement{}, errNotMeta
	}
	var s settlement.Settlement
	if err := parse(binaryOf(it, attrMeta), &s, walkSettlement); err != nil {
		return settlement.Settlement{}, fmt.Errorf("settlementdb: unpack %s: %w", id, err)
	}
	s.Tenant, s.ID = tenant, id
	s.Status, s.StatusVersion, s.Revision = settlement.Status(textOf(it, attrStatus)), int(numberOf(it, attrVersion)), int(numberOf(it, attrRevision))
	s.TransitionID = s.OpenedBy
	from := settlement.PendingReview
	for i := range s.History {
		s.History[i].From = from
		from, s.TransitionID = s.History[i].To, s.History[i].TransitionID
	}
	return s, nil
}
