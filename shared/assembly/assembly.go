// Package assembly builds a function from its environment: AWS clients once for each start, one
// logger and one clock. A function's main package names only the routes, queues and schedules that
// it serves.
package assembly

import (
	"context"
	"crypto/rand"
	"log/slog"
	"os"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/shared/clock"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/identity/revocation"
	"fenzhang/shared/lambda/awsclient"
	"fenzhang/shared/lambda/clockdb"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/sqsbatch"
	"fenzhang/shared/lambda/usage"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/ruleset/rulesetdb"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/relay"
	"fenzhang/shared/settlement/settlementdb"
	"fenzhang/shared/settlement/trueup"
	"fenzhang/shared/settlement/trueup/trueupdb"
	"fenzhang/shared/tenancy/tenancydb"
	"fenzhang/shared/vault"
	"fenzhang/shared/vault/vaultkms"
)

// Parts are the clients, stores and settings from which a function is built.
type Parts struct {
	Log       *slog.Logger
	Vars      *env.Vars
	AWS       aws.Config
	DB        dynamo.API
	Clock     clock.Clock
	NewID     func() string
	Directory *tenancydb.Store

	control, settlements string
	periods              *ledgerdb.Periods
	rules                *ruleset.Set
}

// Build makes the handler of a function from the parts.
type Build func(context.Context, *Parts) (lambda.Handler, error)

// Run starts a function. A function that cannot start logs the cause and exits.
func Run(build Build) {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	h, err := Assemble(context.Background(), env.Read(), log, build)
	if err != nil {
		log.Error("cannot start", "cause", err.Error())
		os.Exit(1)
	}
	lambda.Start(h)
}

// Assemble makes the handler that Run starts. Its error names every environment variable that is
// missing.
func Assemble(ctx context.Context, vars *env.Vars, log *slog.Logger,
	build Build) (lambda.Handler, error) {
	p, err := newParts(ctx, vars, log)
	if err != nil {
		return nil, err
	}
	h, err := build(ctx, p)
	// Missing variables are reported first, because they usually cause the other error.
	if missing := vars.Err(); missing != nil {
		return nil, missing
	}
	return usage.Handler{Handler: h, Log: log, Function: vars.Optional("AWS_LAMBDA_FUNCTION_NAME"),
		MemoryMB: vars.Optional("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"), Now: p.Clock.Now}, err
}

// newParts reads the settings that every function needs and creates its clients.
func newParts(ctx context.Context, vars *env.Vars, log *slog.Logger) (*Parts, error) {
	p := &Parts{Log: log, Vars: vars}
	stage, tenancy := vars.Need("STAGE"), vars.Need("TABLE_TENANCY")
	p.control, p.settlements = vars.Need("TABLE_CONTROL"), vars.Need("TABLE_SETTLEMENTS")
	var err error
	if p.AWS, err = awsclient.Config(ctx); err != nil {
		return nil, err
	}
	p.DB = dynamodb.NewFromConfig(p.AWS, usage.CountCapacity)
	if p.Clock, err = clockdb.New(stage, p.DB, p.control); err != nil {
		return nil, err
	}
	p.NewID = ids.NewSource(p.Clock.Now)
	p.Directory = tenancydb.New(p.DB, tenancy, p.settlements, p.Clock.Now)
	return p, nil
}

// SettlementService returns the settlement service over the real tables.
func (p *Parts) SettlementService() (*settlement.Service, error) {
	calendar, err := taxpack.NationalCalendar()
	if err != nil {
		return nil, err
	}
	return settlement.New(settlement.Parts{Store: p.SettlementStore(), Directory: p.Directory,
		Calendar: calendar, Clock: p.Clock, NewID: p.NewID,
		Checks: settlement.Checks{Policy: p.Directory, Holders: p.Directory}})
}

// SettlementStore returns the store of settlements, tax rows and filed months in the real tables.
func (p *Parts) SettlementStore() *settlementdb.Store {
	return &settlementdb.Store{
		DB: p.DB, Settlements: p.settlements, Ledger: p.Vars.Need("TABLE_LEDGER"), Control: p.control,
		NewToken: p.NewID, Now: p.Clock.Now, Periods: p.AccountingPeriods(),
	}
}

// AccountingPeriods returns what decides the accounting periods of the entries that the function
// posts.
func (p *Parts) AccountingPeriods() *ledgerdb.Periods {
	if p.periods == nil {
		p.periods = &ledgerdb.Periods{DB: p.DB, Table: p.Vars.Need("TABLE_LEDGER"), Clock: p.Clock}
	}
	return p.periods
}

// TaxService returns the service that computes taxes by the policy packs in force and compares them
// with packs in shadow mode.
func (p *Parts) TaxService(ctx context.Context) (*settlement.Taxes, error) {
	s, err := p.SettlementService()
	if err != nil {
		return nil, err
	}
	rules, err := p.RuleSet(ctx)
	if err != nil {
		return nil, err
	}
	shadows, err := settlement.NewShadows(
		&settlementdb.Shadows{DB: p.DB, Ledger: p.Vars.Need("TABLE_LEDGER")}, p.Log)
	if err != nil {
		return nil, err
	}
	return settlement.NewTaxes(s, rules, shadows)
}

// TrueUpService returns the service that compares booked taxes with the law in force and posts the
// true-ups that two people have decided.
func (p *Parts) TrueUpService(taxes *settlement.Taxes) (*trueup.Service, error) {
	return trueup.New(taxes, &trueupdb.Store{
		DB: p.DB, Ledger: p.Vars.Need("TABLE_LEDGER"), Settlements: p.settlements,
		NewToken: p.NewID, Periods: p.AccountingPeriods(),
	})
}

// RuleSet returns the policy packs in force: those of the rules bucket when it can be reached, and
// else the embedded ones. A function has one set, so that everything in it computes by the same
// rules.
func (p *Parts) RuleSet(ctx context.Context) (*ruleset.Set, error) {
	if p.rules != nil {
		return p.rules, nil
	}
	store := &rulesetdb.Store{DB: p.DB, Bucket: p.Vars.Need("RULES_BUCKET"),
		Tenancy: p.Vars.Need("TABLE_TENANCY"), Settlements: p.settlements,
		Objects: s3.NewFromConfig(p.AWS, func(o *s3.Options) {
			o.UsePathStyle = p.AWS.BaseEndpoint != nil
		})}
	trusted, err := rulepack.ParseTrusted(p.Vars.Optional("RULES_PUBLISHER_KEYS"))
	if err != nil {
		return nil, err
	}
	p.rules = &ruleset.Set{Store: store, Trusted: trusted, Log: p.Log, Now: p.Clock.Now}
	return p.rules, p.rules.Start(ctx)
}

// NewAPI returns an HTTP handler for routes, with authentication, rate limits and revoked tokens.
func (p *Parts) NewAPI(routes ...httpapi.Route) *httpapi.API {
	return &httpapi.API{Routes: routes, Clock: p.Clock, Log: p.Log, Limits: httpapi.DefaultLimits(),
		Revoked: revocation.New(p.DB, p.control, p.Clock.Now)}
}

// NewSender returns a sender of messages to some queues and, when it is among them, to the event
// bus.
func (p *Parts) NewSender(to ...relay.Queue) relay.Sender {
	s := relay.AWS{SQS: sqs.NewFromConfig(p.AWS), URLs: map[relay.Queue]string{}}
	for _, q := range to {
		if q == relay.Bus {
			s.Events, s.Bus = eventbridge.NewFromConfig(p.AWS), p.Vars.Need("EVENT_BUS")
			continue
		}
		s.URLs[q] = p.Vars.Need("QUEUE_" + strings.ToUpper(string(q)) + "_URL")
	}
	return s
}

// NewSecret returns the secret whose ARN is the value of an environment variable; it is read when
// it is needed and cached for a while.
func (p *Parts) NewSecret(variable string) *awsclient.CachedSecret {
	return awsclient.NewCachedSecret(secretsmanager.NewFromConfig(p.AWS), p.Vars.Need(variable),
		p.Clock.Now)
}

// NewVault returns the vault that seals and opens personal data under the data key.
func (p *Parts) NewVault() *vault.Vault {
	return &vault.Vault{Store: p.Directory,
		Master: vaultkms.New(kms.NewFromConfig(p.AWS), p.Vars.Need("DATA_KEY_ARN")), Reads: p.Directory,
		Now: p.Clock.Now, NewID: p.NewID, Random: rand.Reader}
}

// TaskHandler returns a handler that decodes the settlement tasks of a queue and calls do for one
// task after another.
func (p *Parts) TaskHandler(do func(context.Context, settlement.Task) error) func(context.Context,
	events.SQSEvent) (events.SQSEventResponse, error) {
	return sqsbatch.HandleOneByOne(p.Log,
		func(ctx context.Context, body []byte, _ events.SQSMessage) error {
			task, err := settlement.DecodeTask(body)
			if err != nil {
				return err
			}
			usage.AttributeTo(ctx, task.Tenant)
			return do(ctx, task)
		})
}
