package main

import (
	"testing"
)

func BenchmarkRun(b *testing.B) {
	l := lawOf(b)
	b.ReportAllocs()
	seed := uint64(1)
	for b.Loop() {
		if o, err := simulate(seed, l, plant{}, nil); err != nil || len(o.breaks) > 0 {
			b.Fatal(err, o.breaks)
		}
		seed++
	}
}
