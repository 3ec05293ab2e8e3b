package people

import (
	"context"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
)

// Law is the tax rules and the calendar of working days; all runs of a process share one Law and
// change nothing in it.
type Law struct {
	Corpus        *tax.Corpus
	ChangedCorpus *tax.Corpus // the law that may come into force during a run
	Calendar      *calendar.Calendar
}

// LoadLaw loads the rules and the calendar that are embedded in the program.
func LoadLaw() (Law, error) {
	corpus, err := taxpack.LoadEmbedded()
	if err != nil {
		return Law{}, err
	}
	other, err := changedLaw()
	if err != nil {
		return Law{}, err
	}
	days, err := taxpack.NationalCalendar()
	return Law{corpus, other, days}, err
}

// Laws are the tax rules in force in a run; in some runs they change while the run goes on.
type Laws struct {
	w            *engine.World
	first, other *tax.Corpus
	Changed      int64 // when the rules change, in nanoseconds since 1970; 0 is never
}

// Current implements settlement.Rules.
func (l *Laws) Current(ctx context.Context) *ruleset.Generation {
	if l.w.KnowsOfChange(ctx, l.Changed) {
		return &ruleset.Generation{Corpus: l.other}
	}
	return &ruleset.Generation{Corpus: l.first}
}

// changedLaw returns the law with another deduction from labor income, in force from its first
// day.
func changedLaw() (*tax.Corpus, error) {
	return ruletest.ChangedLaw(ruletest.LaborCostChange("0.10"))
}
