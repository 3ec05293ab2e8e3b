package settlement

import (
	"context"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
)

// Intent is what a person wants to do to a settlement: who, which settlement, and the version of
// its status that the person has read.
type Intent struct {
	By      identity.Principal
	ID      string
	Version int
	Reason  string
}

// decideAndApply loads a settlement that the caller may see, lets decide make a change of it and
// writes the change. When another write came first it loads and decides again; decide compares the
// version that the caller has read, so that nobody decides on a status that was not seen.
func (s *Service) decideAndApply(ctx context.Context, in Intent, name string,
	decide func(Settlement, Act) (Change, error)) (Settlement, error) {
	return optimistic.RetryValue(ctx, func() (Settlement, error) {
		a := Act{ID: s.NewID(), Name: name, By: in.By.Subject, Reason: in.Reason}
		st, err := s.Read(ctx, in.By, in.ID)
		if err != nil {
			return Settlement{}, err
		}
		st, _ = s.withFinalDates(st)
		c, err := decide(st, a)
		if err != nil {
			return Settlement{}, err
		}
		c.New.Arrival = s.expectedArrival(ctx, c.New)
		c.New = c.New.WithHoldDate(c.Old)
		return c.New, s.Store.Apply(ctx, c)
	})
}

// Read loads a settlement for a caller. The error is fault.MissingObject also where the caller may
// not see the settlement, so that ids cannot be probed.
func (s *Service) Read(ctx context.Context, by identity.Principal, id string) (Settlement, error) {
	st, err := s.Store.Load(ctx, by.Tenant, ident.Settlement(id))
	if err != nil {
		return Settlement{}, err
	}
	if !by.CanSee(st.CreatorID) {
		return Settlement{}, fault.MissingObject("settlement")
	}
	return st, nil
}

// settlementChange turns a function that changes a settlement into a decision whose Change writes
// the settlement and nothing else.
func settlementChange(move func(Settlement, Act) (Settlement, error)) func(Settlement,
	Act) (Change, error) {
	return func(st Settlement, a Act) (Change, error) {
		n, err := move(st, a)
		return Change{Old: &st, New: n}, err
	}
}

// IsRepeat reports whether an earlier call of the same person has made the intended move already:
// the history has the move after the version of the intent, or the person's approval is recorded.
func (in Intent) IsRepeat(s Settlement, to Status) bool {
	if to == Approved && s.Status == InReview && s.StatusVersion == in.Version &&
		s.approvedBy(in.By.Subject) {
		return true
	}
	n := in.Version - 1 // the first move leaves version 1
	return n >= 0 && n < len(s.History) && s.History[n].To == to &&
		(s.History[n].By == in.By.Subject || (to == Approved && s.approvedBy(in.By.Subject)))
}

// Transition moves a settlement to a status that a person may choose: IN_REVIEW, APPROVED or, by
// rejecting it, FAILED.
func (s *Service) Transition(ctx context.Context, in Intent, to Status) (Settlement, error) {
	now := s.Clock.Instant()
	switch to {
	case InReview:
		if err := RefuseCashier(in.By); err != nil {
			return Settlement{}, err
		}
		return s.decideAndApply(ctx, in, "settlement.submitted",
			settlementChange(func(st Settlement, a Act) (Settlement, error) {
				n, err := st.Submit(in.Version, a, now)
				if err != nil {
					return n, err
				}
				return s.withReview(ctx, n)
			}))
	case Approved:
		return s.approve(ctx, in, now)
	case Failed:
		return s.reject(ctx, in, now)
	default: // only the system makes the other moves; they are refused below
	}
	return s.decideAndApply(ctx, in, "settlement.moved", func(st Settlement, _ Act) (Change, error) {
		return Change{}, fault.New(fault.IllegalMove, "illegal_transition",
			"Nobody moves a settlement to "+string(to)+" by hand; it is "+string(st.Status)+".")
	})
}

// approve gives the caller's approval to a settlement.
func (s *Service) approve(ctx context.Context, in Intent, now time.Time) (Settlement, error) {
	return s.decideAndApply(ctx, in, "settlement.approved",
		settlementChange(func(st Settlement, a Act) (Settlement, error) {
			// whoever changed the master data since the opening may not approve either
			st, err := s.withMasterDataMakers(ctx, st)
			if err != nil {
				return st, err
			}
			return st.Approve(in.Version, a, now)
		}))
}

// reject moves a settlement from IN_REVIEW to FAILED for an approver and reverses its opening.
func (s *Service) reject(ctx context.Context, in Intent, now time.Time) (Settlement, error) {
	return s.decideAndApply(ctx, in, "settlement.rejected",
		func(was Settlement, a Act) (Change, error) {
			st, err := s.withMasterDataMakers(ctx, was)
			if err != nil {
				return Change{}, err
			}
			// a first try without the opening finds a refusal before anything is read from the ledger
			if _, err := st.Reject(in.Version, a, ledger.Entry{}, now); err != nil {
				return Change{}, err
			}
			b, err := s.readBookingFacts(ctx, st)
			if err != nil {
				return Change{}, err
			}
			return st.Reject(in.Version, a, b.opening, now)
		})
}

// onlyAtVersion is settlementChange for a caller who must have read version v of the status.
func onlyAtVersion(v int, move func(Settlement, Act) (Settlement, error)) func(Settlement,
	Act) (Change, error) {
	return settlementChange(func(st Settlement, a Act) (Settlement, error) {
		n, err := move(st, a)
		if err != nil {
			return n, err
		}
		return n, st.requireVersion(v)
	})
}

// PutOnHold stops a settlement before its money is sent. A hold that another person has set is
// replaced only by a caller who may release it.
func (s *Service) PutOnHold(ctx context.Context, in Intent, h Hold) (Settlement, error) {
	return s.decideAndApply(ctx, in, "settlement.held",
		onlyAtVersion(in.Version, func(st Settlement, a Act) (Settlement, error) {
			if st.Hold != nil && st.Hold.ByHand {
				if err := requireReleaseRole(in.By, st.Hold); err != nil {
					return st, err
				}
			}
			return st.PlaceHold(h, a, s.Clock.Instant())
		}))
}

// ReleaseHold ends the hold of a settlement.
func (s *Service) ReleaseHold(ctx context.Context, in Intent) (Settlement, error) {
	if err := RefuseCashier(in.By); err != nil {
		return Settlement{}, err
	}
	return s.decideAndApply(ctx, in, "settlement.released",
		onlyAtVersion(in.Version, func(st Settlement, a Act) (Settlement, error) {
			if err := requireReleaseRole(in.By, st.Hold); err != nil {
				return st, err
			}
			return st.EndHold(a, s.Clock.Instant())
		}))
}

// ConfirmNet lets an approver accept a net that fell after the approval, so that the settlement is
// paid.
func (s *Service) ConfirmNet(ctx context.Context, in Intent, net money.Amount) (Settlement, error) {
	return s.decideAndApply(ctx, in, "settlement.net_confirmed",
		onlyAtVersion(in.Version, func(st Settlement, a Act) (Settlement, error) {
			return st.ConfirmChangedNet(net, a, s.Clock.Instant())
		}))
}

// InvoicePaper is an invoice that a payee has handed in.
type InvoicePaper struct {
	Number     string       `json:"number"`
	IssuedOn   civil.Date   `json:"issued_on"`
	Amount     money.Amount `json:"amount"`
	FileSHA256 string       `json:"file_sha256"`
}

// RecordInvoice stores the payee's invoice, which must be over the creator's share, and ends the
// hold that waits for the invoice.
func (s *Service) RecordInvoice(ctx context.Context, in Intent,
	paper InvoicePaper) (Settlement, error) {
	if err := RefuseCashier(in.By); err != nil {
		return Settlement{}, err
	}
	return s.decideAndApply(ctx, in, "settlement.invoice_received",
		onlyAtVersion(in.Version, func(st Settlement, a Act) (Settlement, error) {
			return st.RecordInvoice(paper, a, s.Clock.Instant())
		}))
}

// Cancel moves a settlement to FAILED after its approval and before its money is sent. From
// APPROVED it takes two writes, to PAYING and to FAILED, because the state machine has no direct
// way; FinishCancel makes the second one if this call dies between them.
func (s *Service) Cancel(ctx context.Context, in Intent) (Settlement, error) {
	in.Reason = CancelledBeforeSend + ": " + in.Reason
	st, err := s.Read(ctx, in.By, in.ID)
	if err != nil {
		return Settlement{}, err
	}
	if err := st.refuseCancel(in.Version); err != nil {
		return Settlement{}, err
	}
	if st.Status == Approved {
		if err := s.startCancel(ctx, in); err != nil {
			return Settlement{}, err
		}
		in.Version++ // startCancel has raised the version of the status by one
	}
	return s.decideAndApply(ctx, in, "settlement.cancelled",
		func(x Settlement, a Act) (Change, error) {
			if err := firstError(x.refusePreparer(a.By), x.requireVersion(in.Version),
				s.refuseSettledParties(ctx, x)); err != nil {
				return Change{}, err
			}
			b, err := s.readBookingFacts(ctx, x)
			if err != nil {
				return Change{}, err
			}
			return x.CancelPaying(b, a, s.Clock.Instant())
		})
}

// refuseCancel refuses the cancellation of a settlement that is not approved or whose tax is in a
// filed return, and a caller who has read another version than seen.
func (s Settlement) refuseCancel(seen int) error {
	switch {
	case s.Status != Approved && s.Status != Paying:
		return fault.New(fault.IllegalMove, "illegal_transition", "Only an approved "+
			"settlement, or one being paid whose money was not sent, is cancelled; this one is "+
			string(s.Status)+".")
	case s.StatusVersion != seen:
		return s.requireVersion(seen)
	case s.Carries != "" || s.Kept:
		return monthFiled()
	}
	return nil
}

// startCancel makes the first write of the cancellation of an approved settlement, to PAYING. No
// payout exists then; the reason class marks the settlement for FinishCancel.
func (s *Service) startCancel(ctx context.Context, in Intent) error {
	_, err := s.decideAndApply(ctx, in, "settlement.cancelling",
		settlementChange(func(x Settlement, a Act) (Settlement, error) {
			if err := firstError(x.refusePreparer(a.By), x.requireTransition(Paying),
				x.requireVersion(in.Version), s.refuseSettledParties(ctx, x)); err != nil {
				return x, err
			}
			n := x.moveToPayingUnbooked(a, s.Clock.Instant())
			n.ReasonClass = Cancelled
			return n, nil
		}))
	return err
}

// FinishCancel makes the second write of a cancellation whose call died after the first one. Any
// other settlement stays as it is.
func (s *Service) FinishCancel(ctx context.Context, tenant ident.Tenant,
	id ident.Settlement) error {
	st, err := s.Store.Load(ctx, tenant, id)
	if err != nil || st.Status != Paying || st.ReasonClass != Cancelled {
		return err
	}
	b, err := s.readBookingFacts(ctx, st)
	if err != nil {
		return err
	}
	c, err := st.CancelPaying(b,
		Act{ID: s.NewID(), Name: "settlement.cancelled", By: "system:advance-settlement",
			Reason: CancelledBeforeSend}, s.Clock.Instant())
	if err != nil {
		return err
	}
	return s.Store.Apply(ctx, c)
}

// firstError returns the first error that is not nil.
func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Reopen opens the next occurrence of a payable whose payout failed or was returned. Where the
// month of the old booking is filed, the new occurrence pays the net of that booking and is not
// taxed again.
func (s *Service) Reopen(ctx context.Context, in Intent) (Settlement, error) {
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return Settlement{}, fault.Temporary(err)
	}
	return s.decideAndApply(ctx, in, "settlement.reopened",
		func(st Settlement, a Act) (Change, error) {
			if err := firstError(st.refusePreparer(a.By), st.RefuseReopening(),
				st.requireVersion(in.Version)); err != nil {
				return Change{}, err
			}
			b, err := s.readBookingFacts(ctx, st)
			if err != nil {
				return Change{}, err
			}
			fresh := s.OpeningChange(st.nextOccurrence(today), a).New
			if !st.keepsBooking(b) {
				return st.Reopen(fresh, b, a, s.Clock.Instant())
			}
			f, err := s.Store.Figures(ctx, st.Tenant, st.ID, st.Booking)
			if err != nil {
				return Change{}, err
			}
			fresh, f = fresh.carryFigures(st, f)
			c, err := st.Reopen(fresh, b, a, s.Clock.Instant())
			c.Figures = &f
			return c, err
		})
}

// expectedArrival returns when the money of a settlement is expected: not before today, unchanged
// after payment, and the zero time when it has failed.
func (s *Service) expectedArrival(ctx context.Context, n Settlement) time.Time {
	switch n.Status {
	case Failed:
		return time.Time{}
	case Paid:
		return n.Arrival
	default: // the others still wait for their pay day
	}
	if today, err := s.Clock.Today(ctx); err == nil {
		n.PayOn = laterDate(n.PayOn, today)
	}
	return s.arrivalWhenOpen(n)
}
