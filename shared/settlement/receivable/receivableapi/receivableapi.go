// Package receivableapi serves the routes of receivables: claims on creators.
package receivableapi

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/tenancy"
)

// Directory finds one creator, and lists the creators of a tenant.
type Directory interface {
	Creator(ctx context.Context, tenant ident.Tenant, creator ident.Creator) (tenancy.Creator, error)
	Creators(ctx context.Context, tenant ident.Tenant, cursor string,
		limit int) ([]tenancy.Creator, string, error)
}

// API serves the routes of receivables.
type API struct {
	Claims    *receivable.Claims
	Directory Directory
}

// Routes lists the routes of receivables with the roles that may call them.
func (a API) Routes() []httpapi.Route {
	readers := []identity.Role{identity.Operator, identity.Finance, identity.Approver,
		identity.Cashier, identity.Auditor, identity.Admin}
	return []httpapi.Route{
		{Method: "POST", Path: "/v1/receivables",
			Roles: []identity.Role{identity.Finance, identity.Admin}, Handle: a.prepare},
		{Method: "GET", Path: "/v1/receivables", Roles: readers, Handle: a.listReceivables},
		{Method: "POST", Path: "/v1/receivables/{id}/approve",
			Roles: []identity.Role{identity.Approver, identity.Admin}, Handle: a.approve},
	}
}

const idProblem = "must be 1 to 64 letters, digits, - or _"

// largestFen is the greatest amount of a claim; maxDocument and maxReason are the greatest lengths
// of texts in characters.
const (
	largestFen  = 9_999_999_999_999
	maxDocument = 100
	maxReason   = 500
)

// draft is the body of a request that prepares a receivable.
type draft struct {
	ID         string           `json:"receivable_id"`
	CreatorID  ident.Creator    `json:"creator_id"`
	Entity     ident.Entity     `json:"paying_entity"`
	Kind       receivable.Kind  `json:"kind"`
	Amount     money.Amount     `json:"amount"`
	MCNPart    money.Amount     `json:"mcn_part"`
	MaxShare   *money.Rate      `json:"max_share"`
	Document   string           `json:"document"`
	Reason     string           `json:"reason"`
	Settlement ident.Settlement `json:"settlement_id"`
}

// problems lists every invalid field of a draft.
func (d draft) problems() []fault.Field {
	var p fault.Problems
	words := func(s string, most int) bool { return s != "" && utf8.RuneCountInString(s) <= most }
	p.AddIf(d.ID != "" && !ident.Valid(d.ID), "receivable_id", idProblem)
	p.AddIf(!ident.Valid(d.CreatorID), "creator_id", idProblem)
	p.AddIf(!ident.Valid(d.Entity), "paying_entity", idProblem)
	p.AddIf(d.Settlement != "" && !ident.Valid(d.Settlement), "settlement_id", idProblem)
	kinds := make([]string, 0, len(receivable.Raisable()))
	for _, k := range receivable.Raisable() {
		kinds = append(kinds, string(k))
	}
	p.AddIf(!slices.Contains(kinds, string(d.Kind)), "kind",
		"must be one of "+strings.Join(kinds, ", "))
	p.AddIf(!d.Amount.Positive() || d.Amount.Fen() > largestFen, "amount",
		"must be above zero and at most "+money.Fen(largestFen).String())
	p.AddIf(d.MCNPart.Negative() || d.MCNPart.Fen() > largestFen, "mcn_part", "must be zero or more")
	p.AddIf(!d.MCNPart.IsZero() && d.Kind != receivable.RefundRecovery, "mcn_part",
		"is for a refund_recovery only")
	p.AddIf(d.MaxShare != nil && (!d.MaxShare.Positive() || !d.MaxShare.IsShare()), "max_share",
		"must be above 0 and at most 1")
	p.AddIf(!words(d.Document, maxDocument), "document",
		"must name the paper that the claim rests on, in at most 100 characters")
	p.AddIf(!words(d.Reason, maxReason), "reason", "must say why, in at most 500 characters")
	return p
}

// prepare handles POST /v1/receivables: one person prepares a claim.
func (a API) prepare(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var d draft
	if err := r.DecodeJSON(&d); err != nil {
		return httpapi.Response{}, err
	}
	if p := d.problems(); p != nil {
		return httpapi.Response{}, fault.Invalid(p...)
	}
	kept, replayed, err := a.Claims.Prepare(ctx, r.Principal,
		receivable.Receivable{ID: d.ID, CreatorID: d.CreatorID, Entity: d.Entity, Kind: d.Kind,
			Amount:  d.Amount,
			MCNPart: d.MCNPart, MaxShare: d.MaxShare, Document: d.Document, Reason: d.Reason,
			Settlement: d.Settlement})
	if err != nil {
		return httpapi.Response{}, err
	}
	v, err := a.viewToday(ctx, kept)
	return httpapi.CreatedOrReplayed(v, replayed), err
}

// view is a receivable with its age in days, as the routes answer it.
type view struct {
	receivable.Receivable
	AgeDays int `json:"age_days"` // since it was approved, or prepared before that
}

// viewToday returns the view of a receivable today.
func (a API) viewToday(ctx context.Context, r receivable.Receivable) (view, error) {
	today, err := a.Claims.Clock.Today(ctx)
	if err != nil {
		return view{}, fault.Temporary(err)
	}
	return viewOf(r, today), nil
}

// viewOf returns the view of a receivable on a day.
func viewOf(r receivable.Receivable, today civil.Date) view {
	return view{r, max(0, int(today.Start().Sub(r.RaisedOn.Start()).Hours()/24))}
}

// approve handles POST /v1/receivables/{id}/approve: a second person approves a claim.
func (a API) approve(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	if err := r.RequireNoFields(); err != nil {
		return httpapi.Response{}, err
	}
	kept, err := a.Claims.Approve(ctx, r.Principal, r.Params["id"])
	if err != nil {
		return httpapi.Response{}, err
	}
	v, err := a.viewToday(ctx, kept)
	return httpapi.OK(v), err
}

type listAnswer struct {
	Receivables []view       `json:"receivables"`
	Open        money.Amount `json:"open"` // of this page, owed by creators
	NextCursor  *string      `json:"next_cursor"`
}

// listReceivables answers the receivables of one creator, or of the next creators after the cursor;
// within a page the oldest come first.
func (a API) listReceivables(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	creator := r.Query.Get("creator_id")
	entity := r.Query.Get("paying_entity")
	state := r.Query.Get("state")
	var p fault.Problems
	for field, v := range map[string]string{"creator_id": creator, "paying_entity": entity} {
		p.AddIf(v != "" && !ident.Valid(v), field, idProblem)
	}
	p.AddIf(state != "" && state != receivable.Prepared && state != receivable.Open, "state",
		"must be prepared or open")
	limit, err := r.PageLimit()
	p.AddIf(err != nil, "limit", "must be 1 to 100")
	if p != nil {
		return httpapi.Response{}, fault.Invalid(p...)
	}
	today, err := a.Claims.Clock.Today(ctx)
	if err != nil {
		return httpapi.Response{}, fault.Temporary(err)
	}
	creators, next, err := a.creatorPage(ctx, r, creator, limit)
	if err != nil {
		return httpapi.Response{}, err
	}
	out := listAnswer{Receivables: []view{}}
	for _, id := range creators {
		found, err := a.Claims.Store.ListOf(ctx, r.Tenant, ident.Creator(id), ident.Entity(entity))
		if err != nil {
			return httpapi.Response{}, err
		}
		for _, x := range found {
			if state == "" || (x.State == state && (state != receivable.Open || x.Open.Positive())) {
				out.Receivables = append(out.Receivables, viewOf(x, today))
			}
			if x.Kind != receivable.GiveBack {
				out.Open = out.Open.Add(x.Open)
			}
		}
	}
	slices.SortStableFunc(out.Receivables, func(x, y view) int {
		return cmp.Compare(y.AgeDays, x.AgeDays)
	})
	if next != "" {
		out.NextCursor = &next
	}
	return httpapi.OK(out), nil
}

// creatorPage returns the creators to list: one when the query names it, else the next page.
func (a API) creatorPage(ctx context.Context, r *httpapi.Request, one string,
	limit int) ([]string, string, error) {
	if one != "" {
		_, err := a.Directory.Creator(ctx, r.Tenant, ident.Creator(one))
		return []string{one}, "", err
	}
	cursor := r.Query.Get("cursor")
	if cursor != "" && !ident.Valid(cursor) {
		return nil, "", fault.Invalid(fault.Field{Field: "cursor",
			Problem: "is not a cursor of this list; leave it out to begin anew"})
	}
	page, next, err := a.Directory.Creators(ctx, r.Tenant, cursor, limit)
	ids := make([]string, len(page))
	for i, c := range page {
		ids[i] = string(c.CreatorID)
	}
	return ids, next, err
}
