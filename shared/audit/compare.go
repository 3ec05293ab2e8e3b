package audit

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"sort"
	"strconv"
)

// storedLine is a line as it was found.
type storedLine struct {
	Line
	object string
	number int // in the object, from 1
	unread bool
}

func (l *storedLine) where() string { return l.object + ":" + strconv.Itoa(l.number) }

// name is the record's id, or its number in the chain where the line cannot be read.
func (l *storedLine) name() string {
	if l.unread {
		return fmt.Sprintf("number %d", l.Seq)
	}
	return l.Entry.Record.ID
}

// lines reads the lines of a batch's object; there are none where it is missing.
func (c *tenantCheck) lines(object string) ([]*storedLine, error) {
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

// between checks that a head continues the valid one before it. Lines between them, whose own heads
// are lost, are good when the chain leads over them from one head to the other.
func (c *tenantCheck) between(before openedHead, lines []*storedLine, head openedHead) {
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
			c.accept(l)
		}
		c.tree(before, leaves, head)
		return
	}
	there := map[int64]bool{}
	for _, l := range lines {
		there[l.Seq] = true
		c.reject(l, Unconfirmed, "its head is lost, and the chain does not lead over it to the next head")
	}
	for n := before.text.Count; n < head.text.First; n++ {
		if !there[n] {
			c.missing(HeadName(c.tenant, head.text.Batch)+" and before", n)
		}
	}
	if before.text.Count >= head.text.First {
		c.report.fail(Finding{Object: HeadName(c.tenant, head.text.Batch), Problem: BadHead,
			Detail: "it does not continue the head before it"})
	}
}

// tree checks that the tree of a head is that before it with the leaves since then.
func (c *tenantCheck) tree(before openedHead, between []Hash, head openedHead) {
	got, err := before.tree.Append(slices.Concat(between, head.leaves)...)
	if err != nil || !slices.Equal(got.Roots, head.tree.Roots) {
		c.report.fail(Finding{Object: HeadName(c.tenant, head.text.Batch), Problem: BadHead,
			Detail: "its tree is not that of the records"})
	}
}

// batch holds a batch's lines against the leaves of its head and names each that differs.
func (c *tenantCheck) batch(object string, lines []*storedLine, head openedHead) {
	at := map[Hash]int{}
	for i, leaf := range head.leaves {
		at[leaf] = i
	}
	var good, strange []*storedLine
	var places []int // of the good ones
	for _, l := range lines {
		i, known := at[l.LeafHash()]
		switch {
		case !known:
			strange = append(strange, l)
		case slices.Contains(places, i):
			c.reject(l, Added, "it stands more than once")
		default:
			good, places = append(good, l), append(places, i)
		}
	}
	c.strange(object, strange, places, head)
	for i, stays := range ascending(places) {
		if stays {
			c.accept(good[i])
		} else {
			c.reject(good[i], Reordered, fmt.Sprintf("its place is line %d", places[i]+1))
		}
	}
}

// strange names the lines that were never signed: changed where the signed line of this number, or
// of this place, is gone, added otherwise. What is then still lacking is missing.
func (c *tenantCheck) strange(object string, lines []*storedLine, places []int, head openedHead) {
	gone := map[int64]bool{}
	for i := range head.leaves {
		if !slices.Contains(places, i) {
			gone[head.text.First+int64(i)] = true
		}
	}
	for _, l := range lines {
		byPlace := head.text.First + int64(l.number) - 1
		belongs := l.unread || (l.Seq >= head.text.First && l.Seq < head.text.Count)
		if belongs && !gone[l.Seq] && gone[byPlace] && !named(lines, byPlace) {
			l.Seq = byPlace
		}
		if gone[l.Seq] {
			delete(gone, l.Seq)
			c.reject(l, Changed, "it is not what was signed")
			continue
		}
		c.reject(l, Added, "it was never signed")
	}
	for i := range head.leaves {
		if n := head.text.First + int64(i); gone[n] {
			c.missing(object, n)
		}
	}
}

// named tells whether a line claims this number itself.
func named(lines []*storedLine, number int64) bool {
	return slices.ContainsFunc(lines, func(l *storedLine) bool { return l.Seq == number })
}

// ascending marks a longest ascending run of places; what is outside it was moved.
func ascending(places []int) []bool {
	var ends []int // index of the place that ends the best run of each length
	before := make([]int, len(places))
	for i, p := range places {
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
