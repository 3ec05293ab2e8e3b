package income

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// The units of amounts in statements of platforms.
const (
	Yuan  = "元"
	Fen   = "分"
	Coins = "音浪" // virtual currency of live rooms
)

// Rate is the value of one unit of a virtual currency from a day on, as the platform publishes it.
type Rate struct {
	Unit string     `json:"unit"`
	From civil.Date `json:"from"`
	Yuan money.Rate `json:"yuan"`
}

// Rates is the exchange rates of all virtual currencies.
type Rates []Rate

// rateOn returns the rate of a unit on a day.
//
// Errors: an error when no rate is known for the day; there is no default.
func (r Rates) rateOn(unit string, day civil.Date) (money.Rate, error) {
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

// parseAmount converts a figure of a statement to money. Fen and coins are whole numbers; yuan
// have at most two decimals. An empty cell is zero.
func (r Rates) parseAmount(text, unit string, day civil.Date) (money.Amount, error) {
	text, err := removeSeparators(strings.TrimSpace(text))
	if err != nil || text == "" {
		return money.Amount{}, err
	}
	switch unit {
	case Yuan:
		return parseYuan(text)
	case Fen:
		n, err := parseWhole(text)
		return money.Fen(n), err
	case Coins:
		n, err := parseWhole(text)
		if err != nil {
			return money.Amount{}, err
		}
		rate, err := r.rateOn(unit, day)
		if err != nil {
			return money.Amount{}, err
		}
		// the platform rounds half up to the fen
		return rate.ApplyTo(money.Yuan(n), money.HalfUp), nil
	}
	return money.Amount{}, fmt.Errorf("unit %q is none of %s, %s, %s", unit, Yuan, Fen, Coins)
}

// errAmount is the cause when a figure cannot be read.
var errAmount = errors.New("is not an amount")

// parseYuan reads an amount in yuan with at most two decimals.
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

// maxFigure bounds a single figure in yuan or units: a larger one is a mistake in a spreadsheet.
const maxFigure = 10_000_000_000

// parseWhole reads a whole number without leading zeros.
func parseWhole(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil || n > maxFigure || (len(s) > 1 && s[0] == '0') {
		return 0, fmt.Errorf("%q %w", s, errAmount)
	}
	return int64(n), nil
}

// removeSeparators removes thousands separators at their proper places; a figure such as "1,23.00"
// is refused.
func removeSeparators(s string) (string, error) {
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
