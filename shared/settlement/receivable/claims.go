package receivable

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/tenancy"
)

// Store keeps receivables. A write that finds the item already written with its own act id has
// succeeded.
type Store interface {
	// ListOf reads the receivables of a creator at a paying entity, at all of them when entity is "".
	// The read is consistent.
	ListOf(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
		entity ident.Entity) ([]Receivable, error)
	// FindByID finds a receivable that a person raised. The error is fault.MissingObject when there is
	// none.
	FindByID(ctx context.Context, tenant ident.Tenant, id string) (Receivable, error)
	// Prepare writes a claim that waits for a second person. The error is optimistic.ErrRival when the
	// id is taken.
	Prepare(ctx context.Context, r Receivable, record audit.Record) error
	// Approve writes an approved claim with its journal entry, on condition that the act before is
	// still the last one of the claim.
	Approve(ctx context.Context, r Receivable, before string, record audit.Record) error
}

// Claims raises receivables: one person prepares a claim, another one approves it.
type Claims struct {
	Store     Store
	Directory tenancy.Directory
	Clock     clock.Clock
	NewID     func() string
	// Raised is called after a claim was approved, so that open settlements are quoted again. A
	// settlement that it misses takes the claim into account when it is booked. May be nil.
	Raised func(ctx context.Context, r Receivable) error
}

// Prepare stores a claim that waits for approval by a second person. It is idempotent: the same
// claim again is answered as it is stored, with replayed true.
//
// Errors: 3003 when creator or paying entity is unknown; 1003 when the caller is a cashier; 2002
// receivable_exists when the id belongs to another claim.
func (c *Claims) Prepare(ctx context.Context, by identity.Principal,
	in Receivable) (kept Receivable, replayed bool, err error) {
	if err := refuseCashier(by); err != nil {
		return Receivable{}, false, err
	}
	today, err := c.Clock.Today(ctx)
	if err != nil {
		return Receivable{}, false, fault.Temporary(err)
	}
	if _, err := c.Directory.Creator(ctx, by.Tenant, in.CreatorID); err != nil {
		return Receivable{}, false, err
	}
	if _, err := c.Directory.Entity(ctx, by.Tenant, in.Entity, today); err != nil {
		return Receivable{}, false, err
	}
	in = in.preparedBy(by, today, c.Clock.Instant(), c.NewID())
	record, err := auditRecordOf(in, "receivable.prepared", by.Subject)
	if err != nil {
		return Receivable{}, false, err
	}
	err = c.Store.Prepare(ctx, in, record)
	if !errors.Is(err, optimistic.ErrRival) {
		return in, false, err
	}
	had, err := c.Store.FindByID(ctx, by.Tenant, in.ID)
	if err == nil && !had.hasSameContent(in) {
		err = fault.New(fault.OtherContent, "receivable_exists",
			"This receivable_id stands for another claim; choose a new one.")
	}
	return had, true, err
}

// preparedBy returns a claim as a person prepares it by an act on a business date. A claim without
// an id gets one from the act.
func (r Receivable) preparedBy(by identity.Principal, today civil.Date, now time.Time,
	act string) Receivable {
	r.Tenant = by.Tenant
	r.State = Prepared
	r.PreparedBy = by.Subject
	r.PreparedAt = now
	r.Act = act
	r.RaisedOn = today
	if r.ID == "" {
		r.ID = "rcv-" + act
	}
	return r
}

// refuseCashier refuses a cashier, who pays, as the maker of a claim (segregation of duties).
func refuseCashier(by identity.Principal) error {
	if by.HasRole(identity.Cashier) {
		return fault.New(fault.Forbidden, "cashier",
			"A cashier prepares nothing; another person must do this.")
	}
	return nil
}

// hasSameContent reports whether two claims have the same content, whoever prepared them and when.
func (r Receivable) hasSameContent(o Receivable) bool {
	share := (r.MaxShare == nil) == (o.MaxShare == nil) &&
		(r.MaxShare == nil || r.MaxShare.Cmp(*o.MaxShare) == 0)
	return r.CreatorID == o.CreatorID && r.Entity == o.Entity && r.Kind == o.Kind &&
		r.Amount == o.Amount && r.MCNPart == o.MCNPart &&
		r.Document == o.Document && r.Reason == o.Reason && r.Settlement == o.Settlement && share
}

// Approve approves a prepared claim; the caller must be another person than the one who prepared
// it. An approved claim is answered as it is.
//
// Errors: 3003 when the claim is unknown; 1003 when the caller prepared the claim or is a cashier.
// Whoever approves a claim becomes a preparer of the settlements that bear it.
func (c *Claims) Approve(ctx context.Context, by identity.Principal,
	id string) (Receivable, error) {
	if err := refuseCashier(by); err != nil {
		return Receivable{}, err
	}
	approvedNow := false
	r, err := optimistic.RetryValue(ctx, func() (r Receivable, err error) {
		r, approvedNow, err = c.approveOnce(ctx, by, id)
		return r, err
	})
	if err == nil && approvedNow && c.Raised != nil {
		err = c.Raised(ctx, r)
	}
	return r, err
}

// approveOnce makes one try of Approve; approvedNow is false when the claim was approved before.
func (c *Claims) approveOnce(ctx context.Context, by identity.Principal,
	id string) (r Receivable, approvedNow bool, err error) {
	had, err := c.Store.FindByID(ctx, by.Tenant, id)
	if err != nil || had.State == Open {
		return had, false, err
	}
	if had.PreparedBy == by.Subject {
		return had, false,
			fault.New(fault.Forbidden, "preparer",
				"Who asked for a receivable does not confirm it; a second person does.")
	}
	today, err := c.Clock.Today(ctx)
	if err != nil {
		return had, false, fault.Temporary(err)
	}
	r = had
	r.State = Open
	r.Open = had.Amount
	r.RaisedOn = today
	r.ApprovedBy = by.Subject
	r.ApprovedAt = c.Clock.Instant()
	r.Act = c.NewID()
	record, err := auditRecordOf(r, "receivable.raised", by.Subject)
	if err != nil {
		return had, false, err
	}
	return r, true, c.Store.Approve(ctx, r, had.Act, record)
}

// auditRecordOf is the audit record of preparing or approving a claim.
func auditRecordOf(r Receivable, act, by string) (audit.Record, error) {
	what, err := json.Marshal(map[string]any{"creator_id": string(r.CreatorID),
		"paying_entity": string(r.Entity), "kind": r.Kind, "amount": r.Amount, "mcn_part": r.MCNPart,
		"document": r.Document, "max_share": r.MaxShare, "prepared_by": r.PreparedBy})
	if err != nil {
		return audit.Record{}, fault.Internal(err)
	}
	at := r.PreparedAt
	if r.State == Open {
		at = r.ApprovedAt
	}
	return audit.Record{ID: r.Act, Tenant: r.Tenant, At: at, Actor: by, Act: act, Object: r.ID,
		What: what, Why: r.Reason}, nil
}
