// Package ruleset says which versions of the policy packs are used by computations, and holds them
// compiled in a running function.
package ruleset

import (
	"maps"
	"slices"

	"fenzhang/shared/law/rulepack"
)

// Ref names a version of a pack by its number and content. The zero Ref means the version in the
// binary.
type Ref struct {
	Version string `json:"version,omitempty"`
	SHA256  string `json:"sha256,omitempty"` // hash of the files, as results of computations state it
}

// IsEmbedded reports whether the version in the binary is meant.
func (r Ref) IsEmbedded() bool { return r == Ref{} }

// String returns the version number, or "embedded" for the version in the binary.
func (r Ref) String() string {
	if r.IsEmbedded() {
		return "embedded"
	}
	return r.Version
}

// Pointer says which versions of one pack are active and shadow.
type Pointer struct {
	Active Ref `json:"active"`
	// versions that were active before, oldest first; a rollback goes to the last one
	Before []Ref `json:"before,omitempty"`
	Shadow *Ref  `json:"shadow,omitempty"` // computes beside the active version
}

// maxBefore limits the list of earlier versions, and thereby the number of rollbacks in a row.
const maxBefore = 20

// State has the pointers of all packs. A pack without a pointer is used as it is in the binary. Rev
// counts the changes of the pointers.
type State struct {
	Rev   int64              `json:"rev"`
	Packs map[string]Pointer `json:"packs"`
}

// withPointer returns a copy of the state with one pointer changed and the next revision. The
// receiver is not changed, because other goroutines may read it.
func (s State) withPointer(pack string, p Pointer) State {
	packs := maps.Clone(s.Packs)
	if packs == nil {
		packs = map[string]Pointer{}
	}
	packs[pack] = p
	return State{Rev: s.Rev + 1, Packs: packs}
}

// Activate makes a version the active one. ok is false, and the state unchanged, if it is active
// already.
func (s State) Activate(pack string, to Ref) (next State, ok bool) {
	p := s.Packs[pack]
	if p.Active == to {
		return s, false
	}
	before := append(slices.Clone(p.Before), p.Active)
	if extra := len(before) - maxBefore; extra > 0 {
		before = before[extra:]
	}
	p.Before = before
	p.Active = to
	// A version cannot be compared with itself, so activating a shadow ends the shadow.
	if p.Shadow != nil && *p.Shadow == to {
		p.Shadow = nil
	}
	return s.withPointer(pack, p), true
}

// Shadow makes a version the shadow. ok is false, and the state unchanged, if it is the shadow
// already.
func (s State) Shadow(pack string, to Ref) (next State, ok bool) {
	p := s.Packs[pack]
	if p.Shadow != nil && *p.Shadow == to {
		return s, false
	}
	p.Shadow = &to
	return s.withPointer(pack, p), true
}

// Unshadow removes the shadow of a pack. ok is false, and the state unchanged, if the pack has
// none.
func (s State) Unshadow(pack string) (next State, ok bool) {
	p := s.Packs[pack]
	if p.Shadow == nil {
		return s, false
	}
	p.Shadow = nil
	return s.withPointer(pack, p), true
}

// Rollback makes an earlier version active again: the last active one if to is nil, otherwise the
// version to. ok is false, and the state unchanged, if that version was not active before.
func (s State) Rollback(pack string, to *Ref) (next State, ok bool) {
	p := s.Packs[pack]
	i := len(p.Before) - 1
	for to != nil && i >= 0 && p.Before[i] != *to {
		i--
	}
	if i < 0 {
		return s, false
	}
	// Versions after the target are dropped: a second rollback goes further back, never forward.
	p.Active = p.Before[i]
	p.Before = slices.Clone(p.Before[:i])
	return s.withPointer(pack, p), true
}

// Revoke removes a version from all pointers: if it is active, the version before it becomes
// active, and no rollback finds it any more. ok is false, and the state unchanged, if no pointer
// names the version.
func (s State) Revoke(pack string, gone Ref) (next State, ok bool) {
	p := s.Packs[pack]
	kept := slices.DeleteFunc(slices.Clone(p.Before), func(r Ref) bool { return r == gone })
	ok = len(kept) != len(p.Before)
	p.Before = kept
	if p.Shadow != nil && *p.Shadow == gone {
		p.Shadow = nil
		ok = true
	}
	if p.Active == gone {
		p.Active = Ref{}
		ok = true
		// Without an earlier version the pack falls back to the version in the binary.
		if n := len(p.Before); n > 0 {
			p.Active = p.Before[n-1]
			p.Before = p.Before[:n-1]
		}
	}
	if !ok {
		return s, false
	}
	return s.withPointer(pack, p), true
}

// StateOf returns the state of a stored version that is not revoked.
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
