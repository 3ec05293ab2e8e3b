// Package cycle knows the parts into which contracts divide a service month, which contract governs
// each, and on which days a part's statement is made and paid.
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

// Kind is how a part is cut out of its month.
type Kind byte

// The kinds of parts. The whole month is the zero one, so that what was stored before there were
// parts stays readable.
const (
	Whole Kind = 0
	Half  Kind = 'H' // 1 is the 1st to the 15th, 2 the rest
	Week  Kind = 'W' // Monday to Sunday, cut at the month's ends, from 1
	Day   Kind = 'D' // day of the month
	// gathered until somebody asks, numbered from 1; lines that came too late for their contract too
	OnDemand Kind = 'N'
)

// Part names a part of a service month.
type Part struct {
	Kind Kind
	N    int // number within the month, from 1; 0 for the whole
	// Cut is the day of the month on which the contract's terms changed within the part and what
	// follows is gathered by itself; 0 up to the first such day.
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

// ErrPart tells that a text names no part.
var ErrPart = errors.New("cycle: must be a part of a month like H1, W2, D09 or N1")

// String is "" for the whole month, else like H1, W2, D09, N1; what follows a change of terms ends
// in its day, like H1C09 or C11.
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

// ParsePart reads what String writes, and nothing else.
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
		!p.isValid() { // a number that could not be read is 0, which writes otherwise or is unsound
		return Part{}, ErrPart
	}
	return p, nil
}

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

// Period is a service month or a part of it. It is comparable.
type Period struct {
	Month civil.Month
	Part  Part
}

// WholeMonth is a whole month.
func WholeMonth(m civil.Month) Period { return Period{Month: m} }

// String is the month and, after a hyphen, the part.
func (p Period) String() string {
	if p.Part == (Part{}) {
		return p.Month.String()
	}
	return p.Month.String() + "-" + p.Part.String()
}

// ParsePeriod reads what String writes.
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

// IsZero tells that it names no month.
func (p Period) IsZero() bool { return p.Month.IsZero() }

// calendarDays gives the part's days without regard to changes of terms.
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

func daysSinceMonday(d civil.Date) int {
	return (int(d.Weekday()) + daysOfWeek - int(time.Monday)) % daysOfWeek
}

func earlierDay(a, b civil.Date) civil.Date {
	if b.Before(a) {
		return b
	}
	return a
}

func laterDay(a, b civil.Date) civil.Date {
	if b.After(a) {
		return b
	}
	return a
}

// FirstDay is the first day of the part, without regard to changes of terms within it.
func (p Period) FirstDay() civil.Date {
	first, _ := p.calendarDays()
	return first
}

// LastDay is the last day of the part, without regard to changes of terms within it.
func (p Period) LastDay() civil.Date {
	_, last := p.calendarDays()
	return last
}

// PeriodOfCycle is the part of a cycle in which a day lies; an unknown cycle has whole months.
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
