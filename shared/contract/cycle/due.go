package cycle

import (
	"cmp"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy"
)

// Calendar knows the working days; its errors name a year that is not loaded (5002
// calendar_missing).
type Calendar interface {
	OnOrAfter(d civil.Date) (civil.Date, error)
	Working(d civil.Date) (bool, error)
}

// Dates are the days of a part.
type Dates struct {
	Statement civil.Date // on which its statement is due
	// Right is the day on which the right to the money arises: the contract's pay day or, where none
	// is fixed, the last day of the part.
	Right civil.Date
	Fixed bool // the contract fixes a pay day
	// Missing names the calendar that is not loaded, so that Right is the contract's day and may still
	// move; "" where it is final.
	Missing string
	Rule    PayRule // of a fixed pay day: how it follows from the calendar
}

// PayRule is how a contract's pay day follows from the calendar. It is all that is needed to find
// the day again when a calendar is loaded later.
type PayRule struct {
	Last civil.Date // last day of the part; the pay day is never moved into the part
	// the contract's day before it is moved; the zero date where working days are counted
	Day         civil.Date
	WorkingDays int  // counted from the day after Last, where Day is the zero date
	Previous    bool // a day off moves to the working day before it, otherwise to the next one
	// Latest is the day after the end of a contract that ended: the pay day is at the latest the first
	// working day on or after it. The zero date where the contract goes on.
	Latest civil.Date
}

// PayDay gives the pay day, and the name of the calendar that is not loaded. A day whose calendar
// is not loaded counts as a working day, which leaves the contract's day where it is; missing is ""
// where the day is final.
func (r PayRule) PayDay(days Calendar) (day civil.Date, missing string) {
	own := workdays{Calendar: days}
	day = r.regularPayDay(&own)
	if r.Latest.IsZero() {
		return day, own.missing
	}
	ended := workdays{Calendar: days}
	if latest := ended.workdayOnOrAfter(r.Latest); latest.Before(day) {
		return latest, ended.missing
	}
	return day, own.missing
}

func (r PayRule) regularPayDay(days *workdays) civil.Date {
	if !r.Day.IsZero() {
		return r.movedToWorkday(days)
	}
	day := r.Last
	for range r.WorkingDays {
		day = days.workdayOnOrAfter(day.AddDays(1))
	}
	return day
}

// movedToWorkday moves the contract's day to a working day, but never into the part.
func (r PayRule) movedToWorkday(days *workdays) civil.Date {
	if r.Previous {
		for d := r.Day; d.After(r.Last); d = d.AddDays(-1) {
			if days.isWorkday(d) {
				return d
			}
		}
	}
	return days.workdayOnOrAfter(r.Day)
}

// workdays is a calendar that takes every day of a year that is not loaded for a working day, and
// notes it.
type workdays struct {
	Calendar
	missing string
}

func (w *workdays) recordMissing(err error) {
	w.missing = cmp.Or(w.missing, fault.Of(err).Missing, "calendar")
}

func (w *workdays) isWorkday(d civil.Date) bool {
	is, err := w.Working(d)
	if err != nil {
		w.recordMissing(err)
		return true
	}
	return is
}

func (w *workdays) workdayOnOrAfter(d civil.Date) civil.Date {
	day, err := w.OnOrAfter(d)
	if err != nil {
		w.recordMissing(err)
		return d
	}
	return day
}

// DatesOfPeriod gives the days of a part that ends on its last day, by the contract that governs
// it.
func DatesOfPeriod(k tenancy.Contract, p Period, last civil.Date, days Calendar) Dates {
	d := Dates{Statement: last.AddDays(1), Right: last}
	rule := PayRule{Last: last, Previous: k.PayDayMoves == tenancy.MovesPrevious}
	d.Rule, d.Fixed = addContractPayDay(k, p, rule)
	if d.Fixed {
		d.Right, d.Missing = d.Rule.PayDay(days)
		d.Statement = laterDay(d.Statement, d.Right)
	}
	switch {
	case k.CutOffDay > 0:
		rule.Day = p.Month.Add(1).Day(k.CutOffDay)
	case k.CutOffAfterDays > 0:
		rule.Day = last.AddDays(k.CutOffAfterDays)
	default:
		return d
	}
	// where its calendar is not loaded, the statement is made on the day that was agreed
	d.Statement, _ = rule.PayDay(days)
	return d
}

// addContractPayDay completes the rule of the day that the contract fixes; false where it fixes none.
func addContractPayDay(k tenancy.Contract, p Period, r PayRule) (PayRule, bool) {
	switch {
	case k.PayDay > 0:
		r.Day = p.Month.Add(1).Day(k.PayDay)
	case k.PayAfterDays > 0:
		r.Day = r.Last.AddDays(k.PayAfterDays)
	default:
		r.WorkingDays = k.PayAfterWorkingDays
	}
	return r, !r.Day.IsZero() || r.WorkingDays > 0
}

// AfterContractEnd gives the days of a part of a contract that ended: its statement is due on the
// day after the end or, where the part came later, on the day after its own last day. What was due
// before stays so.
func (d Dates) AfterContractEnd(p Period, end civil.Date, days Calendar) Dates {
	first, last := p.calendarDays()
	after := end.AddDays(1)
	if first.After(end) {
		after = last.AddDays(1)
	}
	d.Statement = earlierDay(d.Statement, after)
	if !d.Fixed {
		return d
	}
	d.Rule.Latest = after
	d.Right, d.Missing = d.Rule.PayDay(days)
	return d
}
