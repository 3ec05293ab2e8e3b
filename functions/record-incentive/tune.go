package main

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
)

const (
	// gcPercent lets garbage grow to several times the live heap before it is collected. The live heap is some
	// megabytes, so this costs little memory and saves most of the collector's work.
	gcPercent = 600
	// heapLimit makes the collector work harder again before the process outgrows its share of the memory.
	heapLimit = 28 << 20
	// fullCore is the memory in MB at which Lambda gives a whole core.
	fullCore = 1769
)

// tune fits the Go runtime to the sandbox: get reads the environment that Lambda sets.
func tune(get func(string) string) {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(heapLimit)
	if memory, err := strconv.Atoi(get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")); err == nil && memory <= fullCore {
		runtime.GOMAXPROCS(1) // with less than a core, waking further threads only costs
	}
	// The Runtime API's client copies this transport. With many invocations at once the default of two idle
	// connections makes it connect anew for nearly each.
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t.MaxIdleConnsPerHost = 64
	}
}

