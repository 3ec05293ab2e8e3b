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

// Index keeps the ends of chains and the places of records in the control table; it implements
// audit.Index.
type Index struct {
	client DynamoDB
	table  string
}

// NewIndex makes an index on the control table.
func NewIndex(client DynamoDB, table string) *Index { return &Index{client: client, table: table} }

// Attribute names. The item of a head has the batch number, the count of records, the chain and the
// roots; the item of a place has the batch and the record's number in the chain.
const (
	batchAttribute = "b"
	countAttribute = "n"
	chainAttribute = "ch"
	rootsAttribute = "rt"
	writeAttribute = "w" // random id of the write of a chain's head
	seqAttribute   = "q"
)

// Head reads the end of a tenant's chain by a consistent read; a tenant without records has the
// zero head.
func (x *Index) Head(ctx context.Context, tenant ident.Tenant) (audit.Head, error) {
	out, err := x.client.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: &x.table, Key: dynamo.Key(keys.AuditHead(tenant)),
			ConsistentRead: aws.Bool(true)})
	if err != nil {
		return audit.Head{},
			awsfault.Classify(fmt.Errorf("auditlog: read the head of %s: %w", tenant, err))
	}
	head := audit.Head{Tenant: tenant}
	if out.Item == nil {
		return head, nil
	}
	if head.Batch, err = numberAttribute(out.Item, batchAttribute); err != nil {
		return head, err
	}
	if head.Tree.Count, err = numberAttribute(out.Item, countAttribute); err != nil {
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

// numberAttribute reads a number from an attribute of an item.
func numberAttribute(item dynamo.Item, name string) (int64, error) {
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

// Places reads the places of those records that have one.
func (x *Index) Places(ctx context.Context, tenant ident.Tenant,
	ids []string) (map[string]audit.Place, error) {
	// BatchGet returns items in any order; byKey finds the record id of each returned item by its
	// table key.
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

// readPlace adds the place of one item to the map of places by record id.
func readPlace(item dynamo.Item, byKey map[string]string, into map[string]audit.Place) error {
	pk, ok := item["pk"].(*types.AttributeValueMemberS)
	if !ok {
		return errors.New("auditlog: item without key")
	}
	batch, err := numberAttribute(item, batchAttribute)
	if err != nil {
		return err
	}
	seq, err := numberAttribute(item, seqAttribute)
	if err != nil {
		return err
	}
	into[byKey[pk.Value]] = audit.Place{Batch: batch, Seq: seq}
	return nil
}

// SetPlaces writes the places of records. The writes need no condition: a record's place follows
// from the object that holds it, so every writer writes the same.
func (x *Index) SetPlaces(ctx context.Context, tenant ident.Tenant,
	places map[string]audit.Place) error {
	items := make([]dynamo.Item, 0, len(places))
	for id, p := range places {
		item := dynamo.Key(keys.AuditRecord(tenant, id))
		item[batchAttribute] = dynamo.Number(p.Batch)
		item[seqAttribute] = dynamo.Number(p.Seq)
		items = append(items, item)
	}
	return dynamo.BatchPut(ctx, x.client, x.table, items)
}

// Advance moves the end of a chain to another head, if it is still at from; the result reports
// whether it did. Each write has a random id, so that a write whose answer was lost is recognised
// as successful.
func (x *Index) Advance(ctx context.Context, from, to audit.Head) (bool, error) {
	item := dynamo.Key(keys.AuditHead(to.Tenant))
	item[batchAttribute] = dynamo.Number(to.Batch)
	item[countAttribute] = dynamo.Number(to.Tree.Count)
	item[chainAttribute] = &types.AttributeValueMemberB{Value: to.Chain[:]}
	var roots []byte
	for _, h := range to.Tree.Roots {
		roots = append(roots, h[:]...)
	}
	item[rootsAttribute] = &types.AttributeValueMemberB{Value: roots}
	writeID := rand.Text()
	item[writeAttribute] = &types.AttributeValueMemberS{Value: writeID}
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
	if refused := dynamo.AsConditionError(err); refused != nil {
		return refused.IsWrittenBy(writeAttribute, writeID), nil
	}
	if err != nil {
		return false, awsfault.Classify(fmt.Errorf("auditlog: advance the chain of %s: %w",
			from.Tenant, err))
	}
	return true, nil
}
