// Package statement makes the documents that leave the house for people: a creator's statement of a
// month (对账单) with its life from sent to confirmed, and the yearly certificate of income and tax.
// Documents are made from stored facts only, so that the same facts give the same document, to the
// byte.
package statement

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// layout is the version of what documents show and how; it is part of their hash, so that a new
// layout makes new documents and leaves the old ones as they were sent.
const layout = "1"

// Statement is the account of a creator's month, or of the part of it that the contract's cycle
// names.
type Statement struct {
	Number     string         `json:"number"`
	Tenant     ident.Tenant   `json:"tenant"`
	CreatorID  ident.Creator  `json:"creator_id"`
	Nickname   string         `json:"nickname"`
	TaxpayerID ident.Taxpayer `json:"taxpayer_id"`
	Taxpayer   ident.Taxpayer `json:"taxpayer"` // name, masked
	Period     Period         `json:"period"`
	Payout     Account        `json:"payout"`
	Entities   []Entity       `json:"paying_entities"`
	Lines      []Line         `json:"lines"`
	Bills      []Bill         `json:"settlements"`
	Totals     Totals         `json:"totals"`
	Hash       string         `json:"content_hash,omitempty"`
}

// Account is where the creator is paid, masked but for its tail.
type Account struct {
	Method string `json:"method"`
	Tail   string `json:"account"`
}

// Entity is a company that pays (结算主体).
type Entity struct {
	EntityID ident.Entity `json:"entity_id"`
	Name     string       `json:"name"`
	USCC     string       `json:"uscc"`
}

// The standings of a line.
const (
	LineSettled = "settled"    // in a settlement of this statement
	LineCarried = "carried"    // what was below zero went on to a later month
	LineOpen    = "open"       // not settled yet
	LineByOther = "settled_by" // somebody else pays it, as SettledBy says
)

// Line is one line of income as the statement shows it.
type Line struct {
	LineID        string           `json:"line_id"`
	IncomeType    string           `json:"income_type"`
	Platform      string           `json:"platform"`
	AccountUID    string           `json:"account_uid"`
	Nickname      string           `json:"nickname"`
	OccurredOn    civil.Date       `json:"occurred_on"`
	ServicePeriod civil.Month      `json:"service_period"`
	Description   string           `json:"description"`
	Gross         money.Amount     `json:"gross_before_platform"`
	PlatformFee   money.Amount     `json:"platform_fee"`
	Refund        money.Amount     `json:"refund"`
	Subsidy       money.Amount     `json:"subsidy"`
	Distributable money.Amount     `json:"distributable"`
	Standing      string           `json:"standing"`
	SettlementID  ident.Settlement `json:"settlement_id,omitempty"`
	SettledBy     string           `json:"settled_by,omitempty"`
}

// Bill is one settlement as the statement shows it. Figures are null until its taxes are computed.
type Bill struct {
	SettlementID ident.Settlement `json:"settlement_id"`
	IncomeType   string           `json:"income_type"`
	Entity       ident.Entity     `json:"paying_entity"`
	Route        string           `json:"route"`
	Contract     string           `json:"contract"` // id and version: the clause that splits
	Status       string           `json:"status"`
	Hold         string           `json:"hold,omitempty"`
	Base         money.Amount     `json:"base"` // what is split (分成基数)
	Shares       []split.Share    `json:"shares"`
	CreatorShare money.Amount     `json:"creator_share"`
	Percent      string           `json:"percent"` // of the base, as it came out: "70.00"
	Guarantee    bool             `json:"guarantee"`
	// BroughtForward tells that it was owed from before the tenant's books begin here (期初结转):
	// before_tax, or taxed where the books before have withheld and filed its taxes; "" for everything
	// else.
	BroughtForward string        `json:"brought_forward,omitempty"`
	Item           string        `json:"item"`
	TaxPeriod      string        `json:"tax_period"`
	TaxableIncome  *money.Amount `json:"taxable_income"`
	Taxes          []Tax         `json:"taxes"`
	Withheld       *money.Amount `json:"withheld"` // kept back from the creator's share
	Net            *money.Amount `json:"net"`
	SetOffs        []SetOff      `json:"set_offs"`
	ToPay          *money.Amount `json:"to_pay"`
	Paid           money.Amount  `json:"paid"`
	PaymentDate    civil.Date    `json:"payment_date"` // expected until booked
	// the figures are those of the booking, not of a quote
	Booked bool `json:"booked"`
}

// How a settlement was brought forward from before.
const (
	ForwardBeforeTax = "before_tax"
	ForwardTaxed     = "taxed"
)

// Tax is one tax that the paying entity keeps back or files, with the figures of its whole period
// so far.
type Tax struct {
	Tax        string       `json:"tax"`
	Item       string       `json:"item"`
	Period     string       `json:"period"`
	Collection string       `json:"collection"`
	Base       money.Amount `json:"base"` // of the period so far
	Rate       money.Rate   `json:"rate"`
	Quick      money.Amount `json:"quick_deduction"`
	Total      money.Amount `json:"period_total"`
	Before     money.Amount `json:"period_before"`
	Due        money.Amount `json:"due"`
	Amount     money.Amount `json:"amount"`
	Shortfall  money.Amount `json:"shortfall"`
	BorneBy    string       `json:"borne_by"`
	Law        []tax.Law    `json:"law"`
	Status     tax.Status   `json:"status"`
}

// SetOff is a deduction from the net (抵扣).
type SetOff struct {
	Kind     string       `json:"kind"`
	Amount   money.Amount `json:"amount"`
	Document string       `json:"document"`
}

// Totals sum the settled lines and the settlements of a statement. What is not computed yet counts
// nothing, and Pending says of how many settlements.
type Totals struct {
	Lines         int          `json:"lines"`
	Gross         money.Amount `json:"gross_before_platform"`
	PlatformFee   money.Amount `json:"platform_fee"`
	Refund        money.Amount `json:"refund"`
	Subsidy       money.Amount `json:"subsidy"`
	Distributable money.Amount `json:"distributable"` // of the settled lines
	// of the settlements: also those that came without lines
	Base          money.Amount `json:"base"`
	CreatorShare  money.Amount `json:"creator_share"`
	TaxableIncome money.Amount `json:"taxable_income"`
	Withheld      money.Amount `json:"withheld"`
	Net           money.Amount `json:"net"`
	SetOffs       money.Amount `json:"set_offs"`
	ToPay         money.Amount `json:"to_pay"`
	Paid          money.Amount `json:"paid"`
	Pending       int          `json:"pending"`
}

// withHash gives the statement with the hash of its content.
func (s Statement) withHash() (Statement, error) {
	s.Hash = ""
	hash, err := contentHash(s)
	s.Hash = hash
	return s, err
}

func contentHash(v any) (string, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		return "", fault.Internal(err)
	}
	sum := sha256.Sum256(append(doc, layout...))
	return hex.EncodeToString(sum[:]), nil
}

// sumTotals fills the totals.
func (s *Statement) sumTotals() {
	t := Totals{}
	for _, l := range s.Lines {
		if l.Standing != LineSettled {
			continue
		}
		t.Lines++
		t.Gross, t.PlatformFee = t.Gross.Add(l.Gross), t.PlatformFee.Add(l.PlatformFee)
		t.Refund, t.Subsidy = t.Refund.Add(l.Refund), t.Subsidy.Add(l.Subsidy)
		t.Distributable = t.Distributable.Add(l.Distributable)
	}
	for _, b := range s.Bills {
		t.Base = t.Base.Add(b.Base)
		t.CreatorShare = t.CreatorShare.Add(b.CreatorShare)
		t.Paid = t.Paid.Add(b.Paid)
		if b.Net == nil {
			t.Pending++
			continue
		}
		t.TaxableIncome, t.Withheld = t.TaxableIncome.Add(*b.TaxableIncome), t.Withheld.Add(*b.Withheld)
		t.Net, t.ToPay = t.Net.Add(*b.Net), t.ToPay.Add(*b.ToPay)
		for _, o := range b.SetOffs {
			t.SetOffs = t.SetOffs.Add(o.Amount)
		}
	}
	s.Totals = t
}
