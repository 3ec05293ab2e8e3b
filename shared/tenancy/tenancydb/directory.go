package tenancydb

import (
	"context"
	"encoding/json"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// Creator returns the version of a creator in force today. A taxpayer that was merged is replaced
// by the one that goes on.
func (s *Store) Creator(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator) (tenancy.Creator, error) {
	found, err := readInForce[tenancy.Creator](ctx, s, tenant, tenancy.KindCreator, string(creator),
		civil.DateOf(s.now()))
	if err != nil {
		return found, err
	}
	people, err := s.readSurvivors(ctx, tenant)
	found.TaxpayerID = ident.Taxpayer(people.survivorOf(found.TaxpayerID))
	return found, err
}

// Taxpayer returns the version of a taxpayer in force today, with masked personal data.
func (s *Store) Taxpayer(ctx context.Context, tenant ident.Tenant,
	taxpayer ident.Taxpayer) (tenancy.Taxpayer, error) {
	return readInForce[tenancy.Taxpayer](ctx, s, tenant, tenancy.KindTaxpayer, string(taxpayer),
		civil.DateOf(s.now()))
}

// Entity returns the version of a paying entity in force on a day.
func (s *Store) Entity(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	day civil.Date) (tenancy.PayingEntity, error) {
	return readInForce[tenancy.PayingEntity](ctx, s, tenant, tenancy.KindEntity, string(entity), day)
}

// readInForce returns the version of an object in force on a day. Versions may come from memory
// when one of them covers the day. Errors: 3003 when no version is in force.
func readInForce[V tenancy.Dated](ctx context.Context, s *Store, tenant ident.Tenant,
	kind tenancy.Kind,
	id string, day civil.Date) (V, error) {
	covers := func(versions []V) bool {
		_, ok := tenancy.InForce(versions, day)
		return ok
	}
	versions, err := recallOrLoad(s.memo, keys.MasterVersion(tenant, string(kind), id, 1).PK, covers,
		func() ([]V, error) {
			return ReadVersions[V](ctx, s, tenant, kind, id)
		})
	found, ok := tenancy.InForce(versions, day)
	if err == nil && !ok {
		err = fault.MissingObject(string(kind))
	}
	return found, err
}

// Contract returns the contract version in force on a day that covers the income type. Errors: 5002
// contract_missing.
func (s *Store) Contract(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	incomeType string, day civil.Date) (tenancy.Contract, error) {
	all, err := s.ContractsOf(ctx, tenant, creator, incomeType, day)
	if err != nil {
		return tenancy.Contract{}, err
	}
	found, ok := tenancy.FindCovering(all, incomeType, day)
	if !ok {
		return tenancy.Contract{}, tenancy.NoContractError(creator, incomeType, day)
	}
	return found, nil
}

// ContractsOf lists all versions of all contracts of a creator. Remembered contracts are used only
// when one of them covers the income type on the day, because a missing contract may have been
// added since.
func (s *Store) ContractsOf(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	incomeType string, day civil.Date) ([]tenancy.Contract, error) {
	covers := func(all []tenancy.Contract) bool {
		_, ok := tenancy.FindCovering(all, incomeType, day)
		return ok
	}
	return recallOrLoad(s.memo, keys.CreatorContracts(tenant, creator), covers,
		func() ([]tenancy.Contract, error) {
			return s.CreatorContracts(ctx, tenant, creator)
		})
}

// CreatorContracts reads all versions of all contracts of a creator, by consistent reads and never
// from memory.
func (s *Store) CreatorContracts(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator) ([]tenancy.Contract, error) {
	items, err := s.queryPartition(ctx, keys.CreatorContracts(tenant, creator), contractPrefix)
	if err != nil {
		return nil, err
	}
	return decodeDocs[tenancy.Contract](items)
}

// Strategies lists all versions of all reward strategies of a tenant.
func (s *Store) Strategies(ctx context.Context, tenant ident.Tenant) ([]tenancy.Strategy, error) {
	return readListed[tenancy.Strategy](ctx, s, tenant, tenancy.KindStrategy)
}

// Positions lists the approved tax positions in force on a day. A new version that waits for its
// approval leaves the approved version in force.
func (s *Store) Positions(ctx context.Context, tenant ident.Tenant,
	day civil.Date) ([]tenancy.Position, error) {
	all, err := readListed[tenancy.Position](ctx, s, tenant, tenancy.KindPosition)
	if err != nil {
		return nil, err
	}
	var ids []string
	// Versions are grouped by position before the one in force is chosen; ids keeps the order of the
	// directory.
	approved := map[string][]tenancy.Position{}
	for _, p := range all {
		if !p.IsApproved() {
			continue
		}
		if approved[p.PositionID] == nil {
			ids = append(ids, p.PositionID)
		}
		approved[p.PositionID] = append(approved[p.PositionID], p)
	}
	var out []tenancy.Position
	for _, id := range ids {
		if p, ok := tenancy.InForce(approved[id], day); ok {
			out = append(out, p)
		}
	}
	return out, nil
}

// Position returns the newest version of a tax position, with the earliest first day of all its
// versions. Errors: 3003 when the tenant has no such position.
func (s *Store) Position(ctx context.Context, tenant ident.Tenant,
	id string) (tenancy.Position, error) {
	versions, err := ReadVersions[tenancy.Position](ctx, s, tenant, tenancy.KindPosition, id)
	if err != nil {
		return tenancy.Position{}, err
	}
	if len(versions) == 0 {
		return tenancy.Position{}, fault.MissingObject("position")
	}
	first := versions[0]
	last := versions[len(versions)-1]
	// Settlements of the earlier days were taxed by the position too.
	if first.From.Before(last.From) {
		last.From = first.From
	}
	return last, nil
}

// readListed reads the whole directory of a kind in which every version has an entry. An empty
// directory is not remembered.
func readListed[V any](ctx context.Context, s *Store, tenant ident.Tenant,
	kind tenancy.Kind) ([]V, error) {
	some := func(all []V) bool { return len(all) > 0 }
	return recallOrLoad(s.memo, keys.MasterList(tenant, string(kind)), some, func() ([]V, error) {
		items, err := s.queryPartition(ctx, keys.MasterList(tenant, string(kind)), "")
		if err != nil {
			return nil, err
		}
		return decodeDocs[V](items)
	})
}

// Tenants lists the names of all tenants in alphabetical order.
func (s *Store) Tenants(ctx context.Context) ([]string, error) {
	items, err := s.queryPartition(ctx, keys.TenantList(), "")
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(items))
	for _, it := range items {
		out = append(out, dynamo.TextOf(it, "sk"))
	}
	return out, nil
}

// Entities lists a tenant's paying entities page by page; the cursor is "" for the first page and
// after the last one.
func (s *Store) Entities(ctx context.Context, tenant ident.Tenant, cursor string,
	limit int) ([]tenancy.PayingEntity, string, error) {
	items, next, err := s.queryPage(ctx, keys.MasterList(tenant, string(tenancy.KindEntity)),
		cursor, limit)
	if err != nil {
		return nil, "", err
	}
	found, err := decodeDocs[tenancy.PayingEntity](items)
	return found, next, err
}

// EntityIDs lists the ids of all of a tenant's paying entities.
func (s *Store) EntityIDs(ctx context.Context, tenant ident.Tenant) ([]string, error) {
	var ids []string
	for cursor := ""; ; {
		page, next, err := s.Entities(ctx, tenant, cursor, 1000)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			ids = append(ids, string(e.EntityID))
		}
		if cursor = next; cursor == "" {
			return ids, nil
		}
	}
}

// Creators lists a tenant's creators page by page in the order of their ids; the cursor is the last
// id of the page before. Merged taxpayers are replaced by those that go on.
func (s *Store) Creators(ctx context.Context, tenant ident.Tenant, cursor string,
	limit int) ([]tenancy.Creator, string, error) {
	items, next, err := s.queryPage(ctx, keys.MasterList(tenant, string(tenancy.KindCreator)),
		cursor, limit)
	if err != nil {
		return nil, "", err
	}
	found, err := decodeDocs[tenancy.Creator](items)
	if err != nil {
		return nil, "", err
	}
	people, err := s.readSurvivors(ctx, tenant)
	for i := range found {
		found[i].TaxpayerID = ident.Taxpayer(people.survivorOf(found[i].TaxpayerID))
	}
	return found, next, err
}

// queryPage reads one page of a directory, of 1 to 1,000 items, and returns the sort key after
// which the next page begins, "" at the end.
func (s *Store) queryPage(ctx context.Context, pk, cursor string,
	limit int) ([]item, string, error) {
	in := dynamo.PartitionQuery(s.table, pk, "")
	// An eventually consistent read costs half, and a list may miss the change of the last moment.
	in.ConsistentRead = nil
	return dynamo.QueryPage(ctx, s.db, in, cursor, min(max(limit, 1), 1000))
}

// marshalDoc returns the JSON text of an object of master data.
func marshalDoc(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fault.Internal(err)
	}
	return string(b), nil
}
