// Package incomedb keeps income lines and the buckets of statements in the ledger table, and posts
// what a closed day of incentives owes.
package incomedb

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/money"
)

// item is one DynamoDB item.
type item = dynamo.Item

// Attribute names of buckets. The opening of a settlement sets the first four of them in its own
// transaction; undoing it removes the fourth.
const (
	attrState      = "st"
	attrSettlement = "sid"
	attrOccurrence = "occ"
	attrStanding   = "live"

	attrDistributable = "dist" // fen
	attrGross         = "gross"
	attrFee           = "pf"
	attrRefund        = "rf"
	attrSubsidy       = "sub"
	attrLines         = "n"
	attrSource        = "src"
	attrBy            = "by"  // string set
	attrPlatforms     = "pl"  // string set
	attrEntities      = "ent" // string set
	attrCarriedTo     = "to"
	attrCarriedFor    = "why"
	attrCarriedIn     = "cin"  // string set: <from>|<since>|<reason>|<fen>
	ownPrefix         = "own#" // + month: how many of the lines have that service period
)

// Attribute names of lines, beside dist and gross.
const (
	attrDoc    = "doc"
	attrHash   = "h"
	attrWrite  = "w"
	attrBucket = "b" // month or part of the bucket that holds the line
)

func fenNumber(a money.Amount) types.AttributeValue { return dynamo.Number(a.Fen()) }

func stringSet(it item, name string) []string {
	if v, ok := it[name].(*types.AttributeValueMemberSS); ok {
		return slices.Sorted(slices.Values(v.Value))
	}
	return nil
}

// numbers reads whole numbers of an item and remembers what could not be read: a sum beyond int64
// must stop, not wrap.
type numbers struct {
	it  item
	err error
}

func (n *numbers) number(name string) int64 {
	v, ok := n.it[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	whole, err := strconv.ParseInt(v.Value, 10, 64)
	if err != nil {
		n.err = fault.Internal(fmt.Errorf("incomedb: %s of %s: %w", name, dynamo.TextOf(n.it, "sk"), err))
	}
	return whole
}

func (n *numbers) amount(name string) money.Amount { return money.Fen(n.number(name)) }

// lineItem is the item of a line in a bucket.
func lineItem(tenant ident.Tenant, l income.Line, bucket cycle.Period,
	writeID string) (item, error) {
	doc, err := json.Marshal(l)
	if err != nil {
		return nil, fault.Internal(err)
	}
	it := dynamo.Key(keys.Line(tenant, l.CreatorID, l.ServicePeriod, l.IncomeType, l.LineID))
	it[attrDoc] = dynamo.Text(string(doc))
	it[attrHash] = dynamo.Text(income.HashDocument(doc))
	it[attrWrite] = dynamo.Text(writeID)
	it[attrBucket] = dynamo.Text(bucket.String())
	it[attrDistributable], it[attrGross] = fenNumber(l.Distributable), fenNumber(l.GrossBeforePlatform)
	return it, nil
}

// bucketAddition is what new lines add to a bucket.
type bucketAddition struct {
	tenant     ident.Tenant
	creator    ident.Creator
	incomeType string
	bucket     cycle.Period
	own        civil.Month
	source     string
	lines      []income.Line
	by         []string
	entities   []ident.Entity
	carried    *income.CarriedAmount // that the lines are, where they came from another bucket
}

// updatePart is the part of a transaction that adds to an open bucket; a closed one refuses it.
func (g bucketAddition) updatePart(table string) types.TransactWriteItem {
	var dist, gross, fee, refund, subsidy money.Amount
	var platforms []string
	for _, l := range g.lines {
		dist, gross = dist.Add(l.Distributable), gross.Add(l.GrossBeforePlatform)
		fee = fee.Add(l.PlatformFee)
		refund = refund.Add(l.Refund)
		subsidy = subsidy.Add(l.Subsidy)
		if l.Platform != "" && !slices.Contains(platforms, l.Platform) {
			platforms = append(platforms, l.Platform)
		}
	}
	e := updateExpression{names: map[string]string{}, values: item{}}
	e.set(attrState, dynamo.Text(string(income.Open)))
	e.set(attrSource, dynamo.Text(g.source))
	e.add(attrDistributable, fenNumber(dist))
	e.add(attrGross, fenNumber(gross))
	e.add(attrFee, fenNumber(fee))
	e.add(attrRefund, fenNumber(refund))
	e.add(attrSubsidy, fenNumber(subsidy))
	e.add(attrLines, dynamo.Number(int64(len(g.lines))))
	e.add(ownPrefix+g.own.String(), dynamo.Number(int64(len(g.lines))))
	e.addSet(attrBy, g.by)
	e.addSet(attrPlatforms, platforms)
	e.addSet(attrEntities, ident.Texts(g.entities))
	if g.carried != nil {
		e.addSet(attrCarriedIn, []string{encodeCarried(*g.carried)})
	}
	state := e.namePlaceholder(attrState)
	return types.TransactWriteItem{Update: &types.Update{TableName: aws.String(table),
		Key:              dynamo.Key(keys.Bucket(g.tenant, g.creator, g.bucket, g.incomeType)),
		UpdateExpression: aws.String(e.String()),
		ConditionExpression: aws.String("attribute_not_exists(" + state + ") OR " + state + " = " +
			e.valuePlaceholder(dynamo.Text(string(income.Open)))),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}}
}

// updateExpression builds an update; every name is a placeholder, because some of ours are reserved
// words.
type updateExpression struct {
	sets, adds []string
	names      map[string]string
	values     item
}

func (e *updateExpression) namePlaceholder(attr string) string {
	for placeholder, known := range e.names {
		if known == attr {
			return placeholder
		}
	}
	placeholder := "#a" + strconv.Itoa(len(e.names))
	e.names[placeholder] = attr
	return placeholder
}

func (e *updateExpression) valuePlaceholder(v types.AttributeValue) string {
	placeholder := ":v" + strconv.Itoa(len(e.values))
	e.values[placeholder] = v
	return placeholder
}

func (e *updateExpression) set(attr string, v types.AttributeValue) {
	e.sets = append(e.sets, e.namePlaceholder(attr)+" = "+e.valuePlaceholder(v))
}

func (e *updateExpression) add(attr string, v types.AttributeValue) {
	e.adds = append(e.adds, e.namePlaceholder(attr)+" "+e.valuePlaceholder(v))
}

// addSet adds to a string set; an empty set does not exist in DynamoDB.
func (e *updateExpression) addSet(attr string, values []string) {
	if len(values) > 0 {
		e.add(attr, &types.AttributeValueMemberSS{Value: values})
	}
}

// String is the update expression.
func (e *updateExpression) String() string {
	text := "SET " + strings.Join(e.sets, ", ")
	if len(e.adds) > 0 {
		text += " ADD " + strings.Join(e.adds, ", ")
	}
	return text
}

// parseBucket reads a bucket; tenant and creator are those of the partition.
func parseBucket(tenant ident.Tenant, creator ident.Creator, it item) (income.Bucket, error) {
	name, incomeType, ok := keys.BucketOf(dynamo.TextOf(it, "sk"))
	period, err := cycle.ParsePeriod(name)
	if !ok || err != nil {
		return income.Bucket{},
			fault.Internal(fmt.Errorf("incomedb: %q is no bucket", dynamo.TextOf(it, "sk")))
	}
	n := numbers{it: it}
	b := income.Bucket{Tenant: tenant, CreatorID: creator, IncomeType: incomeType,
		Period: period.Month, Part: period.Part, State: income.State(dynamo.TextOf(it, attrState)),
		Totals: income.Totals{Lines: int(n.number(attrLines)),
			Distributable: n.amount(attrDistributable), Gross: n.amount(attrGross)},
		PlatformFee: n.amount(attrFee), Refund: n.amount(attrRefund), Subsidy: n.amount(attrSubsidy),
		LinesByMonth: map[civil.Month]int{},
		Source:       dynamo.TextOf(it, attrSource), Uploaders: stringSet(it, attrBy), Platforms: stringSet(it, attrPlatforms),
		Entities:   ident.List[ident.Entity](stringSet(it, attrEntities)),
		Settlement: ident.Settlement(dynamo.TextOf(it, attrSettlement)),
		Occurrence: int(n.number(attrOccurrence)), SettlementInForce: n.number(attrStanding) > 0,
		CarriedReason: dynamo.TextOf(it, attrCarriedFor)}
	if to := dynamo.TextOf(it, attrCarriedTo); to != "" {
		if b.CarriedTo, err = cycle.ParsePeriod(to); err != nil {
			return b, fault.Internal(err)
		}
	}
	for _, text := range stringSet(it, attrCarriedIn) {
		c, err := parseCarried(text)
		if err != nil {
			return b, fault.Internal(fmt.Errorf("incomedb: %q of %s: %w", text, b.Name(), err))
		}
		b.CarriedIn = append(b.CarriedIn, c)
	}
	for name := range it {
		if own, found := strings.CutPrefix(name, ownPrefix); found {
			month, err := civil.ParseMonth(own)
			if err != nil {
				return b, fault.Internal(err)
			}
			b.LinesByMonth[month] = int(n.number(name))
		}
	}
	return b, n.err
}

const carriageMark = "|"

// encodeCarried writes what came into a bucket from another one.
func encodeCarried(c income.CarriedAmount) string {
	return strings.Join([]string{c.From.String(), c.Since.String(), c.Reason,
		strconv.FormatInt(c.Amount.Fen(), 10)}, carriageMark)
}

var errCarriage = errors.New("must be <from>|<since>|<reason>|<fen>")

func parseCarried(text string) (income.CarriedAmount, error) {
	part := strings.Split(text, carriageMark)
	if len(part) != 4 { //nolint:mnd // as written
		return income.CarriedAmount{}, errCarriage
	}
	from, badFrom := cycle.ParsePeriod(part[0])
	since, badSince := civil.ParseMonth(part[1])
	amount, badAmount := strconv.ParseInt(part[3], 10, 64)
	return income.CarriedAmount{From: from, Since: since, Reason: part[2], Amount: money.Fen(amount)},
		errors.Join(badFrom, badSince, badAmount)
}

// newLinePart is the part of a transaction that writes a line once.
func newLinePart(table string, tenant ident.Tenant, l income.Line, bucket cycle.Period,
	writeID string) (types.TransactWriteItem, error) {
	it, err := lineItem(tenant, l, bucket, writeID)
	if err != nil {
		return types.TransactWriteItem{}, err
	}
	return dynamo.PutNew(table, it), nil
}
