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

// Attribute names and states of a paying entity's period head, which is the item that names its
// newest closing or sealed period. A closing period still takes the accruals of its own days until
// its sealing begins.
const (
	HeadMonth = "m"
	HeadState = "st"

	HeadClosing = "closing"
	HeadSealing = "sealing"
)

// attrClosed is the attribute of a balance item that holds the last month for which entries are
// refused.
const attrClosed = "closed"

// memoSize is the greatest number of paying entities whose period is remembered.
const memoSize = 10_000

// Periods reads which accounting periods are closed. Periods implements ledger.Periods.
type Periods struct {
	DB    dynamo.API
	Table string
	Clock clock.Clock

	mu   sync.Mutex
	kept map[string]closedMonth
}

// closedMonth is the last closed month of a paying entity; the zero month when none is closed.
type closedMonth struct {
	month   civil.Month
	closing bool // its sealing has not begun
	read    time.Time
}

var _ ledger.Periods = (*Periods)(nil)

// AssignPeriod implements ledger.Periods.
func (p *Periods) AssignPeriod(ctx context.Context, e *ledger.Entry) error {
	today, err := p.Clock.Today(ctx)
	if err != nil {
		return awsfault.Classify(err)
	}
	e.Accounting, err = p.FirstOpenMonth(ctx, e.Tenant, e.Entity, today.Month())
	return err
}

// FirstOpenMonth returns the first month, from the given one on, in which the books of the paying
// entity are open.
func (p *Periods) FirstOpenMonth(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	month civil.Month) (civil.Month, error) {
	last, err := p.lastClosed(ctx, tenant, entity)
	if err != nil {
		return month, err
	}
	return last.firstOpenMonth(month), nil
}

// firstOpenMonth returns the first month, from the given one on, that is neither closed nor being
// closed. Periods are closed in order, so all months after the last closed one are open.
func (c closedMonth) firstOpenMonth(month civil.Month) civil.Month {
	if c.month.IsZero() || c.month.Before(month) {
		return month
	}
	return c.month.Add(1)
}

// AssignPeriodIn implements ledger.Periods.
func (p *Periods) AssignPeriodIn(ctx context.Context, e *ledger.Entry,
	month civil.Month) (closing bool, err error) {
	last, err := p.lastClosed(ctx, e.Tenant, e.Entity)
	if err != nil {
		return false, err
	}
	if last.closing && last.month == month {
		e.Accounting = month
		return true, nil
	}
	e.Accounting = last.firstOpenMonth(month)
	return false, nil
}

// ConditionStillClosing returns the transaction item that refuses an entry once the sealing of its
// period has begun. The review that follows then sees every entry of the period.
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

// lastClosed returns the last closed month of a paying entity, from memory while the memory is
// younger than ledger.PeriodMemo.
func (p *Periods) lastClosed(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) (closedMonth, error) {
	k, now := keys.PeriodHead(tenant, entity), p.Clock.Instant()
	p.mu.Lock()
	known, ok := p.kept[k.PK]
	p.mu.Unlock()
	if ok && now.Before(known.read.Add(ledger.PeriodMemo)) && !now.Before(known.read) {
		return known, nil
	}
	found, err := p.readHead(ctx, k)
	if err != nil {
		return found, err
	}
	// the time before the read counts, because the period may be closed during the read
	found.read = now
	p.mu.Lock()
	defer p.mu.Unlock()
	// Forgetting everything is cheap, since each read takes one item.
	if p.kept == nil || len(p.kept) >= memoSize {
		p.kept = map[string]closedMonth{}
	}
	p.kept[k.PK] = found
	return found, nil
}

// readHead reads the period head of a paying entity.
func (p *Periods) readHead(ctx context.Context, k keys.Key) (closedMonth, error) {
	out, err := p.DB.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: aws.String(p.Table), ConsistentRead: aws.Bool(true),
			Key: map[string]types.AttributeValue{"pk": dynamo.Text(k.PK), "sk": dynamo.Text(k.SK)}})
	if err != nil {
		return closedMonth{}, awsfault.Classify(err)
	}
	m, ok := out.Item[HeadMonth].(*types.AttributeValueMemberS)
	if !ok {
		return closedMonth{}, nil
	}
	month, err := civil.ParseMonth(m.Value)
	if err != nil {
		return closedMonth{}, fault.Internal(err)
	}
	state, _ := out.Item[HeadState].(*types.AttributeValueMemberS)
	return closedMonth{month: month, closing: state != nil && state.Value == HeadClosing}, nil
}

// FenceBook closes a book's balances at a paying entity for all entries of a month and earlier.
// From then on the condition of every such write fails. A book without balances has no entries and
// needs no fence.
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
	// The condition fails when the book has no balances or is closed for the month already.
	if err != nil && dynamo.AsConditionError(err) == nil {
		return awsfault.Classify(err)
	}
	return nil
}
