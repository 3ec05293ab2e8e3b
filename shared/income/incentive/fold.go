package incentive

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"fenzhang/shared/money"
)

// Entry is what the day's fold needs of an event. A nil Grant is an event that waits for a
// strategy: it counts as an event and earns nothing yet.
type Entry struct {
	EventID string
	Grant   *Grant
}

// Totals are a creator's day.
type Totals struct {
	Events  int
	Cash    money.Amount
	Traffic int64
	Shop    int64
}

// SumDay adds up a creator's day. Every event counts once however often and in whatever order its
// entries come, and an entry with a reward stands for its event against one without. What a
// strategy gives is cut at its daily cap; where versions of a strategy with different caps rewarded
// the same day, the largest cap holds.
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

// source is where rewards of a day come from.
type source struct {
	strategy string
	kind     Kind
}

// capped is what a source gives on a day.
type capped struct {
	sum, limit int64
	unlimited  bool // a version without a cap took part
}

func (c capped) addGrant(g *Grant) capped {
	c.sum = money.Fen(c.sum).Add(money.Fen(g.StoredValue())).Fen() // stops at an overflow, for points too
	c.limit = max(c.limit, g.DailyCap)
	c.unlimited = c.unlimited || g.DailyCap == 0
	return c
}

func (c capped) cappedSum() int64 {
	if c.unlimited {
		return c.sum
	}
	return min(c.sum, c.limit)
}

// grantByEvent keeps one grant for each event. Recording gives an event at most one grant for ever, so
// which of two grants is kept does not matter.
func grantByEvent(entries []Entry) map[string]*Grant {
	events := make(map[string]*Grant, len(entries))
	for _, e := range entries {
		if events[e.EventID] == nil {
			events[e.EventID] = e.Grant
		}
	}
	return events
}

// EncodeEntries writes entries in a compact text that depends on their set only, not on their order: a
// line "@strategy version kind cap" for each strategy version, "@" alone for events without a
// reward, and under it a line "event value" for each event. Ids hold no blank and no @, so nothing
// needs escaping. Values and caps are fen of cash, else points.
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

// DecodeEntries reads the text back. What Encode did not write is an error: it would be money of unknown
// origin.
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
		if err != nil || !headed {
			return nil, fmt.Errorf("incentive: entry %q cannot be read", line)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func decodeStrategyLine(head string) (*Grant, error) {
	if head == "" {
		return nil, nil
	}
	parts := strings.Split(head, " ")
	if len(parts) != 4 || !isID(parts[0]) {
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

func decodeEntry(line string, strategy *Grant) (Entry, error) {
	id, number, valued := strings.Cut(line, " ")
	if !isID(id) || valued != (strategy != nil) {
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
