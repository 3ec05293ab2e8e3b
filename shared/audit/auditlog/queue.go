package auditlog

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"fenzhang/shared/audit"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/usage"
)

// Sealer seals records of one tenant; audit.Writer implements it.
type Sealer interface {
	Write(ctx context.Context, tenant ident.Tenant, entries []audit.Entry) error
}

// Queue handles messages of the audit queue, whose message group is the tenant.
type Queue struct {
	Log    *slog.Logger
	Sealer Sealer
}

// group is the records of one tenant in a batch of messages.
type group struct {
	tenant   ident.Tenant
	entries  []audit.Entry
	messages []string // ids of the messages
}

// Handle seals the records of each tenant together and answers the messages whose records were not
// sealed, which the queue delivers again. Records need no order among themselves, so an unreadable
// record does not stop the others of its tenant: it alone is delivered again, and finally moves to
// the dead-letter queue.
func (q Queue) Handle(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
	groups, failed := q.groupByTenant(ctx, ev.Records)
	for _, g := range groups {
		if err := q.Sealer.Write(ctx, g.tenant, g.entries); err != nil {
			e := fault.AsError(err)
			q.Log.ErrorContext(ctx, "audit records not sealed", "tenant", g.tenant,
				"records", len(g.entries), "code", int(e.Code), "cause", e.Error())
			failed = append(failed, g.messages...)
			continue
		}
		q.Log.InfoContext(ctx, "audit records sealed", "tenant", g.tenant, "records", len(g.entries))
	}
	out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	for _, id := range failed {
		out.BatchItemFailures = append(out.BatchItemFailures,
			events.SQSBatchItemFailure{ItemIdentifier: id})
	}
	return out, nil
}

// groupByTenant reads the records of messages and groups them by tenant, in the order in which the
// tenants first occur. groupByTenant also returns the ids of messages that cannot be read.
func (q Queue) groupByTenant(ctx context.Context,
	messages []events.SQSMessage) (groups []*group, failed []string) {
	byTenant := map[ident.Tenant]*group{}
	for _, m := range messages {
		tenant := ident.Tenant(m.Attributes["MessageGroupId"])
		entry, err := readRecord(m.Body, tenant)
		if err != nil {
			q.Log.ErrorContext(ctx, "unfit audit record", "message_id", m.MessageId, "tenant", tenant,
				"receives", m.Attributes["ApproximateReceiveCount"], "cause", err.Error())
			failed = append(failed, m.MessageId)
			continue
		}
		usage.AttributeTo(ctx, tenant)
		g := byTenant[tenant]
		if g == nil {
			g = &group{tenant: tenant}
			byTenant[tenant] = g
			groups = append(groups, g)
		}
		g.entries = append(g.entries, entry)
		g.messages = append(g.messages, m.MessageId)
	}
	return groups, failed
}

// readRecord reads the record in a message; its tenant must be the message group.
func readRecord(body string, tenant ident.Tenant) (audit.Entry, error) {
	e, err := audit.ReadEntry([]byte(body))
	if err == nil && e.Record.Tenant != tenant {
		err = fmt.Errorf("auditlog: a record of %q in the group of %q", e.Record.Tenant, tenant)
	}
	return e, err
}
