package rules

import "io/fs"

// NationalPack is the pack of rules that hold everywhere, as files below its own root.
func NationalPack() fs.FS { return subfolder("national") }

// JurisdictionPacks are the packs of provinces, separately planned cities and the corps, in order
// of their codes.
func JurisdictionPacks() []fs.FS {
	entries, _ := fs.ReadDir(Files, ".") // the root of an embedded tree can always be read
	var packs []fs.FS
	for _, e := range entries {
		if e.Name() != "national" {
			packs = append(packs, subfolder(e.Name()))
		}
	}
	return packs
}

func subfolder(folder string) fs.FS {
	sub, _ := fs.Sub(Files, folder) // fails only for malformed names
	return sub
}
