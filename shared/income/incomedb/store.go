package incomedb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/outbox"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/money"
)

// Store stores income lines and buckets in the ledger table. It implements income.LineStore and
// income.BucketStore.
type Store struct {
	DB dynamo.API
	// Ledger and Settlements are table names; the audit records are written into the settlements
	// table.
	Ledger, Settlements string
	NewToken            func() string
}

var (
	_ income.LineStore   = (*Store)(nil)
	_ income.BucketStore = (*Store)(nil)
)

// The search for an open bucket is bounded: the bucket of the current day is always open, no line
// is older than fourteen months, and each month has at most one part for each day. maxTries bounds
// how often a bucket that was found open is closed by another writer before the write.
const (
	maxMonthsOn = 24
	maxParts    = 1000
	maxTries    = 8
)

// errNoBucket reports that no open bucket was found, which the limits on the age of lines rule out.
var errNoBucket = errors.New("incomedb: every later bucket is closed")

// AddLines implements income.LineStore. When DynamoDB refuses the transaction, the items it returns
// show why: lines that are stored already are removed, a closed bucket is replaced by the next open
// one, and the remaining lines are tried again.
func (s *Store) AddLines(ctx context.Context, a income.Addition) ([]income.Placement, error) {
	placed := make([]income.Placement, len(a.Lines))
	left := make([]int, len(a.Lines))
	for i := range a.Lines {
		left[i] = i
	}
	bucket := a.Into
	for range maxTries + len(a.Lines) {
		// All lines were stored by earlier calls; nothing is left to write.
		if len(left) == 0 {
			return placed, nil
		}
		refused, err := s.tryAdd(ctx, a, bucket, left)
		if err != nil {
			return nil, err
		}
		if refused == nil {
			for _, i := range left {
				placed[i] = income.Placement{Bucket: bucket}
			}
			return placed, nil
		}
		if left, err = removeStored(a, left, refused.Found, placed); err != nil {
			return nil, err
		}
		// The bucket is the last item but one of the transaction, before the audit record. It is in the
		// answer when the bucket was closed.
		if closed := refused.Found[len(refused.Found)-2]; closed != nil && len(left) > 0 {
			if bucket, err = s.nextOpenPeriod(ctx, book{a.Tenant, a.CreatorID, a.IncomeType}, a.Course,
				bucket); err != nil {
				return nil, err
			}
		}
	}
	return nil, fault.Temporary(errNoBucket)
}

// book identifies the buckets of one creator and one income type.
type book struct {
	tenant     ident.Tenant
	creator    ident.Creator
	incomeType string
}

// nextOpenPeriod returns the first period after a closed one, in the sequence of the contracts'
// periods, whose bucket is still open.
func (s *Store) nextOpenPeriod(ctx context.Context, of book, course cycle.Timeline,
	closed cycle.Period) (cycle.Period, error) {
	known, err := s.ListBuckets(ctx, of.tenant, of.creator, closed.Month,
		closed.Month.Add(maxMonthsOn))
	if err != nil {
		return cycle.Period{}, err
	}
	shut := map[cycle.Period]bool{closed: true}
	for _, b := range known {
		if b.IncomeType == of.incomeType && b.State != income.Open {
			shut[b.CyclePeriod()] = true
		}
	}
	p := closed
	for range maxParts {
		if p = course.NextPeriod(p); !shut[p] {
			return p, nil
		}
	}
	return cycle.Period{}, fault.Internal(errNoBucket)
}

// tryAdd tries once to write the lines with the indexes in left into one bucket; it returns the
// refusal of the transaction, nil when the lines were written.
func (s *Store) tryAdd(ctx context.Context, a income.Addition, bucket cycle.Period,
	left []int) (*dynamo.ConditionError, error) {
	g := bucketAddition{tenant: a.Tenant, creator: a.CreatorID, incomeType: a.IncomeType,
		bucket: bucket,
		own:    a.Period, source: income.SourceClearing, by: []string{a.By}}
	parts := make([]types.TransactWriteItem, 0, len(left)+2)
	for _, i := range left {
		put, err := newLinePart(s.Ledger, a.Tenant, a.Lines[i], bucket, a.WriteID)
		if err != nil {
			return nil, err
		}
		parts, g.lines = append(parts, put), append(g.lines, a.Lines[i])
	}
	parts = append(parts, g.updatePart(s.Ledger))
	record, err := s.auditPart(uploadRecord(a, g))
	if err != nil {
		return nil, err
	}
	err = dynamo.Transact(ctx, s.DB, s.NewToken(), append(parts, record))
	if refused := dynamo.AsConditionError(err); refused != nil {
		return refused, nil
	}
	return nil, err
}

// removeStored removes from left the lines that are in the table already and stores in placed
// whether each is a repeat or has other content.
func removeStored(a income.Addition, left []int, old []map[string]types.AttributeValue,
	placed []income.Placement) ([]int, error) {
	var rest []int
	for n, i := range left {
		if old[n] == nil {
			rest = append(rest, i)
			continue
		}
		bucket, err := cycle.ParsePeriod(dynamo.TextOf(old[n], attrBucket))
		if err != nil {
			return nil, fault.Internal(fmt.Errorf("incomedb: line %s: %w", a.Lines[i].LineID, err))
		}
		placed[i].Bucket = bucket
		switch {
		case dynamo.TextOf(old[n], attrHash) != a.Lines[i].Hash():
			placed[i].HasOtherContent = true
		case dynamo.TextOf(old[n], attrWrite) != a.WriteID:
			// With the same write id an earlier try of this write has stored the line: it is no repeat.
			placed[i].IsRepeat = true
		}
	}
	return rest, nil
}

// auditPart returns the part of a transaction that writes the audit record.
func (s *Store) auditPart(r audit.Record) (types.TransactWriteItem, error) {
	part, err := outbox.Put(s.Settlements, r, nil)
	if err != nil {
		return part, fault.Internal(err)
	}
	return part, nil
}

// bucketDetail is the detail of an audit record about lines that entered a bucket.
type bucketDetail struct {
	Bucket        string       `json:"bucket"`
	ServicePeriod civil.Month  `json:"service_period"`
	Lines         int          `json:"lines"`
	Gross         money.Amount `json:"gross_before_platform"`
	Distributable money.Amount `json:"distributable"`
	CarriedFrom   string       `json:"carried_from,omitempty"`
	Reason        string       `json:"reason,omitempty"`
}

// auditDetail summarises the added lines for the audit record.
func (g bucketAddition) auditDetail() bucketDetail {
	out := bucketDetail{Bucket: income.BucketName(g.bucket, g.incomeType), ServicePeriod: g.own,
		Lines: len(g.lines)}
	for _, l := range g.lines {
		out.Gross, out.Distributable = out.Gross.Add(l.GrossBeforePlatform),
			out.Distributable.Add(l.Distributable)
	}
	return out
}

// auditObject returns the name of a bucket in audit records: <creator>/<bucket>.
func auditObject(creator ident.Creator, bucket cycle.Period, incomeType string) string {
	return string(creator+"/") + income.BucketName(bucket, incomeType)
}

// marshalDetail encodes the detail of an audit record as JSON.
func marshalDetail(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil { // texts, dates and amounts can always be encoded as JSON
		return nil
	}
	return b
}

// uploadRecord returns the audit record of lines that a person uploaded.
func uploadRecord(a income.Addition, g bucketAddition) audit.Record {
	return audit.Record{ID: a.WriteID, Tenant: a.Tenant, At: a.At, Actor: a.By, Act: "income.recorded",
		Object: auditObject(a.CreatorID, g.bucket, a.IncomeType), What: marshalDetail(g.auditDetail()),
		Trace: a.Trace}
}

// ListBuckets implements income.BucketStore.
func (s *Store) ListBuckets(ctx context.Context, tenant ident.Tenant, creator ident.Creator, from,
	to civil.Month) ([]income.Bucket, error) {
	var found []income.Bucket
	err := s.queryLedger(ctx,
		&dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :pk AND sk BETWEEN :from AND :to"),
			ExpressionAttributeValues: item{":pk": dynamo.Text(keys.CreatorBook(tenant, creator)),
				":from": dynamo.Text(keys.MonthBucketPrefix(from)),
				":to":   dynamo.Text(keys.MonthBucketPrefix(to.Add(1)))}},
		func(it item) error {
			b, err := parseBucket(tenant, creator, it)
			found = append(found, b)
			return err
		})
	return found, err
}

// ReadBucket implements income.BucketStore.
func (s *Store) ReadBucket(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	period cycle.Period, incomeType string) (income.Bucket, bool, error) {
	out, err := s.DB.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: aws.String(s.Ledger), ConsistentRead: aws.Bool(true),
			Key: dynamo.Key(keys.Bucket(tenant, creator, period, incomeType))})
	if err != nil {
		return income.Bucket{}, false, awsfault.Classify(err)
	}
	if out.Item == nil {
		return income.Bucket{}, false, nil
	}
	b, err := parseBucket(tenant, creator, out.Item)
	return b, err == nil, err
}

// SumLines implements income.BucketStore: it reads the stored lines of each service period that the
// bucket counts.
func (s *Store) SumLines(ctx context.Context, b income.Bucket) (income.Totals, error) {
	var sum income.Totals
	for own := range b.LinesByMonth {
		err := s.queryLedger(ctx,
			&dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :pk AND begins_with(sk, :sk)"),
				ProjectionExpression: aws.String("sk, #b, #dist, #gross"),
				ExpressionAttributeNames: map[string]string{"#b": attrBucket, "#dist": attrDistributable,
					"#gross": attrGross},
				ExpressionAttributeValues: item{":pk": dynamo.Text(keys.CreatorBook(b.Tenant, b.CreatorID)),
					":sk": dynamo.Text(keys.IncomeTypePrefix(own, b.IncomeType))}},
			func(it item) error {
				// Late lines of the same service period lie in other buckets and are not counted here.
				if dynamo.TextOf(it, attrBucket) != b.CyclePeriod().String() {
					return nil
				}
				n := numbers{it: it}
				sum.Lines++
				sum.Distributable, sum.Gross = sum.Distributable.Add(n.amount(attrDistributable)),
					sum.Gross.Add(n.amount(attrGross))
				return n.err
			})
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// queryLedger calls each for every item of a consistent query of the ledger table.
func (s *Store) queryLedger(ctx context.Context, in *dynamodb.QueryInput,
	each func(item) error) error {
	in.TableName = aws.String(s.Ledger)
	in.ConsistentRead = aws.Bool(true)
	return dynamo.QueryEach(ctx, s.DB, in, each)
}

// CarryForward implements income.BucketStore. The carried money becomes a line of the other bucket
// with all figures of the closed bucket, so that gross income, fees and refunds are not lost
// either.
func (s *Store) CarryForward(ctx context.Context, b income.Bucket, c income.CarryOrder) error {
	for range maxTries {
		parts, err := s.carryParts(b, c)
		if err != nil {
			return err
		}
		err = dynamo.Transact(ctx, s.DB, s.NewToken(), parts)
		refused := dynamo.AsConditionError(err)
		if refused == nil {
			return err
		}
		// The first item is the bucket to close: it changed since it was read, so the caller must decide
		// anew.
		if refused.Found[0] != nil {
			return optimistic.ErrRival
		}
		// Otherwise the target bucket was closed; the next open one takes the money.
		if c.Into, err = s.nextOpenPeriod(ctx, book{b.Tenant, b.CreatorID, b.IncomeType}, c.Course,
			c.Into); err != nil {
			return err
		}
	}
	return fault.Temporary(errNoBucket)
}

// carryParts returns the transaction that closes a bucket and, when its sum is not zero, adds the
// sum to the target bucket as a line.
func (s *Store) carryParts(b income.Bucket,
	c income.CarryOrder) ([]types.TransactWriteItem, error) {
	parts := []types.TransactWriteItem{{Update: s.closeUpdate(b, c)}}
	what := bucketDetail{Bucket: b.Name(), ServicePeriod: b.Period, Lines: b.Lines, Gross: b.Gross,
		Distributable: b.Distributable}
	if !b.Distributable.IsZero() {
		moved := income.CarriedAmount{From: b.CyclePeriod(), Since: b.HeldSince(), Reason: c.Reason,
			Amount: b.Distributable}
		g := bucketAddition{tenant: b.Tenant, creator: b.CreatorID, incomeType: b.IncomeType,
			bucket: c.Into,
			own:    c.Into.Month, source: b.Source, by: b.Uploaders, entities: b.Entities,
			lines: []income.Line{newCarryLine(b, c)}, carried: &moved}
		put, err := newLinePart(s.Ledger, b.Tenant, g.lines[0], c.Into, c.ActID)
		if err != nil {
			return nil, err
		}
		parts = append(parts, put, g.updatePart(s.Ledger))
		what = g.auditDetail()
		what.CarriedFrom, what.Reason = b.Name(), c.Reason
	}
	record, err := s.auditPart(audit.Record{ID: c.ActID, Tenant: b.Tenant, At: c.At, Actor: c.By,
		Act:    "statement.carried",
		Object: auditObject(b.CreatorID, b.CyclePeriod(), b.IncomeType), What: marshalDetail(what)})
	return append(parts, record), err
}

// closeUpdate returns the update that closes a bucket on condition that its state and totals are
// still those that were read.
func (s *Store) closeUpdate(b income.Bucket, c income.CarryOrder) *types.Update {
	e := updateExpression{names: map[string]string{}, values: item{}}
	e.set(attrState, dynamo.Text(string(income.Carried)))
	e.set(attrCarriedFor, dynamo.Text(c.Reason))
	if !b.Distributable.IsZero() {
		e.set(attrCarriedTo, dynamo.Text(c.Into.String()))
	}
	condition := e.namePlaceholder(attrState) + " = " +
		e.valuePlaceholder(dynamo.Text(string(income.Open))) + " AND " +
		e.namePlaceholder(attrDistributable) + " = " + e.valuePlaceholder(fenNumber(b.Distributable)) +
		" AND " + e.namePlaceholder(attrLines) + " = " + e.valuePlaceholder(dynamo.Number(int64(b.Lines)))
	return &types.Update{TableName: aws.String(s.Ledger),
		Key:              dynamo.Key(keys.Bucket(b.Tenant, b.CreatorID, b.CyclePeriod(), b.IncomeType)),
		UpdateExpression: aws.String(e.String()), ConditionExpression: aws.String(condition),
		ExpressionAttributeNames:            e.names,
		ExpressionAttributeValues:           e.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}
}

// newCarryLine returns the line that carries the figures of a closed bucket into its target bucket.
func newCarryLine(b income.Bucket, c income.CarryOrder) income.Line {
	l := income.Line{LineID: income.CarryPrefix + b.CyclePeriod().String(), CreatorID: b.CreatorID,
		IncomeType: b.IncomeType, OccurredOn: c.Into.FirstDay(),
		ServicePeriod: c.Into.Month, GrossBeforePlatform: b.Gross, PlatformFee: b.PlatformFee,
		Refund: b.Refund, Subsidy: b.Subsidy,
		Distributable: b.Distributable, Description: "carried from " + b.CyclePeriod().String() + ": " +
			c.Reason, Source: "system"}
	if len(b.Platforms) == 1 {
		l.Platform = b.Platforms[0]
	}
	return l
}
