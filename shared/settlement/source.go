package settlement

import (
	"fenzhang/shared/civil"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// payable names one thing that is owed: the three facts of its identity, and the content that it
// was opened with.
type payable struct {
	creator, activity string
	ts                int64  // milliseconds since 1970
	content           string // hash; another content under a known identity is refused
}

func (p payable) identity() string { return Identity(p.creator, p.activity, p.ts) }

// occurrence makes a prepared settlement occurrence n of a payable.
func (s Settlement) occurrence(p payable, n int) Settlement {
	s.Identity = p.identity()
	s.Occurrence = n
	s.ID = IDOf(s.Identity, n)
	s.ActivityID = p.activity
	s.TS = p.ts
	s.ContentHash = p.content
	return s
}

// payable names what a settle call asks to be paid.
func (r *Request) payable() payable {
	return payable{string(r.UserID), r.ActivityID, int64(r.TS), r.contentHash()}
}

// fromCall completes what was prepared for a settle call. Who states the amount is a preparer.
func (s Settlement) fromCall(r *Request, by string, n int) Settlement {
	s.TraceID = r.TraceID
	return s.occurrence(r.payable(), n).withPreparer(by)
}

// StatementIncome is the income that a statement settles: a creator's lines of one income type in
// one period.
type StatementIncome struct {
	CreatorID            ident.Creator
	IncomeType           string
	Period               cycle.Period
	Distributable, Gross money.Amount
	By                   []string // who brought the lines
}

// payable is made of creator, income type and period alone, so that a statement has one identity
// whoever runs it and when.
func (in StatementIncome) payable() payable {
	period := in.Period.String()
	return payable{
		creator: string(in.CreatorID), activity: StatementPrefix + in.IncomeType + ":" + period,
		ts: in.Period.LastDay().AddDays(1).Start().UnixMilli(),
		content: contentOf(string(in.CreatorID), in.IncomeType, period, in.Distributable.String(),
			in.Gross.String()),
	}
}

// FromStatement completes what was prepared for a statement. Who brought the lines is a preparer.
func (s Settlement) FromStatement(in StatementIncome, n int) Settlement {
	s = s.occurrence(in.payable(), n)
	for _, by := range in.By {
		s = s.withPreparer(by)
	}
	return s
}

// payables name a payable from before as it is, and as it would be if it were taxed otherwise.
func (in Before) payables() (own, twin payable) {
	content := contentOf(string(in.CreatorID), in.Ref, in.Amount.String())
	ts := in.Period.Last().Start().UnixMilli()
	own = payable{string(in.CreatorID), BeforePrefix + in.Ref, ts, content}
	twin = payable{string(in.CreatorID), TaxedPrefix + in.Ref, ts, content}
	if in.Taxed {
		return twin, own
	}
	return own, twin
}

// fromBefore completes what was prepared for a payable of the old books. It is the creator's alone,
// because the agency's part was booked there.
func (s Settlement) fromBefore(in Before, n int) Settlement {
	own, _ := in.payables()
	s.Shares = []split.Share{{Party: string(in.CreatorID), Kind: split.KindCreator, Amount: in.Amount}}
	s.Memo = nil
	s.RevenueBasis = "net"
	s.NeedsInvoice = s.NeedsInvoice && !in.Taxed
	return s.occurrence(own, n).withPreparer(in.By)
}

// partyPayable names the payable that payee share i of s is settled as.
func (s Settlement) partyPayable(share split.Share, l PartyLink) payable {
	activity := PartyPrefix + s.ID
	if l.Of > 0 {
		activity = PartyPrefix + IDOf(s.Identity, l.Of)
	}
	return payable{share.Party, activity, s.TS, contentOf(share.Party, s.ID, share.Amount.String())}
}

// reopened is the next occurrence of s, on a day: the same money under the same facts, with a fresh
// life.
func (s Settlement) reopened(today civil.Date) Settlement {
	fresh := s.Opening
	fresh.Occurrence++
	fresh.ID = IDOf(fresh.Identity, fresh.Occurrence)
	fresh.Source = SourceReopened
	fresh.Reopens = ident.Settlement(s.ID)
	fresh.PayOn = laterDate(fresh.PayOn, today)
	return Settlement{
		Opening: fresh, Preparers: s.Preparers, Paper: s.Paper, StatementSent: s.StatementSent,
		ConfirmBy: s.ConfirmBy, Confirmed: s.Confirmed, Parties: s.carriedLinks(),
	}
}
