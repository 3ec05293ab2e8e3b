package main

import (
	"fenzhang/local/income"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// taxAmounts is amounts of tax, by the name of the tax.
type taxAmounts map[string]string

// workedCases returns the figures of docs/worked-cases.md. They were derived from the law by hand
// and not by the tax engine, so that the demo and the tests compare two independent computations.
func workedCases() []income.WorkedCase {
	first := payDay(serviceMonths()[0])
	second := payDay(serviceMonths()[1])
	third := payDay(serviceMonths()[2])
	none := taxAmounts{}
	return []income.WorkedCase{
		workedCase("a", "c001", first, "3800.00", taxAmounts{"IIT": "600.00"}, none, "3200.00"),
		workedCase("a", "c001", second, "60000.00", taxAmounts{"IIT": "12400.00"}, none, "47600.00"),
		workedCase("a", "c001", third, "10100.00",
			taxAmounts{"VAT": "100.00", "UMCT": "3.50", "EDU": "1.50",
				"LEDU": "1.00", "IIT": "1600.00"}, none, "8394.00"),
		workedCase("b", "c002", first, "3800.00", none, none, "3800.00"),
		workedCase("b", "c002", second, "60000.00", taxAmounts{"IIT": "1584.00"}, none, "58416.00"),
		workedCase("b", "c002", third, "10100.00", taxAmounts{"IIT": "308.00"}, none, "9792.00"),
		workedCase("c", "c003", first, "101000.00", none, taxAmounts{"VAT": "1000.00", "UMCT": "35.00"},
			"101000.00"),
		workedCase("c", "c003", second, "50500.00", none, none, "50500.00"),
		workedCase("c", "c003", third, "20200.00", none, none, "20200.00"),
		workedCase("d", "c004", first, "10100.00", taxAmounts{"IIT": "1616.00"}, none, "8484.00"),
		workedCase("d", "c004", second, "10100.00", taxAmounts{"IIT": "1616.00"}, none, "8484.00"),
		workedCase("d", "c004", third, "10100.00",
			taxAmounts{"VAT": "100.00", "UMCT": "3.50", "EDU": "1.50",
				"LEDU": "1.00", "IIT": "1600.00"}, none, "8394.00"),
		workedCase("d", "c005", third, "1010.00",
			taxAmounts{"VAT": "10.00", "UMCT": "0.35", "EDU": "0.15",
				"LEDU": "0.10", "IIT": "40.00"}, none, "959.40"),
		workedCase("d", "c006", third, "1009.99", taxAmounts{"IIT": "42.00"}, none, "967.99"),
		inSmallAgency(workedCase("e", "s001", second, "3000.00", taxAmounts{"IIT": "440.00"}, none,
			"2560.00"),
			""),
		inSmallAgency(workedCase("e", "s001", third, "12120.00", none, none, "0.00"), "RULE_GAP"),
		inSmallAgency(workedCase("e", "s002", third, "1009.80", none, none, "0.00"), "RULE_GAP"),
	}
}

// workedCase returns a worked case of the demo agency: its share, the taxes withheld, the taxes
// that the payee files, and the net amount.
func workedCase(letter string, creator ident.Creator, payOn civil.Date, share string, taxes,
	owed taxAmounts,
	net string) income.WorkedCase {
	return income.WorkedCase{Case: letter, Tenant: demoTenant, CreatorID: creator, PayOn: payOn,
		Share: money.MustParse(share), Taxes: taxes.amounts(), Owed: owed.amounts(),
		Net: money.MustParse(net)}
}

// inSmallAgency moves a worked case to the second agency.
func inSmallAgency(c income.WorkedCase, hold string) income.WorkedCase {
	c.Tenant, c.Hold = smallTenant, hold
	return c
}

// amounts returns the amounts as money.
func (k taxAmounts) amounts() map[string]money.Amount {
	out := map[string]money.Amount{}
	for tax, amount := range k {
		out[tax] = money.MustParse(amount)
	}
	return out
}
