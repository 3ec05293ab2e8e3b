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

// listMonths is how many months before the current one a list of all creators' settlements shows
// when the query has no first day. The list of one creator has no such limit.
const listMonths = 13

// indexEntry is an entry of an index of settlements: the opening time in the form of keys.OpenedAt,
// and the partition key of the settlement.
type indexEntry struct {
	At string `json:"a"`
	PK string `json:"k"`
}

// compareNewestFirst orders index entries by opening time, newest first.
func compareNewestFirst(a, b indexEntry) int {
	return cmp.Or(cmp.Compare(b.At, a.At), cmp.Compare(b.PK, a.PK))
}

// cursor encodes the index entry after which the next page of a list begins.
func (e indexEntry) cursor() string {
	b, err := json.Marshal(e)
	if err != nil {
		// This cannot happen: a struct of two strings always has a JSON form.
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(b)
}

// parseCursor decodes a cursor and refuses one that belongs to another tenant.
func parseCursor(s string, tenant ident.Tenant) (indexEntry, error) {
	var e indexEntry
	if s == "" {
		return e, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(b, &e)
	}
	if owner, _, ok := keys.ParseSettlementKey(e.PK, "META"); err != nil || !ok || owner != tenant {
		return e, fault.Invalid(fault.Field{Field: "cursor",
			Problem: "is not a cursor of this list; leave it out to begin anew"})
	}
	return e, nil
}

// indexRange is a part of an index: some partitions, whose entries a list merges, between two
// opening times.
type indexRange struct {
	index, attribute string
	partitions       []string
	from, to         string
}

// List reads one page of the settlements that match a query, newest opening first. The second
// result is the cursor of the next page, "" at the end.
//
// Errors: fault.InvalidInput when the cursor is not one of this list.
func (s *Store) List(ctx context.Context, tenant ident.Tenant, q settlement.Query, cursor string,
	limit int) ([]settlement.Settlement, string, error) {
	after, err := parseCursor(cursor, tenant)
	if err != nil {
		return nil, "", err
	}
	var found []settlement.Settlement
	for _, r := range s.listRanges(tenant, q) {
		for more := true; more; {
			var entries []indexEntry
			// The filters may drop entries, so reading goes on until the page is full or the range ends.
			entries, more, err = s.queryIndex(ctx, r, after, limit)
			if err != nil {
				return nil, "", err
			}
			found, after, err = s.appendMatches(ctx, q, found, after, entries, limit)
			if err != nil {
				return nil, "", err
			}
			if len(found) == limit {
				return found, after.cursor(), nil
			}
		}
	}
	return found, "", nil
}

// appendMatches appends to found the settlements behind index entries that match a query, up to
// limit, and returns the last index entry that it looked at.
func (s *Store) appendMatches(ctx context.Context, q settlement.Query,
	found []settlement.Settlement, after indexEntry, entries []indexEntry,
	limit int) ([]settlement.Settlement, indexEntry, error) {
	items, err := s.readMetaItems(ctx, entries)
	if err != nil {
		return nil, after, err
	}
	for i, it := range items {
		after = entries[i]
		if !mayMatch(q, it) {
			continue
		}
		st, err := readMeta(it)
		if err != nil {
			return nil, after, err
		}
		if q.Matches(st) {
			found = append(found, st)
		}
		if len(found) == limit {
			break
		}
	}
	return found, after, nil
}

// listRanges returns the ranges of indexes that a list reads one after another, newest first: the
// one range of a creator, or a range for each month of the tenant.
func (s *Store) listRanges(tenant ident.Tenant, q settlement.Query) []indexRange {
	to := keys.OpenedAt(s.Now().Add(maxClockSkew))
	// The last day is inclusive: the range ends a moment before the next day begins.
	if !q.To.IsZero() {
		to = keys.OpenedAt(q.To.AddDays(1).Start().Add(-1))
	}
	if q.Creator != "" {
		from := keys.OpenedAt(civil.NewDate(1970, 1, 2).Start())
		if !q.From.IsZero() {
			from = keys.OpenedAt(q.From.Start())
		}
		return []indexRange{{"by-creator", "cr_pk", []string{keys.ByCreator(tenant, q.Creator)},
			from, to}}
	}
	// The index of a tenant has a partition for each month and shard, so its months are listed one by
	// one.
	last := civil.MonthOf(s.Now())
	if !q.To.IsZero() && q.To.Month().Before(last) {
		last = q.To.Month()
	}
	first := last.Add(-listMonths)
	if !q.From.IsZero() && q.From.Month().After(first) {
		first = q.From.Month()
	}
	var out []indexRange
	for m := last; !m.Before(first); m = m.Add(-1) {
		sp := indexRange{index: "by-opening", attribute: "op_pk", from: keys.OpenedAt(m.First().Start()),
			to: to}
		for n := range uint32(keys.OpeningShards) {
			sp.partitions = append(sp.partitions, keys.ByOpening(tenant, m, n))
		}
		out = append(out, sp)
	}
	return out
}

// maxSameInstant is how many entries more than a page needs are read, because the settlements that
// were opened in the same millisecond as the last entry of the page before are skipped.
const maxSameInstant = 50

// queryIndex returns at most limit entries of a range that come after an index entry, newest
// first, and whether the range may have more.
func (s *Store) queryIndex(ctx context.Context, r indexRange, after indexEntry,
	limit int) ([]indexEntry, bool, error) {
	to := r.to
	if after.At != "" && after.At < to {
		to = after.At
	}
	if to < r.from {
		return nil, false, nil
	}
	var all []indexEntry
	more := false
	for _, pk := range r.partitions {
		items, next, err := dynamo.QueryPage(ctx, s.DB, r.partitionQuery(s.Settlements, pk, to), "",
			limit+maxSameInstant)
		if err != nil {
			return nil, false, err
		}
		more = more || next != ""
		for _, it := range items {
			// The query begins at the opening time of the entry before, so that it returns this entry,
			// and others of the same millisecond, again.
			e := indexEntry{dynamo.TextOf(it, "at"), dynamo.TextOf(it, "pk")}
			if after.At == "" || compareNewestFirst(e, after) > 0 {
				all = append(all, e)
			}
		}
	}
	slices.SortFunc(all, compareNewestFirst)
	if len(all) > limit {
		return all[:limit], true, nil
	}
	return all, more && len(all) > 0, nil
}

// partitionQuery makes the query of one partition of a range, newest opening first, up to an
// opening time.
func (r indexRange) partitionQuery(table, partition, to string) *dynamodb.QueryInput {
	return &dynamodb.QueryInput{
		TableName:                aws.String(table),
		IndexName:                aws.String(r.index),
		ScanIndexForward:         aws.Bool(false),
		KeyConditionExpression:   aws.String(r.attribute + " = :pk AND #at BETWEEN :from AND :to"),
		ExpressionAttributeNames: map[string]string{"#at": "at"},
		ExpressionAttributeValues: item{":pk": dynamo.Text(partition),
			":from": dynamo.Text(r.from), ":to": dynamo.Text(to)},
	}
}

// mayMatch reports whether the status and the hold of META, which are attributes of the item, match
// a query. Only then the other fields are decoded.
func mayMatch(q settlement.Query, meta item) bool {
	return (q.Status == "" || dynamo.TextOf(meta, attrStatus) == string(q.Status)) &&
		(q.Hold == "" || dynamo.TextOf(meta, attrHold) == q.Hold)
}

// LoadAll reads settlements by their ids.
func (s *Store) LoadAll(ctx context.Context, tenant ident.Tenant,
	ids []ident.Settlement) ([]settlement.Settlement, error) {
	entries := make([]indexEntry, len(ids))
	for i, id := range ids {
		entries[i].PK = keys.Settlement(tenant, id).PK
	}
	return s.loadSettlements(ctx, entries)
}

// loadSettlements reads the settlements of index entries, in the order of the entries.
func (s *Store) loadSettlements(ctx context.Context,
	entries []indexEntry) ([]settlement.Settlement, error) {
	items, err := s.readMetaItems(ctx, entries)
	if err != nil {
		return nil, err
	}
	out := make([]settlement.Settlement, len(items))
	for i, it := range items {
		if out[i], err = readMeta(it); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// readMetaItems reads the main items (META) of index entries, in the order of the entries.
func (s *Store) readMetaItems(ctx context.Context, entries []indexEntry) ([]item, error) {
	keyItems := make([]item, len(entries))
	for i, h := range entries {
		keyItems[i] = item{"pk": dynamo.Text(h.PK), "sk": dynamo.Text("META")}
	}
	found, err := s.batchGetItems(ctx, keyItems)
	if err != nil {
		return nil, err
	}
	out := make([]item, len(entries))
	for i, h := range entries {
		// Settlements are never deleted, so an entry without an item is a fault.
		it, ok := found[h.PK+"|META"]
		if !ok {
			return nil, fault.Internal(
				fmt.Errorf("settlementdb: %s is in the index and not in the table", h.PK))
		}
		out[i] = it
	}
	return out, nil
}

// batchGetItems reads items of the settlements table by their keys, with consistent reads. The
// map's keys are partition key and sort key, joined by "|".
func (s *Store) batchGetItems(ctx context.Context, keyItems []item) (map[string]item, error) {
	found := make(map[string]item, len(keyItems))
	err := dynamo.BatchGet(ctx, s.DB, s.Settlements, keyItems, func(it item) error {
		found[dynamo.TextOf(it, "pk")+"|"+dynamo.TextOf(it, "sk")] = it
		return nil
	})
	return found, err
}

// FiguresOf reads the current figures (quote and booking) of some settlements. The result is by
// settlement id and by the hash of the figures.
func (s *Store) FiguresOf(ctx context.Context,
	page []settlement.Settlement) (map[string]map[string]settlement.Figures, error) {
	var keyItems []item
	for _, st := range page {
		for _, hash := range st.FigureHashes() {
			keyItems = append(keyItems, dynamo.Key(keys.Figures(st.Tenant, ident.Settlement(st.ID), hash)))
		}
	}
	items, err := s.batchGetItems(ctx, keyItems)
	if err != nil {
		return nil, err
	}
	out := map[string]map[string]settlement.Figures{}
	for _, st := range page {
		out[st.ID] = map[string]settlement.Figures{}
		// A settlement has a quote, a booking, both, or neither of them.
		for _, hash := range st.FigureHashes() {
			k := keys.Figures(st.Tenant, ident.Settlement(st.ID), hash)
			f, err := decodeFigures(items[k.PK+"|"+k.SK], st.Tenant, st.ID, hash)
			if err != nil {
				return nil, err
			}
			out[st.ID][hash] = f
		}
	}
	return out, nil
}

// OpenOf lists a taxpayer's settlements at a paying entity that are not booked yet, oldest opening
// first. The index may miss settlements of the last moment.
func (s *Store) OpenOf(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer) ([]settlement.Settlement, error) {
	now := s.Now()
	sp := indexRange{"by-taxpayer", "tp_pk", []string{keys.ByTaxpayer(tenant, entity, taxpayer)},
		keys.OpenedAt(now.AddDate(0, 0, -maxOpenDays)), keys.OpenedAt(now.Add(maxClockSkew))}
	var open []settlement.Settlement
	var after indexEntry
	for more := true; more; {
		var entries []indexEntry
		var err error
		if entries, more, err = s.queryIndex(ctx, sp, after, 100); err != nil {
			return nil, err
		}
		page, err := s.loadSettlements(ctx, entries)
		if err != nil {
			return nil, err
		}
		for i, st := range page {
			after = entries[i]
			// Booked settlements count by their tax bookings, so only the others are listed.
			if st.IsUnbooked() {
				open = append(open, st)
			}
		}
	}
	// The index returned the newest opening first.
	slices.Reverse(open)
	return open, nil
}

// maxOpenDays is for how many days after its opening an unbooked settlement counts in the quotes of
// later settlements.
const maxOpenDays = 190

// maxClockSkew is how far the clock of another function may be ahead of this one. Lists include
// settlements that were opened up to this time in the future.
const maxClockSkew = time.Minute
