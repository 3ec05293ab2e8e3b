package audit_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/audittest"
	"fenzhang/shared/ident"
	"fenzhang/shared/vault/sm2signer"
)

func signer(t testing.TB, secret string) *sm2signer.Local {
	t.Helper()
	s, err := sm2signer.FromSecret(strings.Repeat(secret, 32))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func writer(t testing.TB, m *audittest.Memory) audit.Writer {
	return audit.Writer{Objects: m, Index: m, Signer: signer(t, "AB"), Until: audit.RetainUntil, Now: func() time.Time { return time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC) }}
}

func entries(t testing.TB, tenant ident.Tenant, from, to int) []audit.Entry {
	t.Helper()
	var out []audit.Entry
	for i := from; i < to; i++ {
		out = append(out, audittest.Entry(t, tenant, fmt.Sprintf("r%03d", i)))
	}
	return out
}

func check(t testing.TB, files fs.FS, kept ...audit.SignedHead) audit.Report {
	t.Helper()
	report, err := audit.Check(files, signer(t, "AB").Public(), kept...)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func TestMemoryKeepsThePromises(t *testing.T) {
	audittest.Promises(t, func(*testing.T) audittest.Store { return audittest.NewMemory() })
}

// TestEveryRecordHasOnePlace is the law of the writer: under crashes at any step, lost answers, redelivery,
// reordering and parallel writers each record stands exactly once, and the files prove themselves.
func TestEveryRecordHasOnePlace(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := audittest.NewMemory()
		w := writer(t, m)
		n := rapid.IntRange(1, 30).Draw(rt, "records")
		all := entries(t, "demo", 0, n)
		deliveries := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, n-1), 1, 10), 1, 12).Draw(rt, "deliveries")
		faults := rapid.SliceOfN(rapid.Bool(), 64, 64).Draw(rt, "faults")

		var mu sync.Mutex
		calls := 0
		lost := errors.New("lost")
		m.Disturb = func() error {
			mu.Lock()
			defer mu.Unlock()
			calls++
			if calls <= 600 && faults[calls%len(faults)] && calls%3 == 0 {
				return lost
			}
			return nil
		}
		var wg sync.WaitGroup
		want := map[string]bool{}
		for _, d := range deliveries {
			var batch []audit.Entry
			for _, i := range d {
				batch = append(batch, all[i])
				want[all[i].Record.ID] = true
			}
			wg.Go(func() {
				for try := 0; ; try++ { // the queue delivers again until it works
					err := w.Write(context.Background(), "demo", batch)
					if err == nil {
						return
					}
					if !errors.Is(err, lost) || try > 1000 {
						t.Errorf("write: %v", err)
						return
					}
				}
			})
		}
		wg.Wait()
		m.Disturb = nil

		report := check(t, m.Files())
		if report.Failed != 0 {
			rt.Fatalf("the check fails: %v", report.Findings)
		}
		if got := report.Chains[0].Records; got != int64(len(want)) {
			rt.Fatalf("%d records stand for %d", got, len(want))
		}
		places, err := m.Places(context.Background(), "demo", slices.Collect(keys(want)))
		if err != nil || len(places) != len(want) {
			rt.Fatalf("%d of %d records have a place: %v", len(places), len(want), err)
		}
	})
}

func keys(m map[string]bool) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func TestCrashBetweenObjectAndIndexIsAdopted(t *testing.T) {
	m := audittest.NewMemory()
	w := writer(t, m)
	ctx := context.Background()
	calls, stop := 0, errors.New("killed")
	m.Disturb = func() error {
		if calls++; calls == 6 { // head 2, places 2, the object's first is 5, its answer 6
			return stop
		}
		return nil
	}
	if err := w.Write(ctx, "demo", entries(t, "demo", 0, 3)); !errors.Is(err, stop) {
		t.Fatalf("got %v", err)
	}
	m.Disturb = nil
	if files := m.Files(); files["demo/000000000001.ndjson"] == nil || len(files) != 1 {
		t.Fatalf("the crash left %d objects", len(files))
	}
	// Another delivery brings only some of them, and new ones, in another order.
	next := []audit.Entry{audittest.Entry(t, "demo", "r007"), audittest.Entry(t, "demo", "r001")}
	if err := w.Write(ctx, "demo", next); err != nil {
		t.Fatal(err)
	}
	report := check(t, m.Files())
	if report.Failed != 0 || report.Chains[0].Records != 4 || report.Chains[0].Batches != 2 {
		t.Errorf("got %+v", report)
	}
}

func TestLargeDeliveryIsCutIntoBatches(t *testing.T) {
	m := audittest.NewMemory()
	if err := writer(t, m).Write(context.Background(), "demo", entries(t, "demo", 0, 2*audit.MaxBatch+1)); err != nil {
		t.Fatal(err)
	}
	if report := check(t, m.Files()); report.Failed != 0 || report.Chains[0].Batches != 3 {
		t.Errorf("got %+v", report)
	}
}

func TestForeignObjectUnderTheNextNumberStopsTheWriter(t *testing.T) {
	m := audittest.NewMemory()
	ctx := context.Background()
	other := audittest.NewMemory()
	if err := writer(t, other).Write(ctx, "evil", entries(t, "evil", 0, 1)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Put(ctx, "demo/000000000001.ndjson", other.Files()["evil/000000000001.ndjson"].Data, time.Time{}); err != nil {
		t.Fatal(err)
	}
	if err := writer(t, m).Write(ctx, "demo", entries(t, "demo", 0, 1)); err == nil {
		t.Error("an object of another tenant was adopted")
	}
}

func TestLineKeepsTheSentBytes(t *testing.T) {
	sent := `{"id":"x","tenant":"demo","at":"2026-11-16T10:00:00+08:00","actor":"a","act":"b","what":{"z":1.50,"a":"<&>月"},"later_field":[1]}`
	e, err := audit.ReadEntry([]byte(strings.ReplaceAll(sent, ",", " ,\n ")))
	if err != nil {
		t.Fatal(err)
	}
	m := audittest.NewMemory()
	if err := writer(t, m).Write(context.Background(), "demo", []audit.Entry{e}); err != nil {
		t.Fatal(err)
	}
	stored := m.Files()["demo/000000000001.ndjson"].Data
	if want := `"record":` + sent + "}\n"; !bytes.HasSuffix(stored, []byte(want)) {
		t.Errorf("stored %s", stored)
	}
}

func TestUnfitRecordsAreRefused(t *testing.T) {
	good := `{"id":"x","tenant":"demo","at":"2026-11-16T10:00:00+08:00","actor":"a","act":"b"}`
	if _, err := audit.ReadEntry([]byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{``, `[]`, `null`, `{}`, good + good, strings.Replace(good, `"x"`, `""`, 1), strings.Replace(good, `"x"`, `"`+strings.Repeat("x", 129)+`"`, 1),
		strings.Replace(good, `"demo"`, `"../x"`, 1), strings.Replace(good, `"a"`, `""`, 1), strings.Replace(good, `"act":"b"`, `"act":"b","retention":"never"`, 1)} {
		if _, err := audit.ReadEntry([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestRetention(t *testing.T) {
	at := func(instant, class string) audit.Entry {
		when, err := time.Parse(time.RFC3339, instant)
		if err != nil {
			t.Fatal(err)
		}
		return audit.Entry{Record: audit.Record{At: when, Retention: class}}
	}
	for _, c := range []struct {
		name string
		in   []audit.Entry
		want string
	}{
		{"voucher of 2026", []audit.Entry{at("2026-11-16T10:00:00+08:00", "")}, "2056-12-31T16:00:00Z"},
		{"return of 2026", []audit.Entry{at("2026-11-16T10:00:00+08:00", "return")}, "2036-12-31T16:00:00Z"},
		{"last second of the year in Shanghai", []audit.Entry{at("2026-12-31T15:59:59Z", "voucher")}, "2056-12-31T16:00:00Z"},
		{"first second of the next", []audit.Entry{at("2026-12-31T16:00:00Z", "voucher")}, "2057-12-31T16:00:00Z"},
		{"the longest wins", []audit.Entry{at("2027-11-16T10:00:00+08:00", "return"), at("2026-11-16T10:00:00+08:00", "")}, "2056-12-31T16:00:00Z"},
	} {
		if got := audit.RetainUntil(c.in).UTC().Format(time.RFC3339); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// TestProofsOfAllRecords proves each record of chains of all sizes and shows that a proof holds for nothing else.
func TestProofsOfAllRecords(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := audittest.NewMemory()
		w := writer(t, m)
		ctx := context.Background()
		n := 0
		for _, size := range rapid.SliceOfN(rapid.IntRange(1, 12), 1, 8).Draw(rt, "batches") {
			if err := w.Write(ctx, "demo", entries(t, "demo", n, n+size)); err != nil {
				rt.Fatal(err)
			}
			n += size
		}
		key := signer(t, "AB").Public()
		r := audit.Reader{Objects: m, Index: m}
		for i := range n {
			id := fmt.Sprintf("r%03d", i)
			p, err := r.Prove(ctx, "demo", id)
			if err != nil {
				rt.Fatal(err)
			}
			if err := p.Verify(key); err != nil {
				rt.Fatalf("proof of %s: %v", id, err)
			}
			if p.Verify(signer(t, "CD").Public()) == nil {
				rt.Fatal("the proof holds under another key")
			}
			forged := p
			forged.Line = strings.Replace(p.Line, "10.00", "90.00", 1)
			forged.Leaf = audit.LeafHash([]byte(forged.Line))
			if forged.Verify(key) == nil {
				rt.Fatal("a forged line is proven")
			}
			if len(p.Path) > 0 {
				forged = p
				forged.Path = slices.Clone(p.Path)
				forged.Path[rapid.IntRange(0, len(p.Path)-1).Draw(rt, "node")][0] ^= 1
				if forged.Verify(key) == nil {
					rt.Fatal("a forged path is accepted")
				}
			}
			s, err := r.Record(ctx, "demo", id)
			if err != nil || s.Line != p.Line || s.Leaf != p.Leaf || s.Batch != p.Batch {
				rt.Fatalf("record %+v %v differs from its proof", s, err)
			}
		}
		if _, err := r.Prove(ctx, "other", "r000"); err == nil {
			rt.Fatal("another tenant's record is proven")
		}
	})
}

// chain writes four batches of five records.
func chain(t testing.TB) fstest.MapFS {
	t.Helper()
	m := audittest.NewMemory()
	for i := range 4 {
		if err := writer(t, m).Write(context.Background(), "demo", entries(t, "demo", 5*i, 5*i+5)); err != nil {
			t.Fatal(err)
		}
	}
	return m.Files()
}

const second = "demo/000000000002.ndjson"

func lines(f fstest.MapFS, name string) []string {
	return strings.Split(strings.TrimSuffix(string(f[name].Data), "\n"), "\n")
}

func setLines(f fstest.MapFS, name string, l []string) {
	f[name] = &fstest.MapFile{Data: []byte(strings.Join(l, "\n") + "\n")}
}

// edit changes the lines of the second batch, which holds r005 to r009.
func edit(change func([]string) []string) func(fstest.MapFS) {
	return func(f fstest.MapFS) { setLines(f, second, change(lines(f, second))) }
}

func TestTamperingIsNamed(t *testing.T) {
	for _, c := range []struct {
		name   string
		tamper func(fstest.MapFS)
		want   []string // record and problem of each finding, in any order
	}{
		{"nothing", func(fstest.MapFS) {}, nil},
		{"an amount changed", edit(func(l []string) []string { l[2] = strings.Replace(l[2], "10.00", "99.00", 1); return l }), []string{"r007 changed"}},
		{"the first record of a batch changed", edit(func(l []string) []string { l[0] = strings.Replace(l[0], "10.00", "99.00", 1); return l }), []string{"r005 changed"}},
		{"the last record of a batch changed", edit(func(l []string) []string { l[4] = strings.Replace(l[4], "10.00", "99.00", 1); return l }), []string{"r009 changed"}},
		{"two neighbours changed", edit(func(l []string) []string {
			l[1], l[2] = strings.Replace(l[1], "10.00", "99.00", 1), strings.Replace(l[2], "10.00", "99.00", 1)
			return l
		}), []string{"r006 changed", "r007 changed"}},
		{"a blank more", edit(func(l []string) []string { l[2] = strings.Replace(l[2], `"what":`, `"what": `, 1); return l }), []string{"r007 changed"}},
		{"a link changed", edit(func(l []string) []string {
			l[2] = strings.Replace(l[2], `"prev":"`, `"prev":"00`, 1)
			i := strings.Index(l[2], `","record"`)
			l[2] = l[2][:i-2] + l[2][i:]
			return l
		}), []string{"r007 changed"}},
		{"a line made unreadable", edit(func(l []string) []string { l[2] = "garbage"; return l }), []string{"number 7 changed"}},
		{"a record taken out", edit(func(l []string) []string { return append(l[:2], l[3:]...) }), []string{"number 7 missing"}},
		{"the last record of a batch taken out", edit(func(l []string) []string { return l[:4] }), []string{"number 9 missing"}},
		{"a record copied", edit(func(l []string) []string { return append(l, l[1]) }), []string{"r006 added"}},
		{"a forged record with a number in use", edit(func(l []string) []string {
			return slices.Insert(l, 2, strings.Replace(l[2], `"r007"`, `"forged"`, 1))
		}), []string{"forged added"}},
		{"a forged record at the end", edit(func(l []string) []string {
			return append(l, strings.Replace(strings.Replace(l[4], `"seq":9`, `"seq":10`, 1), `"r009"`, `"forged"`, 1))
		}), []string{"forged added"}},
		{"two records swapped", edit(func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }), []string{"r007 reordered"}},
		{"the first moved to the end", edit(func(l []string) []string { return append(l[1:], l[0]) }), []string{"r005 reordered"}},
		{"a batch taken out", func(f fstest.MapFS) { delete(f, second) }, []string{"number 5 missing", "number 6 missing", "number 7 missing", "number 8 missing", "number 9 missing"}},
		{"a batch and its head taken out", func(f fstest.MapFS) { delete(f, second); delete(f, "demo/heads/000000000002.json") },
			[]string{"number 5 missing", "number 6 missing", "number 7 missing", "number 8 missing", "number 9 missing"}},
		{"a head taken out", func(f fstest.MapFS) { delete(f, "demo/heads/000000000002.json") }, []string{" missing"}},
		{"a head replaced by another", func(f fstest.MapFS) { f["demo/heads/000000000002.json"] = f["demo/heads/000000000003.json"] }, []string{" head is wrong"}},
		{"a head damaged", func(f fstest.MapFS) {
			f["demo/heads/000000000002.json"] = &fstest.MapFile{Data: bytes.Replace(f["demo/heads/000000000002.json"].Data, []byte(`\"count\":10`), []byte(`\"count\":11`), 1)}
		}, []string{" head is wrong"}},
		{"two batches exchanged", func(f fstest.MapFS) {
			f[second], f["demo/000000000003.ndjson"] = f["demo/000000000003.ndjson"], f[second]
		}, []string{
			"number 5 missing", "number 6 missing", "number 7 missing", "number 8 missing", "number 9 missing", "r010 added", "r011 added", "r012 added", "r013 added", "r014 added",
			"number 10 missing", "number 11 missing", "number 12 missing", "number 13 missing", "number 14 missing", "r005 added", "r006 added", "r007 added", "r008 added", "r009 added"}},
		{"a batch after the last head", func(f fstest.MapFS) {
			setLines(f, "demo/000000000005.ndjson", []string{strings.Replace(strings.Replace(lines(f, "demo/000000000004.ndjson")[4], `"seq":19`, `"seq":20`, 1), "r019", "forged", 1)})
		}, []string{" missing", "forged added"}},
		{"a stray file", func(f fstest.MapFS) { f["demo/note.txt"] = &fstest.MapFile{Data: []byte("x")} }, []string{" added"}},
		{"a stray file beside the tenants", func(f fstest.MapFS) { f["note.txt"] = &fstest.MapFile{Data: []byte("x")} }, []string{" added"}},
		{"a whole tenant under another name", func(f fstest.MapFS) {
			for name, file := range f {
				delete(f, name)
				f["other"+strings.TrimPrefix(name, "demo")] = file
			}
		}, allAdded(20, 4)},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := chain(t)
			c.tamper(files)
			report := check(t, files)
			var got []string
			for _, f := range report.Findings {
				got = append(got, f.Record+" "+string(f.Problem))
			}
			slices.Sort(got)
			slices.Sort(c.want)
			if !slices.Equal(got, c.want) || report.Failed != len(c.want) {
				t.Errorf("found %q, want %q", got, c.want)
			}
			if c.want == nil && report.Passed != 24 {
				t.Errorf("%d passed, want 20 records and 4 heads", report.Passed)
			}
		})
	}
}

func allAdded(records, heads int) []string {
	var out []string
	for i := range records {
		out = append(out, fmt.Sprintf("r%03d added", i))
	}
	for range heads {
		out = append(out, " head is wrong")
	}
	return out
}

// TestRechainedHistoryNeedsTheKey: whoever rewrites a record and every link after it still lacks the signatures.
func TestRechainedHistoryNeedsTheKey(t *testing.T) {
	forged := audittest.NewMemory()
	all := entries(t, "demo", 0, 20)
	all[7] = audittest.Entry(t, "demo", "r007")
	raw := bytes.Replace(all[7].Raw, []byte("10.00"), []byte("99.00"), 1)
	var err error
	if all[7], err = audit.ReadEntry(raw); err != nil {
		t.Fatal(err)
	}
	for i := range 4 {
		if err := writer(t, forged).Write(context.Background(), "demo", all[5*i:5*i+5]); err != nil {
			t.Fatal(err)
		}
	}
	files := forged.Files()
	for name, file := range chain(t) { // the true heads over the forged batches
		if strings.Contains(name, "/heads/") {
			files[name] = file
		}
	}
	report := check(t, files)
	var got []string
	for _, f := range report.Findings {
		got = append(got, f.Record+" "+string(f.Problem))
	}
	var want []string // it and all that were linked anew after it
	for i := 7; i < 20; i++ {
		want = append(want, fmt.Sprintf("r%03d changed", i))
	}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}

// TestAnyFlippedBitIsFound flips one bit anywhere. In a head's object only the letter case of a field's name, which
// carries nothing, may change.
func TestAnyFlippedBitIsFound(t *testing.T) {
	clean := chain(t)
	var names []string
	for name := range clean {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(rt *rapid.T) {
		files := fstest.MapFS{}
		for name, f := range clean {
			files[name] = &fstest.MapFile{Data: slices.Clone(f.Data)}
		}
		name := rapid.SampledFrom(names).Draw(rt, "object")
		data := files[name].Data
		at := rapid.IntRange(0, len(data)-2).Draw(rt, "at") // the last byte of a batch is its newline
		data[at] ^= 1 << rapid.IntRange(0, 7).Draw(rt, "bit")
		if strings.Contains(name, "/heads/") && bytes.EqualFold(data, clean[name].Data) && inName(data, at) {
			return
		}
		if report := check(t, files); report.Failed == 0 {
			rt.Fatalf("byte %d of %s changed to %q unnoticed", at, name, data[at])
		}
	})
}

// inName tells whether a byte of a head's object belongs to the name of one of its fields.
func inName(data []byte, at int) bool {
	for _, name := range []string{"signed", "signature", "key_id", "roots", "leaves"} {
		from := bytes.Index(bytes.ToLower(data), []byte(`"`+name+`":`))
		if from >= 0 && at > from && at <= from+len(name) {
			return true
		}
	}
	return false
}

func TestKeptHeadShowsACutOffEnd(t *testing.T) {
	full := chain(t)
	m := audittest.NewMemory()
	for name, f := range full {
		if _, err := m.Put(context.Background(), name, f.Data, time.Time{}); err != nil {
			t.Fatal(err)
		}
	}
	var kept audit.SignedHead
	if err := readJSON(full["demo/heads/000000000004.json"].Data, &kept); err != nil {
		t.Fatal(err)
	}
	if report := check(t, full, kept); report.Failed != 0 || report.Passed != 25 {
		t.Errorf("the full chain: %+v", report)
	}
	cut := chain(t)
	delete(cut, "demo/000000000004.ndjson")
	delete(cut, "demo/heads/000000000004.json")
	if report := check(t, cut); report.Failed != 0 {
		t.Errorf("a cut chain is consistent in itself: %v", report.Findings)
	}
	if report := check(t, cut, kept); report.Failed != 1 || report.Findings[0].Problem != audit.Missing {
		t.Errorf("the kept head: %+v", report)
	}
	// The same key signs two histories: only the kept head tells which one was there first.
	other := audittest.NewMemory()
	if err := writer(t, other).Write(context.Background(), "demo", entries(t, "demo", 50, 70)); err != nil {
		t.Fatal(err)
	}
	var first audit.SignedHead
	if err := readJSON(full["demo/heads/000000000001.json"].Data, &first); err != nil {
		t.Fatal(err)
	}
	if report := check(t, other.Files(), first); report.Failed != 1 || report.Findings[0].Problem != audit.Changed {
		t.Errorf("another history: %+v", report)
	}
	kept.Signed = strings.Replace(kept.Signed, `"count":20`, `"count":19`, 1)
	if report := check(t, full, kept); report.Failed != 1 || report.Findings[0].Problem != audit.BadHead {
		t.Errorf("a forged kept head: %+v", report)
	}
}

func TestHeadsOfAnotherKeyAreRefused(t *testing.T) {
	report, err := audit.Check(chain(t), signer(t, "CD").Public())
	if err != nil || report.Passed != 0 || report.Failed != 24 {
		t.Errorf("%d passed, %d failed, %v", report.Passed, report.Failed, err)
	}
}
