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

// mergedKind is the kind in whose directory merged taxpayers are entered, one entry for each merge.
// One query, which mostly finds nothing, reads all of them. Creators keep the taxpayer with which
// they were recorded, because their accounts are sealed under its keys; readers replace it by the
// taxpayer that goes on. So a merge writes no creator and can forget none.
const mergedKind = "merged"

// survivors maps each merged taxpayer to the taxpayer that goes on for it.
type survivors map[string]string

// survivorOf returns the taxpayer that goes on for a taxpayer, or the taxpayer itself when it was
// not merged. A taxpayer that goes on is never merged itself, so one step is enough.
func (m survivors) survivorOf(taxpayer ident.Taxpayer) string {
	if into, ok := m[string(taxpayer)]; ok {
		return into
	}
	return string(taxpayer)
}

// readSurvivors reads all merged taxpayers of a tenant. The result may come from memory and be 30
// seconds old; a settlement opened meanwhile moves to the other taxpayer when it is quoted or
// booked.
func (s *Store) readSurvivors(ctx context.Context, tenant ident.Tenant) (survivors, error) {
	always := func(survivors) bool { return true }
	return recallOrLoad(s.memo, keys.MasterList(tenant, mergedKind), always,
		func() (survivors, error) {
			items, err := s.queryPartition(ctx, keys.MasterList(tenant, mergedKind), "")
			if err != nil {
				return nil, err
			}
			out := make(survivors, len(items))
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

// SealingTaxpayer returns the taxpayer with which a creator was recorded and under whose keys its
// account is sealed, whatever merges followed. Errors: 3003 when there is no such creator.
func (s *Store) SealingTaxpayer(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator) (ident.Taxpayer, error) {
	var recorded struct {
		TaxpayerID ident.Taxpayer `json:"taxpayer_id"`
	}
	if err := s.readNewestInto(ctx, tenant, tenancy.KindCreator, string(creator),
		&recorded); err != nil {
		return "", err
	}
	if recorded.TaxpayerID == "" {
		return "", fault.MissingObject("creator")
	}
	return recorded.TaxpayerID, nil
}
