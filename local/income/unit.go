package income

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// The units in which statements count.
const (
	Yuan  = "元"
	Fen   = "分"
	Coins = "音浪" // virtual currency of live rooms
)

// Rate is what one unit of a virtual currency is worth, from a day on, as the platform publishes
// it.
type Rate struct {
	Unit string     `json:"unit"`
	From civil.Date `json:"from"`
	Yuan money.Rate `json:"yuan"`
}

// Rates is the table of all virtual currencies.
type Rates []Rate

// on gives the rate of a unit on a day; there is no default, an unknown day is an error.
func (r Rates) on(unit string, day civil.Date) (money.Rate, error) {
	var best *Rate
	for i := range r {
		if r[i].Unit == unit && !day.Before(r[i].From) && (best == nil || r[i].From.After(best.From)) {
			best = &r[i]
		}
	}
	if best == nil {
		return money.Rate{}, fmt.Errorf("no rate for %s on %s", unit, day)
	}
	return best.Yuan, nil
}

// amount turns a figure of a statement into money. Fen and coins are whole numbers; yuan have at
// most two decimals. An empty cell is nothing.
func (r Rates) amount(text, unit string, day civil.Date) (money.Amount, error) {
	text, err := ungroup(strings.TrimSpace(text))
	if err != nil || text == "" {
		return money.Amount{}, err
	}
	switch unit {
	case Yuan:
		return parseYuan(text)
	case Fen:
		n, err := whole(text)
		return money.Fen(n), err
	case Coins:
		n, err := whole(text)
		if err != nil {
			return money.Amount{}, err
		}
		rate, err := r.on(unit, day)
		if err != nil {
			return money.Amount{}, err
		}
		return rate.Of(money.Yuan(n), money.HalfUp), nil
	}
	return money.Amount{}, fmt.Errorf("unit %q is none of %s, %s, %s", unit, Yuan, Fen, Coins)
}

var errAmount = errors.New("is not an amount")

// parseYuan reads yuan with no, one or two decimals.
func parseYuan(s string) (money.Amount, error) {
	whole, frac, dotted := strings.Cut(s, ".")
	if dotted && frac == "" || len(frac) > 2 {
		return money.Amount{}, fmt.Errorf("%q %w", s, errAmount)
	}
	a, err := money.Parse(whole + "." + (frac + "00")[:2])
	if err != nil || a.Negative() || a.Fen() > maxFigure*100 {
		return money.Amount{}, fmt.Errorf("%q %w", s, errAmount)
	}
	return a, nil
}

// maxFigure bounds a single figure (yuan, or units): what is larger is a slip of a spreadsheet.
const maxFigure = 10_000_000_000

func whole(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || n > maxFigure || (len(s) > 1 && s[0] == '0') {
		return 0, fmt.Errorf("%q %w", s, errAmount)
	}
	return int64(n), nil
}

// ungroup takes well-formed thousands separators out; "1,23.00" is refused, not guessed.
func ungroup(s string) (string, error) {
	if !strings.Contains(s, ",") {
		return s, nil
	}
	head, frac, dotted := strings.Cut(s, ".")
	groups := strings.Split(head, ",")
	for i, g := range groups {
		if len(g) != 3 && (i > 0 || len(g) == 0 || len(g) > 3) {
			return "", fmt.Errorf("%q %w", s, errAmount)
		}
	}
	if dotted {
		frac = "." + frac
	}
	return strings.Join(groups, "") + frac, nil
}
