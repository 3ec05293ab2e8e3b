package settlementdb

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/settlement"
)

// A lent compressor packs what a new one would, whatever it packed before: the stored form does not change.
func TestPackingAgainIsPackingAnew(t *testing.T) {
	for i := range 50 {
		s := settlement.Settlement{Opening: settlement.Opening{Tenant: "t", ID: "st-1", CreatorID: strings.Repeat("c", i)}, LastUpdated: time.UnixMilli(int64(i))}
		got, err := pack(s)
		if err != nil {
			t.Fatal(err)
		}
		plain, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		w, err := flate.NewWriterDict(&b, flate.BestCompression, dictionary)
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
		if err := unpack(got, &back); err != nil || back.CreatorID != s.CreatorID {
			t.Fatalf("%v, %q", err, back.CreatorID)
		}
		if unpack(got[:len(got)/2], &back) == nil {
			t.Fatal("half an item was read")
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
