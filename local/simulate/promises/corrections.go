package promises

import (
	"context"
	"strings"

	"fenzhang/local/simulate/people"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/filedmonth"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/trueup"
)

// postedAmounts is what one decision or correction has left in the three places that must agree.
type postedAmounts struct {
	// tax rows; credits of taxes payable in the journal; claims on creators less what they get back
	rows, journal, claimed money.Amount
	bookings               int
}

// checkCorrections checks promise P5 for every posted decision and correction: its tax rows,
// journal entries and claims have the same amount, and two people have made it. No open true-up may
// be left undecided.
func (b *Examiner) checkCorrections() {
	posted := b.readPostedAmounts()
	for id, r := range b.sys.AuditRecords {
		switch r.Act {
		case "tax.true_up_posted", "tax.corrected":
			b.paths[map[string]string{"tax.true_up_posted": "decided",
				"tax.corrected": "corrected"}[r.Act]]++
			of := posted[id]
			if of == nil {
				of = &postedAmounts{}
			}
			// all three places must have the same amount, and the list must have it once
			if of.bookings != 1 || of.rows != of.journal || of.rows != of.claimed {
				b.world.ReportBroken("P5",
					"%s %s is in %d lists with %s, in the journal with %s, in claims with %s", r.Act, id,
					of.bookings, of.rows, of.journal, of.claimed)
			}
			delete(posted, id)
		case "tax.true_up_left":
			b.paths["left to the year"]++
		}
	}
	for id, of := range posted {
		b.world.ReportBroken("P5", "%s stands without a decision: %+v", id, *of)
	}
	b.checkPostedAnswers()
	b.checkNothingUndecided()
}

// readPostedAmounts returns the amounts that decisions and corrections have posted, by tenant and
// act.
func (b *Examiner) readPostedAmounts() map[string]*postedAmounts {
	posted := map[string]*postedAmounts{}
	at := func(id string) *postedAmounts {
		if posted[id] == nil {
			posted[id] = &postedAmounts{}
		}
		return posted[id]
	}
	for p, list := range b.lists {
		for _, k := range list {
			if k.Kind != settlement.KindDecided && k.Kind != settlement.KindTrueUp {
				continue
			}
			of := at(string(p.tenant+"/") + k.EntryID)
			of.bookings++
			for _, r := range k.Rows {
				of.rows = of.rows.Add(r.Withheld)
			}
		}
	}
	for _, e := range b.entries {
		if actOfEntry(e) == e.ID && !strings.HasPrefix(e.Reason, "true-up decided") {
			continue // an entry of a settlement
		}
		of := at(string(e.Tenant+"/") + actOfEntry(e))
		for _, x := range e.Postings {
			if x.Account.IsTaxPayable() {
				of.journal = of.journal.Sub(x.Amount)
			}
		}
	}
	if len(posted) > 0 { // the claims of all creators are read only in runs that need them
		b.addClaims(at)
	}
	return posted
}

// checkPostedAnswers checks that the audit trail agrees with what the tax desk was answered
// (promise P9).
func (b *Examiner) checkPostedAnswers() {
	for _, p := range b.actors.Answered.Posted {
		r, ok := b.sys.AuditRecords[string(p.Tenant+"/")+p.Act]
		posts := r.Act == "tax.true_up_posted" || r.Act == "tax.corrected"
		if !ok || posts != (p.State == trueup.DecisionPosted) {
			b.world.ReportBroken("P9", "%s was answered as %s, %s, and its record says %q", p.Name, p.Act,
				p.State, r.Act)
		}
	}
}

// addClaims adds the claims on creators that decisions and corrections have made to the amounts of
// their acts.
func (b *Examiner) addClaims(at func(string) *postedAmounts) {
	for _, t := range b.actors.Directory.TenantIDs {
		for _, c := range people.CreatorNames() {
			claims, err := b.sys.Store.Receivables(context.Background(), ident.Tenant(t),
				ident.Creator(c), "")
			if err != nil {
				b.world.ReportBroken("P5", "%s/%s: %v", t, c, err)
			}
			for _, r := range claims {
				if r.ApprovedBy == "" || r.Act == "" ||
					(r.Kind != receivable.TaxShortfall && r.Kind != receivable.GiveBack) {
					continue // other kinds are raised by people; claims without an approver come from bookings
				}
				of := at(t + "/" + r.Act)
				if r.Kind == receivable.GiveBack {
					of.claimed = of.claimed.Sub(r.Amount)
				} else {
					of.claimed = of.claimed.Add(r.Amount)
				}
			}
		}
	}
}

// checkNothingUndecided checks that the tax desk has decided on every open true-up.
func (b *Examiner) checkNothingUndecided() {
	if b.actors.Variants.TaxDesk == "" {
		return
	}
	for _, entity := range []string{people.OrdinaryEntity, people.PlatformEntity} {
		open, err := b.sys.TrueUps.Undecided(context.Background(),
			ident.Tenant(b.actors.Variants.TaxDesk),
			ident.Entity(entity), civil.MustMonth(people.LastMonth))
		if err != nil || len(open) > 0 {
			b.world.ReportBroken("P5", "%s of %s: nobody has decided %q (%v)", entity,
				b.actors.Variants.TaxDesk, open, err)
		}
	}
}

// checkAmendments checks that every filed month whose tax rows have changed since the filing is
// listed for an amended return.
func (b *Examiner) checkAmendments() {
	for _, t := range b.actors.Directory.TenantIDs {
		for _, entity := range []string{people.OrdinaryEntity, people.PlatformEntity} {
			returns, err := b.sys.Store.FiledMonths(context.Background(), ident.Tenant(t),
				ident.Entity(entity))
			if err != nil {
				b.world.ReportBroken("P5", "%s: %v", t, err)
			}
			for _, f := range returns {
				b.checkMonthAmendments(ident.Tenant(t), ident.Entity(entity), f)
			}
		}
	}
}

// checkMonthAmendments compares the amended returns that the product lists for a filed month with
// the tax rows booked after the filing.
func (b *Examiner) checkMonthAmendments(tenant ident.Tenant, entity ident.Entity,
	f filedmonth.FiledMonth) {
	desk := lawdiff.LatenessRules{Rules: b.actors.Laws.Current(context.Background()).Corpus.National(),
		Calendar: b.actors.Filing, PaidOn: civil.DateOf(b.world.Now())}
	list, _, err := b.sys.TrueUps.Amendments(context.Background(), tenant, entity, f.Month, desk,
		"", 100)
	if err != nil {
		b.world.ReportBroken("P5", "amendments of %s: %v", tenant, err)
		return
	}
	listed := map[string]bool{}
	for _, a := range list {
		listed[string(a.Taxpayer)] = true
		b.paths["filed again"]++
	}
	for payer, sum := range b.withheldAfterFiling(tenant, entity, f) {
		if !sum.IsZero() && !listed[payer] {
			b.world.ReportBroken("P5",
				"%s of %s: %s of tax came to the filed month %s since, and no return is to be "+
					"filed again", payer, tenant, sum, f.Month)
		}
	}
}

// withheldAfterFiling adds up, by taxpayer, the tax of a filed month that was booked after the
// filing. Taxes that the payee files itself are not in the return.
func (b *Examiner) withheldAfterFiling(tenant ident.Tenant, entity ident.Entity,
	f filedmonth.FiledMonth) map[string]money.Amount {
	sums := map[string]money.Amount{}
	for p, list := range b.lists {
		if p.tenant != tenant || p.entity != entity {
			continue
		}
		for _, k := range settlement.BookingsOfPerson(list) {
			for _, r := range k.Rows {
				if lawdiff.MonthOfPeriod(r.Period) == f.Month && k.At.After(f.At) &&
					r.Collection != tax.SelfFiled {
					sums[string(p.taxpayer)] = sums[string(p.taxpayer)].Add(r.Withheld)
				}
			}
		}
	}
	return sums
}
