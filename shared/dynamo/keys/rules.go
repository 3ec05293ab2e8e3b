package keys

import "fenzhang/shared/ident"

// --- tenancy table: the policy packs, which belong to all tenants ---

// RulePointers is the key of the item that says which version of each policy pack is active. All
// packs are in one item, so that one read sees one consistent state.
func RulePointers() Key { return Key{tenantPrefix("-") + "RULES", "POINTERS"} }

// RulePack is the partition of the versions and the history of a policy pack.
func RulePack(pack string) string { return tenantPrefix("-") + "RULES#" + pack }

// RuleVersion is the key of a verified version of a policy pack, which is stored for ever.
func RuleVersion(pack, version string) Key {
	return Key{RulePack(pack), RuleVersionPrefix + version}
}

// RuleVersionPrefix begins the sort keys of the versions of a policy pack.
const RuleVersionPrefix = "V#"

// RuleChange is the key of an entry in the history of a policy pack; the ids sort by time.
func RuleChange(pack, id string) Key { return Key{RulePack(pack), RuleChangePrefix + id} }

// RuleChangePrefix begins the sort keys of the history of a policy pack.
const RuleChangePrefix = "H#"

// RuleRequest is the key of the mark that the request in a pack's manifest was carried out, so that
// the same notification, delivered again, changes nothing.
func RuleRequest(pack, hash string) Key { return Key{RulePack(pack), "ASKED#" + hash} }

// RuleRefusals is the partition of the list of packs and requests that were refused.
func RuleRefusals() string { return tenantPrefix("-") + "RULES-REFUSED" }

// --- ledger table: comparisons with shadow packs ---

// ShadowReport is the partition of a tenant's comparisons with one version of a shadow pack.
func ShadowReport(t ident.Tenant, pack, version string) string {
	return tenantPrefix(t) + "SHADOW#" + pack + "@" + version
}

// ShadowList is the partition that lists the versions of shadow packs with which settlements were
// compared.
func ShadowList(t ident.Tenant) string { return tenantPrefix(t) + "SHADOWS" }
