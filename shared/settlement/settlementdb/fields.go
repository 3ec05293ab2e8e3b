package settlementdb

import (
	"fenzhang/shared/contract/split"
	"fenzhang/shared/settlement"
)

// settlementFields encodes or decodes the fields of a settlement that are in the attribute
// attrMeta. Fields that the key or another attribute of META holds, and fields that follow from
// others, are left out. A new field is added at the end, with a new formVersion.
func settlementFields(c *codec, s *settlement.Settlement) {
	openingFields(c, &s.Opening)
	c.instantField(&s.LastUpdated)
	optionalField(c, &s.Hold, holdFields)
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
	listField(c, &s.SetOffs, setOffFields)
	optionalField(c, &s.Payout, payoutFields)
	listField(c, &s.Preparers, textField)
	listField(c, &s.Parties, partyFields)
	listField(c, &s.Approvals, approvalFields)
	optionalField(c, &s.Review, reviewFields)
	c.boolField(&s.Automatic)
	listField(c, &s.Waived, textField)
	textField(c, &s.Lacks)
	textField(c, &s.Awaits)
	optionalField(c, &s.Paper, invoiceFields)
	c.dateField(&s.Disputed)
	c.dateField(&s.ConfirmBy)
	c.boolField(&s.StatementSent)
	c.boolField(&s.Confirmed)
	c.instantField(&s.Arrival)
	c.instantField(&s.FirstArrival)
	textField(c, &s.ReasonClass)
	textField(c, &s.ReopenedBy)
	listField(c, &s.History, statusMoveFields)
	actFields(c, &s.Last)
}

// openingFields encodes or decodes the fields of how a settlement was opened.
func openingFields(c *codec, o *settlement.Opening) {
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
	listField(c, &o.Shares, shareFields)
	listField(c, &o.Memo, memoFields)
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

// shareFields encodes or decodes the fields of one party's share.
func shareFields(c *codec, s *split.Share) {
	textField(c, &s.Party)
	textField(c, &s.Kind)
	c.amountField(&s.Amount)
	c.rateField(&s.Ratio)
	textField(c, &s.By)
	c.amountField(&s.Short)
}

// memoFields encodes or decodes the fields of one memo party's figures.
func memoFields(c *codec, m *split.Memo) {
	textField(c, &m.Party)
	c.amountField(&m.Amount)
	c.amountField(&m.Basis)
}

// holdFields encodes or decodes the fields of a hold.
func holdFields(c *codec, h *settlement.Hold) {
	textField(c, &h.Reason)
	textField(c, &h.Owner)
	c.dateField(&h.Until)
	textField(c, &h.Text)
	c.boolField(&h.ByHand)
}

// setOffFields encodes or decodes the fields of one set-off.
func setOffFields(c *codec, o *settlement.SetOff) {
	textField(c, &o.Receivable)
	textField(c, &o.Kind)
	c.amountField(&o.Amount)
	textField(c, &o.Document)
}

// payoutFields encodes or decodes the fields of a payout.
func payoutFields(c *codec, p *settlement.Payout) {
	textField(c, &p.Key)
	textField(c, &p.Method)
	textField(c, &p.State)
	c.instantField(&p.SentAt)
	textField(c, &p.GatewayID)
	textField(c, &p.Reason)
}

// partyFields encodes or decodes the fields of the link to a payee's own settlement.
func partyFields(c *codec, p *settlement.PartyLink) {
	c.intField(&p.Occurrence)
	c.boolField(&p.Asked)
	c.intField(&p.Of)
}

// approvalFields encodes or decodes the fields of one approval.
func approvalFields(c *codec, a *settlement.Approval) {
	textField(c, &a.By)
	c.amountField(&a.Net)
}

// reviewFields encodes or decodes the fields of the result of the tenant's review rules.
func reviewFields(c *codec, r *settlement.Review) {
	c.intField(&r.Version)
	listField(c, &r.Findings, textField)
	c.intField(&r.Approvers)
	textField(c, &r.Hold)
	textField(c, &r.Rejects)
}

// invoiceFields encodes or decodes the fields of the payee's invoice.
func invoiceFields(c *codec, p *settlement.InvoicePaper) {
	textField(c, &p.Number)
	c.dateField(&p.IssuedOn)
	c.amountField(&p.Amount)
	textField(c, &p.FileSHA256)
}

// statusMoveFields encodes or decodes the fields of one status move.
func statusMoveFields(c *codec, m *settlement.Move) {
	textField(c, &m.To)
	c.instantField(&m.At)
	textField(c, &m.By)
	textField(c, &m.TransitionID)
	textField(c, &m.Reason)
}

// actFields encodes or decodes the fields of the last act on a settlement.
func actFields(c *codec, a *settlement.Act) {
	textField(c, &a.ID)
	textField(c, &a.Name)
	textField(c, &a.By)
	textField(c, &a.Reason)
	textField(c, &a.Ledger)
}
