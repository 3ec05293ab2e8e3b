package printing

import (
	"fmt"

	"fenzhang/shared/statement"
)

// certificatePDF renders a yearly certificate of income and tax as PDF.
func (f *Font) certificatePDF(c statement.Certificate) ([]byte, error) {
	if err := f.checkGlyphs(certificateTexts(c)); err != nil {
		return nil, err
	}
	s := newSheet(f, "收入纳税明细 "+c.Number)
	// Pages after the first begin with a running head, which needs the number of the certificate.
	s.head = func() { s.writeRunningHead("收入纳税明细", c.Number) }
	s.writeTitle("收入纳税明细", "Certificate of income and tax", c.Number,
		fmt.Sprintf("年度 Year  %d", c.Year))
	s.writeParties([]field{
		{"扣缴义务人", "Withholding agent", printableText(c.Entity.Name) + "（统一社会信用代码 " + c.Entity.USCC + "）"},
		{"纳税人", "Taxpayer", printableText(c.Name) + "　" + string(c.TaxpayerID)},
		{"证件", "Identity", chineseName(idTypeNames(), c.IDType) + "　" + printableText(c.IDNumber)},
	})
	s.writeHeading("年度合计", "Totals of the year", 40)
	s.writeCertificateRows(c.Totals, false)
	s.writeHeading("分月明细", "By month", 40)
	s.writeCertificateRows(c.Rows, true)
	s.writeHeading("说明", "Notes", 20)
	notes := []string{"收入额：个人所得税为该项目的收入额（不含增值税），增值税及附加为不含税销售额。扣缴税额含由付款方负担和未足额扣缴部分，冲正以负数列示后合并。单位：人民币元。",
		"本明细由账簿中的税款记录生成，不替代税务机关开具的完税证明；纳税人可在个人所得税 App 核对。"}
	if c.Opening {
		notes = append(notes, "含启用本系统之前的期初数，期初数以启用时双人核准的资料为准。")
	}
	s.writeNumbered(notes)
	return s.finishPDF("Fenzhang  " + c.Number + "  " + c.Hash[:16])
}

// certificateTexts returns all texts of a certificate that people entered, for the check of the
// font.
func certificateTexts(c statement.Certificate) []string {
	texts := []string{fixedTexts(), c.Number, string(c.TaxpayerID), printableText(c.Name),
		printableText(c.IDNumber), printableText(c.Entity.Name), c.Entity.USCC}
	for _, r := range c.Rows {
		texts = append(texts, r.Tax, r.Item, r.Month, r.Collection)
	}
	return texts
}

// writeCertificateRows writes the table of tax rows, with a column of months when monthly is true.
func (s *sheet) writeCertificateRows(rows []statement.CertificateRow, monthly bool) {
	t := table{s, []column{{"税费", "Tax", 110, false}, {"所得项目", "Item of income", 150, false},
		{"征收方式", "Collected", 71.28, false},
		{"收入额", "Income", 90, true}, {"扣缴税额", "Withheld", 90, true}}, 8}
	if monthly {
		t.columns = append([]column{{"月份", "Month", 50, false}}, t.columns...)
		t.columns[1].width, t.columns[2].width = 90, 120
	}
	t.writeHeader()
	for _, r := range rows {
		cells := []string{chineseName(taxNames(), r.Tax), chineseName(itemNames(), r.Item),
			chineseName(collectionNames(), r.Collection), formatAmount(r.Income), formatAmount(r.Withheld)}
		if monthly {
			cells = append([]string{r.Month}, cells...)
		}
		t.writeRow(cells, black)
	}
	if len(rows) == 0 {
		t.writeRow(append([]string{"无"}, make([]string, len(t.columns)-1)...), black)
	}
}
