package tenancydb

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/vault"
)

// A taxpayer's data keys and sealed records lie in one partition, so that one query reads all.
const (
	recordPrefix  = "R#"
	keyPrefix     = "V#"
	wrappedAttr   = "wrapped"
	madeAttr      = "made" // unix seconds
	keyNumberAttr = "key"
	fieldsAttr    = "fields"
)

var _ vault.Store = (*Store)(nil)
var _ vault.ReadLog = (*Store)(nil)

// ReadBox reads a taxpayer's data keys and sealed records.
func (s *Store) ReadBox(ctx context.Context, tenant ident.Tenant,
	taxpayer ident.Taxpayer) (vault.Box, error) {
	items, err := s.query(ctx, keys.DataKey(tenant, taxpayer, 1).PK, "")
	if err != nil {
		return vault.Box{}, err
	}
	box := vault.Box{Records: map[string]vault.Record{}}
	for _, it := range items {
		switch sk := dynamo.TextOf(it, "sk"); {
		case strings.HasPrefix(sk, keyPrefix):
			box.Keys = append(box.Keys, vault.DataKey{
				Version: int(dynamo.NumberOf(it, versionAttr)), Wrapped: bytesOf(it[wrappedAttr]),
				Made: time.Unix(int64(int(dynamo.NumberOf(it, madeAttr))), 0),
			})
		case strings.HasPrefix(sk, recordPrefix):
			r := vault.Record{Name: sk[len(recordPrefix):],
				KeyVersion: int(dynamo.NumberOf(it, keyNumberAttr)), Revision: dynamo.TextOf(it, actAttr),
				Fields: map[string][]byte{}}
			if fields, ok := it[fieldsAttr].(*types.AttributeValueMemberM); ok {
				for name, v := range fields.Value {
					r.Fields[name] = bytesOf(v)
				}
			}
			box.Records[r.Name] = r
		}
	}
	return box, nil
}

func bytesOf(v types.AttributeValue) []byte {
	if b, ok := v.(*types.AttributeValueMemberB); ok {
		return b.Value
	}
	return nil
}

// sealing lists the writes of a Sealing. A record that was read before is replaced only as it was
// read.
func (s *Store) sealing(tenant ident.Tenant, act string,
	sealed vault.Sealing) []types.TransactWriteItem {
	var out []types.TransactWriteItem
	if k := sealed.NewKey; k != nil {
		it := dynamo.Key(keys.DataKey(tenant, sealed.Taxpayer, k.Version))
		it[versionAttr] = dynamo.Number(int64(k.Version))
		it[wrappedAttr] = &types.AttributeValueMemberB{Value: k.Wrapped}
		it[madeAttr] = dynamo.Number(k.Made.Unix())
		it[actAttr] = dynamo.Text(act)
		out = append(out, s.once(it))
	}
	for _, r := range sealed.Records {
		fields := item{}
		for name, b := range r.Fields {
			fields[name] = &types.AttributeValueMemberB{Value: b}
		}
		it := dynamo.Key(keys.Key{PK: keys.DataKey(tenant, sealed.Taxpayer, 1).PK,
			SK: recordPrefix + r.Name})
		it[keyNumberAttr] = dynamo.Number(int64(r.KeyVersion))
		it[fieldsAttr] = &types.AttributeValueMemberM{Value: fields}
		it[actAttr] = dynamo.Text(act)
		put := &types.Put{TableName: &s.table, Item: it}
		if r.Revision != "" {
			put.ConditionExpression = aws.String("#act = :seen")
			put.ExpressionAttributeNames = map[string]string{"#act": actAttr}
			put.ExpressionAttributeValues = item{":seen": dynamo.Text(r.Revision)}
			put.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
		}
		out = append(out, types.TransactWriteItem{Put: put})
	}
	return out
}

// renewed notes on the taxpayer's line in its directory how old its data key is.
func (s *Store) renewed(tenant ident.Tenant, taxpayer ident.Taxpayer,
	since time.Time) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.table,
		Key: dynamo.Key(
			keys.Key{PK: keys.MasterList(tenant, string(tenancy.KindTaxpayer)), SK: string(taxpayer)}),
		UpdateExpression:          aws.String("SET #since = :since"),
		ConditionExpression:       aws.String("attribute_exists(pk)"),
		ExpressionAttributeNames:  map[string]string{"#since": keySinceAttr},
		ExpressionAttributeValues: item{":since": dynamo.Number(since.Unix())},
	}}
}

// ListKeysMadeBefore lists, page by page, taxpayers whose newest data key was made at or before a time. The
// cursor is "" at the start and at the end; a page may be empty.
func (s *Store) ListKeysMadeBefore(ctx context.Context, tenant ident.Tenant, before time.Time,
	cursor string, limit int) ([]string, string, error) {
	items, next, err := s.page(ctx, keys.MasterList(tenant, string(tenancy.KindTaxpayer)),
		cursor, limit)
	if err != nil {
		return nil, "", err
	}
	var due []string
	for _, it := range items {
		if int64(int(dynamo.NumberOf(it, keySinceAttr))) <= before.Unix() {
			due = append(due, dynamo.TextOf(it, "sk"))
		}
	}
	return due, next, nil
}

// RecordRead puts the audit record of a read of personal data into the outbox.
func (s *Store) RecordRead(ctx context.Context, r audit.Record) error {
	it, err := outbox.Item(r, nil)
	if err != nil {
		return fault.Internal(err)
	}
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.settlements, Item: it,
		ConditionExpression: aws.String("attribute_not_exists(pk)")})
	if dynamo.Refusal(err) != nil {
		// ids are random: it is this very record, written by a try whose answer was lost
		return nil
	}
	return awsfault.Of(err)
}
