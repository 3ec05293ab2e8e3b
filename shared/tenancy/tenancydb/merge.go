package tenancydb

import (
	"context"
	"fmt"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// merged is the directory of taxpayers that were merged: one line each, written with the merge, so
// that one query, mostly of nothing, tells of all of them. Creators keep the taxpayer that they
// were recorded with, under which their accounts are sealed, and get the survivor at reading: a
// merge writes none of them, and none can be forgotten.
const merged = "merged"

// mergers gives the survivor of each taxpayer that was merged.
type mergers map[string]string

// survivor gives the taxpayer that a taxpayer goes on as. A survivor is never merged itself, so one
// step is enough.
func (m mergers) survivor(taxpayer ident.Taxpayer) string {
	if into, ok := m[string(taxpayer)]; ok {
		return into
	}
	return string(taxpayer)
}

// mergers reads them; they may come from memory, and so be 30 seconds old. A settlement opened
// meanwhile follows when it is quoted or booked.
func (s *Store) mergers(ctx context.Context, tenant ident.Tenant) (mergers, error) {
	always := func(mergers) bool { return true }
	return recall(s.memo, keys.MasterList(tenant, merged), always, func() (mergers, error) {
		items, err := s.query(ctx, keys.MasterList(tenant, merged), "")
		if err != nil {
			return nil, err
		}
		out := make(mergers, len(items))
		for _, it := range items {
			into := dynamo.TextOf(it, taxpayerAttr)
			if into == "" {
				return nil, fault.Internal(fmt.Errorf("tenancydb: merged taxpayer %s has no survivor",
					dynamo.TextOf(it, "sk")))
			}
			out[dynamo.TextOf(it, "sk")] = into
		}
		return out, nil
	})
}

// SealingTaxpayer gives the taxpayer that a creator was recorded with, whatever it was merged into
// since.
func (s *Store) SealingTaxpayer(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator) (ident.Taxpayer, error) {
	var recorded struct {
		TaxpayerID ident.Taxpayer `json:"taxpayer_id"`
	}
	if err := s.newest(ctx, tenant, tenancy.KindCreator, string(creator), &recorded); err != nil {
		return "", err
	}
	if recorded.TaxpayerID == "" {
		return "", fault.Absent("creator")
	}
	return recorded.TaxpayerID, nil
}
