package taxpack

import (
	"io/fs"
	"strings"

	"fenzhang/shared/calendar"
	"fenzhang/shared/civil"
	"fenzhang/shared/tax"
)

type yearFile struct {
	Year      int        `yaml:"year"`
	Title     text       `yaml:"title"`
	Status    string     `yaml:"status"`
	Reference *reference `yaml:"reference"`
	Holidays  []holiday  `yaml:"holidays"`
	WorkDays  []string   `yaml:"work_days"`
}

type holiday struct {
	Name text   `yaml:"name"`
	From string `yaml:"from"`
	To   string `yaml:"to"`
}

// LoadCalendar reads the holiday notices of a pack.
//
// Errors: Problems with file and line.
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

// Notice is the State Council's arrangement of the holidays of one year.
type Notice struct {
	Title     tax.Text
	Law       tax.Law
	Published civil.Date
	Year      calendar.Year
}

// Notices reads the holiday notices of a pack, by year.
//
// Errors: Problems with file and line.
func Notices(files fs.FS) ([]Notice, error) {
	names, err := yamlFiles(files)
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

func readYears(files fs.FS) ([]calendar.Year, error) {
	notices, err := Notices(files)
	var years []calendar.Year
	for _, n := range notices {
		years = append(years, n.Year)
	}
	return years, err
}

func parseNotice(name string, data []byte) (Notice, error) {
	var f yearFile
	if err := unmarshal(data, &f); err != nil {
		return Notice{}, Problems{yamlProblem(name, err)}
	}
	p := &parser{file: name}
	n, y := Notice{Title: tax.Text(f.Title)}, calendar.Year{Year: f.Year}
	if f.Reference == nil {
		p.bad(1, "a notice needs its reference")
	} else {
		laws, issued := p.law(1, *f.Reference, nil)
		n.Law, n.Published = laws[0], issued[0]
	}
	for _, h := range f.Holidays {
		p.wanted(1, "name of a holiday", h.Name)
		from, to := p.date(1, "from", h.From), p.date(1, "to", h.To)
		if to.Before(from) || to.After(from.AddDays(15)) || from.IsZero() || to.IsZero() {
			p.bad(1, "holiday %s to %s is no span of days", h.From, h.To)
			continue
		}
		for d := from; !d.After(to); d = d.AddDays(1) {
			y.Holidays = append(y.Holidays, d)
		}
	}
	for _, s := range f.WorkDays {
		y.WorkDays = append(y.WorkDays, p.date(1, "work day", s))
	}
	if _, err := calendar.New(y); err != nil && p.problems == nil {
		p.bad(1, "%v", err)
	}
	if p.problems != nil {
		return Notice{}, p.problems
	}
	n.Year = y
	return n, nil
}
