package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"fenzhang/local/apiclient"
	"fenzhang/local/income"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
)

// outcome counts the results of the rows of a file.
type outcome struct {
	mu                                   sync.Mutex
	fresh, repeated, parked, refused, of int
}

// String returns the counts in one line.
func (o *outcome) String() string {
	text := fmt.Sprintf("%d sent: %d new, %d known", o.of, o.fresh, o.repeated)
	if o.parked > 0 {
		text += fmt.Sprintf(", %d parked", o.parked)
	}
	if o.refused > 0 {
		text += fmt.Sprintf(", %d refused", o.refused)
	}
	return text
}

// sendFile reads a file and sends its rows by the API call of their kind.
func (d *demo) sendFile(ctx context.Context, f income.File) error {
	switch f.Kind {
	case income.Events:
		return d.sendEvents(ctx, f)
	case income.SettleCalls:
		return d.sendSettleCalls(ctx, f)
	default:
		return d.sendLines(ctx, f)
	}
}

// splitIntoBatches splits a list into batches of the size that one API call takes.
func splitIntoBatches[T any](items []T) [][]T {
	return slices.Collect(slices.Chunk(items, apiclient.MaxBatch))
}

// result is the answer of the API to one row of any kind.
type result struct {
	id      string
	status  int
	parked  string
	refusal *apiclient.Error
}

// Rows that the API could not store are sent again, so often and after this pause.
const (
	resends     = 6
	resendPause = 500 * time.Millisecond
)

// sendBatch sends rows in one call, and sends rows that were not stored (503) again. It calls take
// once for each row with its result.
func sendBatch[T any](ctx context.Context, rows []T,
	call func(context.Context, []T) ([]result, error), take func(T, result) error) error {
	for try := 1; len(rows) > 0; try++ {
		results, err := call(ctx, rows)
		if err != nil {
			return err
		}
		if len(results) != len(rows) {
			return fmt.Errorf("%d results for %d rows", len(results), len(rows))
		}
		var again []T
		for i, r := range results {
			if r.status == http.StatusServiceUnavailable && try < resends {
				again = append(again, rows[i])
				continue
			}
			if err := take(rows[i], r); err != nil {
				return err
			}
		}
		if rows = again; len(rows) > 0 {
			if err := sleep(ctx, resendPause<<try); err != nil {
				return err
			}
		}
	}
	return nil
}

// sendLines uploads income lines, one call after the other; there are only a few calls.
func (d *demo) sendLines(ctx context.Context, f income.File) error {
	batch, err := d.Lines(f)
	if err != nil {
		return err
	}
	d.report.addRefused(f.Tenant, batch.Refused...)
	d.report.addOdd(batch.Odd...)
	operator, err := d.clientAs(f.Tenant, "operator")
	if err != nil {
		return err
	}
	o := &outcome{of: len(batch.Lines), refused: len(batch.Refused)}
	call := func(ctx context.Context, lines []income.Line) ([]result, error) {
		return uploadLines(ctx, operator, lines)
	}
	for _, part := range splitIntoBatches(batch.Lines) {
		err := sendBatch(ctx, part, call, func(_ income.Line, r result) error {
			return d.countEvent(o, f, r)
		})
		if err != nil {
			return err
		}
	}
	d.report.printf("%-46s %s, %d no money yet", f.Path, o, batch.Ignored)
	return nil
}

// uploadLines uploads income lines in one call.
func uploadLines(ctx context.Context, operator *apiclient.Client,
	lines []income.Line) ([]result, error) {
	body := make([]apiclient.IncomeLine, len(lines))
	for i, l := range lines {
		body[i] = l.ForAPI()
	}
	answer, err := operator.UploadIncome(ctx, body)
	var out []result
	for _, r := range answer {
		out = append(out, result{id: idOrNone(r.LineID), status: r.Status, refusal: r.Error})
	}
	return out, err
}

// idOrNone returns the id of a row for messages; a refused row may have none.
func idOrNone(id *string) string {
	if id == nil {
		return "without an id"
	}
	return *id
}

// recordEvents records incentive events in one call.
func recordEvents(ctx context.Context, operator *apiclient.Client,
	events []json.RawMessage) ([]result, error) {
	answer, err := operator.RecordEvents(ctx, events)
	var out []result
	for _, r := range answer {
		out = append(out, result{idOrNone(r.EventID), r.Status, r.Parked, r.Error})
	}
	return out, err
}

// sendEvents records incentive events, with several calls in parallel.
func (d *demo) sendEvents(ctx context.Context, f income.File) error {
	events, bad, err := d.Events(f)
	if err != nil {
		return err
	}
	d.report.addRefused(f.Tenant, bad...)
	operator, err := d.clientAs(f.Tenant, "operator")
	if err != nil {
		return err
	}
	o := &outcome{of: len(events), refused: len(bad)}
	call := func(ctx context.Context, events []json.RawMessage) ([]result, error) {
		return recordEvents(ctx, operator, events)
	}
	err = forEach(ctx, max(1, d.callers/2), splitIntoBatches(events),
		func(ctx context.Context, part []json.RawMessage) error {
			return sendBatch(ctx, part, call, func(event json.RawMessage, r result) error {
				if r.status == http.StatusCreated {
					d.days.add(f.Tenant, event)
				}
				return d.countEvent(o, f, r)
			})
		})
	if err == nil {
		d.report.printf("%-46s %s", f.Path, o)
	}
	return err
}

// countEvent counts the result of one row. A row that the API could not store even after repetition
// ends the run, because the results would be wrong without it.
func (d *demo) countEvent(o *outcome, f income.File, r result) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case r.status == http.StatusCreated:
		o.fresh++
	// the row was stored by an earlier run
	case r.status == http.StatusOK:
		o.repeated++
	case r.status >= http.StatusInternalServerError:
		return fmt.Errorf("%s was not stored: %w", r.id, r.refusal)
	default:
		o.refused++
		d.report.addRefused(f.Tenant,
			income.Remark{Source: f.Path, Key: r.id, Reason: refusalReason(r.status, r.refusal)})
	}
	if r.parked != "" {
		o.parked++
	}
	return nil
}

// refusalReason returns the reason of a refusal in one line: the names of wrong fields when there
// are any, and otherwise the message.
func refusalReason(status int, refusal *apiclient.Error) string {
	if refusal == nil {
		return fmt.Sprint(status)
	}
	var parts []string
	for _, p := range refusal.Fields {
		parts = append(parts, p.Field+" "+p.Problem)
	}
	if parts == nil {
		parts = []string{refusal.Text}
	}
	return fmt.Sprintf("%d code %d: %s", status, refusal.Code, strings.Join(parts, ", "))
}

// sendSettleCalls makes the settle calls of a file. A call that was made before returns its first
// answer, or 409 while the first call is still in progress; both count as done.
func (d *demo) sendSettleCalls(ctx context.Context, f income.File) error {
	calls, err := d.SettleCalls(f)
	if err != nil {
		return err
	}
	operator, err := d.clientAs(f.Tenant, "operator")
	if err != nil {
		return err
	}
	o := &outcome{of: len(calls)}
	for _, call := range calls {
		_, answer, err := operator.Settle(ctx, call.Key, call.Request)
		switch {
		case apiclient.IsConflict(err) || answer.Replayed:
			o.repeated++
		case err != nil:
			return fmt.Errorf("settle %s: %w", call.Key, err)
		default:
			o.fresh++
		}
	}
	d.report.printf("%-46s %s", f.Path, o)
	return nil
}

// eventCounts counts the new events of each creator and day that the API has recorded. The demo
// closes the days when the counters of the API have reached these numbers.
type eventCounts struct {
	mu     sync.Mutex
	events map[creatorDay]int64
	last   []creatorDay // the days that got events since the last close
}

// creatorDay is a day of a creator.
type creatorDay struct {
	tenant  ident.Tenant
	creator ident.Creator
	day     civil.Date
}

// newEventCounts returns counts of no event.
func newEventCounts() *eventCounts { return &eventCounts{events: map[creatorDay]int64{}} }

// add counts an event that was recorded for the first time.
func (l *eventCounts) add(tenant ident.Tenant, raw json.RawMessage) {
	var e apiclient.Event
	if json.Unmarshal(raw, &e) != nil {
		return
	}
	at, err := time.Parse(time.RFC3339, e.OccurredAt)
	if err != nil {
		return
	}
	d := creatorDay{tenant, e.CreatorID, civil.DateOf(at)}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events[d]++
	if !slices.Contains(l.last, d) {
		l.last = append(l.last, d)
	}
}

// takeChanged returns the days that got events since the last call, with their number of events.
func (l *eventCounts) takeChanged() map[creatorDay]int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := map[creatorDay]int64{}
	for _, d := range l.last {
		out[d] = l.events[d]
	}
	l.last = nil
	return out
}

// polledDays is how many days are polled at a time: the API counts days in about the order in
// which events were sent.
const polledDays = 48

// closeWhenCounted waits until the API has counted all events, and closes the days. Closing
// earlier would be correct, but would accrue a day in two parts.
func (d *demo) closeWhenCounted(ctx context.Context) error {
	open := d.days.takeChanged()
	err := pollUntil(ctx, 2*time.Minute, 300*time.Millisecond, func() (bool, error) {
		err := d.removeCounted(ctx, open)
		return len(open) == 0, err
	}, func() string { return fmt.Sprintf("%d creator days not counted", len(open)) })
	if err != nil {
		return err
	}
	return d.closeDays(ctx)
}

// removeCounted removes the days from a list whose counters are complete.
func (d *demo) removeCounted(ctx context.Context, open map[creatorDay]int64) error {
	var some []creatorDay
	for day := range open {
		if len(some) < polledDays {
			some = append(some, day)
		}
	}
	var mu sync.Mutex
	return forEach(ctx, d.callers, some, func(ctx context.Context, day creatorDay) error {
		operator, err := d.clientAs(day.tenant, "operator")
		if err != nil {
			return err
		}
		c, err := operator.Counters(ctx, day.creator, day.day.String())
		if err != nil {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if c.Events >= open[day] {
			delete(open, day)
		}
		return nil
	})
}
