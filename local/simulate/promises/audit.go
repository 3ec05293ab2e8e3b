package promises

import (
	"maps"
	"slices"
	"strings"

	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
)

// checkAudit checks promise P7: exactly one record for each act, which says what the journal says.
func (b *Examiner) checkAudit() {
	for _, id := range slices.Sorted(maps.Keys(b.acts)) {
		if _, ok := b.sys.AuditRecords[id]; !ok {
			b.world.ReportBroken("P7", "act %s (%s) has no audit record", id, b.acts[id])
		}
	}
	hashes := map[string][]string{}
	for _, e := range b.entries {
		act := string(e.Tenant+"/") + postingAct(e)
		hashes[act] = append(hashes[act], ledgerdb.Hash(e))
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

// postingAct is the act that posted an entry; a correction posts one for each creator and month.
func postingAct(e ledger.Entry) string { return strings.TrimSuffix(e.ID, "-"+e.Tax.String()) }

func equalSets(a, b []string) bool {
	slices.Sort(a)
	slices.Sort(b)
	return slices.Equal(a, b)
}
