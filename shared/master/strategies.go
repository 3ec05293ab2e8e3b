package master

import (
	"context"
	"encoding/json"

	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy"
)

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
	s := tenancy.Strategy{Version: d.Version, StrategyID: d.StrategyID, ActionType: d.Match.ActionType,
		Platform: d.Match.Platform}
	s.Reward = tenancy.Reward{Kind: d.Reward.Kind, PerUnit: d.Reward.PerUnit != nil &&
		d.Reward.Amount == nil}
	var found fault.Problems
	value, field := d.Reward.Amount, "reward.amount"
	if s.Reward.PerUnit {
		value, field = d.Reward.PerUnit, "reward.per_unit"
	}
	if (d.Reward.Amount == nil) == (d.Reward.PerUnit == nil) {
		found.Add("reward.amount", "must be given, or per_unit instead, not both")
	} else {
		var err error
		if s.Reward.Amount, s.Reward.Points, err = tenancy.ParseQuantity(s.Reward.Kind,
			value); err != nil {
			found.Add(field, err.Error())
		}
	}
	if d.DailyCap != nil {
		var err error
		if s.DailyCap, s.DailyCapPoints, err = tenancy.ParseQuantity(s.Reward.Kind,
			d.DailyCap); err != nil {
			found.Add("daily_cap", err.Error())
		} else if !s.HasDailyCap() {
			found.Add("daily_cap", "must be above zero")
		}
	}
	return s, found
}

func (d *strategyDraft) problems(call) []fault.Field {
	s, found := d.strategy()
	return merge(append(reserved([2]string{"by", d.By}), found...), s.Problems())
}

func (d *strategyDraft) content() any {
	s, _ := d.strategy()
	return s
}

func (d *strategyDraft) locate(_ context.Context, _ *Service, c call) (string, error) {
	return located(d, c), nil
}

func (d *strategyDraft) build(_ context.Context, _ *Service, c call) (written, error) {
	s, _ := d.strategy()
	s.StrategyID, s.Version = c.id, stamped(c, s.Version)
	return written{objects: []tenancy.Object{versionOf(c, s)}}, nil
}
