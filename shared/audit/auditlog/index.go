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
	"fenzhang/shared/dynamo/attr"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
)

// DynamoDB is the part of the DynamoDB client that the index needs.
type DynamoDB interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	BatchGetItem(context.Context, *dynamodb.BatchGetItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchGetItemOutput, error)
	BatchWriteItem(context.Context, *dynamodb.BatchWriteItemInput, ...func(*dynamodb.Options)) (*dynamodb.BatchWriteItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
}

// Index is the chain's end and the records' places in the control table; it implements audit.Index.
type Index struct {
	client DynamoDB
	table  string
}

// NewIndex makes the index on the control table.
func NewIndex(client DynamoDB, table string) *Index { return &Index{client: client, table: table} }

var errThrottled = errors.New("auditlog: the control table is throttled")

// Attribute names: a head has batch number, count, chain and roots; a place has batch and number in the chain.
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
	out, err := x.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: &x.table, Key: attr.Key(keys.AuditHead(tenant)), ConsistentRead: aws.Bool(true)})
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

func readNumber(item attr.Item, name string) (int64, error) {
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

// maxGet is what one BatchGetItem takes.
const maxGet = 100

// Places finds records that have a place.
func (x *Index) Places(ctx context.Context, tenant ident.Tenant, ids []string) (map[string]audit.Place, error) {
	out := make(map[string]audit.Place, len(ids))
	for part := range slices.Chunk(ids, maxGet) {
		if err := x.places(ctx, tenant, part, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (x *Index) places(ctx context.Context, tenant ident.Tenant, ids []string, into map[string]audit.Place) error {
	byKey := make(map[string]string, len(ids))
	wanted := make([]attr.Item, 0, len(ids))
	for _, id := range ids {
		k := keys.AuditRecord(tenant, id)
		byKey[k.PK] = id
		wanted = append(wanted, attr.Key(k))
	}
	request := map[string]types.KeysAndAttributes{x.table: {Keys: wanted, ConsistentRead: aws.Bool(true)}}
	for len(request) > 0 {
		res, err := x.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: request})
		if err != nil {
			return awsfault.Of(fmt.Errorf("auditlog: find records of %s: %w", tenant, err))
		}
		for _, item := range res.Responses[x.table] {
			if err := readPlace(item, byKey, into); err != nil {
				return err
			}
		}
		if len(res.UnprocessedKeys) > 0 && len(res.Responses[x.table]) == 0 {
			return fault.Later(errThrottled)
		}
		request = res.UnprocessedKeys
	}
	return nil
}

func readPlace(item attr.Item, byKey map[string]string, into map[string]audit.Place) error {
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

// maxWrite is what one BatchWriteItem takes.
const maxWrite = 25

// SetPlaces gives records their places. The writes have no condition: a record's place follows from the object that
// holds it, so every writer writes the same.
func (x *Index) SetPlaces(ctx context.Context, tenant ident.Tenant, places map[string]audit.Place) error {
	writes := make([]types.WriteRequest, 0, len(places))
	for id, p := range places {
		item := attr.Key(keys.AuditRecord(tenant, id))
		item[batchAttribute], item[seqAttribute] = attr.Number(p.Batch), attr.Number(p.Seq)
		writes = append(writes, types.WriteRequest{PutRequest: &types.PutRequest{Item: item}})
	}
	for part := range slices.Chunk(writes, maxWrite) {
		if err := x.write(ctx, tenant, part); err != nil {
			return err
		}
	}
	return nil
}

func (x *Index) write(ctx context.Context, tenant ident.Tenant, writes []types.WriteRequest) error {
	for len(writes) > 0 {
		res, err := x.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{x.table: writes}})
		if err != nil {
			return awsfault.Of(fmt.Errorf("auditlog: place records of %s: %w", tenant, err))
		}
		left := res.UnprocessedItems[x.table]
		if len(left) == len(writes) {
			return fault.Later(errThrottled)
		}
		writes = left
	}
	return nil
}

// Advance moves a chain on, if its end is still from. The write carries a name of its own, so that it finds its own
// success again after a lost answer.
func (x *Index) Advance(ctx context.Context, from, to audit.Head) (bool, error) {
	item := attr.Key(keys.AuditHead(to.Tenant))
	item[batchAttribute], item[countAttribute] = attr.Number(to.Batch), attr.Number(to.Tree.Count)
	item[chainAttribute] = &types.AttributeValueMemberB{Value: to.Chain[:]}
	var roots []byte
	for _, h := range to.Tree.Roots {
		roots = append(roots, h[:]...)
	}
	item[rootsAttribute] = &types.AttributeValueMemberB{Value: roots}
	mine := rand.Text()
	item[writeAttribute] = &types.AttributeValueMemberS{Value: mine}
	in := &dynamodb.PutItemInput{TableName: &x.table, Item: item, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
	if from.Batch > 0 {
		in.ConditionExpression = aws.String(batchAttribute + " = :batch AND " + chainAttribute + " = :chain")
		in.ExpressionAttributeValues = attr.Item{":batch": attr.Number(from.Batch), ":chain": &types.AttributeValueMemberB{Value: from.Chain[:]}}
	}
	_, err := x.client.PutItem(ctx, in)
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		found, _ := failed.Item[writeAttribute].(*types.AttributeValueMemberS)
		return found != nil && found.Value == mine, nil
	}
	if err != nil {
		return false, awsfault.Of(fmt.Errorf("auditlog: advance the chain of %s: %w", from.Tenant, err))
	}
	return true, nil
}
