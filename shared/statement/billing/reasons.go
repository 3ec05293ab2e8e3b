package billing

import "fenzhang/shared/bilingual"

// The reasons for which an open statement is not settled yet, besides those for which a due one is
// skipped.
const (
	// NotDue means that the settlement day has not come.
	NotDue = "not_due"
	// OnDemand means that the contract settles on demand and nobody has demanded it.
	OnDemand = "on_demand"
	// NextRun means that the statement is due and the next nightly run settles it.
	NextRun = "next_run"
)

// reasonTexts are the texts of the reasons for the creator and the agency's people.
var reasonTexts = map[string]bilingual.Text{
	NotThePayer: {ZH: "按合约，此项收入由其他付款方结算。",
		EN: "By the contract somebody else settles this income."},
	NothingToPay: {ZH: "本期合计不大于零，负数结转下期。",
		EN: "The sum is not above zero; what is below goes on to the next part."},
	BelowZeroAtEnd: {ZH: "合约已终止而合计为负，请向达人收回或减免。",
		EN: "The contract has ended and the sum is below zero: collect it from the creator, " +
			"or forgive it."},
	BelowTheMinimum: {ZH: "达人应得低于合约的最低付款额，结转下期。",
		EN: "The creator's share is below the contract's minimum payout; it goes on to the next part."},
	EntityChanged: {ZH: "计提时的结算主体与合约现在的不同，请核对合约。",
		EN: "It was accrued at another paying entity than the contract names now; check the contract."},
	TotalsDiffer: {ZH: "合计与明细不符，已停止付款，请系统管理员核查。",
		EN: "The sums are not those of the lines: nothing is paid until the operator has looked."},
	ContractMissing: {ZH: "没有有效合约，录入合约后即可结算。",
		EN: "No contract covers this income; it is settled once one is recorded."},
	NotDue: {ZH: "未到结算日。",
		EN: "Its day has not come."},
	OnDemand: {ZH: "按需结算，提出申请后结算。",
		EN: "It is settled when somebody asks for it."},
	NextRun: {ZH: "已到结算日，下次结算时处理。",
		EN: "It is due; the next run decides it."},
}

// ReasonText returns the text of a reason for the creator and the agency's people. A reason without
// a text is the code of a missing rule or contract clause.
func ReasonText(reason string) bilingual.Text {
	if text, ok := reasonTexts[reason]; ok {
		return text
	}
	return bilingual.Text{ZH: "缺少规则或合约内容：" + reason,
		EN: "A rule or a term of the contract is missing: " + reason}
}
