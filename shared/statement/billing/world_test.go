package billing_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementdb"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/tenancy"
)

const tenant = "mcn-one"

// world is a tenant on real tables: statements, lines and settlements, with master data in memory.
type world struct {
	tables     dynamotest.Tables
	directory  *directory
	today      *atomic.Value // civil.Date
	lines      *incomedb.Store
	recorder   *income.Recorder
	accruals   *incomedb.Accruals
	store      *settlementdb.Store
	service    *settlement.Service
	statements *billing.Service
}

func newWorld(t testing.TB, today string) *world {
	t.Helper()
	return newWorldOn(t, dynamotest.Open(t), today)
}

func newWorldOn(t testing.TB, l dynamotest.Tables, today string) *world {
	t.Helper()
	w := &world{tables: l, directory: newDirectory(), today: &atomic.Value{}}
	w.today.Store(civil.MustDate(today))
	newID := ids.NewSource(time.Now) // tokens must be new for each write; the engine remembers them over all tests
	c := clock.Clock{Now: time.Now, Override: func(context.Context) (civil.Date, error) { return w.today.Load().(civil.Date), nil }}
	w.lines = &incomedb.Store{DB: l.Client, Ledger: l.Ledger, Settlements: l.Settlements, NewToken: newID}
	w.recorder = &income.Recorder{Lines: w.lines, Directory: w.directory, Clock: c, NewID: newID}
	w.accruals = &incomedb.Accruals{Store: w.lines, Incentives: l.Incentives, Directory: w.directory, NewID: newID}
	w.store = &settlementdb.Store{DB: l.Client, Settlements: l.Settlements, Ledger: l.Ledger, Control: l.Control, NewToken: newID, Now: time.Now}
	days, err := calendar.New(calendar.Year{Year: 2026, Holidays: []civil.Date{civil.MustDate("2026-10-01")}})
	if err != nil {
		t.Fatal(err)
	}
	w.service, err = settlement.New(settlement.Parts{Store: w.store, Directory: w.directory, Calendar: days, Clock: c, NewID: newID})
	if err != nil {
		t.Fatal(err)
	}
	w.statements = &billing.Service{Settlements: w.service, Buckets: w.lines, Log: slog.New(slog.NewTextHandler(io.Discard, nil))}
	return w
}

// line is a good line; the amount is what the agency gets of twice as much.
func line(id string, creator ident.Creator, incomeType, period, amount string) income.Line {
	month, got := civil.MustMonth(period), money.MustParse(amount)
	l := income.Line{LineID: id, CreatorID: creator, IncomeType: incomeType, Platform: "douyin", OccurredOn: month.First(), ServicePeriod: month, Distributable: got}
	if got.Negative() {
		l.Refund = got.Neg()
	} else {
		l.GrossBeforePlatform, l.PlatformFee = got.Add(got), got
	}
	return l
}

// upload sends lines as a person does.
func (w *world) upload(t testing.TB, by string, lines ...income.Line) []income.Result {
	t.Helper()
	u := income.Upload{Tenant: tenant, By: by}
	for _, l := range lines {
		raw, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		u.Lines = append(u.Lines, raw)
	}
	results, err := w.recorder.RecordUpload(t.Context(), u)
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func (w *world) run(t testing.TB, date string) billing.Report {
	t.Helper()
	r, err := w.statements.OpenDueSettlements(t.Context(), billing.Order{Tenant: tenant, By: billing.System, Date: civil.MustDate(date)}, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func (w *world) settlements(t testing.TB) []settlement.Settlement {
	t.Helper()
	var all []settlement.Settlement
	for id := range w.directory.creators {
		for cursor := ""; ; {
			page, next, err := w.store.List(t.Context(), tenant, settlement.Query{Creator: ident.Creator(id)}, cursor, 100)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, page...)
			if cursor = next; cursor == "" {
				break
			}
		}
	}
	slices.SortFunc(all, func(a, b settlement.Settlement) int { return cmp.Compare(a.ID, b.ID) })
	return all
}

func periodOf(t testing.TB, text string) cycle.Period {
	t.Helper()
	p, err := cycle.ParsePeriod(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w *world) bucket(t testing.TB, creator ident.Creator, period, incomeType string) income.Bucket {
	t.Helper()
	b, ok, err := w.lines.ReadBucket(t.Context(), tenant, creator, periodOf(t, period), incomeType)
	if err != nil || !ok {
		t.Fatalf("bucket %s %s %s: %v, there: %t", creator, period, incomeType, err, ok)
	}
	return b
}

// tamper changes what a bucket says it holds, behind everybody's back.
func (w *world) tamper(t testing.TB, creator ident.Creator, period, incomeType string, fen int64) {
	t.Helper()
	w.change(t, creator, period, incomeType, "SET dist = :d", map[string]types.AttributeValue{":d": &types.AttributeValueMemberN{Value: fmt.Sprint(fen)}})
}

func (w *world) change(t testing.TB, creator ident.Creator, period, incomeType, update string, values map[string]types.AttributeValue) {
	t.Helper()
	k := keys.Bucket(tenant, creator, civil.MustMonth(period), incomeType)
	_, err := w.tables.Client.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: aws.String(w.tables.Ledger),
		Key:              map[string]types.AttributeValue{"pk": &types.AttributeValueMemberS{Value: k.PK}, "sk": &types.AttributeValueMemberS{Value: k.SK}},
		UpdateExpression: aws.String(update), ExpressionAttributeValues: values})
	if err != nil {
		t.Fatal(err)
	}
}

func person(role identity.Role) identity.Principal {
	return identity.Principal{Tenant: tenant, Subject: string(role) + "@" + tenant, Roles: []identity.Role{role}, Creator: "c1"}
}

// directory is master data in memory: every creator has a contract for everything, unless it is taken away.
type directory struct {
	creators  map[string]bool
	routes    map[string]string // income type -> route of a contract that does not pay
	missing   map[string]bool   // income types without contract
	entity    ident.Entity
	payDay    int
	cutOffDay int
	listed    int                           // creators given out in lists
	contracts map[string][]tenancy.Contract // by creator, all versions, instead of the one for everything
	mu        sync.Mutex
}

func newDirectory() *directory {
	return &directory{contracts: map[string][]tenancy.Contract{}, creators: map[string]bool{"c1": true, "c2": true}, routes: map[string]string{}, missing: map[string]bool{}, entity: "ent-1", payDay: 15}
}

func (d *directory) Creator(_ context.Context, t ident.Tenant, creator ident.Creator) (tenancy.Creator, error) {
	if t != tenant || !d.creators[string(creator)] {
		return tenancy.Creator{}, fault.MissingObject("creator")
	}
	return tenancy.Creator{CreatorID: creator, TaxpayerID: ident.Taxpayer("tp-" + creator), By: "admin@" + tenant,
		Accounts: []tenancy.PlatformAccount{{Platform: "kuaishou", UID: "1"}}, Payout: tenancy.PayoutAccount{Method: "douyin"}}, nil
}

func (d *directory) Contract(ctx context.Context, t ident.Tenant, creator ident.Creator, incomeType string, day civil.Date) (tenancy.Contract, error) {
	all, err := d.ContractsOf(ctx, t, creator, incomeType, day)
	c, ok := tenancy.FindCovering(all, incomeType, day)
	if err == nil && !ok {
		err = tenancy.NoContractError(creator, incomeType, day)
	}
	return c, err
}

func (d *directory) ContractsOf(_ context.Context, _ ident.Tenant, creator ident.Creator, incomeType string, _ civil.Date) ([]tenancy.Contract, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if all, own := d.contracts[string(creator)]; own {
		return all, nil
	}
	if d.missing[incomeType] {
		return nil, nil
	}
	return []tenancy.Contract{d.contract(creator, incomeType)}, nil
}

// contract is a contract for one income type, the first version.
func (d *directory) contract(creator ident.Creator, incomeType string) tenancy.Contract {
	route := cmp.Or(d.routes[incomeType], tenancy.MCNPays)
	parties := []tenancy.Party{{Party: string(creator), Kind: split.KindCreator, Share: money.MustRate("0.7")}, {Party: "mcn", Kind: split.KindMCN, Share: money.MustRate("0.3")}}
	return tenancy.Contract{Version: tenancy.Version{From: civil.MustDate("2025-01-01"), Version: 1, By: "admin@" + tenant}, ContractID: string("ct-" + creator), CreatorID: creator,
		PayingEntity: d.entity, Routes: map[string]string{incomeType: route}, Cycle: tenancy.Monthly, PayDay: d.payDay, CutOffDay: d.cutOffDay, PriceBasis: "before_tax", RevenueBasis: "net",
		Splits: map[string]tenancy.Split{"live_tip": {Method: "ratio", Parties: parties}, "commerce_commission": {Method: "ratio", Parties: parties},
			"xingtu_ad": {Method: "ratio", Parties: parties}}}
}

// agree records all versions of a creator's contracts.
func (d *directory) agree(creator ident.Creator, versions ...tenancy.Contract) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.creators[string(creator)] = true
	d.contracts[string(creator)] = versions
}

func (d *directory) Entity(context.Context, ident.Tenant, ident.Entity, civil.Date) (tenancy.PayingEntity, error) {
	return tenancy.PayingEntity{EntityID: d.entity}, nil
}

func (d *directory) Taxpayer(_ context.Context, _ ident.Tenant, taxpayer ident.Taxpayer) (tenancy.Taxpayer, error) {
	return tenancy.Taxpayer{TaxpayerID: taxpayer, By: "admin@" + tenant}, nil
}

func (d *directory) Strategies(context.Context, ident.Tenant) ([]tenancy.Strategy, error) {
	return nil, nil
}

func (d *directory) Positions(context.Context, ident.Tenant, civil.Date) ([]tenancy.Position, error) {
	return nil, nil
}

func (d *directory) Tenants(context.Context) ([]string, error) { return []string{tenant}, nil }

func (d *directory) Creators(_ context.Context, _ ident.Tenant, cursor string, limit int) ([]tenancy.Creator, string, error) {
	var ids []string
	for id := range d.creators {
		if id > cursor {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	next := ""
	if len(ids) > limit {
		ids = ids[:limit]
		next = ids[limit-1]
	}
	d.listed += len(ids)
	out := make([]tenancy.Creator, len(ids))
	for i, id := range ids {
		out[i] = tenancy.Creator{CreatorID: ident.Creator(id)}
	}
	return out, next, nil
}
