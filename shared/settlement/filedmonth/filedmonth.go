// Package filedmonth records the months whose tax returns a paying entity has filed. The tax of a
// filed month is changed only by an amended return.
package filedmonth

import (
	"context"
	"errors"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/lawdiff"
	"fenzhang/shared/tenancy"
)

// FiledMonth is a month whose tax returns a paying entity has filed.
type FiledMonth struct {
	Entity    ident.Entity `json:"paying_entity"`
	Month     civil.Month  `json:"month"`
	FiledOn   civil.Date   `json:"filed_on"`
	Reference string       `json:"reference"` // the return, as the tax authority knows it
	By        string       `json:"filed_by"`
	At        time.Time    `json:"at"`
	Act       string       `json:"transition_id"`
}

// isSameFiling reports whether two records of a filed month have the same content, whoever wrote
// them and when.
func (f FiledMonth) isSameFiling(other FiledMonth) bool {
	return f.Entity == other.Entity && f.Month == other.Month && f.FiledOn == other.FiledOn &&
		f.Reference == other.Reference
}

// Lookup returns the function that reports whether a month is in a list of filed months.
func Lookup(list []FiledMonth) lawdiff.Filed {
	months := make([]civil.Month, len(list))
	for i, f := range list {
		months[i] = f.Month
	}
	return lawdiff.FiledMonths(months)
}

// LongestBooking is longer than any booking of tax takes to be written, and longer than the clocks
// of two machines differ.
const LongestBooking = 2 * time.Minute

// Reader lists filed months.
type Reader interface {
	// FiledMonths lists the months whose returns a paying entity has filed, oldest first. The read is
	// consistent.
	FiledMonths(ctx context.Context, tenant ident.Tenant, entity ident.Entity) ([]FiledMonth, error)
}

// Store keeps filed months.
type Store interface {
	Reader
	// RecordFiledMonth writes a filed month together with its audit record. The error is
	// optimistic.ErrRival when the month is recorded as filed already.
	RecordFiledMonth(ctx context.Context, tenant ident.Tenant, f FiledMonth) error
}

// Entities finds paying entities; tenancy.Directory is one.
type Entities interface {
	// Entity finds the version of a paying entity in force on a day.
	Entity(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
		day civil.Date) (tenancy.PayingEntity, error)
}

// Recorder records that months are filed.
type Recorder struct {
	store    Store
	entities Entities
	clock    clock.Clock
	newID    func() string
}

// New makes a Recorder. The error names the arguments that are nil.
func New(store Store, entities Entities, now clock.Clock, newID func() string) (*Recorder, error) {
	err := fault.Incomplete("filedmonth.Recorder", map[string]bool{"store": store != nil,
		"entities": entities != nil, "clock": now.Now != nil, "newID": newID != nil})
	return &Recorder{store: store, entities: entities, clock: now, newID: newID}, err
}

// FiledMonths lists the months that a paying entity has filed, oldest first.
func (r *Recorder) FiledMonths(ctx context.Context, tenant ident.Tenant,
	entity ident.Entity) ([]FiledMonth, error) {
	return r.store.FiledMonths(ctx, tenant, entity)
}

// Record records that a paying entity has filed a month. Recording the same filing again changes
// nothing and returns the first record, with replayed true.
//
// Errors: 3003 for an unknown paying entity; 3001 month_not_over when the month has not ended, or
// ended so lately that a booking of its last day may still be under way; 2002 when the month is
// recorded with another day of filing or another reference.
func (r *Recorder) Record(ctx context.Context, tenant ident.Tenant, by string,
	f FiledMonth) (kept FiledMonth, replayed bool, err error) {
	today, err := r.clock.Today(ctx)
	if err != nil {
		return f, false, fault.Temporary(err)
	}
	if _, err := r.entities.Entity(ctx, tenant, f.Entity, today); err != nil {
		return f, false, err
	}
	f.By = by
	f.At = r.clock.Instant()
	if !f.Month.Before(today.Month()) || f.hasJustEnded() {
		return f, false, fault.New(fault.IllegalMove, "month_not_over",
			"A month is filed after it has ended and what was booked on its last day is written; "+
				f.Month.String()+" has not, or only just.")
	}
	f.Act = r.newID()
	err = r.store.RecordFiledMonth(ctx, tenant, f)
	if !errors.Is(err, optimistic.ErrRival) {
		return f, false, err
	}
	return r.findRecorded(ctx, tenant, f)
}

// hasJustEnded reports whether f.At is less than LongestBooking after the end of the month. A
// booking that began on the last day may then not have been written yet, and the return would lack
// it. The business date of a demonstration runs ahead of the clock; then the month's end has not
// come yet, and no booking is under way.
func (f FiledMonth) hasJustEnded() bool {
	since := f.At.Sub(f.Month.Add(1).First().Start())
	return since >= 0 && since < LongestBooking
}

// findRecorded returns the record of f's month that was written before f; the error is 2002 when
// its content is not that of f.
func (r *Recorder) findRecorded(ctx context.Context, tenant ident.Tenant,
	f FiledMonth) (recorded FiledMonth, replayed bool, err error) {
	list, err := r.store.FiledMonths(ctx, tenant, f.Entity)
	if err != nil {
		return f, false, err
	}
	for _, recorded := range list {
		if recorded.Month != f.Month {
			continue
		}
		if !recorded.isSameFiling(f) {
			err = fault.New(fault.OtherContent, "month_filed",
				"This month is recorded as filed with another day or reference.")
		}
		return recorded, true, err
	}
	return f, false, fault.Temporary(optimistic.ErrRival)
}
