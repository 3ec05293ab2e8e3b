// Package identity describes the verified caller of a request and the roles. The packages below
// verify tokens (bearer), answer the gateway's authorizer (authorizer) and know the revoked tokens
// (revocation).
package identity

import (
	"slices"
	"time"

	"fenzhang/shared/ident"
)

// Role is a set of rights of a person; the table of the HTTP contract says which role may call
// which route.
type Role string

// Persons have these roles. Service tokens have them too, together with the scope ScopeMachine.
const (
	Creator  Role = "creator"
	Operator Role = "operator"
	Finance  Role = "finance"
	Approver Role = "approver"
	Cashier  Role = "cashier"
	Auditor  Role = "auditor"
	Admin    Role = "admin"
)

// AllRoles returns the roles in the order of the contract's table.
func AllRoles() []Role {
	return []Role{Creator, Operator, Finance, Approver, Cashier, Auditor, Admin}
}

// ScopeMachine is the scope of service tokens; the rate limit of their tenant applies to them
// instead of a person's.
const ScopeMachine = "machine"

// Principal is the verified caller. A handler uses no other tenant than the one in it.
type Principal struct {
	Tenant  ident.Tenant
	Subject string
	Roles   []Role
	// Creator is the creator that a person with the role creator is.
	Creator ident.Creator
	Scope   string
	Expires time.Time
}

// HasRole reports whether the caller has at least one of the roles.
func (p Principal) HasRole(roles ...Role) bool {
	return slices.ContainsFunc(roles, func(r Role) bool { return slices.Contains(p.Roles, r) })
}

// SeesOnlyOwn reports whether the caller may see only what belongs to its own creator, because it
// has no role besides creator.
func (p Principal) SeesOnlyOwn() bool {
	return !p.HasRole(Operator, Finance, Approver, Cashier, Auditor, Admin)
}

// CanSee reports whether the caller may see what belongs to the given creator.
func (p Principal) CanSee(creator ident.Creator) bool {
	return !p.SeesOnlyOwn() || p.Creator == creator
}
