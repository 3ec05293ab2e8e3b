package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/tenancydb"
	"fenzhang/shared/vault"
)

const (
	pageSize   = 200              // taxpayers looked at in one read
	perWrite   = 90               // records sealed anew in one transaction; it holds 100 items
	reserve    = 20 * time.Second // a run stops so long before its time is over
	raceTries  = 5
	rotatedAct = "data_key.rotated"
)

// rotation renews data keys. It keeps no place of its own: who is due stands in the directory of taxpayers, so
// that a run goes on where the last one stopped, and running twice is running once.
type rotation struct {
	store *tenancydb.Store
	vault *vault.Vault
	now   func() time.Time
	newID func() string
	log   *slog.Logger
}

// errStopped tells that the time of this run is nearly over.
var errStopped = errors.New("stopped before the end of the run")

// run renews what is due. A taxpayer that fails does not stop the others; all failures are told at the end.
func (r *rotation) run(ctx context.Context) error {
	tenants, err := r.store.Tenants(ctx)
	if err != nil {
		return err
	}
	var failed []error
	renewed := 0
	for _, tenant := range tenants {
		n, err := r.tenant(ctx, tenant)
		renewed += n
		if errors.Is(err, errStopped) {
			r.log.InfoContext(ctx, "rotation goes on with the next run", "tenant", tenant, "renewed", renewed)
			return errors.Join(failed...)
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("tenant %s: %w", tenant, err))
		}
	}
	r.log.InfoContext(ctx, "rotation done", "tenants", len(tenants), "renewed", renewed, "failed", len(failed))
	return errors.Join(failed...)
}

// tenant renews what is due of one tenant and counts the taxpayers.
func (r *rotation) tenant(ctx context.Context, tenant string) (int, error) {
	var failed []error
	renewed := 0
	for cursor := ""; ; {
		due, next, err := r.store.KeysBefore(ctx, tenant, r.now().Add(-vault.MaxKeyAge), cursor, pageSize)
		if err != nil {
			return renewed, errors.Join(append(failed, err)...)
		}
		for _, taxpayer := range due {
			if end, ok := ctx.Deadline(); ok && time.Until(end) < reserve {
				return renewed, errors.Join(append(failed, errStopped)...)
			}
			if err := r.taxpayer(ctx, tenant, taxpayer); err != nil {
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
func (r *rotation) taxpayer(ctx context.Context, tenant, taxpayer string) error {
	for range raceTries {
		sealing, err := r.vault.Renew(ctx, tenant, taxpayer)
		if err != nil || sealing.KeySince.IsZero() { // nothing is sealed of somebody without a key
			return err
		}
		if err = r.write(ctx, tenant, sealing); !errors.Is(err, tenancy.ErrRaced) {
			return err
		}
	}
	return tenancy.ErrRaced
}

// write stores a renewal part by part; only the last part notes that it is complete.
func (r *rotation) write(ctx context.Context, tenant string, all vault.Sealing) error {
	for {
		part := all
		part.Records = all.Records[:min(perWrite, len(all.Records))]
		all.Records, all.NewKey = all.Records[len(part.Records):], nil
		change := tenancy.Change{Sealed: []vault.Sealing{part}, Record: r.record(tenant, part)}
		if len(all.Records) == 0 {
			change.Renewed, change.RenewedAt = all.Taxpayer, all.KeySince
		}
		if err := r.store.Put(ctx, change); err != nil {
			return err
		}
		if len(all.Records) == 0 {
			return nil
		}
	}
}

func (r *rotation) record(tenant string, part vault.Sealing) audit.Record {
	what, _ := json.Marshal(map[string]any{"records": len(part.Records), "new_key": part.NewKey != nil}) // numbers always marshal
	return audit.Record{
		ID: r.newID(), Tenant: tenant, At: r.now(), Actor: "system:rotate-data-keys", Act: rotatedAct,
		Object: part.Taxpayer, TaxID: part.Taxpayer, What: what,
	}
}
