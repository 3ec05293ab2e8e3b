// Command demo plays three months of an agency on a running local stack: it sends the sample data
// through the HTTP API as a real client would, moves the business date from month to month, has
// people review and approve, waits until everything is paid, and prints the results. A second run
// sends the same data and ends with the same results.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"fenzhang/local/income"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := runDemo(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo: "+err.Error())
		os.Exit(1)
	}
}

// runDemo reads the flags and plays the demo; the business date is cleared also after an error.
func runDemo(ctx context.Context) error {
	env := flag.String("env", ".local/stack.env", "file with the addresses of the running stack")
	samples := flag.String("samples", "samples", "folder of the demo data")
	callers := flag.Int("callers", 16, "calls under way at the same time")
	only := flag.String("only", "", `"month" plays only the month in which money is stopped`)
	flag.Parse()
	delivery, err := income.Open(os.DirFS(*samples))
	if err != nil {
		return err
	}
	s, err := openStack(ctx, *env)
	if err != nil {
		return err
	}
	d := newDemo(s, delivery, *callers)
	play := d.playAllDates
	if *only == "month" {
		play = d.month.playAlone
	}
	return errors.Join(play(ctx), s.clearDate())
}
