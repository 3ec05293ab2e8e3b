package incentive

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// Entry is what the sum of a day needs of an event. An entry without a Grant belongs to an event
// that waits for a strategy: it counts as an event and earns nothing yet.
type Entry struct {
	EventID string
	Grant   *Grant
}

// Totals are the sums of a creator's day.
type Totals struct {
	Events  int
	Cash    money.Amount
	Traffic int64
	Shop    int64
}

// SumDay computes the totals of a creator's day from its entries. Every event counts once, however
// often and in whatever order its entries come; an entry with a reward replaces an entry of the
// same event without one. The rewards of a strategy are limited by its daily cap; when versions of
// a strategy with different caps rewarded events of the same day, the largest cap applies.
func SumDay(entries []Entry) Totals {
	var t Totals
	sums := map[source]capped{}
	for _, g := range grantByEvent(entries) {
		t.Events++
		if g != nil {
			from := source{g.Strategy, g.Kind}
			sums[from] = sums[from].addGrant(g)
		}
	}
	for from, c := range sums {
		switch from.kind {
		case Cash:
			t.Cash = t.Cash.Add(money.Fen(c.cappedSum()))
		case Traffic:
			t.Traffic += c.cappedSum()
		case Shop:
			t.Shop += c.cappedSum()
		}
	}
	return t
}

// source identifies rewards of the same strategy and kind, to which one daily cap applies.
type source struct {
	strategy string
	kind     Kind
}

// capped is the sum of the rewards of one source on a day, with the daily cap that limits it.
type capped struct {
	sum, limit int64
	// unlimited reports that a version of the strategy without a cap rewarded an event of the day.
	unlimited bool
}

// addGrant adds a reward to the sum and raises the cap to that of the reward's strategy version.
func (c capped) addGrant(g *Grant) capped {
	// The addition of amounts stops at an overflow; it is used for points too.
	c.sum = money.Fen(c.sum).Add(money.Fen(g.StoredValue())).Fen()
	c.limit = max(c.limit, g.DailyCap)
	c.unlimited = c.unlimited || g.DailyCap == 0
	return c
}

// cappedSum returns the sum, but at most the daily cap.
func (c capped) cappedSum() int64 {
	if c.unlimited {
		return c.sum
	}
	return min(c.sum, c.limit)
}

// grantByEvent returns one reward for each event id. Recording gives an event at most one reward
// for ever, so it does not matter which of two equal rewards is kept.
func grantByEvent(entries []Entry) map[string]*Grant {
	events := make(map[string]*Grant, len(entries))
	for _, e := range entries {
		if events[e.EventID] == nil {
			events[e.EventID] = e.Grant
		}
	}
	return events
}

// EncodeEntries encodes entries in a compact text that depends only on the set of entries, not on
// their order. The text has a line "@strategy version kind cap" for each strategy version, "@"
// alone for events without a reward, and below it a line "event value" for each event. Ids contain
// neither blanks nor @, so nothing needs escaping. Values and caps are fen for cash and points
// otherwise.
func EncodeEntries(entries []Entry) string {
	events := grantByEvent(entries)
	groups := map[string][]string{}
	for id, g := range events {
		head, line := "@", id
		if g != nil {
			head = fmt.Sprintf("@%s %d %s %d", g.Strategy, g.Version, g.Kind, g.DailyCap)
			line = id + " " + strconv.FormatInt(g.StoredValue(), 10)
		}
		groups[head] = append(groups[head], line)
	}
	heads := make([]string, 0, len(groups))
	for head := range groups {
		heads = append(heads, head)
	}
	slices.Sort(heads)
	var b strings.Builder
	for _, head := range heads {
		b.WriteString(head + "\n")
		slices.Sort(groups[head])
		for _, line := range groups[head] {
			b.WriteString(line + "\n")
		}
	}
	return b.String()
}

// DecodeEntries decodes a text of EncodeEntries. Any other text is an error, because its entries
// would be money of unknown origin.
func DecodeEntries(text string) ([]Entry, error) {
	var entries []Entry
	var strategy *Grant
	headed := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if head, ok := strings.CutPrefix(line, "@"); ok {
			g, err := decodeStrategyLine(head)
			if err != nil {
				return nil, err
			}
			strategy, headed = g, true
			continue
		}
		e, err := decodeEntry(line, strategy)
		// An entry before the first strategy line cannot come from EncodeEntries.
		if err != nil || !headed {
			return nil, fmt.Errorf("incentive: entry %q cannot be read", line)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// decodeStrategyLine decodes the part after "@" of a strategy line; it returns nil for the line of
// events without a reward.
func decodeStrategyLine(head string) (*Grant, error) {
	if head == "" {
		return nil, nil
	}
	parts := strings.Split(head, " ")
	if len(parts) != 4 || !ident.Valid(parts[0]) {
		return nil, fmt.Errorf("incentive: strategy line %q cannot be read", head)
	}
	version, err1 := strconv.Atoi(parts[1])
	limit, err2 := strconv.ParseInt(parts[3], 10, 64)
	kind := Kind(parts[2])
	if err1 != nil || err2 != nil || limit < 0 || (kind != Cash && kind != Traffic && kind != Shop) {
		return nil, fmt.Errorf("incentive: strategy line %q cannot be read", head)
	}
	return &Grant{Kind: kind, Strategy: parts[0], Version: version, DailyCap: limit}, nil
}

// decodeEntry decodes one event line below a strategy line.
func decodeEntry(line string, strategy *Grant) (Entry, error) {
	id, number, valued := strings.Cut(line, " ")
	if !ident.Valid(id) || valued != (strategy != nil) {
		return Entry{}, strconv.ErrSyntax
	}
	if strategy == nil {
		return Entry{EventID: id}, nil
	}
	value, err := strconv.ParseInt(number, 10, 64)
	if err != nil || value < 0 {
		return Entry{}, strconv.ErrSyntax
	}
	g := NewGrant(strategy.Kind, value, strategy.Strategy, strategy.Version, strategy.DailyCap)
	return Entry{EventID: id, Grant: &g}, nil
}
