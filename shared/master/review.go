package master

import (
	"context"
	"encoding/json"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/review"
)

// reviewDraft is the tenant's only set of review rules.
type reviewDraft struct {
	alone
	review.Rules
}

func (d *reviewDraft) head() (string, int) { return "", d.Version.Version }

func (d *reviewDraft) problems(call) []fault.Field {
	return append(reserved([2]string{"by", d.By}), d.Problems()...)
}

func (d *reviewDraft) content() any { return d.Rules }

func (d *reviewDraft) locate(context.Context, *Service, call) (string, error) {
	return tenancy.ReviewID, nil
}

func (d *reviewDraft) build(_ context.Context, _ *Service, c call) (written, error) {
	r := d.Rules
	r.Version = stamped(c, r.Version)
	return written{objects: []tenancy.Object{versionOf(c, r)}}, nil
}

// ChangeReviewRules adds a version to the tenant's review rules; the first one is made over the
// defaults.
//
// Errors: 2001 with every problem; 3002 stale_version when another change came first.
func (s *Service) ChangeReviewRules(ctx context.Context, by Caller, body []byte) (Answer, error) {
	return optimistic.Value(ctx, func() (Answer, error) { return s.changeReview(ctx, by, body) })
}

func (s *Service) changeReview(ctx context.Context, by Caller, body []byte) (Answer, error) {
	c := call{Caller: by, kind: tenancy.KindReview, id: tenancy.ReviewID}
	latest, exists, err := s.Store.LatestVersion(ctx, c.Tenant, c.kind, c.id)
	if err != nil {
		return Answer{}, err
	}
	var head struct {
		Version int `json:"version"`
	}
	// the first change names none, nor does its repeat
	named := json.Unmarshal(body, &head) != nil || head.Version != 0
	c.change = exists && named
	d, c, err := s.begin(ctx, c, body)
	if err != nil {
		return Answer{}, err
	}
	c.change = exists
	return s.replace(ctx, d, c, latest)
}
