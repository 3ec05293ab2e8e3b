// Command authorize-request is the Lambda authorizer of the API Gateway: it verifies the token of a
// call and passes the caller on.
package main

import (
	"context"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"fenzhang/shared/identity/authorizer"
	"fenzhang/shared/identity/bearer"
	"fenzhang/shared/lambda/awsclient"
	"fenzhang/shared/lambda/env"
)

// main starts the function. main does without package assembly, because the authorizer reads no
// table.
func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	a, err := build(context.Background(), env.Read(), log)
	if err != nil {
		log.Error("start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(a.Authorize)
}

// build returns the authorizer with keys from Secrets Manager.
func build(ctx context.Context, vars *env.Vars, log *slog.Logger) (authorizer.Authorizer, error) {
	arn := vars.Need("JWT_SECRET_ARN")
	issuer := vars.Need("JWT_ISSUER")
	audience := vars.Need("JWT_AUDIENCE")
	if err := vars.Err(); err != nil {
		return authorizer.Authorizer{}, err
	}
	cfg, err := awsclient.Config(ctx)
	if err != nil {
		return authorizer.Authorizer{}, err
	}
	secret := awsclient.NewCachedSecret(secretsmanager.NewFromConfig(cfg), arn, time.Now)
	keyring := bearer.NewKeyring(secret.GetWithin, awsclient.SecretAge, issuer, audience, time.Now)
	return authorizer.Authorizer{Keyring: keyring, Log: log}, nil
}
