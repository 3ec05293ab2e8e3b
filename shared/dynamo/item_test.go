package dynamo_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
)

func TestValuesAreReadAsTheyWereMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := rapid.String().Draw(t, "text"), rapid.Int64().Draw(t, "number")
		it := dynamo.Item{"s": dynamo.Text(s), "n": dynamo.Number(n)}
		if dynamo.TextOf(it, "s") != s || dynamo.NumberOf(it, "n") != n {
			t.Fatalf("%q and %d became %q and %d", s, n, dynamo.TextOf(it, "s"), dynamo.NumberOf(it, "n"))
		}
	})
}

// What is missing or of another kind reads as nothing, and nothing is made of a number that is none.
func TestOtherKindsReadAsNothing(t *testing.T) {
	it := dynamo.Item{"s": dynamo.Text("7"), "n": dynamo.Number(7), "big": &types.AttributeValueMemberN{Value: "9223372036854775808"}, "half": &types.AttributeValueMemberN{Value: "0.5"}}
	for _, name := range []string{"s", "big", "half", "none"} {
		if n := dynamo.NumberOf(it, name); n != 0 {
			t.Errorf("%s reads as %d", name, n)
		}
	}
	if s := dynamo.TextOf(it, "n") + dynamo.TextOf(it, "none"); s != "" {
		t.Errorf("a number reads as %q", s)
	}
	if k := dynamo.Key(keys.Key{PK: "a", SK: "b"}); len(k) != 2 || dynamo.TextOf(k, "pk") != "a" || dynamo.TextOf(k, "sk") != "b" {
		t.Errorf("key %v", k)
	}
}
