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

// PackStore is where pointers and archives lie.
type PackStore interface {
	// State reads the pointers; it may be a moment old.
	ReadState(ctx context.Context) (State, error)
	// Archive reads a stored version; fault.Absent when there is none.
	ReadArchive(ctx context.Context, pack, version string) ([]byte, error)
}

// Generation is what computes from one change of the pointers to the next. It never changes: a
// computation takes one and keeps it to its end.
type Generation struct {
	State   State
	Corpus  *tax.Corpus
	Shadows []Shadow

	incomplete bool // a shadow was left out: the next look tries again
}

// Fixed is a set of rules that never changes; for tests and tools.
type Fixed struct{ Corpus *tax.Corpus }

// Current is always the same.
func (f Fixed) Current(context.Context) *Generation { return &Generation{Corpus: f.Corpus} }

// VersionOf is the version of a pack that computes; "" when there is no such pack.
func (g *Generation) VersionOf(pack string) string {
	for _, id := range g.Corpus.PackIDs() {
		if id.Pack == pack {
			return id.Version
		}
	}
	return ""
}

// Shadow is the corpus as it would be with one other version in force.
type Shadow struct {
	ID     tax.PackID
	Corpus *tax.Corpus
}

const (
	// Every is how long pointers are believed: with the load that follows, a change is in force well
	// within 30 s.
	RefreshInterval = 10 * time.Second
	// Budget bounds what one look may take of the request that makes it.
	RefreshTimeout = 3 * time.Second
)

// Set holds the generation in force. Functions freeze between requests, so it looks for a new one
// when a request asks, at most once in Every, and never twice at once: other requests go on with
// the one that is there.
type Set struct {
	Store   PackStore
	Trusted rulepack.Trusted
	Log     *slog.Logger
	Now     func() time.Time // the real instant

	current         atomic.Pointer[Generation]
	nextRefresh     atomic.Int64 // UnixNano of the next look
	failedRefreshes atomic.Int64

	mu            sync.Mutex
	files         map[tax.PackID]fs.FS   // of verified archives
	cachedCorpora map[string]*tax.Corpus // by the names of their packs
}

// Start loads the packs in the binary and then, where the pointers name others and can be reached
// in time, those. A function that cannot reach them starts with what it carries and looks again.
//
// Errors: only when the packs in the binary are wrong.
func (s *Set) Start(ctx context.Context) error {
	corpus, err := taxpack.Embedded()
	if err != nil {
		return fmt.Errorf("ruleset: %w", err)
	}
	s.current.Store(&Generation{Corpus: corpus})
	s.refresh(ctx, s.Now())
	return nil
}

// Current is the generation in force.
func (s *Set) Current(ctx context.Context) *Generation {
	now := s.Now()
	if due := s.nextRefresh.Load(); now.UnixNano() >= due &&
		s.nextRefresh.CompareAndSwap(due, now.Add(RefreshInterval).UnixNano()) {
		s.refresh(ctx, now)
	}
	return s.current.Load()
}

// FailedRefreshes counts the looks that failed since the start; after each the old generation went
// on.
func (s *Set) FailedRefreshes() int64 { return s.failedRefreshes.Load() }

// refresh reads the pointers and swaps the generation when they have moved.
func (s *Set) refresh(ctx context.Context, now time.Time) {
	s.nextRefresh.Store(now.Add(RefreshInterval).UnixNano())
	// a caller that hangs up is no failure of the packs
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

// isOutdated tells that the pointers ask for another generation. A late answer never goes back.
func (g *Generation) isOutdated(by State) bool {
	return by.Rev > g.State.Rev || (by.Rev == g.State.Rev && g.incomplete)
}

// nonEmbeddedVersions lists the versions that are not those of the binary, for the log.
func nonEmbeddedVersions(state State) []string {
	var out []string
	for _, pack := range slices.Sorted(maps.Keys(state.Packs)) {
		if p := state.Packs[pack]; !p.Active.IsEmbedded() {
			out = append(out, pack+"@"+p.Active.Version)
		}
	}
	return out
}

// buildGeneration compiles what the pointers name. A shadow that cannot be loaded is left out and told: it
// must not keep a correction of the active rules away.
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

// compilePacks compiles the packs of the binary with other versions of some, which were verified and tried
// when they were published.
func compilePacks(others rulepack.Packs) (*tax.Corpus, error) {
	if len(others) == 0 {
		return taxpack.Embedded()
	}
	var local []fs.FS
	for _, pack := range slices.Sorted(maps.Keys(others)) {
		if pack != rulepack.National {
			local = append(local, others[pack])
		}
	}
	return taxpack.LoadOver(others[rulepack.National], local...)
}

// replacedPacks are the files of the packs in force that are not those of the binary.
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

// PacksInState are the files of all packs as the pointers have them.
func (s *Set) PacksInState(ctx context.Context, state State) (rulepack.Packs, error) {
	packs, err := rulepack.EmbeddedPacks()
	if err != nil {
		return nil, err
	}
	others, err := s.replacedPacks(ctx, state)
	maps.Copy(packs, others)
	return packs, err
}

// VerifiedFiles fetches a version and verifies it, once.
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

// FetchVerified reads a stored version and verifies its signature, every hash, and that it is the
// one that is meant.
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

// maxCachedCorpora bounds how many corpora of the past are kept.
const maxCachedCorpora = 4

// CorpusOfResult compiles the rules as they were when a result named these packs (tax.RulesUsed),
// from their archives or from the binary. Packs that the result does not name are those of the
// binary: they had no part in it.
//
// Errors: fault.Absent when a version is not stored.
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

// filesOfPack gives the files of a version: those of the binary when they are it, and else the archived
// ones.
func (s *Set) filesOfPack(ctx context.Context, id tax.PackID, carried fs.FS) (fs.FS, error) {
	if carried != nil {
		if here, err := rulepack.IdentifyPack(carried); err != nil || here == id {
			return carried, err
		}
	}
	return s.VerifiedFiles(ctx, id)
}
