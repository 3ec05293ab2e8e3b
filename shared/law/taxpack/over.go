package taxpack

import (
	"io/fs"
	"slices"

	"fenzhang/shared/law/tax"
)

// LoadOverEmbedded returns the corpus of the packs in the binary, with other versions of some of
// them. national replaces the national pack unless it is nil; each pack of local replaces that of
// its jurisdiction, or is added. Only the given packs are read from their files; all others come
// from the prepared form, so that a running function changes a pack within a moment.
//
// The given packs must have passed LoadCorpus together with the others before: a local pack of the
// binary is checked against a new national pack only when a computation first needs its place.
//
// Errors: a list of type Problems of the given packs.
func LoadOverEmbedded(national fs.FS, local ...fs.FS) (*tax.Corpus, error) {
	var top tax.Pack
	err := readPreparedForm(nationalForm, &top)
	if national != nil {
		top, err = ReadNational(national)
	}
	if err != nil {
		return nil, err
	}
	rest, err := embeddedLocalPacks()
	if err != nil {
		return nil, err
	}
	for _, files := range local {
		p, err := ReadLocal(files, top)
		if err != nil {
			return nil, err
		}
		// the given pack replaces the embedded one of the same jurisdiction
		rest = slices.DeleteFunc(rest, func(l tax.LocalPack) bool {
			return l.Jurisdiction.Code == p.Jurisdiction.Code
		})
		rest = append(rest, tax.NewLoadedPack(p))
	}
	// the order of packs is part of what the corpus lists
	slices.SortFunc(rest, func(a, b tax.LocalPack) int {
		return slices.Compare([]byte(a.Jurisdiction.Code), []byte(b.Jurisdiction.Code))
	})
	return tax.NewCorpus(top, rest...)
}
