// Command manage-tenants keeps a tenant's master data: paying entities, taxpayers, creators, contracts, reward
// strategies and tax positions.
package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"fenzhang/shared/awsclient"
	"fenzhang/shared/clockdb"
	"fenzhang/shared/env"
	"fenzhang/shared/httpapi"
	"fenzhang/shared/ids"
	"fenzhang/shared/revocation"
	"fenzhang/shared/tenancydb"
	"fenzhang/shared/trigger"
	"fenzhang/shared/vault"
	"fenzhang/shared/vaultkms"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	api, err := wire(context.Background(), env.Read(), log)
	if err != nil {
		log.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(trigger.Mux{HTTP: api.Serve})
}

func wire(ctx context.Context, vars *env.Vars, log *slog.Logger) (*httpapi.API, error) {
	stage, control := vars.Need("STAGE"), vars.Need("TABLE_CONTROL")
	tenancyTable, settlements := vars.Need("TABLE_TENANCY"), vars.Need("TABLE_SETTLEMENTS")
	dataKey, lookup := vars.Need("DATA_KEY_ARN"), vars.Need("LOOKUP_SECRET_ARN")
	if err := vars.Err(); err != nil {
		return nil, err
	}
	cfg, err := awsclient.Config(ctx)
	if err != nil {
		return nil, err
	}
	db := dynamodb.NewFromConfig(cfg)
	clock, err := clockdb.New(stage, db, control)
	if err != nil {
		return nil, err
	}
	store := tenancydb.New(db, tenancyTable, settlements, clock.Now)
	newID := ids.Source(clock.Now)
	s := &service{
		store: store, clock: clock, newID: newID,
		lookup: awsclient.NewCachedSecret(secretsmanager.NewFromConfig(cfg), lookup, clock.Now).Get,
		vault: &vault.Vault{
			Store: store, Master: vaultkms.New(kms.NewFromConfig(cfg), dataKey), Reads: store,
			Now: clock.Now, NewID: newID, Random: rand.Reader,
		},
	}
	return &httpapi.API{Routes: s.routes(), Clock: clock, Log: log, Limits: httpapi.DefaultLimits(), Revoked: revocation.New(db, control, clock.Now)}, nil
}
