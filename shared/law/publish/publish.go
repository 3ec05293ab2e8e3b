// Package publish takes policy packs and moves them through their lives: it checks a pack's
// signature, hashes, parents, rules and examples, stores it for good under its version, and makes
// it draft, shadow, active or revoked.
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

// Publisher takes packs and moves them through their lives.
type Publisher struct {
	Store Store
	Rules *ruleset.Set // reads and verifies what is stored
	Log   *slog.Logger
	Now   func() time.Time
	NewID func() string
}

// New makes a publisher that takes packs signed by trusted keys. The clock is the real instant, and
// ids name changes.
func New(store Store, trusted rulepack.Trusted, log *slog.Logger, now func() time.Time,
	newID func() string) Publisher {
	return Publisher{Store: store, Rules: &ruleset.Set{Store: store, Trusted: trusted, Log: log,
		Now: now}, Log: log, Now: now, NewID: newID}
}

// refusedError is a pack or a request that does not hold: trying again would not help, and nothing
// was changed.
type refusedError struct{ cause error }

func (r refusedError) Error() string { return r.cause.Error() }
func (r refusedError) Unwrap() error { return r.cause }

func refusal(format string, args ...any) error { return refusedError{fmt.Errorf(format, args...)} }

// asRefusal makes a refusal of an error of checking; an error of reaching a store stays what it is.
func asRefusal(err error) error {
	var known *fault.Error
	var large *TooLargeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large) || !errors.As(err, &known):
		return refusedError{err}
	case known.Code == fault.NotFound:
		return refusal("%s", known.Public)
	case known.Code == fault.Unavailable || known.Code == fault.System:
		return err
	}
	return refusedError{err}
}

// PublishUpload takes the pack of a manifest in the rules bucket; sequencer distinguishes one
// upload of the manifest from the next. A pack that was handed in before all its files had arrived
// is taken when this is called again. A refusal is logged and recorded, and it is an error too.
func (p Publisher) PublishUpload(ctx context.Context, key, sequencer string) error {
	return p.reportRefusal(ctx, "manifest "+key, key+sequencer, p.publishUpload(ctx, key, sequencer))
}

// reportRefusal puts a refusal where people look for it: log, metric and record. mark names it, so that a
// repeated notification makes no second record.
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

func shortHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}

// maxManifest bounds what is read of a manifest or a rule file, in bytes.
const maxManifest = 1 << 20

// publishUpload checks and stores the pack of one manifest, and then does what the manifest asks for.
// Repeating it changes nothing, also when the pack was moved on since.
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
		request: shortHash(append(raw, sequencer...))}
	switch m.WantedState() {
	case rulepack.Shadow:
		_, err = p.shadowVersion(ctx, ask)
	case rulepack.Active:
		_, err = p.activateVersion(ctx, ask)
	}
	if errors.Is(err, ErrAlreadyFulfilled) {
		return nil
	}
	return err
}

// storePack stores a version for good, once.
func (p Publisher) storePack(ctx context.Context, m rulepack.Manifest, folder string) error {
	known, err := p.isStored(ctx, m)
	if err != nil || known {
		return err
	}
	archive, err := m.BuildArchive(func(name string) ([]byte, error) {
		return p.Store.ReadObject(ctx, path.Join(folder, name), maxManifest)
	})
	if fault.HasCode(err, fault.NotFound) {
		return refusal("the pack is only half uploaded, copy its manifest last: %w", asRefusal(err))
	}
	if err != nil {
		return asRefusal(err)
	}
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

// isStored reports whether the very same pack is stored already. A version that is not above all there
// were is refused: old law must not come back by an old file.
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
			return false, refusal("version %s of pack %s is stored with other content; raise the version",
				m.Version, m.Pack)
		}
		if rulepack.CompareVersions(m.Version, v.Version) <= 0 {
			return false, refusal(
				"version %s of pack %s is not above the stored %s; raise the version, or roll back to a "+
					"stored one", m.Version, m.Pack, v.Version)
		}
	}
	carried, err := embeddedPackID(m.Pack)
	if err != nil || carried == nil || *carried == m.PackID() {
		return false, err
	}
	if rulepack.CompareVersions(m.Version, carried.Version) <= 0 {
		return false, refusal(
			"version %s of pack %s is not above %s, which the functions carry; raise the version", m.Version,
			m.Pack, carried.Version)
	}
	return false, nil
}

// embeddedPackID names the pack as the binary carries it; nil when it carries none of that name.
func embeddedPackID(pack string) (*tax.PackID, error) {
	packs, err := rulepack.EmbeddedPacks()
	if err != nil || packs[pack] == nil {
		return nil, err
	}
	id, err := rulepack.IdentifyPack(packs[pack])
	return &id, err
}

// tryPack loads a pack with the others and runs its examples and those of its heirs. A pack that is
// only stored is tried with the parents that it names, one that will compute with the parents in
// force.
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

// parentFiles gives the files of a parent that a manifest names, or of a later version in force.
func (p Publisher) parentFiles(ctx context.Context, inForce fs.FS, named tax.PackID,
	stored bool) (fs.FS, error) {
	if inForce == nil {
		return nil, refusal("parent %s is not known", named.Pack)
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
		return nil, refusal("parent %s@%s with SHA-256 %s is not known; publish it first", named.Pack,
			named.Version, named.SHA256)
	case rulepack.CompareVersions(here.Version,
		named.Version) > 0: // checked against an older parent: the examples decide
		return inForce, nil
	case stored:
		return p.Rules.VerifiedFiles(ctx, named)
	}
	return nil, refusal("parent %s@%s is not in force, %s is; activate it first", named.Pack,
		named.Version, here.Version)
}

// storeArchive stores the archive once. What lies there from a try that broke off counts when it is the
// same pack.
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
		return refusal("version %s of pack %s is archived with other content; raise the version",
			m.Version, m.Pack)
	}
	return nil
}

// recordVersion notes the stored version, with its one audit record.
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
	if errors.Is(err, optimistic.ErrRival) { // two notifications of one manifest at once
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

// newChange is the entry of the history for one act of this moment.
func (p Publisher) newChange(act string, o Order, from, sha256 string) Change {
	return Change{ID: p.NewID(), At: p.Now().UTC().Truncate(time.Millisecond), Act: act, Pack: o.Pack,
		From: from, To: o.Version, SHA256: sha256, By: o.By, Why: o.Why}
}

// ExecuteOrder carries an order out. A refusal is part of the outcome, not an error; it is logged
// and recorded.
func (p Publisher) ExecuteOrder(ctx context.Context, o Order) (Outcome, error) {
	out, err := p.runOrder(ctx, o)
	var r refusedError
	if !errors.As(err, &r) {
		return out, err
	}
	if reported := p.reportRefusal(ctx, "request "+o.String(), p.NewID(), err); !errors.As(reported, &r) {
		return Outcome{}, reported
	}
	return Outcome{Job: o.Job, Pack: o.Pack, Version: o.Version, Refused: err.Error()}, nil
}
