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
	"fenzhang/shared/settlement/trueup"
	"fenzhang/shared/tenancy"
)

// Contracts finds the contract that covers an income.
type Contracts interface {
	Contract(ctx context.Context, tenant ident.Tenant, creator ident.Creator, incomeType string,
		day civil.Date) (tenancy.Contract, error)
}

// TrueUps lists the open true-ups (补扣补退) of a taxpayer at a paying entity up to a month, each with
// what was decided of it.
type TrueUps interface {
	OfTaxpayer(ctx context.Context, tenant ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer,
		through civil.Month) ([]trueup.TrueUp, error)
}

// Reviewer checks books for the closing of a period. It implements period.Books.
type Reviewer struct {
	Service
	Contracts Contracts
	TrueUps   TrueUps
}

var _ period.Books = Reviewer{}

// Review checks one book at a paying entity. Its objects are not read at one instant, so what
// differs counts only when a second look finds it too.
func (r Reviewer) Review(ctx context.Context, tenant ident.Tenant, entity ident.Entity, book string,
	month civil.Month) (period.Book, error) {
	var f facts
	var found []Difference
	for range 2 {
		var err error
		if f, err = r.facts(ctx, tenant, book); err != nil {
			return period.Book{}, err
		}
		if found = f.scope(entity).check().differences; len(found) == 0 {
			break
		}
	}
	b := period.Book{Entries: f.at(entity).entries}
	for _, d := range found {
		b.Findings = append(b.Findings, period.Finding{Check: d.check(), Text: d.String()})
	}
	for _, s := range f.at(entity).settlements {
		b.Findings = append(b.Findings, about(s, month)...)
	}
	undecided, err := r.undecided(ctx, tenant, entity, f, month)
	if err != nil {
		return b, err
	}
	waiting, err := r.withoutContract(ctx, tenant, f.buckets, month)
	b.Findings = append(append(b.Findings, undecided...), waiting...)
	return b, err
}

// facts gathers a creator's; the house's book has no objects behind it but its entries.
func (r Reviewer) facts(ctx context.Context, tenant ident.Tenant, book string) (facts, error) {
	if book != keys.HouseBook {
		return r.gather(ctx, tenant, book)
	}
	f := facts{creator: ident.Creator(book), house: true}
	var err error
	if f.entries, err = r.Journal.Entries(ctx, tenant, ident.Creator(book)); err == nil {
		f.balances, err = r.Journal.Balances(ctx, tenant, ident.Creator(book))
	}
	return f, err
}

// scope is the part in which books and objects can be compared: one paying entity, or all of them
// where a bucket has accruals of several and does not say how much of each.
func (f facts) scope(entity ident.Entity) facts {
	for _, b := range f.buckets {
		if len(b.Entities) > 1 {
			return f
		}
	}
	return f.at(entity)
}

// at is what concerns one paying entity.
func (f facts) at(entity ident.Entity) facts {
	out := facts{creator: f.creator, house: f.house, figures: f.figures,
		balances: map[string]map[ledger.Account]money.Amount{}}
	for _, e := range f.entries {
		if e.Entity == entity {
			out.entries = append(out.entries, e)
		}
	}
	for _, s := range f.settlements {
		if s.Entity == entity {
			out.settlements = append(out.settlements, s)
		}
	}
	for _, b := range f.bookings {
		if b.Entity == entity {
			out.bookings = append(out.bookings, b)
		}
	}
	for _, b := range f.buckets {
		if len(b.Entities) == 0 || slices.Contains(b.Entities, entity) {
			out.buckets = append(out.buckets, b)
		}
	}
	for _, r := range f.claims {
		if r.Entity == entity {
			out.claims = append(out.claims, r)
		}
	}
	for _, day := range f.days {
		if len(day.entities) == 0 || slices.Contains(day.entities, entity) {
			out.days = append(out.days, day)
		}
	}
	if kept, ok := f.balances[string(entity)]; ok {
		out.balances[string(entity)] = kept
	}
	return out
}

// String tells the difference in one line.
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

// check names the check that a difference belongs to.
func (d Difference) check() string {
	switch {
	case strings.HasPrefix(d.Account, "balance of "):
		return period.CheckBalances
	case ledger.Account(d.Account).IsTaxPayable():
		return period.CheckTaxRows
	case d.Account == string(ledger.CreatorAccrued), strings.HasPrefix(d.Account, accrualOf):
		return period.CheckAccruals
	}
	return period.CheckUnexplained
}

// about tells what of a settlement stands in a month's way: figures that no rule gives, acts that
// are half done.
func about(s settlement.Settlement, month civil.Month) []period.Finding {
	var found []period.Finding
	if s.Unbooked() && s.Quote == "" && !s.ServicePeriod.After(month) {
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

// undecided lists the open true-ups up to a month of the taxpayers for whom something of the
// creator's was booked; one with several creators is told with each.
func (r Reviewer) undecided(ctx context.Context, tenant ident.Tenant, entity ident.Entity, f facts,
	month civil.Month) ([]period.Finding, error) {
	var found []period.Finding
	for who := range f.taxed {
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

// withoutContract lists the income of a month and before that waits for a contract.
func (r Reviewer) withoutContract(ctx context.Context, tenant ident.Tenant, buckets []income.Bucket,
	month civil.Month) ([]period.Finding, error) {
	var found []period.Finding
	for _, b := range buckets {
		if b.State != income.Open || b.Period.After(month) {
			continue
		}
		_, err := r.Contracts.Contract(ctx, tenant, b.CreatorID, b.IncomeType, b.Period.Last())
		switch {
		case fault.HasCode(err, fault.RuleMissing):
			found = append(found,
				period.Finding{Check: period.CheckContracts,
					Text: fmt.Sprintf("%s: %s of %s, %s", b.CreatorID, b.IncomeType, b.Period, b.Distributable)})
		case err != nil:
			return nil, err
		}
	}
	return found, nil
}
