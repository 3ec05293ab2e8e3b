package master

import (
	"context"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

type entityDraft struct {
	alone
	tenancy.PayingEntity
}

// beginning is the first day of an entity that names none.
func beginning() civil.Date { return civil.On(1900, 1, 1) }

func (d *entityDraft) head() (string, int) { return string(d.EntityID), d.Version.Version }

// entity gives the entity in its normal form.
func (d *entityDraft) entity(c call) tenancy.PayingEntity {
	e := d.PayingEntity
	e.USCC = strings.ToUpper(strings.TrimSpace(e.USCC))
	if e.From.IsZero() && !c.change {
		e.From = beginning()
	}
	return e
}

func (d *entityDraft) problems(c call) []fault.Field {
	found := append(reserved([2]string{"by", d.By}), d.entity(c).Problems()...)
	return append(found, c.unknownPlace("place", d.Place)...)
}

// unknownPlace tells of a code whose form is right and that is no place whose rules are kept.
func (c call) unknownPlace(field, code string) []fault.Field {
	if len(code) != 6 {
		return nil // told already
	}
	if _, err := c.corpus.EngineAt(code); fault.HasCode(err, fault.InvalidInput) {
		return []fault.Field{
			{Field: field, Problem: "is no place of the mainland; use the six-digit code of a province, " +
				"city or district"}}
	}
	return nil
}

func (d *entityDraft) content() any { return d.PayingEntity }

func (d *entityDraft) locate(_ context.Context, _ *Service, c call) (string, error) {
	return located(d, c), nil
}

func (d *entityDraft) build(_ context.Context, _ *Service, c call) (written, error) {
	e := d.entity(c)
	e.EntityID, e.Version = ident.Entity(c.id), stamped(c, e.Version)
	return written{objects: []tenancy.Object{versionOf(c, e)}}, nil
}
