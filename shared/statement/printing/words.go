package printing

import (
	"cmp"
	"strings"

	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/statement"
)

// chineseName returns the Chinese name of a stored code; a code without a name is returned
// unchanged.
func chineseName(words map[string]string, name string) string { return cmp.Or(words[name], name) }

// incomeTypeNames returns the Chinese names of income types.
func incomeTypeNames() map[string]string {
	return map[string]string{"live_tip": "直播打赏", "commerce_commission": "带货佣金", "xingtu_ad": "星图广告",
		"incentive": "激励奖励"}
}

// statusNames returns the Chinese names of the statuses of settlements.
func statusNames() map[string]string {
	return map[string]string{"PENDING_REVIEW": "待审核", "IN_REVIEW": "审核中", "APPROVED": "已审批",
		"PAYING": "付款中", "PAID": "已付款", "FAILED": "付款失败"}
}

// holdNames returns the Chinese names of the reasons of holds.
func holdNames() map[string]string {
	return map[string]string{"RULE_GAP": "待税务规则", "NET_CHANGED": "净额变动待确认",
		"CALENDAR_MISSING": "待载入年度日历", "WAITING_INVOICE": "待收发票", "WAITING_RECEIPT": "待平台到账",
		"PAPER_MISSING": "资料缺失", "ACCOUNT_UNCHECKED": "账户待核验", "RISK": "风险复核", "MANUAL": "人工暂停",
		"DISPUTED": "有异议待答复", "WAITING_CONFIRMATION": "待达人确认"}
}

// broughtForwardNames returns the Chinese names of settlements that were owed from before the books
// began.
func broughtForwardNames() map[string]string {
	return map[string]string{statement.ForwardBeforeTax: "期初结转", statement.ForwardTaxed: "期初结转，原账套已扣税"}
}

// taxNames returns the Chinese names of taxes.
func taxNames() map[string]string {
	return map[string]string{"IIT": "个人所得税", "VAT": "增值税", "UMCT": "城市维护建设税", "EDU": "教育费附加",
		"LEDU": "地方教育附加", "CIT": "企业所得税"}
}

// itemNames returns the Chinese names of items of income.
func itemNames() map[string]string {
	return map[string]string{"labor": "劳务报酬所得", "labor_platform": "劳务报酬所得（累计预扣）", "wages": "工资薪金所得",
		"author": "稿酬所得", "royalty": "特许权使用费所得",
		"business": "经营所得", "incidental": "偶然所得"}
}

// setOffNames returns the Chinese names of the kinds of set-offs.
func setOffNames() map[string]string {
	return map[string]string{"refund_recovery": "退款追回", "tax_shortfall": "补扣税款", "advance": "预支款",
		"penalty": "违约金", "court_order": "司法协助扣划", "other": "其他"}
}

// payoutMethodNames returns the Chinese names of payout methods.
func payoutMethodNames() map[string]string {
	return map[string]string{"douyin": "抖音支付", "wechat": "微信零钱", "alipay": "支付宝", "bank": "银行卡"}
}

// routeNames returns the Chinese names of the contracts' routes of payment.
func routeNames() map[string]string {
	return map[string]string{"mcn_pays": "机构支付", "platform_pays_creator": "平台直接结算",
		"flex_platform_pays": "灵活用工平台结算", "studio_invoice": "工作室开票", "payroll": "工资发放"}
}

// collectionNames returns the Chinese names of the ways in which a tax is collected.
func collectionNames() map[string]string {
	return map[string]string{"withheld": "扣缴", "agency_filed": "代办申报"}
}

// idTypeNames returns the Chinese names of the tax authority's codes of identity documents.
func idTypeNames() map[string]string {
	return map[string]string{"201": "居民身份证", "208": "外国护照", "210": "港澳居民来往内地通行证", "213": "台湾居民来往大陆通行证",
		"227": "中国护照", "233": "外国人永久居留身份证", "237": "港澳居民居住证", "238": "台湾居民居住证", "uscc": "统一社会信用代码"}
}

// lineOutcomeName returns in Chinese what became of a line.
func lineOutcomeName(l statement.Line) string {
	switch l.Standing {
	case statement.LineSettled:
		return "已结算"
	case statement.LineCarried:
		return "结转下期"
	case statement.LineByOther:
		return chineseName(routeNames(), l.SettledBy)
	}
	return "未结算"
}

// formatAmount formats an amount with separators of thousands: 1,234.50.
func formatAmount(a money.Amount) string {
	text := a.String()
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "-", text[1:]
	}
	whole, fen, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return sign + whole + "." + fen
}

// formatOrPending formats an amount, or says that it is not computed yet when it is nil.
func formatOrPending(a *money.Amount) string {
	if a == nil {
		return "待计算"
	}
	return formatAmount(*a)
}

// formatRate formats a rate as a percentage without trailing zeros.
func formatRate(r money.Rate) string {
	return strings.TrimSuffix(
		strings.TrimRight(r.ApplyTo(money.Yuan(100), money.HalfEven).String(), "0"),
		".") + "%"
}

// formatPercent adds the percent sign to a percentage; "" stays empty.
func formatPercent(percent string) string {
	if percent == "" {
		return ""
	}
	return percent + "%"
}

// explainTax explains in one Chinese line from what a tax is computed and by which law.
func explainTax(t statement.Tax) string {
	var b strings.Builder
	b.WriteString(chineseName(taxNames(), t.Tax) + "（" + chineseName(itemNames(), t.Item) + "，" +
		t.Period + "，" +
		chineseName(collectionNames(), t.Collection) + "）：计税依据 " + formatAmount(t.Base) + " × " +
		formatRate(t.Rate))
	if !t.Quick.IsZero() {
		b.WriteString(" − 速算扣除数 " + formatAmount(t.Quick))
	}
	b.WriteString("，本期累计应扣 " + formatAmount(t.Total) + "，此前已扣 " + formatAmount(t.Before) + "，本次扣 " +
		formatAmount(t.Amount))
	if !t.Shortfall.IsZero() {
		b.WriteString("，未足额扣缴 " + formatAmount(t.Shortfall) + " 转为应收")
	}
	if t.BorneBy != tax.BorneByCreator {
		b.WriteString("，由付款方负担")
	}
	b.WriteString("。")
	if len(t.Law) > 0 {
		l := t.Law[0]
		b.WriteString("依据：《" + strings.Trim(l.Document, "《》") + "》" + l.Article)
		if len(t.Law) > 1 {
			b.WriteString(" 等")
		}
		b.WriteString("。")
	}
	if t.Status != tax.Confirmed && t.Status != "" {
		b.WriteString("（该规则为通行做法或转述，未核原文。）")
	}
	return b.String()
}
