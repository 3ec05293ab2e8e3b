package master

import (
	"context"
	"encoding/json"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/review"
)

// datedDoc is one version of an object of any kind: its dates, and its document as stored.
type datedDoc struct {
	tenancy.Version
	doc json.RawMessage
}

// readVersions reads all versions of an object, oldest first, with their dates.
func (s *Service) readVersions(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
	id string) ([]datedDoc, error) {
	docs, err := s.Store.VersionDocs(ctx, tenant, kind, id)
	if err != nil {
		return nil, err
	}
	out := make([]datedDoc, len(docs))
	for i, doc := range docs {
		out[i].doc = doc
		if err := json.Unmarshal(doc, &out[i].Version); err != nil {
			return nil, fault.Internal(err)
		}
	}
	return out, nil
}

// Read returns the version of an object that is in force on a day, in its public form. The zero day
// means today; when no version is in force today, the newest version is returned.
//
// Errors: 3003 when there is no such object or no version in force on the given day.
func (s *Service) Read(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind, id string,
	day civil.Date) (any, error) {
	onDay, err := s.dayOrToday(ctx, day)
	if err != nil {
		return nil, err
	}
	if len(tenancy.IDProblems("id", id)) > 0 {
		return nil, fault.MissingObject(string(kind))
	}
	versions, err := s.readVersions(ctx, tenant, kind, id)
	if err != nil {
		return nil, err
	}
	found, ok := tenancy.InForce(versions, onDay)
	// Without a date a person wants to see the object, even one whose first day lies ahead.
	if !ok && day.IsZero() {
		found, ok = tenancy.LatestVersion(versions)
	}
	if !ok {
		return nil, fault.MissingObject(string(kind))
	}
	return publicForm(kind, found.doc)
}

// ReviewRules returns a tenant's review rules in force on a day, and the default rules when the
// tenant has none. The zero day means today.
func (s *Service) ReviewRules(ctx context.Context, tenant ident.Tenant,
	day civil.Date) (review.Rules, error) {
	day, err := s.dayOrToday(ctx, day)
	if err != nil {
		return review.Rules{}, err
	}
	versions, err := s.readVersions(ctx, tenant, tenancy.KindReview, tenancy.ReviewID)
	if err != nil {
		return review.Rules{}, err
	}
	base, err := review.Defaults()
	if err != nil {
		return review.Rules{}, fault.Internal(err)
	}
	found, ok := tenancy.InForce(versions, day)
	if !ok {
		return base, nil
	}
	var rules review.Rules
	if err := json.Unmarshal(found.doc, &rules); err != nil {
		return review.Rules{}, fault.Internal(err)
	}
	return rules.WithDefaults(base), nil
}

// dayOrToday returns the day, or the business date of today for the zero day.
func (s *Service) dayOrToday(ctx context.Context, day civil.Date) (civil.Date, error) {
	if !day.IsZero() {
		return day, nil
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		err = fault.Temporary(err)
	}
	return today, err
}
