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

// demo is one run.
type demo struct {
	*stack
	income.Delivery
	callers int
	pause   time.Duration // between two looks at a pay day: a look is the dearest call of all
	report  *report
	days    *ledgerOfDays
	month   *month
}

func newDemo(s *stack, d income.Delivery, callers int) *demo {
	out := &demo{stack: s, Delivery: d, callers: callers, pause: 1500 * time.Millisecond,
		report: newReport(), days: newLedgerOfDays()}
	out.month = &month{demo: out}
	return out
}

// play goes through the dates of the delivery and ends with the summary.
func (d *demo) play(ctx context.Context) error {
	if err := d.report.phase("master data", func() error { return d.loadAll(ctx) }); err != nil {
		return err
	}
	dates := d.dates()
	for i, day := range dates {
		closes := i+1 < len(dates) && d.isPayDay(dates[i+1])
		if err := d.live(ctx, day, closes); err != nil {
			return fmt.Errorf("on %s: %w", day, err)
		}
	}
	return d.finish(ctx)
}

// dates are the business dates on which something is sent or paid, in order.
func (d *demo) dates() []civil.Date {
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

// isPayDay tells whether something is due on a date.
func (d *demo) isPayDay(day civil.Date) bool {
	return slices.ContainsFunc(d.Expected, func(e income.Expected) bool { return e.PayOn == day })
}

// live does what happens on one business date: statements of platforms arrive, on a pay day people
// settle, rewarded actions arrive. The days are closed once before each pay day; a real stack
// closes them every night.
func (d *demo) live(ctx context.Context, day civil.Date, closes bool) error {
	if err := d.report.phase("move the date", func() error {
		return d.setDate(ctx, day)
	}); err != nil {
		return err
	}
	d.report.say("business date %s", day)
	isEvents := func(f income.File) bool { return f.Kind == income.Events }
	isMoney := func(f income.File) bool { return f.Kind != income.Events }
	if err := d.report.phase("send income", func() error {
		return d.sendAll(ctx, day, isMoney)
	}); err != nil {
		return err
	}
	if err := d.report.phase("settle and pay", func() error {
		return d.payAll(ctx, day)
	}); err != nil {
		return err
	}
	if err := d.report.phase("scenes of a month", func() error {
		return d.month.playMonth(ctx, day)
	}); err != nil {
		return err
	}
	if err := d.report.phase("send events", func() error {
		return d.sendAll(ctx, day, isEvents)
	}); err != nil || !closes {
		return err
	}
	return d.report.phase("count and close", func() error { return d.closeWhenCounted(ctx) })
}

// sendAll sends the files of a date that are wanted, one after the other, so that what a person
// reads stays in order; the calls of a file run together.
func (d *demo) sendAll(ctx context.Context, day civil.Date, wanted func(income.File) bool) error {
	for _, f := range d.Files {
		if f.SendOn != day || !wanted(f) {
			continue
		}
		if err := d.send(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return nil
}

// payAll settles what is due on a date, for all tenants side by side.
func (d *demo) payAll(ctx context.Context, day civil.Date) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, tenant := range d.Tenants {
		var due []income.Expected
		for _, e := range d.Expected {
			if e.Tenant == ident.Tenant(tenant) && e.PayOn == day {
				due = append(due, e)
			}
		}
		if len(due) > 0 {
			group.Go(func() error { return d.payDay(ctx, ident.Tenant(tenant), due) })
		}
	}
	return group.Wait()
}

// each does something for all items, as many at a time as there are callers; the first error ends
// it.
func each[T any](ctx context.Context, callers int, items []T,
	do func(context.Context, T) error) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(callers)
	for _, item := range items {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return do(ctx, item)
		})
	}
	return group.Wait()
}

// until asks again and again until done says yes; after patience without a yes the error is what
// explain says.
func until(ctx context.Context, patience, pause time.Duration, done func() (bool, error),
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
