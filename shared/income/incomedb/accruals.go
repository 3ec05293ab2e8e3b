package incomedb

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// Attribute names of a creator's closed day, in the incentives table.
const (
	attrRevision = "rev"
	attrCash     = "cash" // fen accrued for the day so far
	attrTraffic  = "traffic"
	attrShop     = "shop"
	attrEvents   = "events"
	attrClosedAt = "closed_at"
)

// accruer is the actor of accruals.
const accruer = "system:accrue-incentive"

// Accruals posts what closed days owe. It implements incentive.Accruals.
type Accruals struct {
	*Store
	Incentives string // table name
	Directory  interface {
		ContractsOf(ctx context.Context, tenant ident.Tenant, creator ident.Creator, incomeType string,
			day civil.Date) ([]tenancy.Contract, error)
	}
	NewID   func() string
	Periods ledger.Periods // decides the accounting periods of entries; nil leaves them as they are
}

var _ incentive.Accruals = (*Accruals)(nil)

// PostAccrual writes the day's close, the journal entry, the income line and the audit record as one. The
// money waits in the bucket of the day's part of its month or, where that is closed, in the first
// later open one. The entry's accounting period is the day's month, also while that is being
// closed; once its sealing has begun, the open one.
//
// Errors: fault.StaleVersion around optimistic.ErrRival when the revision is there already;
// fault.RuleMissing contract_missing when no contract covers incentives on that day: nothing is
// written, the day stays open and the next close tries again.
func (a *Accruals) PostAccrual(ctx context.Context, acc incentive.Accrual) error {
	id := a.NewID()
	if acc.Difference.IsZero() {
		return a.closeWithoutPosting(ctx, acc, id)
	}
	contracts, err := a.Directory.ContractsOf(ctx, acc.Tenant, acc.Creator, income.Incentive, acc.Day)
	if err != nil {
		return err
	}
	course := cycle.NewTimeline(contracts, income.Incentive)
	contract, ok := course.ContractOn(acc.Day)
	if !ok {
		return tenancy.NoContractError(acc.Creator, income.Incentive, acc.Day)
	}
	to := place{entity: contract.PayingEntity, bucket: course.PeriodOf(acc.Day), ownMonth: true}
	for range maxTries {
		refused, err := a.tryPost(ctx, acc, to, id)
		if err != nil || refused == nil {
			return err
		}
		switch {
		case refused.Found[0] != nil:
			return staleUnlessOwn(refused.Found[0], id)
		case refused.Found[len(refused.Found)-2] != nil:
			if to.bucket, err = a.nextOpenPeriod(ctx, book{acc.Tenant, acc.Creator, income.Incentive}, course,
				to.bucket); err != nil {
				return err
			}
		case to.ownMonth: // its books take no entries any more
			to.ownMonth = false
		default:
			return fault.Internal(fmt.Errorf("incomedb: accrual of %s %s: the balance refused it",
				acc.Creator, acc.Day))
		}
	}
	return fault.Later(errNoBucket)
}

// place is where an accrual is to be posted.
type place struct {
	entity   ident.Entity
	bucket   cycle.Period
	ownMonth bool // in the accounting period of its day, if that takes entries
}

// staleUnlessOwn tells a rival's close from one's own, whose answer was lost.
func staleUnlessOwn(closed item, id string) error {
	if dynamo.TextOf(closed, attrWrite) == id {
		return nil
	}
	return fault.New(fault.StaleVersion, "day_closed",
		"The day was accrued by another close; read it again.").Wrap(optimistic.ErrRival)
}

func (a *Accruals) closeWithoutPosting(ctx context.Context, acc incentive.Accrual, id string) error {
	err := dynamo.Transact(ctx, a.DB, a.NewToken(), []types.TransactWriteItem{a.dayClosePart(acc, id)})
	if refused := dynamo.Refusal(err); refused != nil {
		return staleUnlessOwn(refused.Found[0], id)
	}
	return err
}

// setAccountingPeriod gives an accrual's entry its accounting period; closing tells that the period is being
// closed.
func (a *Accruals) setAccountingPeriod(ctx context.Context, e *ledger.Entry, day civil.Date,
	ownMonth bool) (closing bool, err error) {
	switch {
	case a.Periods == nil:
		return false, nil
	case ownMonth:
		return a.Periods.AssignPeriodIn(ctx, e, day.Month())
	}
	return false, a.Periods.AssignPeriod(ctx, e)
}

func (a *Accruals) tryPost(ctx context.Context, acc incentive.Accrual, to place,
	id string) (*dynamo.Refused, error) {
	entity, bucket := to.entity, to.bucket
	entry := newAccrualEntry(acc, entity, id)
	closing, err := a.setAccountingPeriod(ctx, &entry, acc.Day, to.ownMonth)
	if err != nil {
		return nil, err
	}
	posting, hash, err := ledgerdb.EntryWritesWithHash(a.Ledger, entry)
	if err != nil {
		return nil, err
	}
	if closing {
		posting = append(posting, ledgerdb.ConditionStillClosing(a.Ledger, entry))
	}
	g := bucketAddition{tenant: acc.Tenant, creator: acc.Creator, incomeType: income.Incentive, bucket: bucket,
		own: acc.Day.Month(), source: income.SourceAccrued,
		entities: []ident.Entity{entity}, lines: []income.Line{newAccrualLine(acc)}}
	put, err := newLinePart(a.Ledger, acc.Tenant, g.lines[0], bucket, id)
	if err != nil {
		return nil, err
	}
	told, err := a.auditPart(audit.Record{ID: id, Tenant: acc.Tenant, At: acc.ClosedAt, Actor: accruer,
		Act:    "incentive.accrued",
		Object: auditObject(acc.Creator, bucket, income.Incentive), LedgerHash: hash,
		What: marshalDetail(accrued{acc.Day, acc.Revision, acc.Difference, acc.Total, acc.Events,
			income.BucketName(bucket, income.Incentive)})})
	if err != nil {
		return nil, err
	}
	parts := append([]types.TransactWriteItem{a.dayClosePart(acc, id)}, posting...)
	err = dynamo.Transact(ctx, a.DB, a.NewToken(), append(parts, put, g.updatePart(a.Ledger), told))
	if refused := dynamo.Refusal(err); refused != nil {
		return refused, nil
	}
	return nil, err
}

// accrued is what the audit record tells of an accrual.
type accrued struct {
	Day        civil.Date   `json:"day"`
	Revision   int          `json:"revision"`
	Difference money.Amount `json:"difference"`
	Total      money.Amount `json:"total"`
	Events     int          `json:"events"`
	Bucket     string       `json:"bucket"`
}

// dayClosePart is the part that moves a creator's day from the revision before to this one.
func (a *Accruals) dayClosePart(acc incentive.Accrual, id string) types.TransactWriteItem {
	it := dynamo.Key(keys.DayClose(acc.Tenant, acc.Day, acc.Creator))
	it[attrRevision] = dynamo.Number(int64(acc.Revision))
	it[attrCash] = fenNumber(acc.Total)
	it[attrEvents] = dynamo.Number(int64(acc.Events))
	it[attrTraffic] = dynamo.Number(acc.Traffic)
	it[attrShop] = dynamo.Number(acc.Shop)
	it[attrClosedAt] = dynamo.Text(acc.ClosedAt.Format(time.RFC3339Nano))
	it[attrWrite] = dynamo.Text(id)
	put := &types.Put{TableName: aws.String(a.Incentives), Item: it,
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
	if acc.Revision > 1 {
		put.ConditionExpression = aws.String("#rev = :before")
		put.ExpressionAttributeNames = map[string]string{"#rev": attrRevision}
		put.ExpressionAttributeValues = item{":before": dynamo.Number(int64(acc.Revision - 1))}
	}
	return types.TransactWriteItem{Put: put}
}

func newAccrualEntry(acc incentive.Accrual, entity ident.Entity, id string) ledger.Entry {
	e := ledger.Entry{ID: id, Tenant: acc.Tenant, CreatorID: acc.Creator, Entity: entity,
		At: acc.ClosedAt, Accounting: acc.Day.Month(),
		Reason: acc.JournalReason()}
	e.Debit(ledger.MCNIncentiveCost, acc.Difference)
	e.Credit(ledger.CreatorAccrued, acc.Difference)
	return e
}

func newAccrualLine(acc incentive.Accrual) income.Line {
	return income.Line{LineID: fmt.Sprintf("%s%s-r%d", income.AccrualPrefix, acc.Day, acc.Revision),
		CreatorID: acc.Creator, IncomeType: income.Incentive,
		OccurredOn: acc.Day, ServicePeriod: acc.Day.Month(), GrossBeforePlatform: acc.Difference,
		Distributable: acc.Difference,
		Count:         int64(acc.Events), Source: "system"}
}
