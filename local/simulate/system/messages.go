package system

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/audit"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/lambda/sqsbatch"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/relay"
)

// connectQueues has each queue deliver to the function that reads it.
func (s *System) connectQueues(b builder) {
	tasks := func(do func(context.Context, settlement.Task) error) engine.Function {
		return sqsbatch.HandleOneByOne(b.log,
			func(ctx context.Context, body []byte, _ events.SQSMessage) error {
				task, err := settlement.DecodeTask(body)
				if err != nil {
					return err
				}
				engine.TaskOf(ctx).Tenant = task.Tenant // from here on checkTenantFence watches the task
				return do(ctx, task)
			})
	}
	payouts := func(ctx context.Context, body []byte, _ events.SQSMessage) error {
		var m payout.Message
		if json.Unmarshal(body, &m) == nil {
			engine.TaskOf(ctx).Tenant = m.Tenant
		}
		return s.Payouts.HandleMessage(ctx, body)
	}
	for name, q := range map[relay.Queue]*engine.Queue{
		relay.Tax:    engine.NewQueue(b.world, "compute-tax", tasks(s.Taxes.RunTask)),
		relay.Settle: engine.NewQueue(b.world, "advance-settlement", tasks(s.Advancer.RunTask)),
		relay.Payout: engine.NewQueue(b.world, "pay-out",
			sqsbatch.HandleGroupsInParallel(b.log, payouts)),
		relay.Audit: engine.NewQueue(b.world, "write-audit",
			sqsbatch.HandleOneByOne(b.log, s.keepAuditRecord)),
	} {
		b.world.Queues[name] = q
	}
}

// connectStreams has the changes of the tables carried to relay-changes and accrue-incentive.
func (s *System) connectStreams(b builder) {
	quarantine := relay.QuarantineStore{DB: b.db, Table: engine.ControlTable, Now: b.clock.Now}
	changes := relay.Stream{Sender: b.sender, Quarantine: quarantine, Log: b.log}
	b.world.Streams.AddReader("relay-changes", engine.SettlementsTable, changes.Handle)
	b.world.Streams.AddReader("accrue-incentive", engine.IncentivesTable, s.absorbEvents)
}

// absorbEvents is the handler of accrue-incentive: it adds a batch of recorded events to their
// days.
func (s *System) absorbEvents(ctx context.Context,
	batch events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	none := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
	var seen []incentive.StreamedEvent
	for i := range batch.Records {
		event, isEvent, err := incentivedb.ParseStreamRecord(batch.Records[i])
		if err != nil {
			return none, err
		}
		if isEvent {
			seen = append(seen, event)
		}
	}
	if len(seen) == 0 {
		return none, nil
	}
	return none, s.Accruer.AddRecordedEvents(ctx, seen)
}

// keepAuditRecord is the handler of write-audit: it keeps an audit record under its id. When a
// record comes twice, the first one is kept, as in the index of the real writer.
func (s *System) keepAuditRecord(_ context.Context, body []byte, _ events.SQSMessage) error {
	var r audit.Record
	if err := json.Unmarshal(body, &r); err != nil {
		return err
	}
	key := string(r.Tenant) + "/" + r.ID
	if _, known := s.AuditRecords[key]; !known {
		s.AuditRecords[key] = r
	}
	return nil
}
