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

// CohortQueue receives the tasks of runs that are too large for one call.
type CohortQueue interface {
	// SendTasks sends all tasks to the queue. After an error some may have been sent; sending all of
	// them again is harmless.
	SendTasks(ctx context.Context, tasks []billing.Task) error
}

// NightlyRun opens the settlements that are due: its schedule divides the creators of each tenant
// into cohorts, and its queue runs one cohort after another.
type NightlyRun struct {
	Billing    *billing.Service
	Statements *statement.Service
	Cohorts    CohortQueue
	Log        *slog.Logger
}

// SQSQueue is the cohort queue in SQS. It is a standard queue; the message group of each tenant
// keeps a large tenant from delaying the others.
type SQSQueue struct {
	SQS *sqs.Client
	URL string
}

// perCall is the number of messages that SQS accepts in one call.
const perCall = 10

// SendTasks implements CohortQueue.
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
			return awsfault.Classify(fmt.Errorf("cohort queue: %w", err))
		}
		if len(out.Failed) > 0 {
			return awsfault.ClassifyCode(aws.ToString(out.Failed[0].Code),
				fmt.Sprintf("cohort queue: %d messages refused", len(out.Failed)))
		}
	}
	return nil
}

// RunCohort runs the task of one message: it opens the due settlements of the cohort and accepts
// its unanswered statements.
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

// acceptSilent accepts, for the creators of a cohort, the statements that have been left unanswered
// for as long as their contracts say.
func (n NightlyRun) acceptSilent(ctx context.Context, t billing.Task) error {
	accepted, err := n.Statements.AcceptSilent(ctx, t.Tenant, t.Includes)
	if accepted > 0 {
		n.Log.InfoContext(ctx, "statements accepted by silence", "tenant", t.Tenant, "after", t.After,
			"upto", t.Upto, "accepted", accepted)
	}
	return err
}

// FanOutTenants sends the cohorts of every tenant to the queue. The schedule has only this job, so
// the job's name is ignored; running it again opens nothing twice.
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
	// An error of one tenant does not stop the runs of the others.
	for _, tenant := range tenants {
		order.Tenant = ident.Tenant(tenant)
		failed = errors.Join(failed, n.fanOutTenant(ctx, order))
	}
	return failed
}

// fanOutTenant sends the run of a tenant to the queue as tasks.
func (n NightlyRun) fanOutTenant(ctx context.Context, o billing.Order) error {
	tasks, err := n.Billing.SplitIntoTasks(ctx, o)
	if err != nil {
		return err
	}
	return n.Cohorts.SendTasks(ctx, tasks)
}
