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

// Merging brings together the tax rows and open settlements of two taxpayers who are one person.
// The merged one's list of each year is closed by a last booking, numbered like any other, so that
// a booking decided before loses by its number; history stays where it is. In the same write the
// survivor's list gets the rows of the months not filed and names the closed list, whose bookings
// from then on count with its own (Whole).
type Merging struct {
	Service *Service
	Store   MergeStore
	// ids of the tenant's paying entities
	Entities func(ctx context.Context, tenant ident.Tenant) ([]string, error)
}

// MergeStore keeps the lists of tax rows.
type MergeStore interface {
	// TaxYears lists the years in which a taxpayer has bookings at a paying entity, consistently.
	TaxYears(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
		taxpayer ident.Taxpayer) ([]int, error)
	// Join appends bookings to several lists together, or none. optimistic.ErrRival when one of their
	// numbers is taken.
	Join(ctx context.Context, tenant ident.Tenant, bookings []Booking) error
}

// ApplyMerge does what follows from a merge that stands in the master data: rows and open settlements of
// from go to into. Made again it finishes what an earlier call left undone, and otherwise changes
// nothing. by is who asked for it.
func (m *Merging) ApplyMerge(ctx context.Context, tenant ident.Tenant, from, into, by string) error {
	entities, err := m.Entities(ctx, tenant)
	if err != nil {
		return err
	}
	for _, entity := range entities {
		if err := m.join(ctx, tenant, ident.Entity(entity), from, into); err != nil {
			return err
		}
		if err := m.followAll(ctx, tenant, ident.Entity(entity), from, into, by); err != nil {
			return err
		}
	}
	return nil
}

func (m *Merging) join(ctx context.Context, tenant ident.Tenant, entity ident.Entity, from,
	into string) error {
	return optimistic.Do(ctx, func() error {
		list, err := m.joining(ctx, tenant, entity, from, into)
		if err != nil || len(list) == 0 {
			return err
		}
		return m.Store.Join(ctx, tenant, list)
	})
}

// joining decides what closes the lists of from at an entity, and what goes on in those of into.
func (m *Merging) joining(ctx context.Context, tenant ident.Tenant, entity ident.Entity, from,
	into string) ([]Booking, error) {
	years, err := m.years(ctx, tenant, entity, ident.Taxpayer(from))
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
		if closedFor(theirs) != "" {
			continue // by an earlier call
		}
		rows := openRows(theirs, filedmonth.Lookup(filed))
		out = append(out, Booking{Entity: entity, Taxpayer: ident.Taxpayer(from), Year: year,
			Seq: len(theirs) + 1, Kind: KindMerged, EntryID: act, At: now, Rows: negative(rows),
			Into: ident.Taxpayer(into)})
		if len(theirs) == 0 {
			continue // nothing to go on with; the closing alone stops a booking that is under way
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

// years are those of the bookings, and those in which a booking may be under way.
func (m *Merging) years(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
	taxpayer ident.Taxpayer) ([]int, error) {
	years, err := m.Store.TaxYears(ctx, tenant, entity, taxpayer)
	if err != nil {
		return nil, err
	}
	today, err := m.Service.Clock.Today(ctx)
	if err != nil {
		return nil, fault.Later(err)
	}
	years = append(slices.Clone(years), today.Year(), today.AddDays(1).Year())
	slices.Sort(years)
	return slices.Compact(years), nil
}

// openRows sums the rows of months that are not filed, one for each tax, item, project, platform,
// period and way of collection; what comes to nothing is left out.
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

// Whole is everything that was booked for one person in a year: the list's own bookings, and those
// of lists that were merged into it, in the place where they were. Rows that only went from list to
// list are left out, because they stand among those bookings; so a closed list, whose person goes
// on elsewhere, gives nothing.
func Whole(list []Booking) []Booking {
	if closedFor(list) != "" {
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

// closedFor gives the taxpayer in whose list a closed list goes on, "" while it is open.
func closedFor(list []Booking) ident.Taxpayer {
	for _, b := range list {
		if b.Into != "" {
			return b.Into
		}
	}
	return ""
}

// ClosedFor gives the taxpayer in whose list a person goes on, where a merge has closed this one.
func ClosedFor(list []Booking) (into ident.Taxpayer, closed bool) {
	into = closedFor(list)
	return into, into != ""
}

// merged is the error of a computation whose taxpayer was merged into another.
type merged struct{ into ident.Taxpayer }

func (m *merged) Error() string {
	return string("settlement: the taxpayer was merged into " + m.into)
}

func mergeTarget(err error) (ident.Taxpayer, bool) {
	var m *merged
	if !errors.As(err, &m) {
		return "", false
	}
	return m.into, true
}

// ownerOf finds the taxpayer in whose list the rows of a booked settlement are now, and the next
// free number there.
func (s *Service) ownerOf(ctx context.Context, st Settlement,
	list []Booking) (ident.Taxpayer, int, error) {
	into := closedFor(list)
	if into == "" {
		return st.TaxpayerID, len(list) + 1, nil
	}
	list, err := s.Store.TaxRows(ctx, st.Tenant, st.Entity, into, st.PaymentDate.Year())
	return into, len(list) + 1, err
}

// followMerge moves a settlement that is not booked to the taxpayer that its own was merged into;
// false where there was no merge.
func (t *Taxes) followMerge(ctx context.Context, s Settlement) (bool, error) {
	payer, err := t.Service.Directory.Taxpayer(ctx, s.Tenant, s.TaxpayerID)
	switch {
	case fault.HasCode(err, fault.NotFound):
		return false, nil // computing reports it, where the profile is needed
	case err != nil || payer.MergedInto == "":
		return false, err
	}
	return true, t.Service.moveToTaxpayer(ctx, s, payer.MergedInto, payer.By)
}

// followAll moves the open settlements of from. One that the index does not show yet follows when
// it is quoted or booked.
func (m *Merging) followAll(ctx context.Context, tenant ident.Tenant, entity ident.Entity, from,
	into, by string) error {
	open, err := m.Service.Store.OpenOf(ctx, tenant, entity, ident.Taxpayer(from))
	if err != nil {
		return err
	}
	for _, s := range open {
		err := optimistic.Do(ctx, func() error {
			s, err := m.Service.Store.Load(ctx, tenant, ident.Settlement(s.ID))
			if err != nil || s.TaxpayerID != ident.Taxpayer(from) || !s.Unbooked() {
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

// moveToTaxpayer makes into the taxpayer of an open settlement, in a write of its own.
func (s *Service) moveToTaxpayer(ctx context.Context, st Settlement, into, by string) error {
	a := Act{ID: s.NewID(), Name: "settlement.taxpayer_merged", By: cmp.Or(by, "system:compute-tax"),
		Reason: string(st.TaxpayerID) + " is " + into}
	return s.Store.Apply(ctx, Change{Old: &st, New: st.withTaxpayer(into, a, s.Clock.Instant())})
}

// withTaxpayer gives an open settlement another taxpayer. Before an approval it is quoted anew;
// what was approved keeps its quote, so that the booking tells when the net falls.
func (s Settlement) withTaxpayer(into string, a Act, now time.Time) Settlement {
	n := s.stamp(a, now)
	n.TaxpayerID = ident.Taxpayer(into)
	if by := a.By; by != "system:compute-tax" && !slices.Contains(n.Preparers, by) {
		n.Preparers = append(slices.Clip(n.Preparers), by)
	}
	if n.Hold != nil && n.Hold.Reason == HoldRuleGap {
		n.Hold = nil // what was lacking of the one may be there of the other
	}
	if n.Status != Approved && n.Carries == "" {
		n = n.withoutQuote()
	}
	return n
}
