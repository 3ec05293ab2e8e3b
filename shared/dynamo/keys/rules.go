package keys

import "fenzhang/shared/ident"

// --- tenancy table: the policy packs, which belong to all tenants ---

// RulePointers say which versions of all packs compute: one item, so that one read sees one state.
func RulePointers() Key { return Key{tenantPrefix("-") + "RULES", "POINTERS"} }

// RulePack is the partition of a pack's versions and history.
func RulePack(pack string) string { return tenantPrefix("-") + "RULES#" + pack }

// RuleVersion is one verified version of a pack, stored for ever.
func RuleVersion(pack, version string) Key {
	return Key{RulePack(pack), RuleVersionPrefix + version}
}

// RuleVersionPrefix begins the sort keys of versions.
const RuleVersionPrefix = "V#"

// RuleChange is one entry of a pack's history; ids sort by time.
func RuleChange(pack, id string) Key { return Key{RulePack(pack), RuleChangePrefix + id} }

// RuleChangePrefix begins the sort keys of the history.
const RuleChangePrefix = "H#"

// RuleRequest remembers that a manifest's wish was fulfilled: a notification that comes again
// changes nothing.
func RuleRequest(pack, hash string) Key { return Key{RulePack(pack), "ASKED#" + hash} }

// RuleRefusals is the list of what was refused, over all packs.
func RuleRefusals() string { return tenantPrefix("-") + "RULES-REFUSED" }

// --- ledger table: comparisons with shadow packs ---

// ShadowReport is the partition of a tenant's comparisons with one version of a pack.
func ShadowReport(t ident.Tenant, pack, version string) string {
	return tenantPrefix(t) + "SHADOW#" + pack + "@" + version
}

// ShadowList is the directory of versions that were compared.
func ShadowList(t ident.Tenant) string { return tenantPrefix(t) + "SHADOWS" }
