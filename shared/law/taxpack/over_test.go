package taxpack_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"fenzhang/rules"
	"fenzhang/shared/civil"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
)

// The quick way of a running function and the thorough one of publishing give the same rules at every place.
func TestLoadOverIsLoadCorpus(t *testing.T) {
	national, err := ruletest.PackWithCostRate("2030.1", "0.30")
	if err != nil {
		t.Fatal(err)
	}
	local, err := ruletest.PackWithLocalRate("330000", "2030.2", "0.01")
	if err != nil {
		t.Fatal(err)
	}
	quick, err := taxpack.LoadOverEmbedded(national, local)
	if err != nil {
		t.Fatal(err)
	}
	others := rules.JurisdictionPacks()
	for i, files := range others {
		id, err := rulepack.IdentifyPack(files)
		if err != nil {
			t.Fatal(err)
		}
		if id.Pack == "330000" {
			others[i] = local
		}
	}
	thorough, err := taxpack.LoadCorpus(national, others...)
	if err != nil {
		t.Fatal(err)
	}
	same(t, quick, thorough)
	if len(quick.PackIDs()) != len(others)+1 {
		t.Errorf("packs %v", quick.PackIDs())
	}
}

func same(t *testing.T, a, b *tax.Corpus) {
	t.Helper()
	if x, y := fmt.Sprint(a.PackIDs()), fmt.Sprint(b.PackIDs()); x != y {
		t.Errorf("packs %s, then %s", x, y)
	}
	for _, j := range b.Jurisdictions() {
		for _, day := range []string{"2025-12-31", "2026-10-20", "2026-11-16", "2028-01-01"} {
			if on := civil.MustDate(day); book(t, a, j.Code, on) != book(t, b, j.Code, on) {
				t.Errorf("%s differs on %s", j.Code, day)
			}
		}
	}
}

// book is all that holds at a place on a day.
func book(t *testing.T, c *tax.Corpus, place string, on civil.Date) string {
	t.Helper()
	e, err := c.EngineAt(place)
	if err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(e.Rulebook(on))
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func TestLoadOverTakesNothingBroken(t *testing.T) {
	national, err := ruletest.PackWithCostRate("2030.1", "0.30")
	if err != nil {
		t.Fatal(err)
	}
	delete(national, "iit/brackets_labor.yaml")
	if _, err := taxpack.LoadOverEmbedded(national); err == nil {
		t.Error("a national pack without a table was taken")
	}
	local, err := ruletest.PackWithLocalRate("330000", "2030.2", "2")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := taxpack.LoadOverEmbedded(nil, local); err == nil {
		t.Error("a rate of 2 was taken")
	}
}
