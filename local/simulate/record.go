package main

import (
	"context"
	"encoding/json"

	"fenzhang/shared/ident"
	"fenzhang/shared/income"
)

// record uploads lines and gives those that were answered with 2xx, and whether some are to be sent
// again.
func (w *world) record(ctx context.Context, tenant ident.Tenant, docs []json.RawMessage,
	about []linePromise) (kept []linePromise, again bool) {
	results, err := w.recorder.RecordUpload(ctx,
		income.Upload{Tenant: tenant, By: string("operator@" + tenant), Lines: docs})
	if err != nil {
		return nil, true
	}
	for i, r := range results {
		if r.Err != nil {
			again = again || later(r.Err)
			continue
		}
		p := about[i]
		p.bucket = r.Bucket
		kept = append(kept, p)
	}
	return kept, again
}

// count records events and gives those that were answered with 2xx, and whether some are to be sent
// again.
func (w *world) count(ctx context.Context, tenant ident.Tenant,
	docs []json.RawMessage) (kept []eventPromise, again bool) {
	results, err := w.incentives.RecordEvents(ctx, tenant, docs)
	if err != nil {
		return nil, true
	}
	for _, r := range results {
		if r.Err != nil {
			again = again || later(r.Err)
			continue
		}
		kept = append(kept, eventPromise{tenant: tenant, id: r.EventID, digest: r.Recorded.Digest})
	}
	return kept, again
}
