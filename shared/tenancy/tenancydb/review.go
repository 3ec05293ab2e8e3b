package tenancydb

import (
	"context"
	"encoding/json"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/review"
)

// ReviewRules returns a tenant's review rules in force on a day, and the default rules when the
// tenant has none. The rules may come from memory and be 30 seconds old.
func (s *Store) ReviewRules(ctx context.Context, tenant ident.Tenant,
	day civil.Date) (review.Rules, error) {
	base, err := review.Defaults()
	if err != nil {
		return base, fault.Internal(err)
	}
	always := func([]review.Rules) bool { return true }
	versions, err := recallOrLoad(s.memo,
		keys.MasterVersion(tenant, string(tenancy.KindReview), tenancy.ReviewID,
			1).PK, always, func() ([]review.Rules, error) {
			return ReadVersions[review.Rules](ctx, s, tenant, tenancy.KindReview, tenancy.ReviewID)
		})
	if err != nil {
		return base, err
	}
	if found, ok := tenancy.InForce(versions, day); ok {
		return found.WithDefaults(base), nil
	}
	return base, nil
}

// HolderIsTaxpayer reports whether the holder of a creator's payout account has the name of its
// taxpayer, by comparing keyed hashes of the newest versions. known is false when one of the hashes
// was never stored. When the creator's taxpayer was merged, the account may be held under the name
// of either record.
func (s *Store) HolderIsTaxpayer(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	taxpayer ident.Taxpayer) (same, known bool, err error) {
	var holder struct {
		Hash     string `json:"holder_hash"`
		Recorded string `json:"taxpayer_id"`
	}
	if err := s.readNewestInto(ctx, tenant, tenancy.KindCreator, string(creator),
		&holder); err != nil {
		return false, false, err
	}
	names := []string{string(taxpayer)}
	if holder.Recorded != "" && ident.Taxpayer(holder.Recorded) != taxpayer {
		names = append(names, holder.Recorded)
	}
	for _, id := range names {
		var owner struct {
			Hash string `json:"name_hash"`
		}
		if err := s.readNewestInto(ctx, tenant, tenancy.KindTaxpayer, id, &owner); err != nil {
			return false, false, err
		}
		same = same || holder.Hash == owner.Hash
		known = known || owner.Hash != ""
	}
	return same, known && holder.Hash != "", nil
}

// readNewestInto decodes the newest version of an object into a struct; it leaves the struct
// unchanged when there is no such object.
func (s *Store) readNewestInto(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
	id string,
	into any) error {
	found, exists, err := s.LatestVersion(ctx, tenant, kind, id)
	if err != nil || !exists {
		return err
	}
	if err := json.Unmarshal(found.Doc, into); err != nil {
		return fault.Internal(err)
	}
	return nil
}
