package tax

import (
	"math/bits"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// Fold sums booked, reversed and opening rows of one paying entity and one taxpayer into what
// stands before a payment. IIT counts the rows of f.Item and f.Project, for cumulative labor of
// f.Platform, for wages and interns of the payer; VAT counts all items of its day, month and
// quarter. f.Item must be set: Engine.Item derives it, Engine.ComputeRows does both.
func Fold(rows []Row, f Facts) ToDate {
	var t ToDate
	t.fold(rows, &f, f.VATDate.String())
	return t
}

// fold sums rows; vatDay is the VAT date as rows say it.
func (t *ToDate) fold(rows []Row, f *Facts, vatDay string) {
	month := f.PaymentDate.Month()
	vatMonth := f.VATDate.Month()
	for i := range rows {
		r := &rows[i]
		if r.Kind == IIT {
			t.addIncome(r, f, month)
			continue
		}
		if r.Period == vatDay {
			t.Day.add(r)
		}
		if m, err := civil.ParseMonth(r.Period); err == nil {
			if m == vatMonth {
				t.Month.Turnover.add(r)
			}
			if m.Year() == vatMonth.Year() && quarter(m) == quarter(vatMonth) {
				t.Quarter.add(r)
			}
		}
	}
	t.Year.finish(month)
}

func quarter(m civil.Month) int { return (m.Number() - 1) / 3 }

func (t *ToDate) addIncome(r *Row, f *Facts, month civil.Month) {
	if r.Item != f.Item {
		return
	}
	// Cumulative methods count all of the platform or of the payer, whatever the project; the others
	// the project.
	if r.Item == ItemLaborPlatform && r.Platform != f.Platform {
		return
	}
	if !f.cumulative(r.Item) && r.Project != f.Project {
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
	for back := 1; back < r.Months && n-back >= 0; back++ {
		y.Opening |= 1 << (n - back)
	}
}

func (f *Facts) cumulative(item string) bool { return Cumulative(item, f.Taxpayer.Kind) }

// Cumulative tells whether income tax on an item, paid to a kind of taxpayer, goes by the year's
// total and not by the project or the payment.
func Cumulative(item, kind string) bool {
	return item == ItemLaborPlatform || item == ItemWages ||
		(item == ItemLabor && kind == "student_intern")
}

// add counts one VAT or surcharge row.
func (t *Turnover) add(r *Row) {
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

// finish counts months and breaks of a folded year.
func (y *YearToDate) finish(month civil.Month) {
	y.Months = bits.OnesCount16(y.active())
	y.Broken = y.broken(month.Number() - 1)
}

// series tells whether the months are known one by one.
func (y *YearToDate) series() bool { return y.active() != 0 }

// active has bit n set for each month with income, or covered by an opening row.
func (y *YearToDate) active() uint16 {
	m := y.Opening
	for n, a := range y.ByMonth {
		if !a.IsZero() {
			m |= 1 << n
		}
	}
	return m
}

// broken tells whether a month without income lies between the first month with income and the
// current one.
func (y *YearToDate) broken(current int) bool {
	m := y.active()&(1<<current-1) | 1<<current
	run := m >> bits.TrailingZeros16(m)
	return run&(run+1) != 0
}

// upTo reads the series before a payment in the current month: with restart only the months since
// the last break. total gives the tax on the income of so many months.
func (y *YearToDate) upTo(current int, restart bool,
	total func(months int, income money.Amount) money.Amount) yearBefore {
	var s yearBefore
	active := y.active()
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
			s.peak = money.MaxOf(s.peak, total(s.months, s.income))
		}
	}
	return s
}
