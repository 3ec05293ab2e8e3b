package ruleset_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset"
)

const pack = "national"

func ref(version string) ruleset.Ref {
	return ruleset.Ref{Version: version, SHA256: "hash-of-" + version}
}

func active(s ruleset.State) string { return s.Packs[pack].Active.String() }

func TestALifeOfAPack(t *testing.T) {
	var s ruleset.State
	step := func(name string, next ruleset.State, ok bool, want string) {
		t.Helper()
		if !ok || next.Rev != s.Rev+1 || active(next) != want {
			t.Fatalf("%s: ok %v, rev %d after %d, active %s, want %s", name, ok, next.Rev, s.Rev, active(next), want)
		}
		s = next
	}
	a, ok := s.Shadow(pack, ref("1"))
	step("shadow 1", a, ok, "embedded")
	if s.StateOf(pack, ref("1")) != rulepack.Shadow || s.StateOf(pack, ref("2")) != rulepack.Draft {
		t.Errorf("1 is %s, 2 is %s", s.StateOf(pack, ref("1")), s.StateOf(pack, ref("2")))
	}
	if _, ok := s.Shadow(pack, ref("1")); ok {
		t.Error("shadowed twice")
	}
	a, ok = s.Activate(pack, ref("1"))
	step("activate 1", a, ok, "1")
	if s.Packs[pack].Shadow != nil {
		t.Error("still its own shadow")
	}
	if _, ok := s.Activate(pack, ref("1")); ok {
		t.Error("activated twice")
	}
	a, ok = s.Activate(pack, ref("2"))
	step("activate 2", a, ok, "2")
	a, ok = s.Rollback(pack, nil)
	step("back to 1", a, ok, "1")
	a, ok = s.Rollback(pack, nil)
	step("back to the binary", a, ok, "embedded")
	if _, ok := s.Rollback(pack, nil); ok {
		t.Error("there is nothing before the binary")
	}
	a, ok = s.Activate(pack, ref("2"))
	step("activate 2 again", a, ok, "2")
	a, ok = s.Activate(pack, ref("3"))
	step("activate 3", a, ok, "3")
	one := ref("1")
	if _, ok := s.Rollback(pack, &one); ok {
		t.Error("1 was rolled back from, it is no way back")
	}
	embedded := ruleset.Ref{}
	if b, ok := s.Rollback(pack, &embedded); !ok || active(b) != "embedded" || len(b.Packs[pack].Before) != 0 {
		t.Errorf("two steps back: %v %v", ok, b)
	}
	a, ok = s.Revoke(pack, ref("2"))
	step("revoke 2, which no roll-back may find", a, ok, "3")
	a, ok = s.Shadow(pack, ref("4"))
	step("shadow 4", a, ok, "3")
	a, ok = s.Revoke(pack, ref("4"))
	step("revoke the shadow", a, ok, "3")
	a, ok = s.Revoke(pack, ref("3"))
	step("revoke what computes", a, ok, "embedded")
	if _, ok := s.Revoke(pack, ref("3")); ok {
		t.Error("revoked twice")
	}
	a, ok = s.Shadow(pack, ref("5"))
	step("shadow 5", a, ok, "embedded")
	a, ok = s.Unshadow(pack)
	step("unshadow", a, ok, "embedded")
	if _, ok := s.Unshadow(pack); ok {
		t.Error("unshadowed twice")
	}
}

// Whatever is asked in whatever order: what was revoked computes nowhere, and a change touches no other state.
func TestRevokedVersionsNeverCompute(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s ruleset.State
		revoked := map[ruleset.Ref]bool{}
		for range rapid.IntRange(1, 60).Draw(t, "acts") {
			r := ref(rapid.SampledFrom([]string{"1", "2", "3", "4"}).Draw(t, "version"))
			before, was := s.Rev, active(s)
			next := s
			switch rapid.SampledFrom([]string{"activate", "shadow", "unshadow", "rollback", "revoke"}).Draw(t, "act") {
			case "activate":
				if !revoked[r] {
					next, _ = s.Activate(pack, r)
				}
			case "shadow":
				if !revoked[r] {
					next, _ = s.Shadow(pack, r)
				}
			case "unshadow":
				next, _ = s.Unshadow(pack)
			case "rollback":
				next, _ = s.Rollback(pack, nil)
			case "revoke":
				next, _ = s.Revoke(pack, r)
				revoked[r] = true
			}
			if s.Rev != before || active(s) != was {
				t.Fatal("a change wrote into the state that it came from")
			}
			s = next
			p := s.Packs[pack]
			if revoked[p.Active] || (p.Shadow != nil && revoked[*p.Shadow]) || slices.ContainsFunc(p.Before, func(r ruleset.Ref) bool { return revoked[r] }) {
				t.Fatalf("%v with %v revoked", p, revoked)
			}
		}
	})
}
