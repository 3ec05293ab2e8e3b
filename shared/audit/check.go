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

// Problem is the kind of fault that the check found in a record or head.
type Problem string

// The kinds of faults.
const (
	Changed     Problem = "changed"
	Missing     Problem = "missing"
	Added       Problem = "added"
	Reordered   Problem = "reordered"
	Twice       Problem = "stands twice"
	Unconfirmed Problem = "cannot be confirmed"
	BadHead     Problem = "head is wrong"
)

// Finding is one failed check: the object, the record, and the fault.
type Finding struct {
	Object  string // name of the object, with the number of the line where there is one
	Record  string // id of the faulty record or its number in the chain; "" for a fault of a head
	Problem Problem
	Detail  string
}

// String returns the finding as one line of text.
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
	Records int64    // number of valid records
	Last    HeadText // last valid signed head of the chain; zero when there is none
}

// Report is the result of a check. Each record, each head, and each head that was kept elsewhere
// counts as one check.
type Report struct {
	Passed, Failed int
	Findings       []Finding
	Chains         []Chain
}

// addFinding counts a failed check and keeps its finding.
func (r *Report) addFinding(f Finding) {
	r.Failed++
	r.Findings = append(r.Findings, f)
}

// Check checks a folder of evidence, <tenant>/<seq>.ndjson and <tenant>/heads/<seq>.json, with the
// public key alone. Heads that were kept elsewhere (in a proof, by a partner, on paper)
// additionally show that the end of a chain was not cut off, which the files alone cannot show.
func Check(files fs.FS, key Checker, kept ...SignedHead) (Report, error) {
	var report Report
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return report, fmt.Errorf("audit: read the folder: %w", err)
	}
	heads := map[string]map[int64]HeadText{}
	for _, e := range entries {
		if !e.IsDir() {
			report.addFinding(Finding{Object: e.Name(), Problem: Added,
				Detail: "the folder holds one folder for each tenant"})
			continue
		}
		c := tenantCheck{files: files, key: key, tenant: ident.Tenant(e.Name()), report: &report,
			seen: map[string]string{}, heads: map[int64]HeadText{}}
		if err := c.checkTenantFiles(); err != nil {
			return report, err
		}
		heads[e.Name()] = c.heads
	}
	for _, k := range kept {
		checkKeptHead(&report, key, k, heads)
	}
	return report, nil
}

// checkKeptHead compares a head that was kept elsewhere with the valid head of the same batch in
// the files.
func checkKeptHead(report *Report, key Checker, kept SignedHead,
	heads map[string]map[int64]HeadText) {
	t, err := kept.VerifyAndRead(key)
	if err != nil {
		report.addFinding(Finding{Object: "kept head", Problem: BadHead, Detail: err.Error()})
		return
	}
	name := fmt.Sprintf("kept head of %s, batch %d", t.Tenant, t.Batch)
	found, ok := heads[string(t.Tenant)][t.Batch]
	switch {
	case !ok:
		report.addFinding(Finding{Object: name, Problem: Missing,
			Detail: fmt.Sprintf("it covers %d records, and the files have no valid head of this batch",
				t.Count)})
	case found.Count != t.Count || found.Chain != t.Chain || found.Root != t.Root:
		report.addFinding(
			Finding{Object: name, Problem: Changed, Detail: "the files tell another history"})
	default:
		report.Passed++
	}
}

// tenantCheck is the check of one tenant's files.
type tenantCheck struct {
	files  fs.FS
	key    Checker
	tenant ident.Tenant
	report *Report
	seen   map[string]string  // maps the id of each valid record to the place where it was found first
	heads  map[int64]HeadText // the valid signed heads of the tenant by batch number
}

// listNumberedObjects lists the objects of a folder by their number. An object that matches neither
// the pattern nor the name also is reported as added.
func (c *tenantCheck) listNumberedObjects(dir string, name *regexp.Regexp,
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
			c.report.addFinding(Finding{Object: path.Join(dir, e.Name()), Problem: Added,
				Detail: "it is neither a batch nor a head"})
		}
	}
	return out, nil
}

// checkTenantFiles checks all batches and heads of the tenant and adds the summary of its chain to
// the report.
func (c *tenantCheck) checkTenantFiles() error {
	batches, err := c.listNumberedObjects(string(c.tenant),
		regexp.MustCompile(`^([0-9]{12})\.ndjson$`), "heads")
	if err != nil {
		return err
	}
	heads, err := c.listNumberedObjects(path.Join(string(c.tenant), "heads"),
		regexp.MustCompile(`^([0-9]{12})\.json$`), "")
	if err != nil {
		return err
	}
	c.report.Chains = append(c.report.Chains, Chain{Tenant: c.tenant, Batches: len(batches)})
	last, err := c.checkBatches(batches, heads)
	if err != nil {
		return err
	}
	chain := &c.report.Chains[len(c.report.Chains)-1]
	chain.Records = int64(len(c.seen))
	chain.Last = last.text
	return nil
}

// checkBatches checks all batches and heads of the tenant in the order of their numbers, and
// returns the last valid head. Lines of batches without a valid head wait for the next valid one.
func (c *tenantCheck) checkBatches(batches, heads map[int64]string) (openedHead, error) {
	numbers := maps.Clone(batches) // a missing batch or missing head has its number in the other map
	maps.Copy(numbers, heads)
	last := openedHead{}
	var uncovered []*storedLine
	for _, n := range slices.Sorted(maps.Keys(numbers)) {
		lines, err := c.readBatchLines(batches[n])
		if err != nil {
			return last, err
		}
		head, ok, err := c.checkSignedHead(heads[n], n)
		if err != nil {
			return last, err
		}
		if !ok {
			uncovered = append(uncovered, lines...)
			continue
		}
		c.checkContinuity(last, uncovered, head)
		c.checkBatch(BatchName(c.tenant, n), lines, head)
		last, uncovered = head, nil
	}
	for _, l := range uncovered {
		c.rejectLine(l, Added, "no signed head covers it")
	}
	return last, nil
}

// checkSignedHead reads and verifies the signed head after batch n. The second result is false when
// the batch has no valid signed head.
func (c *tenantCheck) checkSignedHead(object string, n int64) (openedHead, bool, error) {
	if object == "" {
		c.report.addFinding(Finding{Object: HeadName(c.tenant, n), Problem: Missing,
			Detail: "the batch has no signed head"})
		return openedHead{}, false, nil
	}
	body, err := fs.ReadFile(c.files, object)
	if err != nil {
		return openedHead{}, false, fmt.Errorf("audit: %w", err)
	}
	head, err := parseStoredHead(body)
	if err == nil {
		_, err = head.signed.VerifyAndRead(c.key)
	}
	if err == nil && (head.text.Tenant != c.tenant || head.text.Batch != n) {
		err = fmt.Errorf("it is that of batch %d of %s", head.text.Batch, head.text.Tenant)
	}
	if err != nil {
		c.report.addFinding(Finding{Object: object, Problem: BadHead, Detail: err.Error()})
		//nolint:nilerr // an invalid head is a finding, and the check continues
		return openedHead{}, false, nil
	}
	c.report.Passed++
	c.heads[n] = head.text
	return head, true, nil
}

// acceptLine counts a valid record; a record id that occurs a second time is rejected.
func (c *tenantCheck) acceptLine(l *storedLine) {
	if first, twice := c.seen[l.recordName()]; twice {
		c.rejectLine(l, Twice, "first at "+first)
		return
	}
	c.seen[l.recordName()] = l.location()
	c.report.Passed++
}

// rejectLine adds a finding about a line.
func (c *tenantCheck) rejectLine(l *storedLine, p Problem, detail string) {
	c.report.addFinding(Finding{Object: l.location(), Record: l.recordName(), Problem: p,
		Detail: detail})
}

// reportMissing adds a finding about a signed record that the files do not hold.
func (c *tenantCheck) reportMissing(object string, number int64) {
	c.report.addFinding(Finding{Object: object, Record: fmt.Sprintf("number %d", number),
		Problem: Missing})
}
