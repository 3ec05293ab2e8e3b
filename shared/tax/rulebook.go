package tax

import (
	"errors"
	"sort"

	"fenzhang/shared/civil"
)

// Entry is what one definition says on a day, as pages and GET /v1/tax/rules show it.
type Entry struct {
	ID        string          `json:"id"`
	Kind      Kind            `json:"kind"`
	Tax       string          `json:"tax,omitempty"`
	Title     Text            `json:"title"`
	Unit      string          `json:"unit,omitempty"`
	From      civil.Date      `json:"from"`
	To        civil.Date      `json:"to"`    // null = no end is known
	Value     any             `json:"value"` // null where the rule is a gap
	Status    Status          `json:"status"`
	Law       []Law           `json:"law"`
	Published civil.Date      `json:"published"`
	Note      *Text           `json:"note,omitempty"`
	Readings  map[string]Text `json:"readings,omitempty"` // what a position may choose
	Gap       *Text           `json:"gap,omitempty"`      // why there is no answer on this day
}

// Rulebook lists what every definition says on a day, gaps included, by id. Definitions whose first day is still
// to come are left out.
func (e *Engine) Rulebook(on civil.Date) []Entry {
	list := make([]Entry, 0, len(e.defs))
	for i := range e.defs {
		d := &e.defs[i]
		var last *Dated
		for j := range d.Values {
			if v := &d.Values[j]; !v.From.After(on) {
				last = v
			}
		}
		if last != nil {
			list = append(list, entry(d, last, on))
		}
	}
	e.markGaps(list, on)
	sort.Slice(list, func(i, j int) bool { return list[i].ID < list[j].ID })
	return list
}

// markGaps shows methods that cannot answer because something they use has no value on the day.
func (e *Engine) markGaps(list []Entry, on civil.Date) {
	b, err := e.book(on)
	if err != nil {
		return // before the first book there is nothing in the list
	}
	missing := map[string]Text{}
	for _, stage := range b.stages {
		for _, r := range stage {
			var g *Gap
			if errors.As(r.Validate(), &g) && g.Rule != r.ID() {
				missing[r.ID()] = Text{ZH: g.Rule + "：" + g.Missing.ZH, EN: g.Rule + ": " + g.Missing.EN}
			}
		}
	}
	for i := range list {
		if m, ok := missing[list[i].ID]; ok {
			list[i].Value, list[i].Gap = nil, &m
		}
	}
}

func entry(d *Definition, v *Dated, on civil.Date) Entry {
	x := Entry{ID: d.ID, Kind: d.Kind, Tax: d.Tax, Title: d.Title, Unit: d.Unit, From: v.From, To: v.To, Status: v.Status, Law: v.Law, Published: v.Published}
	if v.Note != (Text{}) {
		x.Note = &v.Note
	}
	switch {
	case v.Lapsed != nil || !v.covers(on):
		gap := lapsedText(v)
		x.Gap = &gap
	case v.Status == Open:
		x.Gap = &v.Note
		x.Readings = map[string]Text{}
		for name, r := range v.Readings {
			x.Readings[name] = r.Title
		}
	default:
		x.Value = v.shown(d.Kind)
	}
	return x
}

// shown gives a value in the form of its rule file.
func (v *Dated) shown(kind Kind) any {
	switch kind {
	case KindAmount:
		return v.Amount
	case KindRate:
		return v.Rate
	case KindThreshold:
		return map[string]any{"amount": v.Threshold.Amount, "edge": v.Threshold.Edge()}
	case KindBrackets:
		levels := make([]map[string]any, 0, len(v.Brackets))
		for _, b := range v.Brackets {
			level := map[string]any{"rate": b.Rate, "quick": b.Quick}
			if !b.UpTo.IsZero() {
				level["up_to"] = b.UpTo
			}
			levels = append(levels, level)
		}
		return levels
	case KindRates:
		rows := map[string]any{}
		for _, r := range v.Rates {
			if r.Open {
				rows[r.Word] = Open
				continue
			}
			rows[r.Word] = r.Rate
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

// Readings gives what a tax position may choose for a rule that is open on a day; ok is false where the rule is
// not open then, and so needs no position.
func (e *Engine) Readings(rule string, on civil.Date) (readings map[string]Text, ok bool) {
	for i := range e.defs {
		if e.defs[i].ID != rule {
			continue
		}
		if v := inForce(&e.defs[i], on); v != nil && v.Status == Open {
			return entry(&e.defs[i], v, on).Readings, true
		}
	}
	return nil, false
}
