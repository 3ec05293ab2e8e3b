package taxpack_test

import (
	"testing"

	"fenzhang/shared/taxpack"
)

// BenchmarkLoad is what a cold start pays to read, check and compile the embedded pack.
func BenchmarkLoad(b *testing.B) {
	files := nationalFS(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := taxpack.Load(files); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLoadPrepared is what a cold start pays with the prepared form.
func BenchmarkLoadPrepared(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := taxpack.National(); err != nil {
			b.Fatal(err)
		}
	}
}
