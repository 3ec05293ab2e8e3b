// Package system is the product under simulation: the code of the functions, wired as their mains
// wire it, over the tables, queues and gateways of a simulated world.
package system

import (
	"context"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/audit"
	"fenzhang/shared/books/ledgercheck"
	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/clock"
	"fenzhang/shared/dynamo"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/income"
	"fenzhang/shared/income/incentive"
	"fenzhang/shared/income/incentive/incentivedb"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/payout"
	"fenzhang/shared/payout/payouthttp"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/filedmonth/filedmonthapi"
	"fenzhang/shared/settlement/lawdiffapi"
	"fenzhang/shared/settlement/receivable/receivableapi"
	"fenzhang/shared/settlement/relay"
	"fenzhang/shared/settlement/settlementapi"
	"fenzhang/shared/settlement/settlementdb"
	"fenzhang/shared/settlement/trueup"
	"fenzhang/shared/settlement/trueup/trueupapi"
	"fenzhang/shared/statement/billing"
	"fenzhang/shared/tenancy"
)

// System is the product of one run.
type System struct {
	Bug          Bug
	Store        settlement.Store
	Settlements  *settlement.Service
	Taxes        *settlement.Taxes
	Advancer     *settlement.Advancer
	Merging      *settlement.Merging
	TrueUps      *trueup.Service
	Periods      *period.Service
	Payouts      *payout.Service
	Statements   *billing.Service
	Lines        *income.Recorder
	Incentives   *incentive.Recorder
	Accruer      *incentive.Accruer
	Counters     *incentive.Counters
	LedgerCheck  ledgercheck.Service
	API          *httpapi.API
	AuditRecords map[string]audit.Record // received by write-audit, by tenant and id

	world       *engine.World
	filedMonths *filedmonth.Recorder
	callbacks   *httpapi.API // the routes of receive-payment
}

// MasterData is the master data of all tenants.
type MasterData interface {
	tenancy.Directory
	settlement.Policy
	ContractsOf(ctx context.Context, tenant ident.Tenant, creator ident.Creator, incomeType string,
		day civil.Date) ([]tenancy.Contract, error)
}

// Setup is what the product of a run is built with.
type Setup struct {
	Directory MasterData
	Rules     settlement.Rules
	Calendar  settlement.Calendar
	Filing    *calendar.Calendar // the working days by which tax returns are due
	Tenants   []string
	Entities  []string // the paying entities of every tenant
	Bug       Bug
}

// builder holds what several parts of the product are built with.
type builder struct {
	Setup
	world   *engine.World
	db      dynamo.API
	clock   clock.Clock
	log     *slog.Logger
	periods ledger.Periods
	tables  *settlementdb.Store
	lines   *incomedb.Store
	days    *incentivedb.Days
	sender  relay.Sender
}

// newBuilder builds what several functions share: the client of DynamoDB, stores and clock.
func newBuilder(w *engine.World, setup Setup) builder {
	b := builder{Setup: setup, world: w, clock: clock.Clock{Now: w.Now},
		log: slog.New(slog.DiscardHandler)}
	b.db = applyBug(func(db dynamo.API) dynamo.API {
		if setup.Bug.DB == nil {
			return db
		}
		return setup.Bug.DB(w, db)
	}, w.Database())
	b.periods = applyBug[ledger.Periods](setup.Bug.Periods,
		machinePeriods{of: map[time.Duration]*ledgerdb.Periods{}, open: func() *ledgerdb.Periods {
			return &ledgerdb.Periods{DB: b.db, Table: engine.LedgerTable, Clock: b.clock}
		}})
	b.tables = &settlementdb.Store{DB: b.db, Settlements: engine.SettlementsTable,
		Ledger: engine.LedgerTable, Control: engine.ControlTable, NewToken: w.NewID, Now: w.Now,
		Periods: b.periods}
	b.lines = &incomedb.Store{DB: b.db, Ledger: engine.LedgerTable,
		Settlements: engine.SettlementsTable, NewToken: w.NewID}
	b.days = incentivedb.NewDays(b.db, engine.IncentivesTable)
	b.sender = applyBug(setup.Bug.Sender, w.Sender())
	return b
}

// New builds the product in a world and connects it with the world's queues, streams and gateways.
func New(w *engine.World, setup Setup) (*System, error) {
	b := newBuilder(w, setup)
	s := &System{Bug: setup.Bug, world: w, AuditRecords: map[string]audit.Record{}}
	// the order matters: true-ups and payouts use the settlement service, routes use all of them
	if err := s.buildSettlements(b); err != nil {
		return nil, err
	}
	s.buildIncome(b)
	if err := s.buildPeriods(b); err != nil {
		return nil, err
	}
	s.buildPayouts(b)
	s.connectQueues(b)
	s.connectStreams(b)
	s.buildRoutes(b)
	return s, nil
}

// buildSettlements builds what settle-incentive, manage-settlements, compute-tax,
// advance-settlement and build-statements share.
func (s *System) buildSettlements(b builder) (err error) {
	s.Store = applyBug[settlement.Store](b.Bug.Store,
		figuresCache{b.tables, b.world, map[figuresKey]settlement.Figures{}})
	s.Settlements, err = settlement.New(settlement.Parts{Store: s.Store, Directory: b.Directory,
		Calendar: b.Calendar, Clock: b.clock, NewID: b.world.NewID,
		Checks: settlement.Checks{Policy: b.Directory}})
	if err != nil {
		return err
	}
	if s.Taxes, err = settlement.NewTaxes(s.Settlements, b.Rules, nil); err != nil {
		return err
	}
	s.Advancer, err = settlement.NewAdvancer(s.Settlements,
		func(ctx context.Context, about settlement.Settlement, op string) error {
			// the minute is part of the deduplication id, so that a later sweep can send the task again
			m, err := relay.RepeatTask(about, op, strconv.FormatInt(b.world.Now().Unix()/60, 36))
			if err != nil {
				return err
			}
			return b.sender.Send(ctx, []relay.Message{m})
		}, b.log, civil.NewDate(2028, time.November, 1))
	if err != nil {
		return err
	}
	s.Merging, err = settlement.NewMerging(s.Settlements, b.tables,
		func(context.Context, ident.Tenant) ([]string, error) { return b.Entities, nil })
	if err != nil {
		return err
	}
	s.Statements = &billing.Service{Settlements: s.Settlements, Buckets: b.lines, Log: b.log}
	return nil
}

// buildIncome builds record-incentive, accrue-incentive and the ledger check.
func (s *System) buildIncome(b builder) {
	s.Lines = &income.Recorder{Lines: b.lines, Directory: b.Directory, Clock: b.clock,
		NewID: b.world.NewID}
	events := incentivedb.NewEvents(b.db, engine.IncentivesTable)
	s.Incentives = &incentive.Recorder{Clock: b.clock, Directory: b.Directory, Events: events,
		NewID: b.world.NewID}
	s.Accruer = &incentive.Accruer{Clock: b.clock, Directory: b.Directory, Chunks: b.days,
		Days: b.days, Parked: events, Log: b.log,
		Accruals: &incomedb.Accruals{Store: b.lines, Incentives: engine.IncentivesTable,
			Directory: b.Directory, NewID: b.world.NewID, Periods: b.periods}}
	s.Counters = &incentive.Counters{Clock: b.clock, Creators: b.Directory, Chunks: b.days,
		Days: b.days}
	s.LedgerCheck = ledgercheck.Service{Journal: ledgerdb.Book{DB: b.db, Table: engine.LedgerTable},
		Settlements: s.Store, Buckets: b.lines, Days: b.days, Creators: b.Directory}
}

// buildRoutes builds the HTTP routes that people, clients and gateways call.
func (s *System) buildRoutes(b builder) {
	settlements := settlementapi.API{Service: s.Settlements}
	claims := receivableapi.API{Claims: s.newClaims(b), Directory: b.Directory}
	filedMonths := filedmonthapi.API{Months: s.filedMonths}
	trueUps := trueupapi.API{TrueUps: s.TrueUps, Calendar: b.Filing, Clock: b.clock}
	lawDiffs := lawdiffapi.API{TrueUps: s.TrueUps, Settlements: s.Store, Directory: b.Directory,
		Calendar: b.Filing, Clock: b.clock}
	s.API = b.newAPI(slices.Concat(settlements.ManageRoutes(), settlements.SettleRoutes(),
		claims.Routes(), filedMonths.Routes(), trueUps.Routes(), lawDiffs.Routes()))
	s.callbacks = b.newAPI([]httpapi.Route{payouthttp.CallbackRoute(s.Payouts)})
}

// newAPI returns an API with some routes.
func (b builder) newAPI(routes []httpapi.Route) *httpapi.API {
	return &httpapi.API{Routes: routes, Clock: b.clock, Log: b.log, Limits: noLimits{},
		Revoked: httpapi.NoRevocations{}}
}

// noLimits never lets a caller wait: a rate limit is counted in a machine's memory by that
// machine's clock, and the simulation has one memory for machines with several clocks.
type noLimits struct{}

// WaitTime implements the limits of httpapi.API.
func (noLimits) WaitTime(identity.Principal, string, string, time.Time) time.Duration { return 0 }
