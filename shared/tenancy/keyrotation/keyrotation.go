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
	pageSize   = 200              // taxpayers looked at in one read
	perWrite   = 90               // records sealed anew in one transaction; it holds 100 items
	reserve    = 20 * time.Second // a run stops so long before its time is over
	rotatedAct = "data_key.rotated"
)

// Store lists taxpayers by the age of their data keys and writes what was sealed anew.
type Store interface {
	Tenants(ctx context.Context) ([]string, error)
	// KeysBefore lists, page by page, taxpayers whose newest data key was made at or before a time.
	// The cursor is "" at the start and at the end; a page may be empty.
	ListKeysMadeBefore(ctx context.Context, tenant ident.Tenant, before time.Time, cursor string,
		limit int) ([]string, string, error)
	// Put writes a change completely or not at all. The error is optimistic.ErrRival when somebody
	// else wrote first.
	Put(ctx context.Context, c tenancy.Change) error
}

// Rotation renews data keys that are vault.MaxKeyAge old. It keeps no place of its own: the
// directory of taxpayers shows who is due, so that a run goes on where the last one stopped, and
// running twice is running once.
type Rotation struct {
	Store Store
	Vault *vault.Vault
	Now   func() time.Time
	NewID func() string
	Log   *slog.Logger
}

// errStopped means that the time of this run is nearly over.
var errStopped = errors.New("stopped before the end of the run")

// Run renews what is due. A taxpayer that fails does not stop the others; the error joins all
// failures.
func (r *Rotation) Run(ctx context.Context) error {
	tenants, err := r.Store.Tenants(ctx)
	if err != nil {
		return err
	}
	var failed []error
	renewed := 0
	for _, tenant := range tenants {
		n, err := r.tenant(ctx, ident.Tenant(tenant))
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

// tenant renews what is due of one tenant and counts the taxpayers.
func (r *Rotation) tenant(ctx context.Context, tenant ident.Tenant) (int, error) {
	var failed []error
	renewed := 0
	for cursor := ""; ; {
		due, next, err := r.Store.ListKeysMadeBefore(ctx, tenant, r.Now().Add(-vault.MaxKeyAge), cursor, pageSize)
		if err != nil {
			return renewed, errors.Join(append(failed, err)...)
		}
		for _, taxpayer := range due {
			if end, ok := ctx.Deadline(); ok && time.Until(end) < reserve {
				return renewed, errors.Join(append(failed, errStopped)...)
			}
			if err := r.taxpayer(ctx, tenant, ident.Taxpayer(taxpayer)); err != nil {
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

// taxpayer renews one taxpayer; when somebody changes its data meanwhile it looks again.
func (r *Rotation) taxpayer(ctx context.Context, tenant ident.Tenant,
	taxpayer ident.Taxpayer) error {
	return optimistic.Do(ctx, func() error {
		sealing, err := r.Vault.Renew(ctx, tenant, taxpayer)
		if err != nil || sealing.KeySince.IsZero() { // nothing is sealed of somebody without a key
			return err
		}
		return r.write(ctx, tenant, sealing)
	})
}

// write stores a renewal part by part; only the last part notes that it is complete.
func (r *Rotation) write(ctx context.Context, tenant ident.Tenant, all vault.Sealing) error {
	for {
		part := all
		part.Records = all.Records[:min(perWrite, len(all.Records))]
		all.Records, all.NewKey = all.Records[len(part.Records):], nil
		change := tenancy.Change{Sealed: []vault.Sealing{part}, Record: r.record(tenant, part)}
		if len(all.Records) == 0 {
			change.Renewed, change.RenewedAt = string(all.Taxpayer), all.KeySince
		}
		if err := r.Store.Put(ctx, change); err != nil {
			return err
		}
		if len(all.Records) == 0 {
			return nil
		}
	}
}

func (r *Rotation) record(tenant ident.Tenant, part vault.Sealing) audit.Record {
	// numbers always marshal
	what, _ := json.Marshal(
		map[string]any{"records": len(part.Records), "new_key": part.NewKey != nil})
	return audit.Record{
		ID: r.NewID(), Tenant: tenant, At: r.Now(), Actor: "system:rotate-data-keys", Act: rotatedAct,
		Object: string(part.Taxpayer), TaxID: part.Taxpayer, What: what,
	}
}
