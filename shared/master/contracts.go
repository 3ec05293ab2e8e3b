package master

import (
	"context"
	"encoding/json"

	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy"
)

// contractDraft is a contract as a client sends it.
type contractDraft struct {
	tenancy.Contract
	// guard is the number of changes to the creator's contracts at the time the overlaps were checked;
	// the write is refused when that number has grown.
	guard int
}

func (d *contractDraft) idAndVersion() (string, int) { return d.ContractID, d.Version.Version }

// problems lists the invalid fields of the contract; by and approved_by are set by the system only.
func (d *contractDraft) problems(call) []fault.Field {
	return append(reservedFieldProblems([2]string{"by", d.By}, [2]string{"approved_by", d.ApprovedBy}),
		d.Problems()...)
}

func (d *contractDraft) digestContent() any { return d.Contract }

func (d *contractDraft) findID(_ context.Context, _ *Service, c call) (string, error) {
	return givenOrDerivedID(d, c), nil
}

func (d *contractDraft) buildWrites(_ context.Context, _ *Service, c call) (writeSet, error) {
	k := d.Contract
	k.ContractID, k.Version = c.id, stampVersion(c, k.Version)
	o := versionObject(c, k)
	o.Creator, o.Guard = k.CreatorID, d.guard
	return writeSet{objects: []tenancy.Object{o}}, nil
}

// conflicts checks that the creator, the paying entity and the payees exist, that a change keeps
// the creator, and that no other contract of the creator covers the same income on the same day.
func (d *contractDraft) conflicts(ctx context.Context, s *Service, c call) ([]fault.Field, error) {
	var found fault.Problems
	for _, ref := range d.references() {
		_, exists, err := s.Store.LatestVersion(ctx, c.Tenant, ref.kind, ref.id)
		if err != nil {
			return nil, err
		}
		found.AddIf(!exists, ref.field, "names no "+string(ref.kind)+" of yours")
	}
	// A contract is found under its creator; moving it to another one would leave its open settlements
	// without a contract.
	var previous tenancy.Contract
	if c.previous != nil {
		if err := json.Unmarshal(c.previous, &previous); err != nil {
			return nil, fault.Internal(err)
		}
		found.AddIf(previous.CreatorID != d.CreatorID, "creator_id", "cannot change; make a new contract")
	}
	clash, err := d.overlapProblems(ctx, s, c)
	return append(found, clash...), err
}

// reference is a field of a contract that names another object.
type reference struct {
	field string
	kind  tenancy.Kind
	id    string
}

// references lists the objects that the contract names: the creator, the paying entity and each
// payee.
func (d *contractDraft) references() []reference {
	refs := []reference{{"creator_id", tenancy.KindCreator, string(d.CreatorID)},
		{"paying_entity", tenancy.KindEntity, string(d.PayingEntity)}}
	for _, p := range d.Payees() {
		refs = append(refs, reference{p.Field, tenancy.KindCreator, string(p.CreatorID)})
	}
	return refs
}

// overlapProblems lists the other approved contracts of the creator that cover the same income on
// the same day.
func (d *contractDraft) overlapProblems(ctx context.Context, s *Service,
	c call) ([]fault.Field, error) {
	var err error
	// The count of changes is read before the contracts: a contract added in between makes the write
	// fail instead of being overlooked.
	if d.guard, err = s.Store.ContractGuard(ctx, c.Tenant, d.CreatorID); err != nil {
		return nil, err
	}
	others, err := s.Store.CreatorContracts(ctx, c.Tenant, d.CreatorID)
	if err != nil {
		return nil, err
	}
	mine := d.Contract
	mine.ContractID, mine.Version = c.id, stampVersion(c, mine.Version)
	var found fault.Problems
	for _, clash := range tenancy.Overlaps(append(tenancy.ApprovedOnly(others), mine), c.id) {
		found.Add("from", "overlaps contract "+clash.Contract+", which covers "+clash.IncomeType+" on "+
			clash.Day.String())
	}
	return found, nil
}
