package cycle

import (
	"cmp"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy"
)

// Calendar knows the working days. For a year that is not loaded its errors are 5002
// calendar_missing.
type Calendar interface {
	WorkingDayOnOrAfter(d civil.Date) (civil.Date, error)
	IsWorkingDay(d civil.Date) (bool, error)
}

// Dates are the days on which the statement of a period is made and its money becomes due.
type Dates struct {
	Statement civil.Date // the day on which the statement is made
	// Right is the day on which the creator's right to the money arises: the contract's pay day or, if
	// the contract fixes none, the last day of the part.
	Right civil.Date
	Fixed bool // the contract fixes a pay day
	// Missing names a calendar that is not loaded. Right is then provisional: it is the contract's day
	// and may still move to a working day. Missing is "" if Right is final.
	Missing string
	Rule    PayRule // how a fixed pay day follows from the calendar
}

// PayRule is the rule by which a contract's pay day follows from the calendar. PayRule has
// everything that is needed to compute the day again when a calendar is loaded later.
type PayRule struct {
	Last civil.Date // last day of the part; the pay day is never moved into the part
	// the contract's day before it moves to a working day; the zero date if working days are counted
	Day         civil.Date
	WorkingDays int  // number of working days after Last, if Day is the zero date
	Previous    bool // true: a day off moves to the working day before it; false: to the one after it
	// Latest is the day after the last day of a contract that has ended; money is paid no later than
	// on the first working day from then on. It is the zero date while the contract goes on.
	Latest civil.Date
}

// PayDay returns the pay day and the name of a calendar that is not loaded; missing is "" if the
// day is final. Days of a calendar that is not loaded count as working days, so the contract's day
// stays where it is.
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

// regularPayDay returns the pay day without regard to the end of the contract.
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

// movedToWorkday moves the contract's day to a working day, but never back into the part.
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

// workdays is a calendar that counts every day of a year that is not loaded as a working day, and
// remembers the name of the missing calendar.
type workdays struct {
	Calendar
	missing string
}

// recordMissing remembers the first calendar that is missing.
func (w *workdays) recordMissing(err error) {
	w.missing = cmp.Or(w.missing, fault.AsError(err).Missing, "calendar")
}

// isWorkday reports whether a day is a working day.
func (w *workdays) isWorkday(d civil.Date) bool {
	is, err := w.IsWorkingDay(d)
	if err != nil {
		w.recordMissing(err)
		return true
	}
	return is
}

// workdayOnOrAfter returns the first working day on or after a day.
func (w *workdays) workdayOnOrAfter(d civil.Date) civil.Date {
	day, err := w.WorkingDayOnOrAfter(d)
	if err != nil {
		w.recordMissing(err)
		return d
	}
	return day
}

// DatesOfPeriod returns the dates of a period with the given last day, by the contract that governs
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
	// If the calendar is not loaded, the statement is made on the contract's cut-off day.
	d.Statement, _ = rule.PayDay(days)
	return d
}

// addContractPayDay completes the rule with the pay day that the contract fixes; it returns false
// if the contract fixes none.
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

// AfterContractEnd returns the dates of a period of a contract that has ended: its statement is
// made on the day after the end or, for a period that begins later, on the day after its own last
// day. A statement that was due earlier stays due on that day.
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
