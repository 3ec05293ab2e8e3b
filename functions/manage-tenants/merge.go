package main

import (
	"context"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/tenancydb"
)

// carrier does what follows from a merge outside of the master data: tax rows and open settlements.
type carrier interface {
	Carry(ctx context.Context, tenant, from, into, by string) error
}

// mergeDraft asks to merge the taxpayer of the path into another one.
type mergeDraft struct {
	Into    string `json:"into"`
	Reason  string `json:"reason"`
	Version int    `json:"version"`
}

// maxReason bounds the reason of a merge, in bytes.
const maxReason = 500

func (d mergeDraft) problems(id string) []fault.Field {
	found := tenancy.IDProblems("into", d.Into)
	if d.Into == id {
		found = append(found, fault.Field{Field: "into", Problem: "is the taxpayer itself"})
	}
	if d.Reason == "" || len(d.Reason) > maxReason {
		found = append(found, fault.Field{Field: "reason", Problem: "must be 1 to 500 bytes"})
	}
	if d.Version < 1 {
		found = append(found, fault.Field{Field: "version", Problem: "must be the version that you read"})
	}
	return found
}

// asked tells whether a person has asked for this merge already.
func (d mergeDraft) asked(by string, m *tenancy.Merge) bool {
	return m != nil && m.Into == d.Into && m.Reason == d.Reason && m.AskedBy == by
}

func taxpayerKind() kind { return kind{name: tenancydb.Taxpayer, show: show[tenancy.Taxpayer]} }

// askMerge keeps a request to merge two taxpayers for a second person. A later request takes its place.
func (s *service) askMerge(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var d mergeDraft
	if err := r.JSON(&d); err != nil {
		return httpapi.Response{}, err
	}
	if problems := d.problems(r.Params["id"]); len(problems) > 0 {
		return httpapi.Response{}, fault.Invalid(problems...)
	}
	latest, err := s.latest(ctx, r.Tenant, tenancydb.Taxpayer, r.Params["id"])
	if err != nil {
		return httpapi.Response{}, err
	}
	t, err := readTaxpayer(latest.Doc)
	if err != nil {
		return httpapi.Response{}, err
	}
	if d.asked(r.Subject, t.Merge) && (t.MergedInto != "" || d.Version == latest.Version-1) {
		return httpapi.OK(t.Taxpayer).Replayed(), nil
	}
	if _, _, err := s.mergeable(ctx, r.Tenant, t, d.Into); err != nil {
		return httpapi.Response{}, err
	}
	if d.Version != latest.Version {
		return httpapi.Response{}, stale()
	}
	t.Merge = &tenancy.Merge{Into: d.Into, Reason: d.Reason, AskedBy: r.Subject, AskedAt: s.clock.Instant()}
	t.Version, t.By = latest.Version+1, r.Subject
	w := written{taxpayer: t.TaxpayerID, why: d.Reason, objects: []tenancydb.Object{taxpayerVersion(t, latest)}}
	return s.commit(ctx, r, taxpayerKind(), w, "taxpayer.merge_asked")
}

func taxpayerVersion(t storedTaxpayer, latest tenancydb.Stored) tenancydb.Object {
	return tenancydb.Object{Kind: tenancydb.Taxpayer, ID: t.TaxpayerID, Version: t.Version, Doc: t, Digest: latest.Digest, MergedInto: t.MergedInto}
}

// mergeable reads the taxpayer that t is to be merged into, and refuses what cannot be one person or has another
// survivor. Only one step ever leads from a taxpayer to its survivor.
func (s *service) mergeable(ctx context.Context, tenant string, t storedTaxpayer, into string) (storedTaxpayer, tenancydb.Stored, error) {
	var none storedTaxpayer
	switch {
	case t.MergedInto != "":
		return none, tenancydb.Stored{}, fault.New(fault.IllegalMove, "already_merged", "This taxpayer was merged into "+t.MergedInto+" already.")
	case len(t.Merged) > 0:
		return none, tenancydb.Stored{}, fault.New(fault.IllegalMove, "has_merged", "Others were merged into this taxpayer, and one step leads from a record to the one that goes on: merge the other one into this one instead. Where others were merged into that one too, the two stay apart.")
	}
	latest, exists, err := s.store.Latest(ctx, tenant, tenancydb.Taxpayer, into)
	if err != nil {
		return none, latest, err
	}
	if !exists {
		return none, latest, fault.Invalid(fault.Field{Field: "into", Problem: "names no taxpayer of yours"})
	}
	other, err := readTaxpayer(latest.Doc)
	if err != nil {
		return none, latest, err
	}
	if other.MergedInto != "" {
		return none, latest, fault.New(fault.IllegalMove, "into_merged", into+" was itself merged into "+other.MergedInto+"; merge into that one.")
	}
	if problems := tenancy.MergeProblems(t.Taxpayer, other.Taxpayer); len(problems) > 0 {
		return none, latest, fault.Invalid(problems...)
	}
	return other, latest, nil
}

// approveMerge is the second person's yes. Both records change in one act; rows and open settlements follow. Called
// again, it finishes what could not follow then.
func (s *service) approveMerge(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var t storedTaxpayer
	latest, err := s.approved(ctx, r, tenancydb.Taxpayer, &t)
	if err != nil {
		return httpapi.Response{}, err
	}
	switch {
	case t.Merge == nil:
		return httpapi.Response{}, fault.New(fault.IllegalMove, "nothing_to_approve", "Nobody has asked to merge this taxpayer.")
	case t.MergedInto != "":
		return httpapi.OK(t.Taxpayer).Replayed(), s.merging.Carry(ctx, r.Tenant, t.TaxpayerID, t.MergedInto, t.Merge.AskedBy)
	case t.Merge.AskedBy == r.Subject:
		return httpapi.Response{}, fault.New(fault.Forbidden, "second_person", "You asked for this merge yourself; a second person must approve it.")
	}
	into, before, err := s.mergeable(ctx, r.Tenant, t, t.Merge.Into)
	if err != nil {
		return httpapi.Response{}, err
	}
	m := *t.Merge
	m.ApprovedBy, m.ApprovedAt = r.Subject, s.clock.Instant()
	t.Merge, t.MergedInto, t.Version, t.By, t.From = &m, m.Into, latest.Version+1, m.AskedBy, civil.Date{} // in force at once
	into.Merged = append(slices.Clip(into.Merged), t.TaxpayerID)
	into.Version, into.By = before.Version+1, m.AskedBy
	w := written{taxpayer: t.TaxpayerID, why: m.Reason, objects: []tenancydb.Object{taxpayerVersion(t, latest), taxpayerVersion(into, before)}}
	res, err := s.commit(ctx, r, taxpayerKind(), w, "taxpayer.merged")
	if err != nil {
		return res, err
	}
	return res, s.merging.Carry(ctx, r.Tenant, t.TaxpayerID, m.Into, m.AskedBy)
}

// survivor gives the taxpayer that t goes on as.
func (s *service) survivor(ctx context.Context, tenant string, t storedTaxpayer) (storedTaxpayer, error) {
	if t.MergedInto == "" {
		return t, nil
	}
	latest, err := s.latest(ctx, tenant, tenancydb.Taxpayer, t.MergedInto)
	if err != nil {
		return t, err
	}
	return readTaxpayer(latest.Doc)
}

// entityIDs lists the ids of a tenant's paying entities.
func (s *service) entityIDs(ctx context.Context, tenant string) ([]string, error) {
	var ids []string
	for cursor := ""; ; {
		page, next, err := s.store.Entities(ctx, tenant, cursor, 1000)
		if err != nil {
			return nil, err
		}
		for _, e := range page {
			ids = append(ids, e.EntityID)
		}
		if cursor = next; cursor == "" {
			return ids, nil
		}
	}
}
