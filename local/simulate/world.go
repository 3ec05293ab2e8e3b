package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/books/ledgercheck"
	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/clock"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/memdb"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/sqsbatch"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/payout"
	"fenzhang/shared/payout/payouthttp"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/payoutqueue"
	"fenzhang/shared/settlement/relay"
	"fenzhang/shared/settlement/settlementapi"
	"fenzhang/shared/settlement/settlementdb"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/tenancy/review"
)

// law is what all worlds of a process share: rules and calendar, which nothing changes.
type law struct {
	corpus   *tax.Corpus
	other    *tax.Corpus // what may come into force during a run
	calendar *calendar.Calendar
}

func loadLaw() (law, error) {
	corpus, err := taxpack.Embedded()
	if err != nil {
		return law{}, err
	}
	other, err := otherLaw()
	if err != nil {
		return law{}, err
	}
	days, err := taxpack.NationalCalendar()
	return law{corpus, other, days}, err
}

// The tables of a world.
const (
	incentivesTable  = "incentives"
	settlementsTable = "settlements"
	ledgerTable      = "ledger"
	controlTable     = "control"
)

// plant puts a bug into a world: tests show that each is found. The zero value plants none.
type plant struct {
	api      func(*world, dynamo.API) dynamo.API
	store    func(*world, settlement.Store) settlement.Store
	payables func(*world, payout.Payables) payout.Payables
	gateway  func(payout.Gateway) payout.Gateway
	sender   func(*world, relay.Sender) relay.Sender
	request  func(*world, *events.APIGatewayV2HTTPRequest)
	posting  func(ledger.Periods) ledger.Periods
	policy   func(*review.Rules)
	noSweep  bool
}

// world is two tenants with all that runs for them, in a box.
type world struct {
	s         *scheduler
	faults    *faults
	trace     *trace
	db        *memdb.DB
	plant     plant
	people    *directory
	streams   *streams
	queues    map[relay.Queue]*queue
	gateways  []*gateway
	partial   bool // the call that runs takes only a part of its batch
	delivered int
	told      map[string]int          // events on the bus, by transition
	records   map[string]audit.Record // the audit trail, by id
	breaks    []string
	skews     []time.Duration
	ids       int

	store      settlement.Store
	service    *settlement.Service
	taxes      *settlement.Taxes
	advancer   *settlement.Advancer
	payouts    *payout.Service
	statements *billing.Service
	recorder   *income.Recorder
	incentives *incentive.Recorder
	accruer    *incentive.Accruer
	counters   *incentive.Counters
	check      ledgercheck.Service
	api        *httpapi.API
	callbacks  *httpapi.API

	closing  closing
	amending amending
	merging  *settlement.Merging
	turns    turns
	laws     *laws
	lag      *lag
	days     days
	paperAt  int64 // when the paper of the studio arrives that its tenant wants
	promised promised
	acts     int // acts of persons that were answered with 2xx
	tried    int // acts of persons that had to be refused, and were
	plan     workload
	filled   int // payables beyond those that were planned
}

// broken notes a broken promise.
func (w *world) broken(promise, format string, args ...any) {
	text := promise + ": " + fmt.Sprintf(format, args...)
	if len(w.breaks) < 20 {
		w.breaks = append(w.breaks, text)
	}
	w.trace.add("BROKEN", "%s", text)
}

// id gives ids in their order, in the width of real ones.
func (w *world) id() string {
	w.ids++
	return fmt.Sprintf("%026d", w.ids)
}

// task is a call on one of the machines.
func (w *world) task(name string, tenant ident.Tenant) *task {
	return &task{name: name, tenant: tenant, skew: one(w.s, w.skews)}
}

// newWorld wires the real code to the box.
func newWorld(seed uint64, l law, p plant, out io.Writer) (*world, error) {
	rng := rand.New(rand.NewPCG(seed, 0x66656e7a68616e67))
	start := time.Date(2026, 8, 27, 9, 0, 0, 0, civil.Shanghai)
	w := &world{s: newScheduler(rng, start), db: memdb.New(), plant: p, told: map[string]int{},
		records: map[string]audit.Record{}, queues: map[relay.Queue]*queue{}}
	w.trace = &trace{out: out, now: func() time.Time { return time.Unix(0, w.s.now) }}
	w.faults = newFaults(w.s, w.trace)
	for _, in := range tables() {
		if err := w.db.CreateTable(in); err != nil {
			return nil, err
		}
	}
	w.clocks()
	w.people = newDirectory(w)
	w.choose()
	w.lag = &lag{w: w, under: map[string]places{}}
	w.days = newDays(w, l.calendar, seed)
	var api dynamo.API = client{w, w.db}
	if p.api != nil {
		api = p.api(w, api)
	}
	w.wire(api, l)
	return w, nil
}

// clocks sets the machines' clocks: most are right to the half second, some runs have worse ones.
func (w *world) clocks() {
	w.skews = []time.Duration{0}
	most := 500 * time.Millisecond
	if w.s.chance(3) {
		most = 25 * time.Second
		w.faults.count(faultSkew)
	}
	for range 5 {
		w.skews = append(w.skews, w.s.between(-most, most))
	}
}

// tables are those of the template that carry money.
func tables() []*dynamodb.CreateTableInput {
	s := func(name string) types.AttributeDefinition {
		return types.AttributeDefinition{AttributeName: aws.String(name),
			AttributeType: types.ScalarAttributeTypeS}
	}
	schema := func(pk, sk string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: aws.String(pk), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(sk), KeyType: types.KeyTypeRange}}
	}
	var out []*dynamodb.CreateTableInput
	for _, name := range []string{incentivesTable, settlementsTable, ledgerTable, controlTable} {
		in := &dynamodb.CreateTableInput{TableName: aws.String(name),
			BillingMode:          types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{s("pk"), s("sk")},
			KeySchema:            schema("pk", "sk")}
		if name == incentivesTable || name == settlementsTable {
			in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true),
				StreamViewType: types.StreamViewTypeNewImage}
		}
		if name == settlementsTable {
			in.AttributeDefinitions = append(in.AttributeDefinitions, s("at"))
			for _, index := range [][2]string{{"by-taxpayer", "tp_pk"}, {"by-creator", "cr_pk"},
				{"by-opening", "op_pk"}} {
				in.AttributeDefinitions = append(in.AttributeDefinitions, s(index[1]))
				in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes,
					types.GlobalSecondaryIndex{IndexName: aws.String(index[0]),
						KeySchema:  schema(index[1], "at"),
						Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}})
			}
		}
		out = append(out, in)
	}
	return out
}

// wire builds what the functions' mains build.
func (w *world) wire(db dynamo.API, l law) {
	log := slog.New(slog.DiscardHandler)
	now := clock.Clock{Now: w.s.Now}
	var posting ledger.Periods = memories{of: map[time.Duration]*ledgerdb.Periods{},
		make: func() *ledgerdb.Periods {
			return &ledgerdb.Periods{DB: db, Table: ledgerTable, Clock: now}
		}}
	if w.plant.posting != nil {
		posting = w.plant.posting(posting)
	}
	tables := &settlementdb.Store{DB: db, Settlements: settlementsTable, Ledger: ledgerTable,
		Control: controlTable, NewToken: w.id, Now: w.s.Now, Periods: posting}
	w.store = recalling{tables, w, map[figuresName]settlement.Figures{}}
	if w.plant.store != nil {
		w.store = w.plant.store(w, w.store)
	}
	w.service = &settlement.Service{Store: w.store, Directory: w.people, Calendar: w.days, Clock: now,
		NewID: w.id, Checks: settlement.Checks{Policy: w.people}}
	w.laws = &laws{w: w, first: l.corpus, other: l.other}
	w.taxes = &settlement.Taxes{Service: w.service, Rules: w.laws}
	var send relay.Sender = sender{w}
	if w.plant.sender != nil {
		send = w.plant.sender(w, send)
	}
	w.advancer = &settlement.Advancer{Service: w.service,
		Enqueue: func(ctx context.Context, s settlement.Settlement, op string) error {
			m, err := relay.RepeatTask(s, op, strconv.FormatInt(w.s.Now().Unix()/60, 36))
			if err != nil {
				return err
			}
			return send.Send(ctx, []relay.Message{m})
		}}
	lines := &incomedb.Store{DB: db, Ledger: ledgerTable, Settlements: settlementsTable,
		NewToken: w.id}
	w.recorder = &income.Recorder{Lines: lines, Directory: w.people, Clock: now, NewID: w.id}
	w.statements = &billing.Service{Settlements: w.service, Buckets: lines, Log: log}
	stored, days := incentivedb.NewEvents(db, incentivesTable), incentivedb.NewDays(db, incentivesTable)
	w.incentives = &incentive.Recorder{Clock: now, Directory: w.people, Events: stored, NewID: w.id}
	w.accruer = &incentive.Accruer{Clock: now, Directory: w.people, Chunks: days, Days: days,
		Parked: stored, Log: log,
		Accruals: &incomedb.Accruals{Store: lines, Incentives: incentivesTable, Directory: w.people,
			NewID: w.id, Periods: posting}}
	w.counters = &incentive.Counters{Clock: now, Creators: w.people, Chunks: days, Days: days}
	w.check = ledgercheck.Service{Journal: ledgerdb.Book{DB: db, Table: ledgerTable},
		Settlements: w.store, Buckets: lines, Days: days, Creators: w.people}
	w.wireClosing(db, now, posting)
	w.wireTaxes(tables, now, l)
	w.pay(now, log)
	w.carry(db, now, log, send)
	acts := settlementapi.API{Service: w.service}
	w.api = &httpapi.API{Routes: slices.Concat(acts.ManageRoutes(), acts.SettleRoutes(),
		w.closing.claims.Routes(), w.closing.months.Routes(), w.amending.Routes()),
		Clock: now, Log: log, Limits: unlimited{}, Revoked: httpapi.NoRevocations{}}
	w.callbacks = &httpapi.API{Routes: []httpapi.Route{payouthttp.Callback(w.payouts)}, Clock: now,
		Log: log, Limits: unlimited{}, Revoked: httpapi.NoRevocations{}}
}

// pay wires the gateways of both tenants.
func (w *world) pay(now clock.Clock, log *slog.Logger) {
	var merchants payout.Gateways
	for _, t := range w.people.tenants {
		for _, m := range []payout.Method{payout.Douyin, payout.Bank} {
			g := &gateway{w: w, tenant: ident.Tenant(t), merchant: "m-" + t + "-" + string(m), method: m,
				book: map[string]*order{}}
			w.gateways = append(w.gateways, g)
			var port payout.Gateway = g
			if w.plant.gateway != nil {
				port = w.plant.gateway(g)
			}
			merchants = append(merchants,
				payout.MerchantAccount{Tenant: ident.Tenant(t), Merchant: g.merchant, Method: m, Gateway: port})
		}
	}
	settled := settlement.Payables{Service: w.service}
	var payables payout.Payables = settled
	if w.plant.payables != nil {
		payables = w.plant.payables(w, settled)
	}
	w.payouts = &payout.Service{Payables: payables, Unclear: settled, Accounts: accounts{w},
		Rebooking: payoutqueue.Rebooking{SQS: rebooker{w}, Queue: "tax"},
		Merchants: merchants, Clock: now, Log: log}
}

// carry wires queues and streams to the functions.
func (w *world) carry(db dynamo.API, now clock.Clock, log *slog.Logger, send relay.Sender) {
	tasks := func(do func(context.Context, settlement.Task) error) func(context.Context,
		events.SQSEvent) (events.SQSEventResponse, error) {
		return sqsbatch.Each(log, func(ctx context.Context, body []byte, _ events.SQSMessage) error {
			task, err := settlement.DecodeTask(body)
			if err != nil {
				return err
			}
			taskOf(ctx).tenant = task.Tenant
			return do(ctx, task)
		})
	}
	w.queues[relay.Tax] = newQueue(w, "compute-tax", tasks(w.taxes.Do))
	w.queues[relay.Settle] = newQueue(w, "advance-settlement", tasks(w.advancer.Do))
	w.queues[relay.Payout] = newQueue(w, "pay-out",
		sqsbatch.Groups(log, func(ctx context.Context, body []byte, _ events.SQSMessage) error {
			var m payout.Message
			if json.Unmarshal(body, &m) == nil {
				taskOf(ctx).tenant = m.Tenant
			}
			return w.payouts.Handle(ctx, body)
		}))
	w.queues[relay.Audit] = newQueue(w, "write-audit", sqsbatch.Each(log, w.seal))
	quarantine := relay.QuarantineStore{DB: db, Table: controlTable, Now: now.Now}
	changes := relay.Stream{Sender: send, Quarantine: quarantine, Log: log}
	w.streams = &streams{w: w, all: []*stream{
		{name: "relay-changes", table: settlementsTable, handle: changes.Handle, loses: true},
		{name: "accrue-incentive", table: incentivesTable, handle: w.absorb, loses: true},
	}}
}

func (w *world) queue(name relay.Queue) *queue { return w.queues[name] }

// absorb is what accrue-incentive does with a batch of its stream.
func (w *world) absorb(ctx context.Context,
	batch events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	none := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	var seen []incentive.StreamedEvent
	for i := range batch.Records {
		s, ok, err := incentivedb.ParseStreamRecord(batch.Records[i])
		if err != nil {
			return none, err
		}
		if ok {
			seen = append(seen, s)
		}
	}
	if len(seen) == 0 {
		return none, nil
	}
	return none, w.accruer.AddRecordedEvents(ctx, seen)
}

// seal takes audit records; the index of the real writer knows each id once too.
func (w *world) seal(_ context.Context, body []byte, _ events.SQSMessage) error {
	var r audit.Record
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	if _, known := w.records[string(r.Tenant+"/")+r.ID]; !known {
		w.records[string(r.Tenant+"/")+r.ID] = r
	}
	return nil
}

// caller is who calls. Of a role that several people have, the others have a number behind it.
type caller struct {
	tenant ident.Tenant
	role   string
}

func (c caller) subject() string { return c.role + "@" + string(c.tenant) }

// right is the role that the caller's token names.
func (c caller) right() string {
	role, _, _ := strings.Cut(c.role, "-")
	return role
}

// post calls a route as the gateway does.
func (w *world) post(ctx context.Context, api *httpapi.API, c caller, path, key string,
	body string) events.APIGatewayV2HTTPResponse {
	ev := events.APIGatewayV2HTTPRequest{RawPath: path, Body: body, Headers: map[string]string{}}
	if key != "" {
		ev.Headers["x-idemp-key"] = key
	}
	return w.serve(ctx, api, c, "POST", ev)
}

// get reads a route that only shows something; the path may have a query.
func (w *world) get(ctx context.Context, c caller, path string) events.APIGatewayV2HTTPResponse {
	path, query, _ := strings.Cut(path, "?")
	return w.serve(ctx, w.api, c, "GET",
		events.APIGatewayV2HTTPRequest{RawPath: path, RawQueryString: query})
}

func (w *world) serve(ctx context.Context, api *httpapi.API, c caller, method string,
	ev events.APIGatewayV2HTTPRequest) events.APIGatewayV2HTTPResponse {
	ev.RequestContext.HTTP.Method = method
	if c.tenant != "" {
		ev.RequestContext.Authorizer = &events.APIGatewayV2HTTPRequestContextAuthorizerDescription{
			Lambda: map[string]any{"tenant": string(c.tenant), "sub": c.subject(),
				"roles": c.right(), "exp": strconv.FormatInt(w.s.now/1e9+3600, 10)}}
	}
	if w.plant.request != nil {
		w.plant.request(w, &ev)
	}
	return api.Serve(ctx, ev)
}

// tenantOf reads the tenant from a partition key.
func tenantOf(pk string) string {
	t, _, _ := strings.Cut(strings.TrimPrefix(pk, "T#"), "#")
	return t
}

// unlimited lets everybody through: limits are counted in a machine's memory by that machine's
// clock, and the box has one memory for machines with several clocks.
type unlimited struct{}

func (unlimited) Wait(identity.Principal, string, string, time.Time) time.Duration { return 0 }
