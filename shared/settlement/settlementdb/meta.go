// Package settlementdb stores settlements in DynamoDB, together with their journal entries, account
// balances and tax bookings, in one transaction where they change together. The main item of a
// settlement has the sort key META.
package settlementdb

import (
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
)

// item is one DynamoDB item.
type item = dynamo.Item

// binaryValue makes a DynamoDB binary value.
func binaryValue(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

// readBinary returns the binary value of an attribute, nil when the item has no such attribute.
func readBinary(it item, name string) []byte {
	if v, ok := it[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

// These are the attributes of META that write conditions, the relay and an operator at the AWS
// console read. All other fields of a settlement are encoded in attrMeta.
const (
	attrMeta     = "m"
	attrRevision = "rev"
	attrStatus   = "st"
	attrVersion  = "v"
	// attrAct holds the id of the act that wrote the item last. A write that finds its own id in the
	// table has succeeded in an earlier try.
	attrAct  = "act"
	attrHold = "hold"
)

// These attributes hold provisional dates. META has them only while the calendar of the pay day's
// year is not loaded.
const (
	// attrProvisional names the calendar that is not loaded. Without this attribute, META has none of
	// the other attributes of provisional dates.
	attrProvisional = "provisional"
	attrPartLast    = "part_last"
	attrPayDay      = "pay_day"
	attrPayWorking  = "pay_working_days"
	attrPayPrevious = "pay_moves_previous"
	attrPayLatest   = "pay_latest"
)

// metaItem makes the main item (META) of a settlement, with the keys of its indexes.
func metaItem(s settlement.Settlement) item {
	k := keys.Settlement(s.Tenant, ident.Settlement(s.ID))
	it := item{
		"pk": dynamo.Text(k.PK), "sk": dynamo.Text(k.SK),
		attrMeta:     binaryValue(encodeWith(&s, encodeOrDecodeSettlement)),
		attrRevision: dynamo.Number(s.Revision),
		attrStatus:   dynamo.Text(string(s.Status)),
		attrVersion:  dynamo.Number(s.StatusVersion),
		attrAct:      dynamo.Text(s.Last.ID),
		"tp_pk":      dynamo.Text(keys.ByTaxpayer(s.Tenant, s.Entity, s.TaxpayerID)),
		"cr_pk":      dynamo.Text(keys.ByCreator(s.Tenant, s.CreatorID)),
		"op_pk": dynamo.Text(keys.ByOpening(s.Tenant, civil.MonthOf(s.OpenedAt),
			keys.OpeningShard(s.ID))),
		"at": dynamo.Text(keys.OpenedAt(s.OpenedAt)),
	}
	// Lists filter by the reason of the hold without decoding the settlement.
	if s.Hold != nil {
		it[attrHold] = dynamo.Text(s.Hold.Reason)
	}
	if s.Provisional != nil {
		writeProvisional(it, *s.Provisional)
	}
	return it
}

// writeProvisional sets the attributes of provisional dates in META.
func writeProvisional(it item, p settlement.Provisional) {
	it[attrProvisional] = dynamo.Text(p.Missing)
	writeDay(it, attrPartLast, p.Last)
	writeDay(it, attrPayDay, p.Day)
	writeDay(it, attrPayLatest, p.Latest)
	if p.WorkingDays != 0 {
		it[attrPayWorking] = dynamo.Number(p.WorkingDays)
	}
	if p.Previous {
		it[attrPayPrevious] = dynamo.Number(1)
	}
}

// readProvisional reads the provisional dates of META; it returns nil when the dates are final.
func readProvisional(it item) (*settlement.Provisional, error) {
	if _, there := it[attrProvisional]; !there {
		return nil, nil
	}
	p := settlement.Provisional{Missing: dynamo.TextOf(it, attrProvisional)}
	p.WorkingDays = int(dynamo.NumberOf(it, attrPayWorking))
	p.Previous = dynamo.NumberOf(it, attrPayPrevious) != 0
	err := errors.Join(readDay(it, attrPartLast, &p.Last), readDay(it, attrPayDay, &p.Day),
		readDay(it, attrPayLatest, &p.Latest))
	return &p, err
}

// writeDay sets an attribute to a date; for the zero date it sets nothing.
func writeDay(it item, name string, d civil.Date) {
	if !d.IsZero() {
		it[name] = dynamo.Text(d.String())
	}
}

// readDay reads a date from an attribute and leaves d unchanged when the attribute is missing.
func readDay(it item, name string, d *civil.Date) (err error) {
	if text := dynamo.TextOf(it, name); text != "" {
		*d, err = civil.ParseDate(text)
	}
	return err
}

// unixMillis returns the milliseconds since 1970 of an instant, 0 for the zero time.
func unixMillis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// timeOfMillis returns the instant of unixMillis in the time zone Asia/Shanghai.
func timeOfMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).In(civil.Shanghai)
}

// errNotMeta is the error for an item whose key is not the key of a settlement's main item.
var errNotMeta = errors.New("settlementdb: not a settlement")

// DecodeMeta reads a settlement from its main item (META). The relay calls it with the images of
// the table's stream.
func DecodeMeta(it map[string]types.AttributeValue) (settlement.Settlement, error) {
	tenant, id, ok := keys.ParseSettlementKey(dynamo.TextOf(it, "pk"), dynamo.TextOf(it, "sk"))
	if !ok {
		return settlement.Settlement{}, errNotMeta
	}
	var s settlement.Settlement
	if err := decodeWith(readBinary(it, attrMeta), &s, encodeOrDecodeSettlement); err != nil {
		return settlement.Settlement{}, fmt.Errorf("settlementdb: unpack %s: %w", id, err)
	}
	var err error
	if s.Provisional, err = readProvisional(it); err != nil {
		return settlement.Settlement{}, fmt.Errorf("settlementdb: dates of %s: %w", id, err)
	}
	s.Tenant = tenant
	s.ID = string(id)
	s.Status = settlement.Status(dynamo.TextOf(it, attrStatus))
	s.StatusVersion = int(dynamo.NumberOf(it, attrVersion))
	s.Revision = int(dynamo.NumberOf(it, attrRevision))
	// A status move stores only its target status: its source status is the target of the move before
	// it. The id of the current status is that of the last move, or of the opening.
	s.TransitionID = s.OpenedBy
	from := settlement.PendingReview
	for i := range s.History {
		s.History[i].From = from
		from = s.History[i].To
		s.TransitionID = s.History[i].TransitionID
	}
	return s, nil
}
