package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/input/strictjson"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/tenancydb"
	"fenzhang/shared/vault"
)

// service answers the routes of master data.
type service struct {
	store  *tenancydb.Store
	vault  *vault.Vault
	lookup func(context.Context) (string, error) // the key of keyed hashes
	clock  clock.Clock
	newID  func() string
	corpus func(context.Context) *tax.Corpus // the rules in force

	merging carrier
}

// draft is an object as a client sent it.
type draft interface {
	// head gives the id and the version that the body names, "" and 0 when it names none.
	head() (id string, version int)
	// problems lists what is wrong with it in itself.
	problems(c call) []fault.Field
	// content is what makes another call the same one; only its keyed hash is kept.
	content() any
	// locate finds the object's id when the body does not name it.
	locate(ctx context.Context, s *service, c call) (string, error)
	// against lists what is wrong with it among the tenant's other objects; it leaves alone what problems tells.
	against(ctx context.Context, s *service, c call) ([]fault.Field, error)
	// build gives what is to be written.
	build(ctx context.Context, s *service, c call) (written, error)
}

// call is one creation or change.
type call struct {
	tenant, by string
	today      civil.Date
	hash       vault.Hasher
	kind       string
	digest     string
	id         string
	version    int             // the version to be written
	previous   json.RawMessage // the version before, nil for a creation
	change     bool            // PUT
	corpus     *tax.Corpus     // the rules in force
}

// written is what one act writes.
type written struct {
	objects  []tenancydb.Object // the first one is the object that the call is about
	sealed   []vault.Sealing
	taxpayer string // whom it concerns, for the audit
	why      string // the reason that was given, if any
}

// kind is one sort of master data with its routes.
type kind struct {
	name, path string
	draft      func() draft
	show       func(json.RawMessage) (any, error)
}

func kinds() []kind {
	return []kind{
		{tenancydb.Entity, "/v1/paying-entities", func() draft { return &entityDraft{} }, show[tenancy.PayingEntity]},
		{tenancydb.Taxpayer, "/v1/taxpayers", func() draft { return &taxpayerDraft{} }, show[tenancy.Taxpayer]},
		{tenancydb.Creator, "/v1/creators", func() draft { return &creatorDraft{} }, show[tenancy.Creator]},
		{tenancydb.Contract, "/v1/contracts", func() draft { return &contractDraft{} }, show[tenancy.Contract]},
		{tenancydb.Strategy, "/v1/strategies", func() draft { return &strategyDraft{} }, show[tenancy.Strategy]},
		{tenancydb.Position, "/v1/positions", func() draft { return &positionDraft{} }, show[tenancy.Position]},
	}
}

// show gives a stored object in the shape of the contract.
func show[V any](doc json.RawMessage) (any, error) {
	var v V
	if err := json.Unmarshal(doc, &v); err != nil {
		return nil, fault.Internal(err)
	}
	return v, nil
}

func (s *service) routes() []httpapi.Route {
	readers := []identity.Role{identity.Operator, identity.Finance, identity.Approver, identity.Cashier, identity.Auditor, identity.Admin}
	keeper := []identity.Role{identity.Admin}
	second := []identity.Role{identity.Approver, identity.Admin}
	routes := []httpapi.Route{
		{Method: http.MethodPost, Path: "/v1/positions/{id}/approve", Roles: second, Handle: s.again(s.approve)},
		{Method: http.MethodPost, Path: "/v1/contracts/{id}/approve", Roles: second, Handle: s.again(s.approveContract)},
		{Method: http.MethodPost, Path: "/v1/taxpayers/{id}/merge", Roles: keeper, Handle: s.again(s.askMerge)},
		{Method: http.MethodPost, Path: "/v1/taxpayers/{id}/merge/approve", Roles: second, Handle: s.again(s.approveMerge)},
		{Method: http.MethodPut, Path: "/v1/review-rules", Roles: keeper, Handle: s.again(s.putReview)},
		{Method: http.MethodGet, Path: "/v1/review-rules", Roles: readers, Handle: s.getReview},
	}
	for _, k := range kinds() {
		routes = append(routes,
			httpapi.Route{Method: http.MethodPost, Path: k.path, Roles: keeper, Handle: s.again(s.create(k))},
			httpapi.Route{Method: http.MethodPut, Path: k.path + "/{id}", Roles: keeper, Handle: s.again(s.change(k))},
			httpapi.Route{Method: http.MethodGet, Path: k.path + "/{id}", Roles: readers, Handle: s.read(k)},
		)
	}
	return routes
}

// raceTries bounds how often a call looks again after somebody was faster.
const raceTries = 5

// again lets a call decide anew when what it was decided upon has changed meanwhile.
func (s *service) again(handle httpapi.Handler) httpapi.Handler {
	return func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
		for range raceTries {
			res, err := handle(ctx, r)
			if !errors.Is(err, tenancydb.ErrRaced) {
				return res, err
			}
		}
		return httpapi.Response{}, fault.Later(tenancydb.ErrRaced)
	}
}

func (s *service) create(k kind) httpapi.Handler {
	return func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
		d, c, err := s.begin(ctx, r, k, false)
		if err != nil {
			return httpapi.Response{}, err
		}
		if c.id, err = d.locate(ctx, s, c); err != nil {
			return httpapi.Response{}, err
		}
		first, exists, err := s.store.First(ctx, c.tenant, k.name, c.id)
		if err != nil {
			return httpapi.Response{}, err
		}
		if exists {
			return repeated(k, c, first)
		}
		res, err := s.write(ctx, r, k, d, c)
		res.Status = http.StatusCreated
		return res, err
	}
}

// repeated answers a creation whose object is there already.
func repeated(k kind, c call, first tenancydb.Stored) (httpapi.Response, error) {
	if first.Digest != c.digest {
		return httpapi.Response{}, fault.New(fault.OtherContent, "object_exists",
			"There is already a "+k.name+" "+c.id+" with other content; change it with PUT, or choose another id.")
	}
	shown, err := k.show(first.Doc)
	return httpapi.OK(shown).Replayed(), err
}

func (s *service) change(k kind) httpapi.Handler {
	return func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
		d, c, err := s.begin(ctx, r, k, true)
		if err != nil {
			return httpapi.Response{}, err
		}
		latest, err := s.latest(ctx, c.tenant, k.name, c.id)
		if err != nil {
			return httpapi.Response{}, err
		}
		_, seen := d.head()
		if seen == latest.Version-1 && latest.Digest == c.digest { // our own change, its answer was lost
			shown, err := k.show(latest.Doc)
			return httpapi.OK(shown).Replayed(), err
		}
		if seen != latest.Version {
			return httpapi.Response{}, stale()
		}
		c.version, c.previous = latest.Version+1, latest.Doc
		return s.write(ctx, r, k, d, c)
	}
}

// latest reads the newest version of the object that a path names; what is no id names nothing.
func (s *service) latest(ctx context.Context, tenant, kind, id string) (tenancydb.Stored, error) {
	if len(tenancy.IDProblems("id", id)) > 0 {
		return tenancydb.Stored{}, fault.Absent(kind)
	}
	found, exists, err := s.store.Latest(ctx, tenant, kind, id)
	if err == nil && !exists {
		err = fault.Absent(kind)
	}
	return found, err
}

func stale() error {
	return fault.New(fault.StaleVersion, "stale_version", "Somebody changed it first; read it again, then send your change with its version.")
}

// begin reads the body, lists all problems, and gives the draft and what is known of the call.
func (s *service) begin(ctx context.Context, r *httpapi.Request, k kind, change bool) (draft, call, error) {
	c := call{tenant: r.Tenant, by: r.Subject, today: civil.DateOf(s.clock.Now()), kind: k.name, version: 1, change: change, id: r.Params["id"], corpus: s.corpus(ctx)}
	var readable map[string]json.RawMessage
	if err := r.JSON(&readable); err != nil { // nothing can be said of the fields
		return nil, c, err
	}
	d := k.draft()
	problems := strictjson.Decode(r.Body, d)
	secret, err := s.lookup(ctx)
	if err != nil {
		return nil, c, fault.Later(err)
	}
	if c.hash, err = vault.NewHasher(secret); err != nil {
		return nil, c, fault.Internal(err)
	}
	problems = besides(problems, append(headProblems(d, c), d.problems(c)...))
	if len(problems) > 0 {
		more, err := d.against(ctx, s, c)
		if err != nil {
			return nil, c, err
		}
		return nil, c, fault.Invalid(besides(problems, more)...)
	}
	c, err = c.digested(d)
	return d, c, err
}

// digested adds the keyed hash of what the draft says.
func (c call) digested(d draft) (call, error) {
	content, err := json.Marshal(d.content())
	if err != nil {
		return c, fault.Internal(err)
	}
	c.digest = c.hash.Hash("content", c.tenant, c.kind, string(content))
	return c, nil
}

// headProblems checks id and version: a change names the version it was decided upon, a creation none.
func headProblems(d draft, c call) []fault.Field {
	id, version := d.head()
	var found []fault.Field
	if c.change && version < 1 {
		found = append(found, fault.Field{Field: "version", Problem: "must be the version that you read"})
	}
	if !c.change && version != 0 {
		found = append(found, fault.Field{Field: "version", Problem: "is for changes only"})
	}
	if c.change && id != "" && id != c.id {
		found = append(found, fault.Field{Field: c.kind + "_id", Problem: "must be that of the path, or left out"})
	}
	return found
}

// besides adds problems of fields that have none yet, so that each field is told once.
func besides(problems, more []fault.Field) []fault.Field {
	for _, m := range more {
		told := false
		for _, p := range problems {
			told = told || p.Field == m.Field || strings.HasPrefix(m.Field, p.Field+".")
		}
		if !told {
			problems = append(problems, m)
		}
	}
	return problems
}

// write checks the draft among the other objects and writes it with its audit record.
func (s *service) write(ctx context.Context, r *httpapi.Request, k kind, d draft, c call) (httpapi.Response, error) {
	problems, err := d.against(ctx, s, c)
	if err != nil {
		return httpapi.Response{}, err
	}
	if len(problems) > 0 {
		return httpapi.Response{}, fault.Invalid(problems...)
	}
	w, err := d.build(ctx, s, c)
	if err != nil {
		return httpapi.Response{}, err
	}
	act := k.name + ".created"
	if c.change {
		act = k.name + ".changed"
	}
	return s.commit(ctx, r, k, w, act)
}

// commit writes all of an act and answers its first object.
func (s *service) commit(ctx context.Context, r *httpapi.Request, k kind, w written, act string) (httpapi.Response, error) {
	made := map[string]int{}
	for _, o := range w.objects {
		made[o.Kind+" "+o.ID] = o.Version
	}
	what, err := json.Marshal(map[string]any{"versions": made})
	if err != nil {
		return httpapi.Response{}, fault.Internal(err)
	}
	err = s.store.Put(ctx, tenancydb.Change{Objects: w.objects, Sealed: w.sealed, Record: audit.Record{
		ID: s.newID(), Tenant: r.Tenant, At: s.clock.Instant(), Actor: r.Subject, Act: act, Object: w.objects[0].ID,
		What: what, Why: w.why, TaxID: w.taxpayer, Trace: r.Trace,
	}})
	if err != nil {
		return httpapi.Response{}, err
	}
	doc, err := json.Marshal(w.objects[0].Doc)
	if err != nil {
		return httpapi.Response{}, fault.Internal(err)
	}
	shown, err := k.show(doc)
	return httpapi.OK(shown), err
}

// dated is any version of any object.
type dated struct {
	tenancy.Version
	doc json.RawMessage
}

// UnmarshalJSON reads the dates and keeps the whole.
func (d *dated) UnmarshalJSON(b []byte) error {
	d.doc = append(json.RawMessage(nil), b...)
	return json.Unmarshal(b, &d.Version)
}

// read answers the version in force on the day of ?date=. Without it that is today, or the newest version
// where none is in force today.
func (s *service) read(k kind) httpapi.Handler {
	return func(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
		day, named, err := s.day(ctx, r)
		if err != nil {
			return httpapi.Response{}, err
		}
		if len(tenancy.IDProblems("id", r.Params["id"])) > 0 {
			return httpapi.Response{}, fault.Absent(k.name)
		}
		versions, err := tenancydb.Versions[dated](ctx, s.store, r.Tenant, k.name, r.Params["id"])
		if err != nil {
			return httpapi.Response{}, err
		}
		found, ok := tenancy.InForce(versions, day)
		if !ok && !named {
			found, ok = tenancy.Latest(versions)
		}
		if !ok {
			return httpapi.Response{}, fault.Absent(k.name)
		}
		shown, err := k.show(found.doc)
		return httpapi.OK(shown), err
	}
}

func (s *service) day(ctx context.Context, r *httpapi.Request) (civil.Date, bool, error) {
	if !r.Query.Has("date") {
		today, err := s.clock.Today(ctx)
		if err != nil {
			err = fault.Later(err)
		}
		return today, false, err
	}
	day, err := civil.ParseDate(r.Query.Get("date"))
	if err != nil {
		return day, true, fault.Invalid(fault.Field{Field: "date", Problem: err.Error()})
	}
	return day, true, nil
}

// derived makes the id of an object that has none from its content, so that the same call again finds it.
func derived(c call) string { return c.kind + "-" + c.digest[:24] }

// located is the id of an object that is known by its id only.
func located(d draft, c call) string {
	if id, _ := d.head(); id != "" {
		return id
	}
	return derived(c)
}
