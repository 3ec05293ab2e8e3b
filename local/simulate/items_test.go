package main

import (
	"context"
	"flag"
	"maps"
	"slices"
	"strings"
	"testing"

	"fenzhang/local/simulate/engine"
	"fenzhang/local/simulate/system"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/local/checks/goldens"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/lambda/dynamotest"
)

var update = flag.Bool("update", false, "write the list of items in testdata anew")

// itemRuns is how many runs together show every attribute that is not rare: each is in at least half of all runs.
const itemRuns = 12

// rare are kinds of items that not every dozen of runs writes.
var rare = []string{"ledger COR/COR ", "ledger TU/D "}

// items collects the attributes of everything that is written, by table and kind of item.
type items map[string]bool

func (i items) see(table string, it map[string]types.AttributeValue) {
	for _, line := range dynamotest.AttributeLines(table, it) {
		i[line] = true
	}
}

// watched notes what is put; what an update makes of it is seen at the end of the run.
type watched struct {
	dynamo.API
	items items
}

func (w watched) PutItem(ctx context.Context, in *dynamodb.PutItemInput, o ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	w.items.see(*in.TableName, in.Item)
	return w.API.PutItem(ctx, in, o...)
}

func (w watched) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	for _, p := range in.TransactItems {
		if p.Put != nil {
			w.items.see(*p.Put.TableName, p.Put.Item)
		}
	}
	return w.API.TransactWriteItems(ctx, in, o...)
}

func TestItemsKeepTheirAttributes(t *testing.T) {
	seen := items{}
	for seed := range uint64(itemRuns) {
		var w *engine.World
		p := system.Bug{DB: func(x *engine.World, api dynamo.API) dynamo.API { w = x; return watched{api, seen} }}
		if _, err := simulate(seed+1, lawOf(t), p, nil); err != nil {
			t.Fatal(err)
		}
		for _, table := range []string{engine.IncentivesTable, engine.SettlementsTable, engine.LedgerTable, engine.ControlTable} {
			for it := range w.DB.Items(table) {
				seen.see(table, it)
			}
		}
	}
	lines := slices.DeleteFunc(slices.Sorted(maps.Keys(seen)), func(line string) bool {
		return slices.ContainsFunc(rare, func(kind string) bool { return strings.HasPrefix(line, kind) })
	})
	goldens.Compare(t, "testdata/items.txt", lines, *update)
}
