// Command publish-rules publishes the policy packs that are copied into the rules bucket. Command
// publish-rules checks a pack's signature, hashes, parents, rules and examples, stores it for ever
// under its version, and changes its status: draft, shadow, active, revoked.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/shared/clock/ids"
	"fenzhang/shared/lambda/awsclient"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/usage"
	"fenzhang/shared/law/publish"
	"fenzhang/shared/law/publish/publishapi"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset/rulesetdb"
)

// main starts the function. main does without package assembly, because it needs neither a clock of
// the stage nor master data.
func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	p, err := buildPublisher(context.Background(), env.Read(), log)
	if err != nil {
		log.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(usage.Handler{Handler: publishapi.API{Publisher: p}.Triggers(), Log: log,
		Function: os.Getenv("AWS_LAMBDA_FUNCTION_NAME"),
		MemoryMB: os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), Now: time.Now})
}

// buildPublisher returns the publisher over the rules bucket and the tenancy table.
func buildPublisher(ctx context.Context, vars *env.Vars,
	log *slog.Logger) (publish.Publisher, error) {
	store := &rulesetdb.Store{Bucket: vars.Need("RULES_BUCKET"), Tenancy: vars.Need("TABLE_TENANCY"),
		Settlements: vars.Need("TABLE_SETTLEMENTS")}
	keys := vars.Optional("RULES_PUBLISHER_KEYS")
	if err := vars.Err(); err != nil {
		return publish.Publisher{}, err
	}
	trusted, err := rulepack.ParseTrusted(keys)
	if err != nil {
		return publish.Publisher{}, err
	}
	cfg, err := awsclient.Config(ctx)
	if err != nil {
		return publish.Publisher{}, err
	}
	store.Objects = s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = cfg.BaseEndpoint != nil
	})
	store.DB = dynamodb.NewFromConfig(cfg, usage.CountCapacity)
	return publish.New(store, trusted, log, time.Now, ids.NewSource(time.Now)), nil
}
