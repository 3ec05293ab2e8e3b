package taxpack_test

import (
	"testing"

	"fenzhang/rules"
	"fenzhang/shared/law/taxpack"
)

// BenchmarkLoad reads, checks and compiles the files of the national pack and of all jurisdictions.
func BenchmarkLoad(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := taxpack.LoadCorpus(rules.NationalPack(), rules.JurisdictionPacks()...); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoadPrepared is what a cold start pays with the prepared form.
func BenchmarkLoadPrepared(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := taxpack.LoadEmbedded(); err != nil {
			b.Fatal(err)
		}
	}
}
