package relay_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/relay"
	"fenzhang/shared/settlement/settletest"
)

// sent is what a queue keeps of a message: what it would not take for a repeat.
type sent struct {
	queue relay.Queue
	group string
	id    string
	body  string
	name  string // of an event
}

// queues remembers messages as FIFO queues do: one for each id.
type queues struct {
	err   error
	calls int
	kept  map[sent]bool
}

func (q *queues) Send(_ context.Context, messages []relay.Message) error {
	q.calls++
	if q.err != nil {
		return q.err
	}
	if q.kept == nil {
		q.kept = map[sent]bool{}
	}
	for _, m := range messages {
		q.kept[sent{m.Queue, m.Group, m.ID, string(m.Body), m.Type}] = true
	}
	return nil
}

// shelf keeps what was quarantined.
type shelf struct {
	err  error
	kept map[string]string // by tenant and event id, the reason
}

func (s *shelf) Keep(_ context.Context, tenant ident.Tenant, id, why string, record []byte) error {
	if s.err != nil {
		return s.err
	}
	if !json.Valid(record) {
		return errors.New("not the record")
	}
	if s.kept == nil {
		s.kept = map[string]string{}
	}
	s.kept[string(tenant+" ")+id] = why
	return nil
}

func stream(q *queues, s *shelf) *relay.Stream {
	return &relay.Stream{Sender: q, Quarantine: s, Log: slog.New(slog.NewJSONHandler(io.Discard, nil))}
}

// image gives an item as the stream shows it to a function: through the JSON of the event.
func image(t testing.TB, item map[string]types.AttributeValue) map[string]events.DynamoDBAttributeValue {
	t.Helper()
	doc := map[string]map[string]any{}
	for name, v := range item {
		switch v := v.(type) {
		case *types.AttributeValueMemberS:
			doc[name] = map[string]any{"S": v.Value}
		case *types.AttributeValueMemberN:
			doc[name] = map[string]any{"N": v.Value}
		case *types.AttributeValueMemberB:
			doc[name] = map[string]any{"B": base64.StdEncoding.EncodeToString(v.Value)}
		default:
			t.Fatalf("attribute %s has type %T", name, v)
		}
	}
	raw, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]events.DynamoDBAttributeValue
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func record(t testing.TB, id string, item map[string]types.AttributeValue) events.DynamoDBEventRecord {
	return events.DynamoDBEventRecord{EventID: id, EventName: string(events.DynamoDBOperationTypeModify), Change: events.DynamoDBStreamRecord{NewImage: image(t, item)}}
}

// life plays a settlement from opening to PAID on real tables and gives the images of all its writes, with an
// outbox item of another act among them.
func life(t *testing.T) []events.DynamoDBEventRecord {
	t.Helper()
	w := settletest.Open(t)
	ctx := context.Background()
	var out []events.DynamoDBEventRecord
	seen := map[string]bool{}
	look := func() {
		t.Helper()
		for _, it := range w.Tables.ReadTable(t, w.Tables.Settlements) {
			r := record(t, string(rune('a'+len(out))), it)
			key, _ := json.Marshal(r.Change.NewImage)
			if !seen[string(key)] {
				seen[string(key)] = true
				out = append(out, r)
			}
		}
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		look()
	}
	a, _, err := w.Settle(ctx, settletest.CallerWith(identity.Operator), "relay-key-1", settletest.SettleRequest(settletest.Person, "live-1", "10000.00"))
	check(err)
	id := a.SettlementID
	check(w.Quote(ctx, settletest.Tenant, id))
	_, err = w.Transition(ctx, settlement.Intent{By: settletest.CallerWith(identity.Finance), ID: string(id), Version: 1}, settlement.InReview)
	check(err)
	_, err = w.Transition(ctx, settlement.Intent{By: settletest.CallerWith(identity.Approver), ID: string(id), Version: 2}, settlement.Approved)
	check(err)
	check(w.Book(ctx, settletest.Tenant, id))
	p, err := w.Payables.Load(ctx, settletest.Tenant, id)
	check(err)
	check(w.Payables.MarkSent(ctx, p, w.Now()))
	for _, state := range []payout.State{payout.Accepted, payout.Paid} {
		check(w.Payables.RecordOutcome(ctx, p, payout.Outcome{State: state, GatewayID: "G1", At: w.Now()}))
	}
	it, err := outbox.Item(audit.Record{ID: "rec-of-another-act-0000001", Tenant: settletest.Tenant, At: w.Now(), Actor: "admin@" + settletest.Tenant, Act: "contract.created", Object: "ct-1"}, json.RawMessage(`{"contract_id":"ct-1"}`))
	if err != nil {
		t.Fatal(err)
	}
	return append(out, record(t, "outbox", it))
}

func TestALifeIsToldWhole(t *testing.T) {
	q, s := &queues{}, &shelf{}
	if _, err := stream(q, s).Handle(context.Background(), events.DynamoDBEvent{Records: life(t)}); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for m := range q.kept {
		var task settlement.Task
		if m.queue == relay.Tax || m.queue == relay.Payout {
			if err := json.Unmarshal([]byte(m.body), &task); err != nil || task.Tenant != settletest.Tenant || task.SettlementID == "" || task.TransitionID == "" {
				t.Errorf("no task: %s %v", m.body, err)
			}
		}
		count[string(m.queue)+" "+task.Op]++
	}
	// Eight writes of META, each with its audit record; the status moved five times, opening included; one
	// outbox item with a record and an event of its own.
	want := map[string]int{"audit ": 9, "bus ": 6, "tax quote": 1, "tax book": 1, "payout send": 1}
	for name, n := range want {
		if count[name] != n {
			t.Errorf("%s: %d messages, want %d", name, count[name], n)
		}
	}
	if len(count) != len(want) || len(s.kept) != 0 {
		t.Errorf("messages %v, quarantined %v", count, s.kept)
	}
}

// TestRepeatsAndDisorderTellTheSame is the stream's promise: whatever is delivered again, late or in other
// batches, the queues end with the same messages under the same ids, so that they know what they had (P9).
func TestRepeatsAndDisorderTellTheSame(t *testing.T) {
	records := life(t)
	straight := &queues{}
	if _, err := stream(straight, &shelf{}).Handle(context.Background(), events.DynamoDBEvent{Records: records}); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		again := rapid.SliceOfN(rapid.SampledFrom(records), 0, 20).Draw(t, "repeats")
		all := rapid.Permutation(append(slices.Clone(records), again...)).Draw(t, "order")
		q, s := &queues{}, &shelf{}
		h := stream(q, s)
		for len(all) > 0 {
			n := rapid.IntRange(1, len(all)).Draw(t, "batch")
			q.err = nil
			if rapid.IntRange(0, 3).Draw(t, "fault") == 0 { // a failed batch comes again whole
				q.err = errors.New("throttled")
			}
			_, err := h.Handle(context.Background(), events.DynamoDBEvent{Records: all[:n]})
			if (err != nil) != (q.err != nil) {
				t.Fatalf("send failed with %v, the batch with %v", q.err, err)
			}
			if err == nil {
				all = all[n:]
			}
		}
		if len(s.kept) != 0 {
			t.Fatalf("quarantined: %v", s.kept)
		}
		if len(q.kept) != len(straight.kept) {
			t.Fatalf("%d messages, straight %d", len(q.kept), len(straight.kept))
		}
		for m := range straight.kept {
			if !q.kept[m] {
				t.Fatalf("missing or different: %+v", m)
			}
		}
	})
}

func TestPoisonIsPutAsideAndTheBatchGoesOn(t *testing.T) {
	records := life(t)
	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	poison := map[string]map[string]types.AttributeValue{
		"meta that does not unpack": {"pk": text("T#m-1#S#st-1"), "sk": text("META"), "m": &types.AttributeValueMemberB{Value: []byte("no META")}},
		"meta without an act":       {"pk": text("T#m-1#S#st-1"), "sk": text("META")},
		"meta with a list": {"pk": text("T#m-1#S#st-1"), "sk": text("META"),
			"act": &types.AttributeValueMemberB{Value: []byte{0}}},
		"outbox without a record": {"pk": text("T#m-1#OUT#x"), "sk": text("OUT")},
		"an unknown item":         {"pk": text("T#m-1#WHAT"), "sk": text("EVER")},
		"an item without keys":    {"other": text("x")},
	}
	for name, item := range poison {
		t.Run(name, func(t *testing.T) {
			q, s := &queues{}, &shelf{}
			bad := record(t, "bad-1", item)
			batch := append([]events.DynamoDBEventRecord{records[0], bad}, records[1:]...)
			out, err := stream(q, s).Handle(context.Background(), events.DynamoDBEvent{Records: batch})
			if err != nil || out.BatchItemFailures == nil || len(out.BatchItemFailures) != 0 {
				t.Fatalf("%+v %v", out, err)
			}
			if len(s.kept) != 1 {
				t.Errorf("quarantined: %v", s.kept)
			}
			tenant := "m-1"
			if item["pk"] == nil {
				tenant = "-"
			}
			if s.kept[tenant+" bad-1"] == "" {
				t.Errorf("not under its tenant with a reason: %v", s.kept)
			}
			good := &queues{}
			if _, err := stream(good, &shelf{}).Handle(context.Background(), events.DynamoDBEvent{Records: records}); err != nil {
				t.Fatal(err)
			}
			if len(q.kept) != len(good.kept) {
				t.Errorf("%d messages beside the poison, %d without it", len(q.kept), len(good.kept))
			}
		})
	}
}

func TestNothingIsLostWhenAPartIsAway(t *testing.T) {
	records := life(t)
	away := errors.New("away")
	q := &queues{err: away}
	out, err := stream(q, &shelf{}).Handle(context.Background(), events.DynamoDBEvent{Records: records})
	if !errors.Is(err, away) || out.BatchItemFailures == nil {
		t.Errorf("a failed send: %+v %v", out, err)
	}
	bad := record(t, "bad-1", map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: "T#m-1#WHAT"}})
	q = &queues{}
	if _, err = stream(q, &shelf{err: away}).Handle(context.Background(), events.DynamoDBEvent{Records: append(records, bad)}); !errors.Is(err, away) {
		t.Errorf("a quarantine that is away: %v", err)
	}
}

func TestRemovalsSayNothing(t *testing.T) {
	q, s := &queues{}, &shelf{}
	gone := events.DynamoDBEventRecord{EventID: "r", EventName: string(events.DynamoDBOperationTypeRemove)}
	if _, err := stream(q, s).Handle(context.Background(), events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{gone}}); err != nil || len(q.kept) != 0 || len(s.kept) != 0 {
		t.Errorf("%v, sent %v, kept %v", err, q.kept, s.kept)
	}
}

func TestQuarantineIsKeptOnceForAPerson(t *testing.T) {
	w := settletest.Open(t)
	s := relay.QuarantineStore{DB: w.Tables.Client, Table: w.Tables.Control, Now: time.Now}
	for range 2 {
		if err := s.Keep(context.Background(), settletest.Tenant, "ev-1", "no meaning", []byte(`{"eventID":"ev-1"}`)); err != nil {
			t.Fatal(err)
		}
	}
	if kept := w.Tables.ReadTable(t, w.Tables.Control); len(kept) != 1 || kept[0]["ttl"] != nil {
		t.Fatal(kept)
	}
}

// An act may have an event whose name is the contract's and not the act's.
func TestAnEventMayHaveANameOfItsOwn(t *testing.T) {
	rec := audit.Record{ID: "act-1", Tenant: "-", Act: "rules.activated"}
	put, err := outbox.PutNamedEvent("settlements", rec, "TaxPolicyUpdatedEvent", []byte(`{"pack":"national"}`))
	if err != nil {
		t.Fatal(err)
	}
	q := &queues{}
	if _, err := stream(q, &shelf{}).Handle(context.Background(), events.DynamoDBEvent{Records: []events.DynamoDBEventRecord{record(t, "e", put.Put.Item)}}); err != nil {
		t.Fatal(err)
	}
	want := sent{queue: relay.Bus, id: "act-1", body: `{"pack":"national"}`, name: "TaxPolicyUpdatedEvent"}
	if len(q.kept) != 2 || !q.kept[want] {
		t.Errorf("%+v", q.kept)
	}
}
