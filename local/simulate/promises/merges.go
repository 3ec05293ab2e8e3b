package promises

import (
	"context"

	"fenzhang/local/simulate/people"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

// checkMerges checks that the tax list of a merged taxpayer is closed, that its open months have
// arrived in the list of the survivor exactly once, and that no settlement waits under the merged
// taxpayer.
func (b *Examiner) checkMerges() {
	tenant := b.actors.Variants.Merge
	if tenant == "" {
		return
	}
	for _, entity := range []string{people.OrdinaryEntity, people.PlatformEntity} {
		b.checkMergedLists(ident.Tenant(tenant), ident.Entity(entity))
	}
	for _, s := range b.settlements {
		if s.Tenant == ident.Tenant(tenant) && s.TaxpayerID == people.MergedTaxpayer &&
			(s.IsUnbooked() || s.Status == settlement.Approved) && !s.IsUndone() {
			b.world.ReportBroken("P5", "%s/%s waits as %s, who is %s", tenant, s.ID, people.MergedTaxpayer,
				people.MergedInto)
		}
	}
}

// checkMergedLists checks the tax lists of the merged taxpayer and of the survivor at a paying
// entity.
func (b *Examiner) checkMergedLists(tenant ident.Tenant, entity ident.Entity) {
	theirs := b.lists[payerAtEntity{tenant, entity, people.MergedTaxpayer}]
	ours := b.lists[payerAtEntity{tenant, entity, people.MergedInto}]
	if len(theirs) == 0 || theirs[len(theirs)-1].Into != people.MergedInto {
		b.world.ReportBroken("P5", "%s/%s at %s is merged, and its list of %d bookings is not closed",
			tenant, people.MergedTaxpayer, entity, len(theirs))
		return
	}
	arrived := 0
	for _, k := range ours {
		if k.Merged == people.MergedTaxpayer {
			arrived++
		}
	}
	// a list whose only booking is the merge itself had nothing to move
	if want := min(len(theirs)-1, 1); arrived != want {
		b.world.ReportBroken("P5",
			"the list of %s/%s at %s arrived %d times in that of %s, not %d times", tenant,
			people.MergedTaxpayer, entity, arrived, people.MergedInto, want)
	}
	if arrived > 0 {
		b.paths["merged"]++
	}
	b.checkMovedRows(tenant, entity, theirs, ours)
}

// checkMovedRows checks that a merge neither created nor lost tax rows, and left no row of an open
// month behind.
func (b *Examiner) checkMovedRows(tenant ident.Tenant, entity ident.Entity, theirs,
	ours []settlement.Booking) {
	returns, err := b.sys.Store.FiledMonths(context.Background(), tenant, entity)
	if err != nil {
		b.world.ReportBroken("P5", "%s: %v", tenant, err)
	}
	closedAt := theirs[len(theirs)-1].At
	// months that were filed before the merge stay with the merged taxpayer
	early := map[civil.Month]bool{}
	for _, f := range returns {
		early[f.Month] = !f.At.After(closedAt)
	}
	moved, stays := map[rowKey]money.Amount{}, map[rowKey]money.Amount{}
	for n, list := range [][]settlement.Booking{theirs, ours} {
		for _, k := range list {
			for _, r := range k.Rows {
				if k.Kind == settlement.KindMerged {
					moved[rowKeyOf(r)] = moved[rowKeyOf(r)].Add(r.Withheld).Add(r.Income)
				}
				if n == 0 && !early[lawdiff.MonthOfPeriod(r.Period)] {
					stays[rowKeyOf(r)] = stays[rowKeyOf(r)].Add(r.Withheld).Add(r.Income)
				}
			}
		}
	}
	for what, sums := range map[string]map[rowKey]money.Amount{"came or went": moved,
		"stays behind": stays} {
		for r, sum := range sums {
			if !sum.IsZero() {
				b.world.ReportBroken("P5", "%s of %+v %s as %s/%s became %s", sum, r, what, tenant,
					people.MergedTaxpayer, people.MergedInto)
			}
		}
	}
}

// rowKey identifies tax rows that may be added up.
type rowKey struct{ kind, item, period, project, platform string }

// rowKeyOf returns the key of a tax row.
func rowKeyOf(r tax.Row) rowKey { return rowKey{r.Kind, r.Item, r.Period, r.Project, r.Platform} }
