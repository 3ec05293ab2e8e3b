package tenancy_test

import (
	"slices"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/tenancy"
)

func TestWhatSpeaksAgainstOnePerson(t *testing.T) {
	here := tenancy.Profile{From: civil.MustDate("2026-01-01"), Kind: "natural_person", Resident: true, VAT: "natural_person", Collection: "withheld", Jurisdiction: "330100"}
	later := here
	later.From, later.Resident = civil.MustDate("2026-07-01"), false
	there := here
	there.From, there.Kind, there.Jurisdiction = civil.MustDate("2026-03-01"), "employee", ""
	paper := here
	paper.Papers = []tenancy.Paper{{Name: "x"}}
	for name, c := range map[string]struct {
		t, into tenancy.Taxpayer
		want    []string
	}{
		"the same":            {tenancy.Taxpayer{IDType: "208", Profiles: []tenancy.Profile{here}}, tenancy.Taxpayer{IDType: "201", Profiles: []tenancy.Profile{here}}, nil},
		"two passports":       {tenancy.Taxpayer{IDType: "208", Profiles: []tenancy.Profile{here}}, tenancy.Taxpayer{IDType: "208", Profiles: []tenancy.Profile{paper}}, nil},
		"two citizen cards":   {tenancy.Taxpayer{IDType: "201", Profiles: []tenancy.Profile{here}}, tenancy.Taxpayer{IDType: "201", Profiles: []tenancy.Profile{here}}, []string{"id_type"}},
		"everything at once":  {tenancy.Taxpayer{IDType: "uscc", Profiles: []tenancy.Profile{here}}, tenancy.Taxpayer{IDType: "uscc", Profiles: []tenancy.Profile{there}}, []string{"id_type", "profiles.kind", "profiles.jurisdiction"}},
		"from a later day on": {tenancy.Taxpayer{IDType: "208", Profiles: []tenancy.Profile{here, later}}, tenancy.Taxpayer{IDType: "201", Profiles: []tenancy.Profile{here}}, []string{"profiles.resident"}},
		"never at once":       {tenancy.Taxpayer{IDType: "208"}, tenancy.Taxpayer{IDType: "201", Profiles: []tenancy.Profile{here}}, nil},
	} {
		var got []string
		for _, p := range tenancy.MergeProblems(c.t, c.into) {
			got = append(got, p.Field)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
