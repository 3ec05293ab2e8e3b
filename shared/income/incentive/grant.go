package incentive

import (
	"math/bits"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// Kind is the kind of a reward.
type Kind string

// The kinds of reward.
const (
	// Cash rewards are money; Traffic and Shop rewards are points that are never converted into money.
	Cash    Kind = tenancy.Cash
	Traffic Kind = tenancy.Traffic
	Shop    Kind = tenancy.Shop
)

// Grant is the reward that a strategy gives for one event.
type Grant struct {
	Kind Kind
	// Amount is the reward of kind Cash.
	Amount money.Amount
	// Points is the reward of kind Traffic or Shop.
	Points   int64
	Strategy string
	Version  int
	// DailyCap is the most that this strategy gives a creator on one day, in fen or points; 0 means no
	// cap.
	DailyCap int64
}

// NewGrant returns a reward from its stored number: fen for cash, points otherwise.
func NewGrant(kind Kind, value int64, strategy string, version int, dailyCap int64) Grant {
	g := Grant{Kind: kind, Strategy: strategy, Version: version, DailyCap: dailyCap}
	if kind == Cash {
		g.Amount = money.Fen(value)
	} else {
		g.Points = value
	}
	return g
}

// StoredValue returns the number under which the reward is stored: fen for cash, points otherwise.
func (g Grant) StoredValue() int64 {
	if g.Kind == Cash {
		return g.Amount.Fen()
	}
	return g.Points
}

// maxReward is the largest reward of one event, in fen or points; it is the largest amount of the
// HTTP contract.
const maxReward = 99_999_999_999_99

// FindStrategy returns the strategy that rewards an event: it is in force on the event's day, for
// the event's action, and for its platform or for all platforms. A strategy for the event's
// platform is preferred, then the one with the latest beginning, then the smaller id. all holds all
// versions of all strategies of the tenant; only the version of a strategy that is in force on the
// day is considered.
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

// isEligible reports whether a strategy version rewards the action and platform of an event and is
// valid on its day.
func isEligible(s *tenancy.Strategy, e Event, day civil.Date) bool {
	return s.ActionType == e.ActionType && (s.Platform == "" || s.Platform == e.Platform) &&
		s.IsInForceOn(day)
}

// isSuperseded reports whether a later version of the same strategy is in force on the day; see
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

// isBetterMatch reports whether strategy s is preferred to the best strategy found so far.
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

// ComputeGrant computes the reward that a strategy gives for an event. A reward above the largest
// amount is refused, because either the event's quantity or the strategy must be wrong.
func ComputeGrant(s tenancy.Strategy, e Event) (Grant, error) {
	value, dailyCap := s.Reward.Points, s.DailyCapPoints
	if Kind(s.Reward.Kind) == Cash {
		value, dailyCap = s.Reward.Amount.Fen(), s.DailyCap.Fen()
	}
	if s.Reward.PerUnit {
		// The product is computed with 128 bits, so that an overflow is refused and not wrapped.
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
