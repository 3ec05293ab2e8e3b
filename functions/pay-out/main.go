// Command pay-out sends settlements' money to their payees and asks the gateways what became of payments whose
// end is outstanding.
package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/shared/awsclient"
	"fenzhang/shared/clockdb"
	"fenzhang/shared/env"
	"fenzhang/shared/ids"
	"fenzhang/shared/payout"
	"fenzhang/shared/payoutgateway"
	"fenzhang/shared/payoutqueue"
	"fenzhang/shared/payoutvault"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlementdb"
	"fenzhang/shared/sqsbatch"
	"fenzhang/shared/tenancydb"
	"fenzhang/shared/trigger"
	"fenzhang/shared/vault"
	"fenzhang/shared/vaultkms"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	service, err := wire(context.Background(), env.Read(), log)
	if err != nil {
		log.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(triggers(service, log))
}

func wire(ctx context.Context, vars *env.Vars, log *slog.Logger) (*payout.Service, error) {
	stage, settlements, ledger := vars.Need("STAGE"), vars.Need("TABLE_SETTLEMENTS"), vars.Need("TABLE_LEDGER")
	tenancy, control := vars.Need("TABLE_TENANCY"), vars.Need("TABLE_CONTROL")
	dataKey, gatewaySecret, taxQueue := vars.Need("DATA_KEY_ARN"), vars.Need("GATEWAY_SECRET_ARN"), vars.Need("QUEUE_TAX_URL")
	at := payoutgateway.Addresses{Douyin: vars.Need("GATEWAY_DOUYIN_URL"), Bank: vars.Need("GATEWAY_BANK_URL"), Callback: vars.Need("CALLBACK_URL")}
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
	newID := ids.Source(clock.Now)
	directory := tenancydb.New(db, tenancy, settlements, clock.Now)
	payables := settlement.Payables{Service: &settlement.Service{
		Store:     &settlementdb.Store{DB: db, Settlements: settlements, Ledger: ledger, Control: control, NewToken: newID, Now: clock.Now},
		Directory: directory, Clock: clock, NewID: newID,
	}}
	secret := awsclient.NewCachedSecret(secretsmanager.NewFromConfig(cfg), gatewaySecret, clock.Now)
	accounts := &vault.Vault{Store: directory, Master: vaultkms.New(kms.NewFromConfig(cfg), dataKey), Reads: directory, Now: clock.Now, NewID: newID, Random: rand.Reader}
	return &payout.Service{
		Payables: payables, Unclear: payables, Accounts: payoutvault.Accounts{Vault: accounts},
		Rebooking: payoutqueue.Rebooking{SQS: sqs.NewFromConfig(cfg), Queue: taxQueue},
		Merchants: payoutgateway.NewLive(secret.Get, at, clock.Now),
		Clock:     clock, Log: log, NewID: newID,
	}, nil
}

// A notice normally comes within seconds: what is younger than quiet is not asked about. One sweep asks about
// sweepLimit payouts at most; the next goes on.
const (
	quiet      = time.Minute
	sweepLimit = 1000
)

func triggers(s *payout.Service, log *slog.Logger) trigger.Mux {
	return trigger.Mux{
		Queue: sqsbatch.Groups(log, func(ctx context.Context, body []byte, _ events.SQSMessage) error { return s.Handle(ctx, body) }),
		Schedule: func(ctx context.Context, _ trigger.Schedule) error {
			return s.Sweep(ctx, s.Clock.Instant().Add(-quiet), sweepLimit)
		},
	}
}
