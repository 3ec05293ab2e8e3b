package example

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// problemsOf tells what is wrong, field by field where a refusal names them.
func problemsOf(err error) []string {
	list := []string{err.Error()}
	var refused *fault.Error
	if errors.As(err, &refused) {
		for _, f := range refused.Fields {
			list = append(list, f.Field+" "+f.Problem)
		}
	}
	return list
}

var errOutput = errors.New("an output needs either amount_incl_vat or amount_ex_vat")

func generalVATExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Output []struct {
			Inclusive *money.Amount `json:"amount_incl_vat"`
			Exclusive *money.Amount `json:"amount_ex_vat"`
			Rate      rateInput     `json:"rate"`
		} `json:"output"`
		Creditable amounts      `json:"input_vat_creditable"`
		Blocked    amounts      `json:"input_vat_blocked"`
		Carried    money.Amount `json:"carry_forward_in"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	p := tax.GeneralPeriod{Creditable: in.Creditable, Blocked: in.Blocked, CarryForward: in.Carried}
	for _, o := range in.Output {
		out := tax.OutputSales{Rate: o.Rate.Rate}
		switch {
		case (o.Inclusive == nil) == (o.Exclusive == nil):
			return answer{}, errOutput
		case o.Inclusive != nil:
			out.Amount, out.Inclusive = *o.Inclusive, true
		default:
			out.Amount = *o.Exclusive
		}
		p.Outputs = append(p.Outputs, out)
	}
	got, err := e.ComputeGeneralVAT(on, p)
	if err != nil {
		return answer{}, err
	}
	a := answer{steps: got.Steps}
	a.set("output_vat", got.Output)
	a.set("input_vat", got.Input)
	a.set("payable", got.Payable)
	a.set("carry_forward_out", got.CarryForward)
	return a, nil
}

// amounts is a list of amounts; one alone stands for a list of one, null for none.
type amounts []money.Amount

// UnmarshalJSON reads the list.
func (l *amounts) UnmarshalJSON(b []byte) error {
	var one money.Amount
	if err := json.Unmarshal(b, &one); err == nil && string(b) != "null" {
		*l = amounts{one}
		return nil
	}
	var list []money.Amount
	err := json.Unmarshal(b, &list)
	*l = list
	return err
}

// rateInput is a rate that an example may write as text or as a number; the number's own digits are
// read.
type rateInput struct{ money.Rate }

// UnmarshalJSON reads either form.
func (r *rateInput) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		s = string(b)
	}
	var err error
	r.Rate, err = money.ParseRate(s)
	return err
}

func salesLimitExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Sales money.Amount `json:"sales_12_months"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	above, got, err := e.CheckSalesLimit(on, in.Sales)
	if err != nil {
		return answer{}, err
	}
	a := answer{steps: got.Steps}
	a.set("must_register", above)
	return a, nil
}

// feeService gives the row of the table for a word that an example uses for a service.
func feeService(word string) string {
	word = strings.TrimSuffix(strings.TrimSuffix(word, "_services"), "_service")
	if word == "outdoor_advertising" {
		return "advertising"
	}
	return word
}

func culturalFeeExample(corpus *tax.Corpus, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Service    string       `json:"service"`
		Revenue    money.Amount `json:"revenue_incl_vat"`
		Publishing money.Amount `json:"deductible_ad_publishing_paid"`
		Reduction  *rateInput   `json:"reduction_rate"`
		Local      bool         `json:"local"`
		Agency     bool         `json:"mcn"`
		Small      string       `json:"small_scale_period"`
		Sales      money.Amount `json:"sales_ex_vat"`
		Reading    string       `json:"mcn_scope"`
		Place      string       `json:"place"` // "" = national: a local reduction is then not known
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	e, err := corpus.EngineAt(in.Place)
	if err != nil {
		return answer{}, err
	}
	f := tax.FeeReturn{Service: feeService(in.Service), Revenue: in.Revenue, Publishing: in.Publishing,
		Local: in.Local, Agency: in.Agency, Small: in.Small, Sales: in.Sales}
	if in.Reduction != nil {
		f.Reduction = &in.Reduction.Rate
	}
	if in.Reading != "" {
		f.Positions = []tax.Position{{ID: "example", Rule: "fee.cultural.mcn_scope", Reading: in.Reading}}
	}
	got, err := e.ComputeCulturalFee(on, f)
	if err != nil {
		return answer{}, err
	}
	a := answer{steps: got.Steps}
	a.set("base", got.Base)
	a.set("fee_before", got.Before)
	a.set("fee", got.Fee)
	a.set("most_reduction", got.MostReduction)
	return a, nil
}

// stampRow gives the row of the table for a word that an example uses for an item; "_contract" and
// "_transfer" at its end say nothing more.
func stampRow(word string) string {
	if word == "share_transfer" {
		return word
	}
	for _, end := range []string{"_contract", "_agreement", "_transfer"} {
		word = strings.TrimSuffix(word, end)
	}
	if row := contractRow(word); row != "" {
		return row
	}
	switch word {
	case "land", "land_use", "land_use_rights":
		return "land_use_right"
	case "house", "buildings", "real_estate", "property":
		return "building"
	case "equity", "share", "shares", "stock":
		return "share_transfer"
	case "trademark_right":
		return "trademark"
	case "copyrights", "ip", "intellectual_property":
		return "copyright"
	case "patent_right":
		return "patent"
	case "knowhow", "know_how_use_right", "proprietary_technology":
		return "know_how"
	case "account_books", "business_account_book", "business_book", "capital_account_book":
		return "account_book"
	case "securities_trading", "securities_transaction", "securities_trade":
		return "securities"
	}
	return word
}

// contractRow is the part of stampRow on contracts; "" for other words.
func contractRow(word string) string {
	switch word {
	case "loan", "borrowing", "bank_loan":
		return "loan"
	case "finance_lease", "finance_leasing", "financial_lease", "financing_lease":
		return "financial_leasing"
	case "sales", "sale_of_goods", "purchase", "purchase_sale", "purchase_and_sale", "goods_sale":
		return "sale"
	case "processing", "contracted_work", "contract_work", "contracting", "work_for_hire":
		return "work"
	case "construction_project", "engineering":
		return "construction"
	case "transportation":
		return "transport"
	case "tech", "technical":
		return "technology"
	case "rental", "rent", "leasing", "property_lease":
		return "lease"
	case "safekeeping", "storage":
		return "custody"
	case "warehouse":
		return "warehousing"
	case "insurance":
		return "property_insurance"
	}
	return untaxedRow(word)
}

// untaxedRow is the part of stampRow on contracts that the law does not list.
func untaxedRow(word string) string {
	switch word {
	case "agency", "artist_agency", "mcn_agency", "streamer_agency":
		return "talent_agency"
	case "intermediary", "broker":
		return "brokerage"
	case "advertisement", "ad":
		return "advertising"
	case "live_performance", "live_streaming", "live_stream":
		return "performance"
	case "services", "general_service", "general_services", "labor_service":
		return "service"
	case "individual_electronic_order", "electronic_order_individual",
		"electronic_order_of_individual", "electronic_orders":
		return "electronic_order"
	}
	return ""
}

func stampExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Item   string        `json:"item"`
		Items  []string      `json:"items"`
		Stated money.Amount  `json:"amount_stated"`
		VAT    *money.Amount `json:"vat_stated_separately"`
		Half   bool          `json:"half_six_taxes"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	d := tax.StampDocument{Stated: in.Stated, VAT: in.VAT, Half: in.Half}
	if in.Item != "" {
		in.Items = append(in.Items, in.Item)
	}
	for _, w := range in.Items {
		d.Items = append(d.Items, stampRow(w))
	}
	got, err := e.ComputeStampTax(on, d)
	if err != nil {
		return answer{}, err
	}
	a := answer{steps: got.Steps}
	a.set("base", got.Base)
	a.set("tax", got.Tax)
	return a, nil
}

func citExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Taxable    money.Amount `json:"taxable_income"`
		Employees  rateInput    `json:"employees_avg"`
		Assets     money.Amount `json:"assets_avg"`
		Restricted bool         `json:"restricted_industry"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	got, err := e.ComputeCIT(on, tax.CompanyYear{Taxable: in.Taxable, Employees: in.Employees.Rate,
		Assets: in.Assets, Restricted: in.Restricted})
	if err != nil {
		return answer{}, err
	}
	a := answer{steps: got.Steps}
	a.set("small_low_profit", got.SmallLowProfit)
	a.set("tax", got.Tax)
	return a, nil
}

// expenseItem gives the rule's word for an expense that an example names.
func expenseItem(word string) string {
	switch word {
	case "employee_welfare", "staff_welfare":
		return "welfare"
	case "trade_union", "labor_union", "union_fee", "union_fund", "union_funds":
		return "union"
	case "employee_training", "staff_training", "employee_education", "education", "staff_education":
		return "training"
	case "business_entertainment", "client_entertainment":
		return "entertainment"
	case "advertising_promotion", "advertisement", "advertising_and_promotion", "promotion",
		"business_promotion":
		return "advertising"
	case "donations", "charity", "charitable_donation", "public_welfare_donation":
		return "donation"
	case "commissions", "intermediary_commission", "intermediary_commissions", "handling_fee",
		"fee_and_commission":
		return "commission"
	}
	return wholeItem(word)
}

// wholeItem is the second half of expenseItem: what is deducted wholly or not at all.
func wholeItem(word string) string {
	switch word {
	case "surcharge", "taxes_and_surcharges", "stamp_tax":
		return "surcharges"
	case "vat", "creditable_vat":
		return "input_vat"
	case "dividends":
		return "dividend"
	case "cit":
		return "income_tax"
	case "late_fees", "late_payment_fee":
		return "late_fee"
	case "fines", "penalty", "penalties":
		return "fine"
	case "sponsorships":
		return "sponsorship"
	case "unrelated_expense", "unrelated_expenses":
		return "unrelated"
	}
	return word
}

func deductionExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Item    string       `json:"item"`
		Amount  money.Amount `json:"amount"`
		Base    money.Amount `json:"base"`
		Brought money.Amount `json:"carry_forward_in"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	got, err := e.DeductExpense(on,
		tax.Expense{Item: expenseItem(in.Item), Amount: in.Amount, Base: in.Base, Brought: in.Brought})
	if err != nil {
		return answer{}, err
	}
	a := answer{steps: got.Steps}
	a.set("deductible", got.Deductible)
	a.set("carry_forward", got.CarryForward)
	a.set("non_deductible", got.NonDeductible)
	return a, nil
}

func lateFeeExample(e *tax.Engine, _ civil.Date, raw json.RawMessage) (answer, error) {
	var in struct {
		Tax  money.Amount `json:"tax"`
		Due  civil.Date   `json:"due_date"`
		Paid civil.Date   `json:"paid_date"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	got, err := e.LateFee(in.Tax, in.Due, in.Paid)
	if err != nil {
		return answer{}, err
	}
	a := answer{steps: got.Steps}
	a.set("days", got.Days)
	a.set("fee", got.Fee)
	return a, nil
}

func dueDateExample(e *tax.Engine, days func() (*calendar.Calendar, error),
	raw json.RawMessage) (answer, error) {
	var in struct {
		Return string `json:"return"`
		Period string `json:"period"`
	}
	if err := inputs(raw, &in); err != nil {
		return answer{}, err
	}
	end, err := lastDay(in.Period)
	if err != nil {
		return answer{}, err
	}
	working, err := days()
	if err != nil {
		return answer{}, fmt.Errorf("calendar: %w", err)
	}
	got, err := e.DueDate(in.Return, end, working)
	if err != nil {
		return answer{}, err
	}
	a := answer{steps: got.Steps}
	a.set("due", got.Last)
	a.set("extended", got.Extended)
	return a, nil
}
