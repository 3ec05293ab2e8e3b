// Command receive-payment takes the payment gateways' signed word on what became of payments.
package main

import (
	"context"
	"log/slog"
	"os"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"fenzhang/shared/awsclient"
	"fenzhang/shared/clockdb"
	"fenzhang/shared/env"
	"fenzhang/shared/httpapi"
	"fenzhang/shared/ids"
	"fenzhang/shared/payout"
	"fenzhang/shared/payoutgateway"
	"fenzhang/shared/payouthttp"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlementdb"
	"fenzhang/shared/tenancydb"
	"fenzhang/shared/trigger"
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
	tenancy, control, gatewaySecret := vars.Need("TABLE_TENANCY"), vars.Need("TABLE_CONTROL"), vars.Need("GATEWAY_SECRET_ARN")
	at := payoutgateway.Addresses{Douyin: vars.Need("GATEWAY_DOUYIN_URL"), Bank: vars.Need("GATEWAY_BANK_URL")}
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
	secret := awsclient.NewCachedSecret(secretsmanager.NewFromConfig(cfg), gatewaySecret, clock.Now)
	return &payout.Service{
		Payables: settlement.Payables{Service: &settlement.Service{
			Store:     &settlementdb.Store{DB: db, Settlements: settlements, Ledger: ledger, Control: control, NewToken: newID, Now: clock.Now},
			Directory: tenancydb.New(db, tenancy, settlements, clock.Now), Clock: clock, NewID: newID,
		}},
		Merchants: payoutgateway.NewLive(secret.Get, at, clock.Now), Clock: clock, Log: log, NewID: newID,
	}, nil
}

func triggers(s *payout.Service, log *slog.Logger) trigger.Mux {
	api := &httpapi.API{
		Routes: []httpapi.Route{payouthttp.Callback(s)}, Clock: s.Clock, Log: log,
		Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{},
	}
	return trigger.Mux{HTTP: api.Serve}
}
