package identity_test

import (
	"slices"
	"testing"

	"fenzhang/shared/identity"
)

// A creator sees its own; with any other role beside it, the same person sees all.
func TestOnlyACreatorAloneIsKeptToItsOwn(t *testing.T) {
	for _, role := range identity.AllRoles() {
		p := identity.Principal{Roles: []identity.Role{role}, Creator: "c-1"}
		if p.SeesOnlyOwn() != (role == identity.Creator) || !p.CanSee("c-1") || p.CanSee("c-2") != (role != identity.Creator) {
			t.Errorf("%s: only its own %v, another's %v", role, p.SeesOnlyOwn(), p.CanSee("c-2"))
		}
		p.Roles = append(p.Roles, identity.Creator)
		if p.CanSee("c-2") != (role != identity.Creator) {
			t.Errorf("%s and creator sees another's: %v", role, p.CanSee("c-2"))
		}
	}
	for name, p := range map[string]identity.Principal{"no role": {Creator: "c-1"}, "an unknown role": {Creator: "c-1", Roles: []identity.Role{"root"}}} {
		if !p.SeesOnlyOwn() || p.CanSee("c-2") || p.HasRole(identity.AllRoles()...) {
			t.Errorf("%s sees what is not its own", name)
		}
	}
}

func TestHasNeedsOneOfTheRoles(t *testing.T) {
	p := identity.Principal{Roles: []identity.Role{identity.Finance, identity.Approver}}
	if !p.HasRole(identity.Admin, identity.Approver) || p.HasRole(identity.Admin, identity.Cashier) || p.HasRole() {
		t.Error("roles are confused")
	}
	if all := identity.AllRoles(); len(all) != 7 || slices.Contains(all, "") {
		t.Errorf("roles %v", all)
	}
}
