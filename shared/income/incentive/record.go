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

// Recorded is an event as it is kept, with the reward that was decided when it first came.
type Recorded struct {
	Event
	Grant      *Grant // nil while no strategy rewards it
	Parked     bool   // no strategy rewarded it when it came; stays when one arrives
	Digest     string // of the event's content; a repeat has the same
	RecordedAt time.Time
	// Write names the call that stored the event, so that a repeat by the SDK after a lost answer is
	// recognised as one's own success.
	WriteID string
}

// StoreOutcome is the outcome of storing one event: the event kept under its id, which is another's when
// First is not the one that was sent, or an error, after which nothing is stored.
type StoreOutcome struct {
	First Recorded
	Err   error // fault.Unavailable: not stored, send again
}

// Events keeps recorded events.
type Events interface {
	// Add stores each event unless its id is taken; the outcomes are in the order of the events. No id
	// comes twice in one call.
	AddEvents(ctx context.Context, tenant ident.Tenant, events []Recorded) []StoreOutcome
}

// Directory is the master data that recording needs; see tenancy.Directory.
type Directory interface {
	Creator(ctx context.Context, tenant ident.Tenant, creator ident.Creator) (tenancy.Creator, error)
	Strategies(ctx context.Context, tenant ident.Tenant) ([]tenancy.Strategy, error)
}

// Recorder records events.
type Recorder struct {
	Clock     clock.Clock
	Directory Directory
	Events    Events
	NewID     func() string
}

// Result tells what became of one event.
type Result struct {
	EventID  string // "" when it cannot be read
	Recorded Recorded
	Repeated bool // the event was there already; Recorded is the first one
	Err      error
}

// RecordEvents reads, rewards and stores events of a tenant; the results are in their order, and one
// event's trouble is only that event's. The error is for what concerns the whole call, and then
// nothing is stored.
func (r *Recorder) RecordEvents(ctx context.Context, tenant ident.Tenant,
	raw []json.RawMessage) ([]Result, error) {
	now, err := r.Clock.Business(ctx)
	if err != nil {
		return nil, fault.Later(err)
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

// call is one call of Record.
type call struct {
	*Recorder
	tenant     ident.Tenant
	strategies []tenancy.Strategy
	write      string
	results    []Result
}

// readEvent fills in the event and its reward.
func (c *call) readEvent(i int, raw []byte, now time.Time) {
	res := &c.results[i]
	var e Event
	if e, res.EventID, res.Err = ParseEvent(raw, now); res.Err != nil {
		return
	}
	res.Recorded = Recorded{Event: e, Digest: digestEvent(e), RecordedAt: c.Clock.Instant(), WriteID: c.write}
	s, ok := FindStrategy(c.strategies, e)
	if !ok {
		res.Recorded.Parked = true
		return
	}
	g, err := ComputeGrant(s, e)
	res.Recorded.Grant, res.Err = &g, err
}

// creatorReads bounds how many creators are looked up at once; a warm function has most in memory.
const creatorReads = 16

// checkCreators refuses events of unknown creators.
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

// lookUpCreators tells for each creator why its events cannot be taken, nil if they can.
func (c *call) lookUpCreators(ctx context.Context, names []string) []error {
	errs := make([]error, len(names))
	if len(names) == 1 {
		_, errs[0] = c.Directory.Creator(ctx, c.tenant, ident.Creator(names[0]))
		return errs
	}
	var group errgroup.Group
	group.SetLimit(pace.AtOnce(ctx, creatorReads))
	for i, name := range names {
		group.Go(func() error {
			_, errs[i] = c.Directory.Creator(ctx, c.tenant, ident.Creator(name))
			return nil
		})
	}
	_ = group.Wait() // each creator has its own error
	return errs
}

// storeEvents keeps the first event of each id; a later one of the call is a repeat of it.
func (c *call) storeEvents(ctx context.Context) {
	place := make(map[string]int, len(c.results)) // event id -> its place in events
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

// applyOutcome compares what was sent with what is kept; fresh tells that this very event was stored now.
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

// otherContentError refuses an event id that stands for another event.
func otherContentError() error {
	return fault.New(fault.OtherContent, "key_reused",
		"This event_id was recorded with other content; send a new event under a new id.")
}

// refusalOrLater keeps refusals and turns everything else into a request to come back.
func refusalOrLater(err error) error {
	var known *fault.Error
	if err == nil || errors.As(err, &known) {
		return err
	}
	return fault.Later(err)
}

// digestEvent is over the event's content in one unambiguous form. Times are compared as instants.
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

// appendPrefixed puts the length before the text, so that no two lists of texts look alike.
func appendPrefixed(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
