// Command record-incentive records rewarded actions of creators, one or up to 500 in a call, and
// shows what a creator has earned on a day.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"fenzhang/shared/clock/ids"
	"fenzhang/shared/identity/revocation"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentiveapi"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/lambda/awsclient"
	"fenzhang/shared/lambda/clockdb"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/lean"
	"fenzhang/shared/lambda/usage"
	"fenzhang/shared/tenancy/tenancydb"
)

// main starts the function. main does without package assembly and tunes the Go runtime, because no
// other function is called as often.
func main() {
	lean.TuneRuntime(os.Getenv)
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	api, err := buildAPI(context.Background(), log)
	if err != nil {
		log.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(usage.Handler{Handler: api, Log: log, Function: os.Getenv("AWS_LAMBDA_FUNCTION_NAME"),
		MemoryMB: os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), Now: api.Clock.Now})
}

// buildAPI returns the API with the incentive routes over the real tables.
func buildAPI(ctx context.Context, log *slog.Logger) (*httpapi.API, error) {
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
	// this function makes few calls of DynamoDB, but very many times
	db := dynamodb.NewFromConfig(cfg, lean.TuneDynamoDB, usage.CountCapacity)
	clock, err := clockdb.New(stage, db, control)
	if err != nil {
		return nil, err
	}
	directory, days := tenancydb.New(db, tenancy, "", clock.Now), incentivedb.NewDays(db, incentives)
	return &httpapi.API{
		Routes: incentiveapi.Routes(
			&incentive.Recorder{Clock: clock, Directory: directory,
				Events: incentivedb.NewEvents(db, incentives),
				NewID:  ids.NewSource(clock.Now)},
			&incentive.Counters{Clock: clock, Creators: directory, Chunks: days, Days: days},
		),
		Clock: clock, Log: log, Limits: httpapi.DefaultLimits(), Revoked: revocation.New(db, control,
			clock.Now),
	}, nil
}
