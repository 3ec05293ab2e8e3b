package cycle

import (
	"fenzhang/shared/civil"
	"fenzhang/shared/tenancy"
)

// Calendar knows the working days; its errors name a year whose notice is missing (5002 calendar_missing).
type Calendar interface {
	OnOrAfter(d civil.Date) (civil.Date, error)
	Working(d civil.Date) (bool, error)
}

// Dates are the days of a part.
type Dates struct {
	Statement civil.Date // on which its statement is due
	// Right is the day on which the right to the money arises: the contract's pay day or, where none is fixed, the last day
	// of the part.
	Right civil.Date
	Fixed bool // the contract fixes a pay day
}

// DatesOf gives the days of a part that ends on its last day, by the contract that governs it.
//
// Errors: those of the calendar.
func DatesOf(k tenancy.Contract, p Period, last civil.Date, days Calendar) (Dates, error) {
	d := Dates{Statement: last.AddDays(1), Right: last}
	pay, err := payDay(k, p, last, days)
	if err != nil {
		return d, err
	}
	if !pay.IsZero() {
		d.Right, d.Fixed = pay, true
		d.Statement = later(d.Statement, pay)
	}
	var cutOff civil.Date
	switch {
	case k.CutOffDay > 0:
		cutOff = p.Month.Add(1).Day(k.CutOffDay)
	case k.CutOffAfterDays > 0:
		cutOff = last.AddDays(k.CutOffAfterDays)
	default:
		return d, nil
	}
	moved, err := moved(k, cutOff, last, days)
	if err != nil {
		return d, err
	}
	d.Statement = moved
	return d, nil
}

// payDay is the day that the contract fixes, the zero date where it fixes none.
func payDay(k tenancy.Contract, p Period, last civil.Date, days Calendar) (civil.Date, error) {
	switch {
	case k.PayDay > 0:
		return moved(k, p.Month.Add(1).Day(k.PayDay), last, days)
	case k.PayAfterDays > 0:
		return moved(k, last.AddDays(k.PayAfterDays), last, days)
	}
	day := civil.Date{}
	for range k.PayAfterWorkingDays {
		var err error
		if day, err = days.OnOrAfter(later(last, day).AddDays(1)); err != nil {
			return day, err
		}
	}
	return day, nil
}

// moved moves a day to a working day as the contract says, but never into the part whose last day is given.
func moved(k tenancy.Contract, day, last civil.Date, days Calendar) (civil.Date, error) {
	if k.PayDayMoves == tenancy.MovesPrevious {
		for d := day; d.After(last); d = d.AddDays(-1) {
			working, err := days.Working(d)
			if err != nil || working {
				return d, err
			}
		}
	}
	return days.OnOrAfter(day)
}

// Final gives the days of a part of a contract that ended: its statement is due on the day after the end or, where the
// part came later, on the day after its own last day. What was due before stays so.
//
// Errors: those of the calendar.
func (d Dates) Final(p Period, end civil.Date, days Calendar) (Dates, error) {
	first, last := p.natural()
	after := end.AddDays(1)
	if first.After(end) {
		after = last.AddDays(1)
	}
	d.Statement = earlier(d.Statement, after)
	if !d.Fixed {
		return d, nil
	}
	working, err := days.OnOrAfter(after)
	d.Right = earlier(d.Right, working)
	return d, err
}
