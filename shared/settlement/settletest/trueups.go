package settletest

import (
	"context"
	"log/slog"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/filedmonth/filedmonthdb"
	"fenzhang/shared/settlement/trueup"
	"fenzhang/shared/settlement/trueup/trueupdb"
)

// tester is the part that testing.T of the standard library and rapid.T of package rapid share.
type tester interface {
	Helper()
	Fatal(args ...any)
}

// TrueUps returns the service of true-ups with the world's tax rules.
func (w *World) TrueUps(t tester) *trueup.Service {
	t.Helper()
	return w.TrueUpsUnder(t, w.Rules)
}

// TrueUpsUnder returns the service of true-ups with other tax rules in force.
func (w *World) TrueUpsUnder(t tester, rules settlement.Rules) *trueup.Service {
	t.Helper()
	taxes := *w.Taxes
	taxes.Rules = rules
	service, err := trueup.New(&taxes, &trueupdb.Store{
		DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements,
		NewToken: w.newToken, Periods: w.periods,
	})
	if err != nil {
		t.Fatal(err)
	}
	return service
}

// FilingRecorder records filed months in the world's tables.
func (w *World) FilingRecorder(t tester) *filedmonth.Recorder {
	t.Helper()
	r, err := filedmonth.New(&filedmonthdb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger,
		Settlements: w.Tables.Settlements, NewToken: w.newToken}, w.People, w.Clock, w.NextID)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Advancer is the world's advancer; what it enqueues is dropped when enqueue is nil, and its log
// too when log is nil.
func (w *World) Advancer(enqueue settlement.Enqueue, log *slog.Logger) *settlement.Advancer {
	if enqueue == nil {
		enqueue = func(context.Context, settlement.Settlement, string) error { return nil }
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	v, err := settlement.NewAdvancer(w.Service, enqueue, log, civil.MustDate("2028-11-01"))
	if err != nil {
		panic(err) //nolint:forbidigo // a test world with missing parts is a mistake of the test
	}
	return v
}

// Merging merges taxpayers at some paying entities of the world.
func (w *World) Merging(t tester, entities ...string) *settlement.Merging {
	t.Helper()
	m, err := settlement.NewMerging(w.Service, w.Database,
		func(context.Context, ident.Tenant) ([]string, error) { return entities, nil })
	if err != nil {
		t.Fatal(err)
	}
	return m
}
