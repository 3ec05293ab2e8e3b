package billingapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/statement"
	"fenzhang/shared/statement/billing"
)

// CohortQueue takes the parts of runs that are too large for one call.
type CohortQueue interface {
	// Send hands all tasks on; after an error some may have been handed on, and sending all again is
	// harmless.
	SendTasks(ctx context.Context, tasks []billing.Task) error
}

// NightlyRun opens the settlements that are due: its schedule divides the tenants' creators into
// cohorts, and its queue runs one cohort after another.
type NightlyRun struct {
	Billing    *billing.Service
	Statements *statement.Service
	Cohorts    CohortQueue
	Log        *slog.Logger
}

// SQSQueue is the cohort queue. It is a standard one; the group keeps one large tenant from making the
// others wait.
type SQSQueue struct {
	SQS *sqs.Client
	URL string
}

// perCall is how many messages SQS takes in one call.
const perCall = 10

// SendTasks implements Cohorts.
func (q SQSQueue) SendTasks(ctx context.Context, tasks []billing.Task) error {
	for part := range slices.Chunk(tasks, perCall) {
		in := &sqs.SendMessageBatchInput{QueueUrl: aws.String(q.URL)}
		for i, t := range part {
			body, err := json.Marshal(t)
			if err != nil {
				return fault.Internal(err)
			}
			in.Entries = append(in.Entries,
				types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)),
					MessageBody:    aws.String(string(body)),
					MessageGroupId: aws.String(string(t.Tenant))})
		}
		out, err := q.SQS.SendMessageBatch(ctx, in)
		if err != nil {
			return awsfault.Of(fmt.Errorf("cohort queue: %w", err))
		}
		if len(out.Failed) > 0 {
			return awsfault.OfCode(aws.ToString(out.Failed[0].Code),
				fmt.Sprintf("cohort queue: %d messages refused", len(out.Failed)))
		}
	}
	return nil
}

// RunCohort runs one message of the queue.
func (n NightlyRun) RunCohort(ctx context.Context, body []byte, _ events.SQSMessage) error {
	var t billing.Task
	if err := json.Unmarshal(body, &t); err != nil {
		return err
	}
	if t.Tenant == "" || t.By == "" || t.Date.IsZero() || (t.Upto != "" && t.Upto <= t.After) {
		return errors.New("a cohort task without tenant, date or actor, or of no creators")
	}
	_, err := n.Billing.RunTask(ctx, t)
	return errors.Join(err, n.acceptSilent(ctx, t))
}

// acceptSilent accepts, for the creators of a cohort, the statements that have been silent for as
// long as their contracts say.
func (n NightlyRun) acceptSilent(ctx context.Context, t billing.Task) error {
	accepted, err := n.Statements.AcceptSilent(ctx, t.Tenant, t.Includes)
	if accepted > 0 {
		n.Log.InfoContext(ctx, "statements accepted by silence", "tenant", t.Tenant, "after", t.After,
			"upto", t.Upto, "accepted", accepted)
	}
	return err
}

// FanOutTenants hands on the cohorts of every tenant. It is the only job of its schedule, so its name is not
// asked for; a repeated run opens nothing twice.
func (n NightlyRun) FanOutTenants(ctx context.Context, job trigger.Schedule) error {
	order := billing.Order{By: billing.System}
	if job.Date != "" {
		var err error
		if order.Date, err = civil.ParseDate(job.Date); err != nil {
			return err
		}
	}
	order, err := n.Billing.CompleteOrder(ctx, order)
	if err != nil {
		return err
	}
	tenants, err := n.Billing.Settlements.Directory.Tenants(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, tenant := range tenants { // one tenant's refusal does not keep the others from their night
		order.Tenant = ident.Tenant(tenant)
		failed = errors.Join(failed, n.fanOutTenant(ctx, order))
	}
	return failed
}

// fanOutTenant hands a tenant's run on in parts.
func (n NightlyRun) fanOutTenant(ctx context.Context, o billing.Order) error {
	tasks, err := n.Billing.SplitIntoTasks(ctx, o)
	if err != nil {
		return err
	}
	return n.Cohorts.SendTasks(ctx, tasks)
}
