package system

import (
	"context"
	"time"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/audit"
	"fenzhang/shared/books/ledgercheck"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/ledger/period/perioddb"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/filedmonth/filedmonthdb"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/receivable/receivabledb"
	"fenzhang/shared/settlement/trueup"
	"fenzhang/shared/settlement/trueup/trueupdb"
)

// buildPeriods builds the record of filed months, true-ups and the closing of accounting periods.
func (s *System) buildPeriods(b builder) error {
	var err error
	s.filedMonths, err = filedmonth.New(&filedmonthdb.Store{DB: b.db, Ledger: engine.LedgerTable,
		Settlements: engine.SettlementsTable, NewToken: b.world.NewID}, b.Directory, b.clock,
		b.world.NewID)
	if err != nil {
		return err
	}
	s.TrueUps, err = trueup.New(s.Taxes,
		&trueupdb.Store{DB: b.db, Ledger: engine.LedgerTable, Settlements: engine.SettlementsTable,
			NewToken: b.world.NewID, Periods: b.periods})
	s.Periods = &period.Service{Store: &perioddb.Store{DB: b.db, Ledger: engine.LedgerTable,
		Settlements: engine.SettlementsTable, NewToken: b.world.NewID},
		Books: ledgercheck.Reviewer{Service: s.LedgerCheck, Contracts: b.Directory,
			TrueUps: s.TrueUps},
		Creators: b.Directory, Days: b.days, Evidence: noEvidence{}, Charts: standardCharts{},
		Clock: b.clock, NewID: b.world.NewID}
	return err
}

// newClaims builds the claims on creators that finance raises.
func (s *System) newClaims(b builder) *receivable.Claims {
	return &receivable.Claims{Store: &receivabledb.Store{DB: b.db, Ledger: engine.LedgerTable,
		Settlements: engine.SettlementsTable, NewToken: b.world.NewID, Periods: b.periods},
		Directory: b.Directory, Clock: b.clock, NewID: b.world.NewID, Raised: s.Taxes.Requote}
}

// noEvidence replaces the chain of audit records, whose head the seal of a period names: the
// simulation keeps the records and builds no chain of them.
type noEvidence struct{}

// Head returns an empty head.
func (noEvidence) Head(_ context.Context, tenant ident.Tenant) (audit.Head, error) {
	return audit.Head{Tenant: tenant}, nil
}

// standardCharts gives every paying entity the standard chart of accounts.
type standardCharts struct{}

// FindChart returns the standard chart of accounts.
func (standardCharts) FindChart(context.Context, ident.Tenant, ident.Entity) (ledger.Chart, error) {
	return ledger.StandardChart()
}

// machinePeriods keeps a memory of closed periods for each machine, because each machine remembers
// them by its own clock. The skew of its clock identifies a machine.
type machinePeriods struct {
	of   map[time.Duration]*ledgerdb.Periods
	open func() *ledgerdb.Periods
}

// AssignPeriod implements ledger.Periods.
func (m machinePeriods) AssignPeriod(ctx context.Context, e *ledger.Entry) error {
	return m.ofMachine(ctx).AssignPeriod(ctx, e)
}

// AssignPeriodIn implements ledger.Periods.
func (m machinePeriods) AssignPeriodIn(ctx context.Context, e *ledger.Entry,
	month civil.Month) (bool, error) {
	return m.ofMachine(ctx).AssignPeriodIn(ctx, e, month)
}

// ofMachine returns the memory of the machine on which a call runs.
func (m machinePeriods) ofMachine(ctx context.Context) *ledgerdb.Periods {
	var skew time.Duration
	if t := engine.TaskOf(ctx); t != nil {
		skew = t.Skew
	}
	if m.of[skew] == nil {
		m.of[skew] = m.open()
	}
	return m.of[skew]
}
