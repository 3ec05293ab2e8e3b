package example_test

import (
	"errors"
	"strings"
	"testing"

	"fenzhang/rules"
	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/example"
	"fenzhang/shared/law/ruletest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/money"
)

// A province's own reduction of the cultural fee is taken from its pack; where it is open, a tax position may say it.
func TestLocalReductionOfTheCulturalFee(t *testing.T) {
	corpus, err := taxpack.LoadCorpus(rules.NationalPack(), rules.JurisdictionPacks()...)
	if err != nil {
		t.Fatal(err)
	}
	position := func(rule, reading string) []tax.Position {
		return []tax.Position{{ID: "p1", Rule: rule, Reading: reading}}
	}
	tests := []struct {
		name, place, day string
		positions        []tax.Position
		want, gap        string
	}{
		{"the rate of a province", "440000", "2026-06-30", nil, "15.00", ""},
		{"restated by a page", "140000", "2026-06-30", nil, "15.00", ""},
		{"before it became open", "110000", "2024-06-30", nil, "15.00", ""},
		{"open in the province", "110000", "2026-06-30", nil, "", "fee.cultural.local_reduction@110000"},
		{"open everywhere", "310000", "2026-06-30", nil, "", "fee.cultural.local_reduction@310000"},
		{"by position", "110000", "2026-06-30", position("fee.cultural.local_reduction@110000", "0.20"), "24.00", ""},
		{"by the position of another place", "110000", "2026-06-30", position("fee.cultural.local_reduction@310000", "0.20"), "", "fee.cultural.local_reduction@110000"},
		{"by a position above the limit", "110000", "2026-06-30", position("fee.cultural.local_reduction@110000", "0.60"), "", ""},
		{"by a position without a rate", "110000", "2026-06-30", position("fee.cultural.local_reduction@110000", "half"), "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e, err := corpus.EngineAt(tt.place)
			if err != nil {
				t.Fatal(err)
			}
			x, err := e.ComputeCulturalFee(civil.MustDate(tt.day), tax.FeeReturn{Service: "advertising", Revenue: money.Yuan(1000), Local: true, Positions: tt.positions})
			var gap *tax.Gap
			switch {
			case tt.want != "":
				if err != nil || x.Fee.String() != tt.want || len(x.Rules.Positions) != len(tt.positions) {
					t.Errorf("fee %s by %v, %v", x.Fee, x.Rules.Positions, err)
				}
			case tt.gap != "":
				if !errors.As(err, &gap) || gap.Rule != tt.gap {
					t.Errorf("want the gap of %s, got %v", tt.gap, err)
				}
			default:
				if !fault.HasCode(err, fault.InvalidInput) {
					t.Errorf("want a refusal, got %v", err)
				}
			}
		})
	}
}

// A refused example says which of its inputs is wrong.
func TestRefusedExampleNamesItsInput(t *testing.T) {
	corpus, err := taxpack.LoadCorpus(rules.NationalPack())
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct{ name, kind, inputs, want string }{
		{"unknown item", "stamp", `{"item":"poem","amount_stated":"1.00"}`, "item poem is no item"},
		{"a rate of no law", "vat_general", `{"output":[{"amount_ex_vat":"1.00","rate":"0.05"}]}`, "output.rate 0.05"},
		{"both prices of an output", "vat_general", `{"output":[{"amount_ex_vat":"1.00","amount_incl_vat":"1.00","rate":"0.06"}]}`, "either amount_incl_vat or amount_ex_vat"},
		{"a key that nobody reads", "late_fee", `{"tax":"1.00","colour":"red"}`, "colour"},
		{"no period", "due_date", `{"return":"vat","period":"soon"}`, "period must be"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := example.Check(corpus, example.Example{ID: "x", Tax: tt.kind, Date: "2026-06-30", Inputs: []byte(tt.inputs), Expected: []byte(`{"tax":"0.00"}`)})
			if text := strings.Join(o.Mismatch, "\n"); o.State != example.Failed || !strings.Contains(text, tt.want) {
				t.Errorf("%s: %s, want %q", o.State, text, tt.want)
			}
		})
	}
}

// Examples may name items by other words of the trade.
func TestSynonyms(t *testing.T) {
	corpus, err := taxpack.LoadCorpus(rules.NationalPack())
	if err != nil {
		t.Fatal(err)
	}
	stamp := `{"item":"%s","amount_stated":"100000.00","vat_stated_separately":null,"half_six_taxes":false}`
	expense := `{"item":"%s","amount":"1000.00","base":"100.00"}`
	tests := []struct{ kind, inputs, expected, words string }{
		{"stamp", stamp, `{"tax":"5.00"}`, "loan_contract bank_loan finance_lease financial_leasing_contract"},
		{"stamp", stamp, `{"tax":"30.00"}`, "sale_contract sales_contract purchase_contract work_contract processing_contract construction_contract transport_contract transportation technology_contract trademark_transfer copyright_transfer patent_transfer know_how_transfer knowhow"},
		{"stamp", stamp, `{"tax":"100.00"}`, "lease_contract rental custody_contract warehousing_contract property_insurance_contract"},
		{"stamp", stamp, `{"tax":"50.00"}`, "land_use_right_transfer building_transfer share_transfer equity_transfer securities_trading"},
		{"stamp", stamp, `{"tax":"25.00"}`, "account_books business_account_book"},
		{"stamp", stamp, `{"base":"0.00","tax":"0.00"}`, "talent_agency_contract agency_contract brokerage_contract intermediary_contract advertising_contract performance_contract live_streaming_contract service_contract individual_electronic_order"},
		{"cit_deduction", expense, `{"deductible":"14.00"}`, "employee_welfare"},
		{"cit_deduction", expense, `{"deductible":"2.00"}`, "trade_union"},
		{"cit_deduction", expense, `{"deductible":"8.00"}`, "employee_training staff_education"},
		{"cit_deduction", expense, `{"deductible":"0.50"}`, "business_entertainment"},
		{"cit_deduction", expense, `{"deductible":"15.00"}`, "advertising_promotion"},
		{"cit_deduction", expense, `{"deductible":"12.00"}`, "charitable_donation"},
		{"cit_deduction", expense, `{"deductible":"5.00"}`, "intermediary_commission"},
		{"cit_deduction", expense, `{"non_deductible":"1000.00"}`, "fines penalty late_fees sponsorships dividends cit unrelated_expense vat"},
		{"cit_deduction", expense, `{"deductible":"1000.00"}`, "taxes_and_surcharges"},
		{"cultural_fee", `{"service":"%s","revenue_incl_vat":"100.00","reduction_rate":0.5}`, `{"fee":"1.50"}`, "advertising_service outdoor_advertising entertainment_services"},
	}
	for _, tt := range tests {
		for _, word := range strings.Fields(tt.words) {
			x := example.Example{ID: word, Tax: tt.kind, Date: "2026-06-30", Inputs: []byte(strings.Replace(tt.inputs, "%s", word, 1)), Expected: []byte(tt.expected)}
			if o := example.Check(corpus, x); o.State != example.Passed {
				t.Errorf("%s %s: %v", tt.kind, word, o.Mismatch)
			}
		}
	}
}

// A row that could not be read is a gap by the name of its table, never a zero.
func TestOpenRows(t *testing.T) {
	tests := []struct{ file, old, new, kind, inputs, want string }{
		{"stamp/rates.yaml", `loan: "0.00005"`, "loan: open", "stamp", `{"items":["sale","loan"],"amount_stated":"1.00"}`, "stamp.rates"},
		{"fees/cultural_rates.yaml", `advertising: "0.03"`, "advertising: open", "cultural_fee", `{"service":"advertising","revenue_incl_vat":"1.00"}`, "fee.cultural.rates"},
		{"cit/whole_items.yaml", `fine: "0.00"`, "fine: open", "cit_deduction", `{"item":"fine","amount":"1.00"}`, "cit.whole_items"},
		{"vat/general_rates.yaml", `goods: "0.13", listed: "0.09", services: "0.06", export: "0.00"}
    status: confirmed`, `goods: open, listed: "0.09", services: "0.06", export: "0.00"}
    status: confirmed`, "vat_general", `{"output":[{"amount_ex_vat":"1.00","rate":"0.13"}]}`, "output.rate"},
	}
	for _, tt := range tests {
		t.Run(tt.file, func(t *testing.T) {
			corpus, err := ruletest.ChangedLaw(ruletest.Change{File: tt.file, From: tt.old, To: tt.new})
			if err != nil {
				t.Fatal(err)
			}
			o := example.Check(corpus, example.Example{ID: "x", Tax: tt.kind, Date: "2026-06-30", Inputs: []byte(tt.inputs), Expected: []byte(`{"tax":"0.00"}`)})
			if text := strings.Join(o.Mismatch, " "); !strings.Contains(text, tt.want) {
				t.Errorf("%s, want %s", text, tt.want)
			}
		})
	}
	unknown := ruletest.Change{File: "vat/general_rates.yaml", From: `services: "0.06"`, To: "services: open"}
	if _, err := ruletest.ChangedLaw(unknown); err == nil || !strings.Contains(err.Error(), "row services") {
		t.Errorf("an estimate without its rate: %v", err)
	}
}
