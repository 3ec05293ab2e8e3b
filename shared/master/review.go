package master

import (
	"context"
	"encoding/json"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/review"
)

// reviewDraft is a tenant's set of review rules as a client sends it; each tenant has one set.
type reviewDraft struct {
	selfContained
	review.Rules
}

func (d *reviewDraft) idAndVersion() (string, int) { return "", d.Version.Version }

func (d *reviewDraft) problems(call) []fault.Field {
	return append(reservedFieldProblems([2]string{"by", d.By}), d.Problems()...)
}

func (d *reviewDraft) digestContent() any { return d.Rules }

func (d *reviewDraft) findID(context.Context, *Service, call) (string, error) {
	return tenancy.ReviewID, nil
}

func (d *reviewDraft) buildWrites(_ context.Context, _ *Service, c call) (writeSet, error) {
	r := d.Rules
	r.Version = stampVersion(c, r.Version)
	return writeSet{objects: []tenancy.Object{versionObject(c, r)}}, nil
}

// ChangeReviewRules stores a new version of the tenant's review rules. The first change replaces
// the default rules and names no version.
//
// Errors: 2001 with every problem; 3002 stale_version when another change came first.
func (s *Service) ChangeReviewRules(ctx context.Context, by Caller, body []byte) (Answer, error) {
	return optimistic.RetryValue(ctx, func() (Answer, error) {
		return s.changeReviewRules(ctx, by, body)
	})
}

func (s *Service) changeReviewRules(ctx context.Context, by Caller, body []byte) (Answer, error) {
	c := call{Caller: by, kind: tenancy.KindReview, id: tenancy.ReviewID}
	latest, exists, err := s.Store.LatestVersion(ctx, c.Tenant, c.kind, c.id)
	if err != nil {
		return Answer{}, err
	}
	var head struct {
		Version int `json:"version"`
	}
	// The first change names no version, and neither does its repeat, which must not be refused for
	// it.
	namesVersion := json.Unmarshal(body, &head) != nil || head.Version != 0
	c.change = exists && namesVersion
	d, c, err := s.prepareDraft(ctx, c, body)
	if err != nil {
		return Answer{}, err
	}
	c.change = exists
	return s.replaceLatest(ctx, d, c, latest)
}
