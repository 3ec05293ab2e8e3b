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

// Entry is a record together with its JSON text; that text is what is stored.
type Entry struct {
	Record Record
	Raw    []byte
}

// maxID is the greatest length of a record's id, because the id becomes part of a table key.
const maxID = 128

// ReadEntry reads a record from a message. An error means that the record can never become
// evidence, so a retry of the message does not help.
func ReadEntry(body []byte) (Entry, error) {
	var raw bytes.Buffer
	if err := json.Compact(&raw, body); err != nil {
		return Entry{}, fmt.Errorf("audit: the record is not JSON: %w", err)
	}
	var rec Record
	if err := json.Unmarshal(raw.Bytes(), &rec); err != nil {
		return Entry{}, fmt.Errorf("audit: the record cannot be read: %w", err)
	}
	if err := rec.validate(); err != nil {
		return Entry{}, err
	}
	return Entry{Record: rec, Raw: raw.Bytes()}, nil
}

// validate returns an error that names the fields which a record needs and lacks.
func (r Record) validate() error {
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
	Seq   int64 // number of the line in the chain, from 0
	Prev  Hash  // hash of the chain before this line
	Entry Entry
	Bytes []byte // as stored, without its newline
}

// LeafHash returns the hash of the line as a leaf of the Merkle tree.
func (l Line) LeafHash() Hash { return LeafHash(l.Bytes) }

// newLine makes the line of an entry. The text of the record is copied as it is, because
// marshalling it again could change its hash.
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

// readLine reads a stored line and validates its record.
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

// Batch is the lines of one stored object.
type Batch struct {
	Number int64 // number of the batch in the tenant's chain, from 1
	Lines  []Line
}

// Body returns the content of the batch object: every line, each with a newline.
func (b Batch) Body() []byte {
	var out []byte
	for _, l := range b.Lines {
		out = append(append(out, l.Bytes...), '\n')
	}
	return out
}

// Head is the end of a tenant's chain, from which the next batch continues.
type Head struct {
	Tenant ident.Tenant
	Batch  int64 // number of the chain's last batch, 0 before the first batch
	Chain  Hash
	Tree   Tree
}

// SealBatch makes the batch of the entries that continues from the head, and the head after that
// batch.
func (h Head) SealBatch(entries []Entry) (Batch, Head, error) {
	b := Batch{Number: h.Batch + 1}
	chain := h.Chain
	for i, e := range entries {
		l := newLine(h.Tree.Count+int64(i), chain, e)
		chain = ChainHash(chain, l.LeafHash())
		b.Lines = append(b.Lines, l)
	}
	next, err := h.headAfter(b, chain)
	return b, next, err
}

// ParseNextBatch reads a stored object as the batch that continues from the head. ParseNextBatch
// fails unless every line belongs to the tenant, has the next number and continues the chain.
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
	next, err := h.headAfter(b, chain)
	return b, next, err
}

// headAfter returns the head after a batch, whose chain ends with the given hash.
func (h Head) headAfter(b Batch, chain Hash) (Head, error) {
	tree, err := h.Tree.Append(b.leafHashes()...)
	return Head{Tenant: h.Tenant, Batch: b.Number, Chain: chain, Tree: tree}, err
}

// leafHashes returns the leaf hash of every line.
func (b Batch) leafHashes() []Hash {
	out := make([]Hash, len(b.Lines))
	for i, l := range b.Lines {
		out[i] = l.LeafHash()
	}
	return out
}

var errLines = errors.New("audit: the object is not one or more whole lines")

// splitLines splits an object into its lines without their newlines; an object that does not end
// with a newline was cut off.
func splitLines(body []byte) ([][]byte, error) {
	if len(body) == 0 || body[len(body)-1] != '\n' {
		return nil, errLines
	}
	return bytes.Split(body[:len(body)-1], []byte{'\n'}), nil
}

// BatchName returns the name of the object of a batch.
func BatchName(tenant ident.Tenant, number int64) string {
	return fmt.Sprintf("%s/%012d.ndjson", tenant, number)
}

// HeadName returns the name of the object of the signed head after a batch.
func HeadName(tenant ident.Tenant, number int64) string {
	return fmt.Sprintf("%s/heads/%012d.json", tenant, number)
}
