package publish

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset"
	"fenzhang/shared/law/tax"
)

// Order is a request of an operator: which job to do with which version of a pack.
type Order struct {
	Job     string `json:"job"` // activate, shadow, draft, rollback, revoke, status
	Pack    string `json:"pack"`
	Version string `json:"version"`
	By      string `json:"by"`  // who gives the order, for the history
	Why     string `json:"why"` // the reason, for the history

	request string // id of the upload whose manifest wants this, "" for an operator's order
}

// String returns job, pack and version, for log and records.
func (o Order) String() string { return o.Job + " " + o.Pack + "@" + cmp.Or(o.Version, "-") }

// Outcome is the answer to an order.
type Outcome struct {
	Job     string `json:"job"`
	Pack    string `json:"pack"`
	Version string `json:"version"`
	Changed bool   `json:"changed"` // false: nothing had to be changed
	Active  string `json:"active"`  // the version that is active now
	Before  string `json:"before"`  // the version that was active before the order
	Shadow  string `json:"shadow,omitempty"`
	Rev     int64  `json:"rev"` // revision of the pointers
	Refused string `json:"refused,omitempty"`
}

// Event is the TaxPolicyUpdatedEvent that the event bus receives after a change of the pointers.
type Event struct {
	Pack    string    `json:"pack"`
	Version string    `json:"version"` // the version that was activated, shadowed, revoked ...
	SHA256  string    `json:"sha256,omitempty"`
	Act     string    `json:"act"`
	Active  string    `json:"active"`
	Before  string    `json:"before"`
	Shadow  string    `json:"shadow,omitempty"`
	Rev     int64     `json:"rev"`
	At      time.Time `json:"at"`
}

// runOrder carries an order out by its job. Each job reads the pointers, decides, and writes under
// the condition that nobody else has changed them in between.
func (p Publisher) runOrder(ctx context.Context, o Order) (Outcome, error) {
	switch o.Job {
	case "activate":
		return p.activateVersion(ctx, o)
	case "shadow":
		return p.shadowVersion(ctx, o)
	case "draft":
		return p.unshadowVersion(ctx, o)
	case "rollback":
		return p.rollBackPack(ctx, o)
	case "revoke":
		return p.revokeVersion(ctx, o)
	}
	return Outcome{}, newRefusal(
		"there is no job %q; there are activate, shadow, draft, rollback, revoke and status", o.Job)
}

// decision is a change of the pointers, before it is written.
type decision struct {
	next    ruleset.State
	changed bool
	about   ruleset.Ref // the version that the order concerns
	version *Version    // the record of the version to write with it, nil if unchanged
}

// changePointers reads the pointers, calls decide and writes the decision. If somebody else changed
// the pointers in between, it starts again.
func (p Publisher) changePointers(ctx context.Context, act string, o Order,
	decide func(ruleset.State) (decision, error)) (Outcome, error) {
	return optimistic.RetryValue(ctx, func() (Outcome, error) {
		state, err := p.Store.LatestState(ctx)
		if err != nil {
			return Outcome{}, err
		}
		d, err := decide(state)
		if err != nil {
			return Outcome{}, err
		}
		// A rollback order may name no version; the records name the one that it found.
		o.Version = d.about.String()
		out := outcomeOfDecision(o, state, d)
		if !d.changed && d.version == nil {
			return out, nil
		}
		err = p.Store.ApplyChange(ctx, p.buildWrite(act, o, state, d, out))
		if err == nil {
			p.Log.InfoContext(ctx, "pack moved", "act", act, "pack", o.Pack, "version", o.Version, "active",
				out.Active, "before", out.Before, "rev", out.Rev)
		}
		return out, err
	})
}

// outcomeOfDecision returns the answer to an order from the pointers before it and the decision.
func outcomeOfDecision(o Order, was ruleset.State, d decision) Outcome {
	p := d.next.Packs[o.Pack]
	out := Outcome{Job: o.Job, Pack: o.Pack, Version: o.Version, Changed: d.changed ||
		d.version != nil, Active: p.Active.String(), Before: was.Packs[o.Pack].Active.String(),
		Rev: d.next.Rev}
	if p.Shadow != nil {
		out.Shadow = p.Shadow.Version
	}
	return out
}

// buildWrite collects everything that one change writes: pointers, version, history, audit record
// and event. A change that leaves the pointers as they are has no event.
func (p Publisher) buildWrite(act string, o Order, was ruleset.State, d decision,
	out Outcome) Write {
	w := Write{Change: p.newChange(act, o, was.Packs[o.Pack].Active.String(), d.about.SHA256),
		Version: d.version, Request: o.request}
	if d.changed {
		w.State, w.Change.Rev = &d.next, d.next.Rev
		w.Event = Event{Pack: o.Pack, Version: o.Version, SHA256: d.about.SHA256, Act: act,
			Active: out.Active, Before: out.Before, Shadow: out.Shadow, Rev: out.Rev, At: w.Change.At}
	}
	return w
}

// findUsableVersion finds a stored version that is not revoked, verifies its archive, and runs the
// examples once more with the packs in force.
func (p Publisher) findUsableVersion(ctx context.Context, o Order) (ruleset.Ref, error) {
	v, err := p.Store.FindVersion(ctx, o.Pack, o.Version)
	if err != nil {
		return ruleset.Ref{}, asRefusal(err)
	}
	if v.Revoked != nil {
		return ruleset.Ref{},
			newRefusal("version %s of pack %s was revoked on %s; publish a higher version",
				v.Version, v.Pack, v.Revoked.Format(time.DateOnly))
	}
	bundle, err := ruleset.FetchVerified(ctx, p.Store, p.Rules.Trusted, packID(o.Pack, v.Ref()))
	if err != nil {
		return ruleset.Ref{}, asRefusal(err)
	}
	_, err = p.tryPack(ctx, bundle, false)
	return v.Ref(), err
}

// packID returns the pack id of a stored version.
func packID(pack string, r ruleset.Ref) tax.PackID {
	return tax.PackID{Pack: pack, Version: r.Version, SHA256: r.SHA256}
}

// activateVersion makes a stored version the active one.
func (p Publisher) activateVersion(ctx context.Context, o Order) (Outcome, error) {
	return p.changePointers(ctx, "rules.activated", o, func(s ruleset.State) (decision, error) {
		ref, err := p.findUsableVersion(ctx, o)
		if err != nil {
			return decision{}, err
		}
		if err := requireHigherVersion(s, o.Pack, ref); err != nil {
			return decision{}, err
		}
		next, changed := s.Activate(o.Pack, ref)
		return decision{next: next, changed: changed, about: ref}, nil
	})
}

// requireHigherVersion refuses a version that is not higher than the active one. Only a rollback
// may go back to an older version.
func requireHigherVersion(s ruleset.State, pack string, ref ruleset.Ref) error {
	active := s.Packs[pack].Active
	if active == ref {
		return nil
	}
	if active.IsEmbedded() {
		carried, err := embeddedPackID(pack)
		if err != nil || carried == nil {
			return err
		}
		active = ruleset.Ref{Version: carried.Version, SHA256: carried.SHA256}
	}
	if c := rulepack.CompareVersions(ref.Version, active.Version); c > 0 || (c == 0 && ref == active) {
		return nil
	}
	return newRefusal("version %s of pack %s is not above the active %s; the way back is a roll-back",
		ref.Version, pack, active.Version)
}

// shadowVersion makes a stored version the shadow of its pack.
func (p Publisher) shadowVersion(ctx context.Context, o Order) (Outcome, error) {
	return p.changePointers(ctx, "rules.shadowed", o, func(s ruleset.State) (decision, error) {
		ref, err := p.findUsableVersion(ctx, o)
		if err != nil {
			return decision{}, err
		}
		if s.Packs[o.Pack].Active == ref {
			return decision{},
				newRefusal("version %s of pack %s is active; it cannot be its own shadow", ref.Version, o.Pack)
		}
		next, changed := s.Shadow(o.Pack, ref)
		return decision{next: next, changed: changed, about: ref}, nil
	})
}

// unshadowVersion turns the shadow of a pack into a draft again.
func (p Publisher) unshadowVersion(ctx context.Context, o Order) (Outcome, error) {
	return p.changePointers(ctx, "rules.unshadowed", o, func(s ruleset.State) (decision, error) {
		shadow := s.Packs[o.Pack].Shadow
		if shadow == nil || (o.Version != "" && o.Version != shadow.Version) {
			return decision{}, newRefusal("%s@%s is not in the shadow", o.Pack, o.Version)
		}
		next, changed := s.Unshadow(o.Pack)
		return decision{next: next, changed: changed, about: *shadow}, nil
	})
}

// rollBackPack makes the last active version active again, or an earlier one that the order names.
func (p Publisher) rollBackPack(ctx context.Context, o Order) (Outcome, error) {
	return p.changePointers(ctx, "rules.rolled_back", o, func(s ruleset.State) (decision, error) {
		to, err := rollBackTarget(s, o)
		if err != nil {
			return decision{}, err
		}
		next, changed := s.Rollback(o.Pack, to)
		if !changed {
			return decision{},
				newRefusal("pack %s has no such version to go back to; before now were active: %v", o.Pack,
					s.Packs[o.Pack].Before)
		}
		if err := p.tryPacksAfter(ctx, next, o.Pack); err != nil {
			return decision{}, err
		}
		return decision{next: next, changed: true, about: next.Packs[o.Pack].Active}, nil
	})
}

// rollBackTarget finds the earlier version that a rollback order names, and returns nil if it names
// none.
func rollBackTarget(s ruleset.State, o Order) (*ruleset.Ref, error) {
	if o.Version == "" {
		return nil, nil
	}
	for _, r := range s.Packs[o.Pack].Before {
		if r.String() == o.Version {
			return &r, nil
		}
	}
	return nil, newRefusal("version %s of pack %s was not active before; before now were active: %v",
		o.Version, o.Pack, s.Packs[o.Pack].Before)
}

// tryPacksAfter compiles the packs as they will be after a change, with the examples of the changed
// pack and of the packs that inherit from it.
func (p Publisher) tryPacksAfter(ctx context.Context, next ruleset.State, pack string) error {
	packs, err := p.Rules.PacksInState(ctx, next)
	if err != nil {
		return asRefusal(err)
	}
	if packs[pack] == nil {
		// the pack exists neither in the binary nor in the pointers, so nothing inherits from it
		return nil
	}
	if _, err := rulepack.TryPacks(packs, pack); err != nil {
		return refusedError{err}
	}
	return nil
}

// revokeVersion takes a version out of use permanently. Its archive stays, so that the taxes that
// it computed can still be explained.
func (p Publisher) revokeVersion(ctx context.Context, o Order) (Outcome, error) {
	return p.changePointers(ctx, "rules.revoked", o, func(s ruleset.State) (decision, error) {
		v, err := p.Store.FindVersion(ctx, o.Pack, o.Version)
		if err != nil {
			return decision{}, asRefusal(err)
		}
		if v.Revoked != nil {
			return decision{next: s, about: v.Ref()}, nil
		}
		next, changed := s.Revoke(o.Pack, v.Ref())
		// Revoking the active version activates an earlier one, which must still fit the other packs.
		if next.Packs[o.Pack].Active != s.Packs[o.Pack].Active {
			if err := p.tryPacksAfter(ctx, next, o.Pack); err != nil {
				return decision{}, err
			}
		}
		now := p.Now().UTC().Truncate(time.Millisecond)
		v.Revoked, v.State = &now, ""
		return decision{next: next, changed: changed, about: v.Ref(), version: &v}, nil
	})
}

// PackStatus says which versions of one pack are active, shadow and stored.
type PackStatus struct {
	Pack     string      `json:"pack"`
	Embedded *tax.PackID `json:"embedded,omitempty"` // the version in the binary
	Active   string      `json:"active"`
	Shadow   string      `json:"shadow,omitempty"`
	Before   []string    `json:"before,omitempty"`
	Versions []Version   `json:"versions,omitempty"`
	History  []Change    `json:"history,omitempty"`
}

// Report is the answer to the job status.
type Report struct {
	Rev      int64        `json:"rev"`
	Trusted  []string     `json:"trusted"` // ids of the keys whose signatures are accepted
	Packs    []PackStatus `json:"packs"`
	Refusals []Refusal    `json:"refusals"`
}

// shownChanges and shownRefusals limit the lists of a Report.
const (
	shownChanges  = 20
	shownRefusals = 20
)

// Status reports the pointers of all packs or, if pack is not empty, of one pack with its versions
// and history.
func (p Publisher) Status(ctx context.Context, pack string) (Report, error) {
	state, err := p.Store.LatestState(ctx)
	if err != nil {
		return Report{}, err
	}
	r := Report{Rev: state.Rev, Trusted: slices.Sorted(maps.Keys(p.Rules.Trusted)),
		Packs: []PackStatus{}}
	if r.Refusals, err = p.Store.ListRefusals(ctx, shownRefusals); err != nil {
		return r, err
	}
	names, err := packNames(state)
	if err != nil {
		return r, err
	}
	for _, name := range names {
		if pack != "" && pack != name {
			continue
		}
		s, err := p.packStatus(ctx, state, name, pack != "")
		if err != nil {
			return r, err
		}
		r.Packs = append(r.Packs, s)
	}
	return r, nil
}

// packNames lists the names of all packs, of those in the binary and those with pointers.
func packNames(state ruleset.State) ([]string, error) {
	packs, err := rulepack.EmbeddedPacks()
	if err != nil {
		return nil, err
	}
	names := slices.Collect(maps.Keys(packs))
	names = slices.AppendSeq(names, maps.Keys(state.Packs))
	slices.Sort(names)
	return slices.Compact(names), nil
}

// packStatus returns the status of one pack; isDetailed adds its versions and history.
func (p Publisher) packStatus(ctx context.Context, state ruleset.State, pack string,
	isDetailed bool) (PackStatus, error) {
	ptr := state.Packs[pack]
	s := PackStatus{Pack: pack, Active: ptr.Active.String()}
	var err error
	if s.Embedded, err = embeddedPackID(pack); err != nil {
		return s, err
	}
	if ptr.Shadow != nil {
		s.Shadow = ptr.Shadow.Version
	}
	for _, r := range ptr.Before {
		s.Before = append(s.Before, r.String())
	}
	if !isDetailed {
		return s, nil
	}
	if s.Versions, err = p.Store.ListVersions(ctx, pack); err != nil {
		return s, err
	}
	for i := range s.Versions {
		v := &s.Versions[i]
		if v.State = state.StateOf(pack, v.Ref()); v.Revoked != nil {
			v.State = rulepack.Revoked
		}
	}
	s.History, err = p.Store.ListChanges(ctx, pack, shownChanges)
	return s, err
}
