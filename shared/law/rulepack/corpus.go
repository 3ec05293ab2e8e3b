package rulepack

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
)

// CompilePacks compiles the national pack and the local packs that inherit from it into one corpus.
func CompilePacks(packs Packs) (*tax.Corpus, error) {
	national, ok := packs[National]
	if !ok {
		return nil, fmt.Errorf("rulepack: no pack %s", National)
	}
	var local []fs.FS
	// The order of the packs is part of the corpus, and a map has none.
	for _, name := range slices.Sorted(maps.Keys(packs)) {
		if name != National {
			local = append(local, packs[name])
		}
	}
	return taxpack.LoadCorpus(national, local...)
}
