package settlement

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement/filedmonth"
)

// Merging moves tax rows and open settlements when two taxpayers are found to be one person. Each
// taxpayer has a numbered list of bookings for each year. The list of the merged taxpayer is closed
// by a last booking, so that a booking which was decided before fails because its number is taken.
// In the same write the list of the surviving taxpayer gets the rows of the months that are not
// filed, and a reference to the closed list, whose bookings count for the survivor from then on
// (BookingsOfPerson). The old bookings stay where they are.
type Merging struct {
	Service *Service
	Store   MergeStore
	// ids of the tenant's paying entities
	Entities func(ctx context.Context, tenant ident.Tenant) ([]string, error)
}

// MergeStore reads and appends to the lists of bookings of taxpayers.
type MergeStore interface {
	// TaxYears lists the years in which a taxpayer has bookings at a paying entity, consistently.
	TaxYears(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
		taxpayer ident.Taxpayer) ([]int, error)
	// Join appends bookings to several lists in one transaction. The error is optimistic.ErrRival when
	// one of the numbers is taken.
	Join(ctx context.Context, tenant ident.Tenant, bookings []Booking) error
}

// ApplyMerge moves the tax rows and open settlements of taxpayer from to taxpayer into, after the
// merge was written to the master data. It is idempotent: another call finishes what an earlier
// call left undone. by is the person who merged the taxpayers.
func (m *Merging) ApplyMerge(ctx context.Context, tenant ident.Tenant, from, into,
	by string) error {
	entities, err := m.Entities(ctx, tenant)
	if err != nil {
		return err
	}
	for _, entity := range entities {
		if err := m.joinLists(ctx, tenant, ident.Entity(entity), from, into); err != nil {
			return err
		}
		if err := m.moveOpenSettlements(ctx, tenant, ident.Entity(entity), from, into, by); err != nil {
			return err
		}
	}
	return nil
}

// joinLists closes the lists of from at a paying entity and continues them in the lists of into.
func (m *Merging) joinLists(ctx context.Context, tenant ident.Tenant, entity ident.Entity, from,
	into string) error {
	return optimistic.Retry(ctx, func() error {
		list, err := m.planJoin(ctx, tenant, entity, from, into)
		if err != nil || len(list) == 0 {
			return err
		}
		return m.Store.Join(ctx, tenant, list)
	})
}

// planJoin returns the bookings that close the lists of from at a paying entity, and those that
// continue them in the lists of into.
func (m *Merging) planJoin(ctx context.Context, tenant ident.Tenant, entity ident.Entity, from,
	into string) ([]Booking, error) {
	years, err := m.yearsToJoin(ctx, tenant, entity, ident.Taxpayer(from))
	if err != nil {
		return nil, err
	}
	filed, err := m.Service.Store.FiledMonths(ctx, tenant, entity)
	if err != nil {
		return nil, err
	}
	act, now := m.Service.NewID(), m.Service.Clock.Instant()
	var out []Booking
	for _, year := range years {
		theirs, err := m.Service.Store.TaxRows(ctx, tenant, entity, ident.Taxpayer(from), year)
		if err != nil {
			return nil, err
		}
		if mergedInto(theirs) != "" {
			continue // by an earlier call
		}
		rows := openRows(theirs, filedmonth.Lookup(filed))
		out = append(out, Booking{Entity: entity, Taxpayer: ident.Taxpayer(from), Year: year,
			Seq: len(theirs) + 1, Kind: KindMerged, EntryID: act, At: now, Rows: negateRows(rows),
			Into: ident.Taxpayer(into)})
		if len(theirs) == 0 {
			continue // no rows to move; the closing stops a booking that is being decided now
		}
		ours, err := m.Service.Store.TaxRows(ctx, tenant, entity, ident.Taxpayer(into), year)
		if err != nil {
			return nil, err
		}
		out = append(out, Booking{Entity: entity, Taxpayer: ident.Taxpayer(into), Year: year,
			Seq: len(ours) + 1, Kind: KindMerged, EntryID: act, At: now, Rows: rows, Merged: from})
	}
	return out, nil
}

// yearsToJoin lists the years in which a taxpayer has bookings, and the years for which a booking
// may be decided just now: that of today and that of tomorrow.
func (m *Merging) yearsToJoin(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer) ([]int, error) {
	years, err := m.Store.TaxYears(ctx, tenant, entity, taxpayer)
	if err != nil {
		return nil, err
	}
	today, err := m.Service.Clock.Today(ctx)
	if err != nil {
		return nil, fault.Temporary(err)
	}
	years = append(slices.Clone(years), today.Year(), today.AddDays(1).Year())
	slices.Sort(years)
	return slices.Compact(years), nil
}

// openRows adds up the rows of months that are not filed, one row for each tax, item, project,
// platform, period and way of collection. Rows whose amounts are all zero are left out.
func openRows(list []Booking, filed lawdiff.Filed) []tax.Row {
	var out []tax.Row
	at := map[tax.Row]int{}
	for _, b := range list {
		for _, r := range b.Rows {
			if filed(lawdiff.MonthOfPeriod(r.Period)) {
				continue
			}
			key := r
			key.Income = money.Amount{}
			key.Received = money.Amount{}
			key.Sales = money.Amount{}
			key.Withheld = money.Amount{}
			i, ok := at[key]
			if !ok {
				i = len(out)
				at[key] = i
				out = append(out, key)
			}
			sum := &out[i]
			sum.Income, sum.Received = sum.Income.Add(r.Income), sum.Received.Add(r.Received)
			sum.Sales, sum.Withheld = sum.Sales.Add(r.Sales), sum.Withheld.Add(r.Withheld)
		}
	}
	return slices.DeleteFunc(out, func(r tax.Row) bool {
		return r.Income.IsZero() && r.Received.IsZero() && r.Sales.IsZero() && r.Withheld.IsZero()
	})
}

// BookingsOfPerson returns everything that was booked for one person in a year: the bookings of the
// list, and those of lists that were merged into it. Rows that a merge has copied from list to list
// are left out, because the original bookings are included. A closed list returns nothing, because
// its bookings count in the list that it was merged into.
func BookingsOfPerson(list []Booking) []Booking {
	if mergedInto(list) != "" {
		return nil
	}
	if !slices.ContainsFunc(list, func(b Booking) bool { return b.Kind == KindMerged }) {
		return list
	}
	var out []Booking
	for _, b := range list {
		if b.Kind != KindMerged {
			out = append(out, b)
			continue
		}
		for _, old := range b.Behind {
			if old.Kind != KindMerged {
				old.Taxpayer = b.Taxpayer
				out = append(out, old)
			}
		}
	}
	return out
}

// mergedInto returns the taxpayer whose list continues a closed list, "" for a list that is open.
func mergedInto(list []Booking) ident.Taxpayer {
	for _, b := range list {
		if b.Into != "" {
			return b.Into
		}
	}
	return ""
}

// MergedInto returns the taxpayer whose list continues this one, and whether a merge has closed
// this list.
func MergedInto(list []Booking) (into ident.Taxpayer, closed bool) {
	into = mergedInto(list)
	return into, into != ""
}

// merged is the error of a computation for a taxpayer who was merged into another one.
type merged struct{ into ident.Taxpayer }

func (m *merged) Error() string {
	return string("settlement: the taxpayer was merged into " + m.into)
}

// mergeTarget returns the surviving taxpayer that an error of type merged names.
func mergeTarget(err error) (ident.Taxpayer, bool) {
	var m *merged
	if !errors.As(err, &m) {
		return "", false
	}
	return m.into, true
}

// listOwner finds the taxpayer whose list now holds the rows of a booked settlement, and the next
// free number of that list.
func (s *Service) listOwner(ctx context.Context, st Settlement,
	list []Booking) (ident.Taxpayer, int, error) {
	into := mergedInto(list)
	if into == "" {
		return st.TaxpayerID, len(list) + 1, nil
	}
	list, err := s.Store.TaxRows(ctx, st.Tenant, st.Entity, into, st.PaymentDate.Year())
	return into, len(list) + 1, err
}

// followMerge moves a settlement that is not booked to the surviving taxpayer when its taxpayer was
// merged. It returns false when there was no merge.
func (t *Taxes) followMerge(ctx context.Context, s Settlement) (bool, error) {
	payer, err := t.Service.Directory.Taxpayer(ctx, s.Tenant, s.TaxpayerID)
	switch {
	case fault.HasCode(err, fault.NotFound):
		return false, nil // the computation reports the unknown taxpayer
	case err != nil || payer.MergedInto == "":
		return false, err
	}
	return true, t.Service.moveToTaxpayer(ctx, s, payer.MergedInto, payer.By)
}

// moveOpenSettlements moves the open settlements of taxpayer from at a paying entity to taxpayer
// into. A settlement that the index does not list yet is moved when it is quoted or booked.
func (m *Merging) moveOpenSettlements(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity, from,
	into, by string) error {
	open, err := m.Service.Store.OpenOf(ctx, tenant, entity, ident.Taxpayer(from))
	if err != nil {
		return err
	}
	for _, s := range open {
		err := optimistic.Retry(ctx, func() error {
			s, err := m.Service.Store.Load(ctx, tenant, ident.Settlement(s.ID))
			if err != nil || s.TaxpayerID != ident.Taxpayer(from) || !s.IsUnbooked() {
				return err
			}
			return m.Service.moveToTaxpayer(ctx, s, into, by)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// moveToTaxpayer writes an open settlement with the surviving taxpayer, and nothing else.
func (s *Service) moveToTaxpayer(ctx context.Context, st Settlement, into, by string) error {
	a := Act{ID: s.NewID(), Name: "settlement.taxpayer_merged", By: cmp.Or(by, "system:compute-tax"),
		Reason: string(st.TaxpayerID) + " is " + into}
	return s.Store.Apply(ctx, Change{Old: &st, New: st.withTaxpayer(into, a, s.Clock.Instant())})
}

// withTaxpayer sets another taxpayer on an open settlement. Before the approval its quote is
// dropped and computed again. An approved settlement keeps its quote, so that the booking can
// compare the net with what was approved.
func (s Settlement) withTaxpayer(into string, a Act, now time.Time) Settlement {
	n := s.withAct(a, now)
	n.TaxpayerID = ident.Taxpayer(into)
	if by := a.By; by != "system:compute-tax" && !slices.Contains(n.Preparers, by) {
		n.Preparers = append(slices.Clip(n.Preparers), by)
	}
	if n.Hold != nil && n.Hold.Reason == HoldRuleGap {
		n.Hold = nil // the surviving taxpayer may have the profile that was missing
	}
	if n.Status != Approved && n.Carries == "" {
		n = n.withoutQuote()
	}
	return n
}
