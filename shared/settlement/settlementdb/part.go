package settlementdb

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/settlement"
)

// MetaWritePart is the part of another adapter's transaction that writes a settlement of which META
// alone changes; the condition is that nobody has written since old was read.
func (s *Store) MetaWritePart(c settlement.Change) types.TransactWriteItem {
	return types.TransactWriteItem{Put: s.meta(c.New, c.Old)}
}
