package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
)

// Sealed is a record with its place.
type Sealed struct {
	ID     string          `json:"id"`
	Batch  string          `json:"batch"` // name of the object
	Index  int64           `json:"index"`
	Line   string          `json:"line"` // as stored
	Leaf   Hash            `json:"leaf"`
	Record json.RawMessage `json:"record"`
}

// Proof shows that a record stands in the tree of a signed head: that of its own batch.
type Proof struct {
	ID    string     `json:"id"`
	Batch string     `json:"batch"`
	Index int64      `json:"index"`
	Line  string     `json:"line"`
	Leaf  Hash       `json:"leaf"`
	Size  int64      `json:"size"`
	Root  Hash       `json:"root"`
	Path  []Hash     `json:"path"`
	Head  SignedHead `json:"head"`
}

// Reader finds records and proves them.
type Reader struct {
	Objects Objects
	Index   Index
}

// Record gives a sealed record of the tenant; fault.Absent when there is none.
func (r Reader) Record(ctx context.Context, tenant ident.Tenant, id string) (Sealed, error) {
	place, batch, err := r.find(ctx, tenant, id)
	if err != nil {
		return Sealed{}, err
	}
	l := batch.Lines[place.Seq-batch.Lines[0].Seq]
	return Sealed{ID: id, Batch: BatchName(tenant, place.Batch), Index: l.Seq, Line: string(l.Bytes),
		Leaf: l.LeafHash(), Record: l.Entry.Raw}, nil
}

// Prove gives a record's inclusion proof; fault.Absent when there is no such record.
func (r Reader) Prove(ctx context.Context, tenant ident.Tenant, id string) (Proof, error) {
	place, batch, err := r.find(ctx, tenant, id)
	if err != nil {
		return Proof{}, err
	}
	var before openedHead
	if place.Batch > 1 {
		if before, err = r.head(ctx, tenant, place.Batch-1); err != nil {
			return Proof{}, err
		}
	}
	after, err := r.head(ctx, tenant, place.Batch)
	if err != nil {
		return Proof{}, err
	}
	path, err := before.tree.path(batch.leaves(), place.Seq)
	if err != nil {
		return Proof{}, err
	}
	l := batch.Lines[place.Seq-batch.Lines[0].Seq]
	return Proof{ID: id, Batch: BatchName(tenant, place.Batch), Index: l.Seq, Line: string(l.Bytes),
		Leaf: l.LeafHash(),
		Size: after.text.Count, Root: after.text.Root, Path: path, Head: after.signed}, nil
}

func (r Reader) find(ctx context.Context, tenant ident.Tenant, id string) (Place, Batch, error) {
	places, err := r.Index.Places(ctx, tenant, []string{id})
	if err != nil {
		return Place{}, Batch{}, err
	}
	place, ok := places[id]
	if !ok {
		return Place{}, Batch{}, fault.Absent("audit record")
	}
	body, err := r.Objects.Get(ctx, BatchName(tenant, place.Batch))
	if err != nil {
		return Place{}, Batch{}, hidden(err)
	}
	stored, err := splitLines(body)
	if err != nil {
		return Place{}, Batch{}, err
	}
	batch := Batch{Number: place.Batch}
	for _, raw := range stored {
		l, err := readLine(raw)
		if err != nil {
			return Place{}, Batch{}, err
		}
		batch.Lines = append(batch.Lines, l)
	}
	at := place.Seq - batch.Lines[0].Seq
	if at < 0 || at >= int64(len(batch.Lines)) || batch.Lines[at].Entry.Record.ID != id {
		return Place{}, Batch{},
			fmt.Errorf("audit: record %s is not at its place in batch %d of %s", id, place.Batch, tenant)
	}
	return place, batch, nil
}

func (r Reader) head(ctx context.Context, tenant ident.Tenant, number int64) (openedHead, error) {
	object, err := r.Objects.Get(ctx, HeadName(tenant, number))
	if err != nil {
		return openedHead{}, hidden(err)
	}
	return openHead(object)
}

// hidden turns the absence of an object that must be there into an error of ours: the record itself
// exists.
func hidden(err error) error {
	if fault.HasCode(err, fault.NotFound) {
		return fault.Internal(err)
	}
	return err
}

// The reasons for which a proof is refused.
var (
	errProofLine = errors.New("audit: the line is not that of the leaf or of the record")
	errProofHead = errors.New("audit: the proof's size or root is not that of its head")
	errProofPath = errors.New("audit: the path does not lead from the leaf to the root")
)

// Verify verifies a proof with the public key alone.
func (p Proof) Verify(key Checker) error {
	head, err := p.Head.VerifyAndRead(key)
	if err != nil {
		return err
	}
	l, err := readLine([]byte(p.Line))
	if err != nil {
		return err
	}
	if l.LeafHash() != p.Leaf || l.Entry.Record.ID != p.ID || l.Seq != p.Index ||
		l.Entry.Record.Tenant != head.Tenant {
		return errProofLine
	}
	if head.Count != p.Size || head.Root != p.Root {
		return errProofHead
	}
	if !included(p.Leaf, p.Index, p.Size, p.Path, p.Root) {
		return errProofPath
	}
	return nil
}
