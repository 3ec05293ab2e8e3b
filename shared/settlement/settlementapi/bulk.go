package settlementapi

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"golang.org/x/sync/errgroup"

	"fenzhang/shared/clock/pace"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/settlement"
)

const (
	// maxBulk is the greatest number of settlements in one bulk call.
	maxBulk = 100
	// maxBulkConcurrency is how many settlements of a bulk call are moved at the same time.
	maxBulkConcurrency = 8
)

// bulkItem names one settlement of a bulk call, at the version that the caller has read.
type bulkItem struct {
	ID      ident.Settlement `json:"settlement_id"`
	Version int              `json:"status_version"`
}

// bulkBody is the request body of a bulk call.
type bulkBody struct {
	Items  []bulkItem        `json:"items"`
	To     settlement.Status `json:"to"`
	Reason string            `json:"reason"`
}

// problems lists what is wrong with the body of a bulk call.
func (b bulkBody) problems() fault.Problems {
	var p fault.Problems
	p.AddIf(len(b.Items) == 0 || len(b.Items) > maxBulk, "items", "must be 1 to 100")
	p.AddIf(!slices.Contains(settlement.Statuses(), b.To), "to", "must be a status")
	p.AddIf(len(b.Reason) > maxText, "reason", "must not be longer than 500 bytes")
	seen := map[string]bool{}
	// Items beyond the allowed number are not examined: their number is a problem already.
	for i, item := range b.Items[:min(len(b.Items), maxBulk)] {
		field := "items." + strconv.Itoa(i)
		p.AddIf(!ident.Valid(item.ID), field+".settlement_id", "must be 1 to 64 letters, digits, _ or -")
		p.AddIf(seen[string(item.ID)], field+".settlement_id", "is given twice")
		p.AddIf(item.Version < 1, field+".status_version",
			"must be the status_version you read, 1 or more")
		seen[string(item.ID)] = true
	}
	return p
}

// bulkResult is the result of one settlement of a bulk call, with the HTTP status that a call for
// it alone would have had.
type bulkResult struct {
	ID         ident.Settlement `json:"settlement_id"`
	Status     int              `json:"status"`
	Replayed   bool             `json:"replayed,omitempty"`
	Settlement *View            `json:"settlement,omitempty"`
	Error      any              `json:"error,omitempty"`
}

// transitionResult is a settlement of a bulk call after its status move, or the error that refused
// the move.
type transitionResult struct {
	settlement.Settlement
	replayed bool
	err      error
}

// transitionInBulk handles POST /v1/settlements/transitions: it moves 1 to 100 settlements to one
// status, each independently of the others, so that some may fail while others succeed.
func (a API) transitionInBulk(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var b bulkBody
	// The role is checked before the body's problems are answered, as the contract orders refusals.
	unreadable := r.DecodeJSON(&b)
	if err := checkTargetRole(r.Principal, b.To); err != nil {
		return httpapi.Response{}, err
	}
	if unreadable != nil {
		return httpapi.Response{}, unreadable
	}
	if err := b.problems().Err(); err != nil {
		return httpapi.Response{}, err
	}
	viewer, err := a.Service.Viewer(ctx, r.Principal)
	if err != nil {
		return httpapi.Response{}, err
	}
	all := make([]transitionResult, len(b.Items))
	var work errgroup.Group
	work.SetLimit(pace.Parallelism(ctx, maxBulkConcurrency))
	for i, item := range b.Items {
		work.Go(func() error {
			all[i] = a.transitionOne(ctx, settlement.Intent{By: r.Principal, ID: string(item.ID),
				Version: item.Version, Reason: b.Reason}, b.To)
			return nil // The error of one settlement must not stop the others.
		})
	}
	if err := work.Wait(); err != nil {
		return httpapi.Response{}, err
	}
	return a.bulkResponse(ctx, r, viewer, b.Items, all)
}

// transitionOne moves one settlement of a bulk call. When an earlier call of the same person has
// made the same move, the result is the settlement as it is now, marked as replayed.
func (a API) transitionOne(ctx context.Context, in settlement.Intent,
	to settlement.Status) transitionResult {
	s, err := a.Service.Transition(ctx, in, to)
	if !fault.HasCode(err, fault.IllegalMove) && !fault.HasCode(err, fault.StaleVersion) &&
		!fault.HasCode(err, fault.Forbidden) {
		return transitionResult{Settlement: s, err: err}
	}
	// The move was refused, perhaps because an earlier try whose answer was lost has succeeded.
	now, readErr := a.Service.Read(ctx, in.By, in.ID)
	if readErr == nil && in.IsRepeat(now, to) {
		return transitionResult{Settlement: now, replayed: true}
	}
	return transitionResult{err: err}
}

// bulkResponse returns the results of a bulk call in the order of its items.
func (a API) bulkResponse(ctx context.Context, r *httpapi.Request, viewer settlement.Viewer,
	items []bulkItem, all []transitionResult) (httpapi.Response, error) {
	var moved []settlement.Settlement
	for _, m := range all {
		if m.err == nil {
			moved = append(moved, m.Settlement)
		}
	}
	f, err := a.Service.Store.FiguresOf(ctx, moved)
	if err != nil {
		return httpapi.Response{}, err
	}
	// The figures of all moved settlements were read at once; a refused one needs none.
	results := make([]bulkResult, len(all))
	for i, m := range all {
		results[i] = bulkResult{ID: items[i].ID, Status: http.StatusOK, Replayed: m.replayed}
		if m.err != nil {
			e := fault.AsError(m.err)
			results[i].Status = e.Status()
			results[i].Error = httpapi.ErrorBody(e, r.ID)
			continue
		}
		shown := viewOf(viewer, m.Settlement, f[m.ID], false)
		results[i].Settlement = &shown
	}
	return httpapi.OK(struct {
		Results []bulkResult `json:"results"`
	}{results}), nil
}
