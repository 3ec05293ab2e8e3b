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

// ReviewRules finds a tenant's rules of review in force on a day; the defaults where it has set
// none. They may come from memory, and so be 30 seconds old.
func (s *Store) ReviewRules(ctx context.Context, tenant ident.Tenant,
	day civil.Date) (review.Rules, error) {
	base, err := review.Defaults()
	if err != nil {
		return base, fault.Internal(err)
	}
	always := func([]review.Rules) bool { return true }
	versions, err := recall(s.memo, keys.Master(tenant, string(tenancy.KindReview), tenancy.ReviewID,
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

// HolderIsTaxpayer compares the keyed hash of the holder of a creator's payout account with that of
// its taxpayer's name, as both were last recorded; known is false where one of the hashes was never
// kept. A person of two records that were merged may hold the account by the name of either.
func (s *Store) HolderIsTaxpayer(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	taxpayer ident.Taxpayer) (same, known bool, err error) {
	var holder struct {
		Hash     string `json:"holder_hash"`
		Recorded string `json:"taxpayer_id"`
	}
	if err := s.newest(ctx, tenant, tenancy.KindCreator, string(creator), &holder); err != nil {
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
		if err := s.newest(ctx, tenant, tenancy.KindTaxpayer, id, &owner); err != nil {
			return false, false, err
		}
		same = same || holder.Hash == owner.Hash
		known = known || owner.Hash != ""
	}
	return same, known && holder.Hash != "", nil
}

// newest reads fields of an object's newest version.
func (s *Store) newest(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind, id string,
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
