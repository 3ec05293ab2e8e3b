package keys_test

import (
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
)

func TestKeysAreReadBack(t *testing.T) {
	month := civil.NewMonth(2026, 11)
	if tenant, event, ok := keys.ParseEventKey(keys.Event("mcn-a", "ev-1")); !ok || tenant != "mcn-a" || event != "ev-1" {
		t.Errorf("event: %s %s %v", tenant, event, ok)
	}
	if y := keys.TaxRowYear(keys.TaxRows("mcn-a", "ent-1", "tp-1", 2026, 12).SK); y != 2026 {
		t.Errorf("year: %d", y)
	}
	k := keys.Settlement("mcn-a", "st-1")
	if tenant, id, ok := keys.ParseSettlementKey(k.PK, k.SK); !ok || tenant != "mcn-a" || id != "st-1" {
		t.Errorf("settlement: %s %s %v", tenant, id, ok)
	}
	if period, incomeType, ok := keys.ParseBucketKey(keys.Bucket("mcn-a", "c-1", month, "live_tip").SK); !ok || period != "2026-11" || incomeType != "live_tip" {
		t.Errorf("bucket: %s %s %v", period, incomeType, ok)
	}
	if creator, period, ok := keys.ParseAcceptanceKey(keys.Acceptance("mcn-a", civil.MustDate("2026-11-30"), "c-1", "2026-11").SK); !ok || creator != "c-1" || period != "2026-11" {
		t.Errorf("acceptance: %s %s %v", creator, period, ok)
	}
	for name, ok := range map[string]bool{
		"an event of no key":        second(keys.ParseEventKey(keys.Settlement("mcn-a", "st-1"))),
		"an event without tenant":   second(keys.ParseEventKey(keys.Event("", "ev-1"))),
		"an event without id":       second(keys.ParseEventKey(keys.Event("mcn-a", ""))),
		"figures as a settlement":   second(keys.ParseSettlementKey(keys.Figures("mcn-a", "st-1", "0a").PK, keys.Figures("mcn-a", "st-1", "0a").SK)),
		"an outbox as a settlement": second(keys.ParseSettlementKey(keys.Outbox("mcn-a", "a").PK, "META")),
		"a line as a bucket":        second(keys.ParseBucketKey(keys.IncomeLine("mcn-a", "c-1", month, "live_tip", "l").SK)),
		"a bucket of no month":      second(keys.ParseBucketKey(keys.BucketPrefix + "#live_tip")),
	} {
		if ok {
			t.Errorf("%s was read", name)
		}
	}
	if y := keys.TaxRowYear("J#en-1"); y != 0 {
		t.Errorf("an entry has the year %d", y)
	}
}

func second[A, B ~string](_ A, _ B, ok bool) bool { return ok }

// Parts of a list are found again by whoever reads all of them, and no part is left empty for long.
func TestShardsSpread(t *testing.T) {
	openings, days := map[uint32]int{}, map[string]int{}
	for i := range 4000 {
		id := "c-" + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/676))
		n := keys.OpeningShard(id)
		if n >= keys.OpeningShards || n != keys.OpeningShard(id) {
			t.Fatalf("%s is in part %d", id, n)
		}
		openings[n]++
		days[keys.DayChunks("mcn-a", civil.MustDate("2026-11-30"), ident.Creator(id))]++
	}
	if len(openings) != keys.OpeningShards || len(days) != keys.DayShards {
		t.Errorf("%d and %d parts", len(openings), len(days))
	}
	for n := range uint32(keys.DayShards) {
		if days[keys.DayShard("mcn-a", civil.MustDate("2026-11-30"), n)] < 4000/keys.DayShards/2 {
			t.Errorf("part %d holds %d of 4000", n, days[keys.DayShard("mcn-a", civil.MustDate("2026-11-30"), n)])
		}
	}
}
