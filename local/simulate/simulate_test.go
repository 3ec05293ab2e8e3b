package main

import (
	"bytes"
	"io"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"

	"fenzhang/local/simulate/engine"
	"fenzhang/local/simulate/people"
	"fenzhang/local/simulate/system"
)

// theLaw is loaded once: it takes longer than a run.
var theLaw = sync.OnceValues(people.LoadLaw)

func lawOf(t testing.TB) people.Law {
	t.Helper()
	debug.SetGCPercent(collectAt)
	l, err := theLaw()
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// runsOf is how many runs a test may take: 200, fewer where somebody is in a hurry. Planted bugs are found in fewer than
// that, most of them in the first runs; make simulate plays more.
func runsOf(t *testing.T) int {
	t.Helper()
	if n, err := strconv.Atoi(os.Getenv("FENZHANG_TEST_SIMULATIONS")); err == nil {
		return n
	}
	if testing.Short() {
		return 25
	}
	return 200
}

func TestPromisesHoldInEveryRun(t *testing.T) {
	l, sum := lawOf(t), newTotals()
	sum.playRuns(1, runsOf(t), l, system.Bug{}, func() bool { return sum.failed < 5 })
	var out bytes.Buffer
	sum.print(&out)
	if !sum.printVerdict(&out) {
		t.Error(out.String())
	}
	t.Log(out.String())
}

func TestASeedIsPlayedAgainExactly(t *testing.T) {
	l := lawOf(t)
	for seed := range uint64(5) {
		a, err := simulate(seed, l, system.Bug{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		b, err := simulate(seed, l, system.Bug{}, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		if a.digest != b.digest || a.writes != b.writes || a.deliveries != b.deliveries || strings.Join(a.broken, "\n") != strings.Join(b.broken, "\n") {
			t.Errorf("seed %d came to %x with %d writes and %d deliveries, then to %x with %d and %d", seed, a.digest, a.writes, a.deliveries, b.digest, b.writes, b.deliveries)
		}
		if c, err := simulate(seed+1000, l, system.Bug{}, nil); err != nil || c.digest == a.digest {
			t.Errorf("another seed is the same run (%v)", err)
		}
	}
}

func TestAFailingSeedTellsHowToPlayItAgain(t *testing.T) {
	sum := newTotals()
	sum.add(outcome{seed: 77, broken: []string{"P3: paid twice"}, faults: map[string]int{engine.FaultKill: 2}})
	var out bytes.Buffer
	if sum.printVerdict(&out) || !strings.Contains(out.String(), "make simulate SEED=77\n  P3: paid twice\n") || !strings.HasSuffix(out.String(), "\n0 passed, 1 failed\n") {
		t.Error(out.String())
	}
}
