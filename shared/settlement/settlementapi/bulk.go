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

// The bounds of a bulk call: its length, and how many items of it are worked on at once.
const (
	maxBulk  = 100
	bulkWork = 8
)

type bulkItem struct {
	ID      ident.Settlement `json:"settlement_id"`
	Version int              `json:"status_version"`
}

type bulkBody struct {
	Items  []bulkItem        `json:"items"`
	To     settlement.Status `json:"to"`
	Reason string            `json:"reason"`
}

func (b bulkBody) problems() fault.Problems {
	var p fault.Problems
	p.AddIf(len(b.Items) == 0 || len(b.Items) > maxBulk, "items", "must be 1 to 100")
	p.AddIf(!slices.Contains(settlement.Statuses(), b.To), "to", "must be a status")
	p.AddIf(len(b.Reason) > maxText, "reason", "must not be longer than 500 bytes")
	seen := map[string]bool{}
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

// bulkResult is what became of one item.
type bulkResult struct {
	ID         ident.Settlement `json:"settlement_id"`
	Status     int              `json:"status"`
	Replayed   bool             `json:"replayed,omitempty"`
	Settlement *View            `json:"settlement,omitempty"`
	Error      any              `json:"error,omitempty"`
}

// moved is an item that was moved, or the refusal.
type moved struct {
	settlement.Settlement
	replayed bool
	err      error
}

// transitions moves 1 to 100 settlements, each by itself: some may fail while others succeed.
func (a API) transitions(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var b bulkBody
	unreadable := r.JSON(&b)
	if err := mayMove(r.Principal, b.To); err != nil {
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
	all := make([]moved, len(b.Items))
	var work errgroup.Group
	work.SetLimit(pace.AtOnce(ctx, bulkWork))
	for i, item := range b.Items {
		work.Go(func() error {
			all[i] = a.moveOne(ctx, settlement.Intent{By: r.Principal, ID: string(item.ID),
				Version: item.Version, Reason: b.Reason}, b.To)
			return nil
		})
	}
	if err := work.Wait(); err != nil {
		return httpapi.Response{}, err
	}
	return a.bulkAnswer(ctx, r, viewer, b.Items, all)
}

// moveOne moves one settlement; one that an earlier call of the same person has moved is answered
// as it stands.
func (a API) moveOne(ctx context.Context, in settlement.Intent, to settlement.Status) moved {
	s, err := a.Service.Transition(ctx, in, to)
	if !fault.HasCode(err, fault.IllegalMove) && !fault.HasCode(err, fault.StaleVersion) &&
		!fault.HasCode(err, fault.Forbidden) {
		return moved{Settlement: s, err: err}
	}
	now, readErr := a.Service.Read(ctx, in.By, in.ID)
	if readErr == nil && in.Repeated(now, to) {
		return moved{Settlement: now, replayed: true}
	}
	return moved{err: err}
}

func (a API) bulkAnswer(ctx context.Context, r *httpapi.Request, viewer settlement.Viewer,
	items []bulkItem, all []moved) (httpapi.Response, error) {
	var done []settlement.Settlement
	for _, m := range all {
		if m.err == nil {
			done = append(done, m.Settlement)
		}
	}
	f, err := a.Service.Store.FiguresOf(ctx, done)
	if err != nil {
		return httpapi.Response{}, err
	}
	results := make([]bulkResult, len(all))
	for i, m := range all {
		results[i] = bulkResult{ID: items[i].ID, Status: http.StatusOK, Replayed: m.replayed}
		if m.err != nil {
			e := fault.Of(m.err)
			results[i].Status, results[i].Error = e.Status(), httpapi.Problem(e, r.ID)
			continue
		}
		shown := viewOf(viewer, m.Settlement, f[m.ID], false)
		results[i].Settlement = &shown
	}
	return httpapi.OK(struct {
		Results []bulkResult `json:"results"`
	}{results}), nil
}
