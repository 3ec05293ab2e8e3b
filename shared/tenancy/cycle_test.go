package tenancy

import (
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/money"
)

func TestTermsOfTheCycle(t *testing.T) {
	good := func() Contract {
		return Contract{Version: Version{From: day("2026-01-01")}, ContractID: "ct", CreatorID: "c", PayingEntity: "e", Cycle: Monthly,
			Routes: map[string]string{"live_tip": PlatformPaysCreator}, PriceBasis: "before_tax", RevenueBasis: "net"}
	}
	for name, c := range map[string]struct {
		change func(*Contract)
		fields string
	}{
		"month with both days":          {func(k *Contract) { k.CutOffDay, k.PayDay, k.PayDayMoves = 5, 15, MovesPrevious }, ""},
		"month with days after":         {func(k *Contract) { k.CutOffAfterDays, k.PayAfterDays = 3, 10 }, ""},
		"week with working days":        {func(k *Contract) { k.Cycle, k.PayAfterWorkingDays = Weekly, 3 }, ""},
		"on demand":                     {func(k *Contract) { k.Cycle, k.PayAfterDays = OnDemand, 2 }, ""},
		"minimum with an end":           {func(k *Contract) { k.MinimumPayout, k.MinimumPayoutMonths = money.Yuan(50), 3 }, ""},
		"left before the end":           {func(k *Contract) { k.To, k.LeftOn = day("2026-12-31"), day("2026-08-31") }, ""},
		"statements":                    {func(k *Contract) { k.AcceptAfterDays, k.ConfirmBeforePayment = 7, true }, ""},
		"another cycle":                 {func(k *Contract) { k.Cycle = "year" }, "cycle"},
		"half month with a pay day":     {func(k *Contract) { k.Cycle, k.PayDay, k.CutOffDay = HalfMonth, 15, 5 }, "cut_off_day pay_day"},
		"cut-off after the pay day":     {func(k *Contract) { k.CutOffDay, k.PayDay = 20, 15 }, "cut_off_day"},
		"cut-off after the pay days":    {func(k *Contract) { k.Cycle, k.CutOffAfterDays, k.PayAfterDays = Daily, 5, 3 }, "cut_off_after_days"},
		"a cut-off on demand":           {func(k *Contract) { k.Cycle, k.CutOffAfterDays = OnDemand, 5 }, "cut_off_after_days"},
		"two pay days":                  {func(k *Contract) { k.PayDay, k.PayAfterDays = 15, 3 }, "pay_day"},
		"moves anywhere":                {func(k *Contract) { k.PayDayMoves = "nearest" }, "pay_day_moves"},
		"an end without a minimum":      {func(k *Contract) { k.MinimumPayoutMonths = 3 }, "minimum_payout_months"},
		"left before it began":          {func(k *Contract) { k.LeftOn = day("2025-12-31") }, "left_on"},
		"left after it ended":           {func(k *Contract) { k.To, k.LeftOn = day("2026-06-30"), day("2026-07-01") }, "left_on"},
		"numbers without any end":       {func(k *Contract) { k.AcceptAfterDays, k.CutOffAfterDays, k.PayAfterDays = 91, -1, 400 }, "accept_after_days cut_off_after_days pay_after_days"},
		"working days without any end":  {func(k *Contract) { k.PayAfterWorkingDays = 251 }, "pay_after_working_days"},
		"carried for more than a year":  {func(k *Contract) { k.MinimumPayout, k.MinimumPayoutMonths = money.Yuan(1), 13 }, "minimum_payout_months"},
		"a minimum below zero, no less": {func(k *Contract) { k.MinimumPayout = money.Fen(-1) }, "minimum_payout"},
	} {
		t.Run(name, func(t *testing.T) {
			k := good()
			c.change(&k)
			var got []string
			for _, f := range k.Problems() {
				got = append(got, f.Field)
			}
			slices.Sort(got)
			if strings.Join(got, " ") != c.fields {
				t.Errorf("told %v, want %q", got, c.fields)
			}
		})
	}
}
