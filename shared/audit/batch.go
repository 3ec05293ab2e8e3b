package audit

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"fenzhang/shared/ident"
)

// Entry is a record with the bytes in which it was sent; the bytes are what is stored.
type Entry struct {
	Record Record
	Raw    []byte
}

// maxID bounds the id of a record, since it becomes part of a key.
const maxID = 128

// ReadEntry reads one sent record. The error tells why it cannot become evidence; another try does
// not help.
func ReadEntry(body []byte) (Entry, error) {
	var raw bytes.Buffer
	if err := json.Compact(&raw, body); err != nil {
		return Entry{}, fmt.Errorf("audit: the record is not JSON: %w", err)
	}
	var rec Record
	if err := json.Unmarshal(raw.Bytes(), &rec); err != nil {
		return Entry{}, fmt.Errorf("audit: the record cannot be read: %w", err)
	}
	if err := rec.check(); err != nil {
		return Entry{}, err
	}
	return Entry{Record: rec, Raw: raw.Bytes()}, nil
}

// check tells what a record lacks to be evidence.
func (r Record) check() error {
	var lacks []string
	need := func(name string, ok bool) {
		if !ok {
			lacks = append(lacks, name)
		}
	}
	need("id", r.ID != "" && len(r.ID) <= maxID)
	need("tenant", r.Tenant != "" && !strings.ContainsAny(string(r.Tenant), "/.\\"))
	need("at", !r.At.IsZero())
	need("actor", r.Actor != "")
	need("act", r.Act != "")
	need("retention", r.Retention == "" || r.Retention == RetainVoucher || r.Retention == RetainReturn)
	if lacks != nil {
		return errors.New("audit: the record has no valid " + strings.Join(lacks, ", "))
	}
	return nil
}

// Line is one stored line: a record with its place in the tenant's chain.
type Line struct {
	Seq   int64 // number in the chain, from 0
	Prev  Hash  // chain before this line
	Entry Entry
	Bytes []byte // as stored, without its newline
}

// LeafHash is the line's leaf.
func (l Line) LeafHash() Hash { return LeafHash(l.Bytes) }

// newLine writes the line of an entry. The record's bytes go in as they are.
func newLine(seq int64, prev Hash, e Entry) Line {
	b := make([]byte, 0, len(e.Raw)+120)
	b = append(b, `{"seq":`...)
	b = strconv.AppendInt(b, seq, 10)
	b = append(b, `,"prev":"`...)
	b = append(b, prev.String()...)
	b = append(b, `","record":`...)
	b = append(b, e.Raw...)
	return Line{Seq: seq, Prev: prev, Entry: e, Bytes: append(b, '}')}
}

// readLine reads a stored line.
func readLine(stored []byte) (Line, error) {
	var j struct {
		Seq    *int64          `json:"seq"`
		Prev   *Hash           `json:"prev"`
		Record json.RawMessage `json:"record"`
	}
	d := json.NewDecoder(bytes.NewReader(stored))
	d.DisallowUnknownFields()
	if err := d.Decode(&j); err != nil {
		return Line{}, fmt.Errorf("audit: the line cannot be read: %w", err)
	}
	if d.More() || j.Seq == nil || *j.Seq < 0 || j.Prev == nil || j.Record == nil {
		return Line{}, errors.New("audit: the line is not {seq, prev, record}")
	}
	e, err := ReadEntry(j.Record)
	if err != nil {
		return Line{}, err
	}
	return Line{Seq: *j.Seq, Prev: *j.Prev, Entry: e, Bytes: stored}, nil
}

// Batch is the lines of one object.
type Batch struct {
	Number int64 // from 1
	Lines  []Line
}

// Body is the object: each line with a newline.
func (b Batch) Body() []byte {
	var out []byte
	for _, l := range b.Lines {
		out = append(append(out, l.Bytes...), '\n')
	}
	return out
}

// Head is the end of a tenant's chain: what the next batch follows.
type Head struct {
	Tenant ident.Tenant
	Batch  int64 // number of the last batch, 0 before the first
	Chain  Hash
	Tree   Tree
}

// SealBatch makes the batch that follows the head, and the head after it.
func (h Head) SealBatch(entries []Entry) (Batch, Head, error) {
	b := Batch{Number: h.Batch + 1}
	chain := h.Chain
	for i, e := range entries {
		l := newLine(h.Tree.Count+int64(i), chain, e)
		chain = ChainHash(chain, l.LeafHash())
		b.Lines = append(b.Lines, l)
	}
	next, err := h.after(b, chain)
	return b, next, err
}

// ParseNextBatch reads a stored object as the batch that follows the head. The error tells that it does
// not: every line must be of the tenant, carry the next number and continue the chain.
func (h Head) ParseNextBatch(body []byte) (Batch, Head, error) {
	b := Batch{Number: h.Batch + 1}
	chain := h.Chain
	stored, err := splitLines(body)
	if err != nil {
		return Batch{}, Head{}, err
	}
	for i, raw := range stored {
		l, err := readLine(raw)
		if err != nil {
			return Batch{}, Head{}, err
		}
		if l.Entry.Record.Tenant != h.Tenant || l.Seq != h.Tree.Count+int64(i) || l.Prev != chain {
			return Batch{}, Head{},
				fmt.Errorf("audit: line %d of batch %d does not continue the chain of %s", i+1, b.Number,
					h.Tenant)
		}
		chain = ChainHash(chain, l.LeafHash())
		b.Lines = append(b.Lines, l)
	}
	next, err := h.after(b, chain)
	return b, next, err
}

func (h Head) after(b Batch, chain Hash) (Head, error) {
	tree, err := h.Tree.Append(b.leaves()...)
	return Head{Tenant: h.Tenant, Batch: b.Number, Chain: chain, Tree: tree}, err
}

func (b Batch) leaves() []Hash {
	out := make([]Hash, len(b.Lines))
	for i, l := range b.Lines {
		out[i] = l.LeafHash()
	}
	return out
}

var errLines = errors.New("audit: the object is not one or more whole lines")

// splitLines cuts an object into its lines, without their newlines.
func splitLines(body []byte) ([][]byte, error) {
	if len(body) == 0 || body[len(body)-1] != '\n' {
		return nil, errLines
	}
	return bytes.Split(body[:len(body)-1], []byte{'\n'}), nil
}

// BatchName is the name of a batch's object.
func BatchName(tenant ident.Tenant, number int64) string {
	return fmt.Sprintf("%s/%012d.ndjson", tenant, number)
}

// HeadName is the name of the signed head after a batch.
func HeadName(tenant ident.Tenant, number int64) string {
	return fmt.Sprintf("%s/heads/%012d.json", tenant, number)
}
