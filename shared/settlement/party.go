package settlement

import (
	"context"
	"slices"

	"fenzhang/shared/clock/optimistic"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// PartyPrefix begins the activity id of the settlement that a payee party gets for its share; the
// id of the main settlement follows.
const PartyPrefix = "party:"

// PartyLink records, for one payee share of a main settlement, which settlement was opened for the
// share.
type PartyLink struct {
	// occurrence of the party's settlement that was opened last; 0 before the first
	Occurrence int  `json:"n,omitempty"`
	Asked      bool `json:"q,omitempty"` // a person wants it opened again after it was undone
	// occurrence of the main settlement that opened it, where that is an earlier one
	Of int `json:"m,omitempty"`
}

// payeeShares are the shares of payee parties; each gets a settlement for itself.
func (s Settlement) payeeShares() []split.Share {
	var out []split.Share
	for _, p := range s.Shares {
		if p.Kind == split.KindPayee {
			out = append(out, p)
		}
	}
	return out
}

// partyLink returns the record of payee share i, the zero record before anything was opened.
func (s Settlement) partyLink(i int) PartyLink {
	if i < len(s.Parties) {
		return s.Parties[i]
	}
	return PartyLink{}
}

// withPartyLink sets the record of payee share i.
func (s Settlement) withPartyLink(i int, l PartyLink) Settlement {
	links := make([]PartyLink, len(s.payeeShares()))
	copy(links, s.Parties)
	links[i] = l
	s.Parties = links
	return s
}

// isApproved reports whether the settlement was approved and the approval is still in force: the
// settlement was not cancelled, and no later occurrence has replaced it.
func (s Settlement) isApproved() bool {
	switch s.Status {
	case Approved, Paid:
		return s.ReopenedBy == ""
	case Paying:
		return s.ReasonClass != Cancelled
	case Failed:
		return s.ReasonClass == PaymentFailed && s.ReopenedBy == ""
	default:
		return false
	}
}

// HasUnopenedParties reports whether a payee party still waits for the settlement of its share.
func (s Settlement) HasUnopenedParties() bool {
	if !s.isApproved() {
		return false
	}
	for i, p := range s.payeeShares() {
		if s.needsPartySettlement(i, p) {
			return true
		}
	}
	return false
}

// needsPartySettlement reports whether a settlement is to be opened for payee share i: none was
// opened yet, or a person has requested another one.
func (s Settlement) needsPartySettlement(i int, p split.Share) bool {
	l := s.partyLink(i)
	return p.Amount.Positive() && (l.Occurrence == 0 || l.Asked)
}

// linksOfNextOccurrence returns the party records that the next occurrence of a settlement takes
// over: what was opened for payees is not opened again.
func (s Settlement) linksOfNextOccurrence() []PartyLink {
	links := slices.Clone(s.Parties)
	for i := range links {
		if links[i].Occurrence > 0 && links[i].Of == 0 {
			links[i].Of = s.Occurrence
		}
	}
	return links
}

// OpenPartySettlements opens a settlement for each payee of an approved settlement. One transaction
// for each payee writes the payee's settlement, its journal entry and the record of it in the main
// settlement. The call is idempotent: repeated, late or parallel calls change nothing.
//
// Errors: fault.MissingObject and 5002 when the payee's master data are missing; fault.Unavailable
// after too many lost races.
func (s *Service) OpenPartySettlements(ctx context.Context, tenant ident.Tenant,
	id ident.Settlement) error {
	for {
		due, err := optimistic.RetryValue(ctx, func() (bool, error) {
			return s.openNextParty(ctx, tenant, id)
		})
		if err != nil || !due {
			return err
		}
	}
}

// openNextParty opens the settlement of the first payee that waits for one, and reports whether
// there was one.
func (s *Service) openNextParty(ctx context.Context, tenant ident.Tenant,
	id ident.Settlement) (bool, error) {
	main, err := s.Store.Load(ctx, tenant, id)
	if err != nil || !main.HasUnopenedParties() {
		return false, err
	}
	i := slices.IndexFunc(shareIndexes(main), func(i int) bool {
		return main.needsPartySettlement(i, main.payeeShares()[i])
	})
	return true, s.openPartySettlement(ctx, main, i)
}

// shareIndexes returns the numbers of the payee shares of s, from 0.
func shareIndexes(s Settlement) []int {
	out := make([]int, len(s.payeeShares()))
	for i := range out {
		out[i] = i
	}
	return out
}

// openPartySettlement opens the settlement of payee share i. Where an earlier call has opened it
// and died before recording it, only the record is written.
func (s *Service) openPartySettlement(ctx context.Context, main Settlement, i int) error {
	share, l := main.payeeShares()[i], main.partyLink(i)
	if l.Occurrence == 0 {
		l.Of = 0 // nothing was opened by an earlier occurrence of the main settlement
	}
	own := main.partyPayable(share, l)
	last, n, err := s.LatestOccurrence(ctx, main.Tenant, own.identity())
	if err != nil {
		return err
	}
	a := Act{ID: s.NewID(), Name: "settlement.party_opened", By: "system:advance-settlement"}
	also := main.withAct(a, s.Clock.Instant())
	if last != nil && !last.IsUndone() {
		also = also.withPartyLink(i, PartyLink{Occurrence: last.Occurrence, Of: l.Of})
		return s.Store.Apply(ctx, Change{Old: &main, New: also})
	}
	fresh, err := s.newPartySettlement(ctx, main, share)
	if err != nil {
		return err
	}
	fresh = fresh.asOccurrence(own, n+1)
	also = also.withPartyLink(i, PartyLink{Occurrence: n + 1, Of: l.Of})
	c := s.OpeningChange(fresh, a)
	c.Also = &also
	return s.Store.Apply(ctx, c)
}

// newPartySettlement prepares the settlement of a payee's share. Dates, paying entity and contract
// are those of the main settlement; taxpayer, route and payout account are the payee's.
func (s *Service) newPartySettlement(ctx context.Context, main Settlement,
	share split.Share) (Settlement, error) {
	payee, err := s.Directory.Creator(ctx, main.Tenant, ident.Creator(share.Party))
	if err != nil {
		return Settlement{}, err
	}
	taxpayer, err := s.Directory.Taxpayer(ctx, main.Tenant, payee.TaxpayerID)
	if err != nil {
		return Settlement{}, err
	}
	today, err := s.Clock.Today(ctx)
	if err != nil {
		return Settlement{}, fault.Temporary(err)
	}
	o := main.Opening
	o.CreatorID = payee.CreatorID
	o.TaxpayerID = payee.TaxpayerID
	o.Parent = ident.Settlement(main.ID)
	o.Source = SourceParty
	o.Reopens = ""
	o.Gross = share.Amount
	o.Shares = []split.Share{{Party: string(payee.CreatorID), Kind: split.KindCreator,
		Amount: share.Amount}}
	o.Memo = nil
	o.RevenueBasis = "" // the agency's part is in the entry of the main settlement
	o.AfterTax = false  // nothing is promised net to a payee
	o.NeedsConfirm = false
	o.PayMethod = payee.Payout.Method
	o.PayOn = laterDate(main.PayOn, today)
	by, err := s.setPartyRoute(ctx, &o, taxpayer)
	if err != nil {
		return Settlement{}, err
	}
	return Settlement{Opening: o,
			Preparers: distinctPeople(append(slices.Clone(main.Preparers), payee.By, taxpayer.By, by)...)},
		nil
}

// setPartyRoute sets in o the payment route, and whether an invoice is needed, by the payee's
// contract with the same paying entity, and returns who made that contract. Without such a contract
// the kind of the taxpayer decides: an organisation must hand in an invoice first.
func (s *Service) setPartyRoute(ctx context.Context, o *Opening,
	taxpayer tenancy.Taxpayer) (string, error) {
	day := o.ServicePeriod.Last()
	own, err := s.Directory.Contract(ctx, o.Tenant, o.CreatorID, o.IncomeType, day)
	if err != nil && !fault.HasCode(err, fault.RuleMissing) {
		return "", err
	}
	if route := own.Routes[o.IncomeType]; err == nil && own.PayingEntity == o.Entity &&
		tenancy.IsPaidByTenant(route) {
		o.Route, o.NeedsInvoice = route, own.InvoiceBeforePayment
		return own.By, nil
	}
	o.Route, o.NeedsInvoice = tenancy.MCNPays, false
	profile, _ := taxpayer.ProfileOn(day)
	switch profile.Kind {
	case "employee":
		o.Route = tenancy.Payroll
	case "company", "partnership", "sole_proprietorship", "individual_business":
		o.Route, o.NeedsInvoice = tenancy.StudioInvoice, true
	}
	return "", nil
}

// refuseSettledParties refuses to undo a settlement while the settlement of one of its payees is
// still in force, because the payee's money comes out of the main settlement.
func (s *Service) refuseSettledParties(ctx context.Context, main Settlement) error {
	for i, p := range main.payeeShares() {
		l := main.partyLink(i)
		if l.Occurrence == 0 {
			continue
		}
		last, _, err := s.LatestOccurrence(ctx, main.Tenant, main.partyPayable(p, l).identity())
		if err != nil {
			return err
		}
		if last != nil && !last.IsUndone() {
			return illegalMove("party_settled", "The share of "+p.Party+" is settled as "+last.ID+
				"; reject or cancel that one first.")
		}
	}
	return nil
}

// RequestPartySettlement records that a person wants the settlement of a payee opened again, after
// it was rejected or cancelled. OpenPartySettlements then opens it.
//
// Errors: 2001 when the party is no payee; 3001 not_approved, party_waiting or party_settled; 3002
// when the caller has read an older version.
func (s *Service) RequestPartySettlement(ctx context.Context, in Intent,
	payee string) (Settlement, error) {
	return s.decideAndApply(ctx, in, "settlement.party_asked",
		func(main Settlement, a Act) (Change, error) {
			i := slices.IndexFunc(main.payeeShares(), func(p split.Share) bool { return p.Party == payee })
			if i < 0 {
				return Change{}, fault.Invalid(
					fault.Field{Field: "party", Problem: "is no payee of this settlement"})
			}
			l := main.partyLink(i)
			if err := firstError(main.refusePartyRequest(l, payee),
				main.requireVersion(in.Version)); err != nil {
				return Change{}, err
			}
			own := main.partyPayable(main.payeeShares()[i], l)
			last, _, err := s.LatestOccurrence(ctx, main.Tenant, own.identity())
			if err != nil {
				return Change{}, err
			}
			if last != nil && !last.IsUndone() {
				return Change{}, illegalMove("party_settled", "The share of "+payee+" is settled as "+last.ID+
					" already.")
			}
			l.Asked = true
			return Change{Old: &main, New: main.withAct(a, s.Clock.Instant()).withPartyLink(i, l)}, nil
		})
}

// refusePartyRequest refuses a request to open the settlement of a payee again while the main
// settlement is not approved, or while the payee's settlement is about to be opened anyway.
func (s Settlement) refusePartyRequest(l PartyLink, payee string) error {
	switch {
	case !s.isApproved():
		return illegalMove("not_approved",
			"Payees are settled once this settlement is approved, and as long as nothing undoes it.")
	case l.Occurrence == 0 || l.Asked:
		return illegalMove("party_waiting",
			"The settlement of "+payee+" is being opened; nothing is to be asked for.")
	}
	return nil
}

// PartySettlement is the share of a payee and the id of the settlement that was opened for it, ""
// before.
type PartySettlement struct {
	Party      string
	Amount     money.Amount
	Settlement string
}

// PartySettlements lists the payees of s with the settlements of their shares.
func (s Settlement) PartySettlements() []PartySettlement {
	out := make([]PartySettlement, 0, len(s.Shares))
	for i, share := range s.payeeShares() {
		party := PartySettlement{Party: share.Party, Amount: share.Amount}
		if link := s.partyLink(i); link.Occurrence > 0 {
			party.Settlement = IDOf(s.partyPayable(share, link).identity(), link.Occurrence)
		}
		out = append(out, party)
	}
	return out
}
