package lawdiff

import (
	"cmp"
	"slices"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// Filed tells whether the paying entity has filed its returns of a month. The caller says which
// those are.
type Filed func(month civil.Month) bool

// FiledMonths makes a Filed of a list.
func FiledMonths(list []civil.Month) Filed {
	return func(m civil.Month) bool { return slices.Contains(list, m) }
}

// LatenessRules is what decides when a return was due and what lateness costs.
type LatenessRules struct {
	Rules    *tax.Engine // national
	Calendar *calendar.Calendar
	PaidOn   civil.Date // day on which the amended tax will be paid
}

// Amendment is one filed month whose return must be filed again (更正申报).
type Amendment struct {
	Month civil.Month `json:"month"`
	Rows  []Amended   `json:"rows"`
}

// Amended is the row of one person and item in a return: the whole month as it must read, never a
// difference.
type Amended struct {
	Tax       string  `json:"tax"`
	Item      string  `json:"item"`
	Platform  string  `json:"platform,omitempty"`
	Filed     Figures `json:"filed"`
	Corrected Figures `json:"corrected"`
	// ToDate are the year's totals up to the month, for items that are withheld cumulatively: they
	// change with every earlier month, so the later rows are affected even where their own figures
	// stand.
	ToDate  *ToDate      `json:"to_date,omitempty"`
	DueOn   civil.Date   `json:"due_on"`
	LateFee *LateFee     `json:"late_fee"` // null where nothing more is due, or the rule is missing
	Missing *MissingRule `json:"missing,omitempty"`
}

// MissingRule names a rule that would be needed and is not there.
type MissingRule struct {
	Rule    string         `json:"rule"`
	Missing bilingual.Text `json:"missing"`
}

// ToDate are cumulative totals of the year.
type ToDate struct {
	Filed     Figures `json:"filed"`
	Corrected Figures `json:"corrected"`
}

// LateFee is the late fee on what a month lacked (滞纳金).
type LateFee struct {
	Tax  money.Amount `json:"tax"`
	Days int          `json:"days"`
	Fee  money.Amount `json:"fee"`
}

// returnKey is a row of a return.
type returnKey struct {
	tax, item, platform string
}

// monthRow is a row of the return of one month.
type monthRow struct {
	returnKey
	month            civil.Month
	filed, corrected Figures
}

// Amendments lists the filed months that the second law changes, with every later filed month of an
// item that is withheld cumulatively as long as the year's totals differ.
//
// Errors: 5002 when a settlement of the person cannot be computed: then no total of a month is
// known.
func (p *Person) Amendments(filed Filed, d LatenessRules) ([]Amendment, error) {
	if err := p.requireFigures(); err != nil {
		return nil, err
	}
	rows := p.returnRows()
	var out []Amendment
	for i := range rows {
		r := &rows[i]
		if !filed(r.month) {
			continue
		}
		a := Amended{Tax: r.tax, Item: r.item, Platform: r.platform, Filed: r.filed,
			Corrected: r.corrected}
		affected := r.filed != r.corrected
		if r.tax == tax.IIT && tax.IsCumulative(r.item, p.taxpayer) {
			a.ToDate = yearToDateTotals(rows, r)
			affected = affected || a.ToDate.Filed != a.ToDate.Corrected
		}
		if !affected {
			continue
		}
		d.addDueDateAndLateFee(&a, r.month)
		if n := len(out); n == 0 || out[n-1].Month != r.month {
			out = append(out, Amendment{Month: r.month})
		}
		last := &out[len(out)-1]
		last.Rows = append(last.Rows, a)
	}
	return out, nil
}

// requireFigures refuses where a settlement has no figures.
func (p *Person) requireFigures() error {
	if len(p.Gaps) == 0 {
		return nil
	}
	g := p.Gaps[0]
	return fault.Missing("rule_gap", g.Rule,
		string("Settlement "+g.Settlement+
			" has no figures under this law, so no total of this person is known: ")+g.Missing.EN)
}

// returnRows adds all rows up to return rows, by month, tax and item. What the payee files itself is
// in no return of the paying entity.
func (p *Person) returnRows() []monthRow {
	var out []monthRow
	at := map[monthRow]int{}
	find := func(r *tax.Row) *monthRow {
		k := monthRow{returnKey: returnKey{tax: r.Kind, item: r.Item}, month: MonthOfPeriod(r.Period)}
		if r.Item == tax.ItemLaborPlatform {
			k.platform = r.Platform
		}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, k)
		}
		return &out[i]
	}
	for i := range p.booked {
		if r := &p.booked[i]; r.Collection != tax.SelfFiled {
			m := find(r)
			m.filed = m.filed.Add(figuresOfRow(r))
		}
	}
	for i := range p.recomputed {
		if r := &p.recomputed[i]; r.Collection != tax.SelfFiled {
			m := find(r)
			m.corrected = m.corrected.Add(figuresOfRow(r))
		}
	}
	slices.SortFunc(out, func(a, b monthRow) int {
		return cmp.Or(a.month.Sub(b.month), cmp.Compare(a.tax, b.tax), cmp.Compare(a.item, b.item),
			cmp.Compare(a.platform, b.platform))
	})
	return out
}

// MonthOfPeriod is the month of a row's period; a day belongs to the return of its month.
func MonthOfPeriod(period string) civil.Month {
	if len(period) > len("2006-01") {
		period = period[:len("2006-01")]
	}
	m, err := civil.ParseMonth(period)
	if err != nil {
		return civil.Month{} // rows are written by the engine; one without a month is in no return
	}
	return m
}

func yearToDateTotals(rows []monthRow, of *monthRow) *ToDate {
	var t ToDate
	for i := range rows {
		if r := &rows[i]; r.returnKey == of.returnKey && r.month.Year() == of.month.Year() &&
			!r.month.After(of.month) {
			t.Filed, t.Corrected = t.Filed.Add(r.filed), t.Corrected.Add(r.corrected)
		}
	}
	return &t
}

// addDueDateAndLateFee tells when the month was due and what its lateness costs.
func (d LatenessRules) addDueDateAndLateFee(a *Amended, month civil.Month) {
	lacked := a.Corrected.Withheld.Sub(a.Filed.Withheld)
	kind := tax.ReturnVAT
	if a.Tax == tax.IIT {
		kind = tax.ReturnWithholding
	}
	due, err := d.Rules.DueDate(kind, month.Last(), d.Calendar)
	if err == nil {
		a.DueOn = due.Last
		if !lacked.Positive() {
			return
		}
		var fee tax.LateFee
		if fee, err = d.Rules.LateFee(lacked, due.Last, d.PaidOn); err == nil {
			a.LateFee = &LateFee{Tax: lacked, Days: fee.Days, Fee: fee.Fee}
			return
		}
	}
	g := gapFromError(err, &Event{})
	a.Missing = &MissingRule{Rule: g.Rule, Missing: g.Missing}
}
