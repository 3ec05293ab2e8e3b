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

// Store implements settlement.Store.
type Store struct {
	DB                           dynamo.API
	Settlements, Ledger, Control string // table names
	NewToken                     func() string
	Now                          func() time.Time // real instant: the newest end of lists
	// decides the accounting periods of entries; nil leaves them as they are
	Periods ledger.Periods
}

var _ settlement.Store = (*Store)(nil)

// keyLife is how long the record of a settle call's key is kept; identities are kept for ever.
const keyLife = 30 * 24 * time.Hour

// Load reads META consistently.
func (s *Store) Load(ctx context.Context, tenant ident.Tenant,
	id ident.Settlement) (settlement.Settlement, error) {
	it, err := s.get(ctx, s.Settlements, keys.Settlement(tenant, id))
	if err != nil {
		return settlement.Settlement{}, err
	}
	if it == nil {
		return settlement.Settlement{}, fault.Absent("settlement")
	}
	return read(it)
}

func read(it item) (settlement.Settlement, error) {
	st, err := DecodeMeta(it)
	if err != nil {
		return st, fault.Internal(err)
	}
	return st, nil
}

func (s *Store) get(ctx context.Context, table string, k keys.Key) (item, error) {
	out, err := s.DB.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String(table),
		Key: dynamo.Key(k), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, awsfault.Of(err)
	}
	return out.Item, nil
}

// Apply writes a change: one conditional put where META alone changes, a transaction where two
// items must agree. Figures go first where nothing else goes with them: they are named by their
// content, so that an orphan harms nobody.
func (s *Store) Apply(ctx context.Context, c settlement.Change) error {
	var posting []types.TransactWriteItem
	if c.Entry != nil {
		e, err := s.dated(ctx, *c.Entry)
		if err != nil {
			return err
		}
		if posting, c.New.Last.Ledger, err = ledgerdb.EntryWritesWithHash(s.Ledger, e); err != nil {
			return err
		}
	}
	meta := s.meta(c.New, c.Old)
	if c.Entry == nil && c.Raised == nil && c.Moves == nil && c.Rows == nil && c.Key == nil &&
		c.Also == nil && c.Bucket == nil && c.Freed == nil {
		if c.Figures != nil {
			if err := s.putFigures(ctx, *c.Figures); err != nil {
				return err
			}
		}
		return s.putMeta(ctx, meta, c.New.Last.ID)
	}
	return s.transact(ctx, c, meta, posting)
}

// dated gives an entry its accounting period.
func (s *Store) dated(ctx context.Context, e ledger.Entry) (ledger.Entry, error) {
	if s.Periods == nil {
		return e, nil
	}
	err := s.Periods.AssignPeriod(ctx, &e)
	return e, err
}

// meta is the conditional put of a settlement: it must be new, or as old as the one that was
// decided on.
func (s *Store) meta(n settlement.Settlement, old *settlement.Settlement) *types.Put {
	put := &types.Put{TableName: aws.String(s.Settlements), Item: metaItem(n.HeldAfter(old)),
		ConditionExpression:                 aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
	if old != nil {
		put.ConditionExpression = aws.String(attrRevision + " = :rev")
		put.ExpressionAttributeValues = item{":rev": dynamo.Number(int64(old.Revision))}
	}
	return put
}

func (s *Store) putMeta(ctx context.Context, p *types.Put, act string) error {
	_, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: p.TableName, Item: p.Item,
		ConditionExpression:                 p.ConditionExpression,
		ExpressionAttributeValues:           p.ExpressionAttributeValues,
		ReturnValuesOnConditionCheckFailure: p.ReturnValuesOnConditionCheckFailure})
	return Outcome(err, act)
}

func (s *Store) transact(ctx context.Context, c settlement.Change, meta *types.Put,
	posting []types.TransactWriteItem) error {
	parts := []types.TransactWriteItem{{Put: meta}}
	if c.Also != nil {
		before := *c.Also
		before.Revision--
		parts = append(parts, types.TransactWriteItem{Put: s.meta(*c.Also, &before)})
	}
	if c.Key != nil {
		parts = append(parts, dynamo.PutNew(s.Control, keyItem(*c.Key)))
	}
	parts = append(parts, posting...)
	raised, err := receivabledb.RaiseAll(s.Ledger, c.Raised)
	if err != nil {
		return err
	}
	parts = append(parts, raised...)
	for _, m := range c.Moves {
		parts = append(parts, receivabledb.Move(s.Ledger, c.New.Tenant, m))
	}
	for _, b := range c.Rows {
		it, err := BookingItem(c.New.Tenant, b)
		if err != nil {
			return err
		}
		parts = append(parts, dynamo.PutNew(s.Ledger, it))
	}
	if c.Figures != nil {
		it, err := figuresItem(*c.Figures)
		if err != nil {
			return err
		}
		parts = append(parts,
			types.TransactWriteItem{Put: &types.Put{TableName: aws.String(s.Settlements), Item: it}})
	}
	if c.Bucket != nil {
		parts = append(parts, types.TransactWriteItem{Update: s.bucketClose(c.New, *c.Bucket)})
	}
	if c.Freed != nil {
		parts = append(parts, types.TransactWriteItem{Update: s.bucketFree(c.New.Tenant, *c.Freed)})
	}
	return Outcome(dynamo.Transact(ctx, s.DB, s.NewToken(), parts), c.New.Last.ID)
}

// bucketClose turns a statement's bucket into a settlement, or into the next occurrence of one that
// was undone.
func (s *Store) bucketClose(n settlement.Settlement, b settlement.BucketClose) *types.Update {
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

// bucketFree takes back the word that what consumed a bucket stands: the next run of statements
// looks at it again.
func (s *Store) bucketFree(tenant ident.Tenant, b settlement.BucketFree) *types.Update {
	return &types.Update{TableName: aws.String(s.Ledger),
		Key:              dynamo.Key(keys.Bucket(tenant, b.CreatorID, b.Period, b.IncomeType)),
		UpdateExpression: aws.String("REMOVE live"), ConditionExpression: aws.String("st = :settled"),
		ExpressionAttributeValues:           item{":settled": dynamo.Text("settled")},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
}

func keyItem(k settlement.KeyRecord) item {
	it := dynamo.Key(keys.Idempotency(k.Tenant, "settle", k.Key))
	it["hash"] = dynamo.Text(k.ContentHash)
	it["sid"] = dynamo.Text(string(k.Settlement))
	it["w"] = dynamo.Text(k.WriteID)
	it["at"], it["arrival"] = dynamo.Number(k.At.UnixMilli()), dynamo.Number(millis(k.Arrival))
	it["ttl"] = dynamo.Number(k.At.Add(keyLife).Unix())
	return it
}

// Key reads the record of a settle call's key. It lives at least 30 days, and until the table
// removes it.
func (s *Store) Key(ctx context.Context, tenant ident.Tenant,
	key string) (*settlement.KeyRecord, error) {
	it, err := s.get(ctx, s.Control, keys.Idempotency(tenant, "settle", key))
	if err != nil || it == nil {
		return nil, err
	}
	return &settlement.KeyRecord{Tenant: tenant, Key: key, ContentHash: dynamo.TextOf(it, "hash"),
		Settlement: ident.Settlement(dynamo.TextOf(it, "sid")), WriteID: dynamo.TextOf(it, "w"),
		At: instant(dynamo.NumberOf(it, "at")), Arrival: instant(dynamo.NumberOf(it, "arrival"))}, nil
}

// PutKey writes the record of a key for a payable that is known already.
func (s *Store) PutKey(ctx context.Context, k settlement.KeyRecord) error {
	_, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.Control),
		Item: keyItem(k), ConditionExpression: aws.String("attribute_not_exists(pk)"),
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld})
	return dynamo.Outcome(err, "w", k.WriteID)
}

// BookingItem is a booking as it is kept in its taxpayer's list of the year.
func BookingItem(tenant ident.Tenant, b settlement.Booking) (item, error) {
	return DocumentItem(keys.TaxRows(tenant, b.Entity, b.Taxpayer, b.Year, b.Seq), b)
}

// TaxRows reads a year's bookings in order, consistently, and refuses a list with a hole in it. A
// list that another was merged into brings that one along.
func (s *Store) TaxRows(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer, year int) ([]settlement.Booking, error) {
	bookings, err := s.taxList(ctx, tenant, entity, taxpayer, year)
	if err != nil {
		return nil, err
	}
	for i := range bookings {
		if from := bookings[i].Merged; from != "" {
			if bookings[i].Behind, err = s.taxList(ctx, tenant, entity, ident.Taxpayer(from),
				year); err != nil {
				return nil, err
			}
		}
	}
	return bookings, nil
}

func (s *Store) taxList(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer, year int) ([]settlement.Booking, error) {
	items, err := s.query(ctx, s.Ledger, keys.TaxLog(tenant, entity, taxpayer), keys.TaxYear(year))
	if err != nil {
		return nil, err
	}
	bookings := make([]settlement.Booking, len(items))
	for i, it := range items {
		if bookings[i], err = DocumentOf[settlement.Booking](it); err != nil {
			return nil, err
		}
		if bookings[i].Seq != i+1 {
			return nil, fault.Internal(
				fmt.Errorf("settlementdb: tax rows of %s/%s %d: number %d where %d is due", entity, taxpayer,
					year, bookings[i].Seq, i+1))
		}
	}
	return bookings, nil
}

func (s *Store) query(ctx context.Context, table, pk, prefix string) ([]item, error) {
	return dynamo.QueryAll(ctx, s.DB, dynamo.PartitionQuery(table, pk, prefix))
}

// Receivables reads the claims on a creator at a paying entity, at all of them when entity is "".
func (s *Store) Receivables(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	entity ident.Entity) ([]receivable.Receivable, error) {
	prefix := keys.ReceivablePrefix
	if entity != "" {
		prefix = keys.ReceivablesOf(entity)
	}
	return receivabledb.List(ctx, s.DB, s.Ledger, tenant, creator, prefix)
}

// Entry reads a journal entry.
func (s *Store) Entry(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	id string) (ledger.Entry, error) {
	return ledgerdb.Book{DB: s.DB, Table: s.Ledger}.Entry(ctx, tenant, creator, id)
}

// PutPayoutKey remembers which settlement a payout key belongs to, before the first send. Writing
// it again is harmless.
func (s *Store) PutPayoutKey(ctx context.Context, tenant ident.Tenant, key, id string) error {
	it := dynamo.Key(keys.PayoutKey(tenant, key))
	it["sid"] = dynamo.Text(id)
	_, err := s.DB.PutItem(ctx, &dynamodb.PutItemInput{TableName: aws.String(s.Control), Item: it})
	return awsfault.Of(err)
}

// SettlementOfKey finds the settlement of a payout key; fault.Absent when the tenant has none.
func (s *Store) SettlementOfKey(ctx context.Context, tenant ident.Tenant,
	key string) (string, error) {
	it, err := s.get(ctx, s.Control, keys.PayoutKey(tenant, key))
	if err != nil {
		return "", err
	}
	if it == nil {
		return "", fault.Absent("payout")
	}
	return dynamo.TextOf(it, "sid"), nil
}

// FiledMonths lists the months that a paying entity has filed, oldest first. The read is
// consistent.
func (s *Store) FiledMonths(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) ([]filedmonth.FiledMonth, error) {
	return filedmonthdb.List(ctx, s.DB, s.Ledger, tenant, entity)
}
