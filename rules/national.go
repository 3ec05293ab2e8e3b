package rules

import "io/fs"

// National is the pack of rules that hold everywhere, as files below its own root.
func National() fs.FS {
	sub, err := fs.Sub(Files, "national")
	if err != nil { // the name is a constant and valid
		panic(err)
	}
	return sub
}
