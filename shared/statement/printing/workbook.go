package printing

import (
	"bytes"
	"fmt"

	"github.com/xuri/excelize/v2"

	"fenzhang/shared/money"
	"fenzhang/shared/statement"
)

// workbook is an XLSX document that is being written. It keeps the first error, and later calls
// write nothing.
type workbook struct {
	file  *excelize.File
	sheet string
	row   int
	// amount is the style of cells with amounts.
	amount int
	// head is the style of header cells.
	head int
	err  error
}

// amountFormat is the built-in number format with two decimals and separators of thousands.
const amountFormat = 4

// newWorkbook begins a workbook whose first sheet has the given name.
func newWorkbook(first string) *workbook {
	b := &workbook{file: excelize.NewFile(), sheet: first}
	b.keepError(b.file.SetSheetName("Sheet1", first))
	var err error
	b.amount, err = b.file.NewStyle(&excelize.Style{NumFmt: amountFormat})
	b.keepError(err)
	b.head, err = b.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true},
		Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"F2F4F8"}}})
	b.keepError(err)
	return b
}

// keepError stores the first error.
func (b *workbook) keepError(err error) {
	if b.err == nil {
		b.err = err
	}
}

// addSheet begins another sheet.
func (b *workbook) addSheet(name string) {
	_, err := b.file.NewSheet(name)
	b.keepError(err)
	b.sheet, b.row = name, 0
}

// addRow writes one row. Amounts are written as decimals and never as floats; texts are stored as
// texts, so that no text is read as a formula, whatever it begins with.
func (b *workbook) addRow(cells ...any) { b.addStyledRow(0, cells...) }

// addStyledRow writes one row whose cells have a style; style 0 is none.
func (b *workbook) addStyledRow(style int, cells ...any) {
	b.row++
	for i, v := range cells {
		cell, err := excelize.CoordinatesToCellName(i+1, b.row)
		b.keepError(err)
		switch v := v.(type) {
		case money.Amount:
			b.keepError(b.file.SetCellDefault(b.sheet, cell, v.String()))
			b.keepError(b.file.SetCellStyle(b.sheet, cell, cell, b.amount))
		case *money.Amount:
			if v == nil {
				b.keepError(b.file.SetCellStr(b.sheet, cell, "待计算"))
				continue
			}
			b.keepError(b.file.SetCellDefault(b.sheet, cell, v.String()))
			b.keepError(b.file.SetCellStyle(b.sheet, cell, cell, b.amount))
		case int:
			b.keepError(b.file.SetCellInt(b.sheet, cell, int64(v)))
		case string:
			b.keepError(b.file.SetCellStr(b.sheet, cell, printableText(v)))
		default:
			// A value of another type would silently leave an empty cell.
			b.keepError(fmt.Errorf("workbook: a %T has no form in a cell", v))
		}
		if style != 0 {
			b.keepError(b.file.SetCellStyle(b.sheet, cell, cell, style))
		}
	}
}

// addHeader writes the header of a table, Chinese and English in the same cell, and sets the width
// of its columns.
func (b *workbook) addHeader(widths float64, cells ...any) {
	b.addStyledRow(b.head, cells...)
	last, err := excelize.ColumnNumberToName(len(cells))
	b.keepError(err)
	b.keepError(b.file.SetColWidth(b.sheet, "A", last, widths))
}

// finishXLSX returns the bytes of the workbook.
func (b *workbook) finishXLSX() ([]byte, error) {
	// The workbook is only in memory, so closing it cannot lose anything.
	defer func() { _ = b.file.Close() }()
	if b.err != nil {
		return nil, fmt.Errorf("printing: workbook: %w", b.err)
	}
	var out bytes.Buffer
	if err := b.file.Write(&out); err != nil {
		return nil, fmt.Errorf("printing: workbook: %w", err)
	}
	return out.Bytes(), nil
}

// The names of sheets.
const (
	sheetSummary     = "汇总"
	sheetSettlements = "结算明细"
	sheetTaxes       = "税费"
	sheetLines       = "收入明细"
	sheetTotals      = "年度合计"
	sheetMonths      = "分月明细"
)

// statementXLSX renders a statement as XLSX: a summary, the settlements, the taxes and the lines.
func statementXLSX(st statement.Statement) ([]byte, error) {
	b := newWorkbook(sheetSummary)
	b.addHeader(26, "对账单 Statement", st.Number)
	for _, f := range partyFields(st) {
		b.addRow(f.zh+" "+f.en, f.text)
	}
	b.addRow("账期 Period", st.Period.String())
	t := st.Totals
	for _, r := range []struct {
		name   string
		amount money.Amount
	}{{"分成基数 To be split", t.Base}, {"达人分成 Your share", t.CreatorShare},
		{"应纳税所得额 Taxable income", t.TaxableIncome}, {"代扣税费 Withheld", t.Withheld}, {"净额 Net", t.Net},
		{"抵扣 Set off", t.SetOffs}, {"应付 To pay", t.ToPay}, {"已付 Paid", t.Paid}} {
		b.addRow(r.name, r.amount)
	}
	b.addRow("税费待计算的结算笔数 Settlements not computed", t.Pending)
	b.addRow("内容摘要 Content hash", st.Hash)
	addSettlementSheet(b, st)
	addTaxSheet(b, st)
	addLineSheet(b, st)
	return b.finishXLSX()
}

// addSettlementSheet adds the sheet of settlements.
func addSettlementSheet(b *workbook, st statement.Statement) {
	b.addSheet(sheetSettlements)
	b.addHeader(16, "结算单 Settlement", "收入类型 Income type", "结算主体 Paying entity", "合约 Clause",
		"分成基数 Base",
		"比例% Ratio", "达人分成 Share", "保底 Guarantee", "所得项目 Item",
		"税款所属期 Tax period", "应纳税所得额 Taxable", "代扣税费 Withheld", "净额 Net", "抵扣 Set off", "应付 To pay",
		"已付 Paid", "付款日 Payment date", "状态 Status", "暂停 Hold")
	for _, x := range st.Bills {
		var setOff money.Amount
		for _, o := range x.SetOffs {
			setOff = setOff.Add(o.Amount)
		}
		guarantee := ""
		if x.Guarantee {
			guarantee = "是"
		}
		kind := chineseName(incomeTypeNames(), x.IncomeType)
		if x.BroughtForward != "" {
			kind += "（" + chineseName(broughtForwardNames(), x.BroughtForward) + "）"
		}
		b.addRow(string(x.SettlementID), kind, string(x.Entity), x.Contract, x.Base, x.Percent,
			x.CreatorShare, guarantee, chineseName(itemNames(), x.Item), x.TaxPeriod,
			x.TaxableIncome, x.Withheld, x.Net, setOff, x.ToPay, x.Paid, x.PaymentDate.String(),
			chineseName(statusNames(), x.Status), chineseName(holdNames(), x.Hold))
	}
}

// addTaxSheet adds the sheet of taxes with the law that each follows.
func addTaxSheet(b *workbook, st statement.Statement) {
	b.addSheet(sheetTaxes)
	b.addHeader(16, "结算单 Settlement", "税费 Tax", "所得项目 Item", "所属期 Period", "征收方式 Collected",
		"计税依据 Base",
		"税率 Rate", "速算扣除数 Quick deduction", "累计应扣 Period total",
		"此前已扣 Before", "本次应扣 Due", "本次扣 Amount", "未足额 Shortfall", "负担方 Borne by", "依据 Law")
	for _, x := range st.Bills {
		for _, t := range x.Taxes {
			law := ""
			for _, l := range t.Law {
				law += "《" + l.Document + "》" + l.Article + "；"
			}
			b.addRow(string(x.SettlementID), chineseName(taxNames(), t.Tax),
				chineseName(itemNames(), t.Item), t.Period,
				chineseName(collectionNames(), t.Collection), t.Base, formatRate(t.Rate), t.Quick, t.Total,
				t.Before,
				t.Due, t.Amount, t.Shortfall, t.BorneBy, law)
		}
	}
}

// addLineSheet adds the sheet of income lines.
func addLineSheet(b *workbook, st statement.Statement) {
	b.addSheet(sheetLines)
	b.addHeader(16, "明细号 Line", "日期 Date", "所属月 Service period", "收入类型 Type", "平台 Platform",
		"账号 Account",
		"昵称 Nickname", "说明 Description", "平台前总额 Gross", "平台费 Fee",
		"退款 Refund", "补贴 Subsidy", "可分配 Distributable", "去向 State", "结算单 Settlement")
	for _, l := range st.Lines {
		b.addRow(l.LineID, l.OccurredOn.String(), l.ServicePeriod.String(),
			chineseName(incomeTypeNames(), l.IncomeType), l.Platform, l.AccountUID, l.Nickname,
			l.Description, l.Gross,
			l.PlatformFee,
			l.Refund, l.Subsidy, l.Distributable, lineOutcomeName(l), string(l.SettlementID))
	}
}

// certificateXLSX renders a yearly certificate of income and tax as XLSX.
func certificateXLSX(c statement.Certificate) ([]byte, error) {
	b := newWorkbook(sheetTotals)
	b.addHeader(24, "收入纳税明细 Certificate", c.Number)
	b.addRow("扣缴义务人 Withholding agent", c.Entity.Name)
	b.addRow("统一社会信用代码 USCC", c.Entity.USCC)
	b.addRow("纳税人 Taxpayer", c.Name+" "+string(c.TaxpayerID))
	b.addRow("证件 Identity", chineseName(idTypeNames(), c.IDType)+" "+c.IDNumber)
	b.addRow("年度 Year", c.Year)
	b.addHeader(24, "税费 Tax", "所得项目 Item", "征收方式 Collected", "收入额 Income", "扣缴税额 Withheld")
	for _, r := range c.Totals {
		b.addRow(chineseName(taxNames(), r.Tax), chineseName(itemNames(), r.Item),
			chineseName(collectionNames(), r.Collection), r.Income,
			r.Withheld)
	}
	b.addSheet(sheetMonths)
	b.addHeader(24, "月份 Month", "税费 Tax", "所得项目 Item", "征收方式 Collected", "收入额 Income", "扣缴税额 Withheld")
	for _, r := range c.Rows {
		b.addRow(r.Month, chineseName(taxNames(), r.Tax), chineseName(itemNames(), r.Item),
			chineseName(collectionNames(), r.Collection),
			r.Income, r.Withheld)
	}
	return b.finishXLSX()
}
