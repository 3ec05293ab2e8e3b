// Package calendar knows the working days of the Chinese mainland from the State Council's dated
// holiday notices.
package calendar

import (
	"errors"
	"strconv"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

// Year is one notice: days off and make-up working days of a year.
type Year struct {
	Year     int
	Holidays []civil.Date // days off, weekends inside a holiday included
	WorkDays []civil.Date // weekend days on which people work (调休上班)
}

// Calendar answers from the notices it was made with. It is immutable.
type Calendar struct{ special map[int]map[civil.Date]bool }

// ErrTwice tells that a year has two notices, ErrDay that a notice holds a day that does not belong
// in it.
var (
	ErrDuplicateYear = errors.New("calendar: a year has two notices")
	ErrWrongDay      = errors.New(
		"calendar: a day lies outside the notice's year, or is both off and worked")
)

// New makes a calendar; every day of a notice must lie in its year and have one meaning.
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

// IsWorkingDay tells whether d is a working day.
//
// Errors: 5002 calendar_missing when the calendar of d's year is not loaded.
func (c *Calendar) IsWorkingDay(d civil.Date) (bool, error) {
	days, ok := c.special[d.Year()]
	if !ok {
		y := strconv.Itoa(d.Year())
		return false, fault.MissingRule("calendar_missing", "calendar."+y, "The calendar of "+y+
			" is not loaded in the rules, so that the working days of that year are not known.")
	}
	if work, special := days[d]; special {
		return work, nil
	}
	w := d.Weekday()
	return w != time.Saturday && w != time.Sunday, nil
}

// NextWorkingDay is the first working day after d; errors as Working.
func (c *Calendar) NextWorkingDay(d civil.Date) (civil.Date, error) {
	return c.WorkingDayOnOrAfter(d.AddDays(1))
}

// WorkingDayOnOrAfter is d if it is a working day, else the next one; errors as Working.
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
