// Package incentivestream adds recorded events from the table's stream to the creators' days, and
// closes days by schedule.
package incentivestream

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/settlement/relay"
)

// Handler handles the records of the stream and the jobs of the schedule.
type Handler struct {
	Accruer    *incentive.Accruer
	Quarantine relay.Quarantine
	Log        *slog.Logger
}

// Triggers returns the handlers by the kind of event that starts the function.
func (h Handler) Triggers() trigger.Mux {
	return trigger.Mux{Stream: h.addBatch, Schedule: h.runJob}
}

// addBatch adds the events of a batch of stream records to the creators' days. An error makes
// Lambda deliver the whole batch again, which changes nothing for events that were added before. A
// record that cannot be read is stored in the quarantine, because it would block its shard.
func (h Handler) addBatch(ctx context.Context,
	batch events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	none := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	seen := make([]incentive.StreamedEvent, 0, len(batch.Records))
	for i := range batch.Records {
		s, ok, err := incentivedb.ParseStreamRecord(batch.Records[i])
		switch {
		case err != nil:
			if err := h.quarantineRecord(ctx, s.Tenant, &batch.Records[i], err); err != nil {
				return none, err
			}
		case ok:
			seen = append(seen, s)
		}
	}
	if len(seen) == 0 {
		return none, nil
	}
	return none, h.Accruer.AddRecordedEvents(ctx, seen)
}

// quarantineRecord logs a stream record that cannot be read and stores it in the quarantine.
func (h Handler) quarantineRecord(ctx context.Context, tenant ident.Tenant,
	record *events.DynamoDBEventRecord, why error) error {
	body, err := json.Marshal(record)
	if err != nil {
		return err
	}
	h.Log.ErrorContext(ctx, "stream record quarantined", "tenant", tenant, "event_id", record.EventID,
		"cause", why.Error())
	return h.Quarantine.Keep(ctx, tenant, record.EventID, why.Error(), body)
}

// The jobs that the schedule starts; a person may start them by invoking the function.
const (
	// jobClose closes the given day or, without a date, every day before today that is due.
	jobClose = "close-day"
	// jobReward rewards events that waited for a strategy.
	jobReward = "reward-parked"
)

// runJob runs the job that the schedule names.
func (h Handler) runJob(ctx context.Context, s trigger.Schedule) error {
	switch {
	case s.Job == jobReward:
		return h.Accruer.RewardParked(ctx)
	case s.Job == jobClose && s.Date == "":
		return h.Accruer.CloseDueDays(ctx)
	case s.Job == jobClose:
		day, err := civil.ParseDate(s.Date)
		if err != nil {
			return fmt.Errorf("date %q: %w", s.Date, err)
		}
		return h.Accruer.CloseDay(ctx, day)
	}
	return fmt.Errorf("accrue-incentive has no job %q", s.Job)
}
