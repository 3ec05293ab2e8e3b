// Package settlementdb keeps settlements, their journal, balances and tax rows in DynamoDB. Keys,
// items and conditions of one act stand together here.
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

func binary(b []byte) types.AttributeValue { return &types.AttributeValueMemberB{Value: b} }

func binaryOf(it item, name string) []byte {
	if v, ok := it[name].(*types.AttributeValueMemberB); ok {
		return v.Value
	}
	return nil
}

// Attribute names of META that conditions, the relay and an operator at the console read.
const (
	attrMeta     = "m"
	attrRevision = "rev"
	attrStatus   = "st"
	attrVersion  = "v"
	attrAct      = "act" // id of the last write: finding one's own is success
	attrHold     = "hold"
)

// Attribute names of provisional dates, which stand in META only while the calendar of the pay
// day's year is not loaded.
const (
	// the calendar that is not loaded; where it stands, the others mean something
	attrProvisional = "provisional"
	attrPartLast    = "part_last"
	attrPayDay      = "pay_day"
	attrPayWorking  = "pay_working_days"
	attrPayPrevious = "pay_moves_previous"
	attrPayLatest   = "pay_latest"
)

// metaItem is META of s.
func metaItem(s settlement.Settlement) item {
	k := keys.Settlement(s.Tenant, ident.Settlement(s.ID))
	it := item{
		"pk": dynamo.Text(k.PK), "sk": dynamo.Text(k.SK),
		attrMeta:     binary(write(&s, walkSettlement)),
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
	if s.Hold != nil {
		it[attrHold] = dynamo.Text(s.Hold.Reason)
	}
	if s.Provisional != nil {
		writeProvisional(it, *s.Provisional)
	}
	return it
}

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

// readProvisional is nil where the dates are final.
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

// writeDay leaves the zero date out.
func writeDay(it item, name string, d civil.Date) {
	if !d.IsZero() {
		it[name] = dynamo.Text(d.String())
	}
}

func readDay(it item, name string, d *civil.Date) (err error) {
	if text := dynamo.TextOf(it, name); text != "" {
		*d, err = civil.ParseDate(text)
	}
	return err
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

// DecodeMeta reads META; the relay uses it on stream images.
func DecodeMeta(it map[string]types.AttributeValue) (settlement.Settlement, error) {
	tenant, id, ok := keys.SettlementOf(dynamo.TextOf(it, "pk"), dynamo.TextOf(it, "sk"))
	if !ok {
		return settlement.Settlement{}, errNotMeta
	}
	var s settlement.Settlement
	if err := parse(binaryOf(it, attrMeta), &s, walkSettlement); err != nil {
		return settlement.Settlement{}, fmt.Errorf("settlementdb: unpack %s: %w", id, err)
	}
	var err error
	if s.Provisional, err = readProvisional(it); err != nil {
		return settlement.Settlement{}, fmt.Errorf("settlementdb: dates of %s: %w", id, err)
	}
	s.Tenant, s.ID = tenant, string(id)
	s.Status = settlement.Status(dynamo.TextOf(it, attrStatus))
	s.StatusVersion = int(dynamo.NumberOf(it, attrVersion))
	s.Revision = int(dynamo.NumberOf(it, attrRevision))
	s.TransitionID = s.OpenedBy
	from := settlement.PendingReview
	for i := range s.History {
		s.History[i].From = from
		from, s.TransitionID = s.History[i].To, s.History[i].TransitionID
	}
	return s, nil
}
