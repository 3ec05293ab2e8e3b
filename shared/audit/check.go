package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"

	"fenzhang/shared/ident"
)

// Problem is what the check says of a record or head.
type Problem string

// The problems.
const (
	Changed     Problem = "changed"
	Missing     Problem = "missing"
	Added       Problem = "added"
	Reordered   Problem = "reordered"
	Twice       Problem = "stands twice"
	Unconfirmed Problem = "cannot be confirmed"
	BadHead     Problem = "head is wrong"
)

// Finding is one failed check: where, of what, and what is wrong.
type Finding struct {
	Object  string // name of the object, with the line where there is one
	Record  string // id of the record or its number in the chain; "" for a head
	Problem Problem
	Detail  string
}

// String gives the finding as one line.
func (f Finding) String() string {
	s := f.Object
	if f.Record != "" {
		s += ": record " + f.Record
	}
	s += ": " + string(f.Problem)
	if f.Detail != "" {
		s += ": " + f.Detail
	}
	return s
}

// Chain is the summary of one tenant's files.
type Chain struct {
	Tenant  ident.Tenant
	Batches int
	Records int64    // good ones
	Last    HeadText // zero when no head is valid
}

// Report is the result of a check. Every record, every head and every kept head is one check.
type Report struct {
	Passed, Failed int
	Findings       []Finding
	Chains         []Chain
}

func (r *Report) fail(f Finding) {
	r.Failed++
	r.Findings = append(r.Findings, f)
}

// Check reads a folder of evidence, <tenant>/<seq>.ndjson and <tenant>/heads/<seq>.json, and needs
// nothing else but the public key. Kept heads come from elsewhere (a proof, a partner, paper): they
// show that the end of a chain was not cut off, which the files alone cannot show.
func Check(files fs.FS, key Checker, kept ...SignedHead) (Report, error) {
	var report Report
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return report, fmt.Errorf("audit: read the folder: %w", err)
	}
	heads := map[string]map[int64]HeadText{}
	for _, e := range entries {
		if !e.IsDir() {
			report.fail(Finding{Object: e.Name(), Problem: Added,
				Detail: "the folder holds one folder for each tenant"})
			continue
		}
		c := tenantCheck{files: files, key: key, tenant: ident.Tenant(e.Name()), report: &report,
			seen: map[string]string{}, heads: map[int64]HeadText{}}
		if err := c.run(); err != nil {
			return report, err
		}
		heads[e.Name()] = c.heads
	}
	for _, k := range kept {
		checkKept(&report, key, k, heads)
	}
	return report, nil
}

// checkKept holds a head from elsewhere against the valid ones of the files.
func checkKept(report *Report, key Checker, kept SignedHead, heads map[string]map[int64]HeadText) {
	t, err := kept.VerifyAndRead(key)
	if err != nil {
		report.fail(Finding{Object: "kept head", Problem: BadHead, Detail: err.Error()})
		return
	}
	name := fmt.Sprintf("kept head of %s, batch %d", t.Tenant, t.Batch)
	found, ok := heads[string(t.Tenant)][t.Batch]
	switch {
	case !ok:
		report.fail(Finding{Object: name, Problem: Missing,
			Detail: fmt.Sprintf("it covers %d records, and the files have no valid head of this batch",
				t.Count)})
	case found.Count != t.Count || found.Chain != t.Chain || found.Root != t.Root:
		report.fail(Finding{Object: name, Problem: Changed, Detail: "the files tell another history"})
	default:
		report.Passed++
	}
}

// tenantCheck walks one tenant's files.
type tenantCheck struct {
	files  fs.FS
	key    Checker
	tenant ident.Tenant
	report *Report
	seen   map[string]string  // id of a good record -> where it stands first
	heads  map[int64]HeadText // the valid ones
}

// numbered finds the objects of a folder; anything else in it was added.
func (c *tenantCheck) numbered(dir string, name *regexp.Regexp,
	also string) (map[int64]string, error) {
	entries, err := fs.ReadDir(c.files, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("audit: read %s: %w", dir, err)
	}
	out := map[int64]string{}
	for _, e := range entries {
		m := name.FindStringSubmatch(e.Name())
		switch {
		case m != nil && !e.IsDir():
			n, err := strconv.ParseInt(m[1], 10, 64)
			if err == nil && n > 0 {
				out[n] = path.Join(dir, e.Name())
				continue
			}
			fallthrough
		case e.Name() != also:
			c.report.fail(Finding{Object: path.Join(dir, e.Name()), Problem: Added,
				Detail: "it is neither a batch nor a head"})
		}
	}
	return out, nil
}

func (c *tenantCheck) run() error {
	batches, err := c.numbered(string(c.tenant), regexp.MustCompile(`^([0-9]{12})\.ndjson$`), "heads")
	if err != nil {
		return err
	}
	heads, err := c.numbered(path.Join(string(c.tenant), "heads"),
		regexp.MustCompile(`^([0-9]{12})\.json$`), "")
	if err != nil {
		return err
	}
	numbers := map[int64]bool{}
	for n := range batches {
		numbers[n] = true
	}
	for n := range heads {
		numbers[n] = true
	}
	last := openedHead{}
	var uncovered []*storedLine
	for _, n := range slices.Sorted(maps.Keys(numbers)) {
		lines, err := c.lines(batches[n])
		if err != nil {
			return err
		}
		head, ok, err := c.head(heads[n], n)
		if err != nil {
			return err
		}
		if !ok {
			uncovered = append(uncovered, lines...)
			continue
		}
		c.between(last, uncovered, head)
		c.batch(BatchName(c.tenant, n), lines, head)
		last, uncovered = head, nil
	}
	for _, l := range uncovered {
		c.reject(l, Added, "no signed head covers it")
	}
	c.report.Chains = append(c.report.Chains,
		Chain{Tenant: c.tenant, Batches: len(batches), Records: int64(len(c.seen)), Last: last.text})
	return nil
}

// head reads and checks the signed head after batch n.
func (c *tenantCheck) head(object string, n int64) (openedHead, bool, error) {
	if object == "" {
		c.report.fail(Finding{Object: HeadName(c.tenant, n), Problem: Missing,
			Detail: "the batch has no signed head"})
		return openedHead{}, false, nil
	}
	body, err := fs.ReadFile(c.files, object)
	if err != nil {
		return openedHead{}, false, fmt.Errorf("audit: %w", err)
	}
	head, err := openHead(body)
	if err == nil {
		_, err = head.signed.VerifyAndRead(c.key)
	}
	if err == nil && (head.text.Tenant != c.tenant || head.text.Batch != n) {
		err = fmt.Errorf("it is that of batch %d of %s", head.text.Batch, head.text.Tenant)
	}
	if err != nil {
		c.report.fail(Finding{Object: object, Problem: BadHead, Detail: err.Error()})
		return openedHead{}, false,
			nil //nolint:nilerr // a head that does not hold is a finding; the check goes on
	}
	c.report.Passed++
	c.heads[n] = head.text
	return head, true, nil
}

// accept counts a good record; each id may stand once only.
func (c *tenantCheck) accept(l *storedLine) {
	if first, twice := c.seen[l.name()]; twice {
		c.reject(l, Twice, "first at "+first)
		return
	}
	c.seen[l.name()] = l.where()
	c.report.Passed++
}

func (c *tenantCheck) reject(l *storedLine, p Problem, detail string) {
	c.report.fail(Finding{Object: l.where(), Record: l.name(), Problem: p, Detail: detail})
}

func (c *tenantCheck) missing(object string, number int64) {
	c.report.fail(Finding{Object: object, Record: fmt.Sprintf("number %d", number), Problem: Missing})
}
