package rules

import "io/fs"

// National is the pack of rules that hold everywhere, as files below its own root.
func National() fs.FS {
	sub, _ := fs.Sub(Files, "national") // fails only for a malformed name, and this one is a constant
	return sub
}
