package dynamo_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/memdb"
	"fenzhang/shared/lambda/dynamotest"
)

// filled is a control table with five items of partition "a", and counts the queries sent to it.
func filled(t *testing.T) (dynamotest.Tables, *int) {
	t.Helper()
	tables := dynamotest.OpenInMemory(t)
	if err := dynamo.BatchPut(t.Context(), tables.Client, tables.Control, items(5)); err != nil {
		t.Fatal(err)
	}
	queries := 0
	tables.Memory.Before = func(_ context.Context, op memdb.Op) error {
		if _, ok := op.Input.(*dynamodb.QueryInput); ok {
			queries++
		}
		return nil
	}
	return tables, &queries
}

func sortKeys(items []dynamo.Item) []string {
	var out []string
	for _, it := range items {
		out = append(out, dynamo.TextOf(it, "sk"))
	}
	return out
}

func TestAQueryIsReadPageByPage(t *testing.T) {
	tables, queries := filled(t)
	in := dynamo.PartitionQuery(tables.Control, "a", "00")
	in.Limit = aws.Int32(2)
	for range 2 { // the same query can be used again
		all, err := dynamo.QueryAll(t.Context(), tables.Client, in)
		if got := sortKeys(all); err != nil || !slices.Equal(got, []string{"000", "001", "002", "003", "004"}) {
			t.Fatalf("all: %v (%v)", got, err)
		}
	}
	if *queries != 6 {
		t.Errorf("%d queries for two readings of three pages", *queries)
	}
	*queries = 0
	for range dynamo.QueryItems(t.Context(), tables.Client, in) {
		break
	}
	if *queries != 1 {
		t.Errorf("%d queries for one item", *queries)
	}
	stop := errors.New("stop")
	if err := dynamo.QueryEach(t.Context(), tables.Client, in, func(dynamo.Item) error {
		return stop
	}); !errors.Is(err, stop) {
		t.Errorf("the error of the caller became %v", err)
	}
}

func TestAPageBeginsAfterASortKey(t *testing.T) {
	tables, _ := filled(t)
	in := dynamo.PartitionQuery(tables.Control, "a", "")
	for _, c := range []struct {
		after, next string
		limit       int
		want        []string
	}{
		{"", "001", 2, []string{"000", "001"}},
		{"001", "003", 2, []string{"002", "003"}},
		{"003", "", 2, []string{"004"}},
		{"", "", 9, []string{"000", "001", "002", "003", "004"}},
		{"004", "", 2, nil},
	} {
		page, next, err := dynamo.QueryPage(t.Context(), tables.Client, in, c.after, c.limit)
		if got := sortKeys(page); err != nil || next != c.next || !slices.Equal(got, c.want) {
			t.Errorf("after %q: %v, next %q (%v); want %v, next %q", c.after, got, next, err, c.want, c.next)
		}
	}
}

func TestAFailedPageEndsTheReading(t *testing.T) {
	tables, _ := filled(t)
	tables.Memory.Before = func(context.Context, memdb.Op) error { return errors.New("down") }
	in := dynamo.PartitionQuery(tables.Control, "a", "")
	if all, err := dynamo.QueryAll(t.Context(), tables.Client, in); err == nil {
		t.Errorf("all: %v without an error", all)
	}
	if page, _, err := dynamo.QueryPage(t.Context(), tables.Client, in, "", 1); err == nil {
		t.Errorf("page: %v without an error", page)
	}
}
