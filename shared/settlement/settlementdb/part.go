package settlementdb

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/settlement"
)

// MetaWritePart returns the action of another store's transaction that writes the main item (META)
// of a settlement. Its condition refuses the transaction when the settlement was written after
// c.Old was read.
func (s *Store) MetaWritePart(c settlement.Change) types.TransactWriteItem {
	return types.TransactWriteItem{Put: s.metaPut(c.New, c.Old)}
}
