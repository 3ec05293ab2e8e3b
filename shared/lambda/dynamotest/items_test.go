package dynamotest_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/lambda/dynamotest"
)

// caught is a test that collects its failures, and ends when it is told to.
type caught struct {
	testing.TB
	errors []string
	ends   []func()
}

func (c *caught) Helper()                   {}
func (c *caught) Cleanup(end func())        { c.ends = append(c.ends, end) }
func (c *caught) Errorf(_ string, a ...any) { c.errors = append(c.errors, a[0].(string)) }

func TestANewAttributeIsNoticedAtTheEndOfATest(t *testing.T) {
	t.Setenv(dynamotest.NewItemsVariable, "")
	c := &caught{TB: t}
	l := dynamotest.OpenInMemory(c)
	put := func(k keys.Key, name string, v types.AttributeValue) {
		it := dynamo.Key(k)
		it[name] = v
		if _, err := l.Client.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &l.Ledger, Item: it}); err != nil {
			t.Fatal(err)
		}
	}
	put(keys.JournalEntry("mcn-a", "c-1", "en-1"), "doc", dynamo.Text("{}"))
	put(keys.JournalEntry("mcn-a", "c-1", "en-2"), "document", dynamo.Text("{}"))
	put(keys.JournalEntry("mcn-a", "c-1", "en-3"), "doc", dynamo.Number(1))
	put(keys.Key{PK: "T#mcn-a#ELSE#1", SK: "X"}, "any", dynamo.Text("a test's own"))
	for _, end := range c.ends {
		end()
	}
	slices.Sort(c.errors)
	if got := strings.Join(c.errors, ", "); got != "ledger C/J doc N, ledger C/J document S" {
		t.Errorf("noticed %q", got)
	}
}
