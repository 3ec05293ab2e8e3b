package promises

import (
	"cmp"
	"context"
	"slices"
	"time"

	"fenzhang/local/simulate/people"
	"fenzhang/shared/civil"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy/review"
)

// checkSettlementHistory checks the history of a settlement: only legal moves, no transition twice,
// no approval by a preparer, and an end (promises P3 and P4).
func (b *Examiner) checkSettlementHistory(s settlement.Settlement) {
	k := string(s.Tenant+"/") + s.ID
	if s.StatusVersion != len(s.History)+1 {
		b.world.ReportBroken("P4", "%s has status_version %d after %d moves", k, s.StatusVersion,
			len(s.History))
	}
	at := settlement.PendingReview
	seen := map[string]bool{s.OpenedBy: true}
	for _, m := range s.History {
		if m.From != at || !slices.Contains(people.LegalMoves(at), m.To) {
			b.world.ReportBroken("P4", "%s moved from %s to %s", k, at, m.To)
		}
		if seen[m.TransitionID] {
			b.world.ReportBroken("P4", "%s has transition %s twice", k, m.TransitionID)
		}
		if m.To == settlement.Approved && slices.Contains(s.Preparers, m.By) {
			b.world.ReportBroken("P4", "%s was approved by %s, who prepared it", k, m.By)
		}
		seen[m.TransitionID], at = true, m.To
	}
	if s.ID != settlement.IDOf(settlement.Identity(string(s.CreatorID), s.ActivityID, s.TS),
		s.Occurrence) {
		b.world.ReportBroken("P4", "%s is not the settlement of its payable", k)
	}
	// a payable is settled again only after its last settlement has died or was reopened
	if s.Occurrence > 1 {
		before, ok := b.settlements[string(s.Tenant+"/")+settlement.IDOf(s.Identity, s.Occurrence-1)]
		if !ok || (!before.IsUndone() && before.ReopenedBy != ident.Settlement(s.ID)) {
			b.world.ReportBroken("P3", "%s was opened while the occurrence before it lived", k)
		}
	}
	if !people.HasEnded(s) {
		b.world.ReportBroken("stuck", "%s stands still as %s, hold %+v, payout %+v", k, s.Status, s.Hold,
			s.Payout)
	}
}

// checkSums checks promise P2: shares add up to the gross amount, and the creator's share to
// taxes, set-offs and the payment.
func (b *Examiner) checkSums(s settlement.Settlement) {
	k := string(s.Tenant+"/") + s.ID
	var shares, creator money.Amount
	for _, p := range s.Shares {
		shares = shares.Add(p.Amount)
		if p.Kind == split.KindCreator {
			creator = creator.Add(p.Amount)
		}
	}
	if shares != s.Gross {
		b.world.ReportBroken("P2", "%s: shares come to %s of %s", k, shares, s.Gross)
	}
	if hash := cmp.Or(s.Booking, s.Quote); hash != "" {
		b.checkNet(s, k, hash, creator)
	}
}

// checkNet checks that the creator's share is the taxes withheld and the net amount, and the net
// amount the set-offs and the payment (promise P2).
func (b *Examiner) checkNet(s settlement.Settlement, k, hash string, creator money.Amount) {
	f, err := b.readFigures(s, hash)
	if err != nil {
		b.world.ReportBroken("P2", "%s: %v", k, err)
		return
	}
	var kept money.Amount
	for _, l := range f.Result.Taxes {
		if l.BorneBy == tax.BorneByCreator {
			kept = kept.Add(l.Amount)
		}
	}
	var off money.Amount
	for _, o := range s.SetOffs {
		off = off.Add(o.Amount)
	}
	if creator != kept.Add(s.Net) && s.Booking != "" && s.Status != settlement.Failed {
		b.world.ReportBroken("P2", "%s: %s is not %s kept back and %s net", k, creator, kept, s.Net)
	}
	if s.Net != off.Add(s.ToPay) || s.Net.Negative() || s.ToPay.Negative() {
		b.world.ReportBroken("P2", "%s: net %s is not set-offs %s and %s to pay", k, s.Net, off, s.ToPay)
	}
}

// checkApprovalKept checks that an answered approval which was not the last one needed is stored
// (promise P9).
func (b *Examiner) checkApprovalKept(s settlement.Settlement, p people.MoveAnswer) {
	if !slices.ContainsFunc(s.Approvals, func(a settlement.Approval) bool { return a.By == p.By }) {
		b.world.ReportBroken("P9", "%s was told that %s is approved, and its approval is not kept",
			p.By, p.ID)
	}
}

// checkApprovers checks that an approved settlement has as many different approvers as its amount
// needs (promise P4).
func (b *Examiner) checkApprovers(s settlement.Settlement) {
	by := map[string]bool{}
	for _, a := range s.Approvals {
		by[a.By] = true
	}
	for _, m := range s.History {
		if m.To != settlement.Approved || m.By == "system:review" {
			continue
		}
		need := review.Rules{Levels: b.actors.ApprovalLevels(s.Tenant)}.RequiredApprovers(s.Gross)
		if len(by) < need || len(by) != len(s.Approvals) || !by[m.By] {
			b.world.ReportBroken("P4", "%s/%s over %s was approved by %v, %d people are needed", s.Tenant,
				s.ID, s.Gross,
				s.Approvals, need)
		}
	}
}

// checkPaymentDates checks that nothing is approved while its dates are provisional, and that the
// pay day of a contract falls on the working day of the complete calendar.
func (b *Examiner) checkPaymentDates(s settlement.Settlement) {
	k := string(s.Tenant+"/") + s.ID
	if s.Provisional != nil {
		b.paths["provisional dates"]++
		if s.Status != settlement.PendingReview && s.Status != settlement.InReview && !s.IsUndone() {
			b.world.ReportBroken("dates", "%s is %s on dates that may still move", k, s.Status)
		}
		return
	}
	pay := b.actors.Directory.Contracts[string(s.Tenant+"/")+string(s.CreatorID)].PayDay
	if pay == 0 || s.Parent != "" {
		return
	}
	want, err := b.actors.Days.Calendar.WorkingDayOnOrAfter(s.ServicePeriod.Add(1).Day(pay))
	if err != nil || s.VATDate != want {
		b.world.ReportBroken("dates", "%s has %s for the pay day %s: %v", k, s.VATDate, want, err)
	}
	if s.BookedEntry != "" && s.PaymentDate.Before(want) {
		b.world.ReportBroken("dates", "%s was booked on %s, before its pay day %s", k,
			s.PaymentDate, want)
	}
}

// checkRequiredPaper checks that nothing was booked while a required paper was missing, unless a
// person has waived it (promise P4).
func (b *Examiner) checkRequiredPaper(s settlement.Settlement) {
	if s.Tenant != ident.Tenant(b.actors.Variants.Paper) || s.CreatorID != people.Studio {
		return
	}
	arrived := time.Unix(0, b.actors.PaperAt)
	for _, m := range s.History {
		if m.To != settlement.Paying || s.ReasonClass == settlement.Cancelled {
			continue
		}
		switch waived := slices.Contains(s.Waived, settlement.HoldPaper); {
		case m.At.Before(arrived.Add(-time.Minute)) && !waived:
			b.world.ReportBroken("P4", "%s/%s was booked at %s without the paper that came at %s", s.Tenant,
				s.ID, m.At,
				arrived)
		case s.OpenedAt.Before(arrived) && !waived:
			b.paths["late paper"]++
		}
	}
}

// CheckNobodyWaits checks that the sweeps have continued every settlement whose stream record was
// lost.
func (b *Examiner) CheckNobodyWaits() {
	for _, t := range b.actors.Directory.TenantIDs {
		err := b.sys.Settlements.EachSettlement(context.Background(), ident.Tenant(t),
			settlement.Query{From: civil.MustDate("2026-08-27")}, func(s settlement.Settlement) error {
				if !people.HasEnded(s) {
					b.world.ReportBroken("stuck",
						"%s/%s is %s, hold %+v, payout %+v, although the sweeps have run", t, s.ID,
						s.Status, s.Hold, s.Payout)
				}
				return nil
			})
		if err != nil {
			b.world.ReportBroken("simulator", "%v", err)
		}
	}
}
