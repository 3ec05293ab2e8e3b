package settlementdb

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
)

// listMonths is how far back a tenant's list without `from` looks; a creator's list has no such
// end.
const listMonths = 13

// hit is an index entry: when a settlement was opened, and its partition key.
type hit struct {
	At string `json:"a"`
	PK string `json:"k"`
}

// newest orders index entries, newest opening first.
func newest(a, b hit) int { return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(b.PK, a.PK)) }

// cursor is the entry after which a list goes on.
func (h hit) cursor() string {
	b, err := json.Marshal(h)
	if err != nil { // two strings always marshal
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseCursor(s string, tenant ident.Tenant) (hit, error) {
	var h hit
	if s == "" {
		return h, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &h)
	}
	if owner, _, ok := keys.SettlementOf(h.PK, "META"); err != nil || !ok || owner != tenant {
		return h, fault.Invalid(fault.Field{Field: "cursor",
			Problem: "is not a cursor of this list; leave it out to begin anew"})
	}
	return h, nil
}

// span is a part of an index: partitions that are merged, within two opening times.
type span struct {
	index, attribute string
	partitions       []string
	from, to         string
}

// List reads one page, newest opening first; the cursor is "" at the end.
func (s *Store) List(ctx context.Context, tenant ident.Tenant, q settlement.Query, cursor string,
	limit int) ([]settlement.Settlement, string, error) {
	after, err := parseCursor(cursor, tenant)
	if err != nil {
		return nil, "", err
	}
	var found []settlement.Settlement
	for _, sp := range s.spans(tenant, q) {
		for more := true; more; {
			var hits []hit
			if hits, more, err = s.hits(ctx, sp, after, limit); err != nil {
				return nil, "", err
			}
			items, err := s.metas(ctx, hits)
			if err != nil {
				return nil, "", err
			}
			for i, it := range items {
				after = hits[i]
				if !mayMatch(q, it) {
					continue
				}
				st, err := read(it)
				if err != nil {
					return nil, "", err
				}
				if q.Matches(st) {
					found = append(found, st)
				}
				if len(found) == limit {
					return found, after.cursor(), nil
				}
			}
		}
	}
	return found, "", nil
}

// spans are the parts of the index that a list walks, newest first: a creator's own, or the
// tenant's months.
func (s *Store) spans(tenant ident.Tenant, q settlement.Query) []span {
	to := keys.OpenedAt(s.Now().Add(skew))
	if !q.To.IsZero() {
		to = keys.OpenedAt(q.To.AddDays(1).Start().Add(-1))
	}
	if q.Creator != "" {
		from := keys.OpenedAt(civil.On(1970, 1, 2).Start())
		if !q.From.IsZero() {
			from = keys.OpenedAt(q.From.Start())
		}
		return []span{{"by-creator", "cr_pk", []string{keys.ByCreator(tenant, q.Creator)}, from, to}}
	}
	last := civil.MonthOf(s.Now())
	if !q.To.IsZero() && q.To.Month().Before(last) {
		last = q.To.Month()
	}
	first := last.Add(-listMonths)
	if !q.From.IsZero() && q.From.Month().After(first) {
		first = q.From.Month()
	}
	var out []span
	for m := last; !m.Before(first); m = m.Add(-1) {
		sp := span{index: "by-opening", attribute: "op_pk", from: keys.OpenedAt(m.First().Start()),
			to: to}
		for n := range uint32(keys.OpeningShards) {
			sp.partitions = append(sp.partitions, keys.ByOpening(tenant, m, n))
		}
		out = append(out, sp)
	}
	return out
}

// sameInstant is how many settlements of one millisecond a page may step over at its beginning.
const sameInstant = 50

// hits gives at most limit entries of a span after a cursor, and whether there may be more.
func (s *Store) hits(ctx context.Context, sp span, after hit, limit int) ([]hit, bool, error) {
	to := sp.to
	if after.At != "" && after.At < to {
		to = after.At
	}
	if to < sp.from {
		return nil, false, nil
	}
	var all []hit
	more := false
	for _, pk := range sp.partitions {
		items, next, err := dynamo.QueryPage(ctx, s.DB, &dynamodb.QueryInput{
			TableName: aws.String(s.Settlements),
			IndexName: aws.String(sp.index), ScanIndexForward: aws.Bool(false),
			KeyConditionExpression:   aws.String(sp.attribute + " = :pk AND #at BETWEEN :from AND :to"),
			ExpressionAttributeNames: map[string]string{"#at": "at"},
			ExpressionAttributeValues: item{":pk": dynamo.Text(pk), ":from": dynamo.Text(sp.from),
				":to": dynamo.Text(to)}}, "", limit+sameInstant)
		if err != nil {
			return nil, false, err
		}
		more = more || next != ""
		for _, it := range items {
			if h := (hit{dynamo.TextOf(it, "at"), dynamo.TextOf(it, "pk")}); after.At == "" ||
				newest(h, after) > 0 {
				all = append(all, h)
			}
		}
	}
	slices.SortFunc(all, newest)
	if len(all) > limit {
		return all[:limit], true, nil
	}
	return all, more && len(all) > 0, nil
}

// mayMatch tells from the attributes in clear whether META is worth unpacking.
func mayMatch(q settlement.Query, meta item) bool {
	return (q.Status == "" || dynamo.TextOf(meta, attrStatus) == string(q.Status)) &&
		(q.Hold == "" || dynamo.TextOf(meta, attrHold) == q.Hold)
}

// LoadAll reads settlements by their ids.
func (s *Store) LoadAll(ctx context.Context, tenant ident.Tenant,
	ids []ident.Settlement) ([]settlement.Settlement, error) {
	hits := make([]hit, len(ids))
	for i, id := range ids {
		hits[i].PK = keys.Settlement(tenant, id).PK
	}
	return s.load(ctx, hits)
}

// load reads the settlements behind index entries, in their order.
func (s *Store) load(ctx context.Context, hits []hit) ([]settlement.Settlement, error) {
	items, err := s.metas(ctx, hits)
	if err != nil {
		return nil, err
	}
	out := make([]settlement.Settlement, len(items))
	for i, it := range items {
		if out[i], err = read(it); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// metas reads META behind index entries, in their order.
func (s *Store) metas(ctx context.Context, hits []hit) ([]item, error) {
	ks := make([]item, len(hits))
	for i, h := range hits {
		ks[i] = item{"pk": dynamo.Text(h.PK), "sk": dynamo.Text("META")}
	}
	found, err := s.batch(ctx, ks)
	if err != nil {
		return nil, err
	}
	out := make([]item, len(hits))
	for i, h := range hits {
		it, ok := found[h.PK+"|META"]
		if !ok {
			return nil, fault.Internal(
				fmt.Errorf("settlementdb: %s is in the index and not in the table", h.PK))
		}
		out[i] = it
	}
	return out, nil
}

// batch reads items of the settlements table by their keys, consistently; the map is by "pk|sk".
func (s *Store) batch(ctx context.Context, ks []item) (map[string]item, error) {
	found := make(map[string]item, len(ks))
	err := dynamo.BatchGet(ctx, s.DB, s.Settlements, ks, func(it item) error {
		found[dynamo.TextOf(it, "pk")+"|"+dynamo.TextOf(it, "sk")] = it
		return nil
	})
	return found, err
}

// FiguresOf reads the standing figures of a page of settlements, by settlement id.
func (s *Store) FiguresOf(ctx context.Context,
	page []settlement.Settlement) (map[string]map[string]settlement.Figures, error) {
	var ks []item
	for _, st := range page {
		for _, hash := range st.FigureHashes() {
			ks = append(ks, dynamo.Key(keys.Figures(st.Tenant, ident.Settlement(st.ID), hash)))
		}
	}
	items, err := s.batch(ctx, ks)
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]settlement.Figures{}
	for _, st := range page {
		out[st.ID] = map[string]settlement.Figures{}
		for _, hash := range st.FigureHashes() {
			k := keys.Figures(st.Tenant, ident.Settlement(st.ID), hash)
			f, err := figuresOf(items[k.PK+"|"+k.SK], st.Tenant, st.ID, hash)
			if err != nil {
				return nil, err
			}
			out[st.ID][hash] = f
		}
	}
	return out, nil
}

// OpenOf lists a taxpayer's settlements at an entity that wait for their booking, oldest opening
// first. It walks the index and so may lag behind by a moment.
func (s *Store) OpenOf(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer) ([]settlement.Settlement, error) {
	now := s.Now()
	sp := span{"by-taxpayer", "tp_pk", []string{keys.ByTaxpayer(tenant, entity, taxpayer)},
		keys.OpenedAt(now.AddDate(0, 0, -openDays)), keys.OpenedAt(now.Add(skew))}
	var open []settlement.Settlement
	var after hit
	for more := true; more; {
		var hits []hit
		var err error
		if hits, more, err = s.hits(ctx, sp, after, 100); err != nil {
			return nil, err
		}
		page, err := s.load(ctx, hits)
		if err != nil {
			return nil, err
		}
		for i, st := range page {
			after = hits[i]
			if st.Unbooked() {
				open = append(open, st)
			}
		}
	}
	slices.Reverse(open)
	return open, nil
}

// openDays is how long a settlement may stay open and still count in later quotes.
const openDays = 190

// skew is how far another function's clock may be ahead of ours.
const skew = time.Minute
