package statement

// The reasons for which an open statement waits, besides those for which a due one is skipped.
const (
	NotDue   = "not_due"   // its day has not come
	OnDemand = "on_demand" // somebody must ask for it
	NextRun  = "next_run"  // it is due; the next run decides it
)

// Text is a sentence for people.
type Text struct {
	ZH string `json:"zh"`
	EN string `json:"en"`
}

// TextOf says a reason so that the creator and the agency's people understand it.
func TextOf(reason string) Text {
	switch reason {
	case NotThePayer:
		return Text{"按合约，此项收入由其他付款方结算。", "By the contract somebody else settles this income."}
	case NothingToPay:
		return Text{"本期合计不大于零，负数结转下期。", "The sum is not above zero; what is below goes on to the next part."}
	case BelowZeroAtEnd:
		return Text{"合约已终止而合计为负，请向达人收回或减免。", "The contract has ended and the sum is below zero: collect it from the creator, or forgive it."}
	case BelowTheMinimum:
		return Text{"达人应得低于合约的最低付款额，结转下期。", "The creator's share is below the contract's minimum payout; it goes on to the next part."}
	case EntityChanged:
		return Text{"计提时的结算主体与合约现在的不同，请核对合约。", "It was accrued at another paying entity than the contract names now; check the contract."}
	case TotalsDiffer:
		return Text{"合计与明细不符，已停止付款，请系统管理员核查。", "The sums are not those of the lines: nothing is paid until the operator has looked."}
	case ContractMissing:
		return Text{"没有有效合约，录入合约后即可结算。", "No contract covers this income; it is settled once one is recorded."}
	case NotDue:
		return Text{"未到结算日。", "Its day has not come."}
	case OnDemand:
		return Text{"按需结算，提出申请后结算。", "It is settled when somebody asks for it."}
	case NextRun:
		return Text{"已到结算日，下次结算时处理。", "It is due; the next run decides it."}
	}
	return Text{"缺少规则或合约内容：" + reason, "A rule or a term of the contract is missing: " + reason}
}
