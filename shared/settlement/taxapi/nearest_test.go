package taxapi

import (
	"slices"
	"testing"

	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

func TestNearestStandsOnBothSidesOfTheNet(t *testing.T) {
	yuan := money.MustParse
	below := tax.Result{Gross: yuan("101000.00"), Net: yuan("99000.00")}
	above := tax.PaymentNet{Amount: yuan("101000.01"), Gross: yuan("101000.01"), Net: yuan("99000.02")}
	for name, c := range map[string]struct {
		g    tax.GrossUp
		want []grossAndNet
	}{
		"an exact gross":         {tax.GrossUp{Result: below, Exact: true}, nil},
		"between two":            {tax.GrossUp{Result: below, Above: &above}, []grossAndNet{{below.Gross, below.Net}, {above.Gross, above.Net}}},
		"below the smallest":     {tax.GrossUp{Result: tax.Result{Gross: above.Gross, Net: above.Net}, Above: &above}, []grossAndNet{{above.Gross, above.Net}}},
		"the last before a fall": {tax.GrossUp{Result: below}, []grossAndNet{{below.Gross, below.Net}}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := nearestGross(c.g, yuan("99000.01")); !slices.Equal(got, c.want) {
				t.Errorf("%v", got)
			}
		})
	}
}
