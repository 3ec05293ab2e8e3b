// Package identity tells who calls: it verifies tokens and knows the roles.
package identity

import (
	"slices"
	"time"

	"fenzhang/shared/ident"
)

// Role is what a person may do; the table is in the HTTP contract.
type Role string

// The roles. A service token carries ScopeMachine besides.
const (
	Creator  Role = "creator"
	Operator Role = "operator"
	Finance  Role = "finance"
	Approver Role = "approver"
	Cashier  Role = "cashier"
	Auditor  Role = "auditor"
	Admin    Role = "admin"
)

// AllRoles lists the roles in the order of the contract's table.
func AllRoles() []Role {
	return []Role{Creator, Operator, Finance, Approver, Cashier, Auditor, Admin}
}

// ScopeMachine marks service tokens: they have the tenant's limit instead of a person's.
const ScopeMachine = "machine"

// Principal is the verified caller. Its tenant is the only tenant a handler ever uses.
type Principal struct {
	Tenant  ident.Tenant
	Subject string
	Roles   []Role
	Creator ident.Creator // the creator a person with role creator is
	Scope   string
	Expires time.Time
}

// HasRole tells whether the caller has one of the roles.
func (p Principal) HasRole(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(p.Roles, r) })
}

// SeesOnlyOwn tells that the caller may see only what belongs to its creator: it has no role beside
// creator.
func (p Principal) SeesOnlyOwn() bool {
	return !p.HasRole(Operator, Finance, Approver, Cashier, Auditor, Admin)
}

// CanSee tells whether the caller may see objects of this creator.
func (p Principal) CanSee(creator ident.Creator) bool {
	return !p.SeesOnlyOwn() || p.Creator == creator
}
