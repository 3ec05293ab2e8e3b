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

// Creator finds a payee account as it stands today. Where its taxpayer was merged into another,
// that one is named.
func (s *Store) Creator(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator) (tenancy.Creator, error) {
	found, err := inForce[tenancy.Creator](ctx, s, tenant, tenancy.KindCreator, string(creator),
		civil.DateOf(s.now()))
	if err != nil {
		return found, err
	}
	people, err := s.mergers(ctx, tenant)
	found.TaxpayerID = ident.Taxpayer(people.survivor(found.TaxpayerID))
	return found, err
}

// Taxpayer finds a taxpayer as it stands today, masked.
func (s *Store) Taxpayer(ctx context.Context, tenant ident.Tenant,
	taxpayer ident.Taxpayer) (tenancy.Taxpayer, error) {
	return inForce[tenancy.Taxpayer](ctx, s, tenant, tenancy.KindTaxpayer, string(taxpayer),
		civil.DateOf(s.now()))
}

// Entity finds the version of a paying entity in force on a day.
func (s *Store) Entity(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	day civil.Date) (tenancy.PayingEntity, error) {
	return inForce[tenancy.PayingEntity](ctx, s, tenant, tenancy.KindEntity, string(entity), day)
}

func inForce[V tenancy.Dated](ctx context.Context, s *Store, tenant ident.Tenant, kind tenancy.Kind,
	id string, day civil.Date) (V, error) {
	covers := func(versions []V) bool {
		_, ok := tenancy.InForce(versions, day)
		return ok
	}
	versions, err := recall(s.memo, keys.Master(tenant, string(kind), id, 1).PK, covers,
		func() ([]V, error) {
			return ReadVersions[V](ctx, s, tenant, kind, id)
		})
	found, ok := tenancy.InForce(versions, day)
	if err == nil && !ok {
		err = fault.Absent(string(kind))
	}
	return found, err
}

// Contract finds the contract version in force on a day that covers the income type.
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

// ContractsOf lists all versions of all contracts of a creator.
func (s *Store) ContractsOf(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	incomeType string, day civil.Date) ([]tenancy.Contract, error) {
	covers := func(all []tenancy.Contract) bool {
		_, ok := tenancy.FindCovering(all, incomeType, day)
		return ok
	}
	return recall(s.memo, keys.CreatorContracts(tenant, creator), covers,
		func() ([]tenancy.Contract, error) {
			return s.CreatorContracts(ctx, tenant, creator)
		})
}

// CreatorContracts reads all versions of all contracts of a creator, never from memory.
func (s *Store) CreatorContracts(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator) ([]tenancy.Contract, error) {
	items, err := s.query(ctx, keys.CreatorContracts(tenant, creator), contractPrefix)
	if err != nil {
		return nil, err
	}
	return docs[tenancy.Contract](items)
}

// Strategies lists all versions of all reward strategies.
func (s *Store) Strategies(ctx context.Context, tenant ident.Tenant) ([]tenancy.Strategy, error) {
	return listed[tenancy.Strategy](ctx, s, tenant, tenancy.KindStrategy)
}

// Positions lists the approved tax positions in force on a day. A change that nobody approved yet
// leaves the approved version in force.
func (s *Store) Positions(ctx context.Context, tenant ident.Tenant,
	day civil.Date) ([]tenancy.Position, error) {
	all, err := listed[tenancy.Position](ctx, s, tenant, tenancy.KindPosition)
	if err != nil {
		return nil, err
	}
	var ids []string
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

// Position reads a tax position as it was last written, from the first day of any of its versions;
// fault.Absent when there is none.
func (s *Store) Position(ctx context.Context, tenant ident.Tenant,
	id string) (tenancy.Position, error) {
	versions, err := ReadVersions[tenancy.Position](ctx, s, tenant, tenancy.KindPosition, id)
	if err != nil {
		return tenancy.Position{}, err
	}
	if len(versions) == 0 {
		return tenancy.Position{}, fault.Absent("position")
	}
	first := versions[0]
	last := versions[len(versions)-1]
	if first.From.Before(last.From) {
		last.From = first.From
	}
	return last, nil
}

// listed reads the directory of a kind whose entries are single versions.
func listed[V any](ctx context.Context, s *Store, tenant ident.Tenant,
	kind tenancy.Kind) ([]V, error) {
	some := func(all []V) bool { return len(all) > 0 }
	return recall(s.memo, keys.MasterList(tenant, string(kind)), some, func() ([]V, error) {
		items, err := s.query(ctx, keys.MasterList(tenant, string(kind)), "")
		if err != nil {
			return nil, err
		}
		return docs[V](items)
	})
}

// Tenants lists all tenants, in the order of their names.
func (s *Store) Tenants(ctx context.Context) ([]string, error) {
	items, err := s.query(ctx, keys.Tenants(), "")
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(items))
	for _, it := range items {
		out = append(out, dynamo.TextOf(it, "sk"))
	}
	return out, nil
}

// Entities lists a tenant's paying entities, page by page; the cursor is "" at the start and at the
// end.
func (s *Store) Entities(ctx context.Context, tenant ident.Tenant, cursor string,
	limit int) ([]tenancy.PayingEntity, string, error) {
	items, next, err := s.page(ctx, keys.MasterList(tenant, string(tenancy.KindEntity)), cursor, limit)
	if err != nil {
		return nil, "", err
	}
	found, err := docs[tenancy.PayingEntity](items)
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

// Creators lists a tenant's creators by id; the cursor is the last id of the page before.
func (s *Store) Creators(ctx context.Context, tenant ident.Tenant, cursor string,
	limit int) ([]tenancy.Creator, string, error) {
	items, next, err := s.page(ctx, keys.MasterList(tenant, string(tenancy.KindCreator)),
		cursor, limit)
	if err != nil {
		return nil, "", err
	}
	found, err := docs[tenancy.Creator](items)
	if err != nil {
		return nil, "", err
	}
	people, err := s.mergers(ctx, tenant)
	for i := range found {
		found[i].TaxpayerID = ident.Taxpayer(people.survivor(found[i].TaxpayerID))
	}
	return found, next, err
}

// page reads one page of a directory.
func (s *Store) page(ctx context.Context, pk, cursor string, limit int) ([]item, string, error) {
	in := dynamo.PartitionQuery(s.table, pk, "")
	in.ConsistentRead = nil // a directory may lag behind by a moment; this read costs half
	return dynamo.QueryPage(ctx, s.db, in, cursor, min(max(limit, 1), 1000))
}

// marshal writes an object; our own types always can be written.
func marshal(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fault.Internal(err)
	}
	return string(b), nil
}
