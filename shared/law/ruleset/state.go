// Package ruleset says which versions of the policy packs compute, and holds them compiled in a
// running function.
package ruleset

import (
	"maps"
	"slices"

	"fenzhang/shared/law/rulepack"
)

// Ref names a stored version of a pack by its content. The zero Ref is the version in the binary.
type Ref struct {
	Version string `json:"version,omitempty"`
	SHA256  string `json:"sha256,omitempty"` // over the files, as in results
}

// IsEmbedded tells that the version in the binary is meant.
func (r Ref) IsEmbedded() bool { return r == Ref{} }

// String names the version for people.
func (r Ref) String() string {
	if r.IsEmbedded() {
		return "embedded"
	}
	return r.Version
}

// Pointer says which versions of one pack compute.
type Pointer struct {
	Active Ref `json:"active"`
	// what was active before, oldest first: a roll-back goes to the last
	Before []Ref `json:"before,omitempty"`
	Shadow *Ref  `json:"shadow,omitempty"` // computes beside the active one
}

// maxBefore bounds how many roll-backs in a row are possible.
const maxBefore = 20

// State are the pointers of all packs. A pack without a pointer computes as it is in the binary.
// Rev counts the changes.
type State struct {
	Rev   int64              `json:"rev"`
	Packs map[string]Pointer `json:"packs"`
}

// withPointer gives the state after one more change.
func (s State) withPointer(pack string, p Pointer) State {
	packs := maps.Clone(s.Packs)
	if packs == nil {
		packs = map[string]Pointer{}
	}
	packs[pack] = p
	return State{Rev: s.Rev + 1, Packs: packs}
}

// Activate makes a version compute; ok is false when it does already.
func (s State) Activate(pack string, to Ref) (next State, ok bool) {
	p := s.Packs[pack]
	if p.Active == to {
		return s, false
	}
	before := append(slices.Clone(p.Before), p.Active)
	if extra := len(before) - maxBefore; extra > 0 {
		before = before[extra:]
	}
	p.Before, p.Active = before, to
	if p.Shadow != nil && *p.Shadow == to {
		p.Shadow = nil
	}
	return s.withPointer(pack, p), true
}

// Shadow makes a version compute beside the active one; ok is false when it does already.
func (s State) Shadow(pack string, to Ref) (next State, ok bool) {
	p := s.Packs[pack]
	if p.Shadow != nil && *p.Shadow == to {
		return s, false
	}
	p.Shadow = &to
	return s.withPointer(pack, p), true
}

// Unshadow ends a shadow; ok is false when the pack has none.
func (s State) Unshadow(pack string) (next State, ok bool) {
	p := s.Packs[pack]
	if p.Shadow == nil {
		return s, false
	}
	p.Shadow = nil
	return s.withPointer(pack, p), true
}

// Rollback makes a version compute that did before: the one that was active last, or with to a
// certain one. ok is false when it never was.
func (s State) Rollback(pack string, to *Ref) (next State, ok bool) {
	p := s.Packs[pack]
	i := len(p.Before) - 1
	for to != nil && i >= 0 && p.Before[i] != *to {
		i--
	}
	if i < 0 {
		return s, false
	}
	p.Active, p.Before = p.Before[i], slices.Clone(p.Before[:i])
	return s.withPointer(pack, p), true
}

// Revoke takes a version out of everything: where it computes, the last version before it takes its
// place, and no roll-back finds it any more. The state is as it was, and ok false, where the
// version stands nowhere.
func (s State) Revoke(pack string, gone Ref) (next State, ok bool) {
	p := s.Packs[pack]
	kept := slices.DeleteFunc(slices.Clone(p.Before), func(r Ref) bool { return r == gone })
	ok = len(kept) != len(p.Before)
	p.Before = kept
	if p.Shadow != nil && *p.Shadow == gone {
		p.Shadow, ok = nil, true
	}
	if p.Active == gone {
		p.Active, ok = Ref{}, true
		if n := len(p.Before); n > 0 {
			p.Active, p.Before = p.Before[n-1], p.Before[:n-1]
		}
	}
	if !ok {
		return s, false
	}
	return s.withPointer(pack, p), true
}

// StateOf is the state of a stored version that was not revoked.
func (s State) StateOf(pack string, r Ref) rulepack.State {
	p := s.Packs[pack]
	switch {
	case p.Active == r:
		return rulepack.Active
	case p.Shadow != nil && *p.Shadow == r:
		return rulepack.Shadow
	}
	return rulepack.Draft
}
