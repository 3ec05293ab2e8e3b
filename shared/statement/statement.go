// Package statement makes the documents that creators and authorities receive: a creator's
// statement of a month (对账单), with its life from sent to confirmed, and the yearly certificate of
// income and tax. Documents are made from stored facts only, so that the same facts give the same
// document byte for byte.
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

// layout is the version of the documents' layout. It is part of their hash, so that a new layout
// makes new documents and leaves those that were sent unchanged.
const layout = "1"

// Statement is the account of a creator's month, or of the part of a month that the contract's
// settlement cycle defines.
type Statement struct {
	Number     string         `json:"number"`
	Tenant     ident.Tenant   `json:"tenant"`
	CreatorID  ident.Creator  `json:"creator_id"`
	Nickname   string         `json:"nickname"`
	TaxpayerID ident.Taxpayer `json:"taxpayer_id"`
	// Taxpayer is the taxpayer's name, masked.
	Taxpayer ident.Taxpayer `json:"taxpayer"`
	Period   Period         `json:"period"`
	Payout   Account        `json:"payout"`
	Entities []Entity       `json:"paying_entities"`
	Lines    []Line         `json:"lines"`
	Bills    []Bill         `json:"settlements"`
	Totals   Totals         `json:"totals"`
	Hash     string         `json:"content_hash,omitempty"`
}

// Account is the account to which the creator is paid, masked except for its last digits.
type Account struct {
	Method string `json:"method"`
	Tail   string `json:"account"`
}

// Entity is a company that pays creators (结算主体).
type Entity struct {
	EntityID ident.Entity `json:"entity_id"`
	Name     string       `json:"name"`
	USCC     string       `json:"uscc"`
}

// The outcomes of a line in a statement.
const (
	// LineSettled marks a line that is in a settlement of this statement.
	LineSettled = "settled"
	// LineCarried marks a line whose bucket was closed without a payment; its money was carried
	// forward to a later period.
	LineCarried = "carried"
	// LineOpen marks a line that is not settled yet.
	LineOpen = "open"
	// LineByOther marks a line that somebody other than the tenant pays; SettledBy names the route.
	LineByOther = "settled_by"
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

// Bill is one settlement as the statement shows it. Its tax figures are null until the taxes are
// computed.
type Bill struct {
	SettlementID ident.Settlement `json:"settlement_id"`
	IncomeType   string           `json:"income_type"`
	Entity       ident.Entity     `json:"paying_entity"`
	Route        string           `json:"route"`
	// Contract is the id and version of the contract whose clause splits the income.
	Contract string `json:"contract"`
	Status   string `json:"status"`
	Hold     string `json:"hold,omitempty"`
	// Base is the amount that is split (分成基数).
	Base         money.Amount  `json:"base"`
	Shares       []split.Share `json:"shares"`
	CreatorShare money.Amount  `json:"creator_share"`
	// Percent is the creator's share of the base after rounding and guarantees, like "70.00".
	Percent   string `json:"percent"`
	Guarantee bool   `json:"guarantee"`
	// BroughtForward is before_tax or taxed when the settlement was owed from before the tenant's
	// books in this system begin (期初结转), and "" for every other settlement. It is taxed when the books
	// before have withheld and filed the taxes.
	BroughtForward string        `json:"brought_forward,omitempty"`
	Item           string        `json:"item"`
	TaxPeriod      string        `json:"tax_period"`
	TaxableIncome  *money.Amount `json:"taxable_income"`
	Taxes          []Tax         `json:"taxes"`
	// Withheld is the tax that is deducted from the creator's share.
	Withheld *money.Amount `json:"withheld"`
	Net      *money.Amount `json:"net"`
	SetOffs  []SetOff      `json:"set_offs"`
	ToPay    *money.Amount `json:"to_pay"`
	Paid     money.Amount  `json:"paid"`
	// PaymentDate is the expected day of payment until the settlement is booked.
	PaymentDate civil.Date `json:"payment_date"`
	// Booked reports that the figures are those of the booking and not of a quote.
	Booked bool `json:"booked"`
}

// The values of Bill.BroughtForward.
const (
	ForwardBeforeTax = "before_tax"
	ForwardTaxed     = "taxed"
)

// Tax is one tax that the paying entity withholds or files, with the figures of its whole tax
// period so far.
type Tax struct {
	Tax        string `json:"tax"`
	Item       string `json:"item"`
	Period     string `json:"period"`
	Collection string `json:"collection"`
	// Base is the tax base of the period so far.
	Base      money.Amount `json:"base"`
	Rate      money.Rate   `json:"rate"`
	Quick     money.Amount `json:"quick_deduction"`
	Total     money.Amount `json:"period_total"`
	Before    money.Amount `json:"period_before"`
	Due       money.Amount `json:"due"`
	Amount    money.Amount `json:"amount"`
	Shortfall money.Amount `json:"shortfall"`
	BorneBy   string       `json:"borne_by"`
	Law       []tax.Law    `json:"law"`
	Status    tax.Status   `json:"status"`
}

// SetOff is a deduction from the net amount (抵扣).
type SetOff struct {
	Kind     string       `json:"kind"`
	Amount   money.Amount `json:"amount"`
	Document string       `json:"document"`
}

// Totals sum the settled lines and the settlements of a statement. A settlement whose taxes are not
// computed yet adds nothing to the tax totals and is counted in Pending.
type Totals struct {
	Lines       int          `json:"lines"`
	Gross       money.Amount `json:"gross_before_platform"`
	PlatformFee money.Amount `json:"platform_fee"`
	Refund      money.Amount `json:"refund"`
	Subsidy     money.Amount `json:"subsidy"`
	// Distributable is the sum of the settled lines.
	Distributable money.Amount `json:"distributable"`
	// Base and the totals below it sum all settlements, also those that came without lines.
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

// withHash returns the statement with the hash of its content.
func (s Statement) withHash() (Statement, error) {
	s.Hash = ""
	hash, err := contentHash(s)
	s.Hash = hash
	return s, err
}

// contentHash returns the SHA-256 of a document's JSON and the version of the layout.
func contentHash(v any) (string, error) {
	doc, err := json.Marshal(v)
	if err != nil {
		return "", fault.Internal(err)
	}
	sum := sha256.Sum256(append(doc, layout...))
	return hex.EncodeToString(sum[:]), nil
}

// sumTotals computes the totals of the statement.
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
		// The taxes of this settlement are not computed, so only its base and share are counted.
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
