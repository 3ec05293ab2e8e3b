package tenancy

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
)

// Directory finds master data. Each method returns 3003 (fault.MissingObject) when the tenant has
// no such object. Results may come from the memory of a warm function and be 30 seconds old.
type Directory interface {
	// Creator returns a creator, the account of a payee.
	Creator(ctx context.Context, tenant ident.Tenant, creator ident.Creator) (Creator, error)
	// Contract returns the contract version in force on a day that covers the income type; without one
	// the error is 5002 contract_missing.
	Contract(ctx context.Context, tenant ident.Tenant, creator ident.Creator, incomeType string,
		day civil.Date) (Contract, error)
	// ContractsOf lists all versions of all contracts of a creator. A remembered list is read again
	// when no contract in it covers the income type on the day.
	ContractsOf(ctx context.Context, tenant ident.Tenant, creator ident.Creator, incomeType string,
		day civil.Date) ([]Contract, error)
	// Entity returns the version of a paying entity in force on a day.
	Entity(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
		day civil.Date) (PayingEntity, error)
	// Taxpayer returns a taxpayer with its profiles and masked personal data.
	Taxpayer(ctx context.Context, tenant ident.Tenant, taxpayer ident.Taxpayer) (Taxpayer, error)
	// Strategies lists all versions of all reward strategies.
	Strategies(ctx context.Context, tenant ident.Tenant) ([]Strategy, error)
	// Positions lists the approved tax positions in force on a day.
	Positions(ctx context.Context, tenant ident.Tenant, day civil.Date) ([]Position, error)
	// Tenants lists all tenants; only scheduled functions call it.
	Tenants(ctx context.Context) ([]string, error)
	// Creators lists a tenant's creators page by page; the cursor is "" for the first page and after
	// the last one.
	Creators(ctx context.Context, tenant ident.Tenant, cursor string,
		limit int) ([]Creator, string, error)
}
