package main

import (
	"context"
	"encoding/json"

	"fenzhang/shared/fault"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/tenancydb"
)

type positionDraft struct {
	alone
	tenancy.Position
}

func (d *positionDraft) head() (string, int) { return d.PositionID, d.Version.Version }

func (d *positionDraft) problems(c call) []fault.Field {
	set := foreign([2]string{"by", d.By}, [2]string{"decided_by", d.DecidedBy}, [2]string{"approved_by", d.ApprovedBy})
	set = append(set, d.Problems()...)
	if d.Rule == "" || d.Reading == "" || d.From.IsZero() {
		return set
	}
	return append(set, c.corpus.CheckPosition(d.Rule, d.Reading, d.From)...)
}

func (d *positionDraft) content() any { return d.Position }

func (d *positionDraft) locate(_ context.Context, _ *service, c call) (string, error) {
	return located(d, c), nil
}

// build makes the caller the one who decided; a changed position waits for its second person again.
func (d *positionDraft) build(_ context.Context, _ *service, c call) (written, error) {
	p := d.Position
	p.PositionID, p.Version, p.DecidedBy = c.id, stamped(c, p.Version), c.by
	return written{objects: []tenancydb.Object{versionOf(c, p)}}, nil
}

// approved reads the newest version of what an approval without content names.
func (s *service) approved(ctx context.Context, r *httpapi.Request, kind string, into any) (tenancydb.Stored, error) {
	if len(r.Body) > 0 {
		if err := r.JSON(&struct{}{}); err != nil {
			return tenancydb.Stored{}, err
		}
	}
	latest, err := s.latest(ctx, r.Tenant, kind, r.Params["id"])
	if err != nil {
		return latest, err
	}
	if err := json.Unmarshal(latest.Doc, into); err != nil {
		return latest, fault.Internal(err)
	}
	return latest, nil
}

// approve is the second person's yes to the newest version of a position.
func (s *service) approve(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var p tenancy.Position
	latest, err := s.approved(ctx, r, tenancydb.Position, &p)
	if err != nil {
		return httpapi.Response{}, err
	}
	switch {
	case p.Approved() && p.ApprovedBy == r.Subject: // the same yes again
		return httpapi.OK(p).Replayed(), nil
	case p.DecidedBy == r.Subject:
		return httpapi.Response{}, fault.New(fault.Forbidden, "second_person", "You decided this position yourself; a second person must approve it.")
	case p.Approved():
		return httpapi.Response{}, fault.New(fault.IllegalMove, "already_approved", "This position was approved already; there is nothing left to approve.")
	}
	p.ApprovedBy = r.Subject
	c := call{kind: tenancydb.Position, id: p.PositionID, version: latest.Version + 1, by: r.Subject, digest: latest.Digest}
	p.Version = stamped(c, p.Version)
	k := kind{name: tenancydb.Position, show: show[tenancy.Position]}
	return s.commit(ctx, r, k, written{objects: []tenancydb.Object{versionOf(c, p)}}, "position.approved")
}

// approveContract is the second person's yes to the newest version of a contract with a project of its own. It
// writes that version again with the approver's name; who made it stays its preparer.
func (s *service) approveContract(ctx context.Context, r *httpapi.Request) (httpapi.Response, error) {
	var k tenancy.Contract
	latest, err := s.approved(ctx, r, tenancydb.Contract, &k)
	if err != nil {
		return httpapi.Response{}, err
	}
	switch {
	case k.ProjectID == "":
		return httpapi.Response{}, fault.New(fault.IllegalMove, "nothing_to_approve", "Only a contract with a project_id needs a second person; this one is in force without.")
	case k.Approved() && k.ApprovedBy == r.Subject: // the same yes again
		return httpapi.OK(k).Replayed(), nil
	case k.By == r.Subject:
		return httpapi.Response{}, fault.New(fault.Forbidden, "second_person", "You made this version of the contract yourself; a second person must approve it.")
	case k.Approved():
		return httpapi.Response{}, fault.New(fault.IllegalMove, "already_approved", "This contract was approved already; there is nothing left to approve.")
	}
	maker := k.By
	c := call{tenant: r.Tenant, kind: tenancydb.Contract, id: k.ContractID, version: latest.Version + 1, by: maker, digest: latest.Digest}
	d := contractDraft{Contract: k}
	d.ApprovedBy = r.Subject
	clash, err := d.overlap(ctx, s, c)
	if err != nil {
		return httpapi.Response{}, err
	}
	if len(clash) > 0 {
		return httpapi.Response{}, fault.Invalid(clash...)
	}
	w, err := d.build(ctx, s, c)
	if err != nil {
		return httpapi.Response{}, err
	}
	return s.commit(ctx, r, kind{name: tenancydb.Contract, show: show[tenancy.Contract]}, w, "contract.approved")
}
