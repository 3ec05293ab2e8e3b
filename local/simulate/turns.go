package main

import (
	"context"
	"time"

	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/law/tax"
)

// turns are what happens in some runs only, so that runs stay short: each is taken by one tenant of
// a run in some.
type turns struct {
	desk  string // whose finance looks after open true-ups
	merge string // which learns that two of its taxpayers are one person
	// where amounts need several approvers, who decide many settlements in one call
	many  string
	paper string        // which wants a paper of studios that arrives late
	lag   time.Duration // by which indexes are behind, at most
	where bool          // whether it is asked at the end where the money is
}

// oneIn picks a tenant once in n runs.
func (w *world) oneIn(n int) string {
	if !w.s.chance(n) {
		return ""
	}
	return one(w.s, w.people.tenants)
}

// choose decides which turns a run takes.
func (w *world) choose() {
	w.turns = turns{desk: w.oneIn(10), merge: w.oneIn(6), many: w.oneIn(4), paper: w.oneIn(4),
		where: w.s.chance(8)}
	if w.s.chance(4) {
		w.turns.lag = one(w.s, []time.Duration{300 * time.Millisecond, 3 * time.Second})
	}
}

// knownAfter is how long a machine may remember what was before a change of rules or master data.
const knownAfter = 30 * time.Second

// knows tells whether the machine of a call has heard by now of something that changed at an
// instant; 0 is never.
func (w *world) knows(ctx context.Context, changed int64) bool {
	if changed == 0 || changed > w.s.now {
		return false
	}
	t := taskOf(ctx)
	if t == nil {
		return true
	}
	for n, skew := range w.skews {
		if skew == t.skew {
			return w.s.now-changed >= int64(knownAfter)*int64(n)/int64(len(w.skews))
		}
	}
	return true
}

// laws are the rules in force, which may change during a run.
type laws struct {
	w            *world
	first, other *tax.Corpus
	changed      int64
}

// Current implements settlement.Rules.
func (l *laws) Current(ctx context.Context) *ruleset.Generation {
	if l.w.knows(ctx, l.changed) {
		return &ruleset.Generation{Corpus: l.other}
	}
	return &ruleset.Generation{Corpus: l.first}
}

// otherLaw is the law with another share deducted from labor income, from its first day.
func otherLaw() (*tax.Corpus, error) { return ruletest.Law(ruletest.LaborCost("0.10")) }

// see calls a route that only shows something, and is told what it answered with 200.
func (w *world) see(c caller, name, path string, shown func(answer string)) {
	status, answer := 0, ""
	w.s.begin(w.task(name, c.tenant), func(ctx context.Context) {
		res := w.get(ctx, c, path)
		status, answer = res.StatusCode, res.Body
	}, func(killed bool) {
		switch {
		case !killed && status == 200:
			shown(answer)
		case !killed && status < 500:
			w.broken("simulator", "%s was refused: %d %s", name, status, answer)
		}
	})
}
