package settlement

import (
	"fenzhang/shared/civil"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// payable identifies one debt of the agency: the three fields of its identity, and a hash of the
// content that it was opened with.
type payable struct {
	creator, activity string
	ts                int64  // milliseconds since 1970
	content           string // hash; a known identity with another content is refused
}

// identity is the identity of the payable within its tenant.
func (p payable) identity() string { return Identity(p.creator, p.activity, p.ts) }

// asOccurrence sets on a prepared settlement the identity and the ids of occurrence n of a payable.
func (s Settlement) asOccurrence(p payable, n int) Settlement {
	s.Identity = p.identity()
	s.Occurrence = n
	s.ID = IDOf(s.Identity, n)
	s.ActivityID = p.activity
	s.TS = p.ts
	s.ContentHash = p.content
	return s
}

// payable returns the payable of a settle call.
func (r *Request) payable() payable {
	return payable{string(r.UserID), r.ActivityID, int64(r.TS), r.contentHash()}
}

// completeFromCall completes a prepared settlement for a settle call. The caller, who states the
// amount, becomes a preparer.
func (s Settlement) completeFromCall(r *Request, by string, n int) Settlement {
	s.TraceID = r.TraceID
	return s.asOccurrence(r.payable(), n).withPreparer(by)
}

// StatementIncome is the income that a statement settles: a creator's lines of one income type in
// one period.
type StatementIncome struct {
	CreatorID            ident.Creator
	IncomeType           string
	Period               cycle.Period
	Distributable, Gross money.Amount
	By                   []string // people who imported the income lines
}

// payable returns the payable of a statement. Its identity depends only on creator, income type and
// period, so that running a statement again finds the same payable.
func (in StatementIncome) payable() payable {
	period := in.Period.String()
	return payable{
		creator: string(in.CreatorID), activity: StatementPrefix + in.IncomeType + ":" + period,
		ts: in.Period.LastDay().AddDays(1).Start().UnixMilli(),
		content: hashParts(string(in.CreatorID), in.IncomeType, period, in.Distributable.String(),
			in.Gross.String()),
	}
}

// FromStatement completes a prepared settlement for a statement. Whoever imported the lines becomes
// a preparer.
func (s Settlement) FromStatement(in StatementIncome, n int) Settlement {
	s = s.asOccurrence(in.payable(), n)
	for _, by := range in.By {
		s = s.withPreparer(by)
	}
	return s
}

// payables returns the payable of an opening balance, and its twin: the payable that it would be if
// it were taxed the other way. Only one of the two may be opened.
func (in Before) payables() (own, twin payable) {
	content := hashParts(string(in.CreatorID), in.Ref, in.Amount.String())
	ts := in.Period.Last().Start().UnixMilli()
	own = payable{string(in.CreatorID), BeforePrefix + in.Ref, ts, content}
	twin = payable{string(in.CreatorID), TaxedPrefix + in.Ref, ts, content}
	if in.Taxed {
		return twin, own
	}
	return own, twin
}

// completeFromBefore completes a prepared settlement for an opening payable. The whole amount is
// the creator's, because the agency's part is in the books before.
func (s Settlement) completeFromBefore(in Before, n int) Settlement {
	own, _ := in.payables()
	s.Shares = []split.Share{{Party: string(in.CreatorID), Kind: split.KindCreator, Amount: in.Amount}}
	s.Memo = nil
	s.RevenueBasis = "net"
	s.NeedsInvoice = s.NeedsInvoice && !in.Taxed
	return s.asOccurrence(own, n).withPreparer(in.By)
}

// partyPayable returns the payable of a payee share of s. When the share was opened by an earlier
// occurrence of s, it keeps the identity that it got then.
func (s Settlement) partyPayable(share split.Share, l PartyLink) payable {
	activity := PartyPrefix + s.ID
	if l.Of > 0 {
		activity = PartyPrefix + IDOf(s.Identity, l.Of)
	}
	return payable{share.Party, activity, s.TS, hashParts(share.Party, s.ID, share.Amount.String())}
}

// nextOccurrence returns the next occurrence of s with the same facts and amounts and the life of a
// new settlement; it is paid today at the earliest.
func (s Settlement) nextOccurrence(today civil.Date) Settlement {
	fresh := s.Opening
	fresh.Occurrence++
	fresh.ID = IDOf(fresh.Identity, fresh.Occurrence)
	fresh.Source = SourceReopened
	fresh.Reopens = ident.Settlement(s.ID)
	fresh.PayOn = laterDate(fresh.PayOn, today)
	return Settlement{
		Opening: fresh, Preparers: s.Preparers, Paper: s.Paper, StatementSent: s.StatementSent,
		ConfirmBy: s.ConfirmBy, Confirmed: s.Confirmed, Parties: s.linksOfNextOccurrence(),
	}
}
