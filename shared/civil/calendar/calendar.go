// Package calendar knows the working days of mainland China, which follow from the holiday notices
// that the State Council publishes for each year.
package calendar

import (
	"errors"
	"strconv"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

// Year is the notice for one year: the holidays and the make-up working days.
type Year struct {
	Year int
	// Holidays are the days off, including weekends within a holiday.
	Holidays []civil.Date
	// WorkDays are the weekend days on which people work (调休上班).
	WorkDays []civil.Date
}

// Calendar answers from the notices with which it was made. Calendar never changes afterwards.
type Calendar struct{ special map[int]map[civil.Date]bool }

var (
	// ErrDuplicateYear reports that a year has two notices.
	ErrDuplicateYear = errors.New("calendar: a year has two notices")
	// ErrWrongDay reports that a notice contains a day of another year, or a day that is both a
	// holiday and a working day.
	ErrWrongDay = errors.New(
		"calendar: a day lies outside the notice's year, or is both off and worked")
)

// New makes a calendar from the notices of years.
//
// Errors: ErrDuplicateYear, ErrWrongDay.
func New(years ...Year) (*Calendar, error) {
	c := &Calendar{special: map[int]map[civil.Date]bool{}}
	for _, y := range years {
		if c.special[y.Year] != nil {
			return nil, ErrDuplicateYear
		}
		days := map[civil.Date]bool{}
		for _, d := range y.Holidays {
			days[d] = false
		}
		for _, d := range y.WorkDays {
			// a day that is both would make the order of the lists decide
			if _, off := days[d]; off {
				return nil, ErrWrongDay
			}
			days[d] = true
		}
		for d := range days {
			if d.Year() != y.Year {
				return nil, ErrWrongDay
			}
		}
		c.special[y.Year] = days
	}
	return c, nil
}

// IsWorkingDay reports whether d is a working day.
//
// Errors: 5002 calendar_missing when the notice for d's year is not loaded.
func (c *Calendar) IsWorkingDay(d civil.Date) (bool, error) {
	days, ok := c.special[d.Year()]
	if !ok {
		y := strconv.Itoa(d.Year())
		return false, fault.MissingRule("calendar_missing", "calendar."+y, "The calendar of "+y+
			" is not loaded in the rules, so that the working days of that year are not known.")
	}
	// a notice overrides the weekday, in both directions
	if work, special := days[d]; special {
		return work, nil
	}
	w := d.Weekday()
	return w != time.Saturday && w != time.Sunday, nil
}

// NextWorkingDay returns the first working day after d.
//
// Errors: those of IsWorkingDay.
func (c *Calendar) NextWorkingDay(d civil.Date) (civil.Date, error) {
	return c.WorkingDayOnOrAfter(d.AddDays(1))
}

// WorkingDayOnOrAfter returns d when it is a working day, and otherwise the next working day.
//
// Errors: those of IsWorkingDay.
func (c *Calendar) WorkingDayOnOrAfter(d civil.Date) (civil.Date, error) {
	for {
		work, err := c.IsWorkingDay(d)
		if err != nil {
			return civil.Date{}, err
		}
		if work {
			return d, nil
		}
		d = d.AddDays(1)
	}
}
