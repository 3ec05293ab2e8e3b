package taxapi

import (
	"fenzhang/shared/civil"
	"fenzhang/shared/tax"
)

// national is the jurisdiction of the rules that hold everywhere.
const national = "000000"

type rulesAnswer struct {
	Jurisdiction string     `json:"jurisdiction"`
	Date         civil.Date `json:"date"`
	Pack         tax.PackID `json:"pack"`
	Values       []value    `json:"values"`
	Gaps         []ruleGap  `json:"gaps"`
}

// value is one rule or parameter as it stands on a day.
type value struct {
	ID        string     `json:"id"`
	Kind      tax.Kind   `json:"kind"`
	Title     tax.Text   `json:"title"`
	Unit      string     `json:"unit,omitempty"`
	Value     any        `json:"value"`
	From      civil.Date `json:"from"`
	To        civil.Date `json:"to"`
	Status    tax.Status `json:"status"`
	Law       []tax.Law  `json:"law"`
	Published civil.Date `json:"published"`
}

// ruleGap is what the law, as far as it is known, leaves open on the day.
type ruleGap struct {
	Rule    string   `json:"rule"`
	Missing tax.Text `json:"missing"`
}

// answer lists what is in force on a day. Only the national pack is here; a province shows the same values.
func (a API) answer(day civil.Date, jurisdiction string) rulesAnswer {
	if jurisdiction == "" {
		jurisdiction = national
	}
	out := rulesAnswer{Jurisdiction: jurisdiction, Date: day, Pack: a.Engine.Pack(), Values: []value{}, Gaps: []ruleGap{}}
	for _, d := range a.Engine.Definitions() {
		v := inForce(d, day)
		switch {
		case v == nil:
			continue
		case v.Lapsed != nil:
			out.Gaps = append(out.Gaps, ruleGap{d.ID, *v.Lapsed})
		case v.Status == tax.Open:
			out.Gaps = append(out.Gaps, ruleGap{d.ID, v.Note})
		default:
			out.Values = append(out.Values, value{ID: d.ID, Kind: d.Kind, Title: d.Title, Unit: d.Unit, Value: shown(d.Kind, v),
				From: v.From, To: v.To, Status: v.Status, Law: laws(v.Law), Published: v.Published})
		}
	}
	return out
}

func inForce(d tax.Definition, day civil.Date) *tax.Dated {
	for i := range d.Values {
		if v := &d.Values[i]; !day.Before(v.From) && (v.To.IsZero() || !day.After(v.To)) {
			return v
		}
	}
	return nil
}

// shown is the value itself; methods and regimes are told by their title and articles.
func shown(k tax.Kind, v *tax.Dated) any {
	switch k {
	case tax.KindAmount:
		return v.Amount
	case tax.KindRate:
		return v.Rate
	case tax.KindThreshold:
		return v.Threshold
	case tax.KindBrackets:
		return v.Brackets
	case tax.KindChoice:
		return v.Choice
	}
	return nil
}

func laws(l []tax.Law) []tax.Law {
	if l == nil {
		return []tax.Law{}
	}
	return l
}
