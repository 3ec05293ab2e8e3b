// Package ledgerapi is the ledger over HTTP: the routes of manage-ledger.
package ledgerapi

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"time"

	"fenzhang/shared/books/ledgercheck"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// Journal reads books. A book is a creator's, or keys.HouseBook.
type Journal interface {
	Entries(ctx context.Context, tenant ident.Tenant, book ident.Creator) ([]ledger.Entry, error)
	EntriesPage(ctx context.Context, tenant ident.Tenant, book, after string,
		limit int) ([]ledger.Entry, string, error)
	Balances(ctx context.Context, tenant ident.Tenant,
		book ident.Creator) (map[string]map[ledger.Account]money.Amount, error)
}

// Master reads and writes master data.
type Master interface {
	LatestVersion(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
		id string) (tenancy.Stored, bool, error)
	Put(ctx context.Context, c tenancy.Change) error
}

// Settlements finds a settlement.
type Settlements interface {
	Load(ctx context.Context, tenant ident.Tenant, id ident.Settlement) (settlement.Settlement, error)
}

// API answers the routes.
type API struct {
	Check       ledgercheck.Service
	Journal     Journal
	Master      Master
	Creators    period.Creators
	Settlements Settlements
	Periods     *period.Service
	Clock       clock.Clock
	NewID       func() string
	Budget      time.Duration // how long one answer may read books; zero is DefaultBudget
}

// DefaultBudget leaves an answer time below the gateway's 29 seconds.
const DefaultBudget = 18 * time.Second

// Routes are the routes of manage-ledger.
func (a API) Routes() []httpapi.Route {
	chart, one := "/v1/paying-entities/{id}/chart", "/v1/ledger/periods/{id}/{period}"
	return []httpapi.Route{
		{Method: "GET", Path: "/v1/ledger/check", Roles: readers(), Handle: a.Check.HandleCheck},
		{Method: "GET", Path: "/v1/ledger/trial-balance", Roles: readers(), Handle: a.trialBalance},
		{Method: "GET", Path: "/v1/ledger/balances", Roles: readers(), Handle: a.balances},
		{Method: "GET", Path: "/v1/ledger/entries", Roles: readers(), Handle: a.entries},
		{Method: "GET", Path: "/v1/ledger/journal", Roles: readers(), Handle: a.journal},
		{Method: "GET", Path: "/v1/ledger/periods", Roles: readers(), Handle: a.listPeriods},
		{Method: "GET", Path: one, Roles: readers(), Handle: a.period},
		{Method: "POST", Path: one + "/close", Roles: []identity.Role{identity.Finance},
			Handle: a.closePeriod},
		{Method: "POST", Path: one + "/seal", Roles: []identity.Role{identity.Approver},
			Handle: a.sealPeriod},
		{Method: "GET", Path: chart, Roles: readers(), Handle: a.chart},
		{Method: "PUT", Path: chart, Roles: []identity.Role{identity.Admin}, Handle: a.changeChart},
	}
}

// readers are the roles that read the books.
func readers() []identity.Role {
	return []identity.Role{identity.Finance, identity.Approver, identity.Auditor, identity.Admin}
}

// entity checks the id of a paying entity; one of somebody else is none.
func (a API) entity(ctx context.Context, tenant ident.Tenant, id string) error {
	if len(tenancy.IDProblems("id", id)) > 0 {
		return fault.Absent("paying entity")
	}
	_, there, err := a.Master.LatestVersion(ctx, tenant, tenancy.KindEntity, id)
	if err == nil && !there {
		err = fault.Absent("paying entity")
	}
	return err
}

// query reads the query string of a route and gathers what is wrong with it.
type query struct {
	*httpapi.Request
	problems []fault.Field
}

func (q *query) wrong(bad bool, field, problem string) {
	if bad {
		q.problems = append(q.problems, fault.Field{Field: field, Problem: problem})
	}
}

func (q *query) err() error {
	if q.problems == nil {
		return nil
	}
	return fault.Invalid(q.problems...)
}

const idProblem = "must be 1 to 64 letters, digits, _ or -"

// id reads an id; one that is needed may not be left out.
func (q *query) id(name string, needed bool) string {
	id := q.Query.Get(name)
	q.wrong((id == "" && needed) || (id != "" && len(tenancy.IDProblems(name, id)) > 0), name,
		idProblem)
	return id
}

// maxText bounds what is parsed, in bytes.
const maxText = 64

func (q *query) instant(name string) time.Time {
	text := q.Query.Get(name)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text[:min(len(text), maxText)])
	q.wrong(err != nil, name, "must be an instant as RFC 3339 with offset; write + as %2B")
	return at
}

func (q *query) month(name string) civil.Month {
	text := q.Query.Get(name)
	if text == "" {
		return civil.Month{}
	}
	m, err := civil.ParseMonth(text)
	q.wrong(err != nil, name, civil.ErrMonth.Error())
	return m
}

func (q *query) day(name string) civil.Date {
	text := q.Query.Get(name)
	if text == "" {
		return civil.Date{}
	}
	d, err := civil.ParseDate(text)
	q.wrong(err != nil, name, civil.ErrDate.Error())
	return d
}

// maxCursor bounds a cursor, in bytes.
const maxCursor = 16 << 10

// cursor reads a cursor that pack made; into stays as it is when there is none.
func (q *query) cursor(into any) {
	text := q.Query.Get("cursor")
	if text == "" {
		return
	}
	b, err := base64.RawURLEncoding.DecodeString(text[:min(len(text), maxCursor)])
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	q.wrong(err != nil, "cursor", "is not a cursor of this list; leave it out to begin anew")
}

func pack(cursor any) (*string, error) {
	b, err := json.Marshal(cursor)
	if err != nil {
		return nil, fault.Internal(err)
	}
	text := base64.RawURLEncoding.EncodeToString(b)
	return &text, nil
}
