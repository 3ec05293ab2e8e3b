package tax

import (
	"errors"
	"sort"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
)

// Entry is what one definition says on a day, as web pages and GET /v1/tax/rules show it.
type Entry struct {
	ID string `json:"id"`
	// Place is the locality or jurisdiction whose pack has the value; "" means the national pack.
	Place string         `json:"place,omitempty"`
	Kind  Kind           `json:"kind"`
	Tax   string         `json:"tax,omitempty"`
	Title bilingual.Text `json:"title"`
	Unit  string         `json:"unit,omitempty"`
	From  civil.Date     `json:"from"`
	// To is null where no end is known.
	To civil.Date `json:"to"`
	// Value is null where the rule is a gap.
	Value     any             `json:"value"`
	Status    Status          `json:"status"`
	Law       []Law           `json:"law"`
	Published civil.Date      `json:"published"`
	Note      *bilingual.Text `json:"note,omitempty"`
	// Readings are what a tax position may choose.
	Readings map[string]bilingual.Text `json:"readings,omitempty"`
	// Gap says why there is no answer on this day.
	Gap *bilingual.Text `json:"gap,omitempty"`
}

// IDWithPlace returns the entry's id with its place, as gaps write it: "iit.assessed.quota@130000".
func (x *Entry) IDWithPlace() string {
	if x.Place == "" {
		return x.ID
	}
	return x.ID + "@" + x.Place
}

// RulesUsed returns the id of the national pack and, for a place with a pack, that of its
// jurisdiction.
func (e *Engine) RulesUsed() RulesUsed { return rulesUsed(e, e) }

// Rulebook lists the entry of every definition on a day, gaps included, sorted by id: those of the
// engine's place and, for definitions that the place has not decided by that day, those of the
// packs above. Definitions whose first day is still to come are left out.
func (e *Engine) Rulebook(on civil.Date) []Entry {
	var list []Entry
	said := map[string]bool{}
	for at := e; at != nil; at = at.parent {
		for i := range at.defs {
			d := &at.defs[i]
			// the nearest pack that has decided an id hides the packs above
			if v := d.latestValue(on); v != nil && !said[d.ID] {
				said[d.ID] = true
				x := newEntry(d, v, on)
				x.Place = at.place
				list = append(list, x)
			}
		}
	}
	e.markGaps(list, on)
	sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID })
	return list
}

// latestValue returns the last value that has begun by a day; nil where none has.
func (d *Definition) latestValue(on civil.Date) *DatedValue {
	var last *DatedValue
	for i := range d.Values {
		if v := &d.Values[i]; !v.From.After(on) {
			last = v
		}
	}
	return last
}

// markGaps turns methods into gaps that cannot compute because a definition they use has no value
// on the day.
func (e *Engine) markGaps(list []Entry, on civil.Date) {
	b, err := e.bookOn(on)
	if err != nil {
		return // before the first day of the pack the list is empty
	}
	missing := map[string]bilingual.Text{}
	mark := func(r TaxRule) {
		var g *Gap
		if errors.As(r.Validate(), &g) && g.Rule != r.ID() {
			missing[r.ID()] = bilingual.Text{ZH: g.Rule + "：" + g.Missing.ZH,
				EN: g.Rule + ": " + g.Missing.EN}
		}
	}
	for above := b; above != nil; above = above.parent {
		for _, r := range above.questions {
			if above == b || b.questions[r.ID()] == nil {
				mark(r)
			}
		}
	}
	for _, stage := range b.stages {
		for _, r := range stage {
			mark(r)
		}
	}
	for i := range list {
		if m, ok := missing[list[i].ID]; ok {
			list[i].Value, list[i].Gap = nil, &m
		}
	}
}

// newEntry builds the entry of a definition's value, with the gap where it has lapsed or is open.
func newEntry(d *Definition, v *DatedValue, on civil.Date) Entry {
	x := Entry{ID: d.ID, Kind: d.Kind, Tax: d.Tax, Title: d.Title, Unit: d.Unit, From: v.From,
		To: v.To, Status: v.Status, Law: v.Law, Published: v.Published}
	if v.Note != (bilingual.Text{}) {
		x.Note = &v.Note
	}
	switch {
	case v.Lapsed != nil || !v.isInForce(on):
		gap := lapsedReason(v)
		x.Gap = &gap
	case v.Status == Open:
		gap := v.openReason()
		x.Gap, x.Note = &gap, nil
		x.Readings = map[string]bilingual.Text{}
		for name, r := range v.Readings {
			x.Readings[name] = r.Title
		}
	default:
		x.Value = v.displayValue(d.Kind)
	}
	return x
}

// displayValue returns a value in the form of its rule file.
func (v *DatedValue) displayValue(kind Kind) any {
	switch kind {
	case KindAmount:
		return v.Amount
	case KindRate:
		return v.Rate
	case KindThreshold:
		return map[string]any{"amount": v.Threshold.Amount, "edge": v.Threshold.EdgeText()}
	case KindBrackets:
		return displayBrackets(v.Brackets)
	case KindRates:
		return displayRates(v.Rates)
	case KindBands:
		rows := make([]map[string]any, 0, len(v.Bands))
		for _, b := range v.Bands {
			rows = append(rows, b.displayRow())
		}
		return rows
	case KindChoice:
		return v.Choice
	case KindMethod:
		return map[string]any{"method": v.Method.Name, "uses": v.Method.Uses}
	case KindRegime:
		return map[string]any{"item": v.Regime.Item, "refuse": v.Regime.Refuse, "text": v.Regime.Text}
	}
	return nil
}

// displayBrackets returns a progressive table in the form of its rule file.
func displayBrackets(brackets []Bracket) []map[string]any {
	levels := make([]map[string]any, 0, len(brackets))
	for _, b := range brackets {
		level := map[string]any{"rate": b.Rate, "quick": b.Quick}
		if !b.UpTo.IsZero() {
			level["up_to"] = b.UpTo
		}
		levels = append(levels, level)
	}
	return levels
}

// displayRates returns a table of rates in the form of its rule file; a row whose rate was not read
// says open.
func displayRates(rates []RateRow) map[string]any {
	rows := map[string]any{}
	for _, r := range rates {
		if r.Open {
			rows[r.Word] = Open
			continue
		}
		rows[r.Word] = r.Rate
	}
	return rows
}

// displayRow returns a row of a table by totals in the form of its rule file.
func (b *Band) displayRow() map[string]any {
	row := map[string]any{"rate": b.Rate}
	switch {
	case b.Edge.IsZero():
	case b.Inclusive:
		row["up_to"] = b.Edge
	default:
		row["below"] = b.Edge
	}
	return row
}

// Readings returns what a tax position may choose for a rule that is open on a day. ok is false
// where the rule is not open then, so that it needs no position.
func (e *Engine) Readings(rule string,
	on civil.Date) (readings map[string]bilingual.Text, ok bool) {
	d := e.findDefinition(rule)
	if d == nil {
		return nil, false
	}
	if v := valueInForce(d, on); v != nil && v.Status == Open {
		return newEntry(d, v, on).Readings, true
	}
	return nil, false
}

// StatusOn returns the status of a rule's value on a day at the engine's place, or "" where it has
// none.
func (e *Engine) StatusOn(rule string, on civil.Date) Status {
	for at := e; at != nil; at = at.parent {
		for i := range at.defs {
			if d := &at.defs[i]; d.ID == rule && d.hasBegunBy(on) {
				if v := valueInForce(d, on); v != nil {
					return v.Status
				}
				return ""
			}
		}
	}
	return ""
}
