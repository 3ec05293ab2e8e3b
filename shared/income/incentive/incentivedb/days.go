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

// Attribute names of the items of chunks, of creators' closed days and of tenants' days.
const (
	// attrEntries is the text of incentive.EncodeEntries.
	attrEntries = "e"
	// attrRevision is the number of the last accrual of a creator's closed day (keys.DayClose).
	attrRevision = "rev"
	// attrCash is the sum of fen accrued for a creator's closed day (keys.DayClose).
	attrCash = "cash"
	// attrTouches counts how often entries came after the close of a day had begun (keys.Day).
	attrTouches = "touches"
	// attrBegun is set when a close of the day has begun (keys.Day).
	attrBegun = "begun"
	// attrCovered is the number of touches that a complete close has covered (keys.Day).
	attrCovered = "covered"
	// entriesLimit is the largest number of entries in one chunk: about 100 KB, while DynamoDB allows
	// 400 KB for an item.
	entriesLimit = 1000
	// hashLength is the number of hex digits in the name of a chunk: 96 bits, unique among the chunks
	// of one creator's day.
	hashLength = 24
)

// chunkItems returns the items of entries. Each chunk is named after its content, so that the same
// entries added again are the same item.
func chunkItems(entries map[incentive.CreatorDay][]incentive.Entry) []item {
	var out []item
	for d, es := range entries {
		for len(es) > 0 {
			n := min(len(es), entriesLimit)
			body := incentive.EncodeEntries(es[:n])
			sum := sha256.Sum256([]byte(body))
			k := keys.DayChunk(d.Tenant, d.Day, d.Creator, hex.EncodeToString(sum[:])[:hashLength])
			it := dynamo.Key(k)
			it[attrEntries] = dynamo.Text(body)
			out, es = append(out, it), es[n:]
		}
	}
	return out
}

// Days stores the creators' days. It implements incentive.Chunks and incentive.Days.
type Days struct{ table }

// NewDays returns the store of the days in a table.
func NewDays(client dynamo.API, name string) *Days { return &Days{table{client, name}} }

// AddEntries implements incentive.Chunks. The writes need no condition, because two items of the
// same name have the same content.
func (d *Days) AddEntries(ctx context.Context,
	entries map[incentive.CreatorDay][]incentive.Entry) error {
	return d.putItems(ctx, chunkItems(entries))
}

// putItems writes items whose content never differs under the same key.
func (t *table) putItems(ctx context.Context, items []item) error {
	var group errgroup.Group
	group.SetLimit(pace.Parallelism(ctx, callsAtOnce))
	for part := range slices.Chunk(items, dynamo.ItemsPerWrite) {
		group.Go(func() error { return dynamo.BatchPut(ctx, t.client, t.name, part) })
	}
	return group.Wait()
}

// ReadCreatorDay implements incentive.Chunks.
func (d *Days) ReadCreatorDay(ctx context.Context,
	c incentive.CreatorDay) ([]incentive.Entry, incentive.PriorAccrual, error) {
	var day creatorDay
	err := d.queryPartition(ctx, keys.DayChunks(c.Tenant, c.Day, c.Creator), string(c.Creator+"#"),
		day.addItem)
	return day.entries, day.closed, err
}

// creatorDay collects the items of one creator's day.
type creatorDay struct {
	creator ident.Creator
	entries []incentive.Entry
	closed  incentive.PriorAccrual
}

// addItem adds an item of the day: the record of its close or a chunk of entries.
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

// ReadAccruals reads with consistent reads what was accrued for days of a creator; days without an
// accrual are left out.
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

// ReadShard implements incentive.Chunks. The items of one creator are adjacent, so only one creator
// is in memory at a time.
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

// queryPartition reads the items of a partition whose sort key has the prefix, in order and with
// consistent reads.
func (t *table) queryPartition(ctx context.Context, pk, prefix string,
	each func(item) error) error {
	return dynamo.QueryEach(ctx, t.client, dynamo.PartitionQuery(t.name, pk, prefix), each)
}

// MarkChanged implements incentive.Days. The item of the day is read after the entries were
// written: a close that has not begun by then will read the entries, and a close that has begun is
// made due again. An open day costs one read and no write.
func (d *Days) MarkChanged(ctx context.Context, tenant ident.Tenant, days []civil.Date) error {
	for _, day := range days {
		if err := d.markDayChanged(ctx, keys.EventDay(tenant, day)); err != nil {
			return fmt.Errorf("incentivedb: touch %s: %w", day, err)
		}
	}
	return nil
}

// markDayChanged creates the item of a day, or counts a touch when a close of the day has begun.
func (d *Days) markDayChanged(ctx context.Context, k keys.Key) error {
	out, err := d.client.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: &d.name, Key: dynamo.Key(k), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return awsfault.Classify(err)
	}
	if out.Item == nil {
		_, err = d.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &d.name, Item: dynamo.Key(k),
			ConditionExpression: aws.String("attribute_not_exists(pk)")})
		// A refusal means that a close or another writer has created the item meanwhile; the touch is
		// counted below.
		if dynamo.AsConditionError(err) == nil {
			return awsfault.Classify(err)
		}
	} else if out.Item[attrBegun] == nil {
		return nil
	}
	return d.makeDueAgain(ctx, k)
}

// makeDueAgain counts a touch of a day whose close has begun, which makes the day due again.
func (d *Days) makeDueAgain(ctx context.Context, k keys.Key) error {
	_, err := d.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &d.name, Key: dynamo.Key(k),
		UpdateExpression:          aws.String("ADD " + attrTouches + " :one"),
		ExpressionAttributeValues: item{":one": dynamo.Number(1)},
	})
	return awsfault.Classify(err)
}

// BeginClose implements incentive.Days.
func (d *Days) BeginClose(ctx context.Context, tenant ident.Tenant, day civil.Date) (int64, error) {
	out, err := d.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &d.name, Key: dynamo.Key(keys.EventDay(tenant, day)),
		ReturnValues: types.ReturnValueAllNew,
		UpdateExpression: aws.String("SET " + attrBegun + " = :yes ADD " + attrTouches +
			" :zero"),
		ExpressionAttributeValues: item{":yes": &types.AttributeValueMemberBOOL{Value: true},
			":zero": dynamo.Number(0)},
	})
	if err != nil {
		return 0, awsfault.Classify(fmt.Errorf("incentivedb: begin %s: %w", day, err))
	}
	return strconv.ParseInt(stored(out.Attributes).number(attrTouches), 10, 64)
}

// FinishClose implements incentive.Days. A slower close that covered fewer touches does not lower
// the stored number.
func (d *Days) FinishClose(ctx context.Context, tenant ident.Tenant, day civil.Date,
	touches int64) error {
	_, err := d.client.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &d.name, Key: dynamo.Key(keys.EventDay(tenant, day)),
		UpdateExpression: aws.String("SET " + attrCovered + " = :n"),
		ConditionExpression: aws.String("attribute_not_exists(" + attrCovered + ") OR " +
			attrCovered + " < :n"),
		ExpressionAttributeValues: item{":n": dynamo.Number(touches)},
	})
	// A refusal means that a close which covered more touches was stored before.
	if err != nil && dynamo.AsConditionError(err) == nil {
		return awsfault.Classify(fmt.Errorf("incentivedb: finish %s: %w", day, err))
	}
	return nil
}

// ListDueDays implements incentive.Days. The list of a tenant has one small item for each day that
// ever had events.
func (d *Days) ListDueDays(ctx context.Context, tenant ident.Tenant,
	before civil.Date) ([]civil.Date, error) {
	var due []civil.Date
	err := d.queryPartition(ctx, keys.EventDays(tenant), "", func(it item) error {
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
		&dynamodb.GetItemInput{TableName: &d.name, Key: dynamo.Key(keys.EventDay(tenant, day))})
	if err != nil {
		return false, awsfault.Classify(err)
	}
	return out.Item[attrCovered] != nil, nil
}
