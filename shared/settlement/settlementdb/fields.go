package settlementdb

import (
	"fenzhang/shared/contract/split"
	"fenzhang/shared/settlement"
)

// encodeOrDecodeSettlement encodes or decodes the fields of a settlement that are in the attribute
// attrMeta. Fields that the key or another attribute of META holds, and fields that follow from
// others, are left out. A new field is added at the end, with a new formVersion.
func encodeOrDecodeSettlement(c *codec, s *settlement.Settlement) {
	encodeOrDecodeOpening(c, &s.Opening)
	c.instantField(&s.LastUpdated)
	optionalField(c, &s.Hold, encodeOrDecodeHold)
	c.instantField(&s.HeldSince)
	c.dateField(&s.PaymentDate)
	textField(c, &s.Quote)
	textField(c, &s.Booking)
	textField(c, &s.BookedEntry)
	c.amountField(&s.Net)
	c.amountField(&s.ToPay)
	optionalField(c, &s.ApprovedNet, (*codec).amountField)
	optionalField(c, &s.ApprovedPay, (*codec).amountField)
	c.boolField(&s.Kept)
	listField(c, &s.SetOffs, encodeOrDecodeSetOff)
	optionalField(c, &s.Payout, encodeOrDecodePayout)
	listField(c, &s.Preparers, textField)
	listField(c, &s.Parties, encodeOrDecodePartyLink)
	listField(c, &s.Approvals, encodeOrDecodeApproval)
	optionalField(c, &s.Review, encodeOrDecodeReview)
	c.boolField(&s.Automatic)
	listField(c, &s.Waived, textField)
	textField(c, &s.Lacks)
	textField(c, &s.Awaits)
	optionalField(c, &s.Paper, encodeOrDecodeInvoice)
	c.dateField(&s.Disputed)
	c.dateField(&s.ConfirmBy)
	c.boolField(&s.StatementSent)
	c.boolField(&s.Confirmed)
	c.instantField(&s.Arrival)
	c.instantField(&s.FirstArrival)
	textField(c, &s.ReasonClass)
	textField(c, &s.ReopenedBy)
	listField(c, &s.History, encodeOrDecodeStatusMove)
	encodeOrDecodeAct(c, &s.Last)
}

// encodeOrDecodeOpening encodes or decodes the fields of how a settlement was opened.
func encodeOrDecodeOpening(c *codec, o *settlement.Opening) {
	textField(c, &o.Identity)
	c.intField(&o.Occurrence)
	textField(c, &o.CreatorID)
	textField(c, &o.TaxpayerID)
	textField(c, &o.Entity)
	textField(c, &o.Contract)
	c.intField(&o.ContractVersion)
	textField(c, &o.Route)
	textField(c, &o.IncomeType)
	textField(c, &o.Platform)
	textField(c, &o.ActivityID)
	c.signedField(&o.TS)
	textField(c, &o.ContentHash)
	textField(c, &o.TraceID)
	c.monthField(&o.ServicePeriod)
	textField(c, &o.Part)
	c.dateField(&o.VATDate)
	c.dateField(&o.PayOn)
	c.amountField(&o.Gross)
	listField(c, &o.Shares, encodeOrDecodeShare)
	listField(c, &o.Memo, encodeOrDecodeMemo)
	textField(c, &o.Source)
	textField(c, &o.RevenueBasis)
	c.boolField(&o.VATIncluded)
	c.boolField(&o.AfterTax)
	textField(c, &o.Parent)
	c.boolField(&o.NeedsInvoice)
	c.boolField(&o.NeedsConfirm)
	textField(c, &o.Project)
	textField(c, &o.PayMethod)
	c.instantField(&o.OpenedAt)
	textField(c, &o.OpenedBy)
	textField(c, &o.Reopens)
	textField(c, &o.Carries)
	textField(c, &o.Opener)
}

// encodeOrDecodeShare encodes or decodes the fields of one party's share.
func encodeOrDecodeShare(c *codec, s *split.Share) {
	textField(c, &s.Party)
	textField(c, &s.Kind)
	c.amountField(&s.Amount)
	c.rateField(&s.Ratio)
	textField(c, &s.By)
	c.amountField(&s.Short)
}

// encodeOrDecodeMemo encodes or decodes the fields of one memo party's figures.
func encodeOrDecodeMemo(c *codec, m *split.Memo) {
	textField(c, &m.Party)
	c.amountField(&m.Amount)
	c.amountField(&m.Basis)
}

// encodeOrDecodeHold encodes or decodes the fields of a hold.
func encodeOrDecodeHold(c *codec, h *settlement.Hold) {
	textField(c, &h.Reason)
	textField(c, &h.Owner)
	c.dateField(&h.Until)
	textField(c, &h.Text)
	c.boolField(&h.ByHand)
}

// encodeOrDecodeSetOff encodes or decodes the fields of one set-off.
func encodeOrDecodeSetOff(c *codec, o *settlement.SetOff) {
	textField(c, &o.Receivable)
	textField(c, &o.Kind)
	c.amountField(&o.Amount)
	textField(c, &o.Document)
}

// encodeOrDecodePayout encodes or decodes the fields of a payout.
func encodeOrDecodePayout(c *codec, p *settlement.Payout) {
	textField(c, &p.Key)
	textField(c, &p.Method)
	textField(c, &p.State)
	c.instantField(&p.SentAt)
	textField(c, &p.GatewayID)
	textField(c, &p.Reason)
}

// encodeOrDecodePartyLink encodes or decodes the fields of the link to a payee's own settlement.
func encodeOrDecodePartyLink(c *codec, p *settlement.PartyLink) {
	c.intField(&p.Occurrence)
	c.boolField(&p.Asked)
	c.intField(&p.Of)
}

// encodeOrDecodeApproval encodes or decodes the fields of one approval.
func encodeOrDecodeApproval(c *codec, a *settlement.Approval) {
	textField(c, &a.By)
	c.amountField(&a.Net)
}

// encodeOrDecodeReview encodes or decodes the fields of the result of the tenant's review rules.
func encodeOrDecodeReview(c *codec, r *settlement.Review) {
	c.intField(&r.Version)
	listField(c, &r.Findings, textField)
	c.intField(&r.Approvers)
	textField(c, &r.Hold)
	textField(c, &r.Rejects)
}

// encodeOrDecodeInvoice encodes or decodes the fields of the payee's invoice.
func encodeOrDecodeInvoice(c *codec, p *settlement.InvoicePaper) {
	textField(c, &p.Number)
	c.dateField(&p.IssuedOn)
	c.amountField(&p.Amount)
	textField(c, &p.FileSHA256)
}

// encodeOrDecodeStatusMove encodes or decodes the fields of one status move.
func encodeOrDecodeStatusMove(c *codec, m *settlement.Move) {
	textField(c, &m.To)
	c.instantField(&m.At)
	textField(c, &m.By)
	textField(c, &m.TransitionID)
	textField(c, &m.Reason)
}

// encodeOrDecodeAct encodes or decodes the fields of the last act on a settlement.
func encodeOrDecodeAct(c *codec, a *settlement.Act) {
	textField(c, &a.ID)
	textField(c, &a.Name)
	textField(c, &a.By)
	textField(c, &a.Reason)
	textField(c, &a.Ledger)
}
