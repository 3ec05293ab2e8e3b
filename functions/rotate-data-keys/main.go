// Command rotate-data-keys replaces the data key of every taxpayer whose key is 90 days old and
// seals the personal data under the new key. Command rotate-data-keys runs daily and continues
// where a stopped run ended.
package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"fenzhang/shared/clock/ids"
	"fenzhang/shared/lambda/awsclient"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/tenancy/keyrotation"
	"fenzhang/shared/tenancy/tenancydb"
	"fenzhang/shared/vault"
	"fenzhang/shared/vault/vaultkms"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	r, err := buildRotation(context.Background(), env.Read(), log)
	if err != nil {
		log.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(triggers(r))
}

// triggers connects the daily schedule with the rotation.
func triggers(r *keyrotation.Rotation) trigger.Mux {
	return trigger.Mux{Schedule: func(ctx context.Context, _ trigger.Schedule) error {
		return r.Run(ctx)
	}}
}

// buildRotation returns the rotation over the tenancy table and the KMS key.
func buildRotation(ctx context.Context, vars *env.Vars,
	log *slog.Logger) (*keyrotation.Rotation, error) {
	tenancyTable := vars.Need("TABLE_TENANCY")
	settlements := vars.Need("TABLE_SETTLEMENTS")
	dataKey := vars.Need("DATA_KEY_ARN")
	if err := vars.Err(); err != nil {
		return nil, err
	}
	cfg, err := awsclient.Config(ctx)
	if err != nil {
		return nil, err
	}
	store := tenancydb.New(dynamodb.NewFromConfig(cfg), tenancyTable, settlements, time.Now)
	newID := ids.NewSource(time.Now)
	return &keyrotation.Rotation{
		Store: store, Now: time.Now, NewID: newID, Log: log,
		Vault: &vault.Vault{
			Store: store, Master: vaultkms.New(kms.NewFromConfig(cfg), dataKey), Reads: store,
			Now: time.Now, NewID: newID, Random: rand.Reader,
		},
	}, nil
}
