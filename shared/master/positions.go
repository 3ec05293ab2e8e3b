package master

import (
	"context"

	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy"
)

type positionDraft struct {
	alone
	tenancy.Position
}

func (d *positionDraft) head() (string, int) { return d.PositionID, d.Version.Version }

func (d *positionDraft) problems(c call) []fault.Field {
	set := reserved([2]string{"by", d.By}, [2]string{"decided_by", d.DecidedBy},
		[2]string{"approved_by", d.ApprovedBy})
	set = append(set, d.Problems()...)
	if d.Rule == "" || d.Reading == "" || d.From.IsZero() {
		return set
	}
	return append(set, c.corpus.CheckPosition(d.Rule, d.Reading, d.From)...)
}

func (d *positionDraft) content() any { return d.Position }

func (d *positionDraft) locate(_ context.Context, _ *Service, c call) (string, error) {
	return located(d, c), nil
}

// build makes the caller the one who decided; a changed position waits for its second person again.
func (d *positionDraft) build(_ context.Context, _ *Service, c call) (written, error) {
	p := d.Position
	p.PositionID = c.id
	p.Version = stamped(c, p.Version)
	p.DecidedBy = c.Subject
	return written{objects: []tenancy.Object{versionOf(c, p)}}, nil
}
