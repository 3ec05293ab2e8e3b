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

// Filed reports whether the paying entity has filed its returns of a month. The caller knows which
// months those are.
type Filed func(month civil.Month) bool

// FiledMonths makes a Filed from the list of filed months.
func FiledMonths(list []civil.Month) Filed {
	return func(m civil.Month) bool { return slices.Contains(list, m) }
}

// LatenessRules compute on which day a return was due and which late fee is owed on tax that was
// declared too low.
type LatenessRules struct {
	Rules    *tax.Engine // the national rules
	Calendar *calendar.Calendar
	PaidOn   civil.Date // the day on which the amended tax will be paid
}

// Amendment is one filed month whose return must be filed again (更正申报).
type Amendment struct {
	Month civil.Month `json:"month"`
	Rows  []Amended   `json:"rows"`
}

// Amended is the row of one person and item in a return that is filed again. Amended has the
// corrected figures of the whole month, because an amended return replaces the filed one.
type Amended struct {
	Tax       string  `json:"tax"`
	Item      string  `json:"item"`
	Platform  string  `json:"platform,omitempty"`
	Filed     Figures `json:"filed"`
	Corrected Figures `json:"corrected"`
	// ToDate are the totals of the year up to the month, for items that are withheld cumulatively.
	// Every correction of an earlier month changes them, so a later month must be filed again even
	// if its own figures are the same.
	ToDate *ToDate    `json:"to_date,omitempty"`
	DueOn  civil.Date `json:"due_on"`
	// null if no more tax is due or the rule on late fees is missing
	LateFee *LateFee     `json:"late_fee"`
	Missing *MissingRule `json:"missing,omitempty"`
}

// MissingRule names a rule that the computation needs and that is open or not recorded.
type MissingRule struct {
	Rule    string         `json:"rule"`
	Missing bilingual.Text `json:"missing"`
}

// ToDate are the totals of the tax year from its first month up to and including a month.
type ToDate struct {
	Filed     Figures `json:"filed"`
	Corrected Figures `json:"corrected"`
}

// LateFee is the fee (滞纳金) on the tax that the filed return of a month declared too low.
type LateFee struct {
	Tax  money.Amount `json:"tax"`
	Days int          `json:"days"`
	Fee  money.Amount `json:"fee"`
}

// returnKey identifies a row within a return: the tax, the item of income, and the platform for
// platform labor.
type returnKey struct {
	tax, item, platform string
}

// monthRow is a row of the return of one month, with the filed and the corrected figures.
type monthRow struct {
	returnKey
	month            civil.Month
	filed, corrected Figures
}

// Amendments lists the filed months whose returns the second law changes. For an item that is
// withheld cumulatively it also lists every later filed month, as long as the totals of the year
// differ.
//
// Errors: 5002 if a settlement of the person cannot be computed, because then no total of a month
// is known.
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
			// A return of a cumulative item states the totals of the year, so different totals make it
			// wrong.
			affected = affected || a.ToDate.Filed != a.ToDate.Corrected
		}
		if !affected {
			continue
		}
		d.addDueDateAndLateFee(&a, r.month)
		// The rows are sorted by month, so the month of this row is the last one listed or a new one.
		if n := len(out); n == 0 || out[n-1].Month != r.month {
			out = append(out, Amendment{Month: r.month})
		}
		last := &out[len(out)-1]
		last.Rows = append(last.Rows, a)
	}
	return out, nil
}

// requireFigures returns error 5002 if a settlement of the person could not be computed.
func (p *Person) requireFigures() error {
	if len(p.Gaps) == 0 {
		return nil
	}
	g := p.Gaps[0]
	return fault.MissingRule("rule_gap", g.Rule,
		string("Settlement "+g.Settlement+
			" has no figures under this law, so no total of this person is known: ")+g.Missing.EN)
}

// returnRows sums all tax rows up to the rows of the paying entity's returns, sorted by month, tax
// and item. Taxes that the payee files itself are left out.
func (p *Person) returnRows() []monthRow {
	var out []monthRow
	at := map[monthRow]int{}
	find := func(r *tax.Row) *monthRow {
		k := monthRow{returnKey: returnKey{tax: r.Kind, item: r.Item}, month: MonthOfPeriod(r.Period)}
		// Platform labor is withheld per platform, so it has one row for each; other items have one.
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

// MonthOfPeriod returns the month whose return contains a tax row of this period; the period is a
// month or a day of the month.
func MonthOfPeriod(period string) civil.Month {
	if len(period) > len("2006-01") {
		period = period[:len("2006-01")]
	}
	m, err := civil.ParseMonth(period)
	if err != nil {
		return civil.Month{} // the engine writes only months and days; anything else is in no return
	}
	return m
}

// yearToDateTotals sums the rows with the same return key from January up to the month of the given
// row.
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

// addDueDateAndLateFee sets the day on which the return of the month was due and, if too little tax
// was declared, the late fee. If a rule for that is missing, it names the rule instead.
func (d LatenessRules) addDueDateAndLateFee(a *Amended, month civil.Month) {
	lacked := a.Corrected.Withheld.Sub(a.Filed.Withheld)
	// Income tax is in the withholding return; surcharges are declared together with VAT.
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
