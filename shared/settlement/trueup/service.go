// Package trueup compares the tax withheld for a period with the tax by the rules in force, and
// lets two people decide about a difference. There are three kinds of differences: an open true-up
// of one period (补扣补退), the correction of a year after the law has changed, and a return that must
// be filed again (更正申报).
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
// the error is optimistic.ErrRival when another write came first.
type Store interface {
	// Correction reads a correction consistently. The error is fault.MissingObject when there is none.
	Correction(ctx context.Context, tenant ident.Tenant, id string) (Correction, error)
	// Prepare writes a new correction. The error is optimistic.ErrRival when the id is taken.
	Prepare(ctx context.Context, c Correction) error
	// Post writes tax rows, journal entries, audit record and the new state of a correction in one
	// transaction. The error is optimistic.ErrRival when the correction was posted before, or when the
	// next number of the taxpayer's list is taken.
	Post(ctx context.Context, p Posting) error

	// Decision reads the last decision on an open true-up consistently. The error is
	// fault.MissingObject when there is none.
	Decision(ctx context.Context, tenant ident.Tenant, entity ident.Entity,
		id string) (Decision, error)
	// WriteDecision writes a decision with what it posts and its audit record in one transaction. The
	// error is optimistic.ErrRival when another decision on the same true-up was stored first, or when
	// the next number of the taxpayer's list is taken.
	WriteDecision(ctx context.Context, w DecisionWrite) error
}

// Service finds differences between the tax withheld and the tax by the rules in force, and posts
// what two people decide about them.
type Service struct {
	taxes     *settlement.Taxes // gathers the facts of a booking, and quotes again
	booked    settlement.Store  // settlements, tax rows, filed months
	store     Store
	directory tenancy.Directory
	clock     clock.Clock
	newID     func() string
}

var errIncomplete = errors.New("trueup: taxes or store are missing")

// New makes a Service for the bookings of taxes; the store keeps corrections and decisions. The
// error says which of the two is nil.
func New(taxes *settlement.Taxes, store Store) (*Service, error) {
	if taxes == nil || store == nil {
		return nil, errIncomplete
	}
	return &Service{taxes: taxes, booked: taxes.Service.Store, store: store,
		directory: taxes.Service.Directory, clock: taxes.Service.Clock, newID: taxes.Service.NewID}, nil
}

// Law is the corpus of rules in force.
func (t *Service) Law(ctx context.Context) *tax.Corpus { return t.taxes.Rules.Current(ctx).Corpus }
