package settlement_test

import (
	"testing"

	"fenzhang/shared/ident"
	"fenzhang/shared/settlement"
)

func TestAReopenedPayableIsFollowedBothWays(t *testing.T) {
	of := func(id, reopens, reopenedBy string) (s settlement.Settlement) {
		s.ID, s.Reopens, s.ReopenedBy = id, ident.Settlement(reopens), ident.Settlement(reopenedBy)
		return s
	}
	o := settlement.OccurrencesOf([]settlement.Settlement{of("a", "", "b"), of("b", "a", "c"), of("c", "b", "gone"), of("alone", "", ""), of("late", "unread", "")})
	for id, want := range map[string]string{"a": "a", "b": "a", "c": "a", "alone": "alone", "late": "unread", "nobody": "nobody", "": ""} {
		if got := o.FirstID(id); got != want {
			t.Errorf("%q was opened first as %q, want %q", id, got, want)
		}
	}
	for id, want := range map[string]string{"a": "c", "b": "c", "c": "c", "alone": "alone"} {
		if got := o.LastOf(o[id]).ID; got != want {
			t.Errorf("%q stands as %q, want %q", id, got, want)
		}
	}
}
