// Command bench measures the figures that the project promises and writes them to bench/RESULTS.md.
//
//	go run ./bench                 all sections
//	go run ./bench -only record    sections whose name contains "record"; RESULTS.md is not written
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"time"
)

// section is one section of the report. Each section has a file in this folder and an entry in
// sections.
type section struct {
	name  string
	title string
	run   func(ctx context.Context, b *bench) ([]row, error)
}

// row is one measured figure with its goal; met is nil when there is no goal.
type row struct {
	what, goal, measured string
	met                  *bool
}

// sections returns the sections in the order of the report.
func sections() []section {
	return []section{
		{"start", "process start and size of each function", startSection},
		{"record", "record-incentive under a small Runtime API", recordSection},
		{"writes", "write units of a recorded event: 10,000 of 100 creators in one day, batches of 100",
			writesSection},
		{"life", "write units of a settlement's life", lifeSection},
		{"split", "split of one income line, one core", splitSection},
		{"tax", "tax engine, one core", taxSection},
		{"load", "loading the rules, one core", loadSection},
		{"month", "month-end in process over the store in memory", monthSection},
		{"writers", "64 writers on creators of one agency", writersSection},
		{"retax", "law diff: booked settlements under a second pack", retaxSection},
	}
}

// bench holds what all sections need.
type bench struct {
	dir     string // for binaries
	seconds time.Duration
}

func main() {
	only := flag.String("only", "", "measure only sections whose name contains this, and print them")
	profile := flag.String("profile", "",
		"measure nothing, leave a CPU profile of record-incentive in this file")
	seconds := flag.Duration("each", 6*time.Second, "how long each throughput is measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := measureSections(ctx, *only, *profile, *seconds); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// measureSections runs the sections whose name contains only, and writes bench/RESULTS.md when all
// were run.
func measureSections(ctx context.Context, only, profile string, each time.Duration) error {
	dir, err := os.MkdirTemp("", "fenzhang-bench-")
	if err != nil {
		return err
	}
	// leftovers would be in the temporary folder of the system
	defer func() { _ = os.RemoveAll(dir) }()
	b := &bench{dir: dir, seconds: each}
	if profile != "" {
		return profileRecording(ctx, b, profile)
	}
	var report strings.Builder
	report.WriteString(heading(ctx))
	for _, s := range sections() {
		if !strings.Contains(s.name, only) {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring:", s.title)
		rows, err := s.run(ctx, b)
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		text := markdownTable(s.title, rows)
		fmt.Print(text)
		report.WriteString(text)
	}
	if only != "" {
		return nil
	}
	return os.WriteFile("bench/RESULTS.md", []byte(report.String()), 0o644)
}
