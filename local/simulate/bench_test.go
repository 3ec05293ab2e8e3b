package main

import (
	"testing"

	"fenzhang/local/simulate/system"
)

func BenchmarkRun(b *testing.B) {
	l := lawOf(b)
	b.ReportAllocs()
	seed := uint64(1)
	for b.Loop() {
		if o, err := simulate(seed, l, system.Bug{}, nil); err != nil || len(o.broken) > 0 {
			b.Fatal(err, o.broken)
		}
		seed++
	}
}
