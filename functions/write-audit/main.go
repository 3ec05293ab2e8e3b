// Command write-audit seals audit records into locked objects, in one chain for each tenant, and
// serves proofs of them over HTTP.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/auditlog"
	"fenzhang/shared/clock"
	"fenzhang/shared/identity/revocation"
	"fenzhang/shared/lambda/awsclient"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/lambda/usage"
	"fenzhang/shared/vault/sm2signer"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	mux, err := buildTriggers(context.Background(), env.Read(), log)
	if err != nil {
		log.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(usage.Handler{Handler: mux, Log: log, Function: os.Getenv("AWS_LAMBDA_FUNCTION_NAME"),
		MemoryMB: os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), Now: time.Now})
}

// buildTriggers reads the environment and returns the handlers of the audit queue and of the proof
// routes.
func buildTriggers(ctx context.Context, vars *env.Vars, log *slog.Logger) (trigger.Mux, error) {
	stage, table := vars.Need("STAGE"), vars.Need("TABLE_CONTROL")
	bucket, secret := vars.Need("AUDIT_BUCKET"), vars.Need("SIGNING_SECRET_ARN")
	if err := vars.Err(); err != nil {
		return trigger.Mux{}, err
	}
	cfg, err := awsclient.Config(ctx)
	if err != nil {
		return trigger.Mux{}, err
	}
	return assembleTriggers(cfg, stage, table, bucket, secret, log), nil
}

// assembleTriggers connects the audit log's bucket, index and signing key with the queue and the
// routes.
func assembleTriggers(cfg aws.Config, stage, table, bucket, secret string,
	log *slog.Logger) trigger.Mux {
	now := clock.Real()
	db := dynamodb.NewFromConfig(cfg, usage.CountCapacity)
	lock := auditlog.LockFor(stage, now.Now)
	objects := auditlog.NewBucket(s3.NewFromConfig(cfg, auditlog.UsePathStyleLocally(cfg)), bucket,
		lock.Mode)
	index := auditlog.NewIndex(db, table)
	secrets := secretsmanager.NewFromConfig(cfg)
	// the signing key is read at the first sealing, not at the start, because proofs need no key
	signer := &sm2signer.Lazy{Secret: func(ctx context.Context) (string, error) {
		return awsclient.ReadSecret(ctx, secrets, secret)
	}}
	queue := auditlog.Queue{Log: log, Sealer: audit.Writer{Objects: objects, Index: index,
		Signer: signer, Until: lock.Until, Now: time.Now}}
	api := &httpapi.API{
		Routes: auditlog.Routes(audit.Reader{Objects: objects, Index: index}),
		Clock:  now, Log: log, Limits: httpapi.DefaultLimits(), Revoked: revocation.New(db, table,
			now.Now),
	}
	return trigger.Mux{HTTP: api.AnswerEvent, Queue: queue.Handle}
}
