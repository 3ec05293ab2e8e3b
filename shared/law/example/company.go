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

// problemTexts lists the message of an error and, for a refusal, the problem of each field.
func problemTexts(err error) []string {
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

// computeGeneralVATExample computes the VAT of a general taxpayer's period.
func computeGeneralVATExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
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
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	p := tax.GeneralPeriod{Creditable: in.Creditable, Blocked: in.Blocked, CarryForward: in.Carried}
	for _, o := range in.Output {
		out := tax.OutputSales{Rate: o.Rate.Rate}
		switch {
		// with both prices, or with none, it would be unclear what the rate applies to
		case (o.Inclusive == nil) == (o.Exclusive == nil):
			return exampleAnswer{}, errOutput
		case o.Inclusive != nil:
			out.Amount, out.Inclusive = *o.Inclusive, true
		default:
			out.Amount = *o.Exclusive
		}
		p.Outputs = append(p.Outputs, out)
	}
	got, err := e.ComputeGeneralVAT(on, p)
	if err != nil {
		return exampleAnswer{}, err
	}
	a := exampleAnswer{steps: got.Steps}
	a.setValue("output_vat", got.Output)
	a.setValue("input_vat", got.Input)
	a.setValue("payable", got.Payable)
	a.setValue("carry_forward_out", got.CarryForward)
	return a, nil
}

// amounts is a list of amounts in an example; a single amount counts as a list of one, null as no
// list.
type amounts []money.Amount

// UnmarshalJSON reads a single amount or a list of amounts.
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

// rateInput is a rate that an example may write as text or as a JSON number; the digits of the
// number are read as they are written.
type rateInput struct{ money.Rate }

// UnmarshalJSON reads a rate from text or from a number.
func (r *rateInput) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		s = string(b)
	}
	var err error
	r.Rate, err = money.ParseRate(s)
	return err
}

// checkSalesLimitExample decides whether a small-scale taxpayer must register as a general one.
func checkSalesLimitExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Sales money.Amount `json:"sales_12_months"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	above, got, err := e.CheckSalesLimit(on, in.Sales)
	if err != nil {
		return exampleAnswer{}, err
	}
	a := exampleAnswer{steps: got.Steps}
	a.setValue("must_register", above)
	return a, nil
}

// feeServiceRow returns the row of the fee's table for the name that an example uses for a service.
func feeServiceRow(word string) string {
	word = strings.TrimSuffix(strings.TrimSuffix(word, "_services"), "_service")
	if word == "outdoor_advertising" {
		return "advertising"
	}
	return word
}

// computeCulturalFeeExample computes the cultural construction fee of a period at a place.
func computeCulturalFeeExample(corpus *tax.Corpus, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
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
		Place      string       `json:"place"` // "" means national; a local reduction is then unknown
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	// the province decides about the reduction of its own part, so the place's rules are needed
	e, err := corpus.EngineAt(in.Place)
	if err != nil {
		return exampleAnswer{}, err
	}
	f := tax.FeeReturn{Service: feeServiceRow(in.Service), Revenue: in.Revenue,
		Publishing: in.Publishing,
		Local:      in.Local, Agency: in.Agency, Small: in.Small, Sales: in.Sales}
	if in.Reduction != nil {
		f.Reduction = &in.Reduction.Rate
	}
	// only a tax position can answer the open question whether an MCN owes the fee
	if in.Reading != "" {
		f.Positions = []tax.Position{{ID: "example", Rule: "fee.cultural.mcn_scope", Reading: in.Reading}}
	}
	got, err := e.ComputeCulturalFee(on, f)
	if err != nil {
		return exampleAnswer{}, err
	}
	a := exampleAnswer{steps: got.Steps}
	a.setValue("base", got.Base)
	a.setValue("fee_before", got.Before)
	a.setValue("fee", got.Fee)
	a.setValue("most_reduction", got.MostReduction)
	return a, nil
}

// stampRow returns the row of the stamp tax table for the name that an example uses for an item.
// The endings "_contract", "_agreement" and "_transfer" make no difference.
func stampRow(word string) string {
	// the row's own key ends like the endings that are cut off below
	if word == "share_transfer" {
		return word
	}
	for _, end := range []string{"_contract", "_agreement", "_transfer"} {
		word = strings.TrimSuffix(word, end)
	}
	if row := contractStampRow(word); row != "" {
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

// contractStampRow returns the row of a contract for stampRow; "" for other names.
func contractStampRow(word string) string {
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
	return untaxedStampRow(word)
}

// untaxedStampRow returns the row of a contract that the law does not tax, for stampRow.
func untaxedStampRow(word string) string {
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

// computeStampExample computes the stamp tax of one party on a document.
func computeStampExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Item   string        `json:"item"`
		Items  []string      `json:"items"`
		Stated money.Amount  `json:"amount_stated"`
		VAT    *money.Amount `json:"vat_stated_separately"`
		Half   bool          `json:"half_six_taxes"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	d := tax.StampDocument{Stated: in.Stated, VAT: in.VAT, Half: in.Half}
	if in.Item != "" {
		in.Items = append(in.Items, in.Item)
	}
	// several items whose amounts are not stated separately are taxed at the highest rate
	for _, w := range in.Items {
		d.Items = append(d.Items, stampRow(w))
	}
	got, err := e.ComputeStampTax(on, d)
	if err != nil {
		return exampleAnswer{}, err
	}
	a := exampleAnswer{steps: got.Steps}
	a.setValue("base", got.Base)
	a.setValue("tax", got.Tax)
	return a, nil
}

// computeCITExample computes the enterprise income tax of a company's year.
func computeCITExample(e *tax.Engine, on civil.Date, raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Taxable    money.Amount `json:"taxable_income"`
		Employees  rateInput    `json:"employees_avg"`
		Assets     money.Amount `json:"assets_avg"`
		Restricted bool         `json:"restricted_industry"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	got, err := e.ComputeCIT(on, tax.CompanyYear{Taxable: in.Taxable, Employees: in.Employees.Rate,
		Assets: in.Assets, Restricted: in.Restricted})
	if err != nil {
		return exampleAnswer{}, err
	}
	a := exampleAnswer{steps: got.Steps}
	a.setValue("small_low_profit", got.SmallLowProfit)
	a.setValue("tax", got.Tax)
	return a, nil
}

// expenseItem returns the item of the rules for the name that an example uses for an expense.
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
	return wholeExpenseItem(word)
}

// wholeExpenseItem returns, for expenseItem, the items that are deducted as a whole or not at all.
func wholeExpenseItem(word string) string {
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

// computeDeductionExample computes the deductible part of an expense.
func computeDeductionExample(e *tax.Engine, on civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Item    string       `json:"item"`
		Amount  money.Amount `json:"amount"`
		Base    money.Amount `json:"base"`
		Brought money.Amount `json:"carry_forward_in"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	got, err := e.DeductExpense(on,
		tax.Expense{Item: expenseItem(in.Item), Amount: in.Amount, Base: in.Base, Brought: in.Brought})
	if err != nil {
		return exampleAnswer{}, err
	}
	a := exampleAnswer{steps: got.Steps}
	a.setValue("deductible", got.Deductible)
	a.setValue("carry_forward", got.CarryForward)
	a.setValue("non_deductible", got.NonDeductible)
	return a, nil
}

// computeLateFeeExample computes the late fee on a tax.
func computeLateFeeExample(e *tax.Engine, _ civil.Date,
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Tax  money.Amount `json:"tax"`
		Due  civil.Date   `json:"due_date"`
		Paid civil.Date   `json:"paid_date"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	got, err := e.LateFee(in.Tax, in.Due, in.Paid)
	if err != nil {
		return exampleAnswer{}, err
	}
	a := exampleAnswer{steps: got.Steps}
	a.setValue("days", got.Days)
	a.setValue("fee", got.Fee)
	return a, nil
}

// computeDueDateExample computes the last day of a return by the given calendar.
func computeDueDateExample(e *tax.Engine, days func() (*calendar.Calendar, error),
	raw json.RawMessage) (exampleAnswer, error) {
	var in struct {
		Return string `json:"return"`
		Period string `json:"period"`
	}
	if err := decodeInputs(raw, &in); err != nil {
		return exampleAnswer{}, err
	}
	end, err := lastDayOfPeriod(in.Period)
	if err != nil {
		return exampleAnswer{}, err
	}
	// a last day without work moves to the next working day of this calendar
	working, err := days()
	if err != nil {
		return exampleAnswer{}, fmt.Errorf("calendar: %w", err)
	}
	got, err := e.DueDate(in.Return, end, working)
	if err != nil {
		return exampleAnswer{}, err
	}
	a := exampleAnswer{steps: got.Steps}
	a.setValue("due", got.Last)
	a.setValue("extended", got.Extended)
	return a, nil
}
