package ruleset

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
)

// PackStore reads the pointers and the archives of packs.
type PackStore interface {
	// ReadState reads the pointers; the result may be a moment old.
	ReadState(ctx context.Context) (State, error)
	// ReadArchive reads the archive of a stored version; fault.MissingObject if there is none.
	ReadArchive(ctx context.Context, pack, version string) ([]byte, error)
}

// Generation is the set of compiled rules from one change of the pointers to the next. Generation
// never changes: a computation takes one generation and uses it to its end.
type Generation struct {
	State   State
	Corpus  *tax.Corpus
	Shadows []Shadow

	incomplete bool // a shadow could not be loaded: the next refresh tries again
}

// Fixed is a set of rules that never changes, for tests and tools.
type Fixed struct{ Corpus *tax.Corpus }

// Current returns the generation of the one corpus.
func (f Fixed) Current(context.Context) *Generation { return &Generation{Corpus: f.Corpus} }

// VersionOf returns the version of a pack that computes in this generation, and "" if there is no
// such pack.
func (g *Generation) VersionOf(pack string) string {
	for _, id := range g.Corpus.PackIDs() {
		if id.Pack == pack {
			return id.Version
		}
	}
	return ""
}

// Shadow is the corpus that results if one other version of a pack were active.
type Shadow struct {
	ID     tax.PackID
	Corpus *tax.Corpus
}

const (
	// RefreshInterval is the time for which the pointers are used without reading them again.
	// RefreshInterval and RefreshTimeout together put a change into force within 30 seconds.
	RefreshInterval = 10 * time.Second
	// RefreshTimeout limits the time that a refresh may add to the request that makes it.
	RefreshTimeout = 3 * time.Second
)

// Set has the generation of rules in force. Lambda freezes a function between requests, so there is
// no background refresh: a request refreshes the set if RefreshInterval is over. Only one request
// refreshes the set at a time; the others go on with the current generation.
type Set struct {
	Store   PackStore
	Trusted rulepack.Trusted
	Log     *slog.Logger
	Now     func() time.Time // the real time, also where a test moves business time

	current         atomic.Pointer[Generation]
	nextRefresh     atomic.Int64 // time of the next refresh, in Unix nanoseconds
	failedRefreshes atomic.Int64

	mu            sync.Mutex
	files         map[tax.PackID]fs.FS   // files of verified archives
	cachedCorpora map[string]*tax.Corpus // compiled corpora by the ids of their packs
}

// Start compiles the packs in the binary and then, if the pointers name other versions, loads
// those. If the pointers or archives cannot be read in time, the function starts with the packs in
// the binary and tries again at the next refresh.
//
// Errors: only if the packs in the binary cannot be compiled.
func (s *Set) Start(ctx context.Context) error {
	corpus, err := taxpack.LoadEmbedded()
	if err != nil {
		return fmt.Errorf("ruleset: %w", err)
	}
	s.current.Store(&Generation{Corpus: corpus})
	s.refresh(ctx, s.Now())
	return nil
}

// Current returns the generation in force, and refreshes it first if RefreshInterval is over.
func (s *Set) Current(ctx context.Context) *Generation {
	now := s.Now()
	// Of several requests at once, only the one that moves the time of the next refresh refreshes.
	if due := s.nextRefresh.Load(); now.UnixNano() >= due &&
		s.nextRefresh.CompareAndSwap(due, now.Add(RefreshInterval).UnixNano()) {
		s.refresh(ctx, now)
	}
	return s.current.Load()
}

// FailedRefreshes counts the refreshes that failed since the start. After a failed refresh the old
// generation stays in force.
func (s *Set) FailedRefreshes() int64 { return s.failedRefreshes.Load() }

// refresh reads the pointers and replaces the generation if they have changed.
func (s *Set) refresh(ctx context.Context, now time.Time) {
	s.nextRefresh.Store(now.Add(RefreshInterval).UnixNano())
	// If the caller cancels its request, the refresh goes on: it serves all later requests.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), RefreshTimeout)
	defer cancel()
	was := s.current.Load()
	state, err := s.Store.ReadState(ctx)
	if err == nil && !was.isOutdated(state) {
		return
	}
	var next *Generation
	if err == nil {
		next, err = s.buildGeneration(ctx, state)
	}
	if err != nil {
		s.Log.ErrorContext(ctx, "rules kept", "rev", was.State.Rev, "wanted", state.Rev, "failures",
			s.failedRefreshes.Add(1), "cause", err.Error())
		return
	}
	s.current.Store(next)
	s.Log.InfoContext(ctx, "rules changed", "rev", state.Rev, "packs", nonEmbeddedVersions(state))
}

// isOutdated reports whether the pointers ask for another generation. An older revision of the
// pointers never replaces a newer one, so that a late read cannot undo a change.
func (g *Generation) isOutdated(by State) bool {
	return by.Rev > g.State.Rev || (by.Rev == g.State.Rev && g.incomplete)
}

// nonEmbeddedVersions lists the active versions that do not come from the binary, for the log.
func nonEmbeddedVersions(state State) []string {
	var out []string
	for _, pack := range slices.Sorted(maps.Keys(state.Packs)) {
		if p := state.Packs[pack]; !p.Active.IsEmbedded() {
			out = append(out, pack+"@"+p.Active.Version)
		}
	}
	return out
}

// buildGeneration compiles the versions that the pointers name. A shadow that cannot be loaded is
// logged and left out, because it must not delay a correction of the active rules.
func (s *Set) buildGeneration(ctx context.Context, state State) (*Generation, error) {
	packs, err := s.replacedPacks(ctx, state)
	if err != nil {
		return nil, err
	}
	g := &Generation{State: state}
	if g.Corpus, err = compilePacks(packs); err != nil {
		return nil, err
	}
	for _, pack := range slices.Sorted(maps.Keys(state.Packs)) {
		ref := state.Packs[pack].Shadow
		if ref == nil {
			continue
		}
		shadow, err := s.loadShadow(ctx, packs, pack, *ref)
		if err != nil {
			s.Log.ErrorContext(ctx, "shadow left out", "pack", pack, "version", ref.Version, "cause",
				err.Error())
			g.incomplete = true
			continue
		}
		g.Shadows = append(g.Shadows, shadow)
	}
	return g, nil
}

// loadShadow compiles the packs with one pack replaced by its shadow version.
func (s *Set) loadShadow(ctx context.Context, packs rulepack.Packs, pack string,
	ref Ref) (Shadow, error) {
	id := tax.PackID{Pack: pack, Version: ref.Version, SHA256: ref.SHA256}
	files, err := s.VerifiedFiles(ctx, id)
	if err != nil {
		return Shadow{}, err
	}
	corpus, err := compilePacks(packs.WithPack(pack, files))
	return Shadow{ID: id, Corpus: corpus}, err
}

// compilePacks compiles the packs of the binary, with some of them replaced by other versions. The
// other versions were verified and tried when they were published.
func compilePacks(others rulepack.Packs) (*tax.Corpus, error) {
	// Reading the prepared form of the embedded packs is much faster than compiling them.
	if len(others) == 0 {
		return taxpack.LoadEmbedded()
	}
	var local []fs.FS
	for _, pack := range slices.Sorted(maps.Keys(others)) {
		if pack != rulepack.National {
			local = append(local, others[pack])
		}
	}
	return taxpack.LoadOverEmbedded(others[rulepack.National], local...)
}

// replacedPacks returns the files of the active versions that are not those of the binary.
func (s *Set) replacedPacks(ctx context.Context, state State) (rulepack.Packs, error) {
	packs := rulepack.Packs{}
	for pack, p := range state.Packs {
		if p.Active.IsEmbedded() {
			continue
		}
		files, err := s.VerifiedFiles(ctx,
			tax.PackID{Pack: pack, Version: p.Active.Version, SHA256: p.Active.SHA256})
		if err != nil {
			return nil, err
		}
		packs[pack] = files
	}
	return packs, nil
}

// PacksInState returns the files of all packs in the versions that the pointers name.
func (s *Set) PacksInState(ctx context.Context, state State) (rulepack.Packs, error) {
	packs, err := rulepack.EmbeddedPacks()
	if err != nil {
		return nil, err
	}
	others, err := s.replacedPacks(ctx, state)
	maps.Copy(packs, others)
	return packs, err
}

// VerifiedFiles returns the files of a stored version. The archive is read and verified once and
// then kept in memory.
func (s *Set) VerifiedFiles(ctx context.Context, id tax.PackID) (fs.FS, error) {
	s.mu.Lock()
	files := s.files[id]
	s.mu.Unlock()
	if files != nil {
		return files, nil
	}
	bundle, err := FetchVerified(ctx, s.Store, s.Trusted, id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		s.files = map[tax.PackID]fs.FS{}
	}
	s.files[id] = bundle.Files
	return bundle.Files, nil
}

// FetchVerified reads a stored version and verifies its signature, every hash, and that its content
// is the one that id names.
func FetchVerified(ctx context.Context, shelf PackStore, trusted rulepack.Trusted,
	id tax.PackID) (rulepack.Bundle, error) {
	archive, err := shelf.ReadArchive(ctx, id.Pack, id.Version)
	if err != nil {
		return rulepack.Bundle{}, fmt.Errorf("ruleset: %s@%s: %w", id.Pack, id.Version, err)
	}
	bundle, err := rulepack.OpenArchive(archive, trusted)
	if err != nil {
		return rulepack.Bundle{}, fmt.Errorf("ruleset: %s@%s: %w", id.Pack, id.Version, err)
	}
	if got := bundle.Manifest.PackID(); got != id {
		return rulepack.Bundle{}, fmt.Errorf("ruleset: the archive of %s@%s holds %s@%s %s, not %s",
			id.Pack, id.Version, got.Pack, got.Version, got.SHA256, id.SHA256)
	}
	return bundle, nil
}

// maxCachedCorpora limits the number of compiled corpora that CorpusOfResult and CorpusWith keep in
// memory.
const maxCachedCorpora = 4

// CorpusOfResult compiles the rules that a result was computed with, by the pack ids in the result
// (tax.RulesUsed). Packs that the result does not name are those of the binary, because they had no
// part in it.
//
// Errors: fault.MissingObject if a version is not stored.
func (s *Set) CorpusOfResult(ctx context.Context, used tax.RulesUsed) (*tax.Corpus, error) {
	ids := append([]tax.PackID{used.PackID}, used.Local...)
	key := fmt.Sprint(ids)
	s.mu.Lock()
	corpus := s.cachedCorpora[key]
	s.mu.Unlock()
	if corpus != nil {
		return corpus, nil
	}
	carried, err := rulepack.EmbeddedPacks()
	if err != nil {
		return nil, err
	}
	others := rulepack.Packs{}
	for _, id := range ids {
		if others[id.Pack], err = s.filesOfPack(ctx, id, carried[id.Pack]); err != nil {
			return nil, err
		}
	}
	if corpus, err = compilePacks(others); err != nil {
		return nil, fmt.Errorf("ruleset: %s: %w", key, err)
	}
	s.cacheCorpus(key, corpus)
	return corpus, nil
}

// filesOfPack returns the files of a version: those of the binary if it has this version, otherwise
// those of the archive.
func (s *Set) filesOfPack(ctx context.Context, id tax.PackID, carried fs.FS) (fs.FS, error) {
	if carried != nil {
		if here, err := rulepack.IdentifyPack(carried); err != nil || here == id {
			return carried, err
		}
	}
	return s.VerifiedFiles(ctx, id)
}
