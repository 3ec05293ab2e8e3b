// Package incentiveapi serves the HTTP routes that record rewarded actions and show what a creator
// has earned on a day.
package incentiveapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strconv"

	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/input/strictjson"
	"fenzhang/shared/lambda/httpapi"
)

// Routes returns the routes with the roles that may call them.
func Routes(recorder *incentive.Recorder, counters *incentive.Counters) []httpapi.Route {
	return []httpapi.Route{
		{Method: http.MethodPost, Path: "/api/v1/incentive/record",
			Roles:  []identity.Role{identity.Operator, identity.Admin},
			Handle: recordHandler{recorder}.serveRecord},
		{Method: http.MethodGet, Path: "/api/v1/incentive/counters/{creator_id}",
			Roles:  identity.AllRoles(),
			Handle: countersHandler{counters}.serveCounters},
	}
}

// recordHandler serves the route that records one event or a batch of events.
type recordHandler struct{ recorder *incentive.Recorder }

// serveRecord records the events of the body and returns one answer, or one answer for each event
// of a batch.
func (h recordHandler) serveRecord(ctx context.Context,
	r *httpapi.Request) (httpapi.Response, error) {
	events, batch, err := splitEnvelope(r.Body)
	if err != nil {
		return httpapi.Response{}, err
	}
	results, err := h.recorder.RecordEvents(ctx, r.Tenant, events)
	if err != nil {
		return httpapi.Response{}, err
	}
	if batch {
		return httpapi.OK(batchAnswer{batchItems(results, r.ID)}), nil
	}
	return singleResponse(results[0])
}

// singleResponse returns the response to a call with one event: 201 when it was stored, 200 when it
// was stored before.
func singleResponse(res incentive.Result) (httpapi.Response, error) {
	if res.Err != nil {
		return httpapi.Response{}, res.Err
	}
	answer := httpapi.Created(singleAnswer{res.EventID, firstReward(res.Recorded),
		firstStrategy(res.Recorded), parkedReason(res.Recorded)})
	if res.Repeated {
		answer.Status = http.StatusOK
		return answer.MarkReplayed(), nil
	}
	return answer, nil
}

// batchItems returns the answer to each event of a batch.
func batchItems(results []incentive.Result, requestID string) []itemAnswer {
	out := make([]itemAnswer, len(results))
	for i, res := range results {
		it := &out[i]
		if res.EventID != "" {
			it.EventID = &res.EventID
		}
		switch {
		case res.Err != nil:
			e := fault.AsError(res.Err)
			it.Status, it.Error = e.Status(), httpapi.ErrorBody(e, requestID)
			continue
		case res.Repeated:
			it.Status = http.StatusOK
		default:
			it.Status = http.StatusCreated
		}
		it.decided = &decided{firstReward(res.Recorded), parkedReason(res.Recorded)}
	}
	return out
}

// singleAnswer shows the reward that was decided when the event first came.
type singleAnswer struct {
	// EventID is null when the id of the event cannot be read.
	EventID  string    `json:"event_id"`
	Reward   *reward   `json:"reward"`
	Strategy *strategy `json:"strategy"`
	Parked   string    `json:"parked,omitempty"`
}

// batchAnswer is the answer to a batch of events, in the order of the events.
type batchAnswer struct {
	Results []itemAnswer `json:"results"`
}

// itemAnswer is the answer to one event of a batch.
type itemAnswer struct {
	EventID *string `json:"event_id"` // null when the id cannot be read
	Status  int     `json:"status"`
	*decided
	Error any `json:"error,omitempty"`
}

// decided is the part of an item's answer for an event that was recorded.
type decided struct {
	Reward *reward `json:"reward"`
	Parked string  `json:"parked,omitempty"`
}

// reward is the reward of an event as answers show it.
type reward struct {
	Kind incentive.Kind `json:"kind"`
	// Amount is a text in yuan for cash and a whole number for points.
	Amount json.RawMessage `json:"amount"`
}

// strategy is the strategy version that rewarded an event.
type strategy struct {
	ID      string `json:"strategy_id"`
	Version int    `json:"version"`
}

// firstReward returns the reward of the first answer: nil for an event that was parked, even when a
// strategy has rewarded it later.
func firstReward(r incentive.Recorded) *reward {
	if r.Parked {
		return nil
	}
	amount := strconv.AppendInt(nil, r.Grant.Points, 10)
	if r.Grant.Kind == incentive.Cash {
		amount = append(r.Grant.Amount.Append([]byte{'"'}), '"')
	}
	return &reward{r.Grant.Kind, amount}
}

// firstStrategy returns the strategy of the first answer, nil for an event that was parked.
func firstStrategy(r incentive.Recorded) *strategy {
	if r.Parked {
		return nil
	}
	return &strategy{r.Grant.Strategy, r.Grant.Version}
}

// parkedReason returns "strategy_missing" for an event that was parked and "" for all others.
func parkedReason(r incentive.Recorded) string {
	if r.Parked {
		return "strategy_missing"
	}
	return ""
}

// maxEvents is the largest number of events in one call.
const maxEvents = 500

// splitEnvelope distinguishes a single event from a batch and returns the events as they were sent.
// Only the frame of the batch is validated here; the content of each event is validated with that
// event.
func splitEnvelope(body []byte) (events []json.RawMessage, batch bool, err error) {
	if !bytes.Contains(body, []byte(`"events"`)) {
		return []json.RawMessage{body}, false, nil
	}
	members, err := strictjson.SplitObject(body)
	if err != nil {
		//nolint:nilerr // decoding the body as one event reports what is wrong with it
		return []json.RawMessage{body}, false, nil
	}
	var problems fault.Problems
	for _, m := range members {
		switch {
		case m.Name != "events":
			problems.Add(m.Name, "is not a known field")
		case batch:
			problems.Add("events", "is given twice")
		default:
			batch = true
			problems.AddIf(json.Unmarshal(m.Value, &events) != nil || len(events) < 1 ||
				len(events) > maxEvents, "events", "must be a list of 1 to 500 events")
		}
	}
	switch {
	case !batch: // the text "events" was inside a single event
		return []json.RawMessage{body}, false, nil
	case len(problems) > 0:
		return nil, true, fault.Invalid(problems...)
	}
	return events, true, nil
}
