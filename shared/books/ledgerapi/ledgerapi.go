// Package ledgerapi serves the ledger over HTTP: trial balances, account balances, journal entries,
// accounting periods and charts of accounts. It has the routes of the function manage-ledger.
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

// Journal reads books. A book belongs to a creator, or is keys.HouseBook, the tenant's own book.
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

// Settlements loads a settlement.
type Settlements interface {
	Load(ctx context.Context, tenant ident.Tenant, id ident.Settlement) (settlement.Settlement, error)
}

// API handles the routes of the ledger.
type API struct {
	Check       ledgercheck.Service
	Journal     Journal
	Master      Master
	Creators    period.Creators
	Settlements Settlements
	Periods     *period.Service
	Clock       clock.Clock
	NewID       func() string
	// Budget is the time for reading books in one request; 0 means DefaultBudget.
	Budget time.Duration
}

// DefaultBudget is the time for reading books in one request. The gateway ends a request after 29
// seconds, and the rest is for computing and sending the response.
const DefaultBudget = 18 * time.Second

// Routes lists the routes of the function manage-ledger.
func (a API) Routes() []httpapi.Route {
	chart := "/v1/paying-entities/{id}/chart"
	one := "/v1/ledger/periods/{id}/{period}"
	return []httpapi.Route{
		{Method: "GET", Path: "/v1/ledger/check", Roles: bookReaderRoles(), Handle: a.Check.HandleCheck},
		{Method: "GET", Path: "/v1/ledger/trial-balance", Roles: bookReaderRoles(),
			Handle: a.readTrialBalance},
		{Method: "GET", Path: "/v1/ledger/balances", Roles: bookReaderRoles(),
			Handle: a.readCreatorBalances},
		{Method: "GET", Path: "/v1/ledger/entries", Roles: bookReaderRoles(), Handle: a.listEntries},
		{Method: "GET", Path: "/v1/ledger/journal", Roles: bookReaderRoles(), Handle: a.readJournal},
		{Method: "GET", Path: "/v1/ledger/periods", Roles: bookReaderRoles(), Handle: a.listPeriods},
		{Method: "GET", Path: one, Roles: bookReaderRoles(), Handle: a.readPeriod},
		{Method: "POST", Path: one + "/close", Roles: []identity.Role{identity.Finance},
			Handle: a.closePeriod},
		{Method: "POST", Path: one + "/seal", Roles: []identity.Role{identity.Approver},
			Handle: a.sealPeriod},
		{Method: "GET", Path: chart, Roles: bookReaderRoles(), Handle: a.readChart},
		{Method: "PUT", Path: chart, Roles: []identity.Role{identity.Admin}, Handle: a.changeChart},
	}
}

// bookReaderRoles are the roles that may read the ledger.
func bookReaderRoles() []identity.Role {
	return []identity.Role{identity.Finance, identity.Approver, identity.Auditor, identity.Admin}
}

// checkEntity returns fault.MissingObject when the tenant has no paying entity with the id. A
// malformed id and the id of another tenant's entity give the same error.
func (a API) checkEntity(ctx context.Context, tenant ident.Tenant, id string) error {
	if len(tenancy.IDProblems("id", id)) > 0 {
		return fault.MissingObject("paying entity")
	}
	_, there, err := a.Master.LatestVersion(ctx, tenant, tenancy.KindEntity, id)
	if err == nil && !there {
		err = fault.MissingObject("paying entity")
	}
	return err
}

// query reads the query string of a request and collects its problems.
type query struct {
	*httpapi.Request
	problems fault.Problems
}

const idProblem = "must be 1 to 64 letters, digits, _ or -"

// readID reads an id from the query string; a required id must be given.
func (q *query) readID(name string, required bool) string {
	id := q.Query.Get(name)
	q.problems.AddIf((id == "" && required) || (id != "" && len(tenancy.IDProblems(name, id)) > 0),
		name,
		idProblem)
	return id
}

// maxText is the greatest length in bytes of a text that is parsed as an instant.
const maxText = 64

// readInstant reads an instant from the query string; the zero time when it is not given.
func (q *query) readInstant(name string) time.Time {
	text := q.Query.Get(name)
	if text == "" {
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text[:min(len(text), maxText)])
	q.problems.AddIf(err != nil, name, "must be an instant as RFC 3339 with offset; write + as %2B")
	return at
}

// readMonth reads a month from the query string; the zero month when it is not given.
func (q *query) readMonth(name string) civil.Month {
	text := q.Query.Get(name)
	if text == "" {
		return civil.Month{}
	}
	m, err := civil.ParseMonth(text)
	q.problems.AddIf(err != nil, name, civil.ErrMonth.Error())
	return m
}

// readDay reads a date from the query string; the zero date when it is not given.
func (q *query) readDay(name string) civil.Date {
	text := q.Query.Get(name)
	if text == "" {
		return civil.Date{}
	}
	d, err := civil.ParseDate(text)
	q.problems.AddIf(err != nil, name, civil.ErrDate.Error())
	return d
}

// maxCursor is the greatest length of a cursor, in bytes.
const maxCursor = 16 << 10

// decodeCursor decodes a cursor that encodeCursor made; without a cursor, into is not changed.
func (q *query) decodeCursor(into any) {
	text := q.Query.Get("cursor")
	if text == "" {
		return
	}
	b, err := base64.RawURLEncoding.DecodeString(text[:min(len(text), maxCursor)])
	if err == nil {
		err = json.Unmarshal(b, into)
	}
	q.problems.AddIf(err != nil, "cursor", "is not a cursor of this list; leave it out to begin anew")
}

// encodeCursor encodes the content of a cursor as JSON in base64.
func encodeCursor(cursor any) (*string, error) {
	b, err := json.Marshal(cursor)
	if err != nil {
		return nil, fault.Internal(err)
	}
	text := base64.RawURLEncoding.EncodeToString(b)
	return &text, nil
}
