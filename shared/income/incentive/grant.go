package incentive

import (
	"math/bits"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// Kind is what a reward is.
type Kind string

// The kinds of reward: money, and two sorts of points that are never money.
const (
	Cash    Kind = tenancy.Cash
	Traffic Kind = tenancy.Traffic
	Shop    Kind = tenancy.Shop
)

// Grant is the reward that a strategy gives for one event.
type Grant struct {
	Kind     Kind
	Amount   money.Amount // of cash
	Points   int64        // of traffic and shop
	Strategy string
	Version  int
	DailyCap int64 // most of this strategy for a creator and day, in fen or points; 0 means no cap
}

// NewGrant makes a grant from its number: fen of cash, else points.
func NewGrant(kind Kind, value int64, strategy string, version int, dailyCap int64) Grant {
	g := Grant{Kind: kind, Strategy: strategy, Version: version, DailyCap: dailyCap}
	if kind == Cash {
		g.Amount = money.Fen(value)
	} else {
		g.Points = value
	}
	return g
}

// StoredValue is the reward's number as it is stored: fen of cash, else points.
func (g Grant) StoredValue() int64 {
	if g.Kind == Cash {
		return g.Amount.Fen()
	}
	return g.Points
}

// maxReward is the largest reward of one event, in fen or points: the largest amount of the HTTP
// contract.
const maxReward = 99_999_999_999_99

// FindStrategy finds the strategy that rewards an event: in force on its day, for its action, and for its
// platform or for all. The one that names the platform wins, then the latest beginning, then the
// smaller id. all holds all versions of all strategies of the tenant; of each strategy only the
// version in force on the day counts.
func FindStrategy(all []tenancy.Strategy, e Event) (tenancy.Strategy, bool) {
	day := e.Day()
	best := -1
	for i := range all {
		if isEligible(&all[i], e, day) && !isSuperseded(all, &all[i], day) &&
			(best < 0 || isBetterMatch(&all[i], &all[best])) {
			best = i
		}
	}
	if best < 0 {
		return tenancy.Strategy{}, false
	}
	return all[best], true
}

func isEligible(s *tenancy.Strategy, e Event, day civil.Date) bool {
	return s.ActionType == e.ActionType && (s.Platform == "" || s.Platform == e.Platform) &&
		s.IsInForceOn(day)
}

// isSuperseded tells whether another version of the same strategy governs the day; see
// tenancy.InForce.
func isSuperseded(all []tenancy.Strategy, s *tenancy.Strategy, day civil.Date) bool {
	for i := range all {
		if o := &all[i]; o.StrategyID == s.StrategyID && o.Version.Version > s.Version.Version &&
			!day.Before(o.From) {
			return true
		}
	}
	return false
}

func isBetterMatch(s, best *tenancy.Strategy) bool {
	switch {
	case (s.Platform != "") != (best.Platform != ""):
		return s.Platform != ""
	case s.From != best.From:
		return s.From.After(best.From)
	default:
		return s.StrategyID < best.StrategyID
	}
}

// ComputeGrant computes what the strategy gives for an event. A reward beyond the largest amount is the
// fault of the event's quantity or of the strategy, and neither is guessed at.
func ComputeGrant(s tenancy.Strategy, e Event) (Grant, error) {
	value, dailyCap := s.Reward.Points, s.DailyCapPoints
	if Kind(s.Reward.Kind) == Cash {
		value, dailyCap = s.Reward.Amount.Fen(), s.DailyCap.Fen()
	}
	if s.Reward.PerUnit {
		hi, lo := bits.Mul64(uint64(value), uint64(e.Quantity))
		if hi > 0 || lo > maxReward {
			return Grant{}, fault.Invalid(
				fault.Field{Field: "quantity",
					Problem: "makes a reward above 99999999999.99; correct the quantity or the strategy " +
						s.StrategyID})
		}
		value = int64(lo)
	}
	return NewGrant(Kind(s.Reward.Kind), value, s.StrategyID, s.Version.Version, dailyCap), nil
}
