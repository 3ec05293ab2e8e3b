package ruleset_test

import (
	"testing"

	"fenzhang/shared/fault"
	"fenzhang/shared/law/ruleset"
)

// Another version of a pack is tried out beside the rules in force, whatever its state.
func TestAVersionStandsInForTheOneInForce(t *testing.T) {
	s := start(t)
	s.store("2030.1", "0.30")
	embedded := s.Current(t.Context()).Corpus.National().Pack().Version
	s.computes("1600.00")
	for range 2 {
		other, err := s.CorpusWith(t.Context(), pack, "2030.1")
		if err != nil || withheld(t, other) != "1400.00" {
			t.Fatalf("%v", err)
		}
	}
	s.activate(s.store("2030.2", "0.10"))
	s.pass(ruleset.RefreshInterval)
	s.computes("1800.00")
	if here, err := s.CorpusWith(t.Context(), pack, embedded); err != nil || withheld(t, here) != "1600.00" {
		t.Errorf("the version in the binary: %v", err)
	}
	for _, name := range [][2]string{{pack, "1999.1"}, {"990000", "2030.1"}} {
		if _, err := s.CorpusWith(t.Context(), name[0], name[1]); !fault.HasCode(err, fault.NotFound) {
			t.Errorf("%s@%s: %v", name[0], name[1], err)
		}
	}
	s.computes("1800.00")
}
