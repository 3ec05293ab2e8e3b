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

// Law is what all worlds of a process share: rules and calendar, which nothing changes.
type Law struct {
	Corpus        *tax.Corpus
	ChangedCorpus *tax.Corpus // what may come into force during a run
	Calendar      *calendar.Calendar
}

func LoadLaw() (Law, error) {
	corpus, err := taxpack.Embedded()
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

// Laws are the rules in force, which may change during a run.
type Laws struct {
	w            *engine.World
	first, other *tax.Corpus
	Changed      int64 // when the rules change, in nanoseconds since 1970; 0 is never
}

// Current implements settlement.Rules.
func (l *Laws) Current(ctx context.Context) *ruleset.Generation {
	if l.w.HasHeard(ctx, l.Changed) {
		return &ruleset.Generation{Corpus: l.other}
	}
	return &ruleset.Generation{Corpus: l.first}
}

// changedLaw is the law with another share deducted from labor income, from its first day.
func changedLaw() (*tax.Corpus, error) { return ruletest.Law(ruletest.LaborCost("0.10")) }
