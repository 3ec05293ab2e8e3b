package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
)

// Sealed is an audit record with its place in the evidence.
type Sealed struct {
	ID     string          `json:"id"`
	Batch  string          `json:"batch"` // name of the batch object that holds the record
	Index  int64           `json:"index"`
	Line   string          `json:"line"` // line of the record exactly as stored
	Leaf   Hash            `json:"leaf"`
	Record json.RawMessage `json:"record"`
}

// Proof proves that a record is in the Merkle tree of a signed head, which is the head of the
// record's own batch.
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

// Reader reads audit records and makes inclusion proofs for them.
type Reader struct {
	Objects Objects
	Index   Index
}

// Record reads a sealed record of the tenant. Errors: 3003 when the tenant has no such record.
func (r Reader) Record(ctx context.Context, tenant ident.Tenant, id string) (Sealed, error) {
	place, batch, err := r.findRecord(ctx, tenant, id)
	if err != nil {
		return Sealed{}, err
	}
	l := batch.Lines[place.Seq-batch.Lines[0].Seq]
	return Sealed{ID: id, Batch: BatchName(tenant, place.Batch), Index: l.Seq, Line: string(l.Bytes),
		Leaf: l.LeafHash(), Record: l.Entry.Raw}, nil
}

// Prove returns the inclusion proof of a record. Errors: 3003 when the tenant has no such record.
func (r Reader) Prove(ctx context.Context, tenant ident.Tenant, id string) (Proof, error) {
	place, batch, err := r.findRecord(ctx, tenant, id)
	if err != nil {
		return Proof{}, err
	}
	// The tree before the record's batch is empty for the first batch.
	var before openedHead
	if place.Batch > 1 {
		if before, err = r.readHead(ctx, tenant, place.Batch-1); err != nil {
			return Proof{}, err
		}
	}
	after, err := r.readHead(ctx, tenant, place.Batch)
	if err != nil {
		return Proof{}, err
	}
	path, err := before.tree.inclusionPath(batch.leafHashes(), place.Seq)
	if err != nil {
		return Proof{}, err
	}
	l := batch.Lines[place.Seq-batch.Lines[0].Seq]
	return Proof{ID: id, Batch: BatchName(tenant, place.Batch), Index: l.Seq, Line: string(l.Bytes),
		Leaf: l.LeafHash(), Size: after.text.Count, Root: after.text.Root, Path: path,
		Head: after.signed}, nil
}

// findRecord looks up the place of a record and reads the batch that holds it. findRecord fails
// when the batch does not hold the record at that place.
func (r Reader) findRecord(ctx context.Context, tenant ident.Tenant,
	id string) (Place, Batch, error) {
	places, err := r.Index.Places(ctx, tenant, []string{id})
	if err != nil {
		return Place{}, Batch{}, err
	}
	place, ok := places[id]
	if !ok {
		return Place{}, Batch{}, fault.MissingObject("audit record")
	}
	body, err := r.Objects.Get(ctx, BatchName(tenant, place.Batch))
	if err != nil {
		return Place{}, Batch{}, missingObjectError(err)
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

// readHead reads the signed head after a batch.
func (r Reader) readHead(ctx context.Context, tenant ident.Tenant,
	number int64) (openedHead, error) {
	object, err := r.Objects.Get(ctx, HeadName(tenant, number))
	if err != nil {
		return openedHead{}, missingObjectError(err)
	}
	return parseStoredHead(object)
}

// missingObjectError turns the error of an absent object into an internal error: the record exists,
// so the object that holds it must exist too.
func missingObjectError(err error) error {
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

// Verify checks a proof with the public key alone: the signature of the head, the line of the
// record, and the path from its leaf to the root.
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
	if !isIncluded(p.Leaf, p.Index, p.Size, p.Path, p.Root) {
		return errProofPath
	}
	return nil
}
