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

// waiveHold records that a person has released a hold of this reason, so that its cause does not
// set the hold again.
func (s Settlement) waiveHold(kind string) Settlement {
	if !s.isHoldWaived(kind) {
		s.Waived = append(slices.Clip(s.Waived), kind)
	}
	return s
}

// isHoldWaived reports whether a person has released a hold of this reason.
func (s Settlement) isHoldWaived(kind string) bool { return slices.Contains(s.Waived, kind) }

// precedence is the place of a hold in the order of precedence, lowest first: a hold that a person
// has set, then the order of the table of holds in package reason, last no hold.
func (h *Hold) precedence() int {
	switch {
	case h == nil:
		return math.MaxInt
	case h.ByHand:
		return -1
	}
	return reason.HoldRank(h.Reason)
}

// withHold sets hold h on s unless the present hold has precedence. The cause of a hold that is not
// set is found again when the present hold ends.
func (s Settlement) withHold(h *Hold) Settlement {
	if h.precedence() <= s.Hold.precedence() {
		s.Hold = h
	}
	return s
}

// WithHoldDate sets the instant at which the hold of s began. s is about to replace old: a hold
// with another reason than that of old begins with this write.
func (s Settlement) WithHoldDate(old *Settlement) Settlement {
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

// withHoldCauses looks up the causes of holds for a payment on a day: papers that the payee lacks
// and, when the payment is near, whether the platform's money has arrived and the payout account
// was verified. The last two are calls to other systems and are made only when booking is due.
func (s *Service) withHoldCauses(ctx context.Context, st Settlement, on civil.Date,
	near bool) (Settlement, error) {
	st.Lacks, st.Awaits = "", ""
	if s.Checks.Policy != nil {
		rules, err := s.reviewRules(ctx, st.Tenant)
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
	st.Awaits, err = s.findUnmetCause(ctx, st)
	return st, err
}

// findUnmetCause returns the hold reason of the first condition outside this system that is not
// met: the arrival of the platform's money, then the verification of the account.
func (s *Service) findUnmetCause(ctx context.Context, st Settlement) (string, error) {
	if c := s.Checks.Receipts; c != nil && !st.isHoldWaived(HoldReceipt) {
		if ok, err := c.Arrived(ctx, st); err != nil || !ok {
			return HoldReceipt, err
		}
	}
	if c := s.Checks.Accounts; c != nil && !st.isHoldWaived(HoldAccount) {
		if ok, err := c.Checked(ctx, st); err != nil || !ok {
			return HoldAccount, err
		}
	}
	return "", nil
}

// holdBeforeBooking looks up the causes of holds just before booking and writes the hold that they
// require. It returns false when the settlement may be booked.
func (s *Service) holdBeforeBooking(ctx context.Context, st Settlement, today civil.Date,
	by string) (bool, error) {
	now, err := s.withHoldCauses(ctx, st, today, true)
	if err != nil {
		return false, err
	}
	h := now.holdByFacts()
	if h == nil {
		return false, nil
	}
	n := now.withAct(Act{ID: s.NewID(), Name: "settlement.held", By: by, Reason: h.Reason},
		s.Clock.Instant())
	n.Hold = h
	return true, s.Store.Apply(ctx, Change{Old: &st, New: n})
}

// isHoldRechecked reports whether the system looks up the cause of the present hold again by
// itself.
func (s Settlement) isHoldRechecked() bool {
	if s.Hold == nil || s.Hold.ByHand {
		return false
	}
	return s.Hold.Reason == HoldPaper || s.Hold.Reason == HoldReceipt || s.Hold.Reason == HoldAccount
}

// recheckHold looks up the cause of the present hold again. It ends the hold when the cause is
// gone, or sets the next hold; while the cause remains it writes nothing.
func (s *Service) recheckHold(ctx context.Context, st Settlement) error {
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return fault.Temporary(err)
	}
	fresh, err := s.withHoldCauses(ctx, st, laterDate(st.PayOn, today), st.Hold.Reason != HoldPaper ||
		st.Status == Approved)
	if err != nil {
		return err
	}
	h := fresh.holdByFacts()
	if h != nil && *h == *st.Hold {
		return nil
	}
	n := fresh.withAct(Act{ID: s.NewID(), Name: "settlement.released", By: "system:advance-settlement",
		Reason: st.Hold.Reason + ": the cause is gone"}, s.Clock.Instant())
	n.Hold = h
	return s.Store.Apply(ctx, Change{Old: &st, New: n})
}

// requireReleaseRole refuses a caller none of whose roles may release the hold by the table of
// holds in package reason.
func requireReleaseRole(by identity.Principal, h *Hold) error {
	if h == nil {
		return nil // EndHold refuses a settlement that is not on hold
	}
	roles := reason.FindHold(h.Reason).Release
	if len(roles) == 0 || slices.ContainsFunc(roles, func(r string) bool {
		return by.HasRole(identity.Role(r))
	}) {
		return nil
	}
	return fault.New(fault.Forbidden, "hold_owner",
		"A hold "+h.Reason+" is released by finance or an administrator.")
}
