package contractcheck

import (
	"strings"
	"testing"
)

const contract = `contract:
  creator_id: c001
  paying_entity: ent-1
  from: "2026-01-01"
  routes: {xingtu_ad: mcn_pays}
  splits:
    xingtu_ad:
      method: ratio
      parties:
        - {party: creator, kind: creator, share: "0.7"}
        - {party: mcn, kind: mcn, share: "0.3"}
  cycle: month
  price_basis: before_tax
  revenue_basis: net
`

func TestRun(t *testing.T) {
	f, err := ReadFile([]byte(contract + `examples:
  - {says: "70% of 100", income_type: xingtu_ad, distributable: "100.00", expect: {creator: "70.00", mcn: "30.00"}}
  - {says: "wrong", income_type: xingtu_ad, distributable: "100.00", expect: {creator: "71.00", mcn: "29.00"}}
  - {says: "a party left out", income_type: xingtu_ad, distributable: "100.00", expect: {creator: "70.00"}}
  - {says: "no such income", income_type: live_tip, distributable: "100.00", expect: {}}
`))
	if err != nil {
		t.Fatal(err)
	}
	got := CheckExamples(f)
	for i, want := range []string{"", "creator gets 70.00, expected 71.00; mcn gets 30.00, expected 29.00", "mcn gets 30.00, expected 0.00", "the contract has no split for live_tip"} {
		if text := strings.Join(got[i].Differs, "; "); text != want {
			t.Errorf("%s: %q, want %q", got[i].Says, text, want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no YAML":           "\t:",
		"an unknown field":  contract + "examples: [{says: x, income: y}]\n",
		"no examples":       contract,
		"a broken contract": strings.Replace(contract, `"0.3"`, `"0.4"`, 1) + "examples: [{says: x}]\n",
	} {
		if _, err := ReadFile([]byte(text)); err == nil {
			t.Errorf("%s is read", name)
		}
	}
}
