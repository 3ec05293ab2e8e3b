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

// A taxpayer's data keys (V#) and sealed records (R#) share one partition, so that one query reads
// both.
const (
	recordPrefix  = "R#"
	keyPrefix     = "V#"
	wrappedAttr   = "wrapped"
	madeAttr      = "made" // time at which a data key was made, unix seconds
	keyNumberAttr = "key"  // number of the data key under which a record is sealed
	fieldsAttr    = "fields"
)

var _ vault.Store = (*Store)(nil)
var _ vault.ReadLog = (*Store)(nil)

// ReadBox reads a taxpayer's wrapped data keys and sealed records.
func (s *Store) ReadBox(ctx context.Context, tenant ident.Tenant,
	taxpayer ident.Taxpayer) (vault.Box, error) {
	items, err := s.queryPartition(ctx, keys.DataKey(tenant, taxpayer, 1).PK, "")
	if err != nil {
		return vault.Box{}, err
	}
	box := vault.Box{Records: map[string]vault.Record{}}
	for _, it := range items {
		switch sk := dynamo.TextOf(it, "sk"); {
		case strings.HasPrefix(sk, keyPrefix):
			box.Keys = append(box.Keys, vault.DataKey{
				Version: int(dynamo.NumberOf(it, versionAttr)), Wrapped: bytesOf(it[wrappedAttr]),
				Made: time.Unix(dynamo.NumberOf(it, madeAttr), 0),
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

// bytesOf returns the bytes of a binary attribute; nil for an attribute of another type.
func bytesOf(v types.AttributeValue) []byte {
	if b, ok := v.(*types.AttributeValueMemberB); ok {
		return b.Value
	}
	return nil
}

// sealingWrites returns the transaction items that store a vault.Sealing. A record that was read
// before it was sealed is replaced only in the state in which it was read.
func (s *Store) sealingWrites(tenant ident.Tenant, act string,
	sealed vault.Sealing) []types.TransactWriteItem {
	var out []types.TransactWriteItem
	if k := sealed.NewKey; k != nil {
		it := dynamo.Key(keys.DataKey(tenant, sealed.Taxpayer, k.Version))
		it[versionAttr] = dynamo.Number(int64(k.Version))
		it[wrappedAttr] = &types.AttributeValueMemberB{Value: k.Wrapped}
		it[madeAttr] = dynamo.Number(k.Made.Unix())
		it[actAttr] = dynamo.Text(act)
		out = append(out, s.putNew(it))
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
			// A rotation and a change of the same record may run at once; the slower one must read again.
			put.ConditionExpression = aws.String("#act = :seen")
			put.ExpressionAttributeNames = map[string]string{"#act": actAttr}
			put.ExpressionAttributeValues = item{":seen": dynamo.Text(r.Revision)}
			put.ReturnValuesOnConditionCheckFailure = types.ReturnValuesOnConditionCheckFailureAllOld
		}
		out = append(out, types.TransactWriteItem{Put: put})
	}
	return out
}

// keyRenewalUpdate returns the transaction item that writes, in the directory of taxpayers, since
// when the newest data key of a taxpayer is in use.
func (s *Store) keyRenewalUpdate(tenant ident.Tenant, taxpayer ident.Taxpayer,
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

// ListKeysMadeBefore lists, page by page, the taxpayers whose newest data key was made at or before
// a time. The cursor is "" for the first page and after the last one; a page may be empty.
func (s *Store) ListKeysMadeBefore(ctx context.Context, tenant ident.Tenant, before time.Time,
	cursor string, limit int) ([]string, string, error) {
	items, next, err := s.queryPage(ctx, keys.MasterList(tenant, string(tenancy.KindTaxpayer)),
		cursor, limit)
	if err != nil {
		return nil, "", err
	}
	var due []string
	for _, it := range items {
		if dynamo.NumberOf(it, keySinceAttr) <= before.Unix() {
			due = append(due, dynamo.TextOf(it, "sk"))
		}
	}
	return due, next, nil
}

// RecordRead stores the audit record of a read of personal data as an outbox item.
func (s *Store) RecordRead(ctx context.Context, r audit.Record) error {
	it, err := outbox.Item(r, nil)
	if err != nil {
		return fault.Internal(err)
	}
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.settlements, Item: it,
		ConditionExpression: aws.String("attribute_not_exists(pk)")})
	// Ids are random: an item with this id was stored by an earlier try whose answer was lost.
	if err != nil && dynamo.AsConditionError(err) == nil {
		return awsfault.Classify(err)
	}
	return nil
}
