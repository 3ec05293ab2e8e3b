package taxpack_test

import (
	"errors"
	"testing"

	"fenzhang/rules"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/money"
	"fenzhang/shared/tax"
	"fenzhang/shared/taxpack"
)

// A province's own reduction of the cultural fee is taken from its pack; where it is open, a tax position may say it.
func TestLocalReductionOfTheCulturalFee(t *testing.T) {
	corpus, err := taxpack.LoadCorpus(nationalFS(t), rules.Jurisdictions()...)
	if err != nil {
		t.Fatal(err)
	}
	position := func(rule, reading string) []tax.Position {
		return []tax.Position{{ID: "p1", Rule: rule, Reading: reading}}
	}
	tests := []struct {
		name, place, day string
		positions        []tax.Position
		want, gap        string
	}{
		{"the rate of a province", "440000", "2026-06-30", nil, "15.00", ""},
		{"restated by a page", "140000", "2026-06-30", nil, "15.00", ""},
		{"before it became open", "110000", "2024-06-30", nil, "15.00", ""},
		{"open in the province", "110000", "2026-06-30", nil, "", "fee.cultural.local_reduction@110000"},
		{"open everywhere", "310000", "2026-06-30", nil, "", "fee.cultural.local_reduction@310000"},
		{"by position", "110000", "2026-06-30", position("fee.cultural.local_reduction@110000", "0.20"), "24.00", ""},
		{"by the position of another place", "110000", "2026-06-30", position("fee.cultural.local_reduction@310000", "0.20"), "", "fee.cultural.local_reduction@110000"},
		{"by a position above the limit", "110000", "2026-06-30", position("fee.cultural.local_reduction@110000", "0.60"), "", ""},
		{"by a position without a rate", "110000", "2026-06-30", position("fee.cultural.local_reduction@110000", "half"), "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := corpus.At(tt.place)
			if err != nil {
				t.Fatal(err)
			}
			x, err := e.CulturalFee(civil.MustDate(tt.day), tax.FeeReturn{Service: "advertising", Revenue: money.Yuan(1000), Local: true, Positions: tt.positions})
			var gap *tax.Gap
			switch {
			case tt.want != "":
				if err != nil || x.Fee.String() != tt.want || len(x.Rules.Positions) != len(tt.positions) {
					t.Errorf("fee %s by %v, %v", x.Fee, x.Rules.Positions, err)
				}
			case tt.gap != "":
				if !errors.As(err, &gap) || gap.Rule != tt.gap {
					t.Errorf("want the gap of %s, got %v", tt.gap, err)
				}
			default:
				if !fault.HasCode(err, fault.InvalidInput) {
					t.Errorf("want a refusal, got %v", err)
				}
			}
		})
	}
}
