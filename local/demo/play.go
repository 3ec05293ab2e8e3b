package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"fenzhang/local/income"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
)

// demo is one run of the demo.
type demo struct {
	*stack
	income.Delivery
	callers int
	// between two reads of a pay day: reading all settlements is the slowest call
	pause  time.Duration
	report *report
	days   *eventCounts
	month  *month
}

// newDemo returns a demo on a stack.
func newDemo(s *stack, d income.Delivery, callers int) *demo {
	out := &demo{stack: s, Delivery: d, callers: callers, pause: 1500 * time.Millisecond,
		report: newReport(), days: newEventCounts()}
	out.month = &month{demo: out}
	return out
}

// playAllDates plays all business dates of the sample data and prints the results.
func (d *demo) playAllDates(ctx context.Context) error {
	if err := d.report.runPhase("master data", func() error {
		return d.loadAllMaster(ctx)
	}); err != nil {
		return err
	}
	dates := d.businessDates()
	for i, day := range dates {
		// the rewards of the month must be accrued before its statements are made
		closes := i+1 < len(dates) && d.isPayDay(dates[i+1])
		if err := d.playDate(ctx, day, closes); err != nil {
			return fmt.Errorf("on %s: %w", day, err)
		}
	}
	return d.printResults(ctx)
}

// businessDates returns the dates on which something is sent or paid, in order.
func (d *demo) businessDates() []civil.Date {
	var all []civil.Date
	for _, f := range d.Files {
		all = append(all, f.SendOn)
	}
	for _, e := range d.Expected {
		all = append(all, e.PayOn)
	}
	slices.SortFunc(all, func(a, b civil.Date) int {
		if a.Before(b) {
			return -1
		}
		return 1
	})
	return slices.Compact(all)
}

// isPayDay reports whether something is due on a date.
func (d *demo) isPayDay(day civil.Date) bool {
	return slices.ContainsFunc(d.Expected, func(e income.Expected) bool { return e.PayOn == day })
}

// playDate plays one business date: files of platforms are sent, on a pay day people settle, and
// incentive events are sent. With closes set the days of incentives are closed; a real stack
// closes them every night.
func (d *demo) playDate(ctx context.Context, day civil.Date, closes bool) error {
	if err := d.report.runPhase("move the date", func() error {
		return d.setDate(ctx, day)
	}); err != nil {
		return err
	}
	d.report.printf("business date %s", day)
	isEvents := func(f income.File) bool { return f.Kind == income.Events }
	isMoney := func(f income.File) bool { return f.Kind != income.Events }
	if err := d.report.runPhase("send income", func() error {
		return d.sendFiles(ctx, day, isMoney)
	}); err != nil {
		return err
	}
	if err := d.report.runPhase("settle and pay", func() error {
		return d.payAllTenants(ctx, day)
	}); err != nil {
		return err
	}
	if err := d.report.runPhase("scenes of a month", func() error {
		return d.month.playMonth(ctx, day)
	}); err != nil {
		return err
	}
	if err := d.report.runPhase("send events", func() error {
		return d.sendFiles(ctx, day, isEvents)
	}); err != nil || !closes {
		return err
	}
	return d.report.runPhase("count and close", func() error { return d.closeWhenCounted(ctx) })
}

// sendFiles sends the selected files of a date one after the other, so that the printed lines stay
// in order; the calls for one file run in parallel.
func (d *demo) sendFiles(ctx context.Context, day civil.Date, wanted func(income.File) bool) error {
	for _, f := range d.Files {
		// files are sent on the date of the manifest only
		if f.SendOn != day || !wanted(f) {
			continue
		}
		if err := d.sendFile(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return nil
}

// payAllTenants runs the pay day of all tenants in parallel.
func (d *demo) payAllTenants(ctx context.Context, day civil.Date) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, tenant := range d.Tenants {
		var due []income.Expected
		for _, e := range d.Expected {
			if e.Tenant == ident.Tenant(tenant) && e.PayOn == day {
				due = append(due, e)
			}
		}
		if len(due) > 0 {
			group.Go(func() error { return d.runPayDay(ctx, ident.Tenant(tenant), due) })
		}
	}
	return group.Wait()
}

// forEach calls a function for all items, with up to callers calls in parallel. The first error
// stops the rest.
func forEach[T any](ctx context.Context, callers int, items []T,
	do func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(callers)
	for _, item := range items {
		group.Go(func() error {
			// after the first error the remaining items are skipped
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return do(ctx, item)
		})
	}
	return group.Wait()
}

// pollUntil calls done until it returns true. When the time is over, the error holds the text of
// explain.
func pollUntil(ctx context.Context, patience, pause time.Duration, done func() (bool, error),
	explain func() string) error {
	for end := time.Now().Add(patience); ; {
		ok, err := done()
		if ok || err != nil {
			return err
		}
		if time.Now().After(end) {
			return fmt.Errorf("after %s still waiting: %s", patience, explain())
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}
