package main

import (
	"context"
	"encoding/json"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/tenancydb"
)

// alone is a draft that needs no other object.
type alone struct{}

func (alone) against(context.Context, *service, call) ([]fault.Field, error) { return nil, nil }

// versionOf is the version that a call writes of a document.
func versionOf(c call, doc any) tenancydb.Object {
	return tenancydb.Object{Kind: c.kind, ID: c.id, Version: c.version, Doc: doc, Digest: c.digest}
}

// stamped gives the dates of the version that a call writes.
func stamped(c call, v tenancy.Version) tenancy.Version {
	v.Version, v.By = c.version, c.by
	return v
}

// foreign lists fields that only we set.
func foreign(fields ...[2]string) []fault.Field {
	var found []fault.Field
	for _, f := range fields {
		if f[1] != "" {
			found = append(found, fault.Field{Field: f[0], Problem: "is not a known field"})
		}
	}
	return found
}

// --- paying entities ---

type entityDraft struct {
	alone
	tenancy.PayingEntity
}

// beginning is the first day of an entity that names none.
func beginning() civil.Date { return civil.On(1900, 1, 1) }

func (d *entityDraft) head() (string, int) { return d.EntityID, d.Version.Version }

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
	found := append(foreign([2]string{"by", d.By}), d.entity(c).Problems()...)
	return append(found, c.unknownPlace("place", d.Place)...)
}

// unknownPlace tells of a code whose form is right and that is no place whose rules are kept.
func (c call) unknownPlace(field, code string) []fault.Field {
	if len(code) != 6 {
		return nil // told already
	}
	if _, err := c.corpus.At(code); fault.HasCode(err, fault.InvalidInput) {
		return []fault.Field{{Field: field, Problem: "is no place of the mainland; use the six-digit code of a province, city or district"}}
	}
	return nil
}

func (d *entityDraft) content() any { return d.PayingEntity }

func (d *entityDraft) locate(_ context.Context, _ *service, c call) (string, error) {
	return located(d, c), nil
}

func (d *entityDraft) build(_ context.Context, _ *service, c call) (written, error) {
	e := d.entity(c)
	e.EntityID, e.Version = c.id, stamped(c, e.Version)
	return written{objects: []tenancydb.Object{versionOf(c, e)}}, nil
}

// --- strategies ---

type strategyDraft struct {
	alone
	tenancy.Version
	StrategyID string          `json:"strategy_id"`
	Match      tenancy.Match   `json:"match"`
	Reward     rewardDraft     `json:"reward"`
	DailyCap   json.RawMessage `json:"daily_cap"`
}

type rewardDraft struct {
	Kind    string          `json:"kind"`
	Amount  json.RawMessage `json:"amount"`
	PerUnit json.RawMessage `json:"per_unit"`
}

func (d *strategyDraft) head() (string, int) { return d.StrategyID, d.Version.Version }

// strategy reads the quantities, whose form depends on the kind of reward.
func (d *strategyDraft) strategy() (tenancy.Strategy, []fault.Field) {
	s := tenancy.Strategy{Version: d.Version, StrategyID: d.StrategyID, ActionType: d.Match.ActionType, Platform: d.Match.Platform}
	s.Reward = tenancy.Reward{Kind: d.Reward.Kind, PerUnit: d.Reward.PerUnit != nil && d.Reward.Amount == nil}
	var found []fault.Field
	value, field := d.Reward.Amount, "reward.amount"
	if s.Reward.PerUnit {
		value, field = d.Reward.PerUnit, "reward.per_unit"
	}
	if (d.Reward.Amount == nil) == (d.Reward.PerUnit == nil) {
		found = append(found, fault.Field{Field: "reward.amount", Problem: "must be given, or per_unit instead, not both"})
	} else {
		var err error
		if s.Reward.Amount, s.Reward.Points, err = tenancy.ParseQuantity(s.Reward.Kind, value); err != nil {
			found = append(found, fault.Field{Field: field, Problem: err.Error()})
		}
	}
	if d.DailyCap != nil {
		var err error
		if s.DailyCap, s.DailyCapPoints, err = tenancy.ParseQuantity(s.Reward.Kind, d.DailyCap); err != nil {
			found = append(found, fault.Field{Field: "daily_cap", Problem: err.Error()})
		} else if !s.Capped() {
			found = append(found, fault.Field{Field: "daily_cap", Problem: "must be above zero"})
		}
	}
	return s, found
}

func (d *strategyDraft) problems(call) []fault.Field {
	s, found := d.strategy()
	return besides(append(foreign([2]string{"by", d.By}), found...), s.Problems())
}

func (d *strategyDraft) content() any {
	s, _ := d.strategy()
	return s
}

func (d *strategyDraft) locate(_ context.Context, _ *service, c call) (string, error) {
	return located(d, c), nil
}

func (d *strategyDraft) build(_ context.Context, _ *service, c call) (written, error) {
	s, _ := d.strategy()
	s.StrategyID, s.Version = c.id, stamped(c, s.Version)
	return written{objects: []tenancydb.Object{versionOf(c, s)}}, nil
}

// --- contracts ---

type contractDraft struct {
	tenancy.Contract
	guard int // changes of the creator's contracts that were seen
}

func (d *contractDraft) head() (string, int) { return d.ContractID, d.Version.Version }

func (d *contractDraft) problems(call) []fault.Field {
	return append(foreign([2]string{"by", d.By}, [2]string{"approved_by", d.ApprovedBy}), d.Problems()...)
}

func (d *contractDraft) content() any { return d.Contract }

func (d *contractDraft) locate(_ context.Context, _ *service, c call) (string, error) {
	return located(d, c), nil
}

func (d *contractDraft) build(_ context.Context, _ *service, c call) (written, error) {
	k := d.Contract
	k.ContractID, k.Version = c.id, stamped(c, k.Version)
	o := versionOf(c, k)
	o.Creator, o.Guard = k.CreatorID, d.guard
	return written{objects: []tenancydb.Object{o}}, nil
}

// against wants creator, paying entity and payees to exist, and no other contract of the creator to cover the
// same income on the same day.
func (d *contractDraft) against(ctx context.Context, s *service, c call) ([]fault.Field, error) {
	var found []fault.Field
	for _, ref := range d.references() {
		_, exists, err := s.store.Latest(ctx, c.tenant, ref.kind, ref.id)
		if err != nil {
			return nil, err
		}
		if !exists {
			found = append(found, fault.Field{Field: ref.field, Problem: "names no " + ref.kind + " of yours"})
		}
	}
	var previous tenancy.Contract
	if c.previous != nil {
		if err := json.Unmarshal(c.previous, &previous); err != nil {
			return nil, fault.Internal(err)
		}
		if previous.CreatorID != d.CreatorID {
			found = append(found, fault.Field{Field: "creator_id", Problem: "cannot change; make a new contract"})
		}
	}
	clash, err := d.overlap(ctx, s, c)
	return append(found, clash...), err
}

type reference struct{ field, kind, id string }

func (d *contractDraft) references() []reference {
	refs := []reference{{"creator_id", tenancydb.Creator, d.CreatorID}, {"paying_entity", tenancydb.Entity, d.PayingEntity}}
	for _, p := range d.Payees() {
		refs = append(refs, reference{p.Field, tenancydb.Creator, p.CreatorID})
	}
	return refs
}

// overlap tells which other contract covers the same income on the same day.
func (d *contractDraft) overlap(ctx context.Context, s *service, c call) ([]fault.Field, error) {
	var err error
	if d.guard, err = s.store.ContractGuard(ctx, c.tenant, d.CreatorID); err != nil {
		return nil, err
	}
	others, err := s.store.CreatorContracts(ctx, c.tenant, d.CreatorID)
	if err != nil {
		return nil, err
	}
	mine := d.Contract
	mine.ContractID, mine.Version = c.id, stamped(c, mine.Version)
	var found []fault.Field
	for _, clash := range tenancy.Overlaps(append(tenancy.ApprovedOnly(others), mine), c.id) {
		found = append(found, fault.Field{Field: "from", Problem: "overlaps contract " + clash.Contract + ", which covers " + clash.IncomeType + " on " + clash.Day.String()})
	}
	return found, nil
}
