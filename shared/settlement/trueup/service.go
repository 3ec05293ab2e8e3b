// Package trueup compares what was withheld of a period's taxes with what the rules in force give,
// and lets two people decide what becomes of a difference: an open true-up (补扣补退) of one period,
// the correction of a year after the law has changed, or a return that must be filed again (更正申报).
package trueup

import (
	"context"
	"errors"

	"fenzhang/shared/clock"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// Store keeps corrections and decisions. A write that finds its own act id has succeeded before;
// optimistic.ErrRival is somebody else's write.
type Store interface {
	// Correction reads a correction, consistently; fault.Absent when there is none.
	Correction(ctx context.Context, tenant ident.Tenant, id string) (Correction, error)
	// Prepare writes a new correction. optimistic.ErrRival when the id is taken.
	Prepare(ctx context.Context, c Correction) error
	// Post writes rows, entries, audit record and the correction's new state together, or nothing.
	// optimistic.ErrRival when the correction was posted meanwhile or the number of the rows is taken.
	Post(ctx context.Context, p Posting) error

	// Decision reads the last decision of an open true-up, consistently; fault.Absent when there is
	// none.
	Decision(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
		id string) (Decision, error)
	// WriteDecision writes a decision with what it posts and its audit record, or nothing.
	// optimistic.ErrRival when there is another decision than the one it follows, or the number of the
	// rows is taken.
	WriteDecision(ctx context.Context, w DecisionWrite) error
}

// Service finds differences between what was withheld and what the rules give, and posts what two
// people decide.
type Service struct {
	taxes     *settlement.Taxes // gathers the facts of a booking, and quotes anew
	booked    settlement.Store  // settlements, tax rows, filed months
	store     Store
	directory tenancy.Directory
	clock     clock.Clock
	newID     func() string
}

var errIncomplete = errors.New("trueup: taxes or store are missing")

// New makes the service of what taxes book; the store keeps corrections and decisions.
func New(taxes *settlement.Taxes, store Store) (*Service, error) {
	if taxes == nil || store == nil {
		return nil, errIncomplete
	}
	return &Service{taxes: taxes, booked: taxes.Service.Store, store: store,
		directory: taxes.Service.Directory, clock: taxes.Service.Clock, newID: taxes.Service.NewID}, nil
}

// Law is the law in force.
func (t *Service) Law(ctx context.Context) *tax.Corpus { return t.taxes.Rules.Current(ctx).Corpus }
