// Package tenancydb keeps master data in the tenancy table: each object as numbered versions, with
// a directory of each kind, the contracts of each creator and the data keys and sealed fields of
// each taxpayer.
package tenancydb

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// Attributes of the table's items.
const (
	docAttr     = "doc"     // the object as JSON
	versionAttr = "version" // number of the version
	// keyed hash of the content as it was sent, by which a repeat is recognised
	digestAttr = "digest"
	// id of the act that wrote the item, by which a writer finds its own write after a lost answer
	actAttr      = "act"
	taxpayerAttr = "taxpayer"
	keySinceAttr = "key_since" // time at which a taxpayer's newest data key was made, unix seconds
)

// Store reads and writes master data in the tenancy table. Store implements tenancy.Directory and
// is safe for concurrent use.
type Store struct {
	db          dynamo.API
	table       string
	settlements string // name of the settlements table, which holds the outbox items
	now         func() time.Time
	memo        *memo
}

var _ tenancy.Directory = (*Store)(nil)

// New makes a store on the tenancy table. Audit records of acts are written as outbox items into
// settlementsTable; now returns the real time.
func New(db dynamo.API, table, settlementsTable string, now func() time.Time) *Store {
	return &Store{db: db, table: table, settlements: settlementsTable, now: now, memo: newMemo(now)}
}

// item is an item of the tenancy table by attribute name.
type item = dynamo.Item

// queryPartition reads all items of a partition whose sort key begins with prefix, by consistent
// reads.
func (s *Store) queryPartition(ctx context.Context, pk, prefix string) ([]item, error) {
	return dynamo.QueryAll(ctx, s.db, dynamo.PartitionQuery(s.table, pk, prefix))
}

// VersionDocs reads the stored documents of all versions of an object, oldest first, by a
// consistent read. The list is empty when there is no such object.
func (s *Store) VersionDocs(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
	id string) ([]json.RawMessage, error) {
	return ReadVersions[json.RawMessage](ctx, s, tenant, kind, id)
}

// decodeDocs decodes the document of each item into V.
func decodeDocs[V any](items []item) ([]V, error) {
	out := make([]V, 0, len(items))
	for _, it := range items {
		var v V
		if err := json.Unmarshal([]byte(dynamo.TextOf(it, docAttr)), &v); err != nil {
			return nil, fault.Internal(fmt.Errorf("item %s %s: %w", dynamo.TextOf(it, "pk"),
				dynamo.TextOf(it, "sk"), err))
		}
		out = append(out, v)
	}
	return out, nil
}

// ReadVersions reads all versions of an object, oldest first, by a consistent read and never from
// memory. The list is empty when there is no such object.
func ReadVersions[V any](ctx context.Context, s *Store, tenant ident.Tenant, kind tenancy.Kind,
	id string) ([]V, error) {
	items, err := s.queryPartition(ctx, keys.MasterVersion(tenant, string(kind), id, 1).PK, "")
	if err != nil {
		return nil, err
	}
	return decodeDocs[V](items)
}
