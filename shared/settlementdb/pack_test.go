package settlementdb

import "testing"

func BenchmarkPack(b *testing.B) {
	b.ReportAllocs()
	s := busy()
	for b.Loop() {
		metaItem(s)
	}
}

func BenchmarkUnpack(b *testing.B) {
	b.ReportAllocs()
	it := metaItem(busy())
	for b.Loop() {
		if _, err := FromItem(it); err != nil {
			b.Fatal(err)
		}
	}
}
