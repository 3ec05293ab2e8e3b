package taxpack

import (
	"encoding/json"
	"io/fs"

	"fenzhang/rules"
	"fenzhang/shared/calendar"
	"fenzhang/shared/tax"
)

// prepared is a pack as it was read and checked; Pack.ID holds the hash of the files it was made from.
type prepared struct {
	Pack  tax.Pack
	Years []calendar.Year
}

// Prepare reads and checks a pack and gives the form that National and NationalCalendar read.
//
// Errors: Problems with file and line.
func Prepare(files fs.FS) ([]byte, error) {
	var p prepared
	var err error
	if p.Pack, err = Read(files); err != nil {
		return nil, err
	}
	if p.Years, err = readYears(files); err != nil {
		return nil, err
	}
	data, err := json.Marshal(p)
	return append(data, '\n'), err
}

// National is the engine of the pack in the binary. It takes the prepared form when that was made from exactly
// these rule files, and else reads the files, which is slower and comes to the same.
//
// Errors: Problems, when the files in the binary are wrong.
func National() (*tax.Engine, error) { return engineOf(rules.National(), rules.Prepared) }

// NationalCalendar is the calendar of the pack in the binary, by the same way.
//
// Errors: Problems, when the files in the binary are wrong.
func NationalCalendar() (*calendar.Calendar, error) {
	p, ok, err := matching(rules.National(), rules.Prepared)
	if err != nil {
		return nil, err
	}
	if !ok {
		return LoadCalendar(rules.National())
	}
	return calendar.New(p.Years...)
}

func engineOf(files fs.FS, form []byte) (*tax.Engine, error) {
	p, ok, err := matching(files, form)
	if err != nil {
		return nil, err
	}
	if !ok {
		return Load(files)
	}
	return compile(p.Pack)
}

// matching reads a prepared form; ok tells that it was made from these files.
func matching(files fs.FS, form []byte) (p prepared, ok bool, err error) {
	names, err := yamlFiles(files)
	if err != nil {
		return p, false, err
	}
	sum, err := hash(files, names)
	if err != nil {
		return p, false, err
	}
	bad := json.Unmarshal(form, &p)
	return p, bad == nil && p.Pack.ID.SHA256 == sum, nil
}
