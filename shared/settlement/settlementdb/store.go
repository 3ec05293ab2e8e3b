package settlementdb

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/filedmonth/filedmonthdb"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/receivable/receivabledb"
)

// Store implements settlement.Store in three DynamoDB tables.
type Store struct {
	DB dynamo.API
	// Settlements, Ledger and Control are the names of the tables.
	Settlements, Ledger, Control string
	NewToken                     func() string
	// Now returns the real instant, from which lists of settlements go back in time.
	Now func() time.Time
	// Periods decides the accounting period of each journal entry; without it an entry keeps the
	// period that the caller gave.
	Periods ledger.Periods
}

var _ settlement.Store = (*Store)(nil)

// keyRetention is the least time for which the idempotency key of a settle call is kept. The
// identity of the settled payable is kept for ever.
const keyRetention = 30 * 24 * time.Hour

// Load reads a settlement with a consistent read.
//
// Errors: fault.MissingObject when the tenant has no such settlement.
func (s *Store) Load(ctx context.Context, tenant ident.Tenant,
	id ident.Settlement) (settlement.Settlement, error) {
	it, err := s.getItem(ctx, s.Settlements, keys.Settlement(tenant, id))
	if err != nil {
		return settlement.Settlement{}, err
	}
	if it == nil {
		return settlement.Settlement{}, fault.MissingObject("settlement")
	}
	return readMeta(it)
}

// readMeta reads a settlement from its main item; an item that cannot be read is an internal error.
func readMeta(it item) (settlement.Settlement, error) {
	st, err := DecodeMeta(it)
	if err != nil {
		return st, fault.Internal(err)
	}
	return st, nil
}

// getItem reads one item with a consistent read; it returns nil when there is none.
func (s *Store) getItem(ctx context.Context, table string, k keys.Key) (item, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(table),
		Key: dynamo.Key(k), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, awsfault.Classify(err)
	}
	return out.Item, nil
}

// Apply writes a change of a settlement. A change of the main item alone is one conditional put; a
// change that also posts an entry, moves a receivable or claims a key is one transaction. Figures
// beside a single put are written before it: their key is the hash of their content, so that
// figures to which no settlement refers do no harm.
func (s *Store) Apply(ctx context.Context, c settlement.Change) error {
	var posting []types.TransactWriteItem
	if c.Entry != nil {
		e, err := s.withAccountingPeriod(ctx, *c.Entry)
		if err != nil {
			return err
		}
		if posting, c.New.Last.Ledger, err = ledgerdb.EntryWritesWithHash(s.Ledger, e); err != nil {
			return err
		}
	}
	// The main item carries the hash of the posted entry, so it is made after the entry.
	meta := s.metaPut(c.New, c.Old)
	if c.Entry == nil && c.Raised == nil && c.Moves == nil && c.Rows == nil && c.Key == nil &&
		c.Also == nil && c.Bucket == nil && c.Freed == nil {
		if c.Figures != nil {
			if err := s.putFigures(ctx, *c.Figures); err != nil {
				return err
			}
		}
		return s.putMeta(ctx, meta, c.New.Last.ID)
	}
	return s.applyTransaction(ctx, c, meta, posting)
}

// withAccountingPeriod returns a journal entry with its accounting period.
func (s *Store) withAccountingPeriod(ctx context.Context, e ledger.Entry) (ledger.Entry, error) {
	if s.Periods == nil {
		return e, nil
	}
	err := s.Periods.AssignPeriod(ctx, &e)
	return e, err
}

// metaPut makes the conditional put of a settlement's main item. Without old the settlement must
// not exist yet; otherwise its stored revision must be the revision of old.
func (s *Store) metaPut(n settlement.Settlement, old *settlement.Settlement) *types.Put {
	put := &types.Put{TableName: aws.String(s.Settlements), Item: metaItem(n.WithHoldDate(old)),
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
	if old != nil {
		put.ConditionExpression = aws.String(attrRevision + " = :rev")
		put.ExpressionAttributeValues = item{":rev": dynamo.Number(int64(old.Revision))}
	}
	return put
}

// putMeta runs the put of metaPut as a request of its own, outside a transaction.
func (s *Store) putMeta(ctx context.Context, p *types.Put, act string) error {
	_, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: p.TableName, Item: p.Item,
		ConditionExpression:                 p.ConditionExpression,
		ExpressionAttributeValues:           p.ExpressionAttributeValues,
		ReturnValuesOnConditionCheckFailure: p.ReturnValuesOnConditionCheckFailure})
	return WriteOutcome(err, act)
}

// applyTransaction writes a change of several items in one DynamoDB transaction.
func (s *Store) applyTransaction(ctx context.Context, c settlement.Change, meta *types.Put,
	posting []types.TransactWriteItem) error {
	parts := []types.TransactWriteItem{{Put: meta}}
	if c.Also != nil {
		// The second settlement already has its new revision: the stored one must be one lower.
		before := *c.Also
		before.Revision--
		parts = append(parts, types.TransactWriteItem{Put: s.metaPut(*c.Also, &before)})
	}
	if c.Key != nil {
		parts = append(parts, dynamo.PutNew(s.Control, idempotencyKeyItem(*c.Key)))
	}
	parts = append(parts, posting...)
	claims, err := s.claimParts(c)
	if err != nil {
		return err
	}
	parts = append(parts, claims...)
	if c.Figures != nil {
		it, err := figuresItem(*c.Figures)
		if err != nil {
			return err
		}
		parts = append(parts,
			types.TransactWriteItem{Put: &types.Put{TableName: aws.String(s.Settlements), Item: it}})
	}
	if c.Bucket != nil {
		parts = append(parts, types.TransactWriteItem{Update: s.closeBucketUpdate(c.New, *c.Bucket)})
	}
	if c.Freed != nil {
		parts = append(parts,
			types.TransactWriteItem{Update: s.releaseBucketUpdate(c.New.Tenant, *c.Freed)})
	}
	return WriteOutcome(dynamo.Transact(ctx, s.DB, s.NewToken(), parts), c.New.Last.ID)
}

// claimParts returns the parts of a transaction that raise and move receivables and append tax
// bookings.
func (s *Store) claimParts(c settlement.Change) ([]types.TransactWriteItem, error) {
	parts, err := receivabledb.RaiseAll(s.Ledger, c.Raised)
	if err != nil {
		return nil, err
	}
	for _, m := range c.Moves {
		parts = append(parts, receivabledb.Move(s.Ledger, c.New.Tenant, m))
	}
	for _, b := range c.Rows {
		it, err := BookingItem(c.New.Tenant, b)
		if err != nil {
			return nil, err
		}
		// The condition refuses a sequence number that another booking has taken meanwhile.
		parts = append(parts, dynamo.PutNew(s.Ledger, it))
	}
	return parts, nil
}

// closeBucketUpdate marks a statement's bucket of income as settled by settlement n. The condition
// holds when the bucket is open, or was settled by the occurrence before n, which was undone; in
// both cases its sum must still be the gross that was settled.
func (s *Store) closeBucketUpdate(n settlement.Settlement, b settlement.BucketClose) *types.Update {
	return &types.Update{TableName: aws.String(s.Ledger),
		Key:              dynamo.Key(keys.Bucket(n.Tenant, b.CreatorID, b.Period, b.IncomeType)),
		UpdateExpression: aws.String("SET st = :settled, sid = :sid, occ = :n, live = :one"),
		ConditionExpression: aws.String(
			"(st = :open AND dist = :gross) OR (st = :settled AND occ = :before AND dist = :gross)"),
		ExpressionAttributeValues: item{":settled": dynamo.Text("settled"), ":open": dynamo.Text("open"),
			":sid": dynamo.Text(n.ID), ":n": dynamo.Number(int64(b.Occurrence)),
			":before": dynamo.Number(int64(b.Occurrence - 1)), ":gross": dynamo.Number(b.Gross.Fen()),
			":one": dynamo.Number(1)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
}

// releaseBucketUpdate marks a settled bucket as no longer consumed, because its settlement was
// undone. The next run of statements opens the bucket's income again.
func (s *Store) releaseBucketUpdate(tenant ident.Tenant, b settlement.BucketFree) *types.Update {
	return &types.Update{TableName: aws.String(s.Ledger),
		Key:              dynamo.Key(keys.Bucket(tenant, b.CreatorID, b.Period, b.IncomeType)),
		UpdateExpression: aws.String("REMOVE live"), ConditionExpression: aws.String("st = :settled"),
		ExpressionAttributeValues:           item{":settled": dynamo.Text("settled")},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
}

// idempotencyKeyItem makes the item of a settle call's idempotency key.
func idempotencyKeyItem(k settlement.KeyRecord) item {
	it := dynamo.Key(keys.Idempotency(k.Tenant, "settle", k.Key))
	it["hash"] = dynamo.Text(k.ContentHash)
	it["sid"] = dynamo.Text(string(k.Settlement))
	it["w"] = dynamo.Text(k.WriteID)
	it["at"], it["arrival"] = dynamo.Number(k.At.UnixMilli()), dynamo.Number(unixMillis(k.Arrival))
	it["ttl"] = dynamo.Number(k.At.Add(keyRetention).Unix())
	return it
}

// Key reads the record of a settle call's idempotency key; it returns nil when there is none. A
// record exists for at least 30 days.
func (s *Store) Key(ctx context.Context, tenant ident.Tenant,
	key string) (*settlement.KeyRecord, error) {
	it, err := s.getItem(ctx, s.Control, keys.Idempotency(tenant, "settle", key))
	if err != nil || it == nil {
		return nil, err
	}
	return &settlement.KeyRecord{Tenant: tenant, Key: key, ContentHash: dynamo.TextOf(it, "hash"),
		Settlement: ident.Settlement(dynamo.TextOf(it, "sid")), WriteID: dynamo.TextOf(it, "w"),
		At:      timeOfMillis(dynamo.NumberOf(it, "at")),
		Arrival: timeOfMillis(dynamo.NumberOf(it, "arrival"))}, nil
}

// PutKey stores the record of an idempotency key whose settle call met a payable that is already
// settled. The condition refuses a key that is stored already.
func (s *Store) PutKey(ctx context.Context, k settlement.KeyRecord) error {
	_, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.Control),
		Item: idempotencyKeyItem(k), ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
	return dynamo.WriteOutcome(err, "w", k.WriteID)
}

// BookingItem makes the item of a tax booking in the list of its taxpayer, paying entity and year.
func BookingItem(tenant ident.Tenant, b settlement.Booking) (item, error) {
	return EncodeDocument(keys.TaxRows(tenant, b.Entity, b.Taxpayer, b.Year, b.Seq), b)
}

// TaxRows reads the bookings of a taxpayer at a paying entity in one tax year, in order, with a
// consistent read. Where another taxpayer was merged into this one, the booking of the merge
// carries the bookings of the other list.
//
// Errors: an internal error when the sequence of bookings has a gap.
func (s *Store) TaxRows(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer, year int) ([]settlement.Booking, error) {
	bookings, err := s.readTaxList(ctx, tenant, entity, taxpayer, year)
	if err != nil {
		return nil, err
	}
	for i := range bookings {
		if from := bookings[i].Merged; from != "" {
			if bookings[i].Behind, err = s.readTaxList(ctx, tenant, entity, ident.Taxpayer(from),
				year); err != nil {
				return nil, err
			}
		}
	}
	return bookings, nil
}

// readTaxList reads one tax list and checks that its sequence numbers are 1, 2, 3 without a gap.
func (s *Store) readTaxList(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer, year int) ([]settlement.Booking, error) {
	items, err := s.queryByPrefix(ctx, s.Ledger, keys.TaxLog(tenant, entity, taxpayer),
		keys.TaxYearPrefix(year))
	if err != nil {
		return nil, err
	}
	bookings := make([]settlement.Booking, len(items))
	for i, it := range items {
		if bookings[i], err = DecodeDocument[settlement.Booking](it); err != nil {
			return nil, err
		}
		// A missing booking would make the totals of the year too low.
		if bookings[i].Seq != i+1 {
			return nil, fault.Internal(
				fmt.Errorf("settlementdb: tax rows of %s/%s %d: number %d where %d is due", entity, taxpayer,
					year, bookings[i].Seq, i+1))
		}
	}
	return bookings, nil
}

// queryByPrefix reads all items of a partition whose sort key begins with a prefix, consistently.
func (s *Store) queryByPrefix(ctx context.Context, table, pk, prefix string) ([]item, error) {
	return dynamo.QueryAll(ctx, s.DB, dynamo.PartitionQuery(table, pk, prefix))
}

// Receivables reads what a creator owes to a paying entity, or to all paying entities when entity
// is "".
func (s *Store) Receivables(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	entity ident.Entity) ([]receivable.Receivable, error) {
	prefix := keys.ReceivablePrefix
	if entity != "" {
		prefix = keys.EntityReceivablePrefix(entity)
	}
	return receivabledb.List(ctx, s.DB, s.Ledger, tenant, creator, prefix)
}

// ReadEntry reads a journal entry of a creator's book.
func (s *Store) ReadEntry(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	id string) (ledger.Entry, error) {
	return ledgerdb.Book{DB: s.DB, Table: s.Ledger}.ReadEntry(ctx, tenant, creator, id)
}

// PutPayoutKey stores which settlement a payout key belongs to. The caller stores the key before it
// sends the payment for the first time; a repeated call stores the same item again.
func (s *Store) PutPayoutKey(ctx context.Context, tenant ident.Tenant, key, id string) error {
	it := dynamo.Key(keys.PayoutKey(tenant, key))
	it["sid"] = dynamo.Text(id)
	_, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.Control), Item: it})
	return awsfault.Classify(err)
}

// SettlementOfKey finds the settlement to which a payout key belongs.
//
// Errors: fault.MissingObject when the tenant has no such key.
func (s *Store) SettlementOfKey(ctx context.Context, tenant ident.Tenant,
	key string) (string, error) {
	it, err := s.getItem(ctx, s.Control, keys.PayoutKey(tenant, key))
	if err != nil {
		return "", err
	}
	if it == nil {
		return "", fault.MissingObject("payout")
	}
	return dynamo.TextOf(it, "sid"), nil
}

// FiledMonths lists the months that a paying entity has filed, oldest first. The read is
// consistent.
func (s *Store) FiledMonths(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) ([]filedmonth.FiledMonth, error) {
	return filedmonthdb.List(ctx, s.DB, s.Ledger, tenant, entity)
}
