// Package incentivedb keeps recorded events, the chunks of creators' days, and how far days are
// closed in the incentives table.
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

// Attribute names of an event item. They are short because every recorded event pays for them.
const (
	attrCreator  = "cr"
	attrAction   = "ac"
	attrAt       = "at" // occurred_at, RFC 3339 in Shanghai time
	attrQuantity = "q"
	attrPlatform = "pf"
	attrDetails  = "o" // JSON of the fields that earn nothing
	attrDigest   = "h"
	attrRecorded = "rec" // milliseconds
	attrWrite    = "w"
	attrKind     = "rk"
	attrValue    = "ra" // fen of cash, else points
	attrStrategy = "si"
	attrVersion  = "sv"
	attrCap      = "sc"     // as the value, absent for none
	attrParked   = "parked" // stays when a strategy arrives later: the first answer said so
)

// strategyMissing is why an event is parked.
const strategyMissing = "strategy_missing"

type item = dynamo.Item

// eventItem is the item of a recorded event, well under 1 KB unless the sender fills every optional
// field.
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

func writeGrant(it item, g *incentive.Grant) {
	it[attrKind], it[attrValue] = dynamo.Text(string(g.Kind)), dynamo.Number(g.StoredValue())
	it[attrStrategy], it[attrVersion] = dynamo.Text(g.Strategy), dynamo.Number(int64(g.Version))
	if g.DailyCap != 0 {
		it[attrCap] = dynamo.Number(g.DailyCap)
	}
}

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

// errItem tells that a stored item is not one of ours.
var errItem = errors.New("incentivedb: item cannot be read")

// source reads attributes whatever type carries them: the table's or the stream's.
type source interface {
	text(name string) string
	number(name string) string
}

type stored item

func (s stored) text(name string) string { return dynamo.TextOf(item(s), name) }

func (s stored) number(name string) string {
	v, _ := s[name].(*types.AttributeValueMemberN)
	if v == nil {
		return ""
	}
	return v.Value
}

// readRecorded reads an event item back.
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
	if err == nil && r.Grant == nil && !r.Parked {
		err = errItem
	}
	return r, err
}

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

// readGrant gives nil for an event without a reward.
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
