package tenancydb

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// contractPrefix begins the entries of a creator's contracts; guardKey is the item beside them that
// makes two changes of one creator's contracts follow each other.
const (
	contractPrefix = "V#"
	guardKey       = "GUARD"
)

// Put writes a change completely or not at all.
// Errors: optimistic.ErrRival when what the change was decided upon has changed meanwhile;
// fault.Unavailable when the table is busy.
func (s *Store) Put(ctx context.Context, c tenancy.Change) error {
	if err := s.enlist(ctx, c.Record.Tenant); err != nil {
		return err
	}
	parts, err := s.parts(c)
	if err != nil {
		return err
	}
	return dynamo.Outcome(dynamo.Transact(ctx, s.db, c.Record.ID, parts), actAttr, c.Record.ID)
}

// enlist notes the tenant in the directory of tenants before its first object; a tenant without
// objects does no harm there, one that schedules overlook would.
func (s *Store) enlist(ctx context.Context, tenant ident.Tenant) error {
	known := "enlisted " + tenant
	if _, ok := s.memo.get(string(known)); ok {
		return nil
	}
	_, err := s.db.PutItem(ctx,
		&dynamodb.PutItemInput{TableName: &s.table,
			Item: dynamo.Key(keys.Key{PK: keys.Tenants(), SK: string(tenant)})})
	if err != nil {
		return awsfault.Of(err)
	}
	s.memo.put(string(known), true, s.now())
	return nil
}

// parts lists the writes; the first one of each object is its version item.
func (s *Store) parts(c tenancy.Change) ([]types.TransactWriteItem, error) {
	var out []types.TransactWriteItem
	for _, o := range c.Objects {
		part, err := s.object(c.Record.Tenant, c.Record.ID, o)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	for _, sealed := range c.Sealed {
		out = append(out, s.sealing(c.Record.Tenant, c.Record.ID, sealed)...)
	}
	if c.Renewed != "" {
		out = append(out, s.renewed(c.Record.Tenant, ident.Taxpayer(c.Renewed), c.RenewedAt))
	}
	record, err := outbox.Put(s.settlements, c.Record, nil)
	if err != nil {
		return nil, fault.Internal(err)
	}
	return append(out, record), nil
}

func (s *Store) object(tenant ident.Tenant, act string,
	o tenancy.Object) ([]types.TransactWriteItem, error) {
	doc, err := marshal(o.Doc)
	if err != nil {
		return nil, err
	}
	version := dynamo.Key(keys.Master(tenant, string(o.Kind), o.ID, o.Version))
	version[docAttr] = dynamo.Text(doc)
	version[versionAttr] = dynamo.Number(int64(o.Version))
	version[actAttr] = dynamo.Text(act)
	version[digestAttr] = dynamo.Text(o.Digest)
	parts := []types.TransactWriteItem{s.once(version), s.listEntry(tenant, o, doc)}
	if o.Kind == tenancy.KindContract {
		parts = append(parts, s.contractEntry(tenant, o, doc), s.guard(tenant, o))
	}
	if o.Kind == tenancy.KindTaxpayer && o.Version == 1 {
		found := dynamo.Key(keys.Lookup(tenant, o.Hash))
		found[taxpayerAttr], found[actAttr] = dynamo.Text(o.ID), dynamo.Text(act)
		parts = append(parts, s.once(found))
	}
	if o.MergedInto != "" {
		line := dynamo.Key(keys.Key{PK: keys.MasterList(tenant, merged), SK: o.ID})
		line[taxpayerAttr], line[actAttr] = dynamo.Text(o.MergedInto), dynamo.Text(act)
		parts = append(parts, s.once(line))
	}
	return parts, nil
}

// once puts an item that must not be there yet.
func (s *Store) once(it item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &s.table, Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// listEntry is the object's line in the directory of its kind: the newest version, and each version
// where readers want them all at once.
func (s *Store) listEntry(tenant ident.Tenant, o tenancy.Object,
	doc string) types.TransactWriteItem {
	k := keys.Key{PK: keys.MasterList(tenant, string(o.Kind)), SK: o.ID}
	if o.Kind == tenancy.KindStrategy || o.Kind == tenancy.KindPosition {
		k.SK += "#" + keys.Master(tenant, string(o.Kind), o.ID, o.Version).SK
	}
	up := &types.Update{
		TableName: &s.table, Key: dynamo.Key(k),
		UpdateExpression:         aws.String("SET #doc = :doc, #version = :version"),
		ExpressionAttributeNames: map[string]string{"#doc": docAttr, "#version": versionAttr},
		ExpressionAttributeValues: item{":doc": dynamo.Text(doc),
			":version": dynamo.Number(int64(o.Version))},
	}
	if o.Kind == tenancy.KindTaxpayer && o.Version == 1 {
		up.UpdateExpression = aws.String(*up.UpdateExpression + ", #since = :since")
		up.ExpressionAttributeNames["#since"] = keySinceAttr
		up.ExpressionAttributeValues[":since"] = dynamo.Number(s.now().Unix())
	}
	return types.TransactWriteItem{Update: up}
}

func (s *Store) contractEntry(tenant ident.Tenant, o tenancy.Object,
	doc string) types.TransactWriteItem {
	it := dynamo.Key(keys.Key{PK: keys.CreatorContracts(tenant, o.Creator),
		SK: contractPrefix + o.ID + "#" + strconv.Itoa(o.Version)})
	it[docAttr] = dynamo.Text(doc)
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: it}}
}

// guard counts the changes of a creator's contracts: overlaps are checked against what was read, so
// nobody may have added one since.
func (s *Store) guard(tenant ident.Tenant, o tenancy.Object) types.TransactWriteItem {
	condition := "#version = :seen"
	if o.Guard == 0 {
		condition = "attribute_not_exists(#version)"
	}
	up := &types.Update{
		TableName: &s.table,
		Key: dynamo.Key(keys.Key{PK: keys.CreatorContracts(tenant, o.Creator),
			SK: guardKey}),
		UpdateExpression: aws.String("SET #version = :next"), ConditionExpression: &condition,
		ExpressionAttributeNames:  map[string]string{"#version": versionAttr},
		ExpressionAttributeValues: item{":next": dynamo.Number(int64(o.Guard + 1))},
	}
	if o.Guard > 0 {
		up.ExpressionAttributeValues[":seen"] = dynamo.Number(int64(o.Guard))
	}
	return types.TransactWriteItem{Update: up}
}

// ContractGuard gives the number of changes to a creator's contracts so far, to be read before they
// are.
func (s *Store) ContractGuard(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator) (int, error) {
	it, err := s.get(ctx, keys.Key{PK: keys.CreatorContracts(tenant, creator), SK: guardKey})
	if err != nil || it == nil {
		return 0, err
	}
	return int(dynamo.NumberOf(it, versionAttr)), nil
}

func stored(it item) tenancy.Stored {
	return tenancy.Stored{
		Version: int(dynamo.NumberOf(it, versionAttr)), Digest: dynamo.TextOf(it, digestAttr),
		Doc: json.RawMessage(dynamo.TextOf(it, docAttr)),
	}
}

// FirstVersion reads an object's first version, and tells whether there is one.
func (s *Store) FirstVersion(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
	id string) (tenancy.Stored, bool, error) {
	it, err := s.get(ctx, keys.Master(tenant, string(kind), id, 1))
	return stored(it), it != nil, err
}

// LatestVersion reads an object's newest version, and tells whether there is one.
func (s *Store) LatestVersion(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
	id string) (tenancy.Stored, bool, error) {
	in := dynamo.PartitionQuery(s.table, keys.Master(tenant, string(kind), id, 1).PK, "")
	in.ScanIndexForward = aws.Bool(false) // the newest version comes first
	items, _, err := dynamo.QueryPage(ctx, s.db, in, "", 1)
	if err != nil || len(items) == 0 {
		return tenancy.Stored{}, false, err
	}
	return stored(items[0]), true, nil
}

// TaxpayerByHash finds the taxpayer of a keyed hash of ID type and number; "" when there is none.
func (s *Store) TaxpayerByHash(ctx context.Context, tenant ident.Tenant,
	hash string) (string, error) {
	it, err := s.get(ctx, keys.Lookup(tenant, hash))
	return dynamo.TextOf(it, taxpayerAttr), err
}

func (s *Store) get(ctx context.Context, k keys.Key) (item, error) {
	out, err := s.db.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: &s.table, Key: dynamo.Key(k), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, awsfault.Of(err)
	}
	return out.Item, nil
}
