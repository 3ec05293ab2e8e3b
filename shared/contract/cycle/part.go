// Package cycle computes the parts into which a contract divides a month of service, which contract
// governs each part, and on which days the statement of a part is made and paid.
package cycle

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/tenancy"
)

// Kind says how a part is cut out of its month.
type Kind byte

// The kinds of parts. The whole month is the zero value, so that items stored before there were
// parts stay readable.
const (
	Whole Kind = 0
	Half  Kind = 'H' // part 1 is the 1st to the 15th, part 2 the rest
	Week  Kind = 'W' // Monday to Sunday, cut off at both ends of the month, numbered from 1
	Day   Kind = 'D' // day of the month
	// income gathered until somebody requests a statement, numbered from 1; also income that arrives
	// after the last period of its contract was closed
	OnDemand Kind = 'N'
)

// Part is a part of a month of service, such as a half month or a week.
type Part struct {
	Kind Kind
	N    int // number of the part within the month, from 1; 0 for the whole month
	// Cut is the day of the month from which other terms of the contract apply within the part; income
	// from that day on is settled separately. It is 0 for the days before the first such change.
	Cut int
}

const (
	daysOfMonth  = 31
	firstHalf    = 15
	daysOfWeek   = 7
	maxWeeks     = 6
	maxOnDemand  = 9999
	cutMark      = "C"
	periodLength = len("2026-08")
)

// ErrPart is returned for a text that names no part of a month.
var ErrPart = errors.New("cycle: must be a part of a month like H1, W2, D09 or N1")

// String returns "" for the whole month and otherwise a text like H1, W2, D09 or N1. After a change
// of terms the day of the change follows: H1C09, C11.
func (p Part) String() string {
	var s string
	switch p.Kind {
	case Whole:
	case Day:
		s = fmt.Sprintf("D%02d", p.N)
	case Half, Week, OnDemand:
		s = string(p.Kind) + strconv.Itoa(p.N)
	}
	if p.Cut > 0 {
		s += fmt.Sprintf("%s%02d", cutMark, p.Cut)
	}
	return s
}

// ParsePart reads a text that Part.String has written.
//
// Errors: ErrPart for every other text.
func ParsePart(s string) (Part, error) {
	var p Part
	name, cut, isCut := strings.Cut(s, cutMark)
	if isCut {
		p.Cut, _ = strconv.Atoi(cut)
	}
	if name != "" {
		p.Kind = Kind(name[0])
		p.N, _ = strconv.Atoi(name[1:])
	}
	if p.String() != s ||
		!p.isValid() { // a number that cannot be read is 0, so the text differs or the part is not valid
		return Part{}, ErrPart
	}
	return p, nil
}

// isValid reports whether the number of the part is in the range of its kind.
func (p Part) isValid() bool {
	if p.Cut < 0 || p.Cut > daysOfMonth {
		return false
	}
	switch p.Kind {
	case Whole:
		return p.N == 0
	case Half:
		return p.N == 1 || p.N == 2
	case Week:
		return p.N >= 1 && p.N <= maxWeeks
	case Day:
		return p.N >= 1 && p.N <= daysOfMonth && p.Cut == 0
	case OnDemand:
		return p.N >= 1 && p.N <= maxOnDemand
	}
	return false
}

// Period is a month of service or a part of it. Period is comparable.
type Period struct {
	Month civil.Month
	Part  Part
}

// WholeMonth returns the period of a whole month.
func WholeMonth(m civil.Month) Period { return Period{Month: m} }

// String returns the month and, after a hyphen, the part: 2026-08-H1.
func (p Period) String() string {
	if p.Part == (Part{}) {
		return p.Month.String()
	}
	return p.Month.String() + "-" + p.Part.String()
}

// ParsePeriod reads a text that Period.String has written.
func ParsePeriod(s string) (Period, error) {
	if len(s) <= periodLength {
		m, err := civil.ParseMonth(s)
		return Period{Month: m}, err
	}
	m, err := civil.ParseMonth(s[:periodLength])
	if err != nil {
		return Period{}, err
	}
	name, found := strings.CutPrefix(s[periodLength:], "-")
	part, err := ParsePart(name)
	if err == nil && (!found || part == Part{}) {
		err = ErrPart
	}
	if err != nil {
		return Period{}, err
	}
	return Period{m, part}, nil
}

// IsZero reports whether the period has no month.
func (p Period) IsZero() bool { return p.Month.IsZero() }

// calendarDays returns the first and last day of the part, without regard to changes of terms.
func (p Period) calendarDays() (first, last civil.Date) {
	first, last = p.Month.First(), p.Month.Last()
	switch p.Part.Kind {
	case Half:
		if p.Part.N == 1 {
			return first, p.Month.Day(firstHalf)
		}
		return p.Month.Day(firstHalf + 1), last
	case Week:
		monday := first.AddDays((p.Part.N-1)*daysOfWeek - daysSinceMonday(first))
		return laterDay(first, monday), earlierDay(last, monday.AddDays(daysOfWeek-1))
	case Day:
		d := p.Month.Day(p.Part.N)
		return d, d
	case Whole, OnDemand:
	}
	return first, last
}

// daysSinceMonday returns the number of days from the Monday of the week to a day.
func daysSinceMonday(d civil.Date) int {
	return (int(d.Weekday()) + daysOfWeek - int(time.Monday)) % daysOfWeek
}

// earlierDay returns the earlier of two days.
func earlierDay(a, b civil.Date) civil.Date {
	if b.Before(a) {
		return b
	}
	return a
}

// laterDay returns the later of two days.
func laterDay(a, b civil.Date) civil.Date {
	if b.After(a) {
		return b
	}
	return a
}

// FirstDay returns the first day of the part, without regard to changes of terms within it.
func (p Period) FirstDay() civil.Date {
	first, _ := p.calendarDays()
	return first
}

// LastDay returns the last day of the part, without regard to changes of terms within it.
func (p Period) LastDay() civil.Date {
	_, last := p.calendarDays()
	return last
}

// PeriodOfCycle returns the part of a cycle in which a day lies. An unknown cycle has whole months.
func PeriodOfCycle(cycle string, day civil.Date) Period {
	p := WholeMonth(day.Month())
	switch cycle {
	case tenancy.Daily:
		p.Part = Part{Kind: Day, N: day.Day()}
	case tenancy.Weekly:
		p.Part = Part{Kind: Week, N: 1 + (day.Day()-1+daysSinceMonday(p.Month.First()))/daysOfWeek}
	case tenancy.HalfMonth:
		p.Part = Part{Kind: Half, N: 1}
		if day.Day() > firstHalf {
			p.Part.N = 2
		}
	case tenancy.OnDemand:
		p.Part = Part{Kind: OnDemand, N: 1}
	}
	return p
}
