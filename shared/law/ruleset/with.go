package ruleset

import (
	"context"
	"fmt"
	"io/fs"

	"fenzhang/shared/fault"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/tax"
)

// CorpusWith compiles the rules in force with one pack replaced by another version of it. The
// version may be stored in any state, or be the one in the binary.
//
// Errors: fault.MissingObject if the version is neither stored nor in the binary.
func (s *Set) CorpusWith(ctx context.Context, pack, version string) (*tax.Corpus, error) {
	g := s.Current(ctx)
	key := fmt.Sprintf("%d with %s@%s", g.State.Rev, pack, version)
	s.mu.Lock()
	corpus := s.cachedCorpora[key]
	s.mu.Unlock()
	if corpus != nil {
		return corpus, nil
	}
	packs, err := s.PacksInState(ctx, g.State)
	if err != nil {
		return nil, err
	}
	files, err := s.filesOfVersion(ctx, pack, version)
	if err != nil {
		return nil, err
	}
	if corpus, err = rulepack.CompilePacks(packs.WithPack(pack, files)); err != nil {
		return nil, fmt.Errorf("ruleset: %s: %w", key, err)
	}
	s.cacheCorpus(key, corpus)
	return corpus, nil
}

// filesOfVersion returns the files of a version that is known only by its number. Its archive is
// verified like any other.
func (s *Set) filesOfVersion(ctx context.Context, pack, version string) (fs.FS, error) {
	carried, err := rulepack.EmbeddedPacks()
	if err != nil {
		return nil, err
	}
	if carried[pack] == nil {
		return nil, fault.MissingObject("pack")
	}
	if id, err := rulepack.IdentifyPack(carried[pack]); err != nil || id.Version == version {
		return carried[pack], err
	}
	archive, err := s.Store.ReadArchive(ctx, pack, version)
	if err != nil {
		return nil, err
	}
	bundle, err := rulepack.OpenArchive(archive, s.Trusted)
	if err != nil {
		return nil, fmt.Errorf("ruleset: %s@%s: %w", pack, version, err)
	}
	if got := bundle.Manifest.PackID(); got.Pack != pack || got.Version != version {
		return nil, fmt.Errorf("ruleset: the archive of %s@%s holds %s@%s", pack, version, got.Pack,
			got.Version)
	}
	return bundle.Files, nil
}

// cacheCorpus keeps a compiled corpus in memory. If there are too many, it drops all of them: a
// corpus that is needed again is compiled again.
func (s *Set) cacheCorpus(key string, corpus *tax.Corpus) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cachedCorpora == nil || len(s.cachedCorpora) >= maxCachedCorpora {
		s.cachedCorpora = map[string]*tax.Corpus{}
	}
	s.cachedCorpora[key] = corpus
}
