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

// Shadows keeps comparisons with shadow packs in the ledger table, which has no stream: nothing
// else hears of them.
type Shadows struct {
	DB     dynamo.API
	Ledger string

	// partition keys whose version stands in the directory, as far as this process knows
	listed sync.Map
}

var _ settlement.ShadowStore = (*Shadows)(nil)

// attrDiffers marks the comparisons that a list shows.
const attrDiffers = "d"

// PutComparison writes one item for each settlement and version; the last comparison counts.
func (s *Shadows) PutComparison(ctx context.Context, c settlement.Comparison) error {
	partition := keys.ShadowReport(c.Tenant, c.Shadow.Pack, c.Shadow.Version)
	if _, known := s.listed.Load(partition); !known {
		if err := s.put(ctx,
			keys.Key{PK: keys.ShadowList(c.Tenant), SK: c.Shadow.Pack + "@" + c.Shadow.Version}, c.Shadow,
			false); err != nil {
			return err
		}
		s.listed.Store(partition, true)
	}
	return s.put(ctx, keys.Key{PK: partition, SK: string(c.Settlement)}, c, c.Differs)
}

func (s *Shadows) put(ctx context.Context, k keys.Key, v any, differs bool) error {
	it, err := DocumentItem(k, v)
	if err != nil {
		return err
	}
	it[attrDiffers] = &types.AttributeValueMemberBOOL{Value: differs}
	_, err = s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.Ledger), Item: it})
	return awsfault.Of(err)
}

// Shadowed lists the versions that were compared, by name.
func (s *Shadows) Shadowed(ctx context.Context, tenant ident.Tenant) ([]tax.PackID, error) {
	out := []tax.PackID{}
	err := s.each(ctx, keys.ShadowList(tenant), func(it item) error {
		id, err := DocumentOf[tax.PackID](it)
		out = append(out, id)
		return err
	})
	return out, err
}

// ShadowReport reads all comparisons with a version and sums them up.
func (s *Shadows) ShadowReport(ctx context.Context, tenant ident.Tenant,
	shadow tax.PackID) (settlement.ShadowReport, error) {
	r := settlement.ShadowReport{Shadow: shadow, Worst: []settlement.WorstCase{}}
	err := s.each(ctx, keys.ShadowReport(tenant, shadow.Pack, shadow.Version), func(it item) error {
		c, err := comparisonOf(it, tenant)
		if err == nil {
			r.Add(c)
		}
		return err
	})
	return r, err
}

func (s *Shadows) each(ctx context.Context, pk string, do func(item) error) error {
	in := dynamo.PartitionQuery(s.Ledger, pk, "")
	in.ConsistentRead = nil // a report may lag behind by a moment; this read costs half
	return dynamo.QueryEach(ctx, s.DB, in, do)
}

func comparisonOf(it item, tenant ident.Tenant) (settlement.Comparison, error) {
	c, err := DocumentOf[settlement.Comparison](it)
	c.Tenant = tenant
	return c, err
}

// Comparisons lists those that differ or failed, by settlement.
func (s *Shadows) Comparisons(ctx context.Context, tenant ident.Tenant, pack, version,
	cursor string, limit int) ([]settlement.Comparison, string, error) {
	after, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || strings.ContainsAny(string(after), "# ") {
		return nil, "", fault.Invalid(fault.Field{Field: "cursor",
			Problem: "is not a cursor of this list; leave it out to begin anew"})
	}
	pk := keys.ShadowReport(tenant, pack, version)
	in := dynamo.PartitionQuery(s.Ledger, pk, "")
	in.ConsistentRead = nil // a report may lag behind by a moment; this read costs half
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
		c, err := comparisonOf(it, tenant)
		if err != nil {
			return nil, "", err
		}
		if len(out) == limit { // the list has one more comparison, so another page follows
			return out, base64.RawURLEncoding.EncodeToString([]byte(out[limit-1].Settlement)), nil
		}
		out = append(out, c)
	}
	return out, "", nil
}
