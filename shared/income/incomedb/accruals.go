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

// Attribute names of the item of a creator's closed day in the incentives table.
const (
	attrRevision = "rev"
	// attrCash is the sum of fen that was accrued for the day so far.
	attrCash     = "cash"
	attrTraffic  = "traffic"
	attrShop     = "shop"
	attrEvents   = "events"
	attrClosedAt = "closed_at"
)

// accruer is the actor in the audit records of accruals.
const accruer = "system:accrue-incentive"

// Accruals posts the money that closed days owe creators. It implements incentive.Accruals.
type Accruals struct {
	*Store
	// Incentives is the name of the incentives table.
	Incentives string
	Directory  interface {
		ContractsOf(ctx context.Context, tenant ident.Tenant, creator ident.Creator, incomeType string,
			day civil.Date) ([]tenancy.Contract, error)
	}
	NewID func() string
	// Periods decides the accounting periods of journal entries; nil leaves the periods unset.
	Periods ledger.Periods
}

var _ incentive.Accruals = (*Accruals)(nil)

// PostAccrual writes the closed day, the journal entry, the income line and the audit record in one
// transaction. The money enters the bucket of the day's part of its month or, when that bucket is
// closed, the first later open one. The accounting period of the entry is the month of the day,
// even while that month is being closed; once the month is being sealed, it is the open period.
//
// PostAccrual returns fault.StaleVersion around optimistic.ErrRival when the revision exists
// already, and fault.RuleMissing contract_missing when no contract covers incentives on that day.
// After an error nothing is written; the day stays open and its next close tries again.
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
		// The first item is the closed day: another close, or an earlier try of this call, has written
		// this revision.
		case refused.Found[0] != nil:
			return staleUnlessOwn(refused.Found[0], id)
		// The last item but one is the bucket: a settlement has consumed it since.
		case refused.Found[len(refused.Found)-2] != nil:
			if to.bucket, err = a.nextOpenPeriod(ctx, book{acc.Tenant, acc.Creator, income.Incentive},
				course,
				to.bucket); err != nil {
				return err
			}
		// The books of the day's own month accept no entries any more; the entry goes into the open
		// period.
		case to.ownMonth:
			to.ownMonth = false
		default:
			return fault.Internal(fmt.Errorf("incomedb: accrual of %s %s: the balance refused it",
				acc.Creator, acc.Day))
		}
	}
	return fault.Temporary(errNoBucket)
}

// place is the target of an accrual: paying entity, bucket and accounting period.
type place struct {
	entity ident.Entity
	bucket cycle.Period
	// ownMonth reports whether the entry is to be dated into the month of its day, as long as that
	// month accepts entries.
	ownMonth bool
}

// staleUnlessOwn returns nil when the closed day was written by this call, whose answer was lost,
// and fault.StaleVersion when another close has written it.
func staleUnlessOwn(closed item, id string) error {
	if dynamo.TextOf(closed, attrWrite) == id {
		return nil
	}
	return fault.New(fault.StaleVersion, "day_closed",
		"The day was accrued by another close; read it again.").Wrap(optimistic.ErrRival)
}

// closeWithoutPosting writes only the closed day, because nothing is owed beyond what was accrued
// before.
func (a *Accruals) closeWithoutPosting(ctx context.Context, acc incentive.Accrual,
	id string) error {
	err := dynamo.Transact(ctx, a.DB, a.NewToken(), []types.TransactWriteItem{a.dayClosePart(acc, id)})
	if refused := dynamo.AsConditionError(err); refused != nil {
		return staleUnlessOwn(refused.Found[0], id)
	}
	return err
}

// setAccountingPeriod sets the accounting period of an accrual's journal entry; closing reports
// that the period is being closed at this moment.
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

// tryPost tries once to write an accrual; it returns the refusal of the transaction, nil when the
// accrual was written.
func (a *Accruals) tryPost(ctx context.Context, acc incentive.Accrual, to place,
	id string) (*dynamo.ConditionError, error) {
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
	// A condition on the period's state lets the transaction fail when the sealing of the period
	// begins meanwhile.
	if closing {
		posting = append(posting, ledgerdb.ConditionStillClosing(a.Ledger, entry))
	}
	g := bucketAddition{tenant: acc.Tenant, creator: acc.Creator, incomeType: income.Incentive,
		bucket: bucket,
		own:    acc.Day.Month(), source: income.SourceAccrued,
		entities: []ident.Entity{entity}, lines: []income.Line{newAccrualLine(acc)}}
	put, err := newLinePart(a.Ledger, acc.Tenant, g.lines[0], bucket, id)
	if err != nil {
		return nil, err
	}
	record, err := a.auditPart(accrualRecord(acc, bucket, id, hash))
	if err != nil {
		return nil, err
	}
	parts := append([]types.TransactWriteItem{a.dayClosePart(acc, id)}, posting...)
	err = dynamo.Transact(ctx, a.DB, a.NewToken(), append(parts, put, g.updatePart(a.Ledger), record))
	if refused := dynamo.AsConditionError(err); refused != nil {
		return refused, nil
	}
	return nil, err
}

// accrualRecord returns the audit record of an accrual, with the hash of its journal entry.
func accrualRecord(acc incentive.Accrual, bucket cycle.Period, id, hash string) audit.Record {
	return audit.Record{ID: id, Tenant: acc.Tenant, At: acc.ClosedAt, Actor: accruer,
		Act:    "incentive.accrued",
		Object: auditObject(acc.Creator, bucket, income.Incentive), LedgerHash: hash,
		What: marshalDetail(accrued{acc.Day, acc.Revision, acc.Difference, acc.Total, acc.Events,
			income.BucketName(bucket, income.Incentive)})}
}

// accrued is the detail of the audit record of an accrual.
type accrued struct {
	Day        civil.Date   `json:"day"`
	Revision   int          `json:"revision"`
	Difference money.Amount `json:"difference"`
	Total      money.Amount `json:"total"`
	Events     int          `json:"events"`
	Bucket     string       `json:"bucket"`
}

// dayClosePart returns the part of a transaction that replaces the previous revision of a creator's
// closed day by this one.
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

// newAccrualEntry returns the journal entry of an accrual: debit incentive cost, credit the amount
// accrued for the creator.
func newAccrualEntry(acc incentive.Accrual, entity ident.Entity, id string) ledger.Entry {
	e := ledger.Entry{ID: id, Tenant: acc.Tenant, CreatorID: acc.Creator, Entity: entity,
		At: acc.ClosedAt, Accounting: acc.Day.Month(),
		Reason: acc.JournalReason()}
	e.Debit(ledger.MCNIncentiveCost, acc.Difference)
	e.Credit(ledger.CreatorAccrued, acc.Difference)
	return e
}

// newAccrualLine returns the income line of an accrual; its id contains the revision, so that each
// revision has one line.
func newAccrualLine(acc incentive.Accrual) income.Line {
	return income.Line{LineID: fmt.Sprintf("%s%s-r%d", income.AccrualPrefix, acc.Day, acc.Revision),
		CreatorID: acc.Creator, IncomeType: income.Incentive,
		OccurredOn: acc.Day, ServicePeriod: acc.Day.Month(), GrossBeforePlatform: acc.Difference,
		Distributable: acc.Difference,
		Count:         int64(acc.Events), Source: "system"}
}
