package taxpack

import (
	"encoding/json"
	"fmt"
	"io/fs"

	"fenzhang/rules"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/law/tax"
)

// The file names of the prepared form of the packs in the binary: the checked definitions as JSON,
// one file for each pack and an index. A test compares the form with the rule files.
const (
	indexForm    = "index.json"
	nationalForm = "national.json"
)

// preparedIndex lists the local packs, and holds the calendar years, which belong to no pack.
type preparedIndex struct {
	Local []preparedLocal
	Years []calendar.Year
}

// preparedLocal is what the corpus must know about a local pack before it reads it.
type preparedLocal struct {
	ID           tax.PackID
	Jurisdiction tax.Jurisdiction
	Localities   []string
}

// PrepareForms reads and checks the national pack and those of jurisdictions, and returns the files
// of their prepared form by name.
//
// Errors: a list of type Problems with file and line.
func PrepareForms(national fs.FS, local ...fs.FS) (map[string][]byte, error) {
	top, packs, err := readAllPacks(national, local)
	if err != nil {
		return nil, err
	}
	// a prepared form is only written of packs that compile, because functions skip the checks
	if _, err := compileCorpus(top, packs); err != nil {
		return nil, err
	}
	forms := map[string]any{nationalForm: top}
	var x preparedIndex
	if x.Years, err = readYears(national); err != nil {
		return nil, err
	}
	for _, p := range packs {
		l := tax.NewLoadedPack(p)
		x.Local = append(x.Local, preparedLocal{l.ID, l.Jurisdiction, l.Localities})
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

// LoadEmbedded returns the corpus of the packs in the binary from their prepared form. A local pack
// is read when a computation first needs its place.
//
// Errors: the prepared form in the binary cannot be read.
func LoadEmbedded() (*tax.Corpus, error) {
	var national tax.Pack
	if err := readPreparedForm(nationalForm, &national); err != nil {
		return nil, err
	}
	local, err := embeddedLocalPacks()
	if err != nil {
		return nil, err
	}
	return tax.NewCorpus(national, local...)
}

// embeddedLocalPacks lists the local packs in the binary; each is read when a computation first
// needs its place.
func embeddedLocalPacks() ([]tax.LocalPack, error) {
	var x preparedIndex
	if err := readPreparedForm(indexForm, &x); err != nil {
		return nil, err
	}
	local := make([]tax.LocalPack, len(x.Local))
	for i, l := range x.Local {
		local[i] = tax.LocalPack{ID: l.ID, Jurisdiction: l.Jurisdiction, Localities: l.Localities,
			Read: func() (p tax.Pack, err error) {
				return p, readPreparedForm(l.Jurisdiction.Code+".json", &p)
			}}
	}
	return local, nil
}

// NationalCalendar returns the calendar of working days of the packs in the binary.
//
// Errors: the prepared form in the binary cannot be read.
func NationalCalendar() (*calendar.Calendar, error) {
	var x preparedIndex
	if err := readPreparedForm(indexForm, &x); err != nil {
		return nil, err
	}
	return calendar.New(x.Years...)
}

// readPreparedForm decodes one file of the prepared form.
func readPreparedForm(name string, into any) error {
	data, err := rules.Prepared.ReadFile("prepared/" + name)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("taxpack: prepared form %s: %w", name, err)
	}
	return nil
}
