// Package incomedb stores income lines and the buckets of statements in the ledger table, and posts
// the money that a closed day of incentives owes.
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

// Attribute names of buckets. The transaction that opens a settlement sets the first four of them;
// undoing the settlement removes the fourth.
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
	// attrBy is a string set: the people who uploaded lines.
	attrBy = "by"
	// attrPlatforms is a string set: the platforms of the lines.
	attrPlatforms = "pl"
	// attrEntities is a string set: the paying entities that accrued money.
	attrEntities   = "ent"
	attrCarriedTo  = "to"
	attrCarriedFor = "why"
	// attrCarriedIn is a string set; each text is <from>|<since>|<reason>|<fen>.
	attrCarriedIn = "cin"
	// ownPrefix begins an attribute that counts the lines of one service period; the month follows it.
	ownPrefix = "own#"
)

// Attribute names of lines, besides those of the amounts that lines share with buckets.
const (
	attrDoc   = "doc"
	attrHash  = "h"
	attrWrite = "w"
	// attrBucket is the month, or part of a month, of the bucket that holds the line.
	attrBucket = "b"
)

// fenNumber returns an amount as a DynamoDB number of fen.
func fenNumber(a money.Amount) types.AttributeValue { return dynamo.Number(a.Fen()) }

// stringSet returns the sorted texts of a string set attribute.
func stringSet(it item, name string) []string {
	if v, ok := it[name].(*types.AttributeValueMemberSS); ok {
		return slices.Sorted(slices.Values(v.Value))
	}
	return nil
}

// numbers reads whole numbers of an item and keeps the last error, because a sum beyond int64 must
// stop the caller and not wrap around.
type numbers struct {
	it  item
	err error
}

// number returns a numeric attribute, 0 when it is absent.
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

// amount returns a numeric attribute of fen as an amount.
func (n *numbers) amount(name string) money.Amount { return money.Fen(n.number(name)) }

// lineItem returns the DynamoDB item of a line in a bucket.
func lineItem(tenant ident.Tenant, l income.Line, bucket cycle.Period,
	writeID string) (item, error) {
	doc, err := json.Marshal(l)
	if err != nil {
		return nil, fault.Internal(err)
	}
	it := dynamo.Key(keys.IncomeLine(tenant, l.CreatorID, l.ServicePeriod, l.IncomeType, l.LineID))
	it[attrDoc] = dynamo.Text(string(doc))
	it[attrHash] = dynamo.Text(income.HashDocument(doc))
	it[attrWrite] = dynamo.Text(writeID)
	it[attrBucket] = dynamo.Text(bucket.String())
	it[attrDistributable], it[attrGross] = fenNumber(l.Distributable), fenNumber(l.GrossBeforePlatform)
	return it, nil
}

// bucketAddition holds new lines of a bucket, whose sums are added to the bucket.
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
	// carried is the amount that the lines carry from another bucket, nil for lines of other origin.
	carried *income.CarriedAmount
}

// updatePart returns the part of a transaction that adds the sums of the lines to an open bucket;
// DynamoDB refuses it when the bucket is closed.
func (g bucketAddition) updatePart(table string) types.TransactWriteItem {
	e := updateExpression{names: map[string]string{}, values: item{}}
	e.set(attrState, dynamo.Text(string(income.Open)))
	e.set(attrSource, dynamo.Text(g.source))
	g.addSums(&e)
	e.add(attrLines, dynamo.Number(int64(len(g.lines))))
	e.add(ownPrefix+g.own.String(), dynamo.Number(int64(len(g.lines))))
	e.addSet(attrBy, g.by)
	e.addSet(attrEntities, ident.ToTexts(g.entities))
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

// addSums adds the amounts and platforms of the lines to the update.
func (g bucketAddition) addSums(e *updateExpression) {
	var dist, gross, fee, refund, subsidy money.Amount
	var platforms []string
	for _, l := range g.lines {
		dist = dist.Add(l.Distributable)
		gross = gross.Add(l.GrossBeforePlatform)
		fee = fee.Add(l.PlatformFee)
		refund = refund.Add(l.Refund)
		subsidy = subsidy.Add(l.Subsidy)
		if l.Platform != "" && !slices.Contains(platforms, l.Platform) {
			platforms = append(platforms, l.Platform)
		}
	}
	e.add(attrDistributable, fenNumber(dist))
	e.add(attrGross, fenNumber(gross))
	e.add(attrFee, fenNumber(fee))
	e.add(attrRefund, fenNumber(refund))
	e.add(attrSubsidy, fenNumber(subsidy))
	e.addSet(attrPlatforms, platforms)
}

// updateExpression builds a DynamoDB update expression. Every attribute name is replaced by a
// placeholder, because some of our names are reserved words.
type updateExpression struct {
	sets, adds []string
	names      map[string]string
	values     item
}

// namePlaceholder returns the placeholder of an attribute name.
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

// valuePlaceholder stores a value and returns its placeholder.
func (e *updateExpression) valuePlaceholder(v types.AttributeValue) string {
	placeholder := ":v" + strconv.Itoa(len(e.values))
	e.values[placeholder] = v
	return placeholder
}

// set adds an assignment to the expression.
func (e *updateExpression) set(attr string, v types.AttributeValue) {
	e.sets = append(e.sets, e.namePlaceholder(attr)+" = "+e.valuePlaceholder(v))
}

// add adds an addition of a number or a set to the expression.
func (e *updateExpression) add(attr string, v types.AttributeValue) {
	e.adds = append(e.adds, e.namePlaceholder(attr)+" "+e.valuePlaceholder(v))
}

// addSet adds texts to a string set; it does nothing for no texts, because DynamoDB has no empty
// sets.
func (e *updateExpression) addSet(attr string, values []string) {
	if len(values) > 0 {
		e.add(attr, &types.AttributeValueMemberSS{Value: values})
	}
}

// String returns the update expression.
func (e *updateExpression) String() string {
	text := "SET " + strings.Join(e.sets, ", ")
	if len(e.adds) > 0 {
		text += " ADD " + strings.Join(e.adds, ", ")
	}
	return text
}

// parseBucket decodes the item of a bucket; tenant and creator are those of the partition.
func parseBucket(tenant ident.Tenant, creator ident.Creator, it item) (income.Bucket, error) {
	name, incomeType, ok := keys.ParseBucketKey(dynamo.TextOf(it, "sk"))
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
		Source:       dynamo.TextOf(it, attrSource), Uploaders: stringSet(it, attrBy),
		Platforms:  stringSet(it, attrPlatforms),
		Entities:   ident.FromTexts[ident.Entity](stringSet(it, attrEntities)),
		Settlement: ident.Settlement(dynamo.TextOf(it, attrSettlement)),
		Occurrence: int(n.number(attrOccurrence)), SettlementInForce: n.number(attrStanding) > 0,
		CarriedReason: dynamo.TextOf(it, attrCarriedFor)}
	if err := parseCarriedAttributes(&b, it); err != nil {
		return b, err
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

// parseCarriedAttributes decodes into which bucket money was carried and which amounts came in.
func parseCarriedAttributes(b *income.Bucket, it item) (err error) {
	if to := dynamo.TextOf(it, attrCarriedTo); to != "" {
		if b.CarriedTo, err = cycle.ParsePeriod(to); err != nil {
			return fault.Internal(err)
		}
	}
	for _, text := range stringSet(it, attrCarriedIn) {
		c, err := parseCarried(text)
		if err != nil {
			return fault.Internal(fmt.Errorf("incomedb: %q of %s: %w", text, b.Name(), err))
		}
		b.CarriedIn = append(b.CarriedIn, c)
	}
	return nil
}

const carriageMark = "|"

// encodeCarried encodes an amount that was carried into a bucket as a text of a string set.
func encodeCarried(c income.CarriedAmount) string {
	return strings.Join([]string{c.From.String(), c.Since.String(), c.Reason,
		strconv.FormatInt(c.Amount.Fen(), 10)}, carriageMark)
}

var errCarriage = errors.New("must be <from>|<since>|<reason>|<fen>")

// parseCarried decodes a text that encodeCarried has written.
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

// newLinePart returns the part of a transaction that writes a line on condition that its id is new.
func newLinePart(table string, tenant ident.Tenant, l income.Line, bucket cycle.Period,
	writeID string) (types.TransactWriteItem, error) {
	it, err := lineItem(tenant, l, bucket, writeID)
	if err != nil {
		return types.TransactWriteItem{}, err
	}
	return dynamo.PutNew(table, it), nil
}
