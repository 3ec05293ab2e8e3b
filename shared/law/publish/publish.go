// Package publish publishes policy packs: it checks a pack's signature, hashes, parents, rules and
// examples, stores it permanently under its version, and makes stored versions draft, shadow,
// active or revoked.
package publish

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/tax"
)

// Publisher stores packs and changes the state of their versions.
type Publisher struct {
	Store Store
	Rules *ruleset.Set // reads and verifies stored versions
	Log   *slog.Logger
	Now   func() time.Time
	NewID func() string
}

// New makes a publisher that accepts packs signed by trusted keys. now is the real time; newID
// makes the ids of changes.
func New(store Store, trusted rulepack.Trusted, log *slog.Logger, now func() time.Time,
	newID func() string) Publisher {
	return Publisher{Store: store, Rules: &ruleset.Set{Store: store, Trusted: trusted, Log: log,
		Now: now}, Log: log, Now: now, NewID: newID}
}

// refusedError is the refusal of a pack or an order that is wrong. A retry would be refused again,
// and nothing was changed.
type refusedError struct{ cause error }

// Error returns the reason of the refusal.
func (r refusedError) Error() string { return r.cause.Error() }

// Unwrap returns the cause, so that errors.Is and errors.As find it.
func (r refusedError) Unwrap() error { return r.cause }

// newRefusal formats a refusedError.
func newRefusal(format string, args ...any) error {
	return refusedError{fmt.Errorf(format, args...)}
}

// asRefusal turns the error of a check into a refusal. An error that means that a store cannot be
// reached is returned as it is, because a retry may succeed.
func asRefusal(err error) error {
	var known *fault.Error
	var large *TooLargeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large) || !errors.As(err, &known):
		return refusedError{err}
	case known.Code == fault.NotFound:
		return newRefusal("%s", known.Public)
	case known.Code == fault.Unavailable || known.Code == fault.System:
		return err
	}
	return refusedError{err}
}

// PublishUpload publishes the pack whose manifest was uploaded to the rules bucket under key.
// sequencer is S3's number of the upload; it distinguishes a new upload of the manifest from a
// second notification of the same one. If the manifest arrived before all files of the pack, the
// pack is refused; the next notification publishes it.
//
// Errors: a refusal is logged, recorded and also returned; other errors are worth a retry.
func (p Publisher) PublishUpload(ctx context.Context, key, sequencer string) error {
	return p.reportRefusal(ctx, "manifest "+key, key+sequencer, p.publishUpload(ctx, key, sequencer))
}

// reportRefusal writes a refusal to the log and stores it; an alarm counts the log lines. mark
// identifies the refused request: a repeated notification gives the same record id and so no second
// record.
func (p Publisher) reportRefusal(ctx context.Context, what, mark string, err error) error {
	var r refusedError
	if err == nil {
		return nil
	}
	if !errors.As(err, &r) {
		p.Log.ErrorContext(ctx, "pack not taken", "what", what, "cause", err.Error())
		return err
	}
	p.Log.ErrorContext(ctx, "pack refused", "what", what, "cause", err.Error())
	now := p.Now().UTC().Truncate(time.Millisecond)
	id := now.Format("20060102") + "#" + shortHash([]byte(mark))
	return errors.Join(err,
		p.Store.RecordRefusal(ctx, Refusal{ID: id, At: now, What: what, Why: err.Error()}))
}

// shortHash returns the first 16 bytes of the SHA-256 of data in hex.
func shortHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// maxManifest is the largest size of a manifest or rule file that is read, in bytes.
const maxManifest = 1 << 20

// publishUpload stores the pack of one manifest and then gives the version the state that the
// manifest wants. A repetition changes nothing, even if the version was moved to another state in
// between.
func (p Publisher) publishUpload(ctx context.Context, key, sequencer string) error {
	raw, err := p.Store.ReadObject(ctx, key, maxManifest)
	if err != nil {
		return asRefusal(err)
	}
	m, err := rulepack.ParseManifest(raw)
	if err == nil {
		err = m.CheckSignature(p.Rules.Trusted)
	}
	if err != nil {
		return refusedError{err}
	}
	if err := p.storePack(ctx, m, path.Dir(key)); err != nil {
		return err
	}
	ask := Order{Pack: m.Pack, Version: m.Version, By: "manifest signed by " + m.Signature.Key,
		// The hash over manifest and sequencer identifies this upload; ApplyChange fulfils it only once.
		request: shortHash(append(raw, sequencer...))}
	switch m.WantedState() {
	case rulepack.Shadow:
		_, err = p.shadowVersion(ctx, ask)
	case rulepack.Active:
		_, err = p.activateVersion(ctx, ask)
	default: // a draft or revoked version waits for nothing
	}
	if errors.Is(err, ErrAlreadyFulfilled) {
		return nil
	}
	return err
}

// storePack checks a pack and stores it permanently, unless it is stored already.
func (p Publisher) storePack(ctx context.Context, m rulepack.Manifest, folder string) error {
	known, err := p.isStored(ctx, m)
	if err != nil || known {
		return err
	}
	archive, err := m.BuildArchive(func(name string) ([]byte, error) {
		return p.Store.ReadObject(ctx, path.Join(folder, name), maxManifest)
	})
	if fault.HasCode(err, fault.NotFound) {
		return newRefusal("the pack is only half uploaded, copy its manifest last: %w", asRefusal(err))
	}
	if err != nil {
		return asRefusal(err)
	}
	// The checks read the archive that will be stored and not the upload, which may change in between.
	bundle, err := rulepack.OpenArchive(archive, p.Rules.Trusted)
	if err != nil {
		return refusedError{err}
	}
	tried, err := p.tryPack(ctx, bundle, true)
	if err != nil {
		return err
	}
	if err := p.storeArchive(ctx, bundle.Manifest, archive); err != nil {
		return err
	}
	return p.recordVersion(ctx, bundle.Manifest, tried)
}

// isStored reports whether exactly this pack is stored already. isStored refuses a version that is
// not higher than all stored ones and the one in the binary, so that an old upload cannot bring
// back old law.
func (p Publisher) isStored(ctx context.Context, m rulepack.Manifest) (bool, error) {
	versions, err := p.Store.ListVersions(ctx, m.Pack)
	if err != nil {
		return false, err
	}
	for _, v := range versions {
		same := v.Version == m.Version
		if same && v.SHA256 == m.PackID().SHA256 {
			return true, nil
		}
		if same {
			return false, newRefusal("version %s of pack %s is stored with other content; raise the version",
				m.Version, m.Pack)
		}
		if rulepack.CompareVersions(m.Version, v.Version) <= 0 {
			return false, newRefusal(
				"version %s of pack %s is not above the stored %s; raise the version, or roll back to a "+
					"stored one", m.Version, m.Pack, v.Version)
		}
	}
	carried, err := embeddedPackID(m.Pack)
	if err != nil || carried == nil || *carried == m.PackID() {
		return false, err
	}
	if rulepack.CompareVersions(m.Version, carried.Version) <= 0 {
		return false, newRefusal(
			"version %s of pack %s is not above %s, which the functions carry; raise the version", m.Version,
			m.Pack, carried.Version)
	}
	return false, nil
}

// embeddedPackID returns the id of the pack in the binary, and nil if the binary has no pack of
// that name.
func embeddedPackID(pack string) (*tax.PackID, error) {
	packs, err := rulepack.EmbeddedPacks()
	if err != nil || packs[pack] == nil {
		return nil, err
	}
	id, err := rulepack.IdentifyPack(packs[pack])
	return &id, err
}

// tryPack compiles a pack together with the others and runs its examples and those of the packs
// that inherit from it. A pack that is only stored is tried with the parents that its manifest
// names; a pack that will compute is tried with the parents in force.
func (p Publisher) tryPack(ctx context.Context, b rulepack.Bundle,
	stored bool) (rulepack.TrialResult, error) {
	state, err := p.Store.LatestState(ctx)
	if err != nil {
		return rulepack.TrialResult{}, err
	}
	packs, err := p.Rules.PacksInState(ctx, state)
	if err != nil {
		return rulepack.TrialResult{}, err
	}
	for _, parent := range b.Manifest.Parents {
		files, err := p.parentFiles(ctx, packs[parent.Pack], tax.PackID(parent), stored)
		if err != nil {
			return rulepack.TrialResult{}, err
		}
		packs[parent.Pack] = files
	}
	tried, err := b.Manifest.TryFiles(b.Files, packs)
	if err != nil {
		return tried, refusedError{err}
	}
	return tried, nil
}

// parentFiles returns the files of a parent that a manifest names, or of a later version of it that
// is in force.
func (p Publisher) parentFiles(ctx context.Context, inForce fs.FS, named tax.PackID,
	stored bool) (fs.FS, error) {
	if inForce == nil {
		return nil, newRefusal("parent %s is not known", named.Pack)
	}
	here, err := rulepack.IdentifyPack(inForce)
	if err != nil || here == named {
		return inForce, err
	}
	carried, err := embeddedPackID(named.Pack)
	if err != nil {
		return nil, err
	}
	known := carried != nil && *carried == named
	if v, err := p.Store.FindVersion(ctx, named.Pack, named.Version); err == nil {
		known = known || v.SHA256 == named.SHA256
	} else if !fault.HasCode(err, fault.NotFound) {
		return nil, err
	}
	switch {
	case !known:
		return nil, newRefusal("parent %s@%s with SHA-256 %s is not known; publish it first", named.Pack,
			named.Version, named.SHA256)
	case rulepack.CompareVersions(here.Version, named.Version) > 0:
		// The pack was written for an older parent; its examples show whether it fits the newer one.
		return inForce, nil
	case stored:
		return p.Rules.VerifiedFiles(ctx, named)
	}
	return nil, newRefusal("parent %s@%s is not in force, %s is; activate it first", named.Pack,
		named.Version, here.Version)
}

// storeArchive stores the archive of a version. If an archive of this version exists from an
// earlier try that was interrupted, it is accepted if it has the same content.
func (p Publisher) storeArchive(ctx context.Context, m rulepack.Manifest, archive []byte) error {
	taken, err := p.Store.StoreArchive(ctx, m.Pack, m.Version, archive)
	if err != nil || !taken {
		return err
	}
	there, err := p.Store.ReadArchive(ctx, m.Pack, m.Version)
	if err != nil || bytes.Equal(there, archive) {
		return err
	}
	b, err := rulepack.OpenArchive(there, p.Rules.Trusted)
	if err != nil || !b.Manifest.HasSameContent(m) {
		return newRefusal("version %s of pack %s is archived with other content; raise the version",
			m.Version, m.Pack)
	}
	return nil
}

// recordVersion stores the record of a version, together with its audit record.
func (p Publisher) recordVersion(ctx context.Context, m rulepack.Manifest,
	tried rulepack.TrialResult) error {
	id := m.PackID()
	c := p.newChange("rules.stored",
		Order{Pack: m.Pack, Version: m.Version, By: "manifest signed by " + m.Signature.Key}, "",
		id.SHA256)
	v := Version{Pack: m.Pack, Version: m.Version, SHA256: id.SHA256,
		Object: ArchiveName(m.Pack, m.Version), Key: m.Signature.Key,
		Examples: tried.Examples, Skipped: tried.Skipped, At: c.At}
	err := p.Store.ApplyChange(ctx, Write{Change: c, Version: &v})
	if errors.Is(err, optimistic.ErrRival) { // another notification of this manifest was faster
		stored, again := p.Store.FindVersion(ctx, m.Pack, m.Version)
		if again == nil && stored.SHA256 == id.SHA256 {
			return nil
		}
		return cmp.Or(again, err)
	}
	if err == nil {
		p.Log.InfoContext(ctx, "pack stored", "pack", m.Pack, "version", m.Version, "sha256", id.SHA256,
			"examples", tried.Examples, "skipped", tried.Skipped)
	}
	return err
}

// newChange makes the entry of a pack's history for an act at the current time.
func (p Publisher) newChange(act string, o Order, from, sha256 string) Change {
	return Change{ID: p.NewID(), At: p.Now().UTC().Truncate(time.Millisecond), Act: act, Pack: o.Pack,
		From: from, To: o.Version, SHA256: sha256, By: o.By, Why: o.Why}
}

// ExecuteOrder carries an order out. A refusal is logged and recorded; it is part of the outcome
// and no error.
func (p Publisher) ExecuteOrder(ctx context.Context, o Order) (Outcome, error) {
	out, err := p.runOrder(ctx, o)
	var r refusedError
	if !errors.As(err, &r) {
		return out, err
	}
	if reported := p.reportRefusal(ctx, "request "+o.String(), p.NewID(),
		err); !errors.As(reported, &r) {
		return Outcome{}, reported
	}
	return Outcome{Job: o.Job, Pack: o.Pack, Version: o.Version, Refused: err.Error()}, nil
}
