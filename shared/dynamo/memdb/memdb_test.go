package memdb_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"fenzhang/shared/dynamo/memdb"
)

type item = map[string]types.AttributeValue

func s(v string) types.AttributeValue { return &types.AttributeValueMemberS{Value: v} }
func n(v string) types.AttributeValue { return &types.AttributeValueMemberN{Value: v} }

// tableInput is a table with one index of each projection and a stream.
func tableInput(name string) *dynamodb.CreateTableInput {
	key := func(hash, sort string) []types.KeySchemaElement {
		return []types.KeySchemaElement{{AttributeName: &hash, KeyType: types.KeyTypeHash}, {AttributeName: &sort, KeyType: types.KeyTypeRange}}
	}
	in := &dynamodb.CreateTableInput{TableName: &name, BillingMode: types.BillingModePayPerRequest, KeySchema: key("pk", "sk"),
		StreamSpecification: &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewImage}}
	for _, a := range []string{"pk", "sk", "g", "o"} {
		in.AttributeDefinitions = append(in.AttributeDefinitions, types.AttributeDefinition{AttributeName: &a, AttributeType: types.ScalarAttributeTypeS})
	}
	for name, p := range map[string]*types.Projection{"keys": {ProjectionType: types.ProjectionTypeKeysOnly}, "all": {ProjectionType: types.ProjectionTypeAll},
		"some": {ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: []string{"x"}}} {
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{IndexName: &name, KeySchema: key("g", "o"), Projection: p})
	}
	return in
}

func open(t testing.TB) *memdb.DB {
	t.Helper()
	db := memdb.New()
	if err := db.CreateTable(tableInput("t")); err != nil {
		t.Fatal(err)
	}
	return db
}

func put(t testing.TB, db *memdb.DB, it item) {
	t.Helper()
	if _, err := db.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String("t"), Item: it}); err != nil {
		t.Fatal(err)
	}
}

func get(t testing.TB, db *memdb.DB, sk string) item {
	t.Helper()
	out, err := db.GetItem(context.Background(), &dynamodb.GetItemInput{TableName: aws.String("t"), Key: item{"pk": s("p"), "sk": s(sk)}})
	if err != nil {
		t.Fatal(err)
	}
	return out.Item
}

// code names an outcome: the error's code, or ok.
func code(err error) string {
	if err == nil {
		return "ok"
	}
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return err.Error()
}

func TestConditions(t *testing.T) {
	db := open(t)
	put(t, db, item{"pk": s("p"), "sk": s("a"), "text": s("hello"), "num": n("10"), "yes": &types.AttributeValueMemberBOOL{Value: true},
		"set": &types.AttributeValueMemberSS{Value: []string{"x", "y"}}, "list": &types.AttributeValueMemberL{Value: []types.AttributeValue{n("1"), s("two")}},
		"doc": &types.AttributeValueMemberM{Value: item{"deep": n("7")}}})
	for condition, want := range map[string]bool{
		"attribute_exists(num)":                            true,
		"attribute_exists(nix)":                            false,
		"attribute_not_exists(nix)":                        true,
		"#n = :ten":                                        true,
		"#n = :tenth":                                      true, // 10.0 is 10
		"#n <> :five":                                      true,
		"nix <> :five":                                     true, // a missing attribute differs
		"nix = :five":                                      false,
		"nix < :five":                                      false,
		"#n > :five AND NOT #n > :eleven":                  true,
		"#n BETWEEN :five AND :eleven":                     true,
		"#n IN (:five, :ten)":                              true,
		"#n in (:five, :eleven)":                           false,
		"#n > :text":                                       false, // types differ
		"begins_with(#t, :he)":                             true,
		"contains(#t, :ll)":                                true,
		"contains(#set, :x)":                               true,
		"contains(#list, :two)":                            true,
		"size(#t) = :five":                                 true,
		"size(#set) < :five":                               true,
		"attribute_type(#set, :ss)":                        true,
		"doc.deep = :seven":                                true,
		"#list[1] = :two":                                  true,
		"#list[2] = :two":                                  false,
		"#n = :five OR (#t = :text AND yes = :true)":       true,
		"NOT (attribute_exists(#t) OR #n = :five)":         false,
		"#n = :five OR #n = :ten AND attribute_exists(pk)": true, // AND binds first
	} {
		t.Run(condition, func(t *testing.T) {
			names := map[string]string{"#n": "num", "#t": "text", "#set": "set", "#list": "list"}
			values := item{":ten": n("10"), ":tenth": n("1e1"), ":five": n("5"), ":eleven": n("11"), ":text": s("hello"), ":he": s("he"), ":ll": s("ll"), ":x": s("x"),
				":two": s("two"), ":ss": s("SS"), ":seven": n("7"), ":true": &types.AttributeValueMemberBOOL{Value: true}}
			words := strings.FieldsFunc(condition, func(r rune) bool { return strings.ContainsRune(" (),[]=<>", r) })
			for name := range names {
				if !slices.Contains(words, name) {
					delete(names, name)
				}
			}
			for name := range values {
				if !slices.Contains(words, name) {
					delete(values, name)
				}
			}
			_, err := db.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{{ConditionCheck: &types.ConditionCheck{
				TableName: aws.String("t"), Key: item{"pk": s("p"), "sk": s("a")}, ConditionExpression: &condition, ExpressionAttributeNames: names, ExpressionAttributeValues: values}}}})
			if got := code(err); got != "ok" && got != "TransactionCanceledException" || (got == "ok") != want {
				t.Errorf("%v, want %t", err, want)
			}
		})
	}
}

func TestUpdates(t *testing.T) {
	for expression, want := range map[string]string{
		"SET a = :two":                                     "a=2 num=10 set=[x y]",
		"SET num = num + :two":                             "num=12 set=[x y]",
		"SET num = num - :two, a = num":                    "a=10 num=8 set=[x y]", // operands are those before
		"SET a = if_not_exists(num, :two)":                 "a=10 num=10 set=[x y]",
		"SET a = if_not_exists(a, :two) + :two":            "a=4 num=10 set=[x y]",
		"ADD num :two, a :two":                             "a=2 num=12 set=[x y]",
		"ADD #set :xz":                                     "num=10 set=[x y z]",
		"DELETE #set :xz":                                  "num=10 set=[y]",
		"DELETE #set :xy":                                  "num=10",
		"REMOVE num":                                       "set=[x y]",
		"SET a = :two REMOVE #set ADD num :two":            "a=2 num=12",
		"SET a = b":                                        "ValidationException",
		"SET num = num + :xz":                              "ValidationException",
		"ADD #set :two":                                    "ValidationException",
		"SET pk = :two":                                    "ValidationException",
		"SET num = :two REMOVE num":                        "ValidationException",
		"SET a = :two SET b = :two":                        "ValidationException",
		"SET status = :two":                                "ValidationException", // a reserved word
		"SET a = :undefined":                               "ValidationException",
		"SET a.b = :two":                                   "ValidationException",
		"SET a = list_append(if_not_exists(a, :l), :l)":    "a=[2 2] num=10 set=[x y]",
		"SET a = ":                                         "ValidationException",
		"INCREASE num :two":                                "ValidationException",
		"SET a = :two, b = size(:two)":                     "ValidationException",
		"SET a = :two, b = if_not_exists(c, if_not_exists": "ValidationException",
	} {
		t.Run(expression, func(t *testing.T) {
			db := open(t)
			put(t, db, item{"pk": s("p"), "sk": s("a"), "num": n("10"), "set": &types.AttributeValueMemberSS{Value: []string{"y", "x"}}})
			values := item{":two": n("2"), ":xz": &types.AttributeValueMemberSS{Value: []string{"z", "x"}}, ":xy": &types.AttributeValueMemberSS{Value: []string{"x", "y"}},
				":l": &types.AttributeValueMemberL{Value: []types.AttributeValue{n("2")}}}
			for name := range values {
				if !strings.Contains(expression, name) {
					delete(values, name)
				}
			}
			var names map[string]string
			if strings.Contains(expression, "#set") {
				names = map[string]string{"#set": "set"}
			}
			_, err := db.UpdateItem(t.Context(), &dynamodb.UpdateItemInput{TableName: aws.String("t"), Key: item{"pk": s("p"), "sk": s("a")}, UpdateExpression: &expression,
				ExpressionAttributeNames: names, ExpressionAttributeValues: values})
			got := code(err)
			if err == nil {
				it := get(t, db, "a")
				delete(it, "pk")
				delete(it, "sk")
				got = flat(it)
			}
			if got != want {
				t.Errorf("got %s (%v), want %s", got, err, want)
			}
		})
	}
}

// flat shows an item in one line, in order of its attributes.
func flat(it item) string {
	var out []string
	for name, v := range it {
		out = append(out, name+"="+word(v))
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func word(v types.AttributeValue) string {
	switch v := v.(type) {
	case *types.AttributeValueMemberS:
		return v.Value
	case *types.AttributeValueMemberN:
		return v.Value
	case *types.AttributeValueMemberSS:
		return fmt.Sprint(slices.Sorted(slices.Values(v.Value)))
	case *types.AttributeValueMemberL:
		var out []string
		for _, e := range v.Value {
			out = append(out, word(e))
		}
		return fmt.Sprint(out)
	}
	return fmt.Sprintf("%#v", v)
}

func TestNumbers(t *testing.T) {
	db := open(t)
	for given, want := range map[string]string{"0": "0", "-0": "0", "007": "7", "1.50": "1.5", "-1.50": "-1.5", "1e3": "1000", "12E-4": "0.0012", "+5": "5", ".5": "0.5",
		"99999999999999999999999999999999999999": "99999999999999999999999999999999999999", "1e125": "1" + strings.Repeat("0", 125),
		"": "bad", "x": "bad", "1.2.3": "bad", "--1": "bad", "0x10": "bad", "1e126": "bad", "1e-131": "bad", "1234567890123456789012345678901234567890": "bad"} {
		_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("t"), Item: item{"pk": s("p"), "sk": s("n"), "v": n(given)}})
		got := "bad"
		if err == nil {
			got = word(get(t, db, "n")["v"])
		}
		if got != want {
			t.Errorf("%q is kept as %q, want %q (%v)", given, got, want, err)
		}
	}
}

func TestItemsAreRefused(t *testing.T) {
	db := open(t)
	for name, it := range map[string]item{
		"no sort key":      {"pk": s("p")},
		"empty key":        {"pk": s(""), "sk": s("a")},
		"number as key":    {"pk": n("1"), "sk": s("a")},
		"long key":         {"pk": s(strings.Repeat("x", 2049)), "sk": s("a")},
		"empty index key":  {"pk": s("p"), "sk": s("a"), "g": s("")},
		"number in index":  {"pk": s("p"), "sk": s("a"), "g": n("1")},
		"empty set":        {"pk": s("p"), "sk": s("a"), "v": &types.AttributeValueMemberSS{}},
		"repeat in a set":  {"pk": s("p"), "sk": s("a"), "v": &types.AttributeValueMemberNS{Value: []string{"1", "1.0"}}},
		"no value":         {"pk": s("p"), "sk": s("a"), "v": nil},
		"larger than fits": {"pk": s("p"), "sk": s("a"), "v": s(strings.Repeat("x", 400<<10))},
	} {
		if _, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("t"), Item: it}); code(err) != "ValidationException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n, bytes := db.CountItems("t"); n != 0 || bytes != 0 {
		t.Errorf("%d items, %d bytes", n, bytes)
	}
}

func TestRequestsAreRefused(t *testing.T) {
	db := open(t)
	ctx, table, key := t.Context(), aws.String("t"), item{"pk": s("p"), "sk": s("a")}
	for name, do := range map[string]func() error{
		"unused value": func() error {
			_, err := db.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: key, ConditionExpression: aws.String("attribute_not_exists(pk)"), ExpressionAttributeValues: item{":a": s("x")}})
			return err
		},
		"values without expression": func() error {
			_, err := db.PutItem(ctx, &dynamodb.PutItemInput{TableName: table, Item: key, ExpressionAttributeValues: item{":a": s("x")}})
			return err
		},
		"too much in a key": func() error {
			_, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: item{"pk": s("p"), "sk": s("a"), "x": s("y")}})
			return err
		},
		"consistent read of an index": func() error {
			_, err := db.Query(ctx, &dynamodb.QueryInput{TableName: table, IndexName: aws.String("all"), ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("g = :g"), ExpressionAttributeValues: item{":g": s("x")}})
			return err
		},
		"no partition key": func() error {
			_, err := db.Query(ctx, &dynamodb.QueryInput{TableName: table, KeyConditionExpression: aws.String("sk = :g"), ExpressionAttributeValues: item{":g": s("x")}})
			return err
		},
		"two actions on one item": func() error {
			part := types.TransactWriteItem{Delete: &types.Delete{TableName: table, Key: key}}
			_, err := db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: []types.TransactWriteItem{part, part}})
			return err
		},
		"101 actions": func() error {
			var parts []types.TransactWriteItem
			for i := range 101 {
				parts = append(parts, types.TransactWriteItem{Delete: &types.Delete{TableName: table, Key: item{"pk": s("p"), "sk": s(fmt.Sprint(i))}}})
			}
			_, err := db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: parts})
			return err
		},
		"a key twice in a batch": func() error {
			_, err := db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"t": {Keys: []item{key, key}}}})
			return err
		},
	} {
		if err := do(); code(err) != "ValidationException" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := db.GetItem(ctx, &dynamodb.GetItemInput{TableName: aws.String("none"), Key: key}); code(err) != "ResourceNotFoundException" {
		t.Error(err)
	}
}

func TestTransactions(t *testing.T) {
	db := open(t)
	put(t, db, item{"pk": s("p"), "sk": s("a"), "v": n("1")})
	run := func(token string, parts ...types.TransactWriteItem) error {
		_, err := db.TransactWriteItems(t.Context(), &dynamodb.TransactWriteItemsInput{TransactItems: parts, ClientRequestToken: aws.String(token)})
		return err
	}
	newItem := func(sk string) types.TransactWriteItem {
		return types.TransactWriteItem{Put: &types.Put{TableName: aws.String("t"), Item: item{"pk": s("p"), "sk": s(sk)}, ConditionExpression: aws.String("attribute_not_exists(pk)"),
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}}
	}
	grow := types.TransactWriteItem{Update: &types.Update{TableName: aws.String("t"), Key: item{"pk": s("p"), "sk": s("c")}, UpdateExpression: aws.String("ADD v :one"), ExpressionAttributeValues: item{":one": n("1")}}}
	err := run("one", newItem("b"), newItem("a"), grow)
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) || len(cancelled.CancellationReasons) != 3 {
		t.Fatal(err)
	}
	if r := cancelled.CancellationReasons; *r[0].Code != "None" || *r[1].Code != "ConditionalCheckFailed" || word(r[1].Item["v"]) != "1" || *r[2].Code != "None" {
		t.Errorf("%+v", r)
	}
	if get(t, db, "b") != nil || get(t, db, "c") != nil {
		t.Error("a part of a cancelled transaction was written")
	}
	for range 2 { // the second is a repeat
		if err := run("one", newItem("b"), grow); err != nil {
			t.Fatal(err)
		}
	}
	if v := word(get(t, db, "c")["v"]); v != "1" {
		t.Errorf("a repeat had an effect: %s", v)
	}
	if err := run("one", newItem("d"), grow); code(err) != "IdempotentParameterMismatchException" {
		t.Error(err)
	}
}

func TestHooksAndUnprocessed(t *testing.T) {
	db := open(t)
	lost := errors.New("lost")
	var before, after error
	var ops []string
	db.Before = func(_ context.Context, op memdb.Op) error {
		ops = append(ops, op.Name+" "+strings.Join(op.Tables, " ")+fmt.Sprint(" ", op.Write))
		return before
	}
	db.After = func(context.Context, memdb.Op) error { return after }
	db.Processed = func(_ context.Context, _ memdb.Op, n int) int { return n - 1 }
	write := func(sk string) error {
		_, err := db.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String("t"), Item: item{"pk": s("p"), "sk": s(sk)}})
		return err
	}
	before = lost
	if err := write("a"); !errors.Is(err, lost) {
		t.Error(err)
	}
	before, after = nil, lost
	if err := write("b"); !errors.Is(err, lost) {
		t.Error(err)
	}
	after = nil
	if get(t, db, "a") != nil || get(t, db, "b") == nil {
		t.Error("Before stops a write, After does not")
	}
	if strings.Join(ops[:3], ",") != "PutItem t true,PutItem t true,GetItem t false" {
		t.Error(ops)
	}
	requests := []types.WriteRequest{{PutRequest: &types.PutRequest{Item: item{"pk": s("p"), "sk": s("c")}}}, {PutRequest: &types.PutRequest{Item: item{"pk": s("p"), "sk": s("d")}}}}
	out, err := db.BatchWriteItem(t.Context(), &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{"t": requests}})
	if err != nil || len(out.UnprocessedItems["t"]) != 1 || get(t, db, "c") == nil || get(t, db, "d") != nil {
		t.Error(out, err)
	}
	keys := []item{{"pk": s("p"), "sk": s("b")}, {"pk": s("p"), "sk": s("c")}}
	read, err := db.BatchGetItem(t.Context(), &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{"t": {Keys: keys}}})
	if err != nil || len(read.Responses["t"]) != 1 || len(read.UnprocessedKeys["t"].Keys) != 1 {
		t.Error(read, err)
	}
}

func TestStreamTellsNewImagesInOrder(t *testing.T) {
	db := open(t)
	put(t, db, item{"pk": s("p"), "sk": s("a"), "v": n("1")})
	put(t, db, item{"pk": s("p"), "sk": s("a"), "v": n("1")}) // nothing changes, nothing is told
	put(t, db, item{"pk": s("p"), "sk": s("a"), "v": n("2")})
	if _, err := db.DeleteItem(t.Context(), &dynamodb.DeleteItemInput{TableName: aws.String("t"), Key: item{"pk": s("p"), "sk": s("a")}}); err != nil {
		t.Fatal(err)
	}
	var told []string
	for _, r := range db.TakeStreamRecords("t") {
		v := "-"
		if r.Change.NewImage != nil {
			v = r.Change.NewImage["v"].Number()
		}
		told = append(told, r.EventName+" "+r.Change.Keys["sk"].String()+" "+v)
	}
	if got := strings.Join(told, ","); got != "INSERT a 1,MODIFY a 2,REMOVE a -" {
		t.Error(got)
	}
	if again := db.TakeStreamRecords("t"); len(again) != 0 {
		t.Errorf("told twice: %v", again)
	}
}

func TestNobodySharesState(t *testing.T) {
	db := open(t)
	raw := []byte("abc")
	given := item{"pk": s("p"), "sk": s("a"), "b": &types.AttributeValueMemberB{Value: raw}, "t": s("x"), "m": &types.AttributeValueMemberM{Value: item{"k": s("v")}}}
	put(t, db, given)
	raw[0] = 'X'
	given["t"].(*types.AttributeValueMemberS).Value = "changed"
	given["m"].(*types.AttributeValueMemberM).Value["k"] = s("changed")
	got := get(t, db, "a")
	got["b"].(*types.AttributeValueMemberB).Value[1] = 'X'
	got["m"].(*types.AttributeValueMemberM).Value["k"] = s("changed")
	if again := get(t, db, "a"); string(again["b"].(*types.AttributeValueMemberB).Value) != "abc" || word(again["t"]) != "x" || word(again["m"].(*types.AttributeValueMemberM).Value["k"]) != "v" {
		t.Errorf("%v", again)
	}
}

func TestOneOfManyWriters(t *testing.T) {
	db := open(t)
	var wg sync.WaitGroup
	won := make([]bool, 50)
	for i := range won {
		wg.Go(func() {
			_, err := db.PutItem(context.Background(), &dynamodb.PutItemInput{TableName: aws.String("t"), Item: item{"pk": s("p"), "sk": s("a")}, ConditionExpression: aws.String("attribute_not_exists(pk)")})
			won[i] = err == nil
			_, _ = db.Query(context.Background(), &dynamodb.QueryInput{TableName: aws.String("t"), KeyConditionExpression: aws.String("pk = :p"), ExpressionAttributeValues: item{":p": s("p")}})
		})
	}
	wg.Wait()
	winners := 0
	for _, w := range won {
		if w {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d writers made the same item", winners)
	}
}

// kilobyte is an item of about 1 KB with ten attributes, as a settlement has.
func kilobyte(sk string) item {
	it := item{"pk": s("T#tenant#S#0000000001"), "sk": s(sk), "num": n("123456"), "z": &types.AttributeValueMemberB{Value: make([]byte, 700)}}
	for i := range 6 {
		it[fmt.Sprint("a", i)] = s("some text of an attribute")
	}
	return it
}

func BenchmarkPut(b *testing.B) {
	db := open(b)
	it := kilobyte("a")
	in := &dynamodb.PutItemInput{TableName: aws.String("t"), Item: it, ConditionExpression: aws.String("num = :n"), ExpressionAttributeValues: item{":n": n("123456")}}
	put(b, db, it)
	db.TakeStreamRecords("t")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := db.PutItem(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	db := open(b)
	it := kilobyte("a")
	put(b, db, it)
	in := &dynamodb.GetItemInput{TableName: aws.String("t"), Key: item{"pk": it["pk"], "sk": it["sk"]}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := db.GetItem(context.Background(), in); err != nil {
			b.Fatal(err)
		}
	}
}
