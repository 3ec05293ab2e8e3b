package taxpack

import (
	"io/fs"
	"strings"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/law/tax"
)

// LoadCalendar builds the calendar of working days from the holiday notices of a pack.
//
// Errors: a list of type Problems with file and line.
func LoadCalendar(files fs.FS) (*calendar.Calendar, error) {
	years, err := readYears(files)
	if err != nil {
		return nil, err
	}
	c, err := calendar.New(years...)
	if err != nil {
		return nil, Problems{{File: calendarDir, Text: err.Error()}}
	}
	return c, nil
}

// Notice is the State Council's arrangement of the public holidays of one year.
type Notice struct {
	Title     bilingual.Text
	Law       tax.Law
	Published civil.Date
	Year      calendar.Year
}

// ReadNotices reads the holiday notices of a pack, by year.
//
// Errors: a list of type Problems with file and line.
func ReadNotices(files fs.FS) ([]Notice, error) {
	names, err := ListFiles(files)
	if err != nil {
		return nil, err
	}
	var notices []Notice
	for _, name := range names {
		if !strings.HasPrefix(name, calendarDir+"/") {
			continue
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		n, err := parseNotice(name, data)
		if err != nil {
			return nil, err
		}
		notices = append(notices, n)
	}
	return notices, nil
}

// readYears returns the calendar years of the pack's holiday notices.
func readYears(files fs.FS) ([]calendar.Year, error) {
	notices, err := ReadNotices(files)
	var years []calendar.Year
	for _, n := range notices {
		years = append(years, n.Year)
	}
	return years, err
}

// parseNotice reads and checks one holiday notice.
func parseNotice(name string, data []byte) (Notice, error) {
	p := &ruleParser{file: name}
	root := p.parseDocument(data)
	if root == nil {
		return Notice{}, p.problems
	}
	f := p.readYearFile(root)
	if p.problems != nil {
		return Notice{}, p.problems
	}
	n, y := Notice{Title: f.title}, calendar.Year{Year: f.year}
	if f.reference == nil {
		p.addProblem(1, "a notice needs its reference")
	} else {
		laws, issued := p.buildLaws(1, *f.reference, nil)
		n.Law, n.Published = laws[0], issued[0]
	}
	p.addHolidays(&y, f.holidays)
	for _, s := range f.workDays {
		y.WorkDays = append(y.WorkDays, p.parseDate(1, "work day", s))
	}
	if _, err := calendar.New(y); err != nil && p.problems == nil {
		p.addProblem(1, "%v", err)
	}
	if p.problems != nil {
		return Notice{}, p.problems
	}
	n.Year = y
	return n, nil
}

// addHolidays adds every day of the holidays to the year. A span of more than 16 days is refused as
// a misprint.
func (p *ruleParser) addHolidays(y *calendar.Year, holidays []holiday) {
	for _, h := range holidays {
		p.requireWording(1, "name of a holiday", h.name)
		from, to := p.parseDate(1, "from", h.from), p.parseDate(1, "to", h.to)
		if to.Before(from) || to.After(from.AddDays(15)) || from.IsZero() || to.IsZero() {
			p.addProblem(1, "holiday %s to %s is no span of days", h.from, h.to)
			continue
		}
		for d := from; !d.After(to); d = d.AddDays(1) {
			y.Holidays = append(y.Holidays, d)
		}
	}
}
