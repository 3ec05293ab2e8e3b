package settlementdb

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tax"
)

// A lent compressor packs what a new one would, whatever it packed before: the stored form does not change.
func TestPackingAgainIsPackingAnew(t *testing.T) {
	var all []settlement.Settlement
	for i := range 50 {
		s := settlement.Settlement{Opening: settlement.Opening{Tenant: "t", ID: "st-1", CreatorID: strings.Repeat("c", i)}, LastUpdated: time.UnixMilli(int64(i))}
		got, err := metaCodec.pack(s)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w, err := flate.NewWriterDict(&b, flate.BestCompression, metaDictionary)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(plain); err != nil || w.Close() != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, b.Bytes()) {
			t.Fatalf("item %d is packed in another way", i)
		}
		var back settlement.Settlement
		if err := metaCodec.unpack(got, &back); err != nil || back.CreatorID != s.CreatorID {
			t.Fatalf("%v, %q", err, back.CreatorID)
		}
		all = append(all, back)
		if metaCodec.unpack(got[:len(got)/2], &back) == nil {
			t.Fatal("half an item was read")
		}
	}
	for i, s := range all { // what was read does not lie in what reading lends
		if s.CreatorID != strings.Repeat("c", i) {
			t.Errorf("item %d turned into %q", i, s.CreatorID)
		}
	}
}

// Figures that were packed with META's dictionary, before they had their own, are read as ever.
func TestOlderFiguresAreRead(t *testing.T) {
	f := settlement.Figures{Tenant: "t", Settlement: "st-1", Hash: "h", Result: tax.Result{Net: money.Yuan(5)}}
	old, err := olderCodec.pack(f)
	if err != nil {
		t.Fatal(err)
	}
	now, err := figuresItem(f)
	if err != nil {
		t.Fatal(err)
	}
	for name, it := range map[string]item{"older": {attrPacked: binary(old)}, "now": now} {
		got, err := figuresOf(it, "t", "st-1", "h")
		if err != nil || got.Result.Net != money.Yuan(5) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
}

func BenchmarkPack(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := metaItem(settlement.Settlement{}); err != nil {
			b.Fatal(err)
		}
	}
}
