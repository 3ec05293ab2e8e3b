package ledgerdb

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger"
)

// Attribute names of a paying entity's head, its newest period that is closing or sealed, and its
// states. One that is closing takes what belongs to its days until its sealing begins.
const (
	HeadMonth = "m"
	HeadState = "st"

	HeadClosing = "closing"
	HeadSealing = "sealing"
)

// attrClosed is the fence on balances: the last month that takes no entry any more.
const attrClosed = "closed"

// memoSize bounds what a poster remembers, in paying entities.
const memoSize = 10_000

// Periods reads which periods are closed. It implements ledger.Periods.
type Periods struct {
	DB    dynamo.API
	Table string
	Clock clock.Clock

	mu   sync.Mutex
	kept map[string]closed
}

// closed is the last closed month of a paying entity; the zero month when none is.
type closed struct {
	month   civil.Month
	closing bool // its sealing has not begun
	read    time.Time
}

var _ ledger.Periods = (*Periods)(nil)

// AssignPeriod implements ledger.Periods.
func (p *Periods) AssignPeriod(ctx context.Context, e *ledger.Entry) error {
	today, err := p.Clock.Today(ctx)
	if err != nil {
		return awsfault.Of(err)
	}
	e.Accounting, err = p.FirstOpenMonth(ctx, e.Tenant, e.Entity, today.Month())
	return err
}

// FirstOpenMonth gives the first month from the given one on in which the paying entity's books are open.
func (p *Periods) FirstOpenMonth(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	month civil.Month) (civil.Month, error) {
	last, err := p.closed(ctx, tenant, entity)
	if err != nil {
		return month, err
	}
	return last.open(month), nil
}

// open is the first month from the given one on that is neither closed nor being closed.
func (c closed) open(month civil.Month) civil.Month {
	if c.month.IsZero() || c.month.Before(month) {
		return month
	}
	return c.month.Add(1)
}

// AssignPeriodIn implements ledger.Periods.
func (p *Periods) AssignPeriodIn(ctx context.Context, e *ledger.Entry,
	month civil.Month) (closing bool, err error) {
	last, err := p.closed(ctx, e.Tenant, e.Entity)
	if err != nil {
		return false, err
	}
	if last.closing && last.month == month {
		e.Accounting = month
		return true, nil
	}
	e.Accounting = last.open(month)
	return false, nil
}

// ConditionStillClosing is the part of a transaction that refuses an entry once the sealing of its period
// has begun, so that the walk over the books that follows sees every entry of the period.
func ConditionStillClosing(table string, e ledger.Entry) types.TransactWriteItem {
	k := keys.PeriodHead(e.Tenant, e.Entity)
	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{TableName: aws.String(table),
		Key: map[string]types.AttributeValue{"pk": dynamo.Text(k.PK),
			"sk": dynamo.Text(k.SK)},
		ConditionExpression:      aws.String("#m = :m AND #st = :st"),
		ExpressionAttributeNames: map[string]string{"#m": HeadMonth, "#st": HeadState},
		ExpressionAttributeValues: map[string]types.AttributeValue{
			":m": dynamo.Text(e.Accounting.String()), ":st": dynamo.Text(HeadClosing)}}}
}

func (p *Periods) closed(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) (closed, error) {
	k, now := keys.PeriodHead(tenant, entity), p.Clock.Instant()
	p.mu.Lock()
	known, ok := p.kept[k.PK]
	p.mu.Unlock()
	if ok && now.Before(known.read.Add(ledger.PeriodMemo)) && !now.Before(known.read) {
		return known, nil
	}
	found, err := p.read(ctx, k)
	if err != nil {
		return found, err
	}
	found.read = now // as old as the question, not as its answer
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil || len(p.kept) >= memoSize {
		p.kept = map[string]closed{}
	}
	p.kept[k.PK] = found
	return found, nil
}

func (p *Periods) read(ctx context.Context, k keys.Key) (closed, error) {
	out, err := p.DB.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: aws.String(p.Table), ConsistentRead: aws.Bool(true),
			Key: map[string]types.AttributeValue{"pk": dynamo.Text(k.PK), "sk": dynamo.Text(k.SK)}})
	if err != nil {
		return closed{}, awsfault.Of(err)
	}
	m, ok := out.Item[HeadMonth].(*types.AttributeValueMemberS)
	if !ok {
		return closed{}, nil
	}
	month, err := civil.ParseMonth(m.Value)
	if err != nil {
		return closed{}, fault.Internal(err)
	}
	state, _ := out.Item[HeadState].(*types.AttributeValueMemberS)
	return closed{month: month, closing: state != nil && state.Value == HeadClosing}, nil
}

// FenceBook closes a book's balances at a paying entity for entries of a month and before, for good:
// from then on the write of such an entry is refused by its condition. A book without balances has
// no entries and needs none.
func (b Book) FenceBook(ctx context.Context, tenant ident.Tenant, book string, entity ident.Entity,
	month civil.Month) error {
	k := keys.Balance(tenant, ident.Creator(book), entity)
	_, err := b.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: aws.String(b.Table),
		Key: map[string]types.AttributeValue{"pk": dynamo.Text(k.PK),
			"sk": dynamo.Text(k.SK)},
		UpdateExpression: aws.String("SET " + attrClosed + " = :m"),
		ConditionExpression: aws.String("attribute_exists(pk) AND (attribute_not_exists(" +
			attrClosed + ") OR " + attrClosed + " < :m)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":m": dynamo.Text(month.String())}})
	if dynamo.Refusal(err) != nil {
		return nil
	}
	return awsfault.Of(err)
}
