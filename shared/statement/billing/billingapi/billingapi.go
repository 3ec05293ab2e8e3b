// Package billingapi serves the HTTP routes that upload income lines and list statements, and runs
// the nightly opening of settlements.
package billingapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/input/strictjson"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/money"
	"fenzhang/shared/statement/billing"
)

// API serves the routes of income lines and statements.
type API struct {
	Recorder *income.Recorder
	Nightly  NightlyRun
	Log      *slog.Logger
}

// Routes returns the routes with the roles that may call them.
func (a API) Routes() []httpapi.Route {
	return []httpapi.Route{
		{Method: http.MethodPost, Path: "/v1/income-lines",
			Roles:  []identity.Role{identity.Operator, identity.Finance, identity.Admin},
			Handle: a.uploadLines},
		{Method: http.MethodPost, Path: "/v1/statements/run",
			Roles: []identity.Role{identity.Finance, identity.Admin}, Handle: a.runStatements},
		{Method: http.MethodGet, Path: "/v1/statements", Roles: identity.AllRoles(),
			Handle: a.listStatements},
	}
}

// maxLines is the largest number of lines in one call.
const maxLines = 500

// lineAnswer is the answer to one uploaded line.
type lineAnswer struct {
	// LineID is null when the id of the line cannot be read.
	LineID    *string `json:"line_id"`
	Status    int     `json:"status"`
	Bucket    string  `json:"bucket,omitempty"`
	Parked    string  `json:"parked,omitempty"`
	SettledBy string  `json:"settled_by,omitempty"`
	Error     any     `json:"error,omitempty"`
}

// uploadLines stores the lines of the body and returns one answer for each line.
func (a API) uploadLines(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	lines, err := splitEnvelope(r.Body)
	if err != nil {
		return httpapi.Response{}, err
	}
	results, err := a.Recorder.RecordUpload(ctx,
		income.Upload{Tenant: r.Tenant, By: r.Subject, Trace: r.Trace, Lines: lines})
	if err != nil {
		return httpapi.Response{}, err
	}
	answers := make([]lineAnswer, len(results))
	for i, res := range results {
		answers[i] = newLineAnswer(res, r.ID)
	}
	a.logFailures(ctx, r, results)
	return httpapi.OK(struct {
		Results []lineAnswer `json:"results"`
	}{answers}), nil
}

// newLineAnswer returns the answer to one line.
func newLineAnswer(res income.Result, requestID string) lineAnswer {
	a := lineAnswer{Status: http.StatusCreated, Bucket: res.Bucket, Parked: res.Parked,
		SettledBy: res.SettledBy}
	if res.LineID != "" {
		a.LineID = &res.LineID
	}
	switch {
	case res.Err != nil:
		e := fault.AsError(res.Err)
		a.Status, a.Error = e.Status(), httpapi.ErrorBody(e, requestID)
	case res.IsRepeat:
		a.Status = http.StatusOK
	}
	return a
}

// logFailures logs once for a call why lines could not be stored; the client only reads that it
// should send them again.
func (a API) logFailures(ctx context.Context, r *httpapi.Request, results []income.Result) {
	failed := 0
	var first error
	for _, res := range results {
		if res.Err != nil && fault.AsError(res.Err).Status() >= http.StatusInternalServerError {
			failed++
			if first == nil {
				first = res.Err
			}
		}
	}
	if failed > 0 {
		a.Log.ErrorContext(ctx, "income lines not stored", "request_id", r.ID, "tenant", r.Tenant,
			"lines", failed, "cause", first.Error())
	}
}

// splitEnvelope returns the lines as they were sent. Only the frame of the upload is validated
// here; the content of each line is validated with that line.
func splitEnvelope(body []byte) ([]json.RawMessage, error) {
	members, err := strictjson.SplitObject(body)
	if err != nil {
		return nil, err
	}
	var problems fault.Problems
	var lines []json.RawMessage
	given := false
	for _, m := range members {
		switch {
		case m.Name != "lines":
			problems.Add(m.Name, "is not a known field")
		case given:
			problems.Add("lines", "is given twice")
		default:
			given = true
			problems.AddIf(json.Unmarshal(m.Value, &lines) != nil || len(lines) < 1 ||
				len(lines) > maxLines, "lines", "must be a list of 1 to 500 lines")
		}
	}
	problems.AddIf(!given, "lines", "must be given")
	return lines, problems.Err()
}

// runStatements opens the due settlements of one creator or of the tenant.
func (a API) runStatements(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var body struct {
		Date      civil.Date `json:"date"`
		CreatorID *string    `json:"creator_id"`
		OnDemand  bool       `json:"on_demand"`
	}
	problems := strictjson.Decode(r.Body, &body)
	creator := ""
	if body.CreatorID != nil {
		if creator = *body.CreatorID; !ident.Valid(creator) {
			problems = append(problems,
				fault.Field{Field: "creator_id", Problem: "must be 1 to 64 letters, digits, _ or -"})
		}
	}
	if body.OnDemand && body.CreatorID == nil {
		problems = append(problems,
			fault.Field{Field: "creator_id",
				Problem: "must be given with on_demand: a demand is for one creator"})
	}
	if len(problems) > 0 {
		return httpapi.Response{}, fault.Invalid(problems...)
	}
	order := billing.Order{Tenant: r.Tenant, By: r.Subject, Date: body.Date, OnDemand: body.OnDemand}
	report, err := a.Nightly.Billing.OpenDueSettlements(ctx, order, ident.Creator(creator))
	// A large tenant is sent to the queue in parts; the answer is the empty report of the date.
	if errors.Is(err, billing.ErrTooManyCreators) {
		order.Date = report.Date
		err = a.Nightly.fanOutTenant(ctx, order)
	}
	if err != nil {
		return httpapi.Response{}, err
	}
	return httpapi.OK(report), nil
}

// statementAnswer is one bucket as answers show it.
type statementAnswer struct {
	CreatorID     ident.Creator    `json:"creator_id"`
	IncomeType    string           `json:"income_type"`
	Period        civil.Month      `json:"period"`
	Part          string           `json:"part,omitempty"`
	State         income.State     `json:"state"`
	Lines         int              `json:"lines"`
	Distributable money.Amount     `json:"distributable"`
	SettlementID  *string          `json:"settlement_id"`
	DueOn         civil.Date       `json:"due_on,omitzero"`
	Waits         string           `json:"waits,omitempty"`
	WaitsText     *bilingual.Text  `json:"waits_text,omitempty"`
	CarriedIn     []carriageAnswer `json:"carried_in,omitempty"`
	CarriedTo     string           `json:"carried_to,omitempty"`
	CarriedFor    string           `json:"carried_for,omitempty"`
	Parked        string           `json:"parked,omitempty"`
	SettledBy     string           `json:"settled_by,omitempty"`
}

// carriageAnswer is an amount that was carried into a bucket from an earlier one.
type carriageAnswer struct {
	From   string       `json:"from"`
	Since  civil.Month  `json:"since"`
	Reason string       `json:"reason"`
	Amount money.Amount `json:"amount"`
}

// newStatementAnswer returns a bucket as answers show it.
func newStatementAnswer(s billing.ShownStatement) statementAnswer {
	a := statementAnswer{CreatorID: s.CreatorID, IncomeType: s.IncomeType, Period: s.Period,
		Part: s.Part.String(), State: s.State, Lines: s.Lines,
		Distributable: s.Distributable, DueOn: s.DueOn, Waits: s.Waits, Parked: s.Parked,
		SettledBy: s.SettledBy}
	if s.Settlement != "" {
		id := string(s.Settlement)
		a.SettlementID = &id
	}
	if s.Waits != "" {
		text := billing.ReasonText(s.Waits)
		a.WaitsText = &text
	}
	for _, c := range s.CarriedIn {
		a.CarriedIn = append(a.CarriedIn, carriageAnswer{c.From.String(), c.Since, c.Reason, c.Amount})
	}
	if s.State == income.Carried {
		a.CarriedFor = cmp.Or(s.CarriedReason, income.BelowZero)
	}
	if !s.CarriedTo.IsZero() {
		a.CarriedTo = s.CarriedTo.String()
	}
	return a
}

// listStatements returns a creator's buckets of a month or of the last fourteen months.
func (a API) listStatements(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var problems fault.Problems
	creator := r.Query.Get("creator_id")
	problems.AddIf(!ident.Valid(creator), "creator_id", "must be 1 to 64 letters, digits, _ or -")
	var period civil.Month
	if text := r.Query.Get("period"); text != "" {
		var err error
		if period, err = civil.ParseMonth(text); err != nil {
			problems.Add("period", err.Error())
		}
	}
	if len(problems) > 0 {
		return httpapi.Response{}, fault.Invalid(problems...)
	}
	found, err := a.Nightly.Billing.ListStatements(ctx, r.Principal, ident.Creator(creator), period)
	if err != nil {
		return httpapi.Response{}, err
	}
	answers := make([]statementAnswer, len(found))
	for i, s := range found {
		answers[i] = newStatementAnswer(s)
	}
	return httpapi.OK(struct {
		Statements []statementAnswer `json:"statements"`
	}{answers}), nil
}
