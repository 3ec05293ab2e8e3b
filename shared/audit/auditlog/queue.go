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

// Sealer writes a tenant's records.
type Sealer interface {
	Write(ctx context.Context, tenant ident.Tenant, entries []audit.Entry) error
}

// Queue takes batches of the audit queue, whose message group is the tenant.
type Queue struct {
	Log    *slog.Logger
	Sealer Sealer
}

// group is one tenant's part of a batch.
type group struct {
	entries  []audit.Entry
	messages []string
}

// Handle seals each tenant's records together and answers with the messages that were not sealed.
// Records need no order among themselves, so an unreadable one does not stop the others of its
// tenant: it alone comes back, and at last lies in the dead-letter queue.
func (q Queue) Handle(ctx context.Context, ev events.SQSEvent) (events.SQSEventResponse, error) {
	out := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
	fail := func(messages ...string) {
		for _, id := range messages {
			out.BatchItemFailures = append(out.BatchItemFailures,
				events.SQSBatchItemFailure{ItemIdentifier: id})
		}
	}
	groups := map[string]*group{}
	var order []string
	for _, m := range ev.Records {
		tenant := m.Attributes["MessageGroupId"]
		entry, err := read(m.Body, ident.Tenant(tenant))
		if err != nil {
			q.Log.ErrorContext(ctx, "unfit audit record", "message_id", m.MessageId, "tenant", tenant,
				"receives", m.Attributes["ApproximateReceiveCount"], "cause", err.Error())
			fail(m.MessageId)
			continue
		}
		usage.For(ctx, ident.Tenant(tenant))
		if groups[tenant] == nil {
			groups[tenant] = &group{}
			order = append(order, tenant)
		}
		groups[tenant].entries = append(groups[tenant].entries, entry)
		groups[tenant].messages = append(groups[tenant].messages, m.MessageId)
	}
	for _, tenant := range order {
		g := groups[tenant]
		if err := q.Sealer.Write(ctx, ident.Tenant(tenant), g.entries); err != nil {
			e := fault.Of(err)
			q.Log.ErrorContext(ctx, "audit records not sealed", "tenant", tenant, "records", len(g.entries),
				"code", int(e.Code), "cause", e.Error())
			fail(g.messages...)
			continue
		}
		q.Log.InfoContext(ctx, "audit records sealed", "tenant", tenant, "records", len(g.entries))
	}
	return out, nil
}

// read takes a record out of a message; its tenant must be the message's group.
func read(body string, tenant ident.Tenant) (audit.Entry, error) {
	e, err := audit.ReadEntry([]byte(body))
	if err == nil && e.Record.Tenant != tenant {
		err = fmt.Errorf("auditlog: a record of %q in the group of %q", e.Record.Tenant, tenant)
	}
	return e, err
}
