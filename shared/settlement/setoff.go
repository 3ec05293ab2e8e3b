package settlement

import (
	"context"
	"slices"
	"time"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement/receivable"
)

// ShortfallPrefix begins the id of a receivable for tax that exceeded the net of a settlement.
const ShortfallPrefix = "tax-"

// actRebooked is the name of the act that books a settlement again.
const actRebooked = "settlement.rebooked"

// planSetOffs plans the set-offs from the net of s. The settlements in ahead, which were opened
// before s, count as booked: their planned set-offs reduce the open claims, and the tax that
// exceeds their net adds a claim.
func (t *Taxes) planSetOffs(ctx context.Context, s Settlement, net money.Amount,
	ahead []quoted) ([]receivable.Part, error) {
	standing, err := t.Service.Store.Receivables(ctx, s.Tenant, s.CreatorID, s.Entity)
	if err != nil {
		return nil, err
	}
	for _, q := range ahead {
		if q.CreatorID != s.CreatorID {
			continue
		}
		standing = append(standing, q.shortfallClaims(q.figures, q.PaymentDate, Act{}, q.OpenedAt)...)
		for _, o := range q.SetOffs {
			at := slices.IndexFunc(standing, func(r receivable.Receivable) bool {
				return r.ID == o.Receivable
			})
			if at >= 0 {
				standing[at].Open = money.Max(standing[at].Open.Sub(o.Amount.Abs()), money.Amount{})
			}
		}
	}
	return receivable.Plan(net, standing), nil
}

// Requote quotes the open settlements of a creator again after a claim on the creator has been
// raised. A settlement that it misses takes the claim into account when it is booked.
func (t *Taxes) Requote(ctx context.Context, r receivable.Receivable) error {
	creator, err := t.Service.Directory.Creator(ctx, r.Tenant, r.CreatorID)
	if err != nil {
		return err
	}
	open, err := t.Service.Store.OpenOf(ctx, r.Tenant, r.Entity, creator.TaxpayerID)
	if err != nil {
		return err
	}
	for _, s := range open {
		if s.CreatorID != r.CreatorID || s.Quote == "" {
			continue
		}
		if err := t.RunTask(ctx,
			Task{Tenant: s.Tenant, SettlementID: ident.Settlement(s.ID), Op: OpQuote}); err != nil {
			return err
		}
	}
	return nil
}

// setOffsOf converts planned parts of claims into the set-offs of a settlement.
func setOffsOf(parts []receivable.Part) []SetOff {
	var out []SetOff
	for _, p := range parts {
		out = append(out, SetOff{Receivable: p.ID, Kind: string(p.Kind), Amount: p.Set,
			Document: p.Document})
	}
	return out
}

// amountToPay is the net less the set-offs.
func amountToPay(net money.Amount, parts []receivable.Part) money.Amount {
	for _, p := range parts {
		net = net.Sub(p.Set)
	}
	return net
}

// withSetOffs stores the set-offs of s. Whoever prepared or approved one of the claims becomes a
// preparer of s and may not approve it. The approver of an opening balance is excepted, because
// opening balances are approved as one file with everything else that the tenant brought along.
func (s Settlement) withSetOffs(parts []receivable.Part) Settlement {
	s.SetOffs, s.ToPay = setOffsOf(parts), amountToPay(s.Net, parts)
	for _, p := range parts {
		s = s.withPreparer(p.PreparedBy)
		if !p.Opening {
			s = s.withPreparer(p.ApprovedBy)
		}
	}
	return s
}

// nilIfEqual returns nil when a equals the usual amount b, which is not stored; else a.
func nilIfEqual(a, b money.Amount) *money.Amount {
	if a == b {
		return nil
	}
	return &a
}

// approvedPay is the amount to pay that the approver has approved.
func (s Settlement) approvedPay() money.Amount {
	if s.ApprovedPay != nil {
		return *s.ApprovedPay
	}
	return s.approvedNet()
}

// belowApproved reports whether the net or the amount to pay is lower than approved, because a tax
// has risen or a claim was raised since. An approver must then confirm it, because the creator was
// promised more.
func (s Settlement) belowApproved(net, pay money.Amount) bool {
	return net.Cmp(s.approvedNet()) < 0 || pay.Cmp(s.approvedPay()) < 0
}

// setOffMoves are the changes that the set-offs of s make to the claims.
func (s Settlement) setOffMoves() []receivable.Move {
	var out []receivable.Move
	for _, o := range s.SetOffs {
		out = append(out, receivable.Move{Creator: s.CreatorID, Entity: s.Entity, ID: o.Receivable,
			Taken: o.Amount.Abs()})
	}
	return out
}

// shortfallClaims is the claim for what the creator's share could not bear of its taxes; none where
// it bore all.
func (s Settlement) shortfallClaims(f Figures, on civil.Date, a Act,
	now time.Time) []receivable.Receivable {
	var sum money.Amount
	for _, l := range f.Result.Taxes {
		sum = sum.Add(l.Shortfall)
	}
	if sum.IsZero() {
		return nil
	}
	id := ShortfallPrefix + s.ID
	if a.Name == actRebooked {
		id = ShortfallPrefix + a.ID
	}
	return []receivable.Receivable{s.newClaim(id, receivable.TaxShortfall, sum, on, a, now,
		"tax that settlement "+s.ID+" could not bear")}
}

// newClaim is a receivable that arises from a booking and needs no approval.
func (s Settlement) newClaim(id string, kind receivable.Kind, amount money.Amount, on civil.Date,
	a Act, now time.Time, why string) receivable.Receivable {
	return receivable.Receivable{ID: id, Tenant: s.Tenant, CreatorID: s.CreatorID, Entity: s.Entity,
		Kind: kind, Amount: amount, Open: amount,
		Document: s.ID, Reason: why, State: receivable.Open, Settlement: ident.Settlement(s.ID),
		RaisedOn: on, PreparedBy: a.By, PreparedAt: now, Act: a.ID}
}

// reverseSetOffs adds two things to the reversal c of a booking: it reverses the set-offs of the
// booking, and withdraws short, the claim that the booking raised for tax which exceeded the net.
// Amounts that other settlements have set off against that claim are owed back to the creator.
func (s Settlement) reverseSetOffs(c *Change, short *receivable.Receivable, a Act, now time.Time) {
	if s.BookedEntry == "" { // the set-offs were only planned
		return
	}
	for _, m := range s.setOffMoves() {
		m.Taken = m.Taken.Neg()
		c.Moves = append(c.Moves, m)
	}
	if short == nil {
		return
	}
	c.Moves = append(c.Moves, receivable.Move{Creator: s.CreatorID, Entity: s.Entity, ID: short.ID,
		Withdrawn: short.Open, Whole: true})
	if short.Taken.Positive() {
		c.Entry.Debit(ledger.CreatorReceivable, short.Taken)
		c.Entry.Credit(ledger.CreatorPayable, short.Taken)
		c.Raised = append(c.Raised, s.newClaim("back-"+a.ID, receivable.GiveBack, short.Taken,
			civil.DateOf(now), a, now, "set off for tax of "+s.ID+", whose booking was taken back"))
	}
}

// applyMoves returns the claims after the moves.
func (s Settlement) applyMoves(standing []receivable.Receivable,
	moves []receivable.Move) []receivable.Receivable {
	out := slices.Clone(standing)
	for i := range out {
		for _, m := range moves {
			if m.ID == out[i].ID {
				out[i].Open, out[i].Taken = out[i].Open.Sub(m.Taken).Sub(m.Withdrawn), out[i].Taken.Add(m.Taken)
			}
		}
	}
	return out
}

// combineMoves adds up the moves of two lists so that each claim has one move, because a DynamoDB
// transaction may contain an item only once. Moves that cancel out are dropped.
func combineMoves(a, b []receivable.Move) []receivable.Move {
	out := slices.Clone(a)
	for _, m := range b {
		at := slices.IndexFunc(out, func(o receivable.Move) bool { return o.ID == m.ID })
		if at < 0 {
			out = append(out, m)
			continue
		}
		out[at].Taken = out[at].Taken.Add(m.Taken)
		out[at].Withdrawn = out[at].Withdrawn.Add(m.Withdrawn)
		out[at].Whole = out[at].Whole || m.Whole
	}
	return slices.DeleteFunc(out, func(m receivable.Move) bool {
		return m.Taken.IsZero() && m.Withdrawn.IsZero() && !m.Whole
	})
}

// setOffSteps explain each set-off from the net.
func (s Settlement) setOffSteps() []tax.Step {
	var steps []tax.Step
	for _, o := range s.SetOffs {
		text := bilingual.Text{ZH: "抵扣 " + o.Receivable + "（" + o.Kind + "）：" + o.Amount.String() + " 元",
			EN: "Set off against " + o.Receivable + " (" + o.Kind + "): " + o.Amount.String()}
		if o.Amount.Negative() {
			text = bilingual.Text{ZH: "退还 " + o.Receivable + "：" + o.Amount.Neg().String() + " 元",
				EN: "Given back for " + o.Receivable + ": " + o.Amount.Neg().String()}
		}
		steps = append(steps,
			tax.NewContractStep("set_off."+o.Kind, o.Document, "what is open, up to what is left of the net",
				s.Net, o.Amount, nil, text))
	}
	return steps
}
