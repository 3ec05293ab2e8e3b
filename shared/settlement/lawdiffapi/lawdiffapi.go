// Package lawdiffapi compares booked settlements with another law over HTTP, and posts the true-ups
// that two people asked for.
package lawdiffapi

import (
	"context"
	"regexp"
	"strconv"
	"unicode/utf8"

	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/trueup"
	"fenzhang/shared/tenancy"
)

// Laws loads the rules in force with another version of a pack; fault.Absent when there is no such
// version.
type Laws interface {
	CorpusWith(ctx context.Context, pack, version string) (*tax.Corpus, error)
}

// API answers the routes.
type API struct {
	TrueUps     *trueup.Service
	Settlements settlement.Store
	Directory   tenancy.Directory
	Laws        Laws
	Calendar    *calendar.Calendar
	Clock       clock.Clock
	// Position reads a tax position as it was last written; fault.Absent when there is none.
	Position func(ctx context.Context, tenant ident.Tenant, id string) (tenancy.Position, error)
}

// Routes are the routes of the law diff.
func (a API) Routes() []httpapi.Route {
	readers := []identity.Role{identity.Finance, identity.Approver, identity.Auditor, identity.Admin}
	return []httpapi.Route{
		{Method: "POST", Path: "/v1/tax/diffs", Roles: readers, Handle: a.diffs},
		{Method: "POST", Path: "/v1/tax/diffs/post",
			Roles: []identity.Role{identity.Finance, identity.Admin}, Handle: a.prepare},
		{Method: "GET", Path: "/v1/tax/diffs/post/{id}", Roles: readers, Handle: a.correction},
		{Method: "POST", Path: "/v1/tax/diffs/post/{id}/approve",
			Roles: []identity.Role{identity.Approver, identity.Admin}, Handle: a.approve},
		{Method: "GET", Path: "/v1/positions/{id}/settlements", Roles: readers, Handle: a.using},
	}
}

// question is the body of a diff. Without pack the rules in force are the second law.
type question struct {
	Pack     *packName      `json:"pack"`
	Entity   ident.Entity   `json:"entity"`
	Taxpayer ident.Taxpayer `json:"taxpayer"`
	Year     int            `json:"year"`
	Filed    []civil.Month  `json:"filed_months"`
}

type packName struct {
	Pack    string `json:"pack"`
	Version string `json:"version"`
}

var (
	versionShape = regexp.MustCompile(`^[0-9A-Za-z.-]{1,32}$`)
	packShape    = regexp.MustCompile(`^(national|[0-9]{6})$`)
)

// problems lists what is wrong with the question.
func (q *question) problems() []fault.Field {
	p := yearAndMonths(q.Year, q.Filed)
	for field, id := range map[string]string{"entity": string(q.Entity),
		"taxpayer": string(q.Taxpayer)} {
		if id != "" && !ident.Valid(id) {
			p = append(p, fault.Field{Field: field, Problem: "must be 1 to 64 letters, digits, - or _"})
		}
	}
	if q.Pack != nil &&
		(!packShape.MatchString(q.Pack.Pack) || !versionShape.MatchString(q.Pack.Version)) {
		p = append(p, fault.Field{Field: "pack",
			Problem: "must name a pack (national or six digits) and a version of it"})
	}
	return p
}

// maxFiled bounds the list of filed months: those of the year, and of VAT that lies in the year
// before.
const maxFiled = 24

func yearAndMonths(year int, filed []civil.Month) []fault.Field {
	var p fault.Problems
	p.AddIf(year < 2000 || year > 2999, "year", "must be a tax year as a number")
	p.AddIf(len(filed) > maxFiled, "filed_months", "must be at most 24 months")
	for i, m := range filed {
		p.AddIf(m.IsZero(), "filed_months["+strconv.Itoa(i)+"]", civil.ErrMonth.Error())
	}
	return p
}

// answer is the body of a page of differences.
type answer struct {
	// the second law: the national pack, and the one that was named
	Rules      []tax.PackID   `json:"rules"`
	Persons    []person       `json:"persons"`
	Totals     lawdiff.Totals `json:"totals"` // of this page
	NextCursor *string        `json:"next_cursor"`
}

// person is one taxpayer's year with differences or gaps.
type person struct {
	lawdiff.PersonYear
	Settlements   int           `json:"settlements"`
	Differences   []difference  `json:"differences"`
	NotComputable []lawdiff.Gap `json:"not_computable"`
	// of months not filed; null where something cannot be computed
	TrueUps *trueUps `json:"true_ups"`
	// of filed months; null where something cannot be computed
	Amendments []lawdiff.Amendment `json:"amendments"`
}

type difference struct {
	lawdiff.Difference
	Change lawdiff.Figures `json:"difference"`
	Filed  bool            `json:"filed"`
}

type trueUps struct {
	Rows       int    `json:"rows"`
	Additional string `json:"additional"`
	Over       string `json:"over"`
}

func (a API) diffs(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var q question
	if err := r.JSON(&q); err != nil {
		return httpapi.Response{}, err
	}
	limit, err := r.Limit()
	if p := q.problems(); p != nil {
		err = fault.Invalid(p...)
	}
	if err != nil {
		return httpapi.Response{}, err
	}
	w := walk{api: a, tenant: r.Tenant, question: q, out: answer{Persons: []person{}}}
	if w.law, err = a.law(ctx, q.Pack, &w.out); err != nil {
		return httpapi.Response{}, err
	}
	today, err := a.Clock.Today(ctx)
	if err != nil {
		return httpapi.Response{}, fault.Later(err)
	}
	w.desk = lawdiff.LatenessRules{Rules: w.law.National(), Calendar: a.Calendar, PaidOn: today}
	if err := w.page(ctx, r.Query.Get("cursor"), limit); err != nil {
		return httpapi.Response{}, err
	}
	if w.out.Totals.Taxes == nil {
		w.out.Totals.Taxes = []lawdiff.TaxTotal{}
	}
	return httpapi.OK(w.out), nil
}

// law finds the second law and names it.
func (a API) law(ctx context.Context, named *packName, out *answer) (*tax.Corpus, error) {
	law := a.TrueUps.Law(ctx)
	if named != nil {
		var err error
		if law, err = a.Laws.CorpusWith(ctx, named.Pack, named.Version); err != nil {
			return nil, err
		}
	}
	out.Rules = []tax.PackID{law.National().Pack()}
	for _, id := range law.PackIDs()[1:] {
		if named != nil && id.Pack == named.Pack {
			out.Rules = append(out.Rules, id)
		}
	}
	return law, nil
}

// order is the body of a correction that is prepared.
type order struct {
	ID       string         `json:"correction_id"`
	Entity   ident.Entity   `json:"entity"`
	Taxpayer ident.Taxpayer `json:"taxpayer"`
	Year     int            `json:"year"`
	Filed    []civil.Month  `json:"filed_months"`
	Reason   string         `json:"reason"`
}

// maxReason bounds a reason, in characters.
const maxReason = 500

func (o *order) problems() []fault.Field {
	p := yearAndMonths(o.Year, o.Filed)
	for field, id := range map[string]string{"correction_id": o.ID, "entity": string(o.Entity),
		"taxpayer": string(o.Taxpayer)} {
		if !ident.Valid(id) {
			p = append(p, fault.Field{Field: field, Problem: "must be 1 to 64 letters, digits, - or _"})
		}
	}
	if o.Reason == "" || utf8.RuneCountInString(o.Reason) > maxReason {
		p = append(p, fault.Field{Field: "reason", Problem: "must say why, in at most 500 characters"})
	}
	return p
}

func (a API) prepare(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var o order
	if err := r.JSON(&o); err != nil {
		return httpapi.Response{}, err
	}
	if p := o.problems(); p != nil {
		return httpapi.Response{}, fault.Invalid(p...)
	}
	c, replayed, err := a.TrueUps.Prepare(ctx, r.Principal,
		trueup.Correction{ID: o.ID, Entity: o.Entity, Taxpayer: o.Taxpayer, Year: o.Year, Filed: o.Filed,
			Reason: o.Reason})
	return httpapi.Made(c, replayed), err
}

func (a API) correction(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	c, err := a.TrueUps.Correction(ctx, r.Tenant, r.Params["id"])
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(c), nil
}

func (a API) approve(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	if err := r.NoFields(); err != nil {
		return httpapi.Response{}, err
	}
	c, err := a.TrueUps.Post(ctx, r.Principal, r.Params["id"])
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(c), nil
}
