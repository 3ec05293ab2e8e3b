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

// bucketSum is the sum of a bucket's lines in fen, and their number.
type bucketSum struct{ fen, lines int64 }

// checkStatements checks that each income line is in one statement bucket, and that each bucket was
// settled once and whole (promise P9).
func (b *Examiner) checkStatements() {
	sums := b.sumLines()
	settled := map[string]bool{} // by tenant and settlement
	for k, it := range b.buckets {
		if got := sums[k]; got.fen != dynamo.NumberOf(it, "dist") ||
			got.lines != dynamo.NumberOf(it, "n") {
			b.world.ReportBroken("P9", "bucket %s holds %d fen of %d lines, its lines come to %d fen of %d",
				k, dynamo.NumberOf(it, "dist"), dynamo.NumberOf(it, "n"), got.fen, got.lines)
		}
		delete(sums, k)
		b.checkBucket(k, it, settled)
	}
	for k := range sums {
		b.world.ReportBroken("P9", "lines of %s lie in no bucket", k)
	}
	for id, s := range b.settlements {
		if !strings.HasPrefix(s.ActivityID, settlement.StatementPrefix) ||
			s.Source == settlement.SourceReopened || s.IsUndone() || s.ReopenedBy != "" {
			continue
		}
		if !settled[id] {
			b.world.ReportBroken("P9", "%s was made of a bucket, and no bucket says so", id)
		}
	}
}

// sumLines adds up the income lines of each bucket.
func (b *Examiner) sumLines() map[string]bucketSum {
	sums := map[string]bucketSum{}
	for k, it := range b.lines {
		pk, sk, _ := strings.Cut(k, "/")
		parts := strings.SplitN(sk, "#", 4) // L, month, income type, id
		bucket := pk + "/" + keys.BucketPrefix + dynamo.TextOf(it, "b") + "#" + parts[2]
		s := sums[bucket]
		sums[bucket] = bucketSum{s.fen + dynamo.NumberOf(it, "dist"), s.lines + 1}
	}
	return sums
}

// checkBucket compares a bucket with the settlement that was made of it, and notes the settlement.
// No bucket of a past month may stay open with money in it.
func (b *Examiner) checkBucket(k string, it dynamo.Item, settled map[string]bool) {
	pk, sk, _ := strings.Cut(k, "/")
	period, _, _ := keys.ParseBucketKey(sk)
	fen := dynamo.NumberOf(it, "dist")
	thisMonth := civil.DateOf(b.world.Now()).Month().String()
	switch st := dynamo.TextOf(it, "st"); {
	case st == string(income.Carried):
		b.paths["carried on"]++
	case st == "settled":
		id := tenantOf(pk) + "/" + dynamo.TextOf(it, "sid")
		settled[id] = true
		s, ok := b.settlements[id]
		if !ok || s.Gross.Fen() != fen || int64(s.Occurrence) < dynamo.NumberOf(it, "occ") {
			b.world.ReportBroken("P9", "bucket %s was consumed by %s with %s, and holds %d fen", k,
				dynamo.TextOf(it, "sid"), s.Gross, fen)
		}
		last := b.lastOccurrence(ident.Tenant(tenantOf(pk)), s)
		if ok && last.IsUndone() && dynamo.NumberOf(it, "live") != 0 {
			b.world.ReportBroken("P9",
				"bucket %s says that %s is valid, which was undone: its lines are never settled", k, last.ID)
		}
	case st == "open" && period < thisMonth && fen > 0:
		b.world.ReportBroken("stuck", "bucket %s stays open with %d fen", k, fen)
	}
}

// lastOccurrence follows the reopenings of a settlement to the last one.
func (b *Examiner) lastOccurrence(tenant ident.Tenant,
	s settlement.Settlement) settlement.Settlement {
	for s.ReopenedBy != "" {
		next, ok := b.settlements[string(tenant)+"/"+string(s.ReopenedBy)]
		if !ok {
			break
		}
		s = next
	}
	return s
}

// tenantOf reads the tenant from a partition key.
func tenantOf(pk string) string {
	t, _, _ := strings.Cut(strings.TrimPrefix(pk, "T#"), "#")
	return t
}
