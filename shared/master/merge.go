package master

import (
	"context"
	"slices"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// MergeFollowUp does what follows from a merge outside of the master data: tax rows and open settlements.
type MergeFollowUp interface {
	ApplyMerge(ctx context.Context, tenant ident.Tenant, from, into, by string) error
}

// MergeRequest asks to merge a taxpayer into another one.
type MergeRequest struct {
	Into    string `json:"into"`
	Reason  string `json:"reason"`
	Version int    `json:"version"` // of the taxpayer, as it was read
}

// maxReason bounds the reason of a merge, in bytes.
const maxReason = 500

func (m MergeRequest) problems(id string) []fault.Field {
	found := tenancy.IDProblems("into", m.Into)
	if m.Into == id {
		found = append(found, fault.Field{Field: "into", Problem: "is the taxpayer itself"})
	}
	if m.Reason == "" || len(m.Reason) > maxReason {
		found = append(found, fault.Field{Field: "reason", Problem: "must be 1 to 500 bytes"})
	}
	if m.Version < 1 {
		found = append(found, fault.Field{Field: "version", Problem: "must be the version that you read"})
	}
	return found
}

// isAsked reports whether a person has asked for this merge already.
func (m MergeRequest) isAsked(by string, asked *tenancy.Merge) bool {
	return asked != nil && asked.Into == ident.Taxpayer(m.Into) && asked.Reason == m.Reason &&
		asked.AskedBy == by
}

// RequestMerge keeps a request to merge two taxpayers for a second person. A later request replaces
// it.
//
// Errors: 2001 with every problem; 3001 already_merged, has_merged, into_merged; 3002
// stale_version; 3003.
func (s *Service) RequestMerge(ctx context.Context, by Caller, id string,
	m MergeRequest) (Answer, error) {
	if problems := m.problems(id); len(problems) > 0 {
		return Answer{}, fault.Invalid(problems...)
	}
	return optimistic.Value(ctx, func() (Answer, error) { return s.requestMerge(ctx, by, id, m) })
}

func (s *Service) requestMerge(ctx context.Context, by Caller, id string,
	m MergeRequest) (Answer, error) {
	var t storedTaxpayer
	latest, err := s.read(ctx, by.Tenant, tenancy.KindTaxpayer, id, &t)
	if err != nil {
		return Answer{}, err
	}
	if m.isAsked(by.Subject, t.Merge) && (t.MergedInto != "" || m.Version == latest.Version-1) {
		return Answer{t.Taxpayer, true}, nil
	}
	if _, _, err := s.mergeable(ctx, by.Tenant, t, m.Into); err != nil {
		return Answer{}, err
	}
	if m.Version != latest.Version {
		return Answer{}, stale()
	}
	t.Merge = &tenancy.Merge{Into: ident.Taxpayer(m.Into), Reason: m.Reason, AskedBy: by.Subject,
		AskedAt: s.Clock.Instant()}
	t.Version = latest.Version + 1
	t.By = by.Subject
	w := written{taxpayer: t.TaxpayerID, why: m.Reason,
		objects: []tenancy.Object{taxpayerVersion(t, latest)}}
	return s.commit(ctx, by, w, "taxpayer.merge_asked")
}

func taxpayerVersion(t storedTaxpayer, latest tenancy.Stored) tenancy.Object {
	return tenancy.Object{Kind: tenancy.KindTaxpayer, ID: string(t.TaxpayerID), Version: t.Version,
		Doc: t, Digest: latest.Digest,
		MergedInto: t.MergedInto}
}

// mergeable reads the taxpayer that t is to be merged into, and refuses what cannot be one person
// or has another survivor. Only one step ever leads from a taxpayer to its survivor.
func (s *Service) mergeable(ctx context.Context, tenant ident.Tenant, t storedTaxpayer,
	into string) (storedTaxpayer, tenancy.Stored, error) {
	var none storedTaxpayer
	switch {
	case t.MergedInto != "":
		return none, tenancy.Stored{},
			fault.New(fault.IllegalMove, "already_merged", "This taxpayer was merged into "+t.MergedInto+
				" already.")
	case len(t.Merged) > 0:
		return none, tenancy.Stored{},
			fault.New(fault.IllegalMove, "has_merged",
				"Others were merged into this taxpayer, and one step leads from a record to the one that "+
					"goes on: merge the other one into this one instead. Where others were merged into that one "+
					"too, the two stay apart.")
	}
	latest, exists, err := s.Store.LatestVersion(ctx, tenant, tenancy.KindTaxpayer, into)
	if err != nil {
		return none, latest, err
	}
	if !exists {
		return none, latest,
			fault.Invalid(fault.Field{Field: "into", Problem: "names no taxpayer of yours"})
	}
	other, err := readTaxpayer(latest.Doc)
	if err != nil {
		return none, latest, err
	}
	if other.MergedInto != "" {
		return none, latest,
			fault.New(fault.IllegalMove, "into_merged", into+" was itself merged into "+other.MergedInto+
				"; merge into that one.")
	}
	if problems := tenancy.MergeProblems(t.Taxpayer, other.Taxpayer); len(problems) > 0 {
		return none, latest, fault.Invalid(problems...)
	}
	return other, latest, nil
}

// ApproveMerge is the second person's approval. Both records change in one act; tax rows and open
// settlements follow. Called again, it finishes what could not follow then.
//
// Errors: 1003 second_person for whoever asked; 3001 nothing_to_approve and those of RequestMerge;
// 3003.
func (s *Service) ApproveMerge(ctx context.Context, by Caller, id string) (Answer, error) {
	return optimistic.Value(ctx, func() (Answer, error) { return s.approveMerge(ctx, by, id) })
}

func (s *Service) approveMerge(ctx context.Context, by Caller, id string) (Answer, error) {
	var t storedTaxpayer
	latest, err := s.read(ctx, by.Tenant, tenancy.KindTaxpayer, id, &t)
	if err != nil {
		return Answer{}, err
	}
	switch {
	case t.Merge == nil:
		return Answer{}, fault.New(fault.IllegalMove, "nothing_to_approve",
			"Nobody has asked to merge this taxpayer.")
	case t.MergedInto != "":
		return Answer{t.Taxpayer, true},
			s.MergeFollowUp.ApplyMerge(ctx, by.Tenant, string(t.TaxpayerID), t.MergedInto, t.Merge.AskedBy)
	case t.Merge.AskedBy == by.Subject:
		return Answer{}, fault.New(fault.Forbidden, "second_person",
			"You asked for this merge yourself; a second person must approve it.")
	}
	into, before, err := s.mergeable(ctx, by.Tenant, t, string(t.Merge.Into))
	if err != nil {
		return Answer{}, err
	}
	answer, err := s.commit(ctx, by, s.merged(t, latest, into, before, by.Subject), "taxpayer.merged")
	if err != nil {
		return answer, err
	}
	return answer, s.MergeFollowUp.ApplyMerge(ctx, by.Tenant, string(t.TaxpayerID), string(t.Merge.Into),
		t.Merge.AskedBy)
}

// merged is what an approved merge writes: t with its survivor, and the survivor with t.
func (s *Service) merged(t storedTaxpayer, latest tenancy.Stored, into storedTaxpayer,
	before tenancy.Stored, approver string) written {
	m := *t.Merge
	m.ApprovedBy = approver
	m.ApprovedAt = s.Clock.Instant()
	t.Merge = &m
	t.MergedInto = string(m.Into)
	t.Version = latest.Version + 1
	t.By = m.AskedBy
	t.From = civil.Date{} // in force at once
	into.Merged = append(slices.Clip(into.Merged), string(t.TaxpayerID))
	into.Version = before.Version + 1
	into.By = m.AskedBy
	return written{taxpayer: t.TaxpayerID, why: m.Reason,
		objects: []tenancy.Object{taxpayerVersion(t, latest), taxpayerVersion(into, before)}}
}

// survivor returns the taxpayer that t was merged into, t itself when it was not.
func (s *Service) survivor(ctx context.Context, tenant ident.Tenant,
	t storedTaxpayer) (storedTaxpayer, error) {
	if t.MergedInto == "" {
		return t, nil
	}
	latest, err := s.latest(ctx, tenant, tenancy.KindTaxpayer, t.MergedInto)
	if err != nil {
		return t, err
	}
	return readTaxpayer(latest.Doc)
}
