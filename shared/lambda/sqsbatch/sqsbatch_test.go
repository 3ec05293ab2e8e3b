package sqsbatch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"fenzhang/shared/lambda/sqsbatch"
)

func message(id, group, body string) events.SQSMessage {
	m := events.SQSMessage{MessageId: id, Body: body, Attributes: map[string]string{}}
	if group != "" {
		m.Attributes["MessageGroupId"] = group
	}
	return m
}

// delivered is a message that came for the nth time.
func delivered(n int, m events.SQSMessage) events.SQSMessage {
	m.Attributes["ApproximateReceiveCount"] = strconv.Itoa(n)
	return m
}

func failed(r events.SQSEventResponse) []string {
	ids := []string{}
	for _, f := range r.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	return ids
}

type wrapper func(*slog.Logger, sqsbatch.Handler) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

var wrappers = map[string]wrapper{"one after another": sqsbatch.HandleOneByOne, "groups at once": sqsbatch.HandleGroupsInParallel}

// run handles a batch in which bodies "bad" fail and "panic" panics, and gives failed and handled messages.
func run(t interface{ Fatal(...any) }, wrap wrapper, log *slog.Logger, messages ...events.SQSMessage) (failures, handled []string) {
	var mu sync.Mutex
	h := wrap(log, func(_ context.Context, body []byte, m events.SQSMessage) error {
		mu.Lock()
		handled = append(handled, m.MessageId)
		mu.Unlock()
		switch string(body) {
		case "bad":
			return errors.New("cannot")
		case "panic":
			panic("oh")
		}
		return nil
	})
	res, err := h(context.Background(), events.SQSEvent{Records: messages})
	if err != nil {
		t.Fatal(err)
	}
	return failed(res), handled
}

func TestEach(t *testing.T) {
	cases := map[string]struct {
		in      []events.SQSMessage
		failed  []string
		handled []string
	}{
		"all good":                  {[]events.SQSMessage{message("1", "a", ""), message("2", "a", "")}, []string{}, []string{"1", "2"}},
		"a failure stops its group": {[]events.SQSMessage{message("1", "a", "bad"), message("2", "b", ""), message("3", "a", "")}, []string{"1", "3"}, []string{"1", "2"}},
		"a panic is a failure":      {[]events.SQSMessage{message("1", "a", "panic"), message("2", "b", "")}, []string{"1"}, []string{"1", "2"}},
		"no groups, no stopping":    {[]events.SQSMessage{message("1", "", "bad"), message("2", "", "")}, []string{"1"}, []string{"1", "2"}},
		"at its last delivery a failure stops nobody": {[]events.SQSMessage{delivered(5, message("1", "a", "bad")), delivered(5, message("2", "a", "")), delivered(1, message("3", "a", "bad")), message("4", "a", "")},
			[]string{"1", "3", "4"}, []string{"1", "2", "3"}},
		"nothing": {nil, []string{}, nil},
	}
	for name, c := range cases {
		for how, wrap := range wrappers {
			t.Run(name+", "+how, func(t *testing.T) {
				gotFailed, gotHandled := run(t, wrap, slog.New(slog.DiscardHandler), c.in...)
				slices.Sort(gotHandled)
				if !slices.Equal(gotFailed, c.failed) || !slices.Equal(gotHandled, c.handled) {
					t.Errorf("failed %v, handled %v; want %v, %v", gotFailed, gotHandled, c.failed, c.handled)
				}
			})
		}
	}
}

func TestAnswerAlwaysHasAList(t *testing.T) {
	res, err := sqsbatch.HandleOneByOne(slog.New(slog.DiscardHandler), nil)(context.Background(), events.SQSEvent{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(res)
	if err != nil || string(b) != `{"batchItemFailures":[]}` {
		t.Errorf("answer %s, %v", b, err)
	}
}

// TestAPoisonMessageTakesNobodyWithIt plays the queue: what fails comes again with the whole rest of its group, and
// at its sixth delivery it would lie among the dead.
func TestAPoisonMessageTakesNobodyWithIt(t *testing.T) {
	for how, wrap := range wrappers {
		t.Run(how, func(t *testing.T) {
			waiting := []events.SQSMessage{message("1", "a", ""), message("2", "a", "bad"), message("3", "a", ""), message("4", "b", "")}
			count := map[string]int{}
			var dead, done []string
			for len(waiting) > 0 {
				var batch []events.SQSMessage
				for _, m := range waiting {
					if count[m.MessageId]++; count[m.MessageId] > sqsbatch.LastDelivery {
						dead = append(dead, m.MessageId)
						continue
					}
					batch = append(batch, delivered(count[m.MessageId], m))
				}
				failures, _ := run(t, wrap, slog.New(slog.DiscardHandler), batch...)
				waiting = nil
				for _, m := range batch {
					if slices.Contains(failures, m.MessageId) {
						waiting = append(waiting, m)
					} else {
						done = append(done, m.MessageId)
					}
				}
			}
			slices.Sort(done)
			if !slices.Equal(dead, []string{"2"}) || !slices.Equal(done, []string{"1", "3", "4"}) {
				t.Errorf("dead %v, done %v", dead, done)
			}
		})
	}
}

func TestAnEndedContextFailsWhatIsLeft(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	h := sqsbatch.HandleOneByOne(slog.New(slog.DiscardHandler), func(context.Context, []byte, events.SQSMessage) error { cancel(); return nil })
	res, err := h(ctx, events.SQSEvent{Records: []events.SQSMessage{message("1", "", ""), message("2", "", "")}})
	if err != nil || !slices.Equal(failed(res), []string{"2"}) {
		t.Errorf("failed %v, %v", failed(res), err)
	}
}

func TestLogHoldsNoBody(t *testing.T) {
	var out bytes.Buffer
	run(t, sqsbatch.HandleOneByOne, slog.New(slog.NewJSONHandler(&out, nil)), message("1", "a", "bad"))
	if !strings.Contains(out.String(), `"message_id":"1"`) || strings.Contains(out.String(), `"bad"`) {
		t.Errorf("log %s", out.String())
	}
}

// Groups that wait for others do not add up their waits.
func TestGroupsRunAtOnce(t *testing.T) {
	both := make(chan struct{})
	var arrived sync.WaitGroup
	arrived.Add(2)
	go func() { arrived.Wait(); close(both) }()
	h := sqsbatch.HandleGroupsInParallel(slog.New(slog.DiscardHandler), func(context.Context, []byte, events.SQSMessage) error {
		arrived.Done()
		select {
		case <-both:
			return nil
		case <-time.After(time.Minute):
			return errors.New("alone")
		}
	})
	res, err := h(context.Background(), events.SQSEvent{Records: []events.SQSMessage{message("1", "a", ""), message("2", "b", "")}})
	if err != nil || len(res.BatchItemFailures) > 0 {
		t.Errorf("failed %v, %v", failed(res), err)
	}
}

// In every batch: a message is handled or reported, never neither; and within a group nothing is handled
// after a failure.
func TestGroupsKeepTheirOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var batch []events.SQSMessage
		for i := range rapid.IntRange(0, 10).Draw(t, "n") {
			batch = append(batch, message(fmt.Sprint(i), rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "group"), rapid.SampledFrom([]string{"", "bad", "panic"}).Draw(t, "body")))
		}
		wrap := wrappers[rapid.SampledFrom([]string{"one after another", "groups at once"}).Draw(t, "how")]
		failures, handled := run(t, wrap, slog.New(slog.DiscardHandler), batch...)
		stopped := map[string]bool{}
		for _, m := range batch {
			group := m.Attributes["MessageGroupId"]
			wantHandled := !stopped[group]
			wantFailed := stopped[group] || m.Body != ""
			stopped[group] = wantFailed
			if slices.Contains(handled, m.MessageId) != wantHandled || slices.Contains(failures, m.MessageId) != wantFailed {
				t.Fatalf("message %s of %v: handled %v, failed %v", m.MessageId, batch, handled, failures)
			}
		}
	})
}
