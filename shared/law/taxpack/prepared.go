package taxpack

import (
	"encoding/json"
	"fmt"
	"io/fs"

	"fenzhang/rules"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/law/tax"
)

// The prepared form of the packs in the binary: what was read and checked, as JSON, one file per
// pack and one that says what there is. A test holds it to the rule files.
const (
	indexForm    = "index.json"
	nationalForm = "national.json"
)

// index names the packs and holds what no pack is.
type index struct {
	Local []localForm
	Years []calendar.Year
}

// localForm is what must be known of a local pack before it is read.
type localForm struct {
	ID           tax.PackID
	Jurisdiction tax.Jurisdiction
	Localities   []string
}

// Prepare reads and checks the national pack and those of jurisdictions and gives the files of the
// prepared form.
//
// Errors: Problems with file and line.
func Prepare(national fs.FS, local ...fs.FS) (map[string][]byte, error) {
	top, packs, err := readAll(national, local)
	if err != nil {
		return nil, err
	}
	if _, err := compile(top, packs); err != nil {
		return nil, err
	}
	forms := map[string]any{nationalForm: top}
	var x index
	if x.Years, err = readYears(national); err != nil {
		return nil, err
	}
	for _, p := range packs {
		l := tax.NewLoadedPack(p)
		x.Local = append(x.Local, localForm{l.ID, l.Jurisdiction, l.Localities})
		forms[p.Jurisdiction.Code+".json"] = p
	}
	forms[indexForm] = x
	files := map[string][]byte{}
	for name, v := range forms {
		data, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		files[name] = append(data, '\n')
	}
	return files, nil
}

// Embedded is the corpus of the packs in the binary, from their prepared form; a local pack is read
// when its place is first asked about.
//
// Errors: the form in the binary cannot be read.
func Embedded() (*tax.Corpus, error) {
	var national tax.Pack
	if err := form(nationalForm, &national); err != nil {
		return nil, err
	}
	local, err := carried()
	if err != nil {
		return nil, err
	}
	return tax.NewCorpus(national, local...)
}

// carried are the local packs in the binary, each read when its place is first asked about.
func carried() ([]tax.LocalPack, error) {
	var x index
	if err := form(indexForm, &x); err != nil {
		return nil, err
	}
	local := make([]tax.LocalPack, len(x.Local))
	for i, l := range x.Local {
		local[i] = tax.LocalPack{ID: l.ID, Jurisdiction: l.Jurisdiction, Localities: l.Localities,
			Read: func() (p tax.Pack, err error) {
				return p, form(l.Jurisdiction.Code+".json", &p)
			}}
	}
	return local, nil
}

// NationalCalendar is the calendar of the packs in the binary.
//
// Errors: the form in the binary cannot be read.
func NationalCalendar() (*calendar.Calendar, error) {
	var x index
	if err := form(indexForm, &x); err != nil {
		return nil, err
	}
	return calendar.New(x.Years...)
}

func form(name string, into any) error {
	data, err := rules.Prepared.ReadFile("prepared/" + name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("taxpack: prepared form %s: %w", name, err)
	}
	return nil
}
