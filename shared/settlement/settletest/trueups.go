package settletest

import (
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
