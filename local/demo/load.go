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

// loadMaster posts the master data of all tenants, kind by kind, since each kind names objects of
// the one before.
func (d *demo) loadMaster(ctx context.Context) error {
	for _, tenant := range d.Tenants {
		m := d.Master[tenant]
		for _, set := range []struct {
			kind    apiclient.Kind
			objects []any
		}{
			{apiclient.PayingEntities, anys(m.PayingEntities)}, {apiclient.Taxpayers, anys(m.Taxpayers)},
			{apiclient.Creators, anys(m.Creators)},
			{apiclient.Contracts, anys(m.Contracts)}, {apiclient.Strategies, anys(m.Strategies)},
		} {
			if err := d.create(ctx, ident.Tenant(tenant), set.kind, set.objects); err != nil {
				return err
			}
		}
		for _, p := range m.Positions {
			if err := d.decide(ctx, ident.Tenant(tenant), p); err != nil {
				return err
			}
		}
	}
	return nil
}

func anys[T any](items []T) []any {
	out := make([]any, len(items))
	for i, item := range items {
		out[i] = item
	}
	return out
}

// create posts objects of one kind. An object that is there already is fine: the demo ran before.
func (d *demo) create(ctx context.Context, tenant ident.Tenant, kind apiclient.Kind,
	objects []any) error {
	admin, err := d.as(tenant, "admin")
	if err != nil {
		return err
	}
	var made, there atomic.Int64
	err = each(ctx, d.callers, objects, func(ctx context.Context, object any) error {
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
		d.report.say("%-10s %-16s %d made, %d there already", tenant, kind, made.Load(), there.Load())
	}
	return err
}

// decide records a tax position and has a second person approve it.
func (d *demo) decide(ctx context.Context, tenant ident.Tenant, p apiclient.Position) error {
	if err := d.create(ctx, tenant, apiclient.Positions, []any{p}); err != nil {
		return err
	}
	second, err := d.as(tenant, "approver")
	if err != nil {
		return err
	}
	if err := second.ApprovePosition(ctx, p.PositionID); err != nil && !apiclient.IsConflict(err) {
		return fmt.Errorf("approve position %s: %w", p.PositionID, err)
	}
	d.report.say("%-10s position %s on %s approved by a second person", tenant, p.PositionID, p.Rule)
	return nil
}

// loadAll makes the master data of the delivery and of the agency whose month is played.
func (d *demo) loadAll(ctx context.Context) error {
	if err := d.loadMaster(ctx); err != nil {
		return err
	}
	return d.month.load(ctx)
}
