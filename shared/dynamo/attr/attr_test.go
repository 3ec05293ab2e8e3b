package attr_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"fenzhang/shared/dynamo/attr"
	"fenzhang/shared/dynamo/keys"
)

func TestValuesAreReadAsTheyWereMade(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, n := rapid.String().Draw(t, "text"), rapid.Int64().Draw(t, "number")
		it := attr.Item{"s": attr.Text(s), "n": attr.Number(n)}
		if attr.TextOf(it, "s") != s || attr.NumberOf(it, "n") != n {
			t.Fatalf("%q and %d became %q and %d", s, n, attr.TextOf(it, "s"), attr.NumberOf(it, "n"))
		}
	})
}

// What is missing or of another kind reads as nothing, and nothing is made of a number that is none.
func TestOtherKindsReadAsNothing(t *testing.T) {
	it := attr.Item{"s": attr.Text("7"), "n": attr.Number(7), "big": &types.AttributeValueMemberN{Value: "9223372036854775808"}, "half": &types.AttributeValueMemberN{Value: "0.5"}}
	for _, name := range []string{"s", "big", "half", "none"} {
		if n := attr.NumberOf(it, name); n != 0 {
			t.Errorf("%s reads as %d", name, n)
		}
	}
	if s := attr.TextOf(it, "n") + attr.TextOf(it, "none"); s != "" {
		t.Errorf("a number reads as %q", s)
	}
	if k := attr.Key(keys.Key{PK: "a", SK: "b"}); len(k) != 2 || attr.TextOf(k, "pk") != "a" || attr.TextOf(k, "sk") != "b" {
		t.Errorf("key %v", k)
	}
}
