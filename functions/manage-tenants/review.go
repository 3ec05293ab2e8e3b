package main

import (
	"context"
	"encoding/json"

	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/review"
	"fenzhang/shared/tenancy/tenancydb"
)

// reviewDraft is the tenant's only set of review rules.
type reviewDraft struct {
	alone
	review.Rules
}

func (d *reviewDraft) head() (string, int) { return "", d.Version.Version }

func (d *reviewDraft) problems(call) []fault.Field {
	return append(foreign([2]string{"by", d.By}), d.Problems()...)
}

func (d *reviewDraft) content() any { return d.Rules }

func (d *reviewDraft) locate(context.Context, *service, call) (string, error) {
	return tenancydb.ReviewID, nil
}

func (d *reviewDraft) build(_ context.Context, _ *service, c call) (written, error) {
	r := d.Rules
	r.Version = stamped(c, r.Version)
	return written{objects: []tenancydb.Object{versionOf(c, r)}}, nil
}

func reviewKind() kind {
	return kind{name: tenancydb.Review, path: "/v1/review-rules", draft: func() draft { return &reviewDraft{} }, show: show[review.Rules]}
}

// putReview adds a version to the tenant's review rules; the first one is made over the defaults.
func (s *service) putReview(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	k := reviewKind()
	latest, exists, err := s.store.Latest(ctx, r.Tenant, k.name, tenancydb.ReviewID)
	if err != nil {
		return httpapi.Response{}, err
	}
	r.Params = map[string]string{"id": tenancydb.ReviewID}
	var head struct {
		Version int `json:"version"`
	}
	named := json.Unmarshal(r.Body, &head) != nil || head.Version != 0 // the first change names none, nor does its repeat
	d, c, err := s.begin(ctx, r, k, exists && named)
	if err != nil {
		return httpapi.Response{}, err
	}
	seen := d.(*reviewDraft).Version.Version
	switch {
	case exists && seen == latest.Version-1 && latest.Digest == c.digest: // our own change, its answer was lost
		shown, err := k.show(latest.Doc)
		return httpapi.OK(shown).Replayed(), err
	case seen != latest.Version:
		return httpapi.Response{}, stale()
	}
	c.version, c.previous, c.change = latest.Version+1, latest.Doc, exists
	return s.write(ctx, r, k, d, c)
}

// getReview answers the rules in force on the day of ?date=, today where none is named.
func (s *service) getReview(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	day, _, err := s.day(ctx, r)
	if err != nil {
		return httpapi.Response{}, err
	}
	versions, err := tenancydb.Versions[dated](ctx, s.store, r.Tenant, tenancydb.Review, tenancydb.ReviewID)
	if err != nil {
		return httpapi.Response{}, err
	}
	base, err := review.Defaults()
	if err != nil {
		return httpapi.Response{}, fault.Internal(err)
	}
	found, ok := tenancy.InForce(versions, day)
	if !ok {
		return httpapi.OK(base), nil
	}
	var rules review.Rules
	if err := json.Unmarshal(found.doc, &rules); err != nil {
		return httpapi.Response{}, fault.Internal(err)
	}
	return httpapi.OK(rules.Over(base)), nil
}
