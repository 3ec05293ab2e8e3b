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

// dated is any version of any object.
type dated struct {
	tenancy.Version
	doc json.RawMessage
}

func (s *Service) versions(ctx context.Context, tenant ident.Tenant, name tenancy.Kind,
	id string) ([]dated, error) {
	docs, err := s.Store.VersionDocs(ctx, tenant, name, id)
	if err != nil {
		return nil, err
	}
	out := make([]dated, len(docs))
	for i, doc := range docs {
		out[i].doc = doc
		if err := json.Unmarshal(doc, &out[i].Version); err != nil {
			return nil, fault.Internal(err)
		}
	}
	return out, nil
}

// Read returns the version of an object in force on a day, in its public form. The zero day is
// today; where no version is in force today, the newest one is returned. 3003 when there is none.
func (s *Service) Read(ctx context.Context, tenant ident.Tenant, name tenancy.Kind, id string,
	day civil.Date) (any, error) {
	asked, err := s.dayOrToday(ctx, day)
	if err != nil {
		return nil, err
	}
	if len(tenancy.IDProblems("id", id)) > 0 {
		return nil, fault.Absent(string(name))
	}
	versions, err := s.versions(ctx, tenant, name, id)
	if err != nil {
		return nil, err
	}
	found, ok := tenancy.InForce(versions, asked)
	if !ok && day.IsZero() {
		found, ok = tenancy.LatestVersion(versions)
	}
	if !ok {
		return nil, fault.Absent(string(name))
	}
	return show(name, found.doc)
}

// ReviewRules returns a tenant's review rules in force on a day, the defaults where it has set
// none. The zero day is today.
func (s *Service) ReviewRules(ctx context.Context, tenant ident.Tenant,
	day civil.Date) (review.Rules, error) {
	day, err := s.dayOrToday(ctx, day)
	if err != nil {
		return review.Rules{}, err
	}
	versions, err := s.versions(ctx, tenant, tenancy.KindReview, tenancy.ReviewID)
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

func (s *Service) dayOrToday(ctx context.Context, day civil.Date) (civil.Date, error) {
	if !day.IsZero() {
		return day, nil
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		err = fault.Later(err)
	}
	return today, err
}
