package audit

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strconv"
)

// storedLine is a line as it was found in the checked files.
type storedLine struct {
	Line
	object string
	number int  // number of the line in its batch object, from 1
	unread bool // the line is not a valid line of evidence
}

// location returns the object and the number of the line, for findings.
func (l *storedLine) location() string { return l.object + ":" + strconv.Itoa(l.number) }

// recordName returns the id of the record, or its number in the chain when the line cannot be read.
func (l *storedLine) recordName() string {
	if l.unread {
		return fmt.Sprintf("number %d", l.Seq)
	}
	return l.Entry.Record.ID
}

// readBatchLines reads the lines of a batch object; none when the object is missing.
func (c *tenantCheck) readBatchLines(object string) ([]*storedLine, error) {
	if object == "" {
		return nil, nil
	}
	body, err := fs.ReadFile(c.files, object)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	var out []*storedLine
	for i, raw := range bytes.Split(bytes.TrimSuffix(body, []byte{'\n'}), []byte{'\n'}) {
		l, err := readLine(raw)
		if err != nil {
			l = Line{Bytes: raw, Seq: -1}
		}
		out = append(out, &storedLine{Line: l, object: object, number: i + 1, unread: err != nil})
	}
	return out, nil
}

// checkContinuity checks that a head continues from the valid head before it. Lines between the
// two, whose own heads are missing, are accepted when the chain leads over them from one head to
// the other.
func (c *tenantCheck) checkContinuity(before openedHead, lines []*storedLine, head openedHead) {
	chain := before.text.Chain
	seq := before.text.Count
	unbroken := true
	leaves := make([]Hash, 0, len(lines))
	for _, l := range lines {
		unbroken = unbroken && l.Seq == seq && l.Prev == chain
		leaves = append(leaves, l.LeafHash())
		chain, seq = ChainHash(chain, l.LeafHash()), seq+1
	}
	if unbroken && chain == head.text.Prev && seq == head.text.First {
		for _, l := range lines {
			c.acceptLine(l)
		}
		c.checkTree(before, leaves, head)
		return
	}
	present := map[int64]bool{}
	for _, l := range lines {
		present[l.Seq] = true
		c.rejectLine(l, Unconfirmed,
			"its head is lost, and the chain does not lead over it to the next head")
	}
	for n := before.text.Count; n < head.text.First; n++ {
		if !present[n] {
			c.reportMissing(HeadName(c.tenant, head.text.Batch)+" and before", n)
		}
	}
	if before.text.Count >= head.text.First {
		c.report.addFinding(Finding{Object: HeadName(c.tenant, head.text.Batch), Problem: BadHead,
			Detail: "it does not continue the head before it"})
	}
}

// checkTree checks that the tree of a head is the tree before it with the leaves since then
// appended.
func (c *tenantCheck) checkTree(before openedHead, between []Hash, head openedHead) {
	got, err := before.tree.Append(slices.Concat(between, head.leaves)...)
	if err != nil || !slices.Equal(got.Roots, head.tree.Roots) {
		c.report.addFinding(Finding{Object: HeadName(c.tenant, head.text.Batch), Problem: BadHead,
			Detail: "its tree is not that of the records"})
	}
}

// checkBatch compares the lines of a batch with the leaves of its signed head, and reports each
// line that differs.
func (c *tenantCheck) checkBatch(object string, lines []*storedLine, head openedHead) {
	at := map[Hash]int{}
	for i, leaf := range head.leaves {
		at[leaf] = i
	}
	// A good line is known by its hash, so it is recognised even where it was moved.
	var good, strange []*storedLine
	var places []int // for each good line, the index of its leaf in the signed head
	for _, l := range lines {
		i, known := at[l.LeafHash()]
		switch {
		case !known:
			strange = append(strange, l)
		case slices.Contains(places, i):
			c.rejectLine(l, Added, "it stands more than once")
		default:
			good, places = append(good, l), append(places, i)
		}
	}
	c.reportUnsignedLines(object, strange, places, head)
	// Of the good lines those outside the longest rising run were moved.
	for i, stays := range longestAscending(places) {
		if stays {
			c.acceptLine(good[i])
		} else {
			c.rejectLine(good[i], Reordered, fmt.Sprintf("its place is line %d", places[i]+1))
		}
	}
}

// reportUnsignedLines reports the lines that were never signed: as changed when the signed line of
// the same number, or at the same place, is missing, else as added. Signed lines that are then
// still missing are reported as missing.
func (c *tenantCheck) reportUnsignedLines(object string, lines []*storedLine, places []int,
	head openedHead) {
	gone := map[int64]bool{}
	for i := range head.leaves {
		if !slices.Contains(places, i) {
			gone[head.text.First+int64(i)] = true
		}
	}
	for _, l := range lines {
		byPlace := head.text.First + int64(l.number) - 1
		// A changed line may carry a wrong number; then its place in the object says which line it was.
		belongs := l.unread || (l.Seq >= head.text.First && l.Seq < head.text.Count)
		if belongs && !gone[l.Seq] && gone[byPlace] && !hasLineNumbered(lines, byPlace) {
			l.Seq = byPlace
		}
		if gone[l.Seq] {
			delete(gone, l.Seq)
			c.rejectLine(l, Changed, "it is not what was signed")
			continue
		}
		c.rejectLine(l, Added, "it was never signed")
	}
	for i := range head.leaves {
		if n := head.text.First + int64(i); gone[n] {
			c.reportMissing(object, n)
		}
	}
}

// hasLineNumbered reports whether one of the lines carries this number.
func hasLineNumbered(lines []*storedLine, number int64) bool {
	return slices.ContainsFunc(lines, func(l *storedLine) bool { return l.Seq == number })
}

// longestAscending marks the members of a longest rising run of places; a line outside it was
// moved.
func longestAscending(places []int) []bool {
	var ends []int // for each length, the index of the place that ends the best rising run
	before := make([]int, len(places))
	for i, p := range places {
		// Patience sorting: a place replaces the end of the first run that it does not continue.
		at := sort.Search(len(ends), func(k int) bool { return places[ends[k]] >= p })
		before[i] = -1
		if at > 0 {
			before[i] = ends[at-1]
		}
		ends = append(ends[:at], append([]int{i}, ends[min(at+1, len(ends)):]...)...)
	}
	out := make([]bool, len(places))
	if len(ends) > 0 {
		for i := ends[len(ends)-1]; i >= 0; i = before[i] {
			out[i] = true
		}
	}
	return out
}
