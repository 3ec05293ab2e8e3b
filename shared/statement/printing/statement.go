package printing

import (
	"fmt"
	"slices"
	"strings"

	"fenzhang/shared/ident"
	"fenzhang/shared/statement"
)

// statementPDF renders a statement as PDF: the first page shows what is paid and why, the following
// pages list the lines.
func (f *Font) statementPDF(st statement.Statement) ([]byte, error) {
	if err := f.checkGlyphs(statementTexts(st)); err != nil {
		return nil, err
	}
	s := newSheet(f, "对账单 "+st.Number)
	s.head = func() { s.writeRunningHead("对账单", st.Number) }
	s.writeTitle("对账单", "Statement of account", st.Number, "账期 Period  "+st.Period.String())
	s.writeParties(partyFields(st))
	s.writeSummary(st.Totals)
	s.writeSettlements(st)
	s.writeTaxLines(st)
	s.writeSetOffs(st)
	s.writeNotes(st)
	s.addPage()
	s.writeIncomeLines(st)
	return s.finishPDF("Fenzhang  " + st.Number + "  " + st.Hash[:16])
}

// writeTitle writes the title block of the document.
func (s *sheet) writeTitle(zh, en, number, period string) {
	s.writeText(margin, s.y+20, 20, accent, zh)
	s.writeText(margin+s.textWidth(zh, 20)+8, s.y+20, 9, grey, en)
	s.writeTextRight(pageWidth-margin, s.y+10, 8, black, "编号 No.  "+number)
	s.writeTextRight(pageWidth-margin, s.y+22, 8, black, period)
	s.y += 30
	s.drawLine(s.y, accent)
	s.y += 8
}

// writeRunningHead writes the top of each page after the first.
func (s *sheet) writeRunningHead(zh, number string) {
	s.writeText(margin, s.y+8, 8, grey, zh)
	s.writeTextRight(pageWidth-margin, s.y+8, 8, grey, number)
	s.y += 13
	s.drawLine(s.y, rule)
	s.y += 4
}

// field is one labelled line of the block of parties.
type field struct{ zh, en, text string }

// partyFields returns the block of a statement's parties: payers, creator, taxpayer and accounts.
func partyFields(st statement.Statement) []field {
	var payers, accounts []string
	for _, e := range st.Entities {
		payers = append(payers, printableText(e.Name)+"（统一社会信用代码 "+e.USCC+"）")
	}
	for _, l := range st.Lines {
		account := printableText(l.Platform + " " + l.AccountUID)
		if l.Platform != "" && !slices.Contains(accounts, account) {
			accounts = append(accounts, account)
		}
	}
	return []field{
		{"结算主体", "Paying entity", strings.Join(payers, "；")},
		{"达人", "Creator", printableText(st.Nickname) + "　" + string(st.CreatorID)},
		{"纳税人", "Taxpayer", printableText(string(st.Taxpayer)) + "　" + string(st.TaxpayerID)},
		{"平台账号", "Platform account", strings.Join(accounts, "；")},
		{"收款账户", "Paid to", chineseName(payoutMethodNames(), st.Payout.Method) + "　" +
			printableText(st.Payout.Tail)},
	}
}

// writeParties writes the block of parties; each text takes at most two lines.
func (s *sheet) writeParties(fields []field) {
	for _, f := range fields {
		lines := s.wrapText(f.text, 8.5, innerWidth-92)
		if len(lines) > 2 {
			lines = []string{lines[0], s.shortenToWidth(strings.Join(lines[1:], ""), 8.5, innerWidth-92)}
		}
		s.writeText(margin, s.y+9, 8.5, grey, f.zh)
		s.writeText(margin+s.textWidth(f.zh, 8.5)+4, s.y+9, 5.5, grey, f.en)
		for i, l := range lines {
			s.writeText(margin+92, s.y+9+float64(i)*11.5, 8.5, black, l)
		}
		s.y += 13.5 + float64(max(len(lines)-1, 0))*11.5
	}
	s.y += 4
}

// writeSummary writes the account as a row of boxes, from the amount to be split to the amount
// paid.
func (s *sheet) writeSummary(t statement.Totals) {
	boxes := []struct{ zh, en, amount string }{
		{"分成基数", "To be split", formatAmount(t.Base)},
		{"达人分成", "Your share", formatAmount(t.CreatorShare)},
		{"代扣税费", "Withheld", formatAmount(t.Withheld.Neg())},
		{"抵扣", "Set off", formatAmount(t.SetOffs.Neg())},
		{"应付", "To pay", formatAmount(t.ToPay)},
		{"已付", "Paid", formatAmount(t.Paid)},
	}
	w := (innerWidth - 5*5) / 6
	for i, b := range boxes {
		x := margin + float64(i)*(w+5)
		s.fillBox(x, s.y, w, 40, pale)
		s.writeText(x+6, s.y+13, 8.5, grey, b.zh)
		s.writeTextRight(x+w-6, s.y+13, 5.5, grey, b.en)
		size, c := 11.0, black
		if i == 4 {
			c = accent
		}
		// A large amount is written smaller, so that it is never cut.
		if need := s.textWidth(b.amount, size); need > w-12 {
			size *= (w - 12) / need
		}
		s.writeTextRight(x+w-6, s.y+32, size, c, b.amount)
	}
	s.y += 44
	s.writeTextRight(pageWidth-margin, s.y+7, 6.5, grey, "单位：人民币元　Amounts in CNY")
	s.y += 4
}

// writeSettlements writes the table of settlements with their total.
func (s *sheet) writeSettlements(st statement.Statement) {
	s.writeHeading("结算明细", "Settlements", 40)
	t := table{s, []column{
		{"收入类型 / 结算单", "Income type / settlement", 118, false}, {"合约", "Clause", 60, false},
		{"分成基数", "Base", 62, true}, {"比例", "Ratio", 34, true},
		{"达人分成", "Share", 62, true}, {"应纳税所得额", "Taxable", 60, true}, {"代扣税费", "Withheld", 54, true},
		{"应付", "To pay", 61.28, true}}, 7.5}
	t.writeHeader()
	for _, b := range st.Bills {
		state := chineseName(statusNames(), b.Status)
		if b.Hold != "" {
			state += "，" + chineseName(holdNames(), b.Hold)
		}
		if b.Guarantee {
			state += "，含保底"
		}
		if b.BroughtForward != "" {
			state += "，" + chineseName(broughtForwardNames(), b.BroughtForward)
		}
		t.writeRow([]string{chineseName(incomeTypeNames(), b.IncomeType) + "（" + state + "） " +
			shortID(b.SettlementID),
			b.Contract, formatAmount(b.Base), formatPercent(b.Percent),
			formatAmount(b.CreatorShare), formatOrPending(b.TaxableIncome), formatOrPending(b.Withheld),
			formatOrPending(b.ToPay)}, black)
	}
	t.writeRow([]string{"合计 Total", "", formatAmount(st.Totals.Base), "",
		formatAmount(st.Totals.CreatorShare),
		formatAmount(st.Totals.TaxableIncome), formatAmount(st.Totals.Withheld),
		formatAmount(st.Totals.ToPay)}, accent)
}

// shortID returns the end of a long settlement id, by which people tell settlements apart.
func shortID(id ident.Settlement) string {
	if len(id) <= 14 {
		return string(id)
	}
	return string("…" + id[len(id)-12:])
}

// writeTaxLines explains each tax of the statement in one line.
func (s *sheet) writeTaxLines(st statement.Statement) {
	if !hasTaxes(st) {
		return
	}
	s.writeHeading("税费说明", "Taxes, one line each, with the law", 20)
	for _, b := range st.Bills {
		for _, t := range b.Taxes {
			s.ensureRoom(11)
			s.writeText(margin, s.y+7.5, 7.5, accent, "·")
			s.writeParagraph(margin+9, 7.5, 10.8, black, printableText(explainTax(t)))
			s.y += 1.5
		}
	}
}

// hasTaxes reports whether any settlement of the statement has a tax.
func hasTaxes(st statement.Statement) bool {
	for _, b := range st.Bills {
		if len(b.Taxes) > 0 {
			return true
		}
	}
	return false
}

// writeSetOffs writes the table of set-offs, nothing when there are none.
func (s *sheet) writeSetOffs(st statement.Statement) {
	if st.Totals.SetOffs.IsZero() {
		return
	}
	s.writeHeading("抵扣明细", "Set-offs", 20)
	t := table{s, []column{{"种类", "Kind", 130, false}, {"依据文件", "Document", 260, false},
		{"金额", "Amount", 121.28, true}}, 7.5}
	t.writeHeader()
	for _, b := range st.Bills {
		for _, o := range b.SetOffs {
			t.writeRow([]string{chineseName(setOffNames(), o.Kind), printableText(o.Document),
				formatAmount(o.Amount)}, black)
		}
	}
}

// writeNotes writes the notes that explain the figures.
func (s *sheet) writeNotes(st statement.Statement) {
	s.writeHeading("说明", "Notes", 20)
	notes := []string{"达人分成 = 分成基数按合约分得的部分；应付 = 达人分成 − 代扣税费 − 抵扣。所示税费以付款日有效规定及全月累计为准。"}
	if st.Totals.Pending > 0 {
		notes = append(notes, fmt.Sprintf("有 %d 笔结算的税费尚未计算，未计入代扣税费与应付的合计。", st.Totals.Pending))
	}
	for _, b := range st.Bills {
		if !b.Booked && b.Net != nil {
			notes = append(notes, "状态为付款中之前的税费为预计数，入账后以入账数为准。")
			break
		}
	}
	notes = append(notes, "对明细有异议，请在确认前逐行提出；只有提出异议的结算暂停付款，其余照常。")
	s.writeNumbered(notes)
}

// writeNumbered writes notes as numbered paragraphs.
func (s *sheet) writeNumbered(notes []string) {
	for i, n := range notes {
		s.writeParagraph(margin, 7.5, 11, grey, fmt.Sprintf("%d. ", i+1)+n)
	}
}

// writeIncomeLines writes the table of income lines with their totals.
func (s *sheet) writeIncomeLines(st statement.Statement) {
	s.writeHeading("收入明细", "Lines of income", 40)
	t := table{s, []column{
		{"日期", "Date", 46, false}, {"类型", "Type", 42, false}, {"明细号 / 平台 / 账号 / 说明",
			"Line / platform / account / description", 142, false}, {"平台前总额", "Gross", 56, true},
		{"平台费", "Fee", 48, true}, {"退款", "Refund", 44, true}, {"补贴", "Subsidy", 40, true},
		{"可分配", "Distributable", 52, true}, {"去向", "State", 41.28, false}}, 7}
	t.writeHeader()
	for _, l := range st.Lines {
		about := []string{}
		for _, part := range []string{l.LineID, l.Platform, l.AccountUID, l.Nickname, l.Description} {
			if part = strings.TrimSpace(printableText(part)); part != "" {
				about = append(about, part)
			}
		}
		// A line of an earlier service period is marked as late with that period.
		late := ""
		if l.ServicePeriod != st.Period.Month {
			late = "（补 " + l.ServicePeriod.String() + "）"
		}
		t.writeRow([]string{l.OccurredOn.String(), chineseName(incomeTypeNames(), l.IncomeType),
			late + strings.Join(about, " / "), formatAmount(l.Gross), formatAmount(l.PlatformFee),
			formatAmount(l.Refund),
			formatAmount(l.Subsidy), formatAmount(l.Distributable), lineOutcomeName(l)}, black)
	}
	sum := st.Totals
	t.writeRow([]string{"合计", "", fmt.Sprintf("已结算 %d 行 settled lines", sum.Lines),
		formatAmount(sum.Gross),
		formatAmount(sum.PlatformFee), formatAmount(sum.Refund), formatAmount(sum.Subsidy),
		formatAmount(sum.Distributable),
		""}, accent)
	// Settlements that were opened by the API have no income lines; the difference is explained.
	if sum.Base != sum.Distributable {
		s.y += 4
		s.writeParagraph(margin, 7.5, 11, grey,
			"另有不以收入明细形式进入系统的结算 "+formatAmount(sum.Base.Sub(sum.Distributable))+
				" 元，见结算明细。")
	}
}

// fixedTexts returns all characters of the fixed Chinese names, for the check of the font.
func fixedTexts() string {
	var b strings.Builder
	for _, words := range []map[string]string{incomeTypeNames(), statusNames(), holdNames(),
		taxNames(), itemNames(),
		setOffNames(), payoutMethodNames(), routeNames(), collectionNames(), idTypeNames()} {
		for _, w := range words {
			b.WriteString(w)
		}
	}
	return b.String() + "0123456789…·−×"
}

// statementTexts returns all texts of a statement that people entered, as they are printed, for the
// check of the font.
func statementTexts(st statement.Statement) []string {
	out := []string{fixedTexts(), st.Number, string(st.CreatorID), string(st.TaxpayerID),
		printableText(st.Nickname), printableText(string(st.Taxpayer)), printableText(st.Payout.Tail),
		st.Payout.Method}
	for _, e := range st.Entities {
		out = append(out, printableText(e.Name), e.USCC)
	}
	for _, l := range st.Lines {
		out = append(out, printableText(l.Platform), printableText(l.AccountUID),
			printableText(l.Nickname), printableText(l.Description),
			l.LineID, l.IncomeType, l.SettledBy)
	}
	for _, b := range st.Bills {
		out = append(out, b.Contract, string(b.SettlementID), b.IncomeType)
		for _, t := range b.Taxes {
			out = append(out, printableText(explainTax(t)))
		}
		for _, o := range b.SetOffs {
			out = append(out, printableText(o.Document), o.Kind)
		}
	}
	return out
}
