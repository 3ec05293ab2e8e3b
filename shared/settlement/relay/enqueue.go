package relay

import (
	"context"
	"strconv"
	"time"

	"fenzhang/shared/settlement"
)

// NewTaskSender returns a function that sends an operation of a settlement to its queue. A repeated
// call within the same minute sends a message that the queue drops as a duplicate.
func NewTaskSender(sender Sender, now func() time.Time) func(context.Context, settlement.Settlement,
	string) error {
	return func(ctx context.Context, s settlement.Settlement, op string) error {
		m, err := RepeatTask(s, op, strconv.FormatInt(now().Unix()/60, 36))
		if err != nil {
			return err
		}
		return sender.Send(ctx, []Message{m})
	}
}
