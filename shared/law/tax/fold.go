package tax

import (
	"math/bits"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// FoldRows sums booked, reversed and opening rows of one paying entity and one taxpayer into the
// period totals before a payment. IIT counts the rows of f.Item and f.Project, for cumulative labor
// those of f.Platform, for wages and interns all of the payer; VAT counts all items of its day,
// month and quarter. f.Item must be set: Engine.DeriveItem derives it, Engine.ComputeRows does
// both.
func FoldRows(rows []Row, f Facts) ToDate {
	var t ToDate
	t.addRows(rows, &f, f.VATDate.String())
	return t
}

// addRows sums rows into t; vatDay is the VAT date as the period text of rows.
func (t *ToDate) addRows(rows []Row, f *Facts, vatDay string) {
	month := f.PaymentDate.Month()
	vatMonth := f.VATDate.Month()
	for i := range rows {
		r := &rows[i]
		if r.Kind == IIT {
			t.addIncomeRow(r, f, month)
			continue
		}
		if r.Period == vatDay {
			t.Day.addRow(r)
		}
		if m, err := civil.ParseMonth(r.Period); err == nil {
			if m == vatMonth {
				t.Month.Turnover.addRow(r)
			}
			if m.Year() == vatMonth.Year() && quarterIndex(m) == quarterIndex(vatMonth) {
				t.Quarter.addRow(r)
			}
		}
	}
	t.Year.countMonths(month)
}

// quarterIndex returns the quarter of a month, from 0 to 3.
func quarterIndex(m civil.Month) int { return (m.Number() - 1) / 3 }

// addIncomeRow counts one income tax row into the payment's month and year, unless the row belongs
// to another item, platform, project or year, or to a later month.
func (t *ToDate) addIncomeRow(r *Row, f *Facts, month civil.Month) {
	if r.Item != f.Item {
		return
	}
	// cumulative methods count all payments of the platform or of the payer, the others only those of
	// the project
	if r.Item == ItemLaborPlatform && r.Platform != f.Platform {
		return
	}
	if !f.isCumulative(r.Item) && r.Project != f.Project {
		return
	}
	m, err := civil.ParseMonth(r.Period)
	if err != nil || m.Year() != month.Year() || m.After(month) {
		return
	}
	if m == month {
		t.Month.Income = t.Month.Income.Add(r.Income)
		t.Month.Withheld = t.Month.Withheld.Add(r.Withheld)
	}
	y, n := &t.Year, m.Number()-1
	y.Income = y.Income.Add(r.Income)
	y.Withheld = y.Withheld.Add(r.Withheld)
	y.ByMonth[n] = y.ByMonth[n].Add(r.Income)
	y.WithheldByMonth[n] = y.WithheldByMonth[n].Add(r.Withheld)
	// an opening row of several months stands for income in each of them, which break months depend on
	for back := 1; back < r.Months && n-back >= 0; back++ {
		y.Opening |= 1 << (n - back)
	}
}

// isCumulative reports whether income tax on an item of this payee is computed on the year's total.
func (f *Facts) isCumulative(item string) bool { return IsCumulative(item, f.Taxpayer.Kind) }

// IsCumulative reports whether income tax on an item, paid to a kind of taxpayer, is computed on
// the year's total instead of on the project or the payment.
func IsCumulative(item, kind string) bool {
	return item == ItemLaborPlatform || item == ItemWages ||
		(item == ItemLabor && kind == "student_intern")
}

// addRow counts one VAT or surcharge row.
func (t *Turnover) addRow(r *Row) {
	switch r.Kind {
	case VAT:
		t.Received = t.Received.Add(r.Received)
		t.Sales = t.Sales.Add(r.Sales)
		t.VAT = t.VAT.Add(r.Withheld)
	case UMCT:
		t.UMCT = t.UMCT.Add(r.Withheld)
	case EDU:
		t.EDU = t.EDU.Add(r.Withheld)
	case LEDU:
		t.LEDU = t.LEDU.Add(r.Withheld)
	}
}

// countMonths sets the number of months with income, and whether there is a break between them.
func (y *YearToDate) countMonths(month civil.Month) {
	y.Months = bits.OnesCount16(y.activeMonths())
	y.Broken = y.hasBreak(month.Number() - 1)
}

// hasMonthlyIncome reports whether the income of the single months is known, and not only the
// total.
func (y *YearToDate) hasMonthlyIncome() bool { return y.activeMonths() != 0 }

// activeMonths returns a bit set: bit n is set for month n+1 with income, or covered by an opening
// row.
func (y *YearToDate) activeMonths() uint16 {
	m := y.Opening
	for n, a := range y.ByMonth {
		if !a.IsZero() {
			m |= 1 << n
		}
	}
	return m
}

// hasBreak reports whether a month without income lies between the first month with income and the
// current one.
func (y *YearToDate) hasBreak(current int) bool {
	m := y.activeMonths()&(1<<current-1) | 1<<current
	// without a break the bits are one run of ones, and adding 1 clears all of them
	run := m >> bits.TrailingZeros16(m)
	return run&(run+1) != 0
}

// sumBeforePayment sums the months before a payment in the current month; with restart it sums only
// the months since the last break. total returns the tax on the income of so many months.
func (y *YearToDate) sumBeforePayment(current int, restart bool,
	total func(months int, income money.Amount) money.Amount) yearBefore {
	var s yearBefore
	active := y.activeMonths()
	for n := 0; n <= current; n++ {
		bit := uint16(1) << n
		if active&bit == 0 && n != current {
			if restart {
				s = yearBefore{}
			}
			continue
		}
		s.months++
		s.income = s.income.Add(y.ByMonth[n])
		s.withheld = s.withheld.Add(y.WithheldByMonth[n])
		if n != current && y.ByMonth[n] != (money.Amount{}) {
			s.peak = money.Max(s.peak, total(s.months, s.income))
		}
	}
	return s
}
