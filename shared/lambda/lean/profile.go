//go:build profile

package lean

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// This file is built only with the tag "profile", by the measurements in bench. It records a CPU
// profile, from which default.pgo is made, into the file that BENCH_PROFILE names, until the
// process receives SIGTERM.
func init() {
	file, err := os.Create(os.Getenv("BENCH_PROFILE"))
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		panic(err)
	}
	end := make(chan os.Signal, 1)
	signal.Notify(end, syscall.SIGTERM)
	go func() {
		<-end
		pprof.StopCPUProfile()
		file.Close()
		os.Exit(0)
	}()
}
