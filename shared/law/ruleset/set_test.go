package ruleset_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/vault/sm2signer"
)

// shelf is pointers and archives in memory.
type shelf struct {
	mu       sync.Mutex
	state    ruleset.State
	archives map[string][]byte
	err      error
	looks    atomic.Int64
	block    chan struct{}
}

func (s *shelf) ReadState(ctx context.Context) (ruleset.State, error) {
	s.looks.Add(1)
	if s.block != nil {
		select {
		case <-s.block:
		case <-ctx.Done():
			return ruleset.State{}, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.err
}

func (s *shelf) ReadArchive(_ context.Context, pack, version string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, ok := s.archives[pack+"@"+version]
	if !ok {
		return nil, fault.MissingObject("archive")
	}
	return a, s.err
}

// stage is a running function's rules, with a clock that a test moves.
type stage struct {
	*ruleset.Set
	t     *testing.T
	shelf *shelf
	key   *sm2signer.Local
	now   atomic.Int64
	log   *bytes.Buffer
}

func start(t *testing.T) *stage {
	t.Helper()
	key, trusted, err := ruletest.NewTrustedKey()
	if err != nil {
		t.Fatal(err)
	}
	s := &stage{t: t, shelf: &shelf{archives: map[string][]byte{}}, key: key, log: &bytes.Buffer{}}
	s.Set = &ruleset.Set{Store: s.shelf, Trusted: trusted, Log: slog.New(slog.NewJSONHandler(s.log, nil)), Now: func() time.Time { return time.Unix(s.now.Load(), 0) }}
	s.now.Store(1_000_000)
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

// store puts a national pack with another cost rate on the shelf.
func (s *stage) store(version, share string) ruleset.Ref {
	s.t.Helper()
	files, err := ruletest.PackWithCostRate(version, share)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.keep(files)
}

func (s *stage) keep(files fstest.MapFS) ruleset.Ref {
	s.t.Helper()
	m, archive, err := ruletest.ArchivePack(s.t.Context(), files, s.key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	s.shelf.archives[m.Pack+"@"+m.Version] = archive
	return ruleset.Ref{Version: m.Version, SHA256: m.PackID().SHA256}
}

// change moves the pointers as publishing does.
func (s *stage) change(do func(ruleset.State) (ruleset.State, bool)) {
	s.t.Helper()
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	next, ok := do(s.shelf.state)
	if !ok {
		s.t.Fatal("no change")
	}
	s.shelf.state = next
}

func (s *stage) activate(r ruleset.Ref) {
	s.change(func(st ruleset.State) (ruleset.State, bool) { return st.Activate(pack, r) })
}

// withheld is what 10,000.00 of labor on 2026-10-20 gives: 1600.00 with the cost rate of 20%.
func withheld(t *testing.T, c *tax.Corpus) string {
	t.Helper()
	on := civil.MustDate("2026-10-20")
	res, err := c.Compute(tax.Facts{PaymentDate: on, VATDate: on, Entity: tax.Entity{ID: "e", Place: "330100", PlaceTier: "city", VAT: "general"}, Route: "mcn_pays",
		Taxpayer: tax.Taxpayer{Kind: "natural_person", Resident: true, VAT: "natural_person", Collection: "withheld", Jurisdiction: "330100"}, IncomeType: "live_tip", Amount: money.MustParse("10000.00"), VATIncluded: true})
	if err != nil {
		t.Fatal(err)
	}
	return res.TotalWithheld.String()
}

func (s *stage) computes(want string) {
	s.t.Helper()
	if got := withheld(s.t, s.Current(s.t.Context()).Corpus); got != want {
		s.t.Errorf("withheld %s, want %s\n%s", got, want, s.log)
	}
}

func (s *stage) pass(d time.Duration) { s.now.Add(int64(d / time.Second)) }

func TestAChangeIsInForceWithinThirtySeconds(t *testing.T) {
	s := start(t)
	s.computes("1600.00")
	s.activate(s.store("2030.1", "0.30"))
	s.computes("1600.00") // it was asked a moment ago
	if ruleset.RefreshInterval+ruleset.RefreshTimeout > 30*time.Second {
		t.Fatal("a look may come too late")
	}
	s.pass(ruleset.RefreshInterval)
	s.computes("1400.00")
	if got := s.Current(t.Context()).VersionOf(pack); got != "2030.1" {
		t.Errorf("version %s", got)
	}
	s.change(func(st ruleset.State) (ruleset.State, bool) { return st.Rollback(pack, nil) })
	s.pass(ruleset.RefreshInterval)
	s.computes("1600.00")
}

func TestPointersAreReadSeldom(t *testing.T) {
	s := start(t)
	looks := s.shelf.looks.Load()
	for range 100 {
		s.Current(t.Context())
	}
	if n := s.shelf.looks.Load() - looks; n != 0 {
		t.Errorf("%d looks in one moment", n)
	}
	s.pass(ruleset.RefreshInterval)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() { s.Current(context.Background()) })
	}
	wg.Wait()
	if n := s.shelf.looks.Load() - looks; n != 1 {
		t.Errorf("%d looks by 50 requests at once", n)
	}
}

func TestOtherRequestsDoNotWaitForALook(t *testing.T) {
	s := start(t)
	s.shelf.block = make(chan struct{})
	s.pass(ruleset.RefreshInterval)
	looking := make(chan struct{})
	go func() { s.Current(context.Background()); close(looking) }()
	for s.shelf.looks.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	answered := make(chan struct{})
	go func() { s.Current(context.Background()); close(answered) }()
	select {
	case <-answered:
	case <-time.After(time.Minute):
		t.Error("a request waited for another's look")
	}
	close(s.shelf.block)
	<-looking
}

func TestWhatCannotBeLoadedLeavesTheOldInForce(t *testing.T) {
	stranger, _, err := ruletest.NewTrustedKey()
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(s *stage, r ruleset.Ref) ruleset.Ref{
		"no archive": func(s *stage, r ruleset.Ref) ruleset.Ref { delete(s.shelf.archives, pack+"@2030.2"); return r },
		"half an archive": func(s *stage, r ruleset.Ref) ruleset.Ref {
			a := s.shelf.archives[pack+"@2030.2"]
			s.shelf.archives[pack+"@2030.2"] = a[:len(a)/2]
			return r
		},
		"another's signature":   func(s *stage, r ruleset.Ref) ruleset.Ref { s.key = stranger; return s.store("2030.2", "0.50") },
		"other content":         func(s *stage, r ruleset.Ref) ruleset.Ref { s.store("2030.2", "0.60"); return r },
		"a bucket that is away": func(s *stage, r ruleset.Ref) ruleset.Ref { s.shelf.err = errors.New("away"); return r },
		"rules that do not compile": func(s *stage, _ ruleset.Ref) ruleset.Ref {
			files, err := ruletest.PackWithCostRate("2030.2", "0.50")
			if err != nil {
				s.t.Fatal(err)
			}
			delete(files, "iit/brackets_labor.yaml")
			return s.keep(files)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			s.activate(s.store("2030.1", "0.30"))
			s.pass(ruleset.RefreshInterval)
			s.computes("1400.00")
			good := s.store("2030.2", "0.50")
			archive := s.shelf.archives[pack+"@2030.2"]
			bad := spoil(s, good)
			s.activate(bad)
			s.pass(ruleset.RefreshInterval)
			s.computes("1400.00")
			if s.FailedRefreshes() != 1 || !strings.Contains(s.log.String(), `"msg":"rules kept"`) {
				t.Errorf("kept %d times\n%s", s.FailedRefreshes(), s.log)
			}
			if bad == good { // it comes right by itself once the archive does
				s.shelf.archives[pack+"@2030.2"], s.shelf.err = archive, nil
				s.pass(ruleset.RefreshInterval)
				s.computes("1000.00")
			}
		})
	}
}

func TestAFunctionStartsWithoutReachOfTheBucket(t *testing.T) {
	s := start(t)
	s.activate(s.store("2030.1", "0.30"))
	s.shelf.err = errors.New("away")
	cold := &ruleset.Set{Store: s.shelf, Trusted: s.Trusted, Log: s.Log, Now: s.Now}
	if err := cold.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := withheld(t, cold.Current(t.Context()).Corpus); got != "1600.00" {
		t.Errorf("withheld %s, want what the binary says", got)
	}
	s.shelf.err = nil
	s.pass(ruleset.RefreshInterval)
	if got := withheld(t, cold.Current(t.Context()).Corpus); got != "1400.00" {
		t.Errorf("withheld %s after the bucket came back", got)
	}
	warm := &ruleset.Set{Store: s.shelf, Trusted: s.Trusted, Log: s.Log, Now: s.Now}
	if err := warm.Start(t.Context()); err != nil || withheld(t, warm.Current(t.Context()).Corpus) != "1400.00" {
		t.Errorf("a start with reach: %v", err)
	}
}

func TestALateReadNeverGoesBack(t *testing.T) {
	s := start(t)
	old := s.shelf.state
	s.activate(s.store("2030.1", "0.30"))
	s.pass(ruleset.RefreshInterval)
	s.computes("1400.00")
	s.shelf.state = old
	s.pass(ruleset.RefreshInterval)
	s.computes("1400.00")
}

func TestShadowsStandBesideTheActive(t *testing.T) {
	s := start(t)
	r := s.store("2030.1", "0.30")
	archive := s.shelf.archives[pack+"@2030.1"]
	delete(s.shelf.archives, pack+"@2030.1")
	s.change(func(st ruleset.State) (ruleset.State, bool) { return st.Shadow(pack, r) })
	s.pass(ruleset.RefreshInterval)
	s.computes("1600.00")
	if g := s.Current(t.Context()); len(g.Shadows) != 0 || g.State.Rev != 1 || !strings.Contains(s.log.String(), "shadow left out") {
		t.Errorf("%d shadows, rev %d", len(g.Shadows), g.State.Rev)
	}
	s.shelf.archives[pack+"@2030.1"] = archive
	s.pass(ruleset.RefreshInterval)
	g := s.Current(t.Context())
	if len(g.Shadows) != 1 || g.Shadows[0].ID.Version != "2030.1" || withheld(t, g.Shadows[0].Corpus) != "1400.00" || withheld(t, g.Corpus) != "1600.00" {
		t.Errorf("%d shadows", len(g.Shadows))
	}
}

// A result of years ago is computed again with the very rules that made it.
func TestPastRulesComeBackByTheirNames(t *testing.T) {
	s := start(t)
	now := s.Current(t.Context()).Corpus
	ref := s.store("2030.1", "0.30")
	s.activate(ref)
	s.pass(ruleset.RefreshInterval)
	used := tax.RulesUsed{PackID: s.Current(t.Context()).Corpus.National().Pack()}
	if used.Version != "2030.1" {
		t.Fatalf("%+v", used)
	}
	s.change(func(st ruleset.State) (ruleset.State, bool) { return st.Revoke(pack, ref) })
	s.pass(ruleset.RefreshInterval)
	s.computes("1600.00")
	for range 2 {
		past, err := s.CorpusOfResult(t.Context(), used)
		if err != nil || withheld(t, past) != "1400.00" {
			t.Fatalf("%v", err)
		}
	}
	here, err := s.CorpusOfResult(t.Context(), tax.RulesUsed{PackID: now.National().Pack()})
	if err != nil || withheld(t, here) != "1600.00" {
		t.Errorf("%v", err)
	}
	if _, err := s.CorpusOfResult(t.Context(), tax.RulesUsed{PackID: tax.PackID{Pack: pack, Version: "1999.1", SHA256: "x"}}); !fault.HasCode(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := s.CorpusOfResult(t.Context(), tax.RulesUsed{PackID: tax.PackID{Pack: pack, Version: "2030.1", SHA256: "x"}}); err == nil {
		t.Error("other content under the name of a version was taken")
	}
}
