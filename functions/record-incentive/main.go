// Command record-incentive records rewarded actions of creators, one or up to 500 at a time, and tells what a
// creator has earned on a day.
package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"os"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/clock/ids"
	"fenzhang/shared/identity"
	"fenzhang/shared/identity/revocation"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/lambda/awsclient"
	"fenzhang/shared/lambda/clockdb"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/usage"
	"fenzhang/shared/tenancy/tenancydb"
)

func main() {
	tune(os.Getenv)
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	api, err := wire(context.Background(), log)
	if err != nil {
		log.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(usage.Handler{Handler: gateway{api}, Log: log, Function: os.Getenv("AWS_LAMBDA_FUNCTION_NAME"),
		MemoryMB: os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), Now: api.Clock.Now})
}

// gateway is the function's only trigger. Reading the event straight into its type, without first looking what
// kind of event it is, saves a tenth of a call's work outside the SDK.
type gateway struct{ api *httpapi.API }

// Invoke implements lambda.Handler.
func (g gateway) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	var call events.APIGatewayV2HTTPRequest
	if err := json.Unmarshal(payload, &call); err != nil {
		return nil, err
	}
	return json.Marshal(g.api.Serve(ctx, call))
}

func wire(ctx context.Context, log *slog.Logger) (*httpapi.API, error) {
	vars := env.Read()
	stage, incentives := vars.Need("STAGE"), vars.Need("TABLE_INCENTIVES")
	control, tenancy := vars.Need("TABLE_CONTROL"), vars.Need("TABLE_TENANCY")
	if err := vars.Err(); err != nil {
		return nil, err
	}
	cfg, err := awsclient.Config(ctx)
	if err != nil {
		return nil, err
	}
	db := dynamodb.NewFromConfig(cfg, lean, usage.Count)
	clock, err := clockdb.New(stage, db, control)
	if err != nil {
		return nil, err
	}
	directory, days := tenancydb.New(db, tenancy, "", clock.Now), incentivedb.NewDays(db, incentives)
	return &httpapi.API{
		Routes: routes(
			&incentive.Recorder{Clock: clock, Directory: directory, Events: incentivedb.New(db, incentives), NewID: ids.Source(clock.Now)},
			&incentive.Counters{Clock: clock, Creators: directory, Chunks: days, Days: days},
		),
		Clock: clock, Log: log, Limits: httpapi.DefaultLimits(), Revoked: revocation.New(db, control, clock.Now),
	}, nil
}

func routes(recorder *incentive.Recorder, counters *incentive.Counters) []httpapi.Route {
	return []httpapi.Route{
		{Method: http.MethodPost, Path: "/api/v1/incentive/record", Roles: []identity.Role{identity.Operator, identity.Admin}, Handle: recording{recorder}.handle},
		{Method: http.MethodGet, Path: "/api/v1/incentive/counters/{creator_id}", Roles: identity.AllRoles(), Handle: counting{counters}.handle},
	}
}
