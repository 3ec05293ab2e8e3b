package relay

import (
	"context"
	"strconv"
	"time"

	"fenzhang/shared/settlement"
)

// NewTaskSender sends operations of settlements to their queues. Each minute is a round of its own:
// within it a repeated message is one, after it a new one.
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
