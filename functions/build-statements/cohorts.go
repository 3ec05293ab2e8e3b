package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"fenzhang/shared/awsfault"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/statement/billing"
)

// cohorts takes the parts of runs that are too large for one call.
type cohorts interface {
	// Send hands all tasks on; after an error some may have been handed on, and sending all again is harmless.
	Send(ctx context.Context, tasks []statement.Task) error
}

// queue is the cohort queue. It is a standard one; the group keeps one large tenant from making the others wait.
type queue struct {
	sqs *sqs.Client
	url string
}

// perCall is how many messages SQS takes in one call.
const perCall = 10

// Send implements cohorts.
func (q queue) Send(ctx context.Context, tasks []statement.Task) error {
	for part := range slices.Chunk(tasks, perCall) {
		in := &sqs.SendMessageBatchInput{QueueUrl: aws.String(q.url)}
		for i, t := range part {
			body, err := json.Marshal(t)
			if err != nil {
				return fault.Internal(err)
			}
			in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), MessageBody: aws.String(string(body)),
				MessageGroupId: aws.String(t.Tenant)})
		}
		out, err := q.sqs.SendMessageBatch(ctx, in)
		if err != nil {
			return awsfault.Of(fmt.Errorf("cohort queue: %w", err))
		}
		if len(out.Failed) > 0 {
			return awsfault.OfCode(aws.ToString(out.Failed[0].Code), fmt.Sprintf("cohort queue: %d messages refused", len(out.Failed)))
		}
	}
	return nil
}

// cohort runs one message of the queue.
func (h handler) cohort(ctx context.Context, body []byte, _ events.SQSMessage) error {
	var t statement.Task
	if err := json.Unmarshal(body, &t); err != nil {
		return err
	}
	if t.Tenant == "" || t.By == "" || t.Date.IsZero() || (t.Upto != "" && t.Upto <= t.After) {
		return errors.New("a cohort task without tenant, date or actor, or of no creators")
	}
	_, err := h.statements.RunTask(ctx, t)
	return errors.Join(err, h.acceptSilent(ctx, t))
}

// acceptSilent accepts, for the creators of a cohort, the statements that have been silent for as long as their
// contracts say.
func (h handler) acceptSilent(ctx context.Context, t statement.Task) error {
	accepted, err := h.papers.AcceptDue(ctx, t.Tenant, t.Holds)
	if accepted > 0 {
		h.log.InfoContext(ctx, "statements accepted by silence", "tenant", t.Tenant, "after", t.After, "upto", t.Upto, "accepted", accepted)
	}
	return err
}

// night fans the night's run out for every tenant. It is the only job of this function's schedule, so its name is
// not asked for; a repeated run opens nothing twice.
func (h handler) night(ctx context.Context, job trigger.Schedule) error {
	order := statement.Order{By: statement.System}
	if job.Date != "" {
		var err error
		if order.Date, err = civil.ParseDate(job.Date); err != nil {
			return err
		}
	}
	order, err := h.statements.Dated(ctx, order)
	if err != nil {
		return err
	}
	tenants, err := h.statements.Settlements.Directory.Tenants(ctx)
	if err != nil {
		return err
	}
	var failed error
	for _, tenant := range tenants { // one tenant's refusal does not keep the others from their night
		order.Tenant = tenant
		failed = errors.Join(failed, h.fanOut(ctx, order))
	}
	return failed
}

// fanOut hands a tenant's run on in parts.
func (h handler) fanOut(ctx context.Context, o statement.Order) error {
	tasks, err := h.statements.Tasks(ctx, o)
	if err != nil {
		return err
	}
	return h.cohorts.Send(ctx, tasks)
}
