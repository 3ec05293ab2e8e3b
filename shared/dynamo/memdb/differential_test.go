package memdb_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/lambda/dynamotest"
)

// TestMemoryAnswersAsTheLocalAWS runs the same random calls on both engines and compares what they answer and what
// lies in the tables afterwards.
func TestMemoryAnswersAsTheLocalAWS(t *testing.T) {
	local, memory := dynamotest.OpenOnLocalAWS(t), dynamotest.OpenInMemory(t)
	once := dynamodb.New(dynamotest.Client(local.Endpoint).Options(), func(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }) // a second try meets the first one's effect
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		pk := fmt.Sprint("p", run) // each run has a partition of its own
		for range rapid.IntRange(5, 25).Draw(t, "calls") {
			do := anyCall(t, pk)
			want, got := do(once, local.Settlements), do(memory.Client, memory.Settlements)
			if strings.Contains(want, "operation error") {
				t.Skip("an answer of the local AWS was lost: ", want)
			}
			if got != want {
				t.Fatalf("the local AWS answers\n%s\nmemory answers\n%s", want, got)
			}
		}
		for _, index := range []string{"", "by-creator"} {
			want, got := all(local.Client, local.Settlements, pk, index), all(memory.Client, memory.Settlements, pk, index)
			if got != want {
				t.Fatalf("in the local AWS lies (%s)\n%s\nin memory\n%s", index, want, got)
			}
		}
	})
}

// call does one thing to a table and tells the outcome in words.
type call func(db dynamo.API, table string) string

// condition, with the values it uses.
type condition struct {
	text   *string
	values item
}

func anyCondition(t *rapid.T) condition {
	one := func(label string) (string, item) {
		v := ":" + label
		number := n(fmt.Sprint(rapid.IntRange(-2, 4).Draw(t, label)))
		switch rapid.IntRange(0, 9).Draw(t, label+" form") {
		case 0:
			return "attribute_not_exists(pk)", nil
		case 1:
			return "attribute_exists(cnt)", nil
		case 2:
			return "cnt = " + v, item{v: number}
		case 3:
			return "cnt <> " + v, item{v: number}
		case 4:
			return "cnt <= " + v, item{v: number}
		case 5:
			return "NOT cnt > " + v, item{v: number}
		case 6:
			return "begins_with(txt, " + v + ")", item{v: s(rapid.SampledFrom([]string{"a", "ab", "b"}).Draw(t, label+" prefix"))}
		case 7:
			return "contains(tags, " + v + ")", item{v: s(rapid.SampledFrom([]string{"x", "y"}).Draw(t, label+" member"))}
		case 8:
			return "cnt BETWEEN " + v + " AND " + v + "b", item{v: number, v + "b": n("3")}
		default:
			return "cnt IN (" + v + ", " + v + "b)", item{v: number, v + "b": n("1")}
		}
	}
	values := item{}
	take := func(label string) string {
		text, more := one(label)
		for name, v := range more {
			values[name] = v
		}
		return text
	}
	var text string
	switch rapid.IntRange(0, 4).Draw(t, "condition") {
	case 0:
		return condition{}
	case 1, 2:
		text = take("c1")
	case 3:
		text = "(" + take("c1") + ") AND " + take("c2")
	default:
		text = take("c1") + " OR " + take("c2") + " AND " + take("c3")
	}
	if len(values) == 0 {
		values = nil
	}
	return condition{&text, values}
}

func anyKey(t *rapid.T, pk string) item {
	return item{"pk": s(pk), "sk": s(rapid.SampledFrom([]string{"a", "ab", "b", "c"}).Draw(t, "sk"))}
}

func anyItem(t *rapid.T, pk string) item {
	it := anyKey(t, pk)
	if rapid.Bool().Draw(t, "has cnt") {
		it["cnt"] = n(fmt.Sprint(rapid.IntRange(-3, 5).Draw(t, "cnt")))
	}
	if rapid.Bool().Draw(t, "has txt") {
		it["txt"] = s(rapid.SampledFrom([]string{"a", "abc", "b", ""}).Draw(t, "txt"))
	}
	if rapid.Bool().Draw(t, "has tags") {
		it["tags"] = &types.AttributeValueMemberSS{Value: rapid.SampledFrom([][]string{{"x"}, {"x", "y"}, {"z"}}).Draw(t, "tags")}
	}
	if rapid.Bool().Draw(t, "is listed") {
		it["cr_pk"], it["at"] = s(pk), s(rapid.SampledFrom([]string{"1", "2", "3"}).Draw(t, "at"))
	}
	if rapid.IntRange(0, 20).Draw(t, "is wrong") == 0 {
		it["cr_pk"] = n("1")
	}
	return it
}

func anyUpdate(t *rapid.T) (text string, values item) {
	by := n(fmt.Sprint(rapid.IntRange(-3, 3).Draw(t, "by")))
	tags := &types.AttributeValueMemberSS{Value: []string{"x", "w"}}
	switch rapid.IntRange(0, 8).Draw(t, "update") {
	case 0:
		return "SET cnt = :u", item{":u": by}
	case 1:
		return "SET cnt = cnt + :u", item{":u": by}
	case 2:
		return "SET cnt = if_not_exists(cnt, :u) - :u", item{":u": by}
	case 3:
		return "ADD cnt :u", item{":u": by}
	case 4:
		return "ADD tags :u", item{":u": tags}
	case 5:
		return "DELETE tags :u", item{":u": tags}
	case 6:
		return "REMOVE cnt, txt", nil
	case 7:
		return "SET txt = :t ADD cnt :u", item{":u": by, ":t": s("abc")}
	default:
		return "SET cr_pk = :t, #at = :u REMOVE txt", item{":t": s("elsewhere"), ":u": s("9")}
	}
}

func names(text string) map[string]string {
	if strings.Contains(text, "#at") {
		return map[string]string{"#at": "at"}
	}
	return nil
}

const allOld = types.ReturnValuesOnConditionCheckFailureAllOld

func anyCall(t *rapid.T, pk string) call {
	ctx := context.Background()
	switch rapid.IntRange(0, 8).Draw(t, "call") {
	case 0, 1:
		it, c := anyItem(t, pk), anyCondition(t)
		return func(db dynamo.API, table string) string {
			out, err := db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: it, ConditionExpression: c.text, ExpressionAttributeValues: c.values,
				ReturnValues: types.ReturnValueAllOld, ReturnValuesOnConditionCheckFailure: allOld, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
			if err != nil {
				return "put " + outcome(err)
			}
			return fmt.Sprint("put ", flat(out.Attributes), " units ", *out.ConsumedCapacity.CapacityUnits)
		}
	case 2, 3:
		key, c := anyKey(t, pk), anyCondition(t)
		text, values := anyUpdate(t)
		merged := merge(values, c.values)
		return func(db dynamo.API, table string) string {
			out, err := db.UpdateItem(ctx, &dynamodb.UpdateItemInput{TableName: &table, Key: key, UpdateExpression: &text, ConditionExpression: c.text, ExpressionAttributeNames: names(text),
				ExpressionAttributeValues: merged, ReturnValues: types.ReturnValueAllNew, ReturnValuesOnConditionCheckFailure: allOld, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
			if err != nil {
				return "update " + outcome(err)
			}
			return fmt.Sprint("update ", flat(out.Attributes), " units ", *out.ConsumedCapacity.CapacityUnits)
		}
	case 4:
		key, c := anyKey(t, pk), anyCondition(t)
		return func(db dynamo.API, table string) string {
			out, err := db.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: key, ConditionExpression: c.text, ExpressionAttributeValues: c.values,
				ReturnValues: types.ReturnValueAllOld, ReturnValuesOnConditionCheckFailure: allOld})
			if err != nil {
				return "delete " + outcome(err)
			}
			return "delete " + flat(out.Attributes)
		}
	case 5, 6:
		return anyTransaction(t, pk)
	case 7:
		return anyQuery(t, pk)
	default:
		it := anyItem(t, pk)
		delete(it, "cr_pk")
		delete(it, "at")
		return func(db dynamo.API, table string) string { return inserted(ctx, db, table, it) }
	}
}

func merge(a, b item) item {
	var out item
	for _, m := range []item{a, b} {
		for name, v := range m {
			if out == nil {
				out = item{}
			}
			out[name] = v
		}
	}
	return out
}

func inserted(ctx context.Context, db dynamo.API, table string, it item) string {
	var parts []string
	var parameters []types.AttributeValue
	for _, name := range []string{"pk", "sk", "cnt", "txt", "tags"} {
		if v, ok := it[name]; ok {
			parts, parameters = append(parts, "'"+name+"':?"), append(parameters, v)
		}
	}
	out, err := db.BatchExecuteStatement(ctx, &dynamodb.BatchExecuteStatementInput{Statements: []types.BatchStatementRequest{
		{Statement: aws.String(fmt.Sprintf(`INSERT INTO "%s" VALUE {%s}`, table, strings.Join(parts, ","))), Parameters: parameters}}})
	if err != nil {
		return "insert " + outcome(err)
	}
	if e := out.Responses[0].Error; e != nil {
		return "insert " + string(e.Code)
	}
	return "insert ok"
}

func anyTransaction(t *rapid.T, pk string) call {
	var parts []func(table string) types.TransactWriteItem
	keys := rapid.Permutation([]string{"a", "ab", "b", "c"}).Draw(t, "keys")
	for i := range rapid.IntRange(1, 3).Draw(t, "parts") {
		c := anyCondition(t)
		key := item{"pk": s(pk), "sk": s(keys[i])}
		switch rapid.IntRange(0, 2).Draw(t, "part") {
		case 0:
			it := anyItem(t, pk)
			it["sk"] = key["sk"]
			parts = append(parts, func(table string) types.TransactWriteItem {
				return types.TransactWriteItem{Put: &types.Put{TableName: &table, Item: it, ConditionExpression: c.text, ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: allOld}}
			})
		case 1:
			text, values := anyUpdate(t)
			merged := merge(values, c.values)
			parts = append(parts, func(table string) types.TransactWriteItem {
				return types.TransactWriteItem{Update: &types.Update{TableName: &table, Key: key, UpdateExpression: &text, ConditionExpression: c.text, ExpressionAttributeNames: names(text),
					ExpressionAttributeValues: merged, ReturnValuesOnConditionCheckFailure: allOld}}
			})
		default:
			parts = append(parts, func(table string) types.TransactWriteItem {
				return types.TransactWriteItem{Delete: &types.Delete{TableName: &table, Key: key, ConditionExpression: c.text, ExpressionAttributeValues: c.values, ReturnValuesOnConditionCheckFailure: allOld}}
			})
		}
	}
	return func(db dynamo.API, table string) string {
		in := &dynamodb.TransactWriteItemsInput{ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}
		for _, p := range parts {
			in.TransactItems = append(in.TransactItems, p(table))
		}
		out, err := db.TransactWriteItems(context.Background(), in)
		if err != nil {
			return "transact " + outcome(err)
		}
		return fmt.Sprint("transact units ", *out.ConsumedCapacity[0].CapacityUnits)
	}
}

func anyQuery(t *rapid.T, pk string) call {
	in := dynamodb.QueryInput{KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: item{":pk": s(pk)}, ScanIndexForward: aws.Bool(rapid.Bool().Draw(t, "forward")),
		ConsistentRead: aws.Bool(true)}
	switch rapid.IntRange(0, 4).Draw(t, "span") {
	case 0:
		in.KeyConditionExpression = aws.String("pk = :pk AND begins_with(sk, :sk)")
		in.ExpressionAttributeValues[":sk"] = s("a")
	case 1:
		in.KeyConditionExpression = aws.String("pk = :pk AND sk BETWEEN :sk AND :to")
		in.ExpressionAttributeValues[":sk"], in.ExpressionAttributeValues[":to"] = s("ab"), s("b")
	case 2:
		in.KeyConditionExpression = aws.String("pk = :pk AND sk > :sk")
		in.ExpressionAttributeValues[":sk"] = s("ab")
	case 3:
		in.FilterExpression = aws.String("cnt >= :n")
		in.ExpressionAttributeValues[":n"] = n("1")
	}
	if rapid.Bool().Draw(t, "projected") {
		in.ProjectionExpression = aws.String("sk, txt")
	}
	if limit := rapid.IntRange(0, 3).Draw(t, "limit"); limit > 0 {
		in.Limit = aws.Int32(int32(limit))
	}
	return func(db dynamo.API, table string) string {
		ask := in
		ask.TableName = &table
		return "query " + strings.Join(pages(db, &ask), "; ")
	}
}

// pages follows a query to its end.
func pages(db dynamo.API, in *dynamodb.QueryInput) []string {
	var found []string
	for {
		out, err := db.Query(context.Background(), in)
		if err != nil {
			return append(found, outcome(err))
		}
		for _, it := range out.Items {
			found = append(found, flat(it))
		}
		if in.ExclusiveStartKey = out.LastEvaluatedKey; in.ExclusiveStartKey == nil {
			return found
		}
	}
}

// all reads a partition, of the table or of an index. Ties of an index have no promised order.
func all(db dynamo.API, table, pk, index string) string {
	in := &dynamodb.QueryInput{TableName: &table, KeyConditionExpression: aws.String("pk = :pk"), ExpressionAttributeValues: item{":pk": s(pk)}}
	if index != "" {
		in.IndexName, in.KeyConditionExpression = &index, aws.String("cr_pk = :pk")
	}
	found := pages(db, in)
	if index != "" {
		slices.Sort(found)
	}
	return strings.Join(found, "\n")
}

// outcome tells an error's code, with the items that stood in the way.
func outcome(err error) string {
	var refused *types.ConditionalCheckFailedException
	if errors.As(err, &refused) {
		return "ConditionalCheckFailed " + flat(refused.Item)
	}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		var reasons []string
		for _, r := range cancelled.CancellationReasons {
			if aws.ToString(r.Code) == "ValidationError" { // the service's way; the local AWS refuses the call
				return "ValidationException"
			}
			reasons = append(reasons, aws.ToString(r.Code)+" "+flat(r.Item))
		}
		return "cancelled: " + strings.Join(reasons, ", ")
	}
	return code(err)
}
