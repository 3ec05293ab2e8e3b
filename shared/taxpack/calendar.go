package taxpack

import (
	"io/fs"
	"strings"

	"fenzhang/shared/calendar"
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

func readYears(files fs.FS) ([]calendar.Year, error) {
	names, err := yamlFiles(files)
	if err != nil {
		return nil, err
	}
	var years []calendar.Year
	for _, name := range names {
		if !strings.HasPrefix(name, calendarDir+"/") {
			continue
		}
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		y, err := parseYear(name, data)
		if err != nil {
			return nil, err
		}
		years = append(years, y)
	}
	return years, nil
}

func parseYear(name string, data []byte) (calendar.Year, error) {
	var f yearFile
	if err := unmarshal(data, &f); err != nil {
		return calendar.Year{}, Problems{yamlProblem(name, err)}
	}
	p := &parser{file: name}
	y := calendar.Year{Year: f.Year}
	if f.Reference == nil {
		p.bad(1, "a notice needs its reference")
	} else {
		p.law(1, *f.Reference, nil)
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
		return calendar.Year{}, p.problems
	}
	return y, nil
}
