package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fenzhang/shared/ident"
)

// Objects stores batches and signed heads. An object is never overwritten or removed.
type Objects interface {
	// Put writes an object and retains it until the given time. taken reports that the name existed;
	// then nothing was written.
	Put(ctx context.Context, name string, body []byte, until time.Time) (taken bool, err error)
	// Get reads an object. Errors: 3003 when there is no object of this name.
	Get(ctx context.Context, name string) ([]byte, error)
}

// Place is where a record is stored: the number of its batch, and its number in the chain.
type Place struct {
	Batch int64
	Seq   int64
}

// Index is the part of the chain that needs consistent reads and conditional writes: the end of the
// chain, and the place of each record.
type Index interface {
	// Head returns the end of the tenant's chain by a consistent read; the zero head for a tenant
	// without records.
	Head(ctx context.Context, tenant ident.Tenant) (Head, error)
	// Places returns the places of those records that have one, by a consistent read.
	Places(ctx context.Context, tenant ident.Tenant, ids []string) (map[string]Place, error)
	// SetPlaces writes the places of records. SetPlaces may be repeated, because a record's place
	// never changes.
	SetPlaces(ctx context.Context, tenant ident.Tenant, places map[string]Place) error
	// Advance moves the end of the chain from one head to the next and reports whether it did. Advance
	// returns false when the end of the chain is no longer at from.
	Advance(ctx context.Context, from, to Head) (bool, error)
}

// Writer seals records into batches. Any number of writers may work for the same tenant at the same
// time.
type Writer struct {
	Objects Objects
	Index   Index
	Signer  Signer
	// Until returns the time until which a batch is retained: RetainUntil, or less in a test stack.
	Until func([]Entry) time.Time
	Now   func() time.Time
}

// MaxBatch is the greatest number of records in a batch; the index finds as many in one read.
const MaxBatch = 100

// maxRounds is the greatest number of tries against other writers of the same tenant. Each lost
// round means that another writer has completed a batch.
const maxRounds = 50

var errBusy = errors.New("audit: other writers of the tenant were faster too often")

// Write seals those entries that are not sealed yet; afterwards each entry has exactly one place.
// Write may be repeated with any part of the entries, in any order.
//
// Without a transaction this rests on the order of the steps: (1) the batch object, (2) its signed
// head, (3) the places of its records, (4) the end of the chain. An object has the number that
// follows the end which its writer read, and the end moves on only after the records of the object
// have their places. A writer reads the end before it reads the places. So when a writer finds a
// record without a place and writes it under the next number, there are two cases: either the name
// is taken by an object that may hold the record already, and the writer completes steps 2 to 4 for
// that object; or no object holds the record, and writing it is right. Every step has the same
// result when another writer repeats it.
func (w Writer) Write(ctx context.Context, tenant ident.Tenant, entries []Entry) error {
	for range maxRounds {
		head, err := w.Index.Head(ctx, tenant)
		if err != nil {
			return err
		}
		rest, err := w.entriesWithoutPlace(ctx, tenant, entries)
		if err != nil || len(rest) == 0 {
			return err
		}
		if err := w.writeNextBatch(ctx, head, rest[:min(len(rest), MaxBatch)]); err != nil {
			return err
		}
		entries = rest
	}
	return errBusy
}

// entriesWithoutPlace returns the entries that have no place yet, one for each record id.
func (w Writer) entriesWithoutPlace(ctx context.Context, tenant ident.Tenant,
	entries []Entry) ([]Entry, error) {
	ids := make([]string, 0, len(entries))
	pending := make(map[string]bool, len(entries))
	for _, e := range entries {
		if !pending[e.Record.ID] {
			pending[e.Record.ID] = true
			ids = append(ids, e.Record.ID)
		}
	}
	placed, err := w.Index.Places(ctx, tenant, ids)
	if err != nil {
		return nil, err
	}
	rest := make([]Entry, 0, len(ids))
	for _, e := range entries {
		if _, sealed := placed[e.Record.ID]; !sealed && pending[e.Record.ID] {
			pending[e.Record.ID] = false // a record that was delivered twice is sealed once
			rest = append(rest, e)
		}
	}
	return rest, nil
}

// writeNextBatch writes the batch that follows the head. When its name is taken, by another writer
// or by an earlier try, the stored batch is completed instead.
func (w Writer) writeNextBatch(ctx context.Context, head Head, entries []Entry) error {
	batch, next, err := head.SealBatch(entries)
	if err != nil {
		return err
	}
	name := BatchName(head.Tenant, batch.Number)
	taken, err := w.Objects.Put(ctx, name, batch.Body(), w.Until(entries))
	if err != nil {
		return err
	}
	if taken {
		body, err := w.Objects.Get(ctx, name)
		if err != nil {
			return err
		}
		if batch, next, err = head.ParseNextBatch(body); err != nil {
			return fmt.Errorf("adopt %s: %w", name, err)
		}
	}
	if err := w.storeSignedHead(ctx, head, batch, next); err != nil {
		return err
	}
	if err := w.Index.SetPlaces(ctx, head.Tenant, batch.recordPlaces()); err != nil {
		return err
	}
	_, err = w.Index.Advance(ctx, head, next) // false: another writer has advanced the chain to next
	return err
}

// storeSignedHead stores the signed head after a batch, unless it is stored already.
func (w Writer) storeSignedHead(ctx context.Context, before Head, batch Batch, after Head) error {
	object, err := signHeadObject(ctx, w.Signer, before, batch, after,
		w.Now().UTC().Truncate(time.Millisecond))
	if err != nil {
		return err
	}
	entries := make([]Entry, len(batch.Lines))
	for i, l := range batch.Lines {
		entries[i] = l.Entry
	}
	_, err = w.Objects.Put(ctx, HeadName(after.Tenant, after.Batch), object, w.Until(entries))
	return err
}

// recordPlaces returns the place of each record of the batch.
func (b Batch) recordPlaces() map[string]Place {
	out := make(map[string]Place, len(b.Lines))
	for _, l := range b.Lines {
		out[l.Entry.Record.ID] = Place{Batch: b.Number, Seq: l.Seq}
	}
	return out
}
