package auditlog

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
)

// DynamoDB is the part of the DynamoDB client that the index needs.
type DynamoDB interface {
	GetItem(context.Context, *dynamodb.GetItemInput,
		...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput,
		...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	BatchWriteItem(context.Context, *dynamodb.BatchWriteItemInput,
		...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput,
		...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
}

// Index is the chain's end and the records' places in the control table; it implements audit.Index.
type Index struct {
	client DynamoDB
	table  string
}

// NewIndex makes the index on the control table.
func NewIndex(client DynamoDB, table string) *Index { return &Index{client: client, table: table} }

// Attribute names: a head has batch number, count, chain and roots; a place has batch and number in
// the chain.
const (
	batchAttribute = "b"
	countAttribute = "n"
	chainAttribute = "ch"
	rootsAttribute = "rt"
	writeAttribute = "w" // names the write of a head
	seqAttribute   = "q"
)

// Head reads the end of a chain.
func (x *Index) Head(ctx context.Context, tenant ident.Tenant) (audit.Head, error) {
	out, err := x.client.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: &x.table, Key: dynamo.Key(keys.AuditHead(tenant)),
			ConsistentRead: aws.Bool(true)})
	if err != nil {
		return audit.Head{}, awsfault.Of(fmt.Errorf("auditlog: read the head of %s: %w", tenant, err))
	}
	head := audit.Head{Tenant: tenant}
	if out.Item == nil {
		return head, nil
	}
	if head.Batch, err = readNumber(out.Item, batchAttribute); err != nil {
		return head, err
	}
	if head.Tree.Count, err = readNumber(out.Item, countAttribute); err != nil {
		return head, err
	}
	chain, ok := out.Item[chainAttribute].(*types.AttributeValueMemberB)
	roots, ok2 := out.Item[rootsAttribute].(*types.AttributeValueMemberB)
	if !ok || !ok2 || len(chain.Value) != len(head.Chain) || len(roots.Value)%len(head.Chain) != 0 {
		return head, fmt.Errorf("auditlog: the head of %s cannot be read", tenant)
	}
	head.Chain = audit.Hash(chain.Value)
	for part := range slices.Chunk(roots.Value, len(head.Chain)) {
		head.Tree.Roots = append(head.Tree.Roots, audit.Hash(part))
	}
	return head, nil
}

func readNumber(item dynamo.Item, name string) (int64, error) {
	v, ok := item[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0, fmt.Errorf("auditlog: item without %s", name)
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("auditlog: attribute %s: %w", name, err)
	}
	return n, nil
}

// Places finds records that have a place.
func (x *Index) Places(ctx context.Context, tenant ident.Tenant,
	ids []string) (map[string]audit.Place, error) {
	byKey := make(map[string]string, len(ids))
	wanted := make([]dynamo.Item, 0, len(ids))
	for _, id := range ids {
		k := keys.AuditRecord(tenant, id)
		byKey[k.PK] = id
		wanted = append(wanted, dynamo.Key(k))
	}
	places := make(map[string]audit.Place, len(ids))
	err := dynamo.BatchGet(ctx, x.client, x.table, wanted, func(item dynamo.Item) error {
		return readPlace(item, byKey, places)
	})
	return places, err
}

func readPlace(item dynamo.Item, byKey map[string]string, into map[string]audit.Place) error {
	pk, ok := item["pk"].(*types.AttributeValueMemberS)
	if !ok {
		return errors.New("auditlog: item without key")
	}
	batch, err := readNumber(item, batchAttribute)
	if err != nil {
		return err
	}
	seq, err := readNumber(item, seqAttribute)
	if err != nil {
		return err
	}
	into[byKey[pk.Value]] = audit.Place{Batch: batch, Seq: seq}
	return nil
}

// SetPlaces gives records their places. The writes have no condition: a record's place follows from
// the object that holds it, so every writer writes the same.
func (x *Index) SetPlaces(ctx context.Context, tenant ident.Tenant,
	places map[string]audit.Place) error {
	items := make([]dynamo.Item, 0, len(places))
	for id, p := range places {
		item := dynamo.Key(keys.AuditRecord(tenant, id))
		item[batchAttribute], item[seqAttribute] = dynamo.Number(p.Batch), dynamo.Number(p.Seq)
		items = append(items, item)
	}
	return dynamo.BatchPut(ctx, x.client, x.table, items)
}

// Advance moves a chain on, if its end is still from. The write carries a name of its own, so that
// it finds its own success again after a lost answer.
func (x *Index) Advance(ctx context.Context, from, to audit.Head) (bool, error) {
	item := dynamo.Key(keys.AuditHead(to.Tenant))
	item[batchAttribute], item[countAttribute] = dynamo.Number(to.Batch), dynamo.Number(to.Tree.Count)
	item[chainAttribute] = &types.AttributeValueMemberB{Value: to.Chain[:]}
	var roots []byte
	for _, h := range to.Tree.Roots {
		roots = append(roots, h[:]...)
	}
	item[rootsAttribute] = &types.AttributeValueMemberB{Value: roots}
	mine := rand.Text()
	item[writeAttribute] = &types.AttributeValueMemberS{Value: mine}
	in := &dynamodb.PutItemInput{TableName: &x.table, Item: item,
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
	if from.Batch > 0 {
		in.ConditionExpression = aws.String(batchAttribute + " = :batch AND " + chainAttribute +
			" = :chain")
		in.ExpressionAttributeValues = dynamo.Item{":batch": dynamo.Number(from.Batch),
			":chain": &types.AttributeValueMemberB{Value: from.Chain[:]}}
	}
	_, err := x.client.PutItem(ctx, in)
	if refused := dynamo.Refusal(err); refused != nil {
		return refused.By(writeAttribute, mine), nil
	}
	if err != nil {
		return false, awsfault.Of(fmt.Errorf("auditlog: advance the chain of %s: %w", from.Tenant, err))
	}
	return true, nil
}
