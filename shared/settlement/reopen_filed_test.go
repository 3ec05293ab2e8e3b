package settlement

import (
	"testing"
	"time"

	"fenzhang/shared/ident"
	"fenzhang/shared/payout"
)

// A booking that was taken back when its payout failed is not kept by a return that is filed before the reopening; one
// that still stands is.
func TestAFiledReturnKeepsOnlyABookingThatStands(t *testing.T) {
	now, a := time.UnixMilli(1), Act{ID: "a", By: "approver@x"}
	failed, returned, kept := paying(), paying(), paying()
	failed.Status, failed.ReasonClass, failed.Payout.State = Failed, PaymentFailed, payout.Failed
	returned.Status, returned.Payout.State = Paid, payout.Returned
	kept.Status, kept.ReasonClass, kept.Kept = Failed, PaymentFailed, true
	for name, c := range map[string]struct {
		old  Settlement
		kept bool
	}{"taken back": {failed, false}, "paid and returned": {returned, true}, "kept when it failed": {kept, true}} {
		fresh := Settlement{Opening: Opening{ID: "s-2"}}
		if c.kept {
			fresh.Carries = ident.Settlement(c.old.ID)
		}
		got, err := c.old.Reopen(fresh, booked{filed: true}, a, now)
		if err != nil || got.Also.Kept != c.kept || got.Also.IsBooked() != c.kept {
			t.Errorf("%s: kept %v, stands %v (%v)", name, got.Also.Kept, got.Also.IsBooked(), err)
		}
	}
}
