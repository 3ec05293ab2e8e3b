package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync/atomic"

	"fenzhang/local/apiclient"
	"fenzhang/shared/ident"
)

// loadMaster posts the master data of all tenants, one kind after the other, because objects of a
// kind refer to objects of the kind before.
func (d *demo) loadMaster(ctx context.Context) error {
	for _, tenant := range d.Tenants {
		m := d.Master[tenant]
		for _, set := range []struct {
			kind    apiclient.Kind
			objects []any
		}{
			{apiclient.PayingEntities, toAny(m.PayingEntities)}, {apiclient.Taxpayers, toAny(m.Taxpayers)},
			{apiclient.Creators, toAny(m.Creators)},
			{apiclient.Contracts, toAny(m.Contracts)}, {apiclient.Strategies, toAny(m.Strategies)},
		} {
			if err := d.createObjects(ctx, ident.Tenant(tenant), set.kind, set.objects); err != nil {
				return err
			}
		}
		for _, p := range m.Positions {
			if err := d.decidePosition(ctx, ident.Tenant(tenant), p); err != nil {
				return err
			}
		}
	}
	return nil
}

// toAny returns a list whose elements have the type any.
func toAny[T any](items []T) []any {
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = item
	}
	return out
}

// createObjects posts objects of one kind. An object that exists already is no error, because the
// demo may have run before.
func (d *demo) createObjects(ctx context.Context, tenant ident.Tenant, kind apiclient.Kind,
	objects []any) error {
	admin, err := d.clientAs(tenant, "admin")
	if err != nil {
		return err
	}
	var made, there atomic.Int64
	err = forEach(ctx, d.callers, objects, func(ctx context.Context, object any) error {
		_, answer, err := admin.Create(ctx, kind, object)
		switch {
		case apiclient.IsConflict(err) || (err == nil && answer.Status == http.StatusOK):
			there.Add(1)
		case err != nil:
			body, _ := json.Marshal(object)
			return fmt.Errorf("%s %s: %w", kind, body, err)
		default:
			made.Add(1)
		}
		return nil
	})
	if len(objects) > 0 {
		d.report.printf("%-10s %-16s %d made, %d there already", tenant, kind, made.Load(), there.Load())
	}
	return err
}

// decidePosition records a tax position and has a second person approve it.
func (d *demo) decidePosition(ctx context.Context, tenant ident.Tenant,
	p apiclient.Position) error {
	if err := d.createObjects(ctx, tenant, apiclient.Positions, []any{p}); err != nil {
		return err
	}
	second, err := d.clientAs(tenant, "approver")
	if err != nil {
		return err
	}
	if err := second.ApprovePosition(ctx, p.PositionID); err != nil && !apiclient.IsConflict(err) {
		return fmt.Errorf("approve position %s: %w", p.PositionID, err)
	}
	d.report.printf("%-10s position %s on %s approved by a second person", tenant, p.PositionID,
		p.Rule)
	return nil
}

// loadAllMaster posts the master data of the sample data and of the agency whose month is played.
func (d *demo) loadAllMaster(ctx context.Context) error {
	if err := d.loadMaster(ctx); err != nil {
		return err
	}
	return d.month.loadMonthMaster(ctx)
}
