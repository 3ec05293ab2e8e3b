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

// MergeFollowUp applies an approved merge of two taxpayers outside the master data.
type MergeFollowUp interface {
	// ApplyMerge moves tax rows and open settlements of the taxpayer from to the taxpayer into.
	// ApplyMerge may be repeated: what has been moved stays as it is.
	ApplyMerge(ctx context.Context, tenant ident.Tenant, from, into, by string) error
}

// MergeRequest is the body of a request to merge one taxpayer into another.
type MergeRequest struct {
	Into    string `json:"into"`
	Reason  string `json:"reason"`
	Version int    `json:"version"` // version of the taxpayer that the sender had read
}

// maxReason is the greatest length of the reason of a merge, in bytes.
const maxReason = 500

// problems lists the invalid fields of a request to merge the taxpayer with this id.
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

// isPending reports whether the stored request is the same one, by the same person.
func (m MergeRequest) isPending(by string, stored *tenancy.Merge) bool {
	return stored != nil && stored.Into == ident.Taxpayer(m.Into) && stored.Reason == m.Reason &&
		stored.AskedBy == by
}

// RequestMerge stores a request to merge two taxpayers, which a second person must approve. A later
// request replaces an earlier one.
//
// Errors: 2001 with every problem; 3001 already_merged, has_merged, into_merged; 3002
// stale_version; 3003 when there is no such taxpayer.
func (s *Service) RequestMerge(ctx context.Context, by Caller, id string,
	m MergeRequest) (Answer, error) {
	if problems := m.problems(id); len(problems) > 0 {
		return Answer{}, fault.Invalid(problems...)
	}
	return optimistic.RetryValue(ctx, func() (Answer, error) { return s.requestMerge(ctx, by, id, m) })
}

func (s *Service) requestMerge(ctx context.Context, by Caller, id string,
	m MergeRequest) (Answer, error) {
	var t storedTaxpayer
	latest, err := s.readLatestInto(ctx, by.Tenant, tenancy.KindTaxpayer, id, &t)
	if err != nil {
		return Answer{}, err
	}
	// The same request sent again, whose first answer may have been lost, names the version before the
	// one that it wrote.
	if m.isPending(by.Subject, t.Merge) && (t.MergedInto != "" || m.Version == latest.Version-1) {
		return Answer{t.Taxpayer, true}, nil
	}
	if _, _, err := s.readMergeTarget(ctx, by.Tenant, t, m.Into); err != nil {
		return Answer{}, err
	}
	if m.Version != latest.Version {
		return Answer{}, staleVersionError()
	}
	t.Merge = &tenancy.Merge{Into: ident.Taxpayer(m.Into), Reason: m.Reason, AskedBy: by.Subject,
		AskedAt: s.Clock.Instant()}
	t.Version = latest.Version + 1
	t.By = by.Subject
	w := writeSet{taxpayer: t.TaxpayerID, why: m.Reason,
		objects: []tenancy.Object{taxpayerVersion(t, latest)}}
	return s.commitWrites(ctx, by, w, "taxpayer.merge_asked")
}

// taxpayerVersion returns the object to be stored for the next version of a taxpayer.
// taxpayerVersion keeps the digest of the last content that a client sent, because a merge changes
// no content.
func taxpayerVersion(t storedTaxpayer, latest tenancy.Stored) tenancy.Object {
	return tenancy.Object{Kind: tenancy.KindTaxpayer, ID: string(t.TaxpayerID), Version: t.Version,
		Doc: t, Digest: latest.Digest,
		MergedInto: t.MergedInto}
}

// readMergeTarget reads the taxpayer into which t is to be merged. readMergeTarget refuses a pair
// that cannot be one person, and a merge that would make a chain: from any merged taxpayer exactly
// one step must lead to the taxpayer that goes on.
func (s *Service) readMergeTarget(ctx context.Context, tenant ident.Tenant, t storedTaxpayer,
	into string) (storedTaxpayer, tenancy.Stored, error) {
	var none storedTaxpayer
	if err := checkCanBeMerged(t); err != nil {
		return none, tenancy.Stored{}, err
	}
	latest, exists, err := s.Store.LatestVersion(ctx, tenant, tenancy.KindTaxpayer, into)
	if err != nil {
		return none, latest, err
	}
	if !exists {
		return none, latest,
			fault.Invalid(fault.Field{Field: "into", Problem: "names no taxpayer of yours"})
	}
	other, err := decodeTaxpayer(latest.Doc)
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

// checkCanBeMerged returns an error when a taxpayer was merged already, or when others were merged
// into it.
func checkCanBeMerged(t storedTaxpayer) error {
	switch {
	case t.MergedInto != "":
		return fault.New(fault.IllegalMove, "already_merged", "This taxpayer was merged into "+
			t.MergedInto+" already.")
	case len(t.Merged) > 0:
		return fault.New(fault.IllegalMove, "has_merged",
			"Others were merged into this taxpayer, and one step leads from a record to the one that "+
				"goes on: merge the other one into this one instead. Where others were merged into that one "+
				"too, the two stay apart.")
	}
	return nil
}

// ApproveMerge records the second person's approval of a merge. Both taxpayers change in one
// transaction; tax rows and open settlements follow by MergeFollowUp. A repeated call after a
// failure moves the tax rows and settlements that did not follow.
//
// Errors: 1003 second_person when the caller requested the merge; 3001 nothing_to_approve and those
// of RequestMerge; 3003 when there is no such taxpayer.
func (s *Service) ApproveMerge(ctx context.Context, by Caller, id string) (Answer, error) {
	return optimistic.RetryValue(ctx, func() (Answer, error) { return s.approveMerge(ctx, by, id) })
}

func (s *Service) approveMerge(ctx context.Context, by Caller, id string) (Answer, error) {
	var t storedTaxpayer
	latest, err := s.readLatestInto(ctx, by.Tenant, tenancy.KindTaxpayer, id, &t)
	if err != nil {
		return Answer{}, err
	}
	switch {
	case t.Merge == nil:
		return Answer{}, fault.New(fault.IllegalMove, "nothing_to_approve",
			"Nobody has asked to merge this taxpayer.")
	case t.MergedInto != "":
		// The records are merged; an earlier call may have stopped before the follow-up, which may be
		// repeated.
		return Answer{t.Taxpayer, true},
			s.MergeFollowUp.ApplyMerge(ctx, by.Tenant, string(t.TaxpayerID), t.MergedInto, t.Merge.AskedBy)
	case t.Merge.AskedBy == by.Subject:
		return Answer{}, fault.New(fault.Forbidden, "second_person",
			"You asked for this merge yourself; a second person must approve it.")
	}
	into, before, err := s.readMergeTarget(ctx, by.Tenant, t, string(t.Merge.Into))
	if err != nil {
		return Answer{}, err
	}
	answer, err := s.commitWrites(ctx, by, s.mergeWrites(t, latest, into, before, by.Subject),
		"taxpayer.merged")
	if err != nil {
		return answer, err
	}
	return answer, s.MergeFollowUp.ApplyMerge(ctx, by.Tenant, string(t.TaxpayerID),
		string(t.Merge.Into),
		t.Merge.AskedBy)
}

// mergeWrites returns what an approved merge stores: t with the taxpayer that goes on, and that
// taxpayer with t in its list of merged ones.
func (s *Service) mergeWrites(t storedTaxpayer, latest tenancy.Stored, into storedTaxpayer,
	before tenancy.Stored, approver string) writeSet {
	m := *t.Merge
	m.ApprovedBy = approver
	m.ApprovedAt = s.Clock.Instant()
	t.Merge = &m
	t.MergedInto = string(m.Into)
	t.Version = latest.Version + 1
	t.By = m.AskedBy      // the requester is the preparer; the approver is named in Merge
	t.From = civil.Date{} // the merge is in force at once, whatever first day the version before has
	into.Merged = append(slices.Clip(into.Merged), string(t.TaxpayerID))
	into.Version = before.Version + 1
	into.By = m.AskedBy
	return writeSet{taxpayer: t.TaxpayerID, why: m.Reason,
		objects: []tenancy.Object{taxpayerVersion(t, latest), taxpayerVersion(into, before)}}
}

// readSurvivor returns the taxpayer into which t was merged; t itself when it was not merged.
func (s *Service) readSurvivor(ctx context.Context, tenant ident.Tenant,
	t storedTaxpayer) (storedTaxpayer, error) {
	if t.MergedInto == "" {
		return t, nil
	}
	latest, err := s.readLatest(ctx, tenant, tenancy.KindTaxpayer, t.MergedInto)
	if err != nil {
		return t, err
	}
	return decodeTaxpayer(latest.Doc)
}
