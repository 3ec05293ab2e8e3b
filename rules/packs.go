package rules

import "io/fs"

// NationalPack returns the pack of rules that apply in the whole country, as files below its own
// root.
func NationalPack() fs.FS { return subfolder("national") }

// JurisdictionPacks returns the packs of the provinces, the separately planned cities and the
// Xinjiang corps, sorted by their codes.
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

// subfolder returns a folder of Files as a file system of its own root.
func subfolder(folder string) fs.FS {
	sub, _ := fs.Sub(Files, folder) // fails only for malformed names
	return sub
}
