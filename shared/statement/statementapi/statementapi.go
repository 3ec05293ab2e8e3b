// Package statementapi serves the HTTP routes of statements and certificates.
package statementapi

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/statement"
)

// API serves the routes of statements and certificates.
type API struct{ Statements *statement.Service }

// Routes returns the routes with the roles that may call them.
func (a API) Routes() []httpapi.Route {
	finance, creator := []identity.Role{identity.Finance, identity.Admin},
		[]identity.Role{identity.Creator}
	return []httpapi.Route{
		{Method: http.MethodGet, Path: "/v1/statements/{creator_id}/{document}",
			Roles: identity.AllRoles(), Handle: a.serveDocument},
		{Method: http.MethodPost, Path: "/v1/statements/{creator_id}/{period}/send", Roles: finance,
			Handle: a.sendStatement},
		{Method: http.MethodPost, Path: "/v1/statements/{creator_id}/{period}/confirm", Roles: creator,
			Handle: a.confirmStatement},
		{Method: http.MethodPost, Path: "/v1/statements/{creator_id}/{period}/dispute", Roles: creator,
			Handle: a.disputeStatement},
		{Method: http.MethodPost, Path: "/v1/statements/{creator_id}/{period}/resolve", Roles: finance,
			Handle: a.resolveDispute},
		{Method: http.MethodGet, Path: "/v1/creators/{id}/statements", Roles: identity.AllRoles(),
			Handle: a.listStatements},
		{Method: http.MethodGet, Path: "/v1/taxpayers/{id}/certificates/{year}",
			Roles: identity.AllRoles(), Handle: a.serveCertificate},
	}
}

var hashShape = regexp.MustCompile(`^[0-9a-f]{64}$`)

// checkID refuses a path parameter that does not have the form of an id.
func checkID(field, id string) error {
	if !ident.Valid(id) {
		return fault.Invalid(
			fault.Field{Field: field, Problem: "must be 1 to 64 letters, digits, _ or -"})
	}
	return nil
}

// parseStatementPath reads the creator and the period of a statement from the path.
func parseStatementPath(
	r *httpapi.Request) (creator ident.Creator, period statement.Period, err error) {
	creator = ident.Creator(r.Params["creator_id"])
	if err = checkID("creator_id", string(creator)); err == nil {
		period, err = statement.ParsePeriod(r.Params["period"])
	}
	return creator, period, err
}

// serveDocument returns the statement itself (.json), or a link to its PDF or XLSX file.
func (a API) serveDocument(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	creator := r.Params["creator_id"]
	if err := checkID("creator_id", creator); err != nil {
		return httpapi.Response{}, err
	}
	name, format, _ := strings.Cut(r.Params["document"], ".")
	period, err := statement.ParsePeriod(name)
	if err != nil {
		return httpapi.Response{}, err
	}
	hash := r.Query.Get("content_hash")
	if err := checkDocument(format, hash); err != nil {
		return httpapi.Response{}, err
	}
	// A caller who may not see the creator gets the same answer as for a missing statement.
	if !r.CanSee(ident.Creator(creator)) {
		return httpapi.Response{}, fault.MissingObject("statement")
	}
	if hash != "" {
		return okOrError(a.Statements.Documents.LinkSentStatement(ctx, r.Tenant, ident.Creator(creator),
			period, hash,
			statement.Format(format)))
	}
	st, err := a.Statements.BuildStatement(ctx, r.Tenant, ident.Creator(creator), period)
	if err != nil {
		return httpapi.Response{}, err
	}
	if format == "json" {
		return httpapi.OK(st), nil
	}
	return okOrError(a.Statements.Documents.LinkStatement(ctx, st, statement.Format(format)))
}

// checkDocument refuses a format that does not exist, and a content hash that no file can have.
func checkDocument(format, hash string) error {
	var p fault.Problems
	known := []string{"json", string(statement.PDF), string(statement.XLSX)}
	if !slices.Contains(known, format) {
		p.Add("document", "must end with .json, .pdf or .xlsx")
		return p.Err()
	}
	p.AddIf(hash != "" && (!hashShape.MatchString(hash) || format == "json"), "content_hash",
		"must be the content_hash of a PDF or XLSX that was shown before")
	return p.Err()
}

// okOrError returns 200 with a body, or the error.
func okOrError[T any](body T, err error) (httpapi.Response, error) {
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(body), nil
}

// sendStatement sends a statement to its creator.
func (a API) sendStatement(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	creator, period, err := parseStatementPath(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	return a.lifeResponse(a.Statements.SendStatement(ctx, r.Principal, creator, period))
}

// life is the state of a statement as answers show it.
type life struct {
	CreatorID   ident.Creator      `json:"creator_id"`
	Period      statement.Period   `json:"period"`
	State       statement.Standing `json:"state"`
	Version     int                `json:"version"`
	Number      string             `json:"number"`
	Hash        *string            `json:"content_hash"`
	SentAt      *civil.Stamp       `json:"sent_at"`
	SentBy      *string            `json:"sent_by"`
	AcceptOn    *string            `json:"accept_on"`
	HeardAt     *civil.Stamp       `json:"heard_at"`
	HeardBy     *string            `json:"heard_by"`
	Settlements []ident.Settlement `json:"settlements"`
	Lines       int                `json:"lines"`
	Open        int                `json:"open_disputes"`
	Disputes    []dispute          `json:"disputes"`
}

// dispute is one dispute of a statement as answers show it.
type dispute struct {
	LineID       *string      `json:"line_id"`
	SettlementID *string      `json:"settlement_id"`
	Reason       string       `json:"reason"`
	At           *civil.Stamp `json:"at"`
	By           string       `json:"by"`
	Held         bool         `json:"held"`
	Outcome      *string      `json:"outcome"`
	Text         *string      `json:"text"`
	AnsweredAt   *civil.Stamp `json:"answered_at"`
	AnsweredBy   *string      `json:"answered_by"`
}

// nilIfEmpty returns nil for an empty text, so that JSON shows null.
func nilIfEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// newLife returns the state of a statement as answers show it.
func newLife(s statement.State) life {
	l := life{CreatorID: s.CreatorID, Period: s.Period, State: s.Standing, Version: s.Version,
		Number: s.Number, Hash: nilIfEmpty(s.Hash), SentAt: civil.StampOf(s.SentAt),
		SentBy: nilIfEmpty(s.SentBy), HeardAt: civil.StampOf(s.HeardAt), HeardBy: nilIfEmpty(s.HeardBy),
		Settlements: s.Settlements, Lines: s.Lines, Disputes: []dispute{}}
	if !s.AcceptOn.IsZero() {
		l.AcceptOn = nilIfEmpty(s.AcceptOn.String())
	}
	for _, d := range s.Disputes {
		if d.IsOpen() {
			l.Open++
		}
		l.Disputes = append(l.Disputes,
			dispute{LineID: nilIfEmpty(d.LineID), SettlementID: nilIfEmpty(string(d.SettlementID)),
				Reason: d.Reason,
				At:     civil.StampOf(d.At), By: d.By, Held: d.Held,
				Outcome: nilIfEmpty(d.Outcome), Text: nilIfEmpty(d.Text),
				AnsweredAt: civil.StampOf(d.AnsweredAt),
				AnsweredBy: nilIfEmpty(d.AnsweredBy)})
	}
	return l
}

// lifeResponse returns the state of a statement as a response, or the error.
func (a API) lifeResponse(s statement.State, err error) (httpapi.Response, error) {
	return okOrError(newLife(s), err)
}

// confirmStatement records the creator's confirmation; the body is optional.
func (a API) confirmStatement(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	creator, period, err := parseStatementPath(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	var body struct {
		Hash string `json:"content_hash"`
	}
	if len(r.Body) > 0 {
		if err := r.DecodeJSON(&body); err != nil {
			return httpapi.Response{}, err
		}
	}
	return a.lifeResponse(a.Statements.ConfirmStatement(ctx, r.Principal, creator, period, body.Hash))
}

// disputeStatement records the creator's objections.
func (a API) disputeStatement(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	creator, period, err := parseStatementPath(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	var body struct {
		Lines []statement.Objection `json:"lines"`
	}
	if err := r.DecodeJSON(&body); err != nil {
		return httpapi.Response{}, err
	}
	return a.lifeResponse(a.Statements.DisputeStatement(ctx, r.Principal, creator, period, body.Lines))
}

// resolveDispute records the answer of finance to an objection.
func (a API) resolveDispute(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	creator, period, err := parseStatementPath(r)
	if err != nil {
		return httpapi.Response{}, err
	}
	var body statement.Answer
	if err := r.DecodeJSON(&body); err != nil {
		return httpapi.Response{}, err
	}
	return a.lifeResponse(a.Statements.ResolveDispute(ctx, r.Principal, creator, period, body))
}

// listStatements returns the states of a creator's statements.
func (a API) listStatements(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	creator := r.Params["id"]
	if err := checkID("id", creator); err != nil {
		return httpapi.Response{}, err
	}
	states, err := a.Statements.ListStatements(ctx, r.Principal, ident.Creator(creator))
	if err != nil {
		return httpapi.Response{}, err
	}
	out := make([]life, len(states))
	for i, s := range states {
		out[i] = newLife(s)
	}
	return httpapi.OK(struct {
		Statements []life `json:"statements"`
	}{out}), nil
}

// serveCertificate returns a certificate, or a link to its PDF or XLSX file.
func (a API) serveCertificate(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	taxpayer := r.Params["id"]
	entity := r.Query.Get("paying_entity")
	format := r.Query.Get("format")
	var p fault.Problems
	p.AddIf(!ident.Valid(taxpayer), "id", "must be 1 to 64 letters, digits, _ or -")
	p.AddIf(!ident.Valid(entity), "paying_entity", "must name the paying entity that withheld")
	year, err := strconv.Atoi(r.Params["year"])
	p.AddIf(err != nil || year < 2000 || year > 2200 || len(r.Params["year"]) != 4, "year",
		"must be a year like 2026")
	p.AddIf(format != "" && format != "json" && format != string(statement.PDF) &&
		format != string(statement.XLSX), "format", "must be json, pdf or xlsx")
	if len(p) > 0 {
		return httpapi.Response{}, fault.Invalid(p...)
	}
	c, err := a.Statements.BuildCertificate(ctx, r.Principal, ident.Taxpayer(taxpayer),
		ident.Entity(entity), year)
	if err != nil {
		return httpapi.Response{}, err
	}
	if format == "" || format == "json" {
		return httpapi.OK(c), nil
	}
	return okOrError(a.Statements.Documents.LinkCertificate(ctx, c, statement.Format(format)))
}
