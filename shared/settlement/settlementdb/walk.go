package settlementdb

import (
	"fenzhang/shared/contract/split"
	"fenzhang/shared/settlement"
)

// walkSettlement is what META packs of a settlement: all that neither its key nor an attribute of
// its own holds, nor follows from what is packed. What is added stands at its end, behind its
// version.
func walkSettlement(f *form, s *settlement.Settlement) {
	walkOpening(f, &s.Opening)
	f.instant(&s.LastUpdated)
	maybe(f, &s.Hold, walkHold)
	f.instant(&s.HeldSince)
	f.date(&s.PaymentDate)
	wording(f, &s.Quote)
	wording(f, &s.Booking)
	wording(f, &s.BookedEntry)
	f.amount(&s.Net)
	f.amount(&s.ToPay)
	maybe(f, &s.ApprovedNet, (*form).amount)
	maybe(f, &s.ApprovedPay, (*form).amount)
	f.flag(&s.Kept)
	list(f, &s.SetOffs, walkSetOff)
	maybe(f, &s.Payout, walkPayout)
	list(f, &s.Preparers, wording)
	list(f, &s.Parties, walkParty)
	list(f, &s.Approvals, walkApproval)
	maybe(f, &s.Review, walkReview)
	f.flag(&s.Automatic)
	list(f, &s.Waived, wording)
	wording(f, &s.Lacks)
	wording(f, &s.Awaits)
	maybe(f, &s.Paper, walkPaper)
	f.date(&s.Disputed)
	f.date(&s.ConfirmBy)
	f.flag(&s.StatementSent)
	f.flag(&s.Confirmed)
	f.instant(&s.Arrival)
	f.instant(&s.FirstArrival)
	wording(f, &s.ReasonClass)
	wording(f, &s.ReopenedBy)
	list(f, &s.History, walkMove)
	walkAct(f, &s.Last)
}

func walkOpening(f *form, o *settlement.Opening) {
	wording(f, &o.Identity)
	f.count(&o.Occurrence)
	wording(f, &o.CreatorID)
	wording(f, &o.TaxpayerID)
	wording(f, &o.Entity)
	wording(f, &o.Contract)
	f.count(&o.ContractVersion)
	wording(f, &o.Route)
	wording(f, &o.IncomeType)
	wording(f, &o.Platform)
	wording(f, &o.ActivityID)
	f.integer(&o.TS)
	wording(f, &o.ContentHash)
	wording(f, &o.TraceID)
	f.month(&o.ServicePeriod)
	wording(f, &o.Part)
	f.date(&o.VATDate)
	f.date(&o.PayOn)
	f.amount(&o.Gross)
	list(f, &o.Shares, walkShare)
	list(f, &o.Memo, walkMemo)
	wording(f, &o.Source)
	wording(f, &o.RevenueBasis)
	f.flag(&o.VATIncluded)
	f.flag(&o.AfterTax)
	wording(f, &o.Parent)
	f.flag(&o.NeedsInvoice)
	f.flag(&o.NeedsConfirm)
	wording(f, &o.Project)
	wording(f, &o.PayMethod)
	f.instant(&o.OpenedAt)
	wording(f, &o.OpenedBy)
	wording(f, &o.Reopens)
	wording(f, &o.Carries)
	wording(f, &o.Opener)
}

func walkShare(f *form, s *split.Share) {
	wording(f, &s.Party)
	wording(f, &s.Kind)
	f.amount(&s.Amount)
	f.rate(&s.Ratio)
	wording(f, &s.By)
	f.amount(&s.Short)
}

func walkMemo(f *form, m *split.Memo) {
	wording(f, &m.Party)
	f.amount(&m.Amount)
	f.amount(&m.Basis)
}

func walkHold(f *form, h *settlement.Hold) {
	wording(f, &h.Reason)
	wording(f, &h.Owner)
	f.date(&h.Until)
	wording(f, &h.Text)
	f.flag(&h.ByHand)
}

func walkSetOff(f *form, o *settlement.SetOff) {
	wording(f, &o.Receivable)
	wording(f, &o.Kind)
	f.amount(&o.Amount)
	wording(f, &o.Document)
}

func walkPayout(f *form, p *settlement.Payout) {
	wording(f, &p.Key)
	wording(f, &p.Method)
	wording(f, &p.State)
	f.instant(&p.SentAt)
	wording(f, &p.GatewayID)
	wording(f, &p.Reason)
}

func walkParty(f *form, p *settlement.PartyLink) {
	f.count(&p.Occurrence)
	f.flag(&p.Asked)
	f.count(&p.Of)
}

func walkApproval(f *form, a *settlement.Approval) {
	wording(f, &a.By)
	f.amount(&a.Net)
}

func walkReview(f *form, r *settlement.Review) {
	f.count(&r.Version)
	list(f, &r.Findings, wording)
	f.count(&r.Approvers)
	wording(f, &r.Hold)
	wording(f, &r.Rejects)
}

func walkPaper(f *form, p *settlement.InvoicePaper) {
	wording(f, &p.Number)
	f.date(&p.IssuedOn)
	f.amount(&p.Amount)
	wording(f, &p.FileSHA256)
}

func walkMove(f *form, m *settlement.Move) {
	wording(f, &m.To)
	f.instant(&m.At)
	wording(f, &m.By)
	wording(f, &m.TransitionID)
	wording(f, &m.Reason)
}

func walkAct(f *form, a *settlement.Act) {
	wording(f, &a.ID)
	wording(f, &a.Name)
	wording(f, &a.By)
	wording(f, &a.Reason)
	wording(f, &a.Ledger)
}
