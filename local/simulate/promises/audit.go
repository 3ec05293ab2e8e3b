package promises

import (
	"maps"
	"slices"
	"strings"

	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
)

// checkAudit checks promise P7: there is exactly one audit record for each act, and its ledger
// hash is that of the journal entries of the act.
func (b *Examiner) checkAudit() {
	for _, id := range slices.Sorted(maps.Keys(b.acts)) {
		if _, ok := b.sys.AuditRecords[id]; !ok {
			b.world.ReportBroken("P7", "act %s (%s) has no audit record", id, b.acts[id])
		}
	}
	hashes := map[string][]string{}
	for _, e := range b.entries {
		act := string(e.Tenant+"/") + actOfEntry(e)
		hashes[act] = append(hashes[act], ledgerdb.EntryHash(e))
	}
	for _, id := range slices.Sorted(maps.Keys(b.sys.AuditRecords)) {
		if _, ok := b.acts[id]; !ok {
			b.world.ReportBroken("P7", "record %s tells of an act that was not done", id)
		}
		if r := b.sys.AuditRecords[id]; r.LedgerHash != "" &&
			!equalSets(hashes[id], strings.Split(r.LedgerHash, ",")) {
			b.world.ReportBroken("P7", "record %s (%s) tells of another journal entry", id, r.Act)
		}
	}
}

// actOfEntry returns the act that posted an entry; a correction posts one entry for each creator
// and month, whose ids end with the month.
func actOfEntry(e ledger.Entry) string { return strings.TrimSuffix(e.ID, "-"+e.Tax.String()) }

// equalSets reports whether two lists have the same elements in any order; it sorts both lists.
func equalSets(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
