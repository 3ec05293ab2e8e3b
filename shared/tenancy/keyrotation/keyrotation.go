// Package keyrotation renews the data keys under which the personal data of taxpayers is sealed.
package keyrotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/vault"
)

const (
	pageSize = 200 // number of taxpayers read at once from the directory
	// number of records resealed in one transaction, which may hold 100 items
	perWrite = 90
	// a run of the rotation stops when less than this is left of its time
	reserve    = 20 * time.Second
	rotatedAct = "data_key.rotated"
)

// Store lists taxpayers by the age of their data keys and stores resealed records.
type Store interface {
	Tenants(ctx context.Context) ([]string, error)
	// ListKeysMadeBefore lists, page by page, the taxpayers whose newest data key was made at or
	// before a time. The cursor is "" for the first page and after the last one; a page may be empty.
	ListKeysMadeBefore(ctx context.Context, tenant ident.Tenant, before time.Time, cursor string,
		limit int) ([]string, string, error)
	// Put stores a change completely or not at all. Put returns optimistic.ErrRival when another write
	// came first.
	Put(ctx context.Context, c tenancy.Change) error
}

// Rotation replaces data keys that are vault.MaxKeyAge old. Rotation stores no progress of its own:
// the directory of taxpayers shows whose key is old, so a run continues where the last one stopped,
// and a second run has nothing to do.
type Rotation struct {
	Store Store
	Vault *vault.Vault
	Now   func() time.Time
	NewID func() string
	Log   *slog.Logger
}

// errStopped ends a run whose time is nearly over.
var errStopped = errors.New("stopped before the end of the run")

// Run reseals the personal data of every taxpayer whose data key is due. A failing taxpayer does
// not stop the others; the error joins all failures.
func (r *Rotation) Run(ctx context.Context) error {
	tenants, err := r.Store.Tenants(ctx)
	if err != nil {
		return err
	}
	var failed []error
	renewed := 0
	for _, tenant := range tenants {
		n, err := r.renewTenant(ctx, ident.Tenant(tenant))
		renewed += n
		if errors.Is(err, errStopped) {
			r.Log.InfoContext(ctx, "rotation goes on with the next run", "tenant", tenant, "renewed",
				renewed)
			return errors.Join(failed...)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("tenant %s: %w", tenant, err))
		}
	}
	r.Log.InfoContext(ctx, "rotation done", "tenants", len(tenants), "renewed", renewed, "failed",
		len(failed))
	return errors.Join(failed...)
}

// renewTenant renews the keys that are due in one tenant and returns the number of renewed
// taxpayers.
func (r *Rotation) renewTenant(ctx context.Context, tenant ident.Tenant) (int, error) {
	var failed []error
	renewed := 0
	for cursor := ""; ; {
		due, next, err := r.Store.ListKeysMadeBefore(ctx, tenant, r.Now().Add(-vault.MaxKeyAge), cursor,
			pageSize)
		if err != nil {
			return renewed, errors.Join(append(failed, err)...)
		}
		for _, taxpayer := range due {
			// A taxpayer that is begun should be finished, so the run stops before its time is over.
			if end, ok := ctx.Deadline(); ok && time.Until(end) < reserve {
				return renewed, errors.Join(append(failed, errStopped)...)
			}
			if err := r.renewTaxpayer(ctx, tenant, ident.Taxpayer(taxpayer)); err != nil {
				failed = append(failed, fmt.Errorf("taxpayer %s: %w", taxpayer, err))
				continue
			}
			renewed++
		}
		if next == "" {
			return renewed, errors.Join(failed...)
		}
		cursor = next
	}
}

// renewTaxpayer renews the key of one taxpayer; it starts again when the taxpayer's data changes
// meanwhile.
func (r *Rotation) renewTaxpayer(ctx context.Context, tenant ident.Tenant,
	taxpayer ident.Taxpayer) error {
	return optimistic.Retry(ctx, func() error {
		sealing, err := r.Vault.Renew(ctx, tenant, taxpayer)
		// A taxpayer without a data key has no sealed data.
		if err != nil || sealing.KeySince.IsZero() {
			return err
		}
		return r.storeRenewal(ctx, tenant, sealing)
	})
}

// storeRenewal stores a renewal in parts that fit into a transaction. Only the last part writes
// that the renewal is complete, so that an interrupted one is continued by the next run.
func (r *Rotation) storeRenewal(ctx context.Context, tenant ident.Tenant, all vault.Sealing) error {
	for {
		part := all
		part.Records = all.Records[:min(perWrite, len(all.Records))]
		all.Records = all.Records[len(part.Records):]
		all.NewKey = nil // stored with the first part
		change := tenancy.Change{Sealed: []vault.Sealing{part}, Record: r.auditRecord(tenant, part)}
		if len(all.Records) == 0 {
			change.Renewed = string(all.Taxpayer)
			change.RenewedAt = all.KeySince
		}
		if err := r.Store.Put(ctx, change); err != nil {
			return err
		}
		if len(all.Records) == 0 {
			return nil
		}
	}
}

// auditRecord returns the audit record of one stored part of a renewal.
func (r *Rotation) auditRecord(tenant ident.Tenant, part vault.Sealing) audit.Record {
	// A map of a number and a boolean always marshals.
	what, _ := json.Marshal(
		map[string]any{"records": len(part.Records), "new_key": part.NewKey != nil})
	return audit.Record{
		ID: r.NewID(), Tenant: tenant, At: r.Now(), Actor: "system:rotate-data-keys", Act: rotatedAct,
		Object: string(part.Taxpayer), TaxID: part.Taxpayer, What: what,
	}
}
