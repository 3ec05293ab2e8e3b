// Command demo plays an agency's three months on a running local stack: it sends the sample data
// through the HTTP API as a real client would, moves the business date from month to month, has
// people review and approve, waits until everything is paid, and prints what came of it. Run again,
// it replays the same data and ends the same.
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
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
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
	play := d.play
	if *only == "month" {
		play = d.month.playAlone
	}
	return errors.Join(play(ctx), s.clearDate())
}
