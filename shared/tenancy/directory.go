package tenancy

import (
	"context"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
)

// Directory finds master data. Every method answers fault.Absent when the tenant has no such
// object, and reads that a warm function may repeat come from memory for at most 30 seconds.
type Directory interface {
	// Creator finds a payee account.
	Creator(ctx context.Context, tenant ident.Tenant, creator ident.Creator) (Creator, error)
	// Contract finds the contract version in force on a day that covers the income type; where there
	// is none the error is fault.RuleMissing with reason contract_missing.
	Contract(ctx context.Context, tenant ident.Tenant, creator ident.Creator, incomeType string,
		day civil.Date) (Contract, error)
	// ContractsOf lists all versions of all contracts of a creator, those of any day. What is
	// remembered is read anew where none of it covers the income type on the day.
	ContractsOf(ctx context.Context, tenant ident.Tenant, creator ident.Creator, incomeType string,
		day civil.Date) ([]Contract, error)
	// Entity finds the version of a paying entity in force on a day.
	Entity(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
		day civil.Date) (PayingEntity, error)
	// Taxpayer finds a taxpayer with its profiles, masked.
	Taxpayer(ctx context.Context, tenant ident.Tenant, taxpayer ident.Taxpayer) (Taxpayer, error)
	// Strategies lists all versions of all reward strategies.
	Strategies(ctx context.Context, tenant ident.Tenant) ([]Strategy, error)
	// Positions lists the approved tax positions in force on a day.
	Positions(ctx context.Context, tenant ident.Tenant, day civil.Date) ([]Position, error)
	// Tenants lists all tenants; only schedules call it.
	Tenants(ctx context.Context) ([]string, error)
	// Creators lists a tenant's creators, page by page; the cursor is "" at the start and at the end.
	Creators(ctx context.Context, tenant ident.Tenant, cursor string,
		limit int) ([]Creator, string, error)
}
