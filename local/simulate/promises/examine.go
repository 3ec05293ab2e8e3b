// Package promises holds what must be true of every simulated run, whatever went wrong in it: the
// promises P1 to P9 of the product, and that nothing is stuck.
package promises

import (
	"context"
	"fenzhang/local/simulate/people"
	"fenzhang/local/simulate/system"
	"fenzhang/shared/dynamo"
	"maps"
	"slices"

	"fenzhang/local/simulate/engine"
	"fenzhang/shared/ledger"
	"fenzhang/shared/settlement"
)

// Examiner checks the promises of one run. Where possible it reads what the run has stored without
// the code that wrote it.
type Examiner struct {
	world  *engine.World
	sys    *system.System
	actors *people.Actors

	settlements map[string]settlement.Settlement // by tenant and id
	acts        map[string]string                // what each act wrote, by tenant and act
	entries     map[string]ledger.Entry          // by tenant, creator and id
	lines       map[string]dynamo.Item           // income lines, by key
	buckets     map[string]dynamo.Item           // statement buckets, by key
	seen        map[string]plainState
	lists       taxLists
	paths       map[string]int // how often each path was taken, such as "set-off" or "reopened"
}

// NewExaminer makes the examiner of a run, and has it check every order that reaches a gateway.
func NewExaminer(w *engine.World, sys *system.System, actors *people.Actors) *Examiner {
	b := &Examiner{world: w, sys: sys, actors: actors,
		settlements: map[string]settlement.Settlement{}, acts: map[string]string{},
		entries: map[string]ledger.Entry{}, lines: map[string]dynamo.Item{},
		buckets: map[string]dynamo.Item{}, seen: map[string]plainState{}, paths: map[string]int{}}
	w.BeforeSend = b.checkBeforeSend
	return b
}

// readFigures reads the figures of a settlement by their hash.
func (b *Examiner) readFigures(s settlement.Settlement, hash string) (settlement.Figures, error) {
	return b.sys.Store.Figures(context.Background(), s.Tenant, s.ID, hash)
}

// Examine checks all promises of a run that has come to rest. It returns how often the money of
// the run met each path, such as a set-off or a reopening.
func (b *Examiner) Examine() map[string]int {
	b.readHistory()
	b.readLedger()
	b.readTaxes()
	for _, id := range slices.Sorted(maps.Keys(b.settlements)) {
		b.checkSettlementHistory(b.settlements[id])
		b.checkSums(b.settlements[id])
		b.checkApprovers(b.settlements[id])
		b.checkPaymentDates(b.settlements[id])
		b.checkRequiredPaper(b.settlements[id])
		b.checkRejections(b.settlements[id])
		b.countPaths(b.settlements[id])
	}
	b.checkPayments()
	b.checkTaxes()
	b.checkCorrections()
	b.checkAmendments()
	b.checkMerges()
	b.checkWhereabouts()
	b.paths["in one call"] += b.actors.Answered.BulkItems
	b.paths["refused"] += b.actors.Refused
	b.checkRewards()
	b.checkAudit()
	b.checkAnswers()
	b.checkStatements()
	b.checkPeriods()
	b.checkLedger()
	return b.paths
}

// countPaths counts the paths that a settlement has taken.
func (b *Examiner) countPaths(s settlement.Settlement) {
	for path, met := range map[string]bool{"set-off": len(s.SetOffs) > 0,
		"automatic": slices.ContainsFunc(s.History, func(m settlement.Move) bool {
			return m.By == "system:review"
		}), "part of a month": s.Part != "", "cancelled": s.ReasonClass == settlement.Cancelled,
		"rejected by a check": isRejectedByCheck(s), "several approvers": len(s.Approvals) > 1,
		"invoice": s.Paper != nil, "filed": s.Kept ||
			s.Carries != "", "reopened": s.Source == settlement.SourceReopened,
		"payee": s.Parent != ""} {
		if met {
			b.paths[path]++
		}
	}
}

// isRejectedByCheck reports whether an automatic check, not a person, has failed a settlement.
func isRejectedByCheck(s settlement.Settlement) bool {
	return s.ReasonClass == settlement.Rejected && s.History[len(s.History)-1].By == "system:review"
}

// checkRejections checks that an automatic check fails a payable only once: when the payable comes
// again, its settlement waits for a person.
func (b *Examiner) checkRejections(s settlement.Settlement) {
	if s.Occurrence < 2 || !isRejectedByCheck(s) {
		return
	}
	if before, ok := b.settlements[string(s.Tenant+"/")+
		settlement.IDOf(s.Identity, s.Occurrence-1)]; !ok || isRejectedByCheck(before) {
		b.world.ReportBroken("stuck", "%s was rejected by a check twice, with nobody looking", s.ID)
	}
}
