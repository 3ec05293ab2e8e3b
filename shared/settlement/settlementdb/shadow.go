package settlementdb

import (
	"context"
	"encoding/base64"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/settlement"
)

// Shadows stores comparisons of booked figures with the figures of shadow policy packs. They are in
// the ledger table, which has no stream, so that a comparison sends no message and no event.
type Shadows struct {
	DB     dynamo.API
	Ledger string

	// listed holds the partition keys of the shadow versions that this process has already added to
	// the tenant's list of versions.
	listed sync.Map
}

var _ settlement.ShadowStore = (*Shadows)(nil)

// attrDiffers is true on a comparison that a list shows: its figures differ, or it failed.
const attrDiffers = "d"

// PutComparison stores the comparison of a settlement with a shadow version and replaces an earlier
// comparison of the two.
func (s *Shadows) PutComparison(ctx context.Context, c settlement.Comparison) error {
	partition := keys.ShadowReport(c.Tenant, c.Shadow.Pack, c.Shadow.Version)
	// The list of versions is written once by each process; writing it again stores the same item.
	if _, known := s.listed.Load(partition); !known {
		if err := s.putDocument(ctx,
			keys.Key{PK: keys.ShadowList(c.Tenant), SK: c.Shadow.Pack + "@" + c.Shadow.Version}, c.Shadow,
			false); err != nil {
			return err
		}
		s.listed.Store(partition, true)
	}
	return s.putDocument(ctx, keys.Key{PK: partition, SK: string(c.Settlement)}, c, c.Differs)
}

// putDocument stores a value as JSON, with the mark that lists filter by.
func (s *Shadows) putDocument(ctx context.Context, k keys.Key, v any, differs bool) error {
	it, err := EncodeDocument(k, v)
	if err != nil {
		return err
	}
	it[attrDiffers] = &types.AttributeValueMemberBOOL{Value: differs}
	_, err = s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.Ledger), Item: it})
	return awsfault.Classify(err)
}

// Shadowed lists the shadow versions with which the tenant's settlements were compared, by name.
func (s *Shadows) Shadowed(ctx context.Context, tenant ident.Tenant) ([]tax.PackID, error) {
	out := []tax.PackID{}
	err := s.forEachItem(ctx, keys.ShadowList(tenant), func(it item) error {
		id, err := DecodeDocument[tax.PackID](it)
		out = append(out, id)
		return err
	})
	return out, err
}

// ShadowReport reads all comparisons with a shadow version and sums up their differences.
func (s *Shadows) ShadowReport(ctx context.Context, tenant ident.Tenant,
	shadow tax.PackID) (settlement.ShadowReport, error) {
	r := settlement.ShadowReport{Shadow: shadow, Worst: []settlement.WorstCase{}}
	err := s.forEachItem(ctx, keys.ShadowReport(tenant, shadow.Pack, shadow.Version),
		func(it item) error {
			c, err := decodeComparison(it, tenant)
			if err == nil {
				r.Add(c)
			}
			return err
		})
	return r, err
}

// forEachItem calls do with each item of a partition, in the order of sort keys.
func (s *Shadows) forEachItem(ctx context.Context, pk string, do func(item) error) error {
	in := dynamo.PartitionQuery(s.Ledger, pk, "")
	// The read is not consistent, which costs half: a report may be some seconds old.
	in.ConsistentRead = nil
	return dynamo.QueryEach(ctx, s.DB, in, do)
}

// decodeComparison reads a comparison from its item. The tenant is not in the stored JSON.
func decodeComparison(it item, tenant ident.Tenant) (settlement.Comparison, error) {
	c, err := DecodeDocument[settlement.Comparison](it)
	c.Tenant = tenant
	return c, err
}

// Comparisons lists the comparisons with a shadow version that differ or failed, in the order of
// settlement ids. The second result is the cursor of the next page, "" at the end.
//
// Errors: fault.InvalidInput when the cursor is not one of this list.
func (s *Shadows) Comparisons(ctx context.Context, tenant ident.Tenant, pack, version,
	cursor string, limit int) ([]settlement.Comparison, string, error) {
	// A cursor is the id of the last settlement of the page before. An id with "#" or a blank could
	// reach into other keys and is refused.
	after, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || strings.ContainsAny(string(after), "# ") {
		return nil, "", fault.Invalid(fault.Field{Field: "cursor",
			Problem: "is not a cursor of this list; leave it out to begin anew"})
	}
	pk := keys.ShadowReport(tenant, pack, version)
	in := dynamo.PartitionQuery(s.Ledger, pk, "")
	// The read is not consistent, which costs half: a report may be some seconds old.
	in.ConsistentRead = nil
	in.FilterExpression = aws.String(attrDiffers + " = :yes")
	in.ExpressionAttributeValues[":yes"] = &types.AttributeValueMemberBOOL{Value: true}
	if len(after) > 0 {
		in.ExclusiveStartKey = dynamo.Key(keys.Key{PK: pk, SK: string(after)})
	}
	out := []settlement.Comparison{}
	for it, err := range dynamo.QueryItems(ctx, s.DB, in) {
		if err != nil {
			return nil, "", err
		}
		c, err := decodeComparison(it, tenant)
		if err != nil {
			return nil, "", err
		}
		if len(out) == limit {
			// There is one more comparison than the page holds, so the list has a next page.
			return out, base64.RawURLEncoding.EncodeToString([]byte(out[limit-1].Settlement)), nil
		}
		out = append(out, c)
	}
	return out, "", nil
}
