package incentivestream

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivetest"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

type directory struct{}

func (directory) Strategies(context.Context, ident.Tenant) ([]tenancy.Strategy, error) {
	return nil, nil
}
func (directory) Tenants(context.Context) ([]string, error) { return []string{"demo-mcn"}, nil }

// shelf keeps what was put aside.
type shelf map[string]string

func (s shelf) Keep(_ context.Context, tenant ident.Tenant, id, why string, _ []byte) error {
	s[string(tenant+" ")+id] = why
	return nil
}

// broken refuses all chunks.
type broken struct{ incentivetest.Days }

var errThrottled = errors.New("throttled")

func (broken) AddEntries(context.Context, map[incentive.CreatorDay][]incentive.Entry) error {
	return errThrottled
}

func newHandler(m *incentivetest.Memory) (Handler, shelf) {
	days, aside := incentivetest.Days{Memory: m}, shelf{}
	log := slog.New(slog.DiscardHandler)
	return Handler{Quarantine: aside, Log: log, Accruer: &incentive.Accruer{
		Clock: clock.FixedAt(time.Date(2026, 10, 16, 0, 30, 0, 0, civil.Shanghai)), Directory: directory{}, Chunks: days, Days: days, Parked: m, Accruals: m, Log: log,
	}}, aside
}

func sample(t *testing.T) []byte {
	t.Helper()
	return triggertest.ReadSample(t, "../../../../functions/accrue-incentive/event.json")
}

func TestSampleIsAccruedOnceHoweverOftenItComes(t *testing.T) {
	m := incentivetest.NewMemory()
	h, _ := newHandler(m)
	mux := h.Triggers()
	for _, payload := range [][]byte{sample(t), sample(t), []byte(`{"job":"close-day"}`), sample(t), []byte(`{"job":"close-day","date":"2026-10-15"}`), []byte(`{"job":"reward-parked"}`)} {
		out, err := mux.Invoke(t.Context(), payload)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			BatchItemFailures *[]string `json:"batchItemFailures"`
		}
		if err := json.Unmarshal(out, &answer); err == nil && string(out) != "null" && answer.BatchItemFailures == nil {
			t.Errorf("the stream is answered %s: a null list fails the batch", out)
		}
	}
	if len(m.Posted) != 1 || m.Posted[0].Total != money.Fen(150) || m.Posted[0].Creator != "c053" || m.Posted[0].Day != civil.MustDate("2026-10-15") {
		t.Errorf("posted %+v", m.Posted)
	}
}

func TestUnreadableRecordIsPutAside(t *testing.T) {
	m := incentivetest.NewMemory()
	h, aside := newHandler(m)
	var batch events.DynamoDBEvent
	if err := json.Unmarshal(sample(t), &batch); err != nil {
		t.Fatal(err)
	}
	poison := batch.Records[0]
	poison.EventID = "poison"
	poison.Change.NewImage = map[string]events.DynamoDBAttributeValue{
		"pk": events.NewStringAttribute("T#demo-mcn#E#ev-2"), "sk": events.NewStringAttribute("E"), "at": events.NewStringAttribute("never"),
	}
	batch.Records = append([]events.DynamoDBEventRecord{poison}, batch.Records...)
	if _, err := h.addBatch(t.Context(), batch); err != nil {
		t.Fatal(err)
	}
	if len(aside) != 1 || aside["demo-mcn poison"] == "" {
		t.Errorf("put aside: %v", aside)
	}
	if err := h.runJob(t.Context(), trigger.Schedule{Job: "close-day"}); err != nil || len(m.Posted) != 1 {
		t.Errorf("the rest of the batch is lost: %+v (%v)", m.Posted, err)
	}
}

func TestFailedBatchComesAgain(t *testing.T) {
	m := incentivetest.NewMemory()
	h, _ := newHandler(m)
	h.Accruer.Chunks = broken{incentivetest.Days{Memory: m}}
	var batch events.DynamoDBEvent
	if err := json.Unmarshal(sample(t), &batch); err != nil {
		t.Fatal(err)
	}
	if _, err := h.addBatch(t.Context(), batch); !errors.Is(err, errThrottled) {
		t.Errorf("error %v: the stream must bring the batch again", err)
	}
}

func TestUnknownJobsAndDatesAreRefused(t *testing.T) {
	h, _ := newHandler(incentivetest.NewMemory())
	for _, s := range []trigger.Schedule{{Job: "close"}, {Job: "close-day", Date: "yesterday"}} {
		if err := h.runJob(t.Context(), s); err == nil {
			t.Errorf("%+v was accepted", s)
		}
	}
}
