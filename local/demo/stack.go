package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"fenzhang/local/apiclient"
	"fenzhang/local/tokens"
	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
)

// stack is the running local system: its API, and the functions that a schedule starts on AWS.
type stack struct {
	vars    map[string]string
	aws     aws.Config
	signer  tokens.Signer
	mu      sync.Mutex
	clients map[string]*apiclient.Client
}

// dateLag is how long functions may use a business date that they have cached.
const dateLag = 1100 * time.Millisecond

// openStack reads the addresses of the running stack and its signing key.
func openStack(ctx context.Context, path string) (*stack, error) {
	vars, err := tokens.ReadVars(path, "FENZHANG_API_URL", "AWS_ENDPOINT_URL", "TABLE_CONTROL",
		"STACK_NAME")
	if err != nil {
		return nil, err
	}
	if vars["STAGE"] != "local" {
		return nil, fmt.Errorf(
			"the stage is %q; the demo moves the business date, which only a local stack allows",
			vars["STAGE"])
	}
	s := &stack{vars: vars, clients: map[string]*apiclient.Client{}, aws: aws.Config{
		Region: vars["AWS_REGION"], BaseEndpoint: aws.String(vars["AWS_ENDPOINT_URL"]),
		Credentials: credentials.NewStaticCredentialsProvider(vars["AWS_ACCESS_KEY_ID"],
			vars["AWS_SECRET_ACCESS_KEY"], ""),
	}}
	s.signer, err = tokens.ForStack(ctx, s.aws, func(name string) string { return vars[name] })
	return s, err
}

// clientAs returns the API client of a person with a role in a tenant.
func (s *stack) clientAs(tenant ident.Tenant, role string) (*apiclient.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.clients[string(tenant)+role]; c != nil {
		return c, nil
	}
	token, err := s.signer.Sign(tokens.Claims{Tenant: tenant, Roles: []string{role}})
	if err != nil {
		return nil, err
	}
	c := apiclient.New(s.vars["FENZHANG_API_URL"], apiclient.StaticToken(token),
		apiclient.WithDevice("demo-"+role), apiclient.WithRetries(8, 250*time.Millisecond))
	s.clients[string(tenant)+role] = c
	return c, nil
}

// setDate sets the business date and waits until every function has read it.
func (s *stack) setDate(ctx context.Context, day civil.Date) error {
	k := keys.BusinessDate()
	_, err := dynamodb.NewFromConfig(s.aws).PutItem(ctx, &dynamodb.PutItemInput{
		TableName: aws.String(s.vars["TABLE_CONTROL"]),
		Item: map[string]ddb.AttributeValue{
			"pk": &ddb.AttributeValueMemberS{Value: k.PK}, "sk": &ddb.AttributeValueMemberS{Value: k.SK},
			"date": &ddb.AttributeValueMemberS{Value: day.String()},
		},
	})
	if err != nil {
		return fmt.Errorf("set the business date: %w", err)
	}
	return sleep(ctx, dateLag)
}

// clearDate returns the stack to the real date, also after an interrupt.
func (s *stack) clearDate() error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	k := keys.BusinessDate()
	_, err := dynamodb.NewFromConfig(s.aws).DeleteItem(ctx, &dynamodb.DeleteItemInput{
		TableName: aws.String(s.vars["TABLE_CONTROL"]),
		Key: map[string]ddb.AttributeValue{"pk": &ddb.AttributeValueMemberS{Value: k.PK},
			"sk": &ddb.AttributeValueMemberS{Value: k.SK}},
	})
	if err != nil {
		return fmt.Errorf("clear the business date: %w", err)
	}
	return nil
}

// closeDays does what the schedule of 00:30 does: it closes the days before the business date.
func (s *stack) closeDays(ctx context.Context) error {
	return s.invokeScheduled(ctx, "accrue-incentive", "close-day")
}

// runSweeps does what the five-minute schedules do: settlements that wait for a date, a rule or a
// paper are checked again.
func (s *stack) runSweeps(ctx context.Context) error {
	return s.invokeScheduled(ctx, "advance-settlement", "sweep")
}

// invokeScheduled invokes a function with the event of its schedule.
func (s *stack) invokeScheduled(ctx context.Context, function, job string) error {
	out, err := lambda.NewFromConfig(s.aws).Invoke(ctx, &lambda.InvokeInput{
		FunctionName: aws.String(s.vars["STACK_NAME"] + "-" + function),
		Payload:      []byte(`{"job":"` + job + `"}`),
	})
	if err != nil {
		return fmt.Errorf("start %s of %s: %w", job, function, err)
	}
	if out.FunctionError != nil {
		return errors.New(job + " of " + function + ": " + string(out.Payload))
	}
	return nil
}

// sleep waits for a duration, or returns the error of ctx when ctx ends before.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
