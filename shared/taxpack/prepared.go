package taxpack

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"

	"fenzhang/rules"
	"fenzhang/shared/calendar"
	"fenzhang/shared/tax"
)

// prepared is every pack as it was read and checked. Files is the hash of all the files it was made from.
type prepared struct {
	Files    string
	National tax.Pack
	Local    []tax.Pack
	Years    []calendar.Year
}

// Prepare reads and checks the national pack and those of jurisdictions and gives the form that Embedded and
// NationalCalendar read.
//
// Errors: Problems with file and line.
func Prepare(national fs.FS, local ...fs.FS) ([]byte, error) {
	if _, err := LoadCorpus(national, local...); err != nil {
		return nil, err
	}
	var p prepared
	var err error
	if p.Files, err = hashAll(national, local); err != nil {
		return nil, err
	}
	if p.National, err = Read(national); err != nil {
		return nil, err
	}
	for _, files := range local {
		l, err := ReadLocal(files, p.National)
		if err != nil {
			return nil, err
		}
		p.Local = append(p.Local, l)
	}
	if p.Years, err = readYears(national); err != nil {
		return nil, err
	}
	data, err := json.Marshal(p)
	return append(data, '\n'), err
}

// hashAll names the content of all packs.
func hashAll(national fs.FS, local []fs.FS) (string, error) {
	sum := sha256.New()
	for _, files := range append([]fs.FS{national}, local...) {
		names, err := yamlFiles(files)
		if err != nil {
			return "", err
		}
		h, err := hash(files, names)
		if err != nil {
			return "", err
		}
		_, _ = fmt.Fprintln(sum, h) // a hash takes every write
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Embedded is the corpus of the packs in the binary. It takes the prepared form when that was made from exactly
// these rule files, and else reads the files, which is slower and comes to the same.
//
// Errors: Problems, when the files in the binary are wrong.
func Embedded() (*tax.Corpus, error) {
	return corpusOf(rules.National(), rules.Jurisdictions(), rules.Prepared)
}

// National is the national engine of the packs in the binary.
//
// Errors: Problems, when the files in the binary are wrong.
func National() (*tax.Engine, error) {
	c, err := Embedded()
	if err != nil {
		return nil, err
	}
	return c.National(), nil
}

// NationalCalendar is the calendar of the pack in the binary, by the same way.
//
// Errors: Problems, when the files in the binary are wrong.
func NationalCalendar() (*calendar.Calendar, error) {
	p, ok, err := matching(rules.National(), rules.Jurisdictions(), rules.Prepared)
	if err != nil {
		return nil, err
	}
	if !ok {
		return LoadCalendar(rules.National())
	}
	return calendar.New(p.Years...)
}

func corpusOf(national fs.FS, local []fs.FS, form []byte) (*tax.Corpus, error) {
	p, ok, err := matching(national, local, form)
	if err != nil {
		return nil, err
	}
	if !ok {
		return LoadCorpus(national, local...)
	}
	return compile(p.National, p.Local)
}

// matching reads a prepared form; ok tells that it was made from these files.
func matching(national fs.FS, local []fs.FS, form []byte) (p prepared, ok bool, err error) {
	sum, err := hashAll(national, local)
	if err != nil {
		return p, false, err
	}
	bad := json.Unmarshal(form, &p)
	return p, bad == nil && p.Files == sum, nil
}
