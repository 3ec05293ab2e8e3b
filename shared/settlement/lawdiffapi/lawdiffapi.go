// Package lawdiffapi serves over HTTP the comparison of booked taxes with the taxes under another
// version of the law, and the corrections (true-ups, 补扣补退) that one person prepares and another
// approves.
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

// Laws loads the rules in force with one policy pack replaced by another version of it. It returns
// fault.MissingObject when there is no such version.
type Laws interface {
	CorpusWith(ctx context.Context, pack, version string) (*tax.Corpus, error)
}

// API handles the routes of comparisons and corrections.
type API struct {
	TrueUps     *trueup.Service
	Settlements settlement.Store
	Directory   tenancy.Directory
	Laws        Laws
	Calendar    *calendar.Calendar
	Clock       clock.Clock
	// Position reads the last version of a tax position; it returns fault.MissingObject when there is
	// none.
	Position func(ctx context.Context, tenant ident.Tenant, id string) (tenancy.Position, error)
}

// Routes lists the routes of comparisons and corrections.
func (a API) Routes() []httpapi.Route {
	readers := []identity.Role{identity.Finance, identity.Approver, identity.Auditor, identity.Admin}
	return []httpapi.Route{
		{Method: "POST", Path: "/v1/tax/diffs", Roles: readers, Handle: a.compareLaws},
		{Method: "POST", Path: "/v1/tax/diffs/post",
			Roles: []identity.Role{identity.Finance, identity.Admin}, Handle: a.prepareCorrection},
		{Method: "GET", Path: "/v1/tax/diffs/post/{id}", Roles: readers, Handle: a.readCorrection},
		{Method: "POST", Path: "/v1/tax/diffs/post/{id}/approve",
			Roles: []identity.Role{identity.Approver, identity.Admin}, Handle: a.approveCorrection},
		{Method: "GET", Path: "/v1/positions/{id}/settlements", Roles: readers,
			Handle: a.listSettlementsOnPosition},
	}
}

// diffQuestion is the request body of a comparison. Without a pack, booked taxes are compared with
// the taxes under the rules in force.
type diffQuestion struct {
	Pack     *packName      `json:"pack"`
	Entity   ident.Entity   `json:"entity"`
	Taxpayer ident.Taxpayer `json:"taxpayer"`
	Year     int            `json:"year"`
	Filed    []civil.Month  `json:"filed_months"`
}

// packName names a version of a policy pack.
type packName struct {
	Pack    string `json:"pack"`
	Version string `json:"version"`
}

// The forms of the name of a policy pack and of its version.
var (
	versionShape = regexp.MustCompile(`^[0-9A-Za-z.-]{1,32}$`)
	packShape    = regexp.MustCompile(`^(national|[0-9]{6})$`)
)

// problems lists what is wrong with the request body of a comparison.
func (q *diffQuestion) problems() []fault.Field {
	p := yearProblems(q.Year, q.Filed)
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

// maxFiledMonths is the greatest number of filed months in a request: the twelve months of the tax
// year, and the twelve before, to which VAT of the year's payments may belong.
const maxFiledMonths = 24

// yearProblems lists what is wrong with a tax year and its filed months.
func yearProblems(year int, filed []civil.Month) []fault.Field {
	var p fault.Problems
	p.AddIf(year < 2000 || year > 2999, "year", "must be a tax year as a number")
	p.AddIf(len(filed) > maxFiledMonths, "filed_months", "must be at most 24 months")
	for i, m := range filed {
		p.AddIf(m.IsZero(), "filed_months["+strconv.Itoa(i)+"]", civil.ErrMonth.Error())
	}
	return p
}

// diffPage is the response body of a page of differences.
type diffPage struct {
	// Rules are the packs of the law with which booked taxes were compared: the national pack, and the
	// pack that the request named.
	Rules      []tax.PackID   `json:"rules"`
	Persons    []personYear   `json:"persons"`
	Totals     lawdiff.Totals `json:"totals"` // of this page
	NextCursor *string        `json:"next_cursor"`
}

// personYear is the tax year of one taxpayer at one paying entity that has differences, or taxes
// that could not be computed.
type personYear struct {
	lawdiff.PersonYear
	Settlements   int           `json:"settlements"`
	Differences   []difference  `json:"differences"`
	NotComputable []lawdiff.Gap `json:"not_computable"`
	// TrueUps correct the months that are not filed; null when some tax could not be computed.
	TrueUps *trueUps `json:"true_ups"`
	// Amendments correct the returns of filed months; null when some tax could not be computed.
	Amendments []lawdiff.Amendment `json:"amendments"`
}

// difference is one settlement whose booked taxes differ, and whether its month is filed.
type difference struct {
	lawdiff.Difference
	Change lawdiff.Figures `json:"difference"`
	Filed  bool            `json:"filed"`
}

// trueUps sums up the tax rows that a correction would add: the tax to be withheld in addition, and
// the tax that was withheld in excess.
type trueUps struct {
	Rows       int    `json:"rows"`
	Additional string `json:"additional"`
	Over       string `json:"over"`
}

// compareLaws handles POST /v1/tax/diffs: it compares the booked taxes of a page of taxpayers with
// their taxes under the rules in force, or under another version of a policy pack.
func (a API) compareLaws(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var q diffQuestion
	if err := r.DecodeJSON(&q); err != nil {
		return httpapi.Response{}, err
	}
	limit, err := r.PageLimit()
	if p := q.problems(); p != nil {
		err = fault.Invalid(p...)
	}
	if err != nil {
		return httpapi.Response{}, err
	}
	w := pageWalk{api: a, tenant: r.Tenant, diffQuestion: q, out: diffPage{Persons: []personYear{}}}
	if w.law, err = a.chooseLaw(ctx, q.Pack, &w.out); err != nil {
		return httpapi.Response{}, err
	}
	today, err := a.Clock.Today(ctx)
	if err != nil {
		return httpapi.Response{}, fault.Temporary(err)
	}
	// Surcharges for late payment of amended returns run until today.
	w.desk = lawdiff.LatenessRules{Rules: w.law.National(), Calendar: a.Calendar, PaidOn: today}
	if err := w.comparePage(ctx, r.Query.Get("cursor"), limit); err != nil {
		return httpapi.Response{}, err
	}
	// JSON shows an empty list instead of null.
	if w.out.Totals.Taxes == nil {
		w.out.Totals.Taxes = []lawdiff.TaxTotal{}
	}
	return httpapi.OK(w.out), nil
}

// chooseLaw loads the law to compare with and writes the names of its packs into the response.
func (a API) chooseLaw(ctx context.Context, pack *packName, out *diffPage) (*tax.Corpus, error) {
	law := a.TrueUps.Law(ctx)
	if pack != nil {
		var err error
		if law, err = a.Laws.CorpusWith(ctx, pack.Pack, pack.Version); err != nil {
			return nil, err
		}
	}
	out.Rules = []tax.PackID{law.National().Pack()}
	// The first pack is the national one, which is in the list already.
	for _, id := range law.PackIDs()[1:] {
		if pack != nil && id.Pack == pack.Pack {
			out.Rules = append(out.Rules, id)
		}
	}
	return law, nil
}

// correctionOrder is the request body that prepares a correction.
type correctionOrder struct {
	ID       string         `json:"correction_id"`
	Entity   ident.Entity   `json:"entity"`
	Taxpayer ident.Taxpayer `json:"taxpayer"`
	Year     int            `json:"year"`
	Filed    []civil.Month  `json:"filed_months"`
	Reason   string         `json:"reason"`
}

// maxReason is the greatest length of a reason, in characters.
const maxReason = 500

// problems lists what is wrong with the request body of a correction.
func (o *correctionOrder) problems() []fault.Field {
	p := yearProblems(o.Year, o.Filed)
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

// prepareCorrection handles POST /v1/tax/diffs/post. It stores a correction for approval; a
// repeated request with the same content gets the stored correction, marked as replayed.
func (a API) prepareCorrection(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var o correctionOrder
	if err := r.DecodeJSON(&o); err != nil {
		return httpapi.Response{}, err
	}
	if p := o.problems(); p != nil {
		return httpapi.Response{}, fault.Invalid(p...)
	}
	c, replayed, err := a.TrueUps.Prepare(ctx, r.Principal,
		trueup.Correction{ID: o.ID, Entity: o.Entity, Taxpayer: o.Taxpayer, Year: o.Year, Filed: o.Filed,
			Reason: o.Reason})
	return httpapi.CreatedOrReplayed(c, replayed), err
}

// readCorrection handles GET /v1/tax/diffs/post/{id}.
func (a API) readCorrection(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	c, err := a.TrueUps.Correction(ctx, r.Tenant, r.Params["id"])
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(c), nil
}

// approveCorrection handles POST /v1/tax/diffs/post/{id}/approve, which posts the correction. The
// service refuses the person who has prepared it.
func (a API) approveCorrection(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	if err := r.RequireNoFields(); err != nil {
		return httpapi.Response{}, err
	}
	c, err := a.TrueUps.Post(ctx, r.Principal, r.Params["id"])
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(c), nil
}
