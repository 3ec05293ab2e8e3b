package settlement

import (
	"context"
	"log/slog"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// Parts are what a Service works with. All but Checks are required.
type Parts struct {
	Store     Store
	Directory tenancy.Directory
	Calendar  Calendar
	Clock     clock.Clock
	NewID     func() string
	Checks    Checks // a check that is nil is not made
}

// Service opens settlements and changes them. New makes one.
type Service struct{ Parts }

// New makes a Service. The error lists the parts that are missing.
func New(p Parts) (*Service, error) {
	err := fault.Incomplete("settlement.Service", map[string]bool{"Store": p.Store != nil,
		"Directory": p.Directory != nil, "Calendar": p.Calendar != nil, "Clock": p.Clock.Now != nil,
		"NewID": p.NewID != nil})
	if err != nil {
		return nil, err
	}
	return &Service{p}, nil
}

// Taxes quotes and books settlements. Its caller runs it one at a time for each paying entity and
// taxpayer; the numbered tax rows keep it right where that order is lost. NewTaxes makes one.
type Taxes struct {
	Service *Service
	Rules   Rules
	Shadows *Shadows // nil compares nothing
}

// NewTaxes makes Taxes. With shadows nil no computation is compared. The error lists the other
// arguments that are nil.
func NewTaxes(s *Service, rules Rules, shadows *Shadows) (*Taxes, error) {
	err := fault.Incomplete("settlement.Taxes",
		map[string]bool{"service": s != nil, "rules": rules != nil})
	if err != nil {
		return nil, err
	}
	return &Taxes{Service: s, Rules: rules, Shadows: shadows}, nil
}

// Enqueue puts an operation on a settlement into its queue. Enqueuing the same operation again
// within a minute has no effect.
type Enqueue func(ctx context.Context, s Settlement, op string) error

// Advancer moves settlements that wait for nobody, and reports those that wait too long.
// NewAdvancer makes one.
type Advancer struct {
	service *Service
	enqueue Enqueue
	log     *slog.Logger
	// calendarDue is the month and day from which the calendar of the next year should be loaded; its
	// year means nothing.
	calendarDue civil.Date
}

// NewAdvancer makes an Advancer. The log takes one line for each state in which settlements are
// overdue and for each year whose calendar should be loaded by calendarDue and is not. The error
// lists the arguments that are nil.
func NewAdvancer(s *Service, enqueue Enqueue, log *slog.Logger,
	calendarDue civil.Date) (*Advancer, error) {
	err := fault.Incomplete("settlement.Advancer",
		map[string]bool{"service": s != nil, "enqueue": enqueue != nil, "log": log != nil})
	if err != nil {
		return nil, err
	}
	return &Advancer{service: s, enqueue: enqueue, log: log, calendarDue: calendarDue}, nil
}

// NewMerging makes a Merging; entities lists the ids of a tenant's paying entities. The error lists
// the arguments that are nil.
func NewMerging(s *Service, store MergeStore,
	entities func(context.Context, ident.Tenant) ([]string, error)) (*Merging, error) {
	err := fault.Incomplete("settlement.Merging",
		map[string]bool{"service": s != nil, "store": store != nil, "entities": entities != nil})
	if err != nil {
		return nil, err
	}
	return &Merging{Service: s, Store: store, Entities: entities}, nil
}

// NewShadows makes Shadows. The error lists the arguments that are nil.
func NewShadows(store ShadowStore, log *slog.Logger) (*Shadows, error) {
	err := fault.Incomplete("settlement.Shadows",
		map[string]bool{"store": store != nil, "log": log != nil})
	if err != nil {
		return nil, err
	}
	return &Shadows{Store: store, Log: log}, nil
}

// NewPayables makes Payables of a service.
func NewPayables(s *Service) Payables { return Payables{service: s} }
