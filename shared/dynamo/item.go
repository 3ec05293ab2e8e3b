package dynamo

import (
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo/keys"
)

// Item holds attributes by their names: those of a whole item, of its key, or the values of an
// expression.
type Item = map[string]types.AttributeValue

// Text returns a string as an attribute value of type S.
func Text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

// Number returns a whole number as an attribute value of type N.
func Number[N int | int64](n N) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(int64(n), 10)}
}

// TextOf reads the string attribute with the given name. TextOf returns "" when the attribute is
// missing or of another type, as NumberOf returns 0: only this system writes the items, and the
// conditions of the writes guard what must be there.
func TextOf(it Item, name string) string {
	if v, ok := it[name].(*types.AttributeValueMemberS); ok {
		return v.Value
	}
	return ""
}

// NumberOf reads the whole number in the attribute with the given name; it returns 0 when there is
// none.
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

// Key returns the two key attributes of an item, pk and sk, as a request needs them.
func Key(k keys.Key) Item { return Item{"pk": Text(k.PK), "sk": Text(k.SK)} }
