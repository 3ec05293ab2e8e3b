package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// profileRecording runs record-incentive under the three loads of the report and writes their
// merged CPU profile to a file. As functions/record-incentive/default.pgo the profile guides the
// compiler.
func profileRecording(ctx context.Context, b *bench, file string) error {
	binary, err := b.build(ctx, "./functions/record-incentive", "profile")
	if err != nil {
		return err
	}
	var parts []string
	for i, l := range []load{{inFlight: 1, batch: 1}, {inFlight: 32, batch: 1},
		{inFlight: 1, batch: 100}} {
		part := filepath.Join(b.dir, "cpu"+string(rune('0'+i)))
		if err := os.Setenv("BENCH_PROFILE", part); err != nil {
			return err
		}
		l.binary, l.seconds = binary, b.seconds
		if _, err := l.measure(ctx); err != nil {
			return err
		}
		parts = append(parts, part)
	}
	return mergeProfiles(ctx, parts, file)
}

// mergeProfiles merges CPU profiles into one file.
func mergeProfiles(ctx context.Context, parts []string, file string) error {
	cmd := exec.CommandContext(ctx, "go",
		append([]string{"tool", "pprof", "-proto", "-output", file}, parts...)...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("merge profiles: %w\n%s", err, text)
	}
	return nil
}
