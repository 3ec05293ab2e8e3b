package master

import (
	"context"
	"encoding/json"

	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy"
)

// strategyDraft is a reward strategy as a client sends it; amounts stay raw JSON until the kind of
// reward is known.
type strategyDraft struct {
	selfContained
	tenancy.Version
	StrategyID string          `json:"strategy_id"`
	Match      tenancy.Match   `json:"match"`
	Reward     rewardDraft     `json:"reward"`
	DailyCap   json.RawMessage `json:"daily_cap"`
}

// rewardDraft is the reward of a strategy as a client sends it.
type rewardDraft struct {
	Kind    string          `json:"kind"`
	Amount  json.RawMessage `json:"amount"`
	PerUnit json.RawMessage `json:"per_unit"`
}

func (d *strategyDraft) idAndVersion() (string, int) { return d.StrategyID, d.Version.Version }

// parseStrategy reads the amounts of the strategy, which are yuan for cash and whole points
// otherwise, and lists the fields that cannot be read.
func (d *strategyDraft) parseStrategy() (tenancy.Strategy, []fault.Field) {
	s := tenancy.Strategy{Version: d.Version, StrategyID: d.StrategyID, ActionType: d.Match.ActionType,
		Platform: d.Match.Platform}
	s.Reward = tenancy.Reward{Kind: d.Reward.Kind, PerUnit: d.Reward.PerUnit != nil &&
		d.Reward.Amount == nil}
	var found fault.Problems
	value, field := d.Reward.Amount, "reward.amount"
	if s.Reward.PerUnit {
		value, field = d.Reward.PerUnit, "reward.per_unit"
	}
	// A reward is either for the action or for each unit; both or neither would be ambiguous.
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

// problems lists the invalid fields of the strategy.
func (d *strategyDraft) problems(call) []fault.Field {
	s, found := d.parseStrategy()
	return addUnreportedFields(append(reservedFieldProblems([2]string{"by", d.By}), found...),
		s.Problems())
}

func (d *strategyDraft) digestContent() any {
	s, _ := d.parseStrategy()
	return s
}

func (d *strategyDraft) findID(_ context.Context, _ *Service, c call) (string, error) {
	return givenOrDerivedID(d, c), nil
}

func (d *strategyDraft) buildWrites(_ context.Context, _ *Service, c call) (writeSet, error) {
	s, _ := d.parseStrategy()
	s.StrategyID, s.Version = c.id, stampVersion(c, s.Version)
	return writeSet{objects: []tenancy.Object{versionObject(c, s)}}, nil
}
