package settlement

import (
	"strconv"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// Explain lists the steps of the computation from the gross to the amount paid: the split by the
// contract, the taxes as booked or else as quoted, and the set-offs. The map holds figures by their
// hashes.
func Explain(s Settlement, figures map[string]Figures) []tax.Step {
	steps := s.splitSteps()
	if booked, ok := figures[s.Booking]; ok {
		steps = append(steps, booked.Result.Steps...)
	} else if quoted, ok := figures[s.Quote]; ok {
		steps = append(steps, quoted.Result.Steps...)
	}
	return append(steps, s.setOffSteps()...)
}

// splitSteps explain how the contract split the gross: clause, base, ratio, and what decided each
// share.
func (s Settlement) splitSteps() []tax.Step {
	steps := make([]tax.Step, 0, len(s.Shares)+12)
	for _, p := range s.Shares {
		steps = append(steps, s.splitStep(p))
	}
	return steps
}

// splitStep explains one share: its clause, base and ratio, and what decided it.
func (s Settlement) splitStep(p split.Share) tax.Step {
	clause := s.contractClause()
	base := s.shareBase()
	inputs := []tax.Input{{Name: "base", Value: tax.MoneyValue(base)}}
	if !p.Ratio.IsZero() {
		inputs = append(inputs, tax.Input{Name: "ratio", Value: tax.TextValue(p.Ratio.String())})
	}
	if p.By != "" {
		inputs = append(inputs, tax.Input{Name: "decided_by", Value: tax.TextValue(p.By)})
	}
	if !p.Short.IsZero() {
		inputs = append(inputs, tax.Input{Name: "short", Value: tax.MoneyValue(p.Short)})
	}
	inputs = append(inputs,
		tax.Input{Name: "rounding", Value: tax.TextValue(split.RoundingModeOf(s.IncomeType).Name)})
	why := shareReason(p, base)
	text := bilingual.Text{ZH: "按合约 " + clause + " 分给 " + p.Party + "：" + p.Amount.String() +
		" 元（分配前 " + s.Gross.String() + " 元；" + why.ZH + "）",
		EN: "Contract " + clause + " gives " + p.Party + " " + p.Amount.String() + " of " +
			s.Gross.String() + ": " + why.EN}
	return tax.NewContractStep("split."+p.Kind, clause, shareFormula(p), s.Gross, p.Amount,
		inputs, text)
}

// taxedBeforeSteps returns the step that explains why an opening balance is not taxed: the books
// before this system have taxed it. It is empty for every other settlement.
func (s Settlement) taxedBeforeSteps() []tax.Step {
	if !s.TaxedBefore() {
		return nil
	}
	net := s.CreatorShare()
	return []tax.Step{tax.NewContractStep("tax.before", s.contractClause(),
		"what the books before have left to be paid", net, net, nil,
		bilingual.Text{ZH: "期初结转：税款已在原账套代扣并申报，本单不再计税，付 " + net.String() + " 元",
			EN: "Brought forward: withheld and filed in the books before; nothing is taxed here, and " +
				net.String() + " is to be paid"})}
}

// contractClause is the contract, its version and the income type whose split was applied.
func (s Settlement) contractClause() string {
	return s.Contract + " v" + strconv.Itoa(s.ContractVersion) + " splits." + s.IncomeType
}

// shareBase is the amount to which the ratios of the split apply: the gross less the fixed amounts.
func (s Settlement) shareBase() money.Amount {
	base := s.Gross
	for _, p := range s.Shares {
		if p.By == split.ByFixed {
			base = base.Sub(p.Amount)
		}
	}
	return base
}

// shareFormula is the formula by which a share was computed.
func shareFormula(p split.Share) string {
	switch {
	case p.By == split.ByFixed:
		return "fixed amount, as far as the gross reaches"
	case p.By == split.ByTier && p.Ratio.IsZero():
		return "sum of each band x its share"
	case p.By == split.ByRest:
		return "base - the other shares"
	case p.By == split.ByCap:
		return "min(base x share, cap)"
	case p.By == split.ByFloor:
		return "max(base x share, floor)"
	case p.By == split.ByGuarantee && p.Kind == split.KindCreator:
		return "max(share, guarantee), out of the mcn's part"
	case p.By == split.ByGuarantee:
		return "share - what the creator's guarantee takes"
	}
	return "base x ratio"
}

// shareReason explains in both languages what decided a share.
func shareReason(p split.Share, base money.Amount) bilingual.Text {
	var t bilingual.Text
	switch p.By {
	case split.ByFixed:
		t = bilingual.Text{ZH: "固定金额", EN: "a fixed amount"}
	case split.ByRest:
		t = bilingual.Text{ZH: "其余部分", EN: "what the others leave"}
	case split.ByCap:
		t = bilingual.Text{ZH: "达到封顶金额", EN: "the cap is reached"}
	case split.ByFloor:
		t = bilingual.Text{ZH: "补足到下限金额", EN: "raised to the floor"}
	case split.ByGuarantee:
		t = bilingual.Text{ZH: "补足到保底金额", EN: "raised to the guarantee"}
		if p.Kind == split.KindMCN {
			t = bilingual.Text{ZH: "扣除保底补足部分后", EN: "after what the creator's guarantee takes"}
		}
	case split.ByTier:
		t = bilingual.Text{ZH: "按分段比例", EN: "by bands"}
	default:
		t = bilingual.Text{ZH: "按比例", EN: "by its ratio"}
	}
	if !p.Ratio.IsZero() && (p.By == "" || p.By == split.ByTier) {
		t.ZH += "，" + base.String() + " 元 × " + p.Ratio.String()
		t.EN += ", " + base.String() + " x " + p.Ratio.String()
	}
	if !p.Short.IsZero() {
		t.ZH += "，尚缺 " + p.Short.String() + " 元，本期收入不足以支付"
		t.EN += "; " + p.Short.String() + " of it could not be covered by this income"
	}
	return t
}
