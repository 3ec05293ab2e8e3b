// Package incentivestream accrues rewards from the stream of recorded events and by its schedule.
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

// Handler serves the stream and the schedule.
type Handler struct {
	Accruer    *incentive.Accruer
	Quarantine relay.Quarantine
	Log        *slog.Logger
}

// Triggers names what starts it.
func (h Handler) Triggers() trigger.Mux { return trigger.Mux{Stream: h.addBatch, Schedule: h.runJob} }

// addBatch brings a batch of the stream into the creators' days. An error brings the whole batch
// again, which changes nothing for what was done; a record that cannot be read is put aside,
// because it would stop its shard.
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

// The jobs of the schedule; a person may start them too.
const (
	jobClose  = "close-day"     // with a date that day, else every day before today that is due
	jobReward = "reward-parked" // events that waited for a strategy
)

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
