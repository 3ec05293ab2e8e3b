package master

import (
	"context"
	"encoding/json"

	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy"
)

type contractDraft struct {
	tenancy.Contract
	guard int // changes of the creator's contracts that were seen
}

func (d *contractDraft) head() (string, int) { return d.ContractID, d.Version.Version }

func (d *contractDraft) problems(call) []fault.Field {
	return append(reserved([2]string{"by", d.By}, [2]string{"approved_by", d.ApprovedBy}),
		d.Problems()...)
}

func (d *contractDraft) content() any { return d.Contract }

func (d *contractDraft) locate(_ context.Context, _ *Service, c call) (string, error) {
	return located(d, c), nil
}

func (d *contractDraft) build(_ context.Context, _ *Service, c call) (written, error) {
	k := d.Contract
	k.ContractID, k.Version = c.id, stamped(c, k.Version)
	o := versionOf(c, k)
	o.Creator, o.Guard = k.CreatorID, d.guard
	return written{objects: []tenancy.Object{o}}, nil
}

// against wants creator, paying entity and payees to exist, and no other contract of the creator to
// cover the same income on the same day.
func (d *contractDraft) against(ctx context.Context, s *Service, c call) ([]fault.Field, error) {
	var found fault.Problems
	for _, ref := range d.references() {
		_, exists, err := s.Store.LatestVersion(ctx, c.Tenant, ref.kind, ref.id)
		if err != nil {
			return nil, err
		}
		found.AddIf(!exists, ref.field, "names no "+string(ref.kind)+" of yours")
	}
	var previous tenancy.Contract
	if c.previous != nil {
		if err := json.Unmarshal(c.previous, &previous); err != nil {
			return nil, fault.Internal(err)
		}
		found.AddIf(previous.CreatorID != d.CreatorID, "creator_id", "cannot change; make a new contract")
	}
	clash, err := d.overlap(ctx, s, c)
	return append(found, clash...), err
}

type reference struct {
	field string
	kind  tenancy.Kind
	id    string
}

func (d *contractDraft) references() []reference {
	refs := []reference{{"creator_id", tenancy.KindCreator, string(d.CreatorID)},
		{"paying_entity", tenancy.KindEntity, string(d.PayingEntity)}}
	for _, p := range d.Payees() {
		refs = append(refs, reference{p.Field, tenancy.KindCreator, string(p.CreatorID)})
	}
	return refs
}

// overlap tells which other contract covers the same income on the same day.
func (d *contractDraft) overlap(ctx context.Context, s *Service, c call) ([]fault.Field, error) {
	var err error
	if d.guard, err = s.Store.ContractGuard(ctx, c.Tenant, d.CreatorID); err != nil {
		return nil, err
	}
	others, err := s.Store.CreatorContracts(ctx, c.Tenant, d.CreatorID)
	if err != nil {
		return nil, err
	}
	mine := d.Contract
	mine.ContractID, mine.Version = c.id, stamped(c, mine.Version)
	var found fault.Problems
	for _, clash := range tenancy.Overlaps(append(tenancy.ApprovedOnly(others), mine), c.id) {
		found.Add("from", "overlaps contract "+clash.Contract+", which covers "+clash.IncomeType+" on "+
			clash.Day.String())
	}
	return found, nil
}
