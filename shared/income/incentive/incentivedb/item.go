// Package incentivedb stores recorded events, the chunks of creators' days, and how far days are
// closed, in the incentives table.
package incentivedb

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
)

// Attribute names of an event item. They are short because DynamoDB charges for their bytes in
// every recorded event.
const (
	attrCreator = "cr"
	attrAction  = "ac"
	// attrAt is occurred_at in RFC 3339, in the time zone of Shanghai.
	attrAt       = "at"
	attrQuantity = "q"
	attrPlatform = "pf"
	// attrDetails is the JSON of the fields on which no reward depends.
	attrDetails = "o"
	attrDigest  = "h"
	// attrRecorded is the time of recording in milliseconds.
	attrRecorded = "rec"
	attrWrite    = "w"
	attrKind     = "rk"
	// attrValue is fen for cash and points otherwise.
	attrValue    = "ra"
	attrStrategy = "si"
	attrVersion  = "sv"
	// attrCap is the daily cap in the unit of the value; it is absent when there is no cap.
	attrCap = "sc"
	// attrParked stays when a strategy is recorded later, because the first answer reported the event
	// as parked.
	attrParked = "parked"
)

// strategyMissing is the reason why an event is parked.
const strategyMissing = "strategy_missing"

// item is one DynamoDB item.
type item = dynamo.Item

// eventItem returns the item of a recorded event; it is well under 1 KB unless the sender fills
// every optional field.
func eventItem(tenant ident.Tenant, r *incentive.Recorded) (item, error) {
	k := keys.Event(tenant, r.EventID)
	it := make(item, 16)
	it["pk"], it["sk"] = dynamo.Text(k.PK), dynamo.Text(k.SK)
	writeEvent(it, r.Event)
	it[attrDigest], it[attrWrite] = dynamo.Text(r.Digest), dynamo.Text(r.WriteID)
	it[attrRecorded] = dynamo.Number(r.RecordedAt.UnixMilli())
	if r.Parked {
		it[attrParked] = dynamo.Text(strategyMissing)
	} else {
		writeGrant(it, r.Grant)
	}
	return it, writeDetails(it, &r.Details)
}

// writeEvent writes the fields of an event into an item; default values are left out to save space.
func writeEvent(it item, e incentive.Event) {
	it[attrCreator], it[attrAction] = dynamo.Text(string(e.CreatorID)), dynamo.Text(e.ActionType)
	it[attrAt] = dynamo.Text(e.OccurredAt.Format(time.RFC3339Nano))
	if e.Quantity != 1 {
		it[attrQuantity] = dynamo.Number(e.Quantity)
	}
	if e.Platform != "" {
		it[attrPlatform] = dynamo.Text(e.Platform)
	}
}

// writeGrant writes a reward into an item.
func writeGrant(it item, g *incentive.Grant) {
	it[attrKind], it[attrValue] = dynamo.Text(string(g.Kind)), dynamo.Number(g.StoredValue())
	it[attrStrategy], it[attrVersion] = dynamo.Text(g.Strategy), dynamo.Number(int64(g.Version))
	if g.DailyCap != 0 {
		it[attrCap] = dynamo.Number(g.DailyCap)
	}
}

// writeDetails writes the details of an event as JSON, nothing when all of them are empty.
func writeDetails(it item, d *incentive.Details) error {
	if d.ContentID == "" && d.ViewerRef == "" && d.SessionID == "" && d.UTM == nil && d.Device == "" &&
		len(d.Metrics) == 0 {
		return nil
	}
	b, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("incentivedb: %w", err)
	}
	it[attrDetails] = dynamo.Text(string(b))
	return nil
}

// errItem reports that a stored item cannot be read as an event or a day.
var errItem = errors.New("incentivedb: item cannot be read")

// source reads attributes of an item of the table or of an image in the stream.
type source interface {
	text(name string) string
	number(name string) string
}

// stored reads attributes of an item of the table.
type stored item

// text returns a string attribute, "" when it is absent.
func (s stored) text(name string) string { return dynamo.TextOf(item(s), name) }

// number returns a number attribute as text, "" when it is absent.
func (s stored) number(name string) string {
	v, _ := s[name].(*types.AttributeValueMemberN)
	if v == nil {
		return ""
	}
	return v.Value
}

// readRecorded decodes the item of a recorded event.
func readRecorded(event string, s source) (incentive.Recorded, error) {
	e, err := readEvent(event, s)
	if err != nil {
		return incentive.Recorded{}, err
	}
	ms, err := strconv.ParseInt(s.number(attrRecorded), 10, 64)
	if err != nil {
		return incentive.Recorded{}, errItem
	}
	r := incentive.Recorded{Event: e, Digest: s.text(attrDigest), WriteID: s.text(attrWrite),
		RecordedAt: time.UnixMilli(ms), Parked: s.text(attrParked) != ""}
	if o := s.text(attrDetails); o != "" {
		if err := json.Unmarshal([]byte(o), &r.Details); err != nil {
			return incentive.Recorded{}, errItem
		}
	}
	r.Grant, err = readGrant(s)
	// An event without a reward must have been parked; any other item is damaged.
	if err == nil && r.Grant == nil && !r.Parked {
		err = errItem
	}
	return r, err
}

// readEvent decodes the fields of an event.
func readEvent(event string, s source) (incentive.Event, error) {
	at, err := time.Parse(time.RFC3339Nano, s.text(attrAt))
	e := incentive.Event{
		EventID: event, CreatorID: ident.Creator(s.text(attrCreator)), ActionType: s.text(attrAction),
		OccurredAt: at.In(civil.Shanghai), Quantity: 1, Platform: s.text(attrPlatform),
	}
	if err != nil || event == "" || e.CreatorID == "" || e.ActionType == "" {
		return incentive.Event{}, errItem
	}
	if q := s.number(attrQuantity); q != "" {
		if e.Quantity, err = strconv.ParseInt(q, 10, 64); err != nil {
			return incentive.Event{}, errItem
		}
	}
	return e, nil
}

// readGrant decodes the reward of an event; it returns nil for an event without a reward.
func readGrant(s source) (*incentive.Grant, error) {
	kind := incentive.Kind(s.text(attrKind))
	if kind == "" {
		return nil, nil
	}
	value, err1 := strconv.ParseInt(s.number(attrValue), 10, 64)
	version, err2 := strconv.Atoi(s.number(attrVersion))
	limit, err3 := int64(0), error(nil)
	if n := s.number(attrCap); n != "" {
		limit, err3 = strconv.ParseInt(n, 10, 64)
	}
	if err1 != nil || err2 != nil || err3 != nil || value < 0 || s.text(attrStrategy) == "" {
		return nil, errItem
	}
	g := incentive.NewGrant(kind, value, s.text(attrStrategy), version, limit)
	return &g, nil
}
