package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"fenzhang/shared/ident"
)

// Objects is the store of batches and heads. What is written stays: nothing is ever overwritten or
// removed.
type Objects interface {
	// Put writes an object once and keeps it until the given instant. It tells whether the name was
	// taken already; then nothing was written.
	Put(ctx context.Context, name string, body []byte, until time.Time) (taken bool, err error)
	// Get reads an object; fault.Absent when there is none.
	Get(ctx context.Context, name string) ([]byte, error)
}

// Place tells where a record lies.
type Place struct {
	Batch int64
	Seq   int64
}

// Index is the part of the chain that must be consistent: its end, and the place of each record.
type Index interface {
	// Head gives the end of the tenant's chain, read consistently; a tenant without records has a zero
	// one.
	Head(ctx context.Context, tenant ident.Tenant) (Head, error)
	// Places finds those of the records that have a place, read consistently.
	Places(ctx context.Context, tenant ident.Tenant, ids []string) (map[string]Place, error)
	// SetPlaces gives records their places. It may be repeated; a record's place never changes.
	SetPlaces(ctx context.Context, tenant ident.Tenant, places map[string]Place) error
	// Advance moves the chain from one head to the next. It tells whether it did; it did not when the
	// head is no longer from.
	Advance(ctx context.Context, from, to Head) (bool, error)
}

// Writer seals records into batches. Any number of writers may serve the same tenant.
type Writer struct {
	Objects Objects
	Index   Index
	Signer  Signer
	// Until is how long a batch is kept: RetainUntil, or less on a test stack.
	Until func([]Entry) time.Time
	Now   func() time.Time
}

// MaxBatch is the most records of one batch: what one read of the index finds.
const MaxBatch = 100

// maxRounds bounds the tries against other writers of the same tenant; each lost round means that
// another writer has won one.
const maxRounds = 50

var errBusy = errors.New("audit: other writers of the tenant were faster too often")

// Write seals the entries that are not sealed yet; afterwards each has exactly one place. It may be
// repeated, and with any part of the entries, in any order.
//
// The order of the steps makes it so, without a transaction: object, signed head, places, end of
// the chain. An object has the number after the end that its writer read, and the end moves on only
// when the object's records have their places. The end is read before the places. So whoever finds
// a record without a place, and writes it under the next number, either meets the object that holds
// it already, and completes that one, or is right. Every step gives the same result when another
// writer repeats it.
func (w Writer) Write(ctx context.Context, tenant ident.Tenant, entries []Entry) error {
	for range maxRounds {
		head, err := w.Index.Head(ctx, tenant)
		if err != nil {
			return err
		}
		rest, err := w.unplaced(ctx, tenant, entries)
		if err != nil || len(rest) == 0 {
			return err
		}
		if err := w.extend(ctx, head, rest[:min(len(rest), MaxBatch)]); err != nil {
			return err
		}
		entries = rest
	}
	return errBusy
}

// unplaced gives the entries that have no place yet, each id once.
func (w Writer) unplaced(ctx context.Context, tenant ident.Tenant,
	entries []Entry) ([]Entry, error) {
	ids := make([]string, 0, len(entries))
	first := make(map[string]bool, len(entries))
	for _, e := range entries {
		if !first[e.Record.ID] {
			first[e.Record.ID] = true
			ids = append(ids, e.Record.ID)
		}
	}
	placed, err := w.Index.Places(ctx, tenant, ids)
	if err != nil {
		return nil, err
	}
	rest := make([]Entry, 0, len(ids))
	for _, e := range entries {
		if _, done := placed[e.Record.ID]; !done && first[e.Record.ID] {
			first[e.Record.ID] = false
			rest = append(rest, e)
		}
	}
	return rest, nil
}

// extend writes the batch after head, or completes the one that another writer, or an earlier try
// of this one, has left under its name.
func (w Writer) extend(ctx context.Context, head Head, entries []Entry) error {
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
	if err := w.sign(ctx, head, batch, next); err != nil {
		return err
	}
	if err := w.Index.SetPlaces(ctx, head.Tenant, batch.places()); err != nil {
		return err
	}
	_, err = w.Index.Advance(ctx, head, next) // false: another writer has done just this
	return err
}

// sign stores the signed head after a batch, unless it is there.
func (w Writer) sign(ctx context.Context, before Head, batch Batch, after Head) error {
	object, err := signHead(ctx, w.Signer, before, batch, after,
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

func (b Batch) places() map[string]Place {
	out := make(map[string]Place, len(b.Lines))
	for _, l := range b.Lines {
		out[l.Entry.Record.ID] = Place{Batch: b.Number, Seq: l.Seq}
	}
	return out
}
