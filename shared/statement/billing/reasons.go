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

// ReasonText returns the text of a reason for the creator and the agency's people.
func ReasonText(reason string) bilingual.Text {
	switch reason {
	case NotThePayer:
		return bilingual.Text{ZH: "按合约，此项收入由其他付款方结算。",
			EN: "By the contract somebody else settles this income."}
	case NothingToPay:
		return bilingual.Text{ZH: "本期合计不大于零，负数结转下期。",
			EN: "The sum is not above zero; what is below goes on to the next part."}
	case BelowZeroAtEnd:
		return bilingual.Text{ZH: "合约已终止而合计为负，请向达人收回或减免。", EN: "The contract has ended and the sum is " +
			"below zero: collect it from the creator, or forgive it."}
	case BelowTheMinimum:
		return bilingual.Text{ZH: "达人应得低于合约的最低付款额，结转下期。", EN: "The creator's share is below the " +
			"contract's minimum payout; it goes on to the next part."}
	case EntityChanged:
		return bilingual.Text{ZH: "计提时的结算主体与合约现在的不同，请核对合约。", EN: "It was accrued at another paying " +
			"entity than the contract names now; check the contract."}
	case TotalsDiffer:
		return bilingual.Text{ZH: "合计与明细不符，已停止付款，请系统管理员核查。",
			EN: "The sums are not those of the lines: nothing is paid until the operator has looked."}
	case ContractMissing:
		return bilingual.Text{ZH: "没有有效合约，录入合约后即可结算。",
			EN: "No contract covers this income; it is settled once one is recorded."}
	case NotDue:
		return bilingual.Text{ZH: "未到结算日。", EN: "Its day has not come."}
	case OnDemand:
		return bilingual.Text{ZH: "按需结算，提出申请后结算。", EN: "It is settled when somebody asks for it."}
	case NextRun:
		return bilingual.Text{ZH: "已到结算日，下次结算时处理。", EN: "It is due; the next run decides it."}
	}
	return bilingual.Text{ZH: "缺少规则或合约内容：" + reason,
		EN: "A rule or a term of the contract is missing: " + reason}
}
