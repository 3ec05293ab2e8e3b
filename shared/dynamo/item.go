package dynamo

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo/keys"
)

// Item is an item, a key of one, or the values of an expression.
type Item = map[string]types.AttributeValue

// Text is a string.
func Text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// Number is a whole number.
func Number[N int | int64](n N) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(int64(n), 10)}
}

// TextOf reads a string, "" where there is none. Like NumberOf it takes an attribute that is
// missing or of another kind for nothing: the items are written by this system alone, and their
// conditions guard what must be there.
func TextOf(it Item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

// NumberOf reads a whole number, 0 where there is none.
func NumberOf(it Item, name string) int64 {
	v, ok := it[name].(*types.AttributeValueMemberN)
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(v.Value, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Key is an item with nothing but its key.
func Key(k keys.Key) Item { return Item{"pk": Text(k.PK), "sk": Text(k.SK)} }
