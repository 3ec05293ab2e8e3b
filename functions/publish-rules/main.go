// Command publish-rules takes a policy pack that was copied into the rules bucket: it checks the pack against its
// manifest, reads its rules, runs its examples, and stores it for good under its version. It does not activate it.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/shared/awsclient"
	"fenzhang/shared/env"
	"fenzhang/shared/ids"
	"fenzhang/shared/trigger"
	"fenzhang/shared/usage"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	p, err := wire(context.Background(), env.Read(), log)
	if err != nil {
		log.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(usage.Handler{Handler: trigger.Mux{Objects: p.Handle}, Log: log, Function: os.Getenv("AWS_LAMBDA_FUNCTION_NAME"), MemoryMB: os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), Now: time.Now})
}

func wire(ctx context.Context, vars *env.Vars, log *slog.Logger) (publisher, error) {
	p := publisher{Log: log, Bucket: vars.Need("RULES_BUCKET"), Tenancy: vars.Need("TABLE_TENANCY"), Settlements: vars.Need("TABLE_SETTLEMENTS"),
		Now: time.Now, NewID: ids.Source(time.Now)}
	if err := vars.Err(); err != nil {
		return p, err
	}
	cfg, err := awsclient.Config(ctx)
	if err != nil {
		return p, err
	}
	p.Objects = s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = cfg.BaseEndpoint != nil })
	p.DB = dynamodb.NewFromConfig(cfg, usage.Count)
	return p, nil
}
