package master

import (
	"context"
	"encoding/json"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// read reads the newest version of an object into its type.
func (s *Service) read(ctx context.Context, tenant ident.Tenant, name tenancy.Kind, id string,
	into any) (tenancy.Stored, error) {
	latest, err := s.latest(ctx, tenant, name, id)
	if err != nil {
		return latest, err
	}
	if err := json.Unmarshal(latest.Doc, into); err != nil {
		return latest, fault.Internal(err)
	}
	return latest, nil
}

// ApprovePosition is the second person's approval of the newest version of a position.
//
// Errors: 1003 second_person for whoever decided it; 3001 already_approved; 3003.
func (s *Service) ApprovePosition(ctx context.Context, by Caller, id string) (Answer, error) {
	return optimistic.Value(ctx, func() (Answer, error) { return s.approvePosition(ctx, by, id) })
}

func (s *Service) approvePosition(ctx context.Context, by Caller, id string) (Answer, error) {
	var p tenancy.Position
	latest, err := s.read(ctx, by.Tenant, tenancy.KindPosition, id, &p)
	if err != nil {
		return Answer{}, err
	}
	switch {
	case p.IsApproved() && p.ApprovedBy == by.Subject: // the same approval again
		return Answer{p, true}, nil
	case p.DecidedBy == by.Subject:
		return Answer{}, fault.New(fault.Forbidden, "second_person",
			"You decided this position yourself; a second person must approve it.")
	case p.IsApproved():
		return Answer{}, fault.New(fault.IllegalMove, "already_approved",
			"This position was approved already; there is nothing left to approve.")
	}
	c := call{Caller: by, kind: tenancy.KindPosition, id: p.PositionID, version: latest.Version + 1,
		digest: latest.Digest}
	p.ApprovedBy = by.Subject
	p.Version = stamped(c, p.Version)
	return s.commit(ctx, by, written{objects: []tenancy.Object{versionOf(c, p)}}, "position.approved")
}

// ApproveContract is the second person's approval of the newest version of a contract with a
// project of its own. It writes that version again with the approver's name; who made it stays its
// preparer.
//
// Errors: 1003 second_person for whoever made it; 3001 nothing_to_approve, already_approved; 2001
// when another contract has come to cover the same income; 3003.
func (s *Service) ApproveContract(ctx context.Context, by Caller, id string) (Answer, error) {
	return optimistic.Value(ctx, func() (Answer, error) { return s.approveContract(ctx, by, id) })
}

func (s *Service) approveContract(ctx context.Context, by Caller, id string) (Answer, error) {
	var d contractDraft
	latest, err := s.read(ctx, by.Tenant, tenancy.KindContract, id, &d.Contract)
	if err != nil {
		return Answer{}, err
	}
	if d.IsApproved() && d.ProjectID != "" && d.ApprovedBy == by.Subject { // the same approval again
		return Answer{d.Contract, true}, nil
	}
	if err := approvable(d.Contract, by.Subject); err != nil {
		return Answer{}, err
	}
	c := call{Caller: by, kind: tenancy.KindContract, id: d.ContractID, version: latest.Version + 1,
		digest: latest.Digest}
	c.Subject = d.By
	d.ApprovedBy = by.Subject
	clash, err := d.overlap(ctx, s, c)
	if err != nil {
		return Answer{}, err
	}
	if len(clash) > 0 {
		return Answer{}, fault.Invalid(clash...)
	}
	w, err := d.build(ctx, s, c)
	if err != nil {
		return Answer{}, err
	}
	return s.commit(ctx, by, w, "contract.approved")
}

// approvable refuses an approval that a contract does not need, has already, or that its maker
// gives.
func approvable(k tenancy.Contract, approver string) error {
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
