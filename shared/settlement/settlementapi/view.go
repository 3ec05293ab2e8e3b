package settlementapi

import (
	"strings"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/reason"
)

// View is a settlement in the form of the HTTP contract.
type View struct {
	SettlementID  ident.Settlement `json:"settlement_id"`
	Tenant        ident.Tenant     `json:"tenant"`
	CreatorID     ident.Creator    `json:"creator_id"`
	TaxpayerID    ident.Taxpayer   `json:"taxpayer_id"`
	PayingEntity  ident.Entity     `json:"paying_entity"`
	Route         string           `json:"route"`
	IncomeType    string           `json:"income_type"`
	ActivityID    string           `json:"activity_id"`
	ServicePeriod civil.Month      `json:"service_period"`
	VATDate       civil.Date       `json:"vat_date"`
	// Provisional is true while the calendar of the VAT date's year is not loaded, so that the date
	// may still move.
	Provisional   bool              `json:"dates_provisional"`
	PaymentDate   civil.Date        `json:"payment_date"`
	Status        settlement.Status `json:"status"`
	StatusVersion int               `json:"status_version"`
	LastUpdated   civil.Stamp       `json:"last_updated"`
	TransitionID  string            `json:"transition_id"`
	Hold          *holdView         `json:"hold"`
	Gross         money.Amount      `json:"gross"`
	Shares        []split.Share     `json:"shares"`
	Memo          []split.Memo      `json:"memo"`
	CreatorShare  money.Amount      `json:"creator_share"`
	figures
	Quote       *figures       `json:"quote"`
	Payout      *payoutView    `json:"payout"`
	Next        Next           `json:"next"`
	CreatorText bilingual.Text `json:"creator_text"`
	Approvals   *approvals     `json:"approvals"`
	Review      *reviewView    `json:"review"`
	Arrival     *civil.Stamp   `json:"expected_arrival"`
	Reopens     *string        `json:"reopens"`
	ReopenedBy  *string        `json:"reopened_by"`
	ReasonClass *string        `json:"reason_class"`
	Parent      *string        `json:"parent"`
	Parties     []partyView    `json:"parties"`
	History     []moveView     `json:"history,omitempty"`
}

// figures are the amounts that a quote or a booking computed; all are null until the first quote.
type figures struct {
	TaxableIncome    *money.Amount  `json:"taxable_income"`
	Taxes            []tax.Line     `json:"taxes"`
	PayeeObligations []tax.Line     `json:"payee_obligations"`
	PayerTaxes       []tax.Line     `json:"payer_taxes"`
	Net              *money.Amount  `json:"net"`
	SetOffs          []setOff       `json:"set_offs"`
	ToPay            *money.Amount  `json:"to_pay"`
	Rules            *tax.RulesUsed `json:"rules"`
	Unconfirmed      []string       `json:"unconfirmed"`
}

// setOff is a deduction from the net that repays a receivable; a negative amount is paid back to
// the creator.
type setOff struct {
	Kind       string       `json:"kind"`
	Amount     money.Amount `json:"amount"`
	Document   string       `json:"document"`
	Receivable string       `json:"receivable_id"`
}

// payoutView is the payment of a settlement.
type payoutView struct {
	Key       string       `json:"key"`
	Method    string       `json:"method"`
	State     payout.State `json:"state"`
	SentAt    *civil.Stamp `json:"sent_at"`
	GatewayID *string      `json:"gateway_id"`
	Reason    *string      `json:"reason"`
}

// moveView is one status move of a settlement's history.
type moveView struct {
	From         *settlement.Status `json:"from"`
	To           settlement.Status  `json:"to"`
	At           civil.Stamp        `json:"at"`
	By           string             `json:"by"`
	TransitionID string             `json:"transition_id"`
	Reason       *string            `json:"reason"`
}

// Next is the next action on a settlement, the role that has to take it, and its due time.
type Next struct {
	Action string       `json:"action"`
	Owner  string       `json:"owner"`
	Due    *civil.Stamp `json:"due"`
	// Overdue is true when the action is later than the tenant's deadlines allow.
	Overdue bool `json:"overdue"`
}

// holdView is a hold, with the roles that may release it and the event that ends it.
type holdView struct {
	Reason string      `json:"reason"`
	Owner  string      `json:"owner"`
	Until  civil.Date  `json:"until"`
	Text   string      `json:"text"`
	Since  civil.Stamp `json:"since"`
	// Release lists the roles that may release the hold by hand.
	Release []string `json:"release"`
	// Ends describes the event that ends the hold.
	Ends string `json:"ends"`
}

// approvals lists the approvals that a settlement has, and how many it needs and still lacks.
type approvals struct {
	Needed  int            `json:"needed"`
	Missing int            `json:"missing"`
	Given   []approvalView `json:"given"`
}

// approvalView is one person's approval.
type approvalView struct {
	By string `json:"by"`
	// Net is the net that the person saw when approving.
	Net money.Amount `json:"net"`
	// Changed is true when the net has changed since the approval. The approval is still valid,
	// because it binds gross and shares and not the net.
	Changed bool `json:"net_changed"`
}

// reviewView lists the findings of the tenant's review rules.
type reviewView struct {
	Version  int           `json:"rules_version"`
	Findings []findingView `json:"findings"`
}

// findingView is one finding of a review rule, by its code and in words.
type findingView struct {
	Code string         `json:"code"`
	Text bilingual.Text `json:"text"`
}

// nilIfEmpty returns nil for the empty text, so that JSON shows null.
func nilIfEmpty(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// viewOf returns the view of a settlement for one viewer. The map f holds its figures by their
// hash. Lists leave the history out.
func viewOf(viewer settlement.Viewer, s settlement.Settlement, f map[string]settlement.Figures,
	withHistory bool) View {
	v := View{SettlementID: ident.Settlement(s.ID), Tenant: s.Tenant, CreatorID: s.CreatorID,
		TaxpayerID: s.TaxpayerID, PayingEntity: s.Entity, Route: s.Route,
		IncomeType: s.IncomeType, ActivityID: s.ActivityID, ServicePeriod: s.ServicePeriod,
		VATDate: s.VATDate, Provisional: s.Provisional != nil, PaymentDate: s.PaymentDate,
		Status: s.Status, StatusVersion: s.StatusVersion, LastUpdated: civil.Stamp(s.LastUpdated),
		TransitionID: s.TransitionID, Hold: holdViewOf(viewer, s),
		Gross: s.Gross, Shares: s.Shares, Memo: emptyIfNil(s.Memo), CreatorShare: s.CreatorShare(),
		Next: nextOf(viewer, s), CreatorText: viewer.CreatorText(s),
		Arrival: civil.StampOf(viewer.ExpectedArrival(s)),
		Reopens: nilIfEmpty(string(s.Reopens)), ReopenedBy: nilIfEmpty(string(s.ReopenedBy)),
		ReasonClass: nilIfEmpty(s.ReasonClass), Parent: nilIfEmpty(string(s.Parent)),
		Parties: partyViews(s)}
	v.Unconfirmed = []string{} // JSON shows an empty list, also before the first quote.
	if !viewer.ForCreator {
		v.Approvals, v.Review = approvalsOf(s), reviewOf(viewer, s)
	}
	// The figures of the booking replace those of the quote at the top; the quote is shown beside
	// them.
	if q, ok := f[s.Quote]; ok {
		v.Quote = figuresOf(s, q)
		v.figures = *v.Quote
	}
	if b, ok := f[s.Booking]; ok {
		v.figures = *figuresOf(s, b)
	}
	v.Payout = payoutViewOf(s.Payout)
	if withHistory {
		v.History = historyOf(viewer, s)
	}
	return v
}

// payoutViewOf returns the view of a payment, nil when there is none yet.
func payoutViewOf(p *settlement.Payout) *payoutView {
	if p == nil {
		return nil
	}
	return &payoutView{Key: p.Key, Method: p.Method, State: p.State,
		SentAt:    civil.StampOf(p.SentAt),
		GatewayID: nilIfEmpty(p.GatewayID), Reason: nilIfEmpty(p.Reason)}
}

// holdViewOf returns the view of a settlement's hold, nil when there is none. A creator sees a text
// for creators and a role instead of what staff wrote and who of the staff set the hold.
func holdViewOf(viewer settlement.Viewer, s settlement.Settlement) *holdView {
	if s.Hold == nil {
		return nil
	}
	kind := reason.FindHold(s.Hold.Reason)
	h := &holdView{Reason: s.Hold.Reason, Owner: s.Hold.Owner, Until: s.Hold.Until, Text: s.Hold.Text,
		Since: civil.Stamp(s.HoldBegan()), Release: emptyIfNil(kind.Release), Ends: kind.Ends}
	if viewer.ForCreator {
		h.Text = kind.Creator.ZH
		if ident.Creator(h.Owner) != s.CreatorID {
			h.Owner = kind.Owner
		}
	}
	return h
}

// approvalsOf returns the approvals of a settlement, given and missing.
func approvalsOf(s settlement.Settlement) *approvals {
	a := &approvals{Needed: s.ApproversNeeded(), Given: make([]approvalView, 0, len(s.Approvals))}
	// An approved net that was stored is the one to compare with: the current net may have changed.
	shown := s.Net
	if s.ApprovedNet != nil {
		shown = *s.ApprovedNet
	}
	for _, g := range s.Approvals {
		a.Given = append(a.Given, approvalView{g.By, g.Net, g.Net != shown})
	}
	a.Missing = max(0, a.Needed-len(a.Given))
	return a
}

// reviewOf returns the findings of the tenant's review in the words of the review rules that are in
// force; it returns nil when no review was made yet.
func reviewOf(viewer settlement.Viewer, s settlement.Settlement) *reviewView {
	if s.Review == nil {
		return nil
	}
	r := &reviewView{Version: s.Review.Version,
		Findings: make([]findingView, 0, len(s.Review.Findings))}
	for _, code := range s.Review.Findings {
		r.Findings = append(r.Findings, findingView{code, viewer.Rules.FindingText(code)})
	}
	return r
}

// figuresOf returns computed figures together with the settlement's current set-offs.
func figuresOf(s settlement.Settlement, f settlement.Figures) *figures {
	r := f.Result
	offs := []setOff{}
	pay := r.Net
	for _, o := range s.SetOffs {
		offs = append(offs,
			setOff{Kind: o.Kind, Amount: o.Amount, Document: o.Document, Receivable: o.Receivable})
		pay = pay.Sub(o.Amount)
	}
	// The net of an old quote may be lower than the set-offs of the booking that replaced the quote;
	// the amount to pay is never below zero.
	pay = money.Max(pay, money.Amount{})
	return &figures{TaxableIncome: &r.TaxableIncome, Taxes: emptyIfNil(r.Taxes),
		PayeeObligations: emptyIfNil(r.PayeeObligations), PayerTaxes: emptyIfNil(r.PayerTaxes),
		Net: &r.Net, SetOffs: offs, ToPay: &pay, Rules: &r.Rules, Unconfirmed: emptyIfNil(r.Unconfirmed)}
}

// emptyIfNil returns an empty list for nil, so that JSON shows [] instead of null.
func emptyIfNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// historyOf lists the status moves of a settlement, the opening first, whose source status is null.
// A creator sees "staff" or "system" instead of the name of the person who acted.
func historyOf(viewer settlement.Viewer, s settlement.Settlement) []moveView {
	out := []moveView{{To: settlement.PendingReview, At: civil.Stamp(s.OpenedAt), By: s.Opener,
		TransitionID: s.OpenedBy}}
	for _, m := range s.History {
		from := m.From
		out = append(out, moveView{From: &from, To: m.To, At: civil.Stamp(m.At), By: m.By,
			TransitionID: m.TransitionID, Reason: nilIfEmpty(m.Reason)})
	}
	if viewer.ForCreator {
		// The reasons of staff may name persons, so a creator does not see them.
		for i := range out {
			out[i].Reason = nil
			if out[i].By, _, _ = strings.Cut(out[i].By, ":"); out[i].By != "system" {
				out[i].By = "staff"
			}
		}
	}
	return out
}

// Explanation lists the steps of the computation from the gross to the amount that is paid.
type Explanation struct {
	SettlementID ident.Settlement `json:"settlement_id"`
	Steps        []tax.Step       `json:"steps"`
}

// partyView is the share of another payee and the settlement that pays the share.
type partyView struct {
	Party        string       `json:"party"`
	Amount       money.Amount `json:"amount"`
	SettlementID *string      `json:"settlement_id"`
}

// partyViews lists the other payees of a settlement.
func partyViews(s settlement.Settlement) []partyView {
	out := []partyView{}
	for _, p := range s.PartySettlements() {
		out = append(out, partyView{p.Party, p.Amount, nilIfEmpty(p.Settlement)})
	}
	return out
}

// nextOf returns the next action on a settlement.
func nextOf(viewer settlement.Viewer, s settlement.Settlement) Next {
	next := viewer.NextAction(s)
	return Next{Action: next.Action, Owner: next.Owner, Due: civil.StampOf(next.Due),
		Overdue: next.Overdue}
}
