package main

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"fenzhang/local/simulate/engine"
	"fenzhang/local/simulate/people"
	"fenzhang/local/simulate/system"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/relay"
	"fenzhang/shared/tenancy/review"
)

// tampered changes the calls of a client before they reach it.
type tampered struct {
	dynamo.API
	put      func(*dynamodb.PutItemInput)
	part     func(types.TransactWriteItem) (types.TransactWriteItem, bool) // false drops the part
	transact func(context.Context, dynamo.API, *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error)
}

func (a tampered) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	if a.put != nil {
		c := *in
		a.put(&c)
		in = &c
	}
	return a.API.PutItem(ctx, in, o...)
}

func (a tampered) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	if a.part != nil {
		c := *in
		c.TransactItems = nil
		for _, p := range in.TransactItems {
			if p, keep := a.part(p); keep {
				c.TransactItems = append(c.TransactItems, p)
			}
		}
		in = &c
	}
	if a.transact != nil {
		return a.transact(ctx, a.API, in)
	}
	return a.API.TransactWriteItems(ctx, in, o...)
}

// parts plants a bug into the parts of transactions.
func parts(change func(types.TransactWriteItem) (types.TransactWriteItem, bool)) system.Bug {
	return system.Bug{DB: func(_ *engine.World, db dynamo.API) dynamo.API { return tampered{API: db, part: change} }}
}

// inside leaves parts out of the transactions whose first item lies in partitions with a mark.
func inside(mark string, lost func(types.TransactWriteItem) bool) system.Bug {
	return system.Bug{DB: func(_ *engine.World, db dynamo.API) dynamo.API {
		return tampered{API: db, transact: func(ctx context.Context, db dynamo.API, in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
			if strings.Contains(dynamo.TextOf(engine.TransactPartKey(in.TransactItems[0]), "pk"), mark) {
				c := *in
				c.TransactItems = slices.DeleteFunc(slices.Clone(in.TransactItems), lost)
				in = &c
			}
			return db.TransactWriteItems(ctx, in)
		}}
	}}
}

func isTaxRows(p types.TransactWriteItem) bool { return strings.HasPrefix(sortKey(p), keys.TaxYears) }

func isClaim(p types.TransactWriteItem) bool {
	return strings.HasPrefix(sortKey(p), keys.ReceivablePrefix)
}

func sortKey(p types.TransactWriteItem) string { return dynamo.TextOf(engine.TransactPartKey(p), "sk") }

// unconditional writes a part whatever stands there.
func unconditional(p types.TransactWriteItem) types.TransactWriteItem {
	switch {
	case p.Put != nil:
		c := *p.Put
		c.ConditionExpression, c.ExpressionAttributeNames, c.ExpressionAttributeValues = nil, nil, nil
		p.Put = &c
	case p.Update != nil:
		c := *p.Update
		c.ConditionExpression = nil
		p.Update = &c
	}
	return p
}

// store changes what a settlement store does.
type brokenStore struct {
	settlement.Store
	apply func(context.Context, settlement.Store, settlement.Change) error
	load  func(context.Context, settlement.Store, ident.Tenant, string) (settlement.Settlement, error)
}

func (b brokenStore) Apply(ctx context.Context, c settlement.Change) error {
	if b.apply != nil {
		return b.apply(ctx, b.Store, c)
	}
	return b.Store.Apply(ctx, c)
}

func (b brokenStore) Load(ctx context.Context, tenant ident.Tenant, id ident.Settlement) (settlement.Settlement, error) {
	if b.load != nil {
		return b.load(ctx, b.Store, tenant, string(id))
	}
	return b.Store.Load(ctx, tenant, id)
}

func applying(apply func(context.Context, settlement.Store, settlement.Change) error) system.Bug {
	return system.Bug{Store: func(s settlement.Store) settlement.Store { return brokenStore{Store: s, apply: apply} }}
}

type hasty struct{ payout.Gateway }

func (h hasty) Send(ctx context.Context, o payout.Order) (payout.Outcome, error) {
	out, err := h.Gateway.Send(ctx, o)
	if out.State == payout.Unknown {
		out.State = payout.Failed
	}
	return out, err
}

type rekeyed struct{ payout.Payables }

func (r rekeyed) Load(ctx context.Context, tenant ident.Tenant, id ident.Settlement) (payout.Payable, error) {
	p, err := r.Payables.Load(ctx, tenant, id)
	if p.State == payout.Unknown {
		p.Key = payout.SettlementKey(tenant, id+"-again")
	}
	return p, err
}

type unmarked struct{ payout.Payables }

func (unmarked) MarkSent(context.Context, payout.Payable, time.Time) error { return nil }

type backdated struct{}

func (backdated) AssignPeriod(_ context.Context, e *ledger.Entry) error {
	e.Accounting = people.ClosingMonth()
	return nil
}

type forgetful struct {
	relay.Sender
	had map[string]bool
}

// AssignPeriodIn implements ledger.Periods.
func (b backdated) AssignPeriodIn(ctx context.Context, e *ledger.Entry, _ civil.Month) (bool, error) {
	return false, b.AssignPeriod(ctx, e)
}

// Send takes a second message about a settlement for a repeat of the first.
func (f forgetful) Send(ctx context.Context, ms []relay.Message) error {
	var out []relay.Message
	for _, m := range ms {
		var about struct {
			Object string `json:"object"`
			Act    string `json:"act"`
		}
		_ = json.Unmarshal(m.Body, &about)
		k := string(m.Queue) + about.Object + about.Act
		if m.Queue == relay.Audit && f.had[k] {
			continue
		}
		f.had[k] = true
		out = append(out, m)
	}
	return f.Sender.Send(ctx, out)
}

// consuming takes the condition off the part that consumes a bucket.
func consuming(p types.TransactWriteItem) (types.TransactWriteItem, bool) {
	if !strings.HasPrefix(sortKey(p), keys.BucketPrefix) || p.Update == nil || !strings.Contains(aws.ToString(p.Update.ConditionExpression), ":gross") {
		return p, true
	}
	c := *p.Update
	c.ConditionExpression = nil
	c.ExpressionAttributeValues = map[string]types.AttributeValue{}
	for name, v := range p.Update.ExpressionAttributeValues {
		if strings.Contains(aws.ToString(c.UpdateExpression), name) {
			c.ExpressionAttributeValues[name] = v
		}
	}
	p.Update = &c
	return p, true
}

// planted are the bugs that the simulator must find.
func planted() map[string]system.Bug {
	return map[string]system.Bug{
		"the revision of a settlement is not a condition": {DB: func(_ *engine.World, db dynamo.API) dynamo.API {
			return tampered{API: db, put: func(in *dynamodb.PutItemInput) {
				if dynamo.TextOf(in.Item, "sk") == "META" {
					in.ConditionExpression, in.ExpressionAttributeValues = nil, nil
				}
			}}
		}},
		"a posting forgets the balance": parts(func(p types.TransactWriteItem) (types.TransactWriteItem, bool) {
			return p, !strings.HasPrefix(sortKey(p), keys.BalancePrefix)
		}),
		"an unclear payout gets a new key": {Payables: func(p payout.Payables) payout.Payables { return rekeyed{p} }},
		"a bucket is consumed whatever it holds by now": {DB: func(w *engine.World, db dynamo.API) dynamo.API {
			return tampered{API: db, part: consuming, transact: func(ctx context.Context, db dynamo.API, in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
				if strings.HasPrefix(sortKey(in.TransactItems[len(in.TransactItems)-1]), keys.BucketPrefix) && sortKey(in.TransactItems[0]) == "META" {
					w.Sleep(engine.TaskOf(ctx), time.Second) // it thinks for a while, as it may
				}
				return db.TransactWriteItems(ctx, in)
			}}
		}},
		"tax rows are not written": parts(func(p types.TransactWriteItem) (types.TransactWriteItem, bool) {
			return p, !strings.HasPrefix(sortKey(p), "R#")
		}),
		"a failed payout does not take its booking back": applying(func(ctx context.Context, s settlement.Store, c settlement.Change) error {
			if c.New.Status == settlement.Failed && c.New.ReasonClass == settlement.PaymentFailed && len(c.Rows) > 0 {
				c.Rows, c.Entry = nil, nil
			}
			return s.Apply(ctx, c)
		}),
		"the relay takes another act for a repeat": {Sender: func(s relay.Sender) relay.Sender {
			return forgetful{s, map[string]bool{}}
		}},
		"an unclear answer counts as failed": {Gateway: func(g payout.Gateway) payout.Gateway { return hasty{g} }},
		"a statement's settlement has another identity each time": applying(func(ctx context.Context, s settlement.Store, c settlement.Change) error {
			if c.Bucket != nil {
				c.New.Identity = settlement.Identity(string(c.New.CreatorID), c.New.ActivityID, c.New.OpenedAt.UnixMilli())
				c.New.ID = settlement.IDOf(c.New.Identity, c.New.Occurrence)
			}
			return s.Apply(ctx, c)
		}),
		"a transaction is written in two": {DB: func(_ *engine.World, db dynamo.API) dynamo.API {
			return tampered{API: db, transact: func(ctx context.Context, db dynamo.API, in *dynamodb.TransactWriteItemsInput) (*dynamodb.TransactWriteItemsOutput, error) {
				if len(in.TransactItems) < 2 || sortKey(in.TransactItems[0]) != "META" {
					return db.TransactWriteItems(ctx, in)
				}
				a, b := *in, *in
				a.TransactItems, b.TransactItems = in.TransactItems[:1], in.TransactItems[1:]
				b.ClientRequestToken = aws.String(aws.ToString(in.ClientRequestToken) + "b")
				if out, err := db.TransactWriteItems(ctx, &a); err != nil {
					return out, err
				}
				return db.TransactWriteItems(ctx, &b)
			}}
		}},
		"the key is remembered before the settlement is there": applying(func(ctx context.Context, s settlement.Store, c settlement.Change) error {
			if k := c.Key; k != nil {
				if err := s.PutKey(ctx, *k); err != nil {
					return err
				}
				c.Key = nil
			}
			return s.Apply(ctx, c)
		}),
		"the version that was seen is not checked": {Request: func(store settlement.Store, ev *events.APIGatewayV2HTTPRequest) {
			id, act, ok := strings.Cut(strings.TrimPrefix(ev.RawPath, "/v1/settlements/"), "/")
			if !ok || act == "" || ev.RequestContext.Authorizer == nil {
				return
			}
			tenant, _ := ev.RequestContext.Authorizer.Lambda["tenant"].(string)
			s, err := store.Load(context.Background(), ident.Tenant(tenant), ident.Settlement(id))
			var body map[string]any
			if err == nil && json.Unmarshal([]byte(ev.Body), &body) == nil {
				body["status_version"] = s.StatusVersion
				b, _ := json.Marshal(body)
				ev.Body = string(b)
			}
		}},
		"entries go to a month whatever its seal says": {Periods: func(ledger.Periods) ledger.Periods { return backdated{} }},
		"a set-off takes nothing of what is owed": parts(func(p types.TransactWriteItem) (types.TransactWriteItem, bool) {
			return p, p.Update == nil || !strings.HasPrefix(sortKey(p), keys.ReceivablePrefix)
		}),
		"a decision posts no tax rows":   inside("#TU#", isTaxRows),
		"a decision makes no claim":      inside("#TU#", isClaim),
		"a correction posts no tax rows": inside("#COR#", isTaxRows),
		"a correction makes no claim":    inside("#COR#", isClaim),
		"what a merge moves does not arrive": inside("#X#", func(p types.TransactWriteItem) bool {
			return strings.Contains(dynamo.TextOf(engine.TransactPartKey(p), "doc"), `"Merged":"`)
		}),
		"one approval is always enough": {ReviewRules: func(r *review.Rules) { r.Levels = nil }},
		"papers are not asked for":      {ReviewRules: func(r *review.Rules) { r.Papers = nil }},
		"what is cancelled stays opened": applying(func(ctx context.Context, s settlement.Store, c settlement.Change) error {
			if c.New.ReasonClass == settlement.Cancelled {
				c.Entry = nil
			}
			return s.Apply(ctx, c)
		}),
		"of many, the version that was seen is not checked": {Request: func(store settlement.Store, ev *events.APIGatewayV2HTTPRequest) {
			var body struct {
				To    settlement.Status `json:"to"`
				Items []struct {
					ID      string `json:"settlement_id"`
					Version int    `json:"status_version"`
				} `json:"items"`
			}
			if ev.RawPath != "/v1/settlements/transitions" || json.Unmarshal([]byte(ev.Body), &body) != nil {
				return
			}
			tenant, _ := ev.RequestContext.Authorizer.Lambda["tenant"].(string)
			for i := range body.Items {
				if s, err := store.Load(context.Background(), ident.Tenant(tenant), ident.Settlement(body.Items[i].ID)); err == nil {
					body.Items[i].Version = s.StatusVersion
				}
			}
			b, _ := json.Marshal(body)
			ev.Body = string(b)
		}},
		"nobody sweeps": {NoSweeps: true},
		"whoever has a token may do everything": {Request: func(_ settlement.Store, ev *events.APIGatewayV2HTTPRequest) {
			if auth := ev.RequestContext.Authorizer; auth != nil {
				auth.Lambda["roles"] = "operator finance approver admin"
			}
		}},
		"dates that may still move are taken for final": {Store: func(s settlement.Store) settlement.Store {
			return brokenStore{Store: s, load: func(ctx context.Context, s settlement.Store, tenant ident.Tenant, id string) (settlement.Settlement, error) {
				st, err := s.Load(ctx, tenant, ident.Settlement(id))
				if st.Provisional != nil {
					st.Provisional, st.Hold = nil, nil
				}
				return st, err
			}}
		}},
		"a line counts again when it comes again": parts(func(p types.TransactWriteItem) (types.TransactWriteItem, bool) {
			if strings.HasPrefix(sortKey(p), "L#") {
				p = unconditional(p)
			}
			return p, true
		}),
		"a settlement is read from another tenant": {Store: func(s settlement.Store) settlement.Store {
			return brokenStore{Store: s, load: func(ctx context.Context, s settlement.Store, _ ident.Tenant, id string) (settlement.Settlement, error) {
				return s.Load(ctx, "ta", ident.Settlement(id))
			}}
		}},
		"money is sent before that is written": {Payables: func(p payout.Payables) payout.Payables { return unmarked{p} }},
	}
}

// seedsFile holds, for each planted bug, the seed of a run that finds it; `make simulate PLANTED=1` writes it.
const (
	seedsFile = "testdata/planted.json"
	anew      = "if the simulator or the bug has changed, make the seeds anew: make simulate PLANTED=1"
)

// TestPlantedBugsAreFound plays for each planted bug the run that found it, and the same run without the bug.
func TestPlantedBugsAreFound(t *testing.T) {
	l, bugs := lawOf(t), planted()
	if os.Getenv("FENZHANG_TEST_PLANTED") == "hunt" {
		hunt(t, l, bugs)
	}
	seeds := recordedSeeds(t)
	for name := range seeds {
		if _, ok := bugs[name]; !ok {
			t.Errorf("%s has a seed of %q, which is not planted; %s", seedsFile, name, anew)
		}
	}
	clean := map[uint64]bool{} // seeds whose run without a bug has been played
	for _, name := range slices.Sorted(maps.Keys(bugs)) {
		t.Run(name, func(t *testing.T) {
			seed, ok := seeds[name]
			if !ok {
				t.Fatalf("%s has no seed of this bug; make simulate PLANTED=1 looks for one", seedsFile)
			}
			if o, err := simulate(seed, l, bugs[name], nil); err == nil && len(o.broken) == 0 {
				t.Errorf("the run of seed %d does not find the bug; %s", seed, anew)
			}
			if clean[seed] {
				return
			}
			clean[seed] = true
			if o, err := simulate(seed, l, system.Bug{}, nil); err != nil || len(o.broken) > 0 {
				t.Errorf("seed %d fails without the bug too: %v %v", seed, o.broken, err)
			}
		})
	}
}

func recordedSeeds(t *testing.T) map[string]uint64 {
	t.Helper()
	data, err := os.ReadFile(seedsFile)
	if err != nil {
		t.Fatal(err)
	}
	var seeds map[string]uint64
	if err := json.Unmarshal(data, &seeds); err != nil {
		t.Fatal(err)
	}
	return seeds
}

// hunt plays up to 1,000 runs with each bug whose seed does not find it, until one does, and writes the seeds.
func hunt(t *testing.T, l people.Law, bugs map[string]system.Bug) {
	t.Helper()
	const runs = 1000
	known, seeds := recordedSeeds(t), map[string]uint64{}
	for _, name := range slices.Sorted(maps.Keys(bugs)) {
		if seed, ok := known[name]; ok {
			if o, err := simulate(seed, l, bugs[name], nil); err == nil && len(o.broken) > 0 {
				seeds[name] = seed
				continue
			}
		}
		sum := newTotals()
		sum.playRuns(1, runs, l, bugs[name], func() bool { return sum.failed == 0 })
		if sum.failed == 0 {
			t.Errorf("%s: not found in %d runs", name, runs)
			continue
		}
		found := slices.MinFunc(sum.failures, func(a, b outcome) int { return cmp.Compare(a.seed, b.seed) })
		seeds[name] = found.seed
		t.Logf("%s: found by seed %d: %s", name, found.seed, found.broken[0])
	}
	data, err := json.MarshalIndent(seeds, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(seedsFile, append(data, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
