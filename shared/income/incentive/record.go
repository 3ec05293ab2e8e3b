package incentive

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"fenzhang/shared/clock"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// Recorded is an event as it is stored, with the reward that was decided when it first came.
type Recorded struct {
	Event
	// Grant is nil as long as no strategy rewards the event.
	Grant *Grant
	// Parked reports that no strategy rewarded the event when it came; it stays true when a strategy
	// is recorded later.
	Parked bool
	// Digest is the hash of the event's content; a repetition of the event has the same digest.
	Digest     string
	RecordedAt time.Time
	// WriteID identifies the call that stored the event. When the SDK repeats a write whose answer was
	// lost, the stored id shows that the first try succeeded.
	WriteID string
}

// StoreOutcome is the outcome of storing one event: the event that is stored under its id, or an
// error, after which nothing is stored. First differs from the event that was sent when an earlier
// event has the id.
type StoreOutcome struct {
	First Recorded
	// Err is fault.Unavailable when the event was not stored and should be sent again.
	Err error
}

// Events stores recorded events.
type Events interface {
	// AddEvents stores each event unless its id exists already; the outcomes are in the order of the
	// events. No id may appear twice in one call.
	AddEvents(ctx context.Context, tenant ident.Tenant, events []Recorded) []StoreOutcome
}

// Directory reads the master data that recording needs; see tenancy.Directory.
type Directory interface {
	Creator(ctx context.Context, tenant ident.Tenant, creator ident.Creator) (tenancy.Creator, error)
	Strategies(ctx context.Context, tenant ident.Tenant) ([]tenancy.Strategy, error)
}

// Recorder validates, rewards and stores events.
type Recorder struct {
	Clock     clock.Clock
	Directory Directory
	Events    Events
	NewID     func() string
}

// Result reports what became of one event.
type Result struct {
	// EventID is the id of the event, "" when the id cannot be read.
	EventID  string
	Recorded Recorded
	// Repeated reports that the event was stored by an earlier call; Recorded is that earlier event.
	Repeated bool
	Err      error
}

// RecordEvents validates, rewards and stores events of a tenant; the results are in the order of
// the events. A problem of one event fails only that event. The error is for failures of the whole
// call, after which nothing is stored.
func (r *Recorder) RecordEvents(ctx context.Context, tenant ident.Tenant,
	raw []json.RawMessage) ([]Result, error) {
	now, err := r.Clock.BusinessTime(ctx)
	if err != nil {
		return nil, fault.Temporary(err)
	}
	strategies, err := r.Directory.Strategies(ctx, tenant)
	if err != nil {
		return nil, refusalOrLater(err)
	}
	c := call{Recorder: r, tenant: tenant, strategies: strategies, write: r.NewID(),
		results: make([]Result, len(raw))}
	for i := range raw {
		c.readEvent(i, raw[i], now)
	}
	c.checkCreators(ctx)
	c.storeEvents(ctx)
	return c.results, nil
}

// call is the state of one call of RecordEvents.
type call struct {
	*Recorder
	tenant     ident.Tenant
	strategies []tenancy.Strategy
	write      string
	results    []Result
}

// readEvent validates the event with index i and decides its reward.
func (c *call) readEvent(i int, raw []byte, now time.Time) {
	res := &c.results[i]
	var e Event
	if e, res.EventID, res.Err = ParseEvent(raw, now); res.Err != nil {
		return
	}
	res.Recorded = Recorded{Event: e, Digest: digestEvent(e), RecordedAt: c.Clock.Instant(),
		WriteID: c.write}
	s, ok := FindStrategy(c.strategies, e)
	if !ok {
		res.Recorded.Parked = true
		return
	}
	g, err := ComputeGrant(s, e)
	res.Recorded.Grant, res.Err = &g, err
}

// creatorReads is the largest number of creators that are read at the same time; a warm function
// has most of them in memory.
const creatorReads = 16

// checkCreators refuses the events of creators whom the tenant does not have.
func (c *call) checkCreators(ctx context.Context) {
	unknown := map[string]error{}
	var names []string
	for i := range c.results {
		name := c.results[i].Recorded.CreatorID
		if _, seen := unknown[string(name)]; !seen && c.results[i].Err == nil {
			unknown[string(name)] = nil
			names = append(names, string(name))
		}
	}
	for i, err := range c.lookUpCreators(ctx, names) {
		unknown[names[i]] = refusalOrLater(err)
	}
	for i := range c.results {
		if res := &c.results[i]; res.Err == nil {
			res.Err = unknown[string(res.Recorded.CreatorID)]
		}
	}
}

// lookUpCreators returns for each creator the error that refuses its events, nil when the creator
// exists.
func (c *call) lookUpCreators(ctx context.Context, names []string) []error {
	errs := make([]error, len(names))
	if len(names) == 1 {
		_, errs[0] = c.Directory.Creator(ctx, c.tenant, ident.Creator(names[0]))
		return errs
	}
	var group errgroup.Group
	group.SetLimit(pace.Parallelism(ctx, creatorReads))
	for i, name := range names {
		group.Go(func() error {
			_, errs[i] = c.Directory.Creator(ctx, c.tenant, ident.Creator(name))
			return nil
		})
	}
	_ = group.Wait() // errs holds the error of each creator
	return errs
}

// storeEvents stores the first event of each id; a later event of the same call with that id is
// treated as a repetition.
func (c *call) storeEvents(ctx context.Context) {
	place := make(map[string]int, len(c.results)) // index in events by event id
	var events []Recorded
	for i := range c.results {
		res := &c.results[i]
		if _, taken := place[res.EventID]; res.Err == nil && !taken {
			place[res.EventID] = len(events)
			events = append(events, res.Recorded)
		}
	}
	if len(events) == 0 {
		return
	}
	kept := c.Events.AddEvents(ctx, c.tenant, events)
	answered := make([]bool, len(events))
	for i := range c.results {
		if res := &c.results[i]; res.Err == nil {
			n := place[res.EventID]
			res.applyOutcome(kept[n], !answered[n] && kept[n].First.WriteID == c.write)
			answered[n] = true
		}
	}
}

// applyOutcome compares the event that was sent with the event that is stored and sets the result;
// fresh reports that this call stored the event.
func (res *Result) applyOutcome(s StoreOutcome, fresh bool) {
	switch {
	case s.Err != nil:
		res.Err = refusalOrLater(s.Err)
	case s.First.Digest != res.Recorded.Digest:
		res.Err = otherContentError()
	default:
		res.Recorded, res.Repeated = s.First, !fresh
	}
}

// otherContentError refuses an event whose id was recorded before with other content.
func otherContentError() error {
	return fault.New(fault.OtherContent, "key_reused",
		"This event_id was recorded with other content; send a new event under a new id.")
}

// refusalOrLater returns errors of package fault unchanged and wraps every other error in a request
// to send the event again later.
func refusalOrLater(err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return fault.Temporary(err)
}

// digestEvent returns a hash of the event's content. Times are compared as instants, so the same
// moment with another offset has the same digest.
func digestEvent(e Event) string {
	b := make([]byte, 0, 512)
	for _, s := range []string{e.EventID, string(e.CreatorID), e.ActionType, e.Platform, e.ContentID,
		e.ViewerRef, e.SessionID, e.Device} {
		b = appendPrefixed(b, s)
	}
	b = binary.BigEndian.AppendUint64(b, uint64(e.OccurredAt.UnixNano()))
	b = binary.BigEndian.AppendUint64(b, uint64(e.Quantity))
	utm := e.UTM
	if utm == nil {
		utm = &UTM{}
	}
	for _, s := range []string{utm.Source, utm.Medium, utm.Campaign, utm.Term, utm.Content} {
		b = appendPrefixed(b, s)
	}
	for _, name := range sortedKeys(e.Metrics) {
		b = appendPrefixed(appendPrefixed(b, name), e.Metrics[name])
	}
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:18])
}

// appendPrefixed appends the length of a text and then the text, so that two different lists of
// texts never have the same bytes.
func appendPrefixed(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
