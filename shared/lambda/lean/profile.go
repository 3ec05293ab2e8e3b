//go:build profile

package lean

import (
	"os"
	"os/signal"
	"runtime/pprof"
	"syscall"
)

// Built with the tag "profile" only, by the bench, to learn where the time goes and to make
// default.pgo: the profile is written to the file named by BENCH_PROFILE when the process is asked
// to end.
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
