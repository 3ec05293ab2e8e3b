package ledgercheck

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/income"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/period"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/receivable"
	"fenzhang/shared/settlement/trueup"
	"fenzhang/shared/tenancy"
)

// Contracts finds the contract of a creator that covers an income type on a day.
type Contracts interface {
	Contract(ctx context.Context, tenant ident.Tenant, creator ident.Creator, incomeType string,
		day civil.Date) (tenancy.Contract, error)
}

// TrueUps lists the open true-ups (补扣补退) of a taxpayer at a paying entity up to a month, each with
// the decision on it, if there is one.
type TrueUps interface {
	OfTaxpayer(ctx context.Context, tenant ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer,
		through civil.Month) ([]trueup.TrueUp, error)
}

// Reviewer checks books before an accounting period is closed. It implements period.Books.
type Reviewer struct {
	Service
	Contracts Contracts
	TrueUps   TrueUps
}

var _ period.Books = Reviewer{}

// Review checks one book at a paying entity and lists all findings that a person has to settle
// before the month is closed. Objects and books are not read at the same instant, so that
// differences are reported only when a second check finds some too.
func (r Reviewer) Review(ctx context.Context, tenant ident.Tenant, entity ident.Entity, book string,
	month civil.Month) (period.Book, error) {
	var f facts
	var found []Difference
	for range 2 {
		var err error
		if f, err = r.gatherBook(ctx, tenant, book); err != nil {
			return period.Book{}, err
		}
		if found = f.comparableAtEntity(entity).compareBooksWithObjects().differences; len(found) == 0 {
			break
		}
	}
	b := period.Book{Entries: f.ofEntity(entity).entries}
	for _, d := range found {
		b.Findings = append(b.Findings, period.Finding{Check: d.checkName(), Text: d.String()})
	}
	for _, s := range f.ofEntity(entity).settlements {
		b.Findings = append(b.Findings, settlementFindings(s, month)...)
	}
	// These findings concern people's decisions; a second reading would not change them.
	undecided, err := r.openTrueUpFindings(ctx, tenant, entity, f, month)
	if err != nil {
		return b, err
	}
	waiting, err := r.missingContractFindings(ctx, tenant, f.buckets, month)
	b.Findings = append(append(b.Findings, undecided...), waiting...)
	return b, err
}

// gatherBook gathers the facts of a book: of a creator, or of the tenant's own book, which has only
// entries and balances.
func (r Reviewer) gatherBook(ctx context.Context, tenant ident.Tenant, book string) (facts, error) {
	if book != keys.HouseBook {
		return r.gatherFacts(ctx, tenant, book)
	}
	f := facts{creator: ident.Creator(book), house: true}
	var err error
	if f.entries, err = r.Journal.Entries(ctx, tenant, ident.Creator(book)); err == nil {
		f.balances, err = r.Journal.Balances(ctx, tenant, ident.Creator(book))
	}
	return f, err
}

// comparableAtEntity returns the facts that can be compared for a paying entity. These are the
// facts of this entity or, when a bucket has accruals of several entities, the facts of all of
// them: a bucket does not say how much of it belongs to each.
func (f facts) comparableAtEntity(entity ident.Entity) facts {
	for _, b := range f.buckets {
		if len(b.Entities) > 1 {
			return f
		}
	}
	return f.ofEntity(entity)
}

// ofEntity returns the facts that concern one paying entity. Buckets and days without a paying
// entity belong to each.
func (f facts) ofEntity(entity ident.Entity) facts {
	out := facts{creator: f.creator, house: f.house, figures: f.figures,
		balances: map[string]map[ledger.Account]money.Amount{}}
	out.entries = keepIf(f.entries, func(e ledger.Entry) bool { return e.Entity == entity })
	out.settlements = keepIf(f.settlements, func(s settlement.Settlement) bool {
		return s.Entity == entity
	})
	out.bookings = keepIf(f.bookings, func(b settlement.Booking) bool { return b.Entity == entity })
	out.buckets = keepIf(f.buckets, func(b income.Bucket) bool {
		return len(b.Entities) == 0 || slices.Contains(b.Entities, entity)
	})
	out.receivables = keepIf(f.receivables, func(r receivable.Receivable) bool {
		return r.Entity == entity
	})
	out.days = keepIf(f.days, func(d accrualDay) bool {
		return len(d.entities) == 0 || slices.Contains(d.entities, entity)
	})
	if stored, ok := f.balances[string(entity)]; ok {
		out.balances[string(entity)] = stored
	}
	return out
}

// keepIf returns the elements of a list for which keep is true.
func keepIf[T any](list []T, keep func(T) bool) []T {
	var kept []T
	for _, x := range list {
		if keep(x) {
			kept = append(kept, x)
		}
	}
	return kept
}

// String describes the difference in one line.
func (d Difference) String() string {
	what := d.Account
	if d.Taxpayer != "" {
		what += " of " + string(d.Taxpayer)
	}
	if !d.TaxPeriod.IsZero() {
		what += " for " + d.TaxPeriod.String()
	}
	text := fmt.Sprintf("%s: %s: expected %s, found %s", d.CreatorID, what, d.Expected, d.Actual)
	if len(d.Objects) > 0 {
		text += "; see " + strings.Join(d.Objects, ", ")
	}
	return text
}

// checkName returns the name of the period's check to which a difference belongs.
func (d Difference) checkName() string {
	switch {
	case strings.HasPrefix(d.Account, "balance of "):
		return period.CheckBalances
	case ledger.Account(d.Account).IsTaxPayable():
		return period.CheckTaxRows
	case d.Account == string(ledger.CreatorAccrued), strings.HasPrefix(d.Account, accrualPrefix):
		return period.CheckAccruals
	}
	return period.CheckUnexplained
}

// settlementFindings lists why a settlement prevents closing a month: it has no figures yet, or it
// is half cancelled.
func settlementFindings(s settlement.Settlement, month civil.Month) []period.Finding {
	var found []period.Finding
	if s.IsUnbooked() && s.Quote == "" && !s.ServicePeriod.After(month) {
		text := s.ID + " has no figures"
		if s.Hold != nil {
			text += ": " + s.Hold.Reason
		}
		found = append(found, period.Finding{Check: period.CheckFigures, Text: text})
	}
	if s.Status == settlement.Paying && s.ReasonClass == settlement.Cancelled {
		found = append(found,
			period.Finding{Check: period.CheckUnfinished, Text: s.ID + " is half cancelled"})
	}
	return found
}

// openTrueUpFindings lists the open true-ups up to a month of the taxpayers in whose tax lists the
// creator's settlements are booked. A taxpayer with several creators is listed with each of them.
func (r Reviewer) openTrueUpFindings(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	f facts,
	month civil.Month) ([]period.Finding, error) {
	var found []period.Finding
	// The taxpayers of a creator's bookings also include one into which another was merged.
	for who := range f.taxpayers {
		if who.entity != entity {
			continue
		}
		open, err := r.TrueUps.OfTaxpayer(ctx, tenant, entity, who.taxpayer, month)
		if err != nil {
			return nil, err
		}
		for _, text := range trueup.InWords(open) {
			found = append(found, period.Finding{Check: period.CheckTrueUps, Text: text})
		}
	}
	slices.SortFunc(found, func(a, b period.Finding) int { return strings.Compare(a.Text, b.Text) })
	return found, nil
}

// missingContractFindings lists the income up to a month that waits for a contract.
func (r Reviewer) missingContractFindings(ctx context.Context, tenant ident.Tenant,
	buckets []income.Bucket,
	month civil.Month) ([]period.Finding, error) {
	var found []period.Finding
	for _, b := range buckets {
		// Income of later months does not prevent closing this month.
		if b.State != income.Open || b.Period.After(month) {
			continue
		}
		_, err := r.Contracts.Contract(ctx, tenant, b.CreatorID, b.IncomeType, b.Period.Last())
		switch {
		case fault.HasCode(err, fault.RuleMissing): // No contract covers the income.
			found = append(found,
				period.Finding{Check: period.CheckContracts,
					Text: fmt.Sprintf("%s: %s of %s, %s", b.CreatorID, b.IncomeType, b.Period, b.Distributable)})
		case err != nil:
			return nil, err
		}
	}
	return found, nil
}
