package master

import (
	"context"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// entityDraft is a paying entity as a client sends it.
type entityDraft struct {
	selfContained
	tenancy.PayingEntity
}

// defaultEntityStart returns the first day of a paying entity whose document names none, long
// before any settlement.
func defaultEntityStart() civil.Date { return civil.NewDate(1900, 1, 1) }

func (d *entityDraft) idAndVersion() (string, int) { return string(d.EntityID), d.Version.Version }

// normalizedEntity returns the entity with its credit code in capitals and, for a creation without
// from, the default first day.
func (d *entityDraft) normalizedEntity(c call) tenancy.PayingEntity {
	e := d.PayingEntity
	e.USCC = strings.ToUpper(strings.TrimSpace(e.USCC))
	if e.From.IsZero() && !c.change {
		e.From = defaultEntityStart()
	}
	return e
}

// problems lists the invalid fields of the entity, among them a place that the rules do not know.
func (d *entityDraft) problems(c call) []fault.Field {
	found := append(reservedFieldProblems([2]string{"by", d.By}), d.normalizedEntity(c).Problems()...)
	return append(found, c.unknownPlaceProblems("place", d.Place)...)
}

// unknownPlaceProblems reports a six-digit code that is no place of the mainland.
func (c call) unknownPlaceProblems(field, code string) []fault.Field {
	if len(code) != 6 {
		return nil // a code of another length is reported by the form of the field
	}
	if _, err := c.corpus.EngineAt(code); fault.HasCode(err, fault.InvalidInput) {
		return []fault.Field{
			{Field: field, Problem: "is no place of the mainland; use the six-digit code of a province, " +
				"city or district"}}
	}
	return nil
}

func (d *entityDraft) digestContent() any { return d.PayingEntity }

func (d *entityDraft) findID(_ context.Context, _ *Service, c call) (string, error) {
	return givenOrDerivedID(d, c), nil
}

func (d *entityDraft) buildWrites(_ context.Context, _ *Service, c call) (writeSet, error) {
	e := d.normalizedEntity(c)
	e.EntityID, e.Version = ident.Entity(c.id), stampVersion(c, e.Version)
	return writeSet{objects: []tenancy.Object{versionObject(c, e)}}, nil
}
