package taxpack

import (
	"io/fs"
	"slices"

	"fenzhang/shared/law/tax"
)

// LoadOver is the corpus of the packs in the binary with some of them in other versions: national
// replaces the national pack unless it is nil, local those of their jurisdictions or stand beside
// them. Only these are read from their files, so that a running function changes a pack in a
// moment; the rest comes from the prepared form.
//
// It is for packs that LoadCorpus took together with the others before: a local pack of the binary
// is held against a new national one only when its place is first asked about.
//
// Errors: Problems of the given packs.
func LoadOver(national fs.FS, local ...fs.FS) (*tax.Corpus, error) {
	var top tax.Pack
	err := form(nationalForm, &top)
	if national != nil {
		top, err = Read(national)
	}
	if err != nil {
		return nil, err
	}
	rest, err := carried()
	if err != nil {
		return nil, err
	}
	for _, files := range local {
		p, err := ReadLocal(files, top)
		if err != nil {
			return nil, err
		}
		rest = slices.DeleteFunc(rest, func(l tax.LocalPack) bool {
			return l.Jurisdiction.Code == p.Jurisdiction.Code
		})
		rest = append(rest, tax.NewLoadedPack(p))
	}
	slices.SortFunc(rest, func(a, b tax.LocalPack) int {
		return slices.Compare([]byte(a.Jurisdiction.Code), []byte(b.Jurisdiction.Code))
	})
	return tax.NewCorpus(top, rest...)
}
