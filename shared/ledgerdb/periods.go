package ledgerdb

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/fault"
	"fenzhang/shared/keys"
	"fenzhang/shared/ledger"
)

// Attribute names of a paying entity's head, its newest period that is closing or sealed.
const (
	HeadMonth = "m"
	HeadState = "st"
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
	month civil.Month
	read  time.Time
}

var _ ledger.Periods = (*Periods)(nil)

// Date implements ledger.Periods.
func (p *Periods) Date(ctx context.Context, e *ledger.Entry) error {
	today, err := p.Clock.Today(ctx)
	if err != nil {
		return fault.Later(err)
	}
	e.Accounting, err = p.For(ctx, e.Tenant, e.Entity, today.Month())
	return err
}

// For gives the first month from the given one on in which the paying entity's books are open.
func (p *Periods) For(ctx context.Context, tenant, entity string, month civil.Month) (civil.Month, error) {
	last, err := p.closed(ctx, tenant, entity)
	if err != nil || last.IsZero() || last.Before(month) {
		return month, err
	}
	return last.Add(1), nil
}

func (p *Periods) closed(ctx context.Context, tenant, entity string) (civil.Month, error) {
	k, now := keys.PeriodHead(tenant, entity), p.Clock.Instant()
	p.mu.Lock()
	known, ok := p.kept[k.PK]
	p.mu.Unlock()
	if ok && now.Before(known.read.Add(ledger.PeriodMemo)) && !now.Before(known.read) {
		return known.month, nil
	}
	month, err := p.read(ctx, k)
	if err != nil {
		return month, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept == nil || len(p.kept) >= memoSize {
		p.kept = map[string]closed{}
	}
	p.kept[k.PK] = closed{month, now} // as old as the question, not as its answer
	return month, nil
}

func (p *Periods) read(ctx context.Context, k keys.Key) (civil.Month, error) {
	out, err := p.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(p.Table), ConsistentRead: aws.Bool(true),
		Key: map[string]types.AttributeValue{"pk": text(k.PK), "sk": text(k.SK)}})
	if err != nil {
		return civil.Month{}, fault.Later(err)
	}
	m, ok := out.Item[HeadMonth].(*types.AttributeValueMemberS)
	if !ok {
		return civil.Month{}, nil
	}
	month, err := civil.ParseMonth(m.Value)
	if err != nil {
		return month, fault.Internal(err)
	}
	return month, nil
}

// Fence closes a book's balances at a paying entity for entries of a month and before, for good: from then on the
// write of such an entry is refused by its condition. A book without balances has no entries and needs none.
func (b Book) Fence(ctx context.Context, tenant, book, entity string, month civil.Month) error {
	k := keys.Balance(tenant, book, entity)
	_, err := b.DB.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: aws.String(b.Table), Key: map[string]types.AttributeValue{"pk": text(k.PK), "sk": text(k.SK)},
		UpdateExpression:          aws.String("SET " + attrClosed + " = :m"),
		ConditionExpression:       aws.String("attribute_exists(pk) AND (attribute_not_exists(" + attrClosed + ") OR " + attrClosed + " < :m)"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":m": text(month.String())}})
	var refused *types.ConditionalCheckFailedException
	if err != nil && !errors.As(err, &refused) {
		return fault.Later(err)
	}
	return nil
}
