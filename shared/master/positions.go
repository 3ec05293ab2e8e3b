package master

import (
	"context"

	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy"
)

// positionDraft is a tax position as a client sends it.
type positionDraft struct {
	selfContained
	tenancy.Position
}

func (d *positionDraft) idAndVersion() (string, int) { return d.PositionID, d.Version.Version }

// problems lists the invalid fields of the position, among them a reading that the rule does not
// offer on the first day.
func (d *positionDraft) problems(c call) []fault.Field {
	found := reservedFieldProblems([2]string{"by", d.By}, [2]string{"decided_by", d.DecidedBy},
		[2]string{"approved_by", d.ApprovedBy})
	found = append(found, d.Problems()...)
	// Without rule, reading and first day there is nothing to look up in the rules.
	if d.Rule == "" || d.Reading == "" || d.From.IsZero() {
		return found
	}
	return append(found, c.corpus.CheckPosition(d.Rule, d.Reading, d.From)...)
}

func (d *positionDraft) digestContent() any { return d.Position }

func (d *positionDraft) findID(_ context.Context, _ *Service, c call) (string, error) {
	return givenOrDerivedID(d, c), nil
}

// buildWrites returns the new version of the position, decided by the caller. The new version
// carries no approval, so a changed position needs its second person again.
func (d *positionDraft) buildWrites(_ context.Context, _ *Service, c call) (writeSet, error) {
	p := d.Position
	p.PositionID = c.id
	p.Version = stampVersion(c, p.Version)
	p.DecidedBy = c.Subject
	return writeSet{objects: []tenancy.Object{versionObject(c, p)}}, nil
}
