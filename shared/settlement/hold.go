package settlement

import (
	"context"
	"math"
	"slices"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/identity"
	"fenzhang/shared/settlement/reason"
)

// waive remembers that a person has released a kind of hold, so that its cause does not set it
// again.
func (s Settlement) waive(kind string) Settlement {
	if !s.waived(kind) {
		s.Waived = append(slices.Clip(s.Waived), kind)
	}
	return s
}

func (s Settlement) waived(kind string) bool { return slices.Contains(s.Waived, kind) }

// rank is the place of a hold in the order of precedence: what a person has set, then as the table
// of holds has it.
func (h *Hold) rank() int {
	switch {
	case h == nil:
		return math.MaxInt
	case h.ByHand:
		return -1
	}
	return reason.HoldRank(h.Reason)
}

// held gives s the hold that comes first of h and the one that stands; of two of one kind it is h.
// A cause that does not show is found again when the hold before it ends.
func (s Settlement) held(h *Hold) Settlement {
	if h.rank() <= s.Hold.rank() {
		s.Hold = h
	}
	return s
}

// HeldAfter dates the hold of s, which is about to be written over old: a hold of another reason
// begins with the write.
func (s Settlement) HeldAfter(old *Settlement) Settlement {
	switch {
	case s.Hold == nil:
		s.HeldSince = time.Time{}
	case old == nil || old.Hold == nil || old.Hold.Reason != s.Hold.Reason:
		s.HeldSince = s.LastUpdated
	default:
		s.HeldSince = old.HeldSince
	}
	return s
}

// withCauses looks up again what holds back a payment on a day: papers that the payee lacks and,
// when the payment is near, the platform's money and the check of the account. Those two are asked
// outside, so not before booking is due.
func (s *Service) withCauses(ctx context.Context, st Settlement, on civil.Date,
	near bool) (Settlement, error) {
	st.Lacks, st.Awaits = "", ""
	if s.Checks.Policy != nil {
		rules, err := s.rulesOf(ctx, st.Tenant)
		if err != nil {
			return st, err
		}
		payer, err := s.Directory.Taxpayer(ctx, st.Tenant, st.TaxpayerID)
		if err != nil {
			return st, err
		}
		if profile, ok := payer.ProfileOn(on); ok {
			st.Lacks = rules.MissingPaper(profile, st.Route, on)
		}
	}
	if !near {
		return st, nil
	}
	var err error
	st.Awaits, err = s.unmetCause(ctx, st)
	return st, err
}

// unmetCause names the hold of the first outside cause that is not met: money before account.
func (s *Service) unmetCause(ctx context.Context, st Settlement) (string, error) {
	if c := s.Checks.Receipts; c != nil && !st.waived(HoldReceipt) {
		if ok, err := c.Arrived(ctx, st); err != nil || !ok {
			return HoldReceipt, err
		}
	}
	if c := s.Checks.Accounts; c != nil && !st.waived(HoldAccount) {
		if ok, err := c.Checked(ctx, st); err != nil || !ok {
			return HoldAccount, err
		}
	}
	return "", nil
}

// holdBeforeBooking writes the hold whose cause keeps s from being booked today; false where there
// is none.
func (s *Service) holdBeforeBooking(ctx context.Context, st Settlement, today civil.Date,
	by string) (bool, error) {
	now, err := s.withCauses(ctx, st, today, true)
	if err != nil {
		return false, err
	}
	h := now.waitsFor()
	if h == nil {
		return false, nil
	}
	n := now.stamp(Act{ID: s.NewID(), Name: "settlement.held", By: by, Reason: h.Reason},
		s.Clock.Instant())
	n.Hold = h
	return true, s.Store.Apply(ctx, Change{Old: &st, New: n})
}

// asksAgain is true of holds whose cause the system looks up again by itself.
func (s Settlement) asksAgain() bool {
	if s.Hold == nil || s.Hold.ByHand {
		return false
	}
	return s.Hold.Reason == HoldPaper || s.Hold.Reason == HoldReceipt || s.Hold.Reason == HoldAccount
}

// askAgain ends a hold whose cause is gone, or sets the next one; while the cause stands nothing is
// written.
func (s *Service) askAgain(ctx context.Context, st Settlement) error {
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return fault.Later(err)
	}
	fresh, err := s.withCauses(ctx, st, laterDate(st.PayOn, today), st.Hold.Reason != HoldPaper ||
		st.Status == Approved)
	if err != nil {
		return err
	}
	h := fresh.waitsFor()
	if h != nil && *h == *st.Hold {
		return nil
	}
	n := fresh.stamp(Act{ID: s.NewID(), Name: "settlement.released", By: "system:advance-settlement",
		Reason: st.Hold.Reason + ": the cause is gone"}, s.Clock.Instant())
	n.Hold = h
	return s.Store.Apply(ctx, Change{Old: &st, New: n})
}

// mayRelease refuses roles that the table of holds does not name.
func mayRelease(by identity.Principal, h *Hold) error {
	if h == nil {
		return nil // what cannot be released says so itself
	}
	roles := reason.FindHold(h.Reason).Release
	if len(roles) == 0 || slices.ContainsFunc(roles, func(r string) bool {
		return by.Has(identity.Role(r))
	}) {
		return nil
	}
	return fault.New(fault.Forbidden, "hold_owner",
		"A hold "+h.Reason+" is released by finance or an administrator.")
}
