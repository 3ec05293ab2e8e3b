package promises

import (
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/settlement"
)

// checkStatements checks that each line is in one bucket, and that each bucket was consumed once
// and whole (P6, P9).
func (b *Examiner) checkStatements() {
	type sum struct{ dist, lines int64 }
	sums := map[string]sum{}
	for k, it := range b.lines {
		pk, sk, _ := strings.Cut(k, "/")
		parts := strings.SplitN(sk, "#", 4) // L, month, income type, id
		bucket := pk + "/" + keys.BucketPrefix + dynamo.TextOf(it, "b") + "#" + parts[2]
		s := sums[bucket]
		sums[bucket] = sum{s.dist + dynamo.NumberOf(it, "dist"), s.lines + 1}
	}
	today, consumed := civil.DateOf(b.world.Now()), map[string]bool{}
	for k, it := range b.buckets {
		if got := sums[k]; got.dist != dynamo.NumberOf(it, "dist") ||
			got.lines != dynamo.NumberOf(it, "n") {
			b.world.ReportBroken("P9", "bucket %s holds %d fen of %d lines, its lines come to %d fen of %d",
				k,
				dynamo.NumberOf(it, "dist"), dynamo.NumberOf(it, "n"), got.dist, got.lines)
		}
		delete(sums, k)
		pk, sk, _ := strings.Cut(k, "/")
		period, _, _ := keys.BucketOf(sk)
		switch st := dynamo.TextOf(it, "st"); {
		case st == string(income.Carried):
			b.paths["carried on"]++
		case st == "settled":
			consumed[tenantOf(pk)+"/"+dynamo.TextOf(it, "sid")] = true
			s, ok := b.settlements[tenantOf(pk)+"/"+dynamo.TextOf(it, "sid")]
			if !ok || s.Gross.Fen() != dynamo.NumberOf(it, "dist") ||
				int64(s.Occurrence) < dynamo.NumberOf(it, "occ") {
				b.world.ReportBroken("P9", "bucket %s was consumed by %s with %s, and holds %d fen", k,
					dynamo.TextOf(it, "sid"),
					s.Gross, dynamo.NumberOf(it, "dist"))
			}
			if last := b.lastOccurrence(ident.Tenant(tenantOf(pk)), s); ok && last.Dead() &&
				dynamo.NumberOf(it, "live") != 0 {
				b.world.ReportBroken("P9",
					"bucket %s says that %s stands, which was undone: its lines are never settled",
					k, last.ID)
			}
		case st == "open" && period < today.Month().String() && dynamo.NumberOf(it, "dist") > 0:
			b.world.ReportBroken("stuck", "bucket %s stays open with %d fen", k, dynamo.NumberOf(it, "dist"))
		}
	}
	for k := range sums {
		b.world.ReportBroken("P9", "lines of %s lie in no bucket", k)
	}
	for id, s := range b.settlements {
		if !strings.HasPrefix(s.ActivityID, settlement.StatementPrefix) ||
			s.Source == settlement.SourceReopened || s.Dead() || s.ReopenedBy != "" {
			continue
		}
		if !consumed[id] {
			b.world.ReportBroken("P9", "%s was made of a bucket, and no bucket says so", id)
		}
	}
}

// lastOccurrence is the occurrence that stands for a payable now.
func (b *Examiner) lastOccurrence(tenant ident.Tenant, s settlement.Settlement) settlement.Settlement {
	for next, ok := b.settlements[string(tenant+"/")+string(s.ReopenedBy)]; ok &&
		s.ReopenedBy != ""; next, ok = b.settlements[string(tenant+"/")+string(s.ReopenedBy)] {
		s = next
	}
	return s
}

// tenantOf reads the tenant from a partition key.
func tenantOf(pk string) string {
	t, _, _ := strings.Cut(strings.TrimPrefix(pk, "T#"), "#")
	return t
}
