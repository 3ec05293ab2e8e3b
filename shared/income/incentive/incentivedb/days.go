package incentivedb

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/money"
)

// Attribute names of chunks, of a creator's closed day, and of a tenant's days.
const (
	attrEntries  = "e"       // incentive.Encode
	attrRevision = "rev"     // of keys.DayClose: the last accrual's number
	attrCash     = "cash"    // of keys.DayClose: fen accrued
	attrTouches  = "touches" // of keys.Day: how often entries came after the close had begun
	attrBegun    = "begun"   // of keys.Day: a close has begun
	attrCovered  = "covered" // of keys.Day: the touches that a complete close has covered
	entriesLimit = 1000      // entries of one chunk: 100 KB at most, an item may have 400
	hashLength   = 24        // hex digits of a chunk's name: 96 bits among one creator's day
)

// chunkItems names every chunk by its content: the same entries again are the same item.
func chunkItems(entries map[incentive.CreatorDay][]incentive.Entry) []item {
	var out []item
	for d, es := range entries {
		for len(es) > 0 {
			n := min(len(es), entriesLimit)
			body := incentive.EncodeEntries(es[:n])
			sum := sha256.Sum256([]byte(body))
			k := keys.Chunk(d.Tenant, d.Day, d.Creator, hex.EncodeToString(sum[:])[:hashLength])
			it := dynamo.Key(k)
			it[attrEntries] = dynamo.Text(body)
			out, es = append(out, it), es[n:]
		}
	}
	return out
}

// Days keeps the creators' days. It implements incentive.Chunks and incentive.Days.
type Days struct{ table }

// NewDays makes the store of a table's days.
func NewDays(client dynamo.API, name string) *Days { return &Days{table{client, name}} }

// AddEntries implements incentive.Chunks. The puts carry no condition: an item of that name has that
// content.
func (d *Days) AddEntries(ctx context.Context, entries map[incentive.CreatorDay][]incentive.Entry) error {
	return d.putItems(ctx, chunkItems(entries))
}

// putItems writes items whose content never differs under one key.
func (t *table) putItems(ctx context.Context, items []item) error {
	var group errgroup.Group
	group.SetLimit(pace.AtOnce(ctx, callsAtOnce))
	for part := range slices.Chunk(items, dynamo.ItemsPerWrite) {
		group.Go(func() error { return dynamo.BatchPut(ctx, t.client, t.name, part) })
	}
	return group.Wait()
}

// ReadCreatorDay implements incentive.Chunks.
func (d *Days) ReadCreatorDay(ctx context.Context,
	c incentive.CreatorDay) ([]incentive.Entry, incentive.PriorAccrual, error) {
	var day creatorDay
	err := d.queryPartition(ctx, keys.DayChunks(c.Tenant, c.Day, c.Creator), string(c.Creator+"#"), day.addItem)
	return day.entries, day.closed, err
}

// creatorDay gathers the items of one creator's day.
type creatorDay struct {
	creator ident.Creator
	entries []incentive.Entry
	closed  incentive.PriorAccrual
}

func (c *creatorDay) addItem(it item) error {
	if rev := stored(it).number(attrRevision); rev != "" {
		n, err1 := strconv.Atoi(rev)
		cash, err2 := strconv.ParseInt(stored(it).number(attrCash), 10, 64)
		if err1 != nil || err2 != nil {
			return errItem
		}
		c.closed = incentive.PriorAccrual{Revision: n, Cash: money.Fen(cash)}
		return nil
	}
	es, err := incentive.DecodeEntries(stored(it).text(attrEntries))
	c.entries = append(c.entries, es...)
	return err
}

// ReadAccruals reads what was accrued to a creator for days, consistently; a day that is not closed is
// left out.
func (d *Days) ReadAccruals(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	days []civil.Date) (map[civil.Date]incentive.PriorAccrual, error) {
	byKey, ask := make(map[string]civil.Date, len(days)), make([]item, len(days))
	for i, day := range days {
		k := keys.DayClose(tenant, day, creator)
		byKey[k.PK], ask[i] = day, dynamo.Key(k)
	}
	closed := make(map[civil.Date]incentive.PriorAccrual, len(days))
	err := dynamo.BatchGet(ctx, d.client, d.name, ask, func(it item) error {
		var day creatorDay
		if err := day.addItem(it); err != nil {
			return fault.Internal(err)
		}
		closed[byKey[stored(it).text("pk")]] = day.closed
		return nil
	})
	return closed, err
}

// ReadShard implements incentive.Chunks. The items of one creator lie together, so one creator is in
// memory at a time.
func (d *Days) ReadShard(ctx context.Context, tenant ident.Tenant, day civil.Date, n uint32,
	each func(ident.Creator, []incentive.Entry, incentive.PriorAccrual) error) error {
	var now creatorDay
	done := func() error {
		if now.creator == "" {
			return nil
		}
		return each(now.creator, now.entries, now.closed)
	}
	err := d.queryPartition(ctx, keys.DayShard(tenant, day, n), "", func(it item) error {
		creator, _, ok := strings.Cut(stored(it).text("sk"), "#")
		if !ok || creator == "" {
			return errItem
		}
		if ident.Creator(creator) != now.creator {
			if err := done(); err != nil {
				return err
			}
			now = creatorDay{creator: ident.Creator(creator)}
		}
		return now.addItem(it)
	})
	if err != nil {
		return err
	}
	return done()
}

// queryPartition reads a partition's items whose sort key has the prefix, in order and consistently.
func (t *table) queryPartition(ctx context.Context, pk, prefix string, each func(item) error) error {
	return dynamo.QueryEach(ctx, t.client, dynamo.PartitionQuery(t.name, pk, prefix), each)
}

// MarkChanged implements incentive.Days. The day's item is read after the entries were written; a close
// that has not begun by then will read them. So a close and a touch never miss each other, and a
// day that is still open costs a read, not a write.
func (d *Days) MarkChanged(ctx context.Context, tenant ident.Tenant, days []civil.Date) error {
	for _, day := range days {
		if err := d.markDayChanged(ctx, keys.Day(tenant, day)); err != nil {
			return fmt.Errorf("incentivedb: touch %s: %w", day, err)
		}
	}
	return nil
}

func (d *Days) markDayChanged(ctx context.Context, k keys.Key) error {
	out, err := d.client.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: &d.name, Key: dynamo.Key(k), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return awsfault.Of(err)
	}
	if out.Item == nil {
		_, err = d.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &d.name, Item: dynamo.Key(k),
			ConditionExpression: aws.String("attribute_not_exists(pk)")})
		if dynamo.Refusal(err) == nil {
			return awsfault.Of(err)
		}
	} else if out.Item[attrBegun] == nil {
		return nil
	}
	return d.makeDueAgain(ctx, k)
}

// makeDueAgain makes a day due whose close has begun.
func (d *Days) makeDueAgain(ctx context.Context, k keys.Key) error {
	_, err := d.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &d.name, Key: dynamo.Key(k),
		UpdateExpression:          aws.String("ADD " + attrTouches + " :one"),
		ExpressionAttributeValues: item{":one": dynamo.Number(1)},
	})
	return awsfault.Of(err)
}

// BeginClose implements incentive.Days.
func (d *Days) BeginClose(ctx context.Context, tenant ident.Tenant, day civil.Date) (int64, error) {
	out, err := d.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &d.name, Key: dynamo.Key(keys.Day(tenant, day)), ReturnValues: types.ReturnValueAllNew,
		UpdateExpression: aws.String("SET " + attrBegun + " = :yes ADD " + attrTouches +
			" :zero"),
		ExpressionAttributeValues: item{":yes": &types.AttributeValueMemberBOOL{Value: true},
			":zero": dynamo.Number(0)},
	})
	if err != nil {
		return 0, awsfault.Of(fmt.Errorf("incentivedb: begin %s: %w", day, err))
	}
	return strconv.ParseInt(stored(out.Attributes).number(attrTouches), 10, 64)
}

// FinishClose implements incentive.Days. A slower close of fewer touches takes nothing back.
func (d *Days) FinishClose(ctx context.Context, tenant ident.Tenant, day civil.Date,
	touches int64) error {
	_, err := d.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &d.name, Key: dynamo.Key(keys.Day(tenant, day)),
		UpdateExpression: aws.String("SET " + attrCovered + " = :n"),
		ConditionExpression: aws.String("attribute_not_exists(" + attrCovered + ") OR " +
			attrCovered + " < :n"),
		ExpressionAttributeValues: item{":n": dynamo.Number(touches)},
	})
	if err == nil || dynamo.Refusal(err) != nil {
		return nil
	}
	return awsfault.Of(fmt.Errorf("incentivedb: finish %s: %w", day, err))
}

// ListDueDays implements incentive.Days. A tenant's list has one small item for each day that ever had
// events.
func (d *Days) ListDueDays(ctx context.Context, tenant ident.Tenant,
	before civil.Date) ([]civil.Date, error) {
	var due []civil.Date
	err := d.queryPartition(ctx, keys.Days(tenant), "", func(it item) error {
		day, err := civil.ParseDate(stored(it).text("sk"))
		if err != nil {
			return errItem
		}
		covered := stored(it).number(attrCovered)
		if day.Before(before) && (covered == "" || covered != stored(it).number(attrTouches)) {
			due = append(due, day)
		}
		return nil
	})
	return due, err
}

// IsClosed implements incentive.Days.
func (d *Days) IsClosed(ctx context.Context, tenant ident.Tenant, day civil.Date) (bool, error) {
	out, err := d.client.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: &d.name, Key: dynamo.Key(keys.Day(tenant, day))})
	if err != nil {
		return false, awsfault.Of(err)
	}
	return out.Item[attrCovered] != nil, nil
}
