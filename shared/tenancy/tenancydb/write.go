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

// contractPrefix begins the sort keys of a creator's contracts. guardKey is the sort key of the
// item that counts the changes to these contracts, so that two changes cannot be written at the
// same time.
const (
	contractPrefix = "V#"
	guardKey       = "GUARD"
)

// Put writes a change of master data, with its audit record, in one transaction.
//
// Errors: optimistic.ErrRival when data on which the change was based has changed meanwhile;
// fault.Unavailable when the table is busy.
func (s *Store) Put(ctx context.Context, c tenancy.Change) error {
	if err := s.registerTenant(ctx, c.Record.Tenant); err != nil {
		return err
	}
	parts, err := s.changeWrites(c)
	if err != nil {
		return err
	}
	return dynamo.WriteOutcome(dynamo.Transact(ctx, s.db, c.Record.ID, parts), actAttr, c.Record.ID)
}

// registerTenant enters the tenant in the directory of tenants before its first object is written.
// An entry without objects does no harm, but a tenant without an entry would be skipped by every
// schedule.
func (s *Store) registerTenant(ctx context.Context, tenant ident.Tenant) error {
	entry := "enlisted " + tenant
	if _, ok := s.memo.get(string(entry)); ok {
		return nil
	}
	_, err := s.db.PutItem(ctx,
		&dynamodb.PutItemInput{TableName: &s.table,
			Item: dynamo.Key(keys.Key{PK: keys.TenantList(), SK: string(tenant)})})
	if err != nil {
		return awsfault.Classify(err)
	}
	s.memo.put(string(entry), true, s.now())
	return nil
}

// changeWrites returns the transaction items of a change: those of each object, beginning with its
// version item, then sealed data, a key renewal, and the outbox item with the audit record.
func (s *Store) changeWrites(c tenancy.Change) ([]types.TransactWriteItem, error) {
	var out []types.TransactWriteItem
	for _, o := range c.Objects {
		part, err := s.objectWrites(c.Record.Tenant, c.Record.ID, o)
		if err != nil {
			return nil, err
		}
		out = append(out, part...)
	}
	for _, sealed := range c.Sealed {
		out = append(out, s.sealingWrites(c.Record.Tenant, c.Record.ID, sealed)...)
	}
	if c.Renewed != "" {
		out = append(out, s.keyRenewalUpdate(c.Record.Tenant, ident.Taxpayer(c.Renewed), c.RenewedAt))
	}
	record, err := outbox.Put(s.settlements, c.Record, nil)
	if err != nil {
		return nil, fault.Internal(err)
	}
	return append(out, record), nil
}

// objectWrites returns the transaction items of one object: its version, its entry in the directory
// of its kind, and what its kind needs besides.
func (s *Store) objectWrites(tenant ident.Tenant, act string,
	o tenancy.Object) ([]types.TransactWriteItem, error) {
	doc, err := marshalDoc(o.Doc)
	if err != nil {
		return nil, err
	}
	version := dynamo.Key(keys.MasterVersion(tenant, string(o.Kind), o.ID, o.Version))
	version[docAttr] = dynamo.Text(doc)
	version[versionAttr] = dynamo.Number(int64(o.Version))
	version[actAttr] = dynamo.Text(act)
	version[digestAttr] = dynamo.Text(o.Digest)
	parts := []types.TransactWriteItem{s.putNew(version), s.listEntryUpdate(tenant, o, doc)}
	// Contracts are also found by creator, under a guard against overlapping contracts.
	if o.Kind == tenancy.KindContract {
		parts = append(parts, s.contractEntryPut(tenant, o, doc), s.guardUpdate(tenant, o))
	}
	// A taxpayer is found by the keyed hash of its ID number; two records of one number are refused.
	if o.Kind == tenancy.KindTaxpayer && o.Version == 1 {
		found := dynamo.Key(keys.TaxpayerLookup(tenant, o.Hash))
		found[taxpayerAttr] = dynamo.Text(o.ID)
		found[actAttr] = dynamo.Text(act)
		parts = append(parts, s.putNew(found))
	}
	// Readers of creators look merged taxpayers up in their own directory.
	if o.MergedInto != "" {
		line := dynamo.Key(keys.Key{PK: keys.MasterList(tenant, mergedKind), SK: o.ID})
		line[taxpayerAttr] = dynamo.Text(o.MergedInto)
		line[actAttr] = dynamo.Text(act)
		parts = append(parts, s.putNew(line))
	}
	return parts, nil
}

// putNew returns the transaction item that writes an item which must not exist yet.
func (s *Store) putNew(it item) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{
		TableName: &s.table, Item: it, ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

// listEntryUpdate returns the transaction item that writes an object's entry in the directory of
// its kind. The directory holds the newest version of each object; of strategies and tax positions
// it holds every version, because their readers need all versions at once.
func (s *Store) listEntryUpdate(tenant ident.Tenant, o tenancy.Object,
	doc string) types.TransactWriteItem {
	k := keys.Key{PK: keys.MasterList(tenant, string(o.Kind)), SK: o.ID}
	if o.Kind == tenancy.KindStrategy || o.Kind == tenancy.KindPosition {
		k.SK += "#" + keys.MasterVersion(tenant, string(o.Kind), o.ID, o.Version).SK
	}
	up := &types.Update{
		TableName: &s.table, Key: dynamo.Key(k),
		UpdateExpression:         aws.String("SET #doc = :doc, #version = :version"),
		ExpressionAttributeNames: map[string]string{"#doc": docAttr, "#version": versionAttr},
		ExpressionAttributeValues: item{":doc": dynamo.Text(doc),
			":version": dynamo.Number(int64(o.Version))},
	}
	// The first data key of a taxpayer is made together with the taxpayer.
	if o.Kind == tenancy.KindTaxpayer && o.Version == 1 {
		up.UpdateExpression = aws.String(*up.UpdateExpression + ", #since = :since")
		up.ExpressionAttributeNames["#since"] = keySinceAttr
		up.ExpressionAttributeValues[":since"] = dynamo.Number(s.now().Unix())
	}
	return types.TransactWriteItem{Update: up}
}

// contractEntryPut returns the transaction item that writes a version of a contract among the
// contracts of its creator.
func (s *Store) contractEntryPut(tenant ident.Tenant, o tenancy.Object,
	doc string) types.TransactWriteItem {
	it := dynamo.Key(keys.Key{PK: keys.CreatorContracts(tenant, o.Creator),
		SK: contractPrefix + o.ID + "#" + strconv.Itoa(o.Version)})
	it[docAttr] = dynamo.Text(doc)
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: it}}
}

// guardUpdate returns the transaction item that increments the count of changes to a creator's
// contracts. The transaction fails when the count has changed since it was read: the new version
// was checked for overlaps with the contracts of that time.
func (s *Store) guardUpdate(tenant ident.Tenant, o tenancy.Object) types.TransactWriteItem {
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

// ContractGuard returns the number of changes to a creator's contracts so far. Callers read this
// number before they read the contracts.
func (s *Store) ContractGuard(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator) (int, error) {
	it, err := s.getItem(ctx, keys.Key{PK: keys.CreatorContracts(tenant, creator), SK: guardKey})
	if err != nil || it == nil {
		return 0, err
	}
	return int(dynamo.NumberOf(it, versionAttr)), nil
}

// decodeStored reads version, digest and document of a version item.
func decodeStored(it item) tenancy.Stored {
	return tenancy.Stored{
		Version: int(dynamo.NumberOf(it, versionAttr)), Digest: dynamo.TextOf(it, digestAttr),
		Doc: json.RawMessage(dynamo.TextOf(it, docAttr)),
	}
}

// FirstVersion reads the first version of an object; the second result is false when there is no
// such object.
func (s *Store) FirstVersion(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
	id string) (tenancy.Stored, bool, error) {
	it, err := s.getItem(ctx, keys.MasterVersion(tenant, string(kind), id, 1))
	return decodeStored(it), it != nil, err
}

// LatestVersion reads the newest version of an object; the second result is false when there is no
// such object.
func (s *Store) LatestVersion(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
	id string) (tenancy.Stored, bool, error) {
	in := dynamo.PartitionQuery(s.table, keys.MasterVersion(tenant, string(kind), id, 1).PK, "")
	in.ScanIndexForward = aws.Bool(false) // the newest version comes first
	items, _, err := dynamo.QueryPage(ctx, s.db, in, "", 1)
	if err != nil || len(items) == 0 {
		return tenancy.Stored{}, false, err
	}
	return decodeStored(items[0]), true, nil
}

// TaxpayerByHash returns the id of the taxpayer with this keyed hash of ID type and number; "" when
// there is none.
func (s *Store) TaxpayerByHash(ctx context.Context, tenant ident.Tenant,
	hash string) (string, error) {
	it, err := s.getItem(ctx, keys.TaxpayerLookup(tenant, hash))
	return dynamo.TextOf(it, taxpayerAttr), err
}

// getItem reads one item by a consistent read; nil when there is none.
func (s *Store) getItem(ctx context.Context, k keys.Key) (item, error) {
	out, err := s.db.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: &s.table, Key: dynamo.Key(k), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, awsfault.Classify(err)
	}
	return out.Item, nil
}
