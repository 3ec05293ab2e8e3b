package printing

import (
	"bytes"
	"fmt"

	"github.com/xuri/excelize/v2"

	"fenzhang/shared/money"
	"fenzhang/shared/statement"
)

// book is a workbook being written. The first failure stays, and later calls do nothing.
type book struct {
	file   *excelize.File
	sheet  string
	row    int
	amount int // style of amounts
	head   int // style of heads
	err    error
}

// amountFormat shows two decimals and separators of thousands.
const amountFormat = 4

func newBook(first string) *book {
	b := &book{file: excelize.NewFile(), sheet: first}
	b.keep(b.file.SetSheetName("Sheet1", first))
	var err error
	b.amount, err = b.file.NewStyle(&excelize.Style{NumFmt: amountFormat})
	b.keep(err)
	b.head, err = b.file.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true},
		Fill: excelize.Fill{Type: "pattern", Pattern: 1, Color: []string{"F2F4F8"}}})
	b.keep(err)
	return b
}

func (b *book) keep(err error) {
	if b.err == nil {
		b.err = err
	}
}

// next begins another sheet.
func (b *book) next(name string) {
	_, err := b.file.NewSheet(name)
	b.keep(err)
	b.sheet, b.row = name, 0
}

// add writes one row. Amounts are written as decimals, never as floats; texts are stored as texts,
// so that none of them is read as a formula, whatever it begins with.
func (b *book) add(cells ...any) { b.styled(0, cells...) }

func (b *book) styled(style int, cells ...any) {
	b.row++
	for i, v := range cells {
		cell, err := excelize.CoordinatesToCellName(i+1, b.row)
		b.keep(err)
		switch v := v.(type) {
		case money.Amount:
			b.keep(b.file.SetCellDefault(b.sheet, cell, v.String()))
			b.keep(b.file.SetCellStyle(b.sheet, cell, cell, b.amount))
		case *money.Amount:
			if v == nil {
				b.keep(b.file.SetCellStr(b.sheet, cell, "待计算"))
				continue
			}
			b.keep(b.file.SetCellDefault(b.sheet, cell, v.String()))
			b.keep(b.file.SetCellStyle(b.sheet, cell, cell, b.amount))
		case int:
			b.keep(b.file.SetCellInt(b.sheet, cell, int64(v)))
		case string:
			b.keep(b.file.SetCellStr(b.sheet, cell, clean(v)))
		default: // a cell that would be empty without a word
			b.keep(fmt.Errorf("workbook: a %T has no form in a cell", v))
		}
		if style != 0 {
			b.keep(b.file.SetCellStyle(b.sheet, cell, cell, style))
		}
	}
}

// header writes the head of a table: Chinese, with English below it in the same cell.
func (b *book) header(widths float64, cells ...any) {
	b.styled(b.head, cells...)
	last, err := excelize.ColumnNumberToName(len(cells))
	b.keep(err)
	b.keep(b.file.SetColWidth(b.sheet, "A", last, widths))
}

func (b *book) done() ([]byte, error) {
	defer func() { _ = b.file.Close() }() // it lives in memory only
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

func statementXLSX(st statement.Statement) ([]byte, error) {
	b := newBook(sheetSummary)
	b.header(26, "对账单 Statement", st.Number)
	for _, f := range partiesOf(st) {
		b.add(f.zh+" "+f.en, f.text)
	}
	b.add("账期 Period", st.Period.String())
	t := st.Totals
	for _, r := range []struct {
		name   string
		amount money.Amount
	}{{"分成基数 To be split", t.Base}, {"达人分成 Your share", t.CreatorShare},
		{"应纳税所得额 Taxable income", t.TaxableIncome}, {"代扣税费 Withheld", t.Withheld}, {"净额 Net", t.Net},
		{"抵扣 Set off", t.SetOffs}, {"应付 To pay", t.ToPay}, {"已付 Paid", t.Paid}} {
		b.add(r.name, r.amount)
	}
	b.add("税费待计算的结算笔数 Settlements not computed", t.Pending)
	b.add("内容摘要 Content hash", st.Hash)
	settlementSheet(b, st)
	taxSheet(b, st)
	lineSheet(b, st)
	return b.done()
}

func settlementSheet(b *book, st statement.Statement) {
	b.next(sheetSettlements)
	b.header(16, "结算单 Settlement", "收入类型 Income type", "结算主体 Paying entity", "合约 Clause", "分成基数 Base",
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
		kind := named(incomeTypes(), x.IncomeType)
		if x.BroughtForward != "" {
			kind += "（" + named(forwards(), x.BroughtForward) + "）"
		}
		b.add(string(x.SettlementID), kind, string(x.Entity), x.Contract, x.Base, x.Percent,
			x.CreatorShare, guarantee, named(items(), x.Item), x.TaxPeriod,
			x.TaxableIncome, x.Withheld, x.Net, setOff, x.ToPay, x.Paid, x.PaymentDate.String(),
			named(statuses(), x.Status), named(holds(), x.Hold))
	}
}

func taxSheet(b *book, st statement.Statement) {
	b.next(sheetTaxes)
	b.header(16, "结算单 Settlement", "税费 Tax", "所得项目 Item", "所属期 Period", "征收方式 Collected", "计税依据 Base",
		"税率 Rate", "速算扣除数 Quick deduction", "累计应扣 Period total",
		"此前已扣 Before", "本次应扣 Due", "本次扣 Amount", "未足额 Shortfall", "负担方 Borne by", "依据 Law")
	for _, x := range st.Bills {
		for _, t := range x.Taxes {
			law := ""
			for _, l := range t.Law {
				law += "《" + l.Document + "》" + l.Article + "；"
			}
			b.add(string(x.SettlementID), named(taxes(), t.Tax), named(items(), t.Item), t.Period,
				named(collections(), t.Collection), t.Base, ratePercent(t.Rate), t.Quick, t.Total, t.Before,
				t.Due, t.Amount, t.Shortfall, t.BorneBy, law)
		}
	}
}

func lineSheet(b *book, st statement.Statement) {
	b.next(sheetLines)
	b.header(16, "明细号 Line", "日期 Date", "所属月 Service period", "收入类型 Type", "平台 Platform", "账号 Account",
		"昵称 Nickname", "说明 Description", "平台前总额 Gross", "平台费 Fee",
		"退款 Refund", "补贴 Subsidy", "可分配 Distributable", "去向 State", "结算单 Settlement")
	for _, l := range st.Lines {
		b.add(l.LineID, l.OccurredOn.String(), l.ServicePeriod.String(),
			named(incomeTypes(), l.IncomeType), l.Platform, l.AccountUID, l.Nickname, l.Description, l.Gross,
			l.PlatformFee,
			l.Refund, l.Subsidy, l.Distributable, standing(l), string(l.SettlementID))
	}
}

func certificateXLSX(c statement.Certificate) ([]byte, error) {
	b := newBook(sheetTotals)
	b.header(24, "收入纳税明细 Certificate", c.Number)
	b.add("扣缴义务人 Withholding agent", c.Entity.Name)
	b.add("统一社会信用代码 USCC", c.Entity.USCC)
	b.add("纳税人 Taxpayer", c.Name+" "+string(c.TaxpayerID))
	b.add("证件 Identity", named(idTypes(), c.IDType)+" "+c.IDNumber)
	b.add("年度 Year", c.Year)
	b.header(24, "税费 Tax", "所得项目 Item", "征收方式 Collected", "收入额 Income", "扣缴税额 Withheld")
	for _, r := range c.Totals {
		b.add(named(taxes(), r.Tax), named(items(), r.Item), named(collections(), r.Collection), r.Income,
			r.Withheld)
	}
	b.next(sheetMonths)
	b.header(24, "月份 Month", "税费 Tax", "所得项目 Item", "征收方式 Collected", "收入额 Income", "扣缴税额 Withheld")
	for _, r := range c.Rows {
		b.add(r.Month, named(taxes(), r.Tax), named(items(), r.Item), named(collections(), r.Collection),
			r.Income, r.Withheld)
	}
	return b.done()
}
