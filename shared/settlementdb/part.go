package settlementdb

import (
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/settlement"
)

// MetaPart is the part of another adapter's transaction that writes a settlement of which META alone changes; the
// condition is that nobody has written since old was read.
func (s *Store) MetaPart(c settlement.Change) (types.TransactWriteItem, error) {
	put, err := s.meta(c.New, c.Old)
	return types.TransactWriteItem{Put: put}, err
}
