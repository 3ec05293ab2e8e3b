// Package split divides an income among the parties of a contract. The parts always sum to the whole (promise P2).
package split

import (
	"fmt"

	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// The kinds of parties.
const (
	KindCreator = "creator"
	KindMCN     = "mcn"
	KindPayee   = "payee"
	KindMemo    = "memo"
)

// Share is one party's money.
type Share struct {
	Party  string       `json:"party"`
	Kind   string       `json:"kind"`
	Amount money.Amount `json:"amount"`
}

// Memo is a figure shown beside the split, on gross_before_platform; it moves no money.
type Memo struct {
	Party  string       `json:"party"`
	Amount money.Amount `json:"amount"`
	Basis  money.Amount `json:"basis"`
}

// mode is how a built-in income type rounds.
type mode struct {
	rounding    money.Rounding
	remainderTo string // kind that takes the rest where the contract names nobody
}

// modeOf gives the named rounding of an income type: live tips floor the other parties, commerce commissions
// round half-even, Xingtu truncates; the rest is the creator's unless the contract names a party.
func modeOf(incomeType string) mode {
	if incomeType == "commerce_commission" {
		return mode{money.HalfEven, KindCreator}
	}
	return mode{money.Down, KindCreator}
}

// Of divides amount by the contract's split. Money parties share in the ratio of their shares, so 7:2:1 with a
// memo party splits the money 7:2; memo figures are computed on gross before the platform's part.
// It fails when no money party has a share above zero or a share is negative.
func Of(incomeType string, s tenancy.Split, amount, grossBeforePlatform money.Amount) ([]Share, []Memo, error) {
	total, unit, err := weights(s.Parties)
	if err != nil {
		return nil, nil, err
	}
	m := modeOf(incomeType)
	rest := remainder(s, m)
	shares := make([]Share, 0, len(s.Parties))
	var memo []Memo
	left, restAt := amount, -1
	for i, p := range s.Parties {
		if p.Kind == KindMemo {
			memo = append(memo, Memo{p.Party, grossBeforePlatform.Times(p.Share, money.HalfEven), grossBeforePlatform})
			continue
		}
		part := money.Amount{}
		if i == rest {
			restAt = len(shares)
		} else {
			// Half-even parts of many small shares may together exceed the whole by some fen; nobody gets
			// more than what is left.
			part = money.Min(amount.MulDiv(p.Share.Num()*(unit/p.Share.Den()), total, m.rounding), left)
		}
		left = left.Sub(part)
		shares = append(shares, Share{p.Party, p.Kind, part})
	}
	shares[restAt].Amount = left
	return shares, memo, nil
}

// weights gives the sum of the money parties' shares as total/unit.
func weights(parties []tenancy.Party) (total, unit int64, err error) {
	unit = 1
	for _, p := range parties {
		if den := p.Share.Den(); unit%den != 0 {
			unit = unit / gcd(unit, den) * den
		}
	}
	for _, p := range parties {
		if p.Share.Num() < 0 {
			return 0, 0, fmt.Errorf("split: share of %s is negative", p.Party)
		}
		if p.Kind != KindMemo {
			total += p.Share.Num() * (unit / p.Share.Den())
		}
	}
	if total <= 0 {
		return 0, 0, fmt.Errorf("split: no party has a share of the money")
	}
	return total, unit, nil
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// remainder finds the party that takes the rest: the one the contract names, else the creator, else the first money party.
func remainder(s tenancy.Split, m mode) int {
	first := -1
	for i, p := range s.Parties {
		if p.Kind == KindMemo {
			continue
		}
		if s.RemainderTo != "" && p.Party == s.RemainderTo {
			return i
		}
		if first < 0 || (s.Parties[first].Kind != m.remainderTo && p.Kind == m.remainderTo) {
			first = i
		}
	}
	if s.RemainderTo != "" {
		for i, p := range s.Parties {
			if p.Kind == s.RemainderTo {
				return i
			}
		}
	}
	return first
}

// Whole is the split that gives everything to the creator: incentives, unless a contract says otherwise.
func Whole(creator string) tenancy.Split {
	return tenancy.Split{Method: "ratio", Parties: []tenancy.Party{{Party: creator, Kind: KindCreator, Share: money.Ratio(1, 1)}}}
}
