package incomedb_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

const tenant = "mcn-one"

// forgetful does what it is asked, loses the first answer, and forgets the token: what is sent again meets what
// the first try left behind.
type forgetful struct {
	dynamo.API
	lost int
}

func (f *forgetful) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, _ ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	again := *in
	again.ClientRequestToken = nil
	out, err := f.API.TransactWriteItems(ctx, &again)
	if f.lost > 0 {
		f.lost--
		return nil, &types.TransactionInProgressException{Message: aws.String("the answer was lost")}
	}
	return out, err
}

type contracts struct{}

func (contracts) ContractsOf(context.Context, ident.Tenant, ident.Creator, string, civil.Date) ([]tenancy.Contract, error) {
	return []tenancy.Contract{{PayingEntity: "ent-1", Routes: map[string]string{income.Incentive: tenancy.MCNPays}}}, nil
}

func open(t *testing.T, lost int) (*incomedb.Store, dynamotest.Tables) {
	l := dynamotest.Open(t)
	return &incomedb.Store{DB: &forgetful{l.Client, lost}, Ledger: l.Ledger, Settlements: l.Settlements, NewToken: ids.NewSource(time.Now)}, l
}

func lines(period string, amounts ...string) income.Addition {
	month := civil.MustMonth(period)
	a := income.Addition{Tenant: tenant, CreatorID: "c1", IncomeType: "live_tip", Period: month, Into: cycle.WholeMonth(month), By: "op", At: time.Now(), WriteID: "write-" + period + fmt.Sprint(len(amounts))}
	for i, amount := range amounts {
		m := money.MustParse(amount)
		a.Lines = append(a.Lines, income.Line{LineID: fmt.Sprint("l", i), CreatorID: "c1", IncomeType: "live_tip", Platform: "douyin", OccurredOn: month.First(),
			ServicePeriod: month, GrossBeforePlatform: m, Distributable: m})
	}
	return a
}

func bucket(t *testing.T, s *incomedb.Store, period, incomeType string) income.Bucket {
	t.Helper()
	b, ok, err := s.ReadBucket(t.Context(), tenant, "c1", cycle.WholeMonth(civil.MustMonth(period)), incomeType)
	if err != nil || !ok {
		t.Fatalf("bucket %s: %t %v", period, ok, err)
	}
	return b
}

// audits counts the outbox items, one for each act.
func audits(t *testing.T, l dynamotest.Tables) int {
	t.Helper()
	return len(l.ReadTable(t, l.Settlements))
}

func TestAddAfterALostAnswer(t *testing.T) {
	s, l := open(t, 1)
	placed, err := s.AddLines(t.Context(), lines("2026-08", "1.00", "2.00"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range placed {
		if p.IsRepeat || p.HasOtherContent || p.Bucket.String() != "2026-08" {
			t.Errorf("one's own line looks like somebody else's: %+v", p)
		}
	}
	if b := bucket(t, s, "2026-08", "live_tip"); b.Lines != 2 || b.Distributable != money.MustParse("3.00") {
		t.Errorf("bucket %+v", b.Totals)
	}
	if n := audits(t, l); n != 1 {
		t.Errorf("%d audit records", n)
	}
}

func TestPostAfterALostAnswer(t *testing.T) {
	s, l := open(t, 1)
	a := incomedb.Accruals{Store: s, Incentives: l.Incentives, Directory: contracts{}, NewID: ids.NewSource(time.Now)}
	post := incentive.Accrual{Tenant: tenant, Creator: "c1", Day: civil.MustDate("2026-08-03"), Revision: 1, Difference: money.Yuan(4), Total: money.Yuan(4), ClosedAt: time.Now()}
	if err := a.PostAccrual(t.Context(), post); err != nil {
		t.Fatalf("one's own posting was not known again: %v", err)
	}
	b := bucket(t, s, "2026-08", "incentive")
	balances, err := ledgerdb.Book{DB: l.Client, Table: l.Ledger}.Balances(t.Context(), tenant, "c1")
	if err != nil || b.Distributable != money.Yuan(4) || balances["ent-1"]["creator.accrued"] != money.Yuan(-4) || audits(t, l) != 1 {
		t.Errorf("bucket %+v, balances %v, %v", b.Totals, balances, err)
	}
}

func carry(act string) income.CarryOrder {
	return income.CarryOrder{Reason: income.BelowZero, Into: cycle.WholeMonth(civil.MustMonth("2026-09")), By: "system:x", ActID: act, At: time.Now()}
}

func TestCarryIsDoneOnce(t *testing.T) {
	s, _ := open(t, 0)
	if _, err := s.AddLines(t.Context(), lines("2026-08", "1.00", "-5.00")); err != nil {
		t.Fatal(err)
	}
	b := bucket(t, s, "2026-08", "live_tip")
	stale := b
	stale.Distributable = money.MustParse("-3.00")
	if err := s.CarryForward(t.Context(), stale, carry("act-0")); !errors.Is(err, optimistic.ErrRival) {
		t.Errorf("carried what it no longer holds: %v", err)
	}
	if err := s.CarryForward(t.Context(), b, carry("act-1")); err != nil {
		t.Fatal(err)
	}
	if err := s.CarryForward(t.Context(), b, carry("act-2")); !errors.Is(err, optimistic.ErrRival) {
		t.Errorf("carried twice: %v", err)
	}
	next := bucket(t, s, "2026-09", "live_tip")
	sum, err := s.SumLines(t.Context(), next)
	if err != nil || sum != next.Totals || next.Lines != 1 || next.Distributable != money.MustParse("-4.00") || next.Uploaders[0] != "op" {
		t.Errorf("next month %+v, folded %+v, %v", next, sum, err)
	}
	late, err := s.AddLines(t.Context(), lines("2026-08", "1.00", "-5.00", "9.00"))
	if err != nil || !late[0].IsRepeat || late[2].Bucket.String() != "2026-09" {
		t.Errorf("late line %+v, %v", late, err)
	}
}
