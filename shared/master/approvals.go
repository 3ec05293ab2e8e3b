package master

import (
	"context"
	"encoding/json"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// readLatestInto reads the newest version of an object, decodes its document into a value of the
// object's type and returns the stored version. Errors: 3003 when the tenant has no such object.
func (s *Service) readLatestInto(ctx context.Context, tenant ident.Tenant, kind tenancy.Kind,
	id string,
	into any) (tenancy.Stored, error) {
	latest, err := s.readLatest(ctx, tenant, kind, id)
	if err != nil {
		return latest, err
	}
	if err := json.Unmarshal(latest.Doc, into); err != nil {
		return latest, fault.Internal(err)
	}
	return latest, nil
}

// ApprovePosition records the second person's approval of the newest version of a tax position, as
// a new version. A repeated approval by the same person writes nothing and answers Repeated.
//
// Errors: 1003 second_person when the caller decided the position; 3001 already_approved when
// somebody else has approved it; 3003 when there is no such position.
func (s *Service) ApprovePosition(ctx context.Context, by Caller, id string) (Answer, error) {
	return optimistic.RetryValue(ctx, func() (Answer, error) { return s.approvePosition(ctx, by, id) })
}

func (s *Service) approvePosition(ctx context.Context, by Caller, id string) (Answer, error) {
	var p tenancy.Position
	latest, err := s.readLatestInto(ctx, by.Tenant, tenancy.KindPosition, id, &p)
	if err != nil {
		return Answer{}, err
	}
	switch {
	// The answer to the first call may have been lost, so the same approval is no error.
	case p.IsApproved() && p.ApprovedBy == by.Subject:
		return Answer{p, true}, nil
	case p.DecidedBy == by.Subject:
		return Answer{}, fault.New(fault.Forbidden, "second_person",
			"You decided this position yourself; a second person must approve it.")
	case p.IsApproved():
		return Answer{}, fault.New(fault.IllegalMove, "already_approved",
			"This position was approved already; there is nothing left to approve.")
	}
	c := call{Caller: by, kind: tenancy.KindPosition, id: p.PositionID, version: latest.Version + 1,
		// An approval keeps the digest of the content that was sent, so that a repeat of the change that
		// made the position is still recognised.
		digest: latest.Digest}
	p.ApprovedBy = by.Subject
	p.Version = stampVersion(c, p.Version)
	return s.commitWrites(ctx, by, writeSet{objects: []tenancy.Object{versionObject(c, p)}},
		"position.approved")
}

// ApproveContract records the second person's approval of the newest version of a contract that has
// a project_id. ApproveContract writes a new version with the approver's name; the person who made
// the approved version stays its preparer.
//
// Errors: 1003 second_person when the caller made the version; 3001 nothing_to_approve for a
// contract without a project_id, already_approved; 2001 when another contract covers the same
// income meanwhile; 3003 when there is no such contract.
func (s *Service) ApproveContract(ctx context.Context, by Caller, id string) (Answer, error) {
	return optimistic.RetryValue(ctx, func() (Answer, error) { return s.approveContract(ctx, by, id) })
}

func (s *Service) approveContract(ctx context.Context, by Caller, id string) (Answer, error) {
	var d contractDraft
	latest, err := s.readLatestInto(ctx, by.Tenant, tenancy.KindContract, id, &d.Contract)
	if err != nil {
		return Answer{}, err
	}
	// The answer to the first call may have been lost, so the same approval is no error.
	if d.IsApproved() && d.ProjectID != "" && d.ApprovedBy == by.Subject {
		return Answer{d.Contract, true}, nil
	}
	if err := checkContractApproval(d.Contract, by.Subject); err != nil {
		return Answer{}, err
	}
	c := call{Caller: by, kind: tenancy.KindContract, id: d.ContractID, version: latest.Version + 1,
		digest: latest.Digest}
	// The version keeps its author as preparer, because a preparer may not approve settlements.
	c.Subject = d.By
	d.ApprovedBy = by.Subject
	// Other contracts may have been added while this version waited for its approval.
	clash, err := d.overlapProblems(ctx, s, c)
	if err != nil {
		return Answer{}, err
	}
	if len(clash) > 0 {
		return Answer{}, fault.Invalid(clash...)
	}
	w, err := d.buildWrites(ctx, s, c)
	if err != nil {
		return Answer{}, err
	}
	return s.commitWrites(ctx, by, w, "contract.approved")
}

// checkContractApproval returns an error when the contract needs no approval, when it has been
// approved already, or when the approver made the version.
func checkContractApproval(k tenancy.Contract, approver string) error {
	switch {
	case k.ProjectID == "":
		return fault.New(fault.IllegalMove, "nothing_to_approve",
			"Only a contract with a project_id needs a second person; this one is in force without.")
	case k.By == approver:
		return fault.New(fault.Forbidden, "second_person",
			"You made this version of the contract yourself; a second person must approve it.")
	case k.IsApproved():
		return fault.New(fault.IllegalMove, "already_approved",
			"This contract was approved already; there is nothing left to approve.")
	}
	return nil
}
