package tenancy

import (
	"encoding/json"
	"errors"
	"strconv"

	"fenzhang/shared/money"
)

// The kinds of rewards. Only cash is money.
const (
	Cash    = "cash"
	Traffic = "traffic"
	Shop    = "shop"
)

// Match names the actions that a strategy rewards; an empty platform matches every platform.
type Match struct {
	ActionType string `json:"action_type"`
	Platform   string `json:"platform,omitempty"`
}

// rewardJSON is the stored and public form of a Reward: amount for the action, or per_unit for each
// unit; a decimal string of yuan for cash, a whole number for points.
type rewardJSON struct {
	Kind    string          `json:"kind"`
	Amount  json.RawMessage `json:"amount,omitempty"`
	PerUnit json.RawMessage `json:"per_unit,omitempty"`
}

// MarshalJSON writes {kind, amount} or {kind, per_unit}.
func (r Reward) MarshalJSON() ([]byte, error) {
	out := rewardJSON{Kind: r.Kind}
	value, err := marshalQuantity(r.Kind, r.Amount, r.Points)
	if r.PerUnit {
		out.PerUnit = value
	} else {
		out.Amount = value
	}
	if err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads the form that MarshalJSON writes.
func (r *Reward) UnmarshalJSON(b []byte) error {
	var in rewardJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	value := in.Amount
	if value == nil {
		value = in.PerUnit
	}
	*r = Reward{Kind: in.Kind, PerUnit: in.PerUnit != nil}
	var err error
	r.Amount, r.Points, err = ParseQuantity(in.Kind, value)
	return err
}

// marshalQuantity writes an amount of a kind of reward: yuan for cash, points otherwise.
func marshalQuantity(kind string, amount money.Amount, points int64) (json.RawMessage, error) {
	if kind == Cash {
		return amount.MarshalJSON()
	}
	return strconv.AppendInt(nil, points, 10), nil
}

// ErrPoints is the error of points that are not a whole number.
var ErrPoints = errors.New("must be a whole number of points")

// ParseQuantity reads an amount of a kind of reward: money for cash, points otherwise. Errors:
// money.ErrFormat, ErrPoints.
func ParseQuantity(kind string, raw json.RawMessage) (money.Amount, int64, error) {
	if kind == Cash {
		var a money.Amount
		if string(raw) == "null" {
			return a, 0, money.ErrFormat
		}
		return a, 0, a.UnmarshalJSON(raw)
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return money.Amount{}, 0, ErrPoints
	}
	return money.Amount{}, n, nil
}

// strategyJSON is the stored and public form of a Strategy.
type strategyJSON struct {
	Version
	StrategyID string          `json:"strategy_id"`
	Match      Match           `json:"match"`
	Reward     Reward          `json:"reward"`
	DailyCap   json.RawMessage `json:"daily_cap,omitempty"`
}

// MarshalJSON writes the form of the HTTP contract; the daily cap is a decimal string for cash and
// a whole number for points.
func (s Strategy) MarshalJSON() ([]byte, error) {
	out := strategyJSON{Version: s.Version, StrategyID: s.StrategyID,
		Match: Match{s.ActionType, s.Platform}, Reward: s.Reward}
	if s.HasDailyCap() {
		var err error
		if out.DailyCap, err = marshalQuantity(s.Reward.Kind, s.DailyCap, s.DailyCapPoints); err != nil {
			return nil, err
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads the form that MarshalJSON writes.
func (s *Strategy) UnmarshalJSON(b []byte) error {
	var in strategyJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	*s = Strategy{Version: in.Version, StrategyID: in.StrategyID, ActionType: in.Match.ActionType,
		Platform: in.Match.Platform, Reward: in.Reward}
	if in.DailyCap == nil {
		return nil
	}
	var err error
	s.DailyCap, s.DailyCapPoints, err = ParseQuantity(in.Reward.Kind, in.DailyCap)
	return err
}

// HasDailyCap reports whether the strategy has a daily cap.
func (s Strategy) HasDailyCap() bool { return !s.DailyCap.IsZero() || s.DailyCapPoints != 0 }
