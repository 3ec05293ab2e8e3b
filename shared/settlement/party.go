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

// PartyPrefix begins the activity ids of payee parties' own settlements; the id of the main one
// follows.
const PartyPrefix = "party:"

// PartyLink tells of one payee share, in the order of the shares, what became of its own
// settlement.
type PartyLink struct {
	// of the party's settlement that was opened last; 0 before the first
	Occurrence int  `json:"n,omitempty"`
	Asked      bool `json:"q,omitempty"` // a person wants it opened again after it was undone
	// occurrence of the main settlement that opened it, where that is an earlier one
	Of int `json:"m,omitempty"`
}

// payeeShares are the shares that get settlements of their own.
func (s Settlement) payeeShares() []split.Share {
	var out []split.Share
	for _, p := range s.Shares {
		if p.Kind == split.KindPayee {
			out = append(out, p)
		}
	}
	return out
}

// link gives what is known of payee share i.
func (s Settlement) link(i int) PartyLink {
	if i < len(s.Parties) {
		return s.Parties[i]
	}
	return PartyLink{}
}

// withLink notes what became of payee share i.
func (s Settlement) withLink(i int, l PartyLink) Settlement {
	links := make([]PartyLink, len(s.payeeShares()))
	copy(links, s.Parties)
	links[i] = l
	s.Parties = links
	return s
}

// approved tells that the approval stands: nothing has undone the settlement and no later
// occurrence took its place.
func (s Settlement) approved() bool {
	switch s.Status {
	case Approved, Paid:
		return s.ReopenedBy == ""
	case Paying:
		return s.ReasonClass != Cancelled
	case Failed:
		return s.ReasonClass == PaymentFailed && s.ReopenedBy == ""
	}
	return false
}

// PartiesDue tells whether a payee party waits for its own settlement.
func (s Settlement) PartiesDue() bool {
	if !s.approved() {
		return false
	}
	for i, p := range s.payeeShares() {
		if s.partyDue(i, p) {
			return true
		}
	}
	return false
}

func (s Settlement) partyDue(i int, p split.Share) bool {
	l := s.link(i)
	return p.Amount.Positive() && (l.Occurrence == 0 || l.Asked)
}

// carriedLinks are the links of a settlement's next occurrence: what was opened stays opened.
func (s Settlement) carriedLinks() []PartyLink {
	links := slices.Clone(s.Parties)
	for i := range links {
		if links[i].Occurrence > 0 && links[i].Of == 0 {
			links[i].Of = s.Occurrence
		}
	}
	return links
}

// OpenParties opens the own settlements of an approved settlement's payees, one write each: the
// payee's settlement, its opening in the payee's book and the note of it here are written together,
// so that neither is without the other. Done again, late or by several at once it changes nothing.
//
// Errors: fault.Absent and 5002 from the payee's master data; fault.Unavailable after too many lost
// races.
func (s *Service) OpenParties(ctx context.Context, tenant ident.Tenant, id ident.Settlement) error {
	for {
		due, err := optimistic.Value(ctx, func() (bool, error) {
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
	if err != nil || !main.PartiesDue() {
		return false, err
	}
	i := slices.IndexFunc(indexes(main), func(i int) bool {
		return main.partyDue(i, main.payeeShares()[i])
	})
	return true, s.openParty(ctx, main, i)
}

func indexes(s Settlement) []int {
	out := make([]int, len(s.payeeShares()))
	for i := range out {
		out[i] = i
	}
	return out
}

// openParty opens the settlement of payee share i, or notes the one that stands already.
func (s *Service) openParty(ctx context.Context, main Settlement, i int) error {
	share, l := main.payeeShares()[i], main.link(i)
	if l.Occurrence == 0 {
		l.Of = 0
	}
	own := main.partyPayable(share, l)
	last, n, err := s.Latest(ctx, main.Tenant, own.identity())
	if err != nil {
		return err
	}
	a := Act{ID: s.NewID(), Name: "settlement.party_opened", By: "system:advance-settlement"}
	also := main.stamp(a, s.Clock.Instant())
	if last != nil && !last.Dead() {
		also = also.withLink(i, PartyLink{Occurrence: last.Occurrence, Of: l.Of})
		return s.Store.Apply(ctx, Change{Old: &main, New: also})
	}
	fresh, err := s.partySettlement(ctx, main, share)
	if err != nil {
		return err
	}
	fresh = fresh.occurrence(own, n+1)
	also = also.withLink(i, PartyLink{Occurrence: n + 1, Of: l.Of})
	c := s.Opening(fresh, a)
	c.Also = &also
	return s.Store.Apply(ctx, c)
}

// partySettlement is a payee's own payable, all its own: the money's dates, entity and clause are
// those of the main settlement; taxpayer, route and account are the payee's.
func (s *Service) partySettlement(ctx context.Context, main Settlement,
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
		return Settlement{}, fault.Later(err)
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
	by, err := s.partyRoute(ctx, &o, taxpayer)
	if err != nil {
		return Settlement{}, err
	}
	return Settlement{Opening: o,
		Preparers: people(append(slices.Clone(main.Preparers), payee.By, taxpayer.By, by)...)}, nil
}

// partyRoute sets route and invoice by the payee's own contract with the same paying entity, and
// names who made it. Without one the taxpayer's kind decides: organisations hand in an invoice
// first.
func (s *Service) partyRoute(ctx context.Context, o *Opening,
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

// refuseSettledParties keeps a settlement that somebody else's payable rests on.
func (s *Service) refuseSettledParties(ctx context.Context, main Settlement) error {
	for i, p := range main.payeeShares() {
		l := main.link(i)
		if l.Occurrence == 0 {
			continue
		}
		last, _, err := s.Latest(ctx, main.Tenant, main.partyPayable(p, l).identity())
		if err != nil {
			return err
		}
		if last != nil && !last.Dead() {
			return notNow("party_settled", "The share of "+p.Party+" is settled as "+last.ID+
				"; reject or cancel that one first.")
		}
	}
	return nil
}

// AskParty has the own settlement of a payee opened again after it was rejected or cancelled.
func (s *Service) AskParty(ctx context.Context, in Intent, payee string) (Settlement, error) {
	return s.change(ctx, in, "settlement.party_asked", func(main Settlement, a Act) (Change, error) {
		i := slices.IndexFunc(main.payeeShares(), func(p split.Share) bool { return p.Party == payee })
		if i < 0 {
			return Change{}, fault.Invalid(
				fault.Field{Field: "party", Problem: "is no payee of this settlement"})
		}
		l := main.link(i)
		switch {
		case !main.approved():
			return Change{}, notNow("not_approved",
				"Payees are settled once this settlement is approved, and as long as nothing undoes it.")
		case l.Occurrence == 0 || l.Asked:
			return Change{}, notNow("party_waiting",
				"The settlement of "+payee+" is being opened; nothing is to be asked for.")
		}
		if err := main.version(in.Version); err != nil {
			return Change{}, err
		}
		own := main.partyPayable(main.payeeShares()[i], l)
		last, _, err := s.Latest(ctx, main.Tenant, own.identity())
		if err != nil {
			return Change{}, err
		}
		if last != nil && !last.Dead() {
			return Change{}, notNow("party_settled", "The share of "+payee+" is settled as "+last.ID+
				" already.")
		}
		l.Asked = true
		return Change{Old: &main, New: main.stamp(a, s.Clock.Instant()).withLink(i, l)}, nil
	})
}

// PartySettlement is a payee's share and the id of its own settlement, "" before that is opened.
type PartySettlement struct {
	Party      string
	Amount     money.Amount
	Settlement string
}

// PartySettlements lists the payees of s with their own settlements.
func (s Settlement) PartySettlements() []PartySettlement {
	out := make([]PartySettlement, 0, len(s.Shares))
	for i, share := range s.payeeShares() {
		party := PartySettlement{Party: share.Party, Amount: share.Amount}
		if link := s.link(i); link.Occurrence > 0 {
			party.Settlement = IDOf(s.partyPayable(share, link).identity(), link.Occurrence)
		}
		out = append(out, party)
	}
	return out
}
