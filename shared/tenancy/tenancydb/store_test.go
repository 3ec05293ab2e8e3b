package tenancydb_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/tenancydb"
	"fenzhang/shared/vault"
)

const tenant = "demo"

// clock is a time that tests move.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func open(t *testing.T) (*tenancydb.Store, dynamotest.Tables, *clock) {
	t.Helper()
	l := dynamotest.Open(t)
	c := &clock{time.Date(2026, 11, 20, 2, 0, 0, 0, time.UTC)}
	return tenancydb.New(l.Client, l.Tenancy, l.Settlements, c.now), l, c
}

// act is an act of its own at each call: its id is the token of a transaction, and the local AWS remembers those.
func act(id string) audit.Record {
	return audit.Record{ID: id + "-" + rand.Text()[:12], Tenant: tenant, Actor: "admin@demo", Act: "contract.created", Object: id}
}

func put(t *testing.T, s *tenancydb.Store, id string, o tenancy.Object) {
	t.Helper()
	if err := s.Put(context.Background(), tenancy.Change{Objects: []tenancy.Object{o}, Record: act(id)}); err != nil {
		t.Fatal(err)
	}
}

func contract(version int, from, to, incomeType string) tenancy.Contract {
	c := tenancy.Contract{ContractID: "k1", CreatorID: "c1", PayingEntity: "e1", Routes: map[string]string{incomeType: tenancy.MCNPays}}
	c.From, c.Version.Version = civil.MustDate(from), version
	if to != "" {
		c.To = civil.MustDate(to)
	}
	return c
}

func putContract(t *testing.T, s *tenancydb.Store, guard int, c tenancy.Contract) {
	t.Helper()
	put(t, s, fmt.Sprintf("act-%s-%d", c.ContractID, c.Version.Version), tenancy.Object{
		Kind: tenancy.KindContract, ID: c.ContractID, Version: c.Version.Version, Doc: c, Creator: c.CreatorID, Guard: guard,
	})
}

func TestContractInForce(t *testing.T) {
	s, _, _ := open(t)
	putContract(t, s, 0, contract(1, "2026-01-01", "", "live_tip"))
	putContract(t, s, 1, contract(2, "2026-06-01", "2026-09-30", "live_tip"))
	for day, version := range map[string]int{"2025-12-31": 0, "2026-01-01": 1, "2026-05-31": 1, "2026-06-01": 2, "2026-09-30": 2, "2026-10-01": 0} {
		c, err := s.Contract(context.Background(), tenant, "c1", "live_tip", civil.MustDate(day))
		if c.Version.Version != version || (version == 0) != fault.HasCode(err, fault.RuleMissing) {
			t.Errorf("%s: version %d, %v; want %d", day, c.Version.Version, err, version)
		}
	}
	if _, err := s.Contract(context.Background(), tenant, "c1", "xingtu_ad", civil.MustDate("2026-02-01")); fault.AsError(err).Reason != "contract_missing" {
		t.Errorf("other income type: %v", err)
	}
	if _, err := s.Contract(context.Background(), "other", "c1", "live_tip", civil.MustDate("2026-02-01")); !fault.HasCode(err, fault.RuleMissing) {
		t.Errorf("other tenant: %v", err)
	}
}

func TestAnswersComeFromMemoryForHalfAMinute(t *testing.T) {
	s, l, c := open(t)
	ctx := context.Background()
	put(t, s, "memory-1", tenancy.Object{Kind: tenancy.KindCreator, ID: "c1", Version: 1, Doc: tenancy.Creator{CreatorID: "c1", Nickname: "one", Version: 1}})
	name := func() string {
		t.Helper()
		found, err := s.Creator(ctx, tenant, "c1")
		if err != nil {
			t.Fatal(err)
		}
		return found.Nickname
	}
	if name() != "one" {
		t.Fatal("not found")
	}
	elsewhere := tenancydb.New(l.Client, l.Tenancy, l.Settlements, c.now)
	put(t, elsewhere, "memory-2", tenancy.Object{Kind: tenancy.KindCreator, ID: "c1", Version: 2, Doc: tenancy.Creator{CreatorID: "c1", Nickname: "two", Version: 2}})
	c.at = c.at.Add(29 * time.Second)
	if name() != "one" {
		t.Error("memory was not used")
	}
	c.at = c.at.Add(time.Second)
	if name() != "two" {
		t.Error("memory was used for more than half a minute")
	}
}

func TestWhatIsMissingIsLookedUpEachTime(t *testing.T) {
	s, _, _ := open(t)
	if _, err := s.Creator(context.Background(), tenant, "c1"); !fault.HasCode(err, fault.NotFound) {
		t.Fatalf("got %v", err)
	}
	put(t, s, "missing-1", tenancy.Object{Kind: tenancy.KindCreator, ID: "c1", Version: 1, Doc: tenancy.Creator{CreatorID: "c1", Version: 1}})
	if _, err := s.Creator(context.Background(), tenant, "c1"); err != nil {
		t.Errorf("a new creator is not found: %v", err)
	}
}

func TestOneOfManyRacingVersionsWins(t *testing.T) {
	s, _, _ := open(t)
	var mu sync.Mutex
	won, raced := 0, 0
	var wg sync.WaitGroup
	for n := range 12 {
		wg.Go(func() {
			err := s.Put(context.Background(), tenancy.Change{
				Objects: []tenancy.Object{{Kind: tenancy.KindCreator, ID: "c1", Version: 1, Doc: tenancy.Creator{CreatorID: "c1", Version: 1}}},
				Record:  act(fmt.Sprintf("race-%d", n)),
			})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case errors.Is(err, optimistic.ErrRival):
				raced++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won != 1 || raced != 11 {
		t.Errorf("%d won, %d raced", won, raced)
	}
}

func TestOwnWriteAfterALostAnswerIsSuccess(t *testing.T) {
	s, l, c := open(t)
	change := tenancy.Change{
		Objects: []tenancy.Object{{Kind: tenancy.KindCreator, ID: "c1", Version: 1, Doc: tenancy.Creator{CreatorID: "c1", Version: 1}}},
		Record:  act("the-one-act"),
	}
	for range 2 {
		if err := s.Put(context.Background(), change); err != nil {
			t.Fatal(err)
		}
	}
	// Where the table has forgotten the token, the act's own item in the way tells.
	if err := tenancydb.New(forgetful{l.Client}, l.Tenancy, l.Settlements, c.now).Put(context.Background(), change); err != nil {
		t.Fatal(err)
	}
	change.Record.ID = "another-act"
	if err := s.Put(context.Background(), change); !errors.Is(err, optimistic.ErrRival) {
		t.Errorf("somebody else's item was taken for one's own: %v", err)
	}
}

// forgetful is a table to which each call of a transaction is a new one.
type forgetful struct{ dynamo.API }

func (f forgetful) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, options ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	fresh := *in
	fresh.ClientRequestToken = aws.String(rand.Text())
	return f.API.TransactWriteItems(ctx, &fresh, options...)
}

func TestStrategiesAndPositions(t *testing.T) {
	s, _, c := open(t)
	ctx := context.Background()
	for v, amount := range map[int]string{1: "0.10", 2: "0.20"} {
		st := tenancy.Strategy{StrategyID: "s1", ActionType: "share", Reward: tenancy.Reward{Kind: tenancy.Cash, Amount: money.MustParse(amount)}}
		st.Version.Version = v
		put(t, s, "act-s-"+amount, tenancy.Object{Kind: tenancy.KindStrategy, ID: "s1", Version: v, Doc: st})
	}
	all, err := s.Strategies(ctx, tenant)
	if err != nil || len(all) != 2 || all[1].Reward.Amount != money.MustParse("0.20") {
		t.Fatalf("strategies %v, %v", all, err)
	}
	p := tenancy.Position{PositionID: "p1", Rule: "r", DecidedBy: "admin@demo"}
	p.From, p.Version.Version = civil.MustDate("2026-11-01"), 1
	put(t, s, "act-p1", tenancy.Object{Kind: tenancy.KindPosition, ID: "p1", Version: 1, Doc: p})
	inForce := func(want int) {
		t.Helper()
		c.at = c.at.Add(time.Minute)
		got, err := s.Positions(ctx, tenant, civil.MustDate("2026-11-16"))
		if err != nil || (want == 0) != (len(got) == 0) || (want > 0 && got[0].Version.Version != want) {
			t.Fatalf("positions %v, %v; want version %d", got, err, want)
		}
	}
	inForce(0)
	p.ApprovedBy, p.Version.Version = "approver@demo", 2
	put(t, s, "act-p2", tenancy.Object{Kind: tenancy.KindPosition, ID: "p1", Version: 2, Doc: p})
	inForce(2)
	p.ApprovedBy, p.Version.Version = "", 3
	put(t, s, "act-p3", tenancy.Object{Kind: tenancy.KindPosition, ID: "p1", Version: 3, Doc: p})
	inForce(2)
}

func TestListsOfTenantsAndCreators(t *testing.T) {
	s, _, _ := open(t)
	ctx := context.Background()
	for n := range 5 {
		id := fmt.Sprintf("c%d", n)
		put(t, s, "act-"+id, tenancy.Object{Kind: tenancy.KindCreator, ID: id, Version: 1, Doc: tenancy.Creator{CreatorID: ident.Creator(id), Version: 1}})
	}
	var ids []string
	for cursor, first := "", true; first || cursor != ""; first = false {
		page, next, err := s.Creators(ctx, tenant, cursor, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range page {
			ids = append(ids, string(c.CreatorID))
		}
		cursor = next
	}
	if fmt.Sprint(ids) != "[c0 c1 c2 c3 c4]" {
		t.Errorf("creators %v", ids)
	}
	tenants, err := s.Tenants(ctx)
	if err != nil || fmt.Sprint(tenants) != "[demo]" {
		t.Errorf("tenants %v, %v", tenants, err)
	}
}

func TestSealedFieldsComeBack(t *testing.T) {
	s, _, c := open(t)
	ctx := context.Background()
	made := vault.DataKey{Version: 1, Wrapped: []byte("wrapped"), Made: c.at}
	sealed := vault.Sealing{Taxpayer: "t1", NewKey: &made, Records: []vault.Record{{Name: vault.CreatorRecord("c1"), KeyVersion: 1, Fields: map[string][]byte{vault.Account: {1, 2, 3}}}}}
	record := act("seal")
	if err := s.Put(ctx, tenancy.Change{Sealed: []vault.Sealing{sealed}, Record: record}); err != nil {
		t.Fatal(err)
	}
	box, err := s.ReadBox(ctx, tenant, "t1")
	if err != nil || len(box.Keys) != 1 || string(box.Keys[0].Wrapped) != "wrapped" || !box.Keys[0].Made.Equal(c.at) {
		t.Fatalf("box %v, %v", box, err)
	}
	r := box.Records[vault.CreatorRecord("c1")]
	if r.KeyVersion != 1 || r.Revision != record.ID || !bytes.Equal(r.Fields[vault.Account], []byte{1, 2, 3}) {
		t.Errorf("record %v", r)
	}
	r.Revision = "not what was read"
	stale := vault.Sealing{Taxpayer: "t1", Records: []vault.Record{r}}
	if err := s.Put(ctx, tenancy.Change{Sealed: []vault.Sealing{stale}, Record: act("again")}); !errors.Is(err, optimistic.ErrRival) {
		t.Errorf("a record that changed was replaced: %v", err)
	}
}
