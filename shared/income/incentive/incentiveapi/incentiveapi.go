// Package incentiveapi records rewarded actions over HTTP and shows what a creator has earned on a
// day.
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
	"fenzhang/shared/lambda/httpapi"
)

// Routes lists the routes with the roles that may call them.
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

// recordHandler serves the record route.
type recordHandler struct{ recorder *incentive.Recorder }

func (h recordHandler) serveRecord(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
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

// singleResponse answers one event.
func singleResponse(res incentive.Result) (httpapi.Response, error) {
	if res.Err != nil {
		return httpapi.Response{}, res.Err
	}
	answer := httpapi.Created(singleAnswer{res.EventID, firstReward(res.Recorded),
		firstStrategy(res.Recorded), parkedReason(res.Recorded)})
	if res.Repeated {
		answer.Status = http.StatusOK
		return answer.Replayed(), nil
	}
	return answer, nil
}

// batchItems answers a batch, event by event.
func batchItems(results []incentive.Result, requestID string) []itemAnswer {
	out := make([]itemAnswer, len(results))
	for i, res := range results {
		it := &out[i]
		if res.EventID != "" {
			it.EventID = &res.EventID
		}
		switch {
		case res.Err != nil:
			e := fault.Of(res.Err)
			it.Status, it.Error = e.Status(), httpapi.Problem(e, requestID)
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

// singleAnswer is what recording decided when the event first came.
type singleAnswer struct {
	EventID  string    `json:"event_id"`
	Reward   *reward   `json:"reward"`
	Strategy *strategy `json:"strategy"`
	Parked   string    `json:"parked,omitempty"`
}

type batchAnswer struct {
	Results []itemAnswer `json:"results"`
}

type itemAnswer struct {
	EventID *string `json:"event_id"` // null when it cannot be read
	Status  int     `json:"status"`
	*decided
	Error any `json:"error,omitempty"`
}

// decided is the part of an item that was recorded.
type decided struct {
	Reward *reward `json:"reward"`
	Parked string  `json:"parked,omitempty"`
}

type reward struct {
	Kind   incentive.Kind  `json:"kind"`
	Amount json.RawMessage `json:"amount"` // cash in yuan, points as a whole number
}

type strategy struct {
	ID      string `json:"strategy_id"`
	Version int    `json:"version"`
}

// firstReward is the first answer's reward: none for an event that was parked, also when a strategy
// arrived later.
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

func firstStrategy(r incentive.Recorded) *strategy {
	if r.Parked {
		return nil
	}
	return &strategy{r.Grant.Strategy, r.Grant.Version}
}

func parkedReason(r incentive.Recorded) string {
	if r.Parked {
		return "strategy_missing"
	}
	return ""
}

// maxEvents is the most events that one call carries.
const maxEvents = 500

// splitEnvelope distinguishes one event from a batch. Only the batch's own frame is judged here; what is
// inside an event is that event's affair, so the events come back as they were sent.
func splitEnvelope(body []byte) (events []json.RawMessage, batch bool, err error) {
	if !bytes.Contains(body, []byte(`"events"`)) {
		return []json.RawMessage{body}, false, nil
	}
	members, err := topLevelMembers(body)
	if err != nil {
		return []json.RawMessage{body}, false,
			nil //nolint:nilerr // reading it as an event tells what is wrong with it
	}
	var problems fault.Problems
	for _, m := range members {
		switch {
		case m.name != "events":
			problems.Add(m.name, "is not a known field")
		case batch:
			problems.Add("events", "is given twice")
		default:
			batch = true
			problems.AddIf(json.Unmarshal(m.value, &events) != nil || len(events) < 1 ||
				len(events) > maxEvents, "events", "must be a list of 1 to 500 events")
		}
	}
	switch {
	case !batch: // "events" stood somewhere inside one event
		return []json.RawMessage{body}, false, nil
	case len(problems) > 0:
		return nil, true, fault.Invalid(problems...)
	}
	return events, true, nil
}

type member struct {
	name  string
	value json.RawMessage
}

// topLevelMembers splits an object into its members, duplicates included.
func topLevelMembers(body []byte) ([]member, error) {
	if !json.Valid(body) {
		return nil, fault.Invalid()
	}
	d := json.NewDecoder(bytes.NewReader(body))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return nil, fault.Invalid()
	}
	var members []member
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, err
		}
		m := member{name: name.(string)}
		if err := d.Decode(&m.value); err != nil {
			return nil, err
		}
		members = append(members, m)
	}
	return members, nil
}
