// Package opening imports what a tenant brings from its books before this system (期初导入): creators,
// contracts, payables and receivables, and the taxes withheld this year. It reads rows of text and
// their rules; spreadsheets are read by openingxlsx.
package opening

// The names of the sheets of the workbook.
const (
	Creators    = "creators"
	Contracts   = "contracts"
	Payables    = "payables"
	Receivables = "receivables"
	Withholding = "withholding"
)

// SamplesSheet is the sheet of the template that shows sample rows; it is not read.
const SamplesSheet = "samples"

// Sheet is one sheet of the workbook with its columns.
type Sheet struct {
	// Title is the Chinese name of the sheet.
	Name, Title string
	Note        string // what the rows are, for whoever fills them in
	Columns     []Column
}

// Column is one column of a sheet. Every cell is text; Example is a valid cell.
type Column struct {
	Key, Title string
	Required   bool
	Example    string
	Note       string
}

// Sample is a valid row of a sheet with a title. A column that Cells does not set has the column's
// example.
type Sample struct {
	Title string
	Cells map[string]string
}

// SampleRows are rows that show what the columns' examples do not: a contract of each cycle but the
// month, and a payable that was taxed before.
func SampleRows() map[string][]Sample {
	cycle := func(title, name string) Sample {
		return Sample{title,
			map[string]string{"contract_id": "ct-1001-" + name, "cycle": name, "pay_day": ""}}
	}
	return map[string][]Sample{
		Contracts: {cycle("by the day 按日", "daily"), cycle("by the week, Monday to Sunday 按周", "weekly"),
			cycle("1st to 15th, and the rest 按半月", "half_month"),
			cycle("when it is asked for 随时申请", "on_demand")},
		Payables: {{"taxed in the books before 原账套已扣税",
			map[string]string{"external_ref": "OLD-2026-06-1002", "amount": "960.00", "taxed": "yes",
				"tax_document": "申报表回执 2026-07-08"}}},
	}
}

// CellsFor returns the sample's cell in each column.
func (s Sample) CellsFor(columns []Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		text, ok := s.Cells[c.Key]
		if !ok {
			text = c.Example
		}
		out[i] = text
	}
	return out
}

// Sheets lists the pages of the workbook in the order in which they are filled in.
func Sheets() []Sheet {
	return []Sheet{
		{Creators, "达人", "One row for each payee account; the same ID number is the same taxpayer. " +
			"每个收款账号一行，证件号相同即同一纳税人。", []Column{
			{"creator_id", "达人编号", true, "c-1001", "1 to 64 of A-Z a-z 0-9 _ -"},
			{"nickname", "昵称", true, "半夏", ""},
			{"level", "等级", false, "S", ""},
			{"platform", "平台", false, "douyin", ""},
			{"account_uid", "平台账号", false, "880001", ""},
			{"name", "姓名或名称", true, "张三", ""},
			{"id_type", "证件类型", true, "resident_id", "resident_id, passport, uscc, or a code as in the API"},
			{"id_number", "证件号码", true, "11010518800101001X", ""},
			{"phone", "手机号", false, "13800138000", ""},
			{"profile_from", "涉税资料起始日", true, "2026-01-01", ""},
			{"kind", "纳税人类型", true, "natural_person", ""},
			{"resident", "居民", true, "yes", "yes or no 是或否"},
			{"vat", "增值税身份", true, "natural_person", ""},
			{"collection", "征收方式", true, "withheld", ""},
			{"jurisdiction", "登记或居住地", true, "330100", "six digits"},
			{"industry", "行业", false, "", ""},
			{"payout_method", "付款方式", true, "bank", "douyin, wechat, alipay, bank"},
			{"payout_account", "收款账号", true, "6216261000000000018", ""},
			{"payout_holder", "收款户名", true, "张三", ""},
		}},
		{Contracts, "合约", "One row for each income type of a contract; rows of one contract_id belong " +
			"together. 同一合约每种收入一行。", []Column{
			{"contract_id", "合约编号", true, "ct-1001", ""},
			{"creator_id", "达人编号", true, "c-1001", ""},
			{"paying_entity", "结算主体", true, "ent-1", "must exist already 须已建立"},
			{"from", "生效日", true, "2026-01-01", ""},
			{"to", "终止日", false, "", ""},
			{"income_type", "收入类型", true, "live_tip", ""},
			{"route", "结算通道", true, "mcn_pays", ""},
			{"creator_share", "达人比例", true, "0.70", "between 0 and 1; the rest is the agency's 其余归机构"},
			{"cycle", "结算周期", true, "month", "month, half_month, weekly, daily, on_demand 按月、半月、周、日、随时"},
			{"pay_day", "付款日", false, "15",
				"day of the month after, with the cycle month only 次月几日，仅按月结算时填"},
			{"price_basis", "价格口径", true, "before_tax", ""},
			{"revenue_basis", "收入确认", true, "net", ""},
		}},
		{Payables, "期初应付",
			"What is owed to a creator for income before the first day: the creator's whole share before " +
				"tax or, where the books before have taxed it, what is left of it. 期初未付的达人分成：未扣税的填税前金额，" +
				"原账套已扣税的填税后金额。", []Column{
				{"external_ref", "原系统单号", true, "OLD-2026-06-1001", "names the payable for good"},
				{"creator_id", "达人编号", true, "c-1001", ""},
				{"income_type", "收入类型", true, "live_tip", ""},
				{"service_period", "业务所属期", true, "2026-06", ""},
				{"amount", "金额", true, "1234.50", "yuan with two decimals; after tax where taxed says yes"},
				{"taxed", "原账套已扣税", false, "no",
					"yes: its taxes were withheld and filed before, so that it is only paid; its income and " +
						"taxes belong to the sheet withholding. no, or empty: it is taxed here when it is paid 是：" +
						"税款已在原账套代扣并申报，此处只付款，其收入与税额填入已扣缴表；否或留空：付款时在此计税"},
				{"tax_document", "完税凭据", false, "", "where taxed says yes: the return's receipt 申报表回执"},
			}},
		{Receivables, "期初应收", "What a creator owes: advances, refunds, penalties. 达人尚欠机构的款项。", []Column{
			{"external_ref", "原系统单号", true, "OLD-ADV-77", "names the receivable for good"},
			{"creator_id", "达人编号", true, "c-1001", ""},
			{"paying_entity", "结算主体", true, "ent-1", ""},
			{"kind", "种类", true, "advance", "refund_recovery, advance, penalty, other"},
			{"amount", "金额", true, "500.00", ""},
			{"document", "凭据", true, "借支单 77 号", ""},
		}},
		{Withholding, "已扣缴",
			"What was withheld this year by paying entity, taxpayer, item and month, as in the returns. " +
				"本年已申报的扣缴，按主体、纳税人、所得项目、月份。", []Column{
				{"paying_entity", "结算主体", true, "ent-1", ""},
				{"creator_id", "达人编号", true, "c-1001", "names the taxpayer"},
				{"tax", "税种", true, "IIT", "IIT, VAT, UMCT, EDU, LEDU"},
				{"item", "所得项目", true, "labor_platform",
					"labor, labor_platform, author, royalty, business ..."},
				{"platform", "平台", false, "douyin", "where the cumulative method goes by platform"},
				{"month", "税款所属月", true, "2026-06", "the last one where the row stands for several"},
				{"months", "月数", false, "1", "consecutive months that the row stands for, up to month"},
				{"income", "收入额", false, "20000.00",
					"of income tax: the income before deductions; VAT is not in it"},
				{"received", "含税销售额", false, "", "of VAT: money received"},
				{"sales", "不含税销售额", false, "", "of VAT: without VAT"},
				{"withheld", "已扣缴税额", true, "330.00", ""},
				{"collection", "扣缴方式", true, "withheld", "withheld or agency_filed"},
				{"document", "凭据", true, "申报表回执 2026-07-08", "the return's receipt"},
			}},
	}
}

// MaxRows is the largest number of rows in one workbook; a longer history is imported in several
// workbooks.
const MaxRows = 500
