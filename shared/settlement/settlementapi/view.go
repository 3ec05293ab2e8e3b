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

// View is a settlement as the HTTP contract shows it.
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
	// vat_date may still move: the calendar of its year is not loaded
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

// figures stand once the quote does; until then they are null.
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

// setOff is a deduction from the net; below zero, it is given back with it.
type setOff struct {
	Kind       string       `json:"kind"`
	Amount     money.Amount `json:"amount"`
	Document   string       `json:"document"`
	Receivable string       `json:"receivable_id"`
}

type payoutView struct {
	Key       string       `json:"key"`
	Method    string       `json:"method"`
	State     payout.State `json:"state"`
	SentAt    *civil.Stamp `json:"sent_at"`
	GatewayID *string      `json:"gateway_id"`
	Reason    *string      `json:"reason"`
}

type moveView struct {
	From         *settlement.Status `json:"from"`
	To           settlement.Status  `json:"to"`
	At           civil.Stamp        `json:"at"`
	By           string             `json:"by"`
	TransitionID string             `json:"transition_id"`
	Reason       *string            `json:"reason"`
}

// Next is what has to happen, who does it, and when it should be done.
type Next struct {
	Action  string       `json:"action"`
	Owner   string       `json:"owner"`
	Due     *civil.Stamp `json:"due"`
	Overdue bool         `json:"overdue"` // it waits longer than the tenant's deadlines allow
}

// holdView is a hold with what ends it and who may.
type holdView struct {
	Reason  string      `json:"reason"`
	Owner   string      `json:"owner"`
	Until   civil.Date  `json:"until"`
	Text    string      `json:"text"`
	Since   civil.Stamp `json:"since"`
	Release []string    `json:"release"` // roles that may release it by hand
	Ends    string      `json:"ends"`    // what ends it
}

// approvals are those given and those that are missing.
type approvals struct {
	Needed  int            `json:"needed"`
	Missing int            `json:"missing"`
	Given   []approvalView `json:"given"`
}

type approvalView struct {
	By  string       `json:"by"`
	Net money.Amount `json:"net"` // as it was shown to that person
	// the quote was another one then; the approval stands, it binds gross and shares
	Changed bool `json:"net_changed"`
}

// reviewView is what the tenant's checks found.
type reviewView struct {
	Version  int           `json:"rules_version"`
	Findings []findingView `json:"findings"`
}

type findingView struct {
	Code string         `json:"code"`
	Text bilingual.Text `json:"text"`
}

func textOf(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// viewOf shows a settlement with its figures, by their hashes. In lists the history is left out.
func viewOf(viewer settlement.Viewer, s settlement.Settlement, f map[string]settlement.Figures,
	withHistory bool) View {
	v := View{SettlementID: ident.Settlement(s.ID), Tenant: s.Tenant, CreatorID: s.CreatorID,
		TaxpayerID: s.TaxpayerID, PayingEntity: s.Entity, Route: s.Route,
		IncomeType: s.IncomeType, ActivityID: s.ActivityID, ServicePeriod: s.ServicePeriod,
		VATDate: s.VATDate, Provisional: s.Provisional != nil, PaymentDate: s.PaymentDate,
		Status: s.Status, StatusVersion: s.StatusVersion, LastUpdated: civil.Stamp(s.LastUpdated),
		TransitionID: s.TransitionID, Hold: holdViewOf(viewer, s),
		Gross: s.Gross, Shares: s.Shares, Memo: s.Memo, CreatorShare: s.CreatorShare(),
		Next: nextOf(viewer, s), CreatorText: viewer.CreatorText(s),
		Arrival: civil.StampOf(viewer.ArrivalOf(s)),
		Reopens: textOf(string(s.Reopens)), ReopenedBy: textOf(string(s.ReopenedBy)),
		ReasonClass: textOf(s.ReasonClass), Parent: textOf(string(s.Parent)), Parties: partyViews(s)}
	v.Unconfirmed = []string{}
	if !viewer.ForCreator {
		v.Approvals, v.Review = approvalsOf(s), reviewOf(viewer, s)
	}
	if v.Memo == nil {
		v.Memo = []split.Memo{}
	}
	if q, ok := f[s.Quote]; ok {
		v.Quote = figuresOf(s, q)
		v.figures = *v.Quote
	}
	if b, ok := f[s.Booking]; ok {
		v.figures = *figuresOf(s, b)
	}
	if s.Payout != nil {
		v.Payout = &payoutView{Key: s.Payout.Key, Method: s.Payout.Method, State: s.Payout.State,
			SentAt:    civil.StampOf(s.Payout.SentAt),
			GatewayID: textOf(s.Payout.GatewayID), Reason: textOf(s.Payout.Reason)}
	}
	if withHistory {
		v.History = historyOf(viewer, s)
	}
	return v
}

// holdViewOf shows the hold; to a creator without the names and words of staff.
func holdViewOf(viewer settlement.Viewer, s settlement.Settlement) *holdView {
	if s.Hold == nil {
		return nil
	}
	kind := reason.FindHold(s.Hold.Reason)
	h := &holdView{Reason: s.Hold.Reason, Owner: s.Hold.Owner, Until: s.Hold.Until, Text: s.Hold.Text,
		Since: civil.Stamp(s.HoldBegan()), Release: words(kind.Release), Ends: kind.Ends}
	if viewer.ForCreator {
		h.Text = kind.Creator.ZH
		if ident.Creator(h.Owner) != s.CreatorID {
			h.Owner = kind.Owner
		}
	}
	return h
}

func approvalsOf(s settlement.Settlement) *approvals {
	a := &approvals{Needed: s.ApproversNeeded(), Given: make([]approvalView, 0, len(s.Approvals))}
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

// reviewOf shows the findings in the words of the rules in force; nil until the checks were made.
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

// figuresOf shows computed figures with the set-offs as they stand.
func figuresOf(s settlement.Settlement, f settlement.Figures) *figures {
	r := f.Result
	offs, pay := []setOff{}, r.Net
	for _, o := range s.SetOffs {
		offs = append(offs,
			setOff{Kind: o.Kind, Amount: o.Amount, Document: o.Document, Receivable: o.Receivable})
		pay = pay.Sub(o.Amount)
	}
	// a quote that the booking replaced may be below what is set off now
	pay = money.MaxOf(pay, money.Amount{})
	return &figures{TaxableIncome: &r.TaxableIncome, Taxes: lines(r.Taxes),
		PayeeObligations: lines(r.PayeeObligations), PayerTaxes: lines(r.PayerTaxes),
		Net: &r.Net, SetOffs: offs, ToPay: &pay, Rules: &r.Rules, Unconfirmed: words(r.Unconfirmed)}
}

func lines(ls []tax.Line) []tax.Line {
	if ls == nil {
		return []tax.Line{}
	}
	return ls
}

func words(ws []string) []string {
	if ws == nil {
		return []string{}
	}
	return ws
}

// historyOf begins with the opening, which came from nothing. A creator is not told who at its
// agency did what.
func historyOf(viewer settlement.Viewer, s settlement.Settlement) []moveView {
	out := []moveView{{To: settlement.PendingReview, At: civil.Stamp(s.OpenedAt), By: s.Opener,
		TransitionID: s.OpenedBy}}
	for _, m := range s.History {
		from := m.From
		out = append(out, moveView{From: &from, To: m.To, At: civil.Stamp(m.At), By: m.By,
			TransitionID: m.TransitionID, Reason: textOf(m.Reason)})
	}
	if viewer.ForCreator {
		for i := range out {
			out[i].Reason = nil
			if out[i].By, _, _ = strings.Cut(out[i].By, ":"); out[i].By != "system" {
				out[i].By = "staff"
			}
		}
	}
	return out
}

// Explanation is the way from gross to what is paid, step by step.
type Explanation struct {
	SettlementID ident.Settlement `json:"settlement_id"`
	Steps        []tax.Step       `json:"steps"`
}

// partyView is a payee's share and its own settlement.
type partyView struct {
	Party        string       `json:"party"`
	Amount       money.Amount `json:"amount"`
	SettlementID *string      `json:"settlement_id"`
}

func partyViews(s settlement.Settlement) []partyView {
	out := []partyView{}
	for _, p := range s.PartySettlements() {
		out = append(out, partyView{p.Party, p.Amount, textOf(p.Settlement)})
	}
	return out
}

// nextOf shows what has to happen next.
func nextOf(viewer settlement.Viewer, s settlement.Settlement) Next {
	next := viewer.Next(s)
	return Next{Action: next.Action, Owner: next.Owner, Due: civil.StampOf(next.Due),
		Overdue: next.Overdue}
}
