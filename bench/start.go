package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"fenzhang/local/runtimeapi"
)

// startRepeats is how often each function is started; the median time counts.
const startRepeats = 11

// startSection measures, for every function, the time from the start of its process to its first
// request for an event, and the size of its zip file.
func startSection(ctx context.Context, b *bench) ([]row, error) {
	mains, err := filepath.Glob("functions/*/main.go")
	if err != nil {
		return nil, err
	}
	var rows []row
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		binary, err := b.build(ctx, "./functions/"+name)
		if err != nil {
			return nil, err
		}
		// the size counts for the binary that is uploaded, the start for one that runs here
		deployed, err := b.buildDeployed(ctx, "./functions/"+name)
		if err != nil {
			return nil, err
		}
		size, err := zippedSize(deployed)
		if err != nil {
			return nil, err
		}
		median, err := medianStartTime(ctx, binary)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		rows = append(rows,
			row{name + ": start to first poll, median of " + fmt.Sprint(startRepeats), "<= 60 ms",
				fmt.Sprintf("%.0f ms", milliseconds(median)), atMost(milliseconds(median), 60)},
			row{name + ": zip (arm64)", "<= 8 MB", fmt.Sprintf("%.1f MB", float64(size)/1e6),
				atMost(float64(size), 8e6)})
	}
	return rows, nil
}

// zippedSize returns the size in bytes of a binary's zip file.
func zippedSize(binary string) (int, error) {
	program, err := os.ReadFile(binary)
	if err != nil {
		return 0, err
	}
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	w, err := z.Create("bootstrap")
	if err != nil {
		return 0, err
	}
	if _, err := w.Write(program); err != nil {
		return 0, err
	}
	if err := z.Close(); err != nil {
		return 0, err
	}
	return out.Len(), nil
}

// medianStartTime starts a function several times and returns the median time.
func medianStartTime(ctx context.Context, binary string) (time.Duration, error) {
	aws, err := newEndpoint(ctx)
	if err != nil {
		return 0, err
	}
	defer aws.close()
	took := make([]time.Duration, startRepeats)
	for i := range took {
		if took[i], err = measureStart(ctx, binary, aws.url); err != nil {
			return 0, err
		}
	}
	slices.Sort(took)
	return took[len(took)/2], nil
}

// startLimit is how long a start may take: Python needs seconds on a busy machine.
const startLimit = 30 * time.Second

// measureStart starts a function and returns the time until it asks for its first event.
func measureStart(ctx context.Context, binary, aws string) (time.Duration, error) {
	api, err := runtimeapi.Start(ctx, benchFunction)
	if err != nil {
		return 0, err
	}
	defer api.Close()
	began := time.Now()
	p, err := startFunction(ctx, binary, api.Addr, aws, 1)
	if err != nil {
		return 0, err
	}
	defer p.stop()
	err = p.awaitPoll(ctx, api)
	return time.Since(began), err
}

// awaitPoll waits until the function asks for its first event.
func (p *process) awaitPoll(ctx context.Context, api *runtimeapi.API) error {
	select {
	case <-api.Polled():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(startLimit):
		return fmt.Errorf("no poll within %s; its log: %s", startLimit, strings.TrimSpace(p.log.text()))
	}
}
