// Package review holds a tenant's review rules as dated data: what is checked before a settlement
// is approved, what may be approved without a person, how many approvers an amount needs, which
// papers a payee must have, and how long each state may last. The functions of review compute
// findings from given facts and read nothing themselves.
package review

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// The codes of the checks; a settlement stores the codes of the checks that found something. Codes
// are only ever added, because stored settlements name them.
const (
	Amount           = "amount"
	Velocity         = "velocity"
	NewAccount       = "new_account"
	ChangedAccount   = "changed_account"
	NameMismatch     = "name_mismatch"
	ContractMismatch = "contract_mismatch"
	FirstPayment     = "first_payment"
	SetOff           = "set_off"
	Held             = "held"
)

// CheckCodes lists the codes of all checks in the order in which the checks are made.
func CheckCodes() []string {
	return []string{Amount, Velocity, NewAccount, ChangedAccount, NameMismatch, ContractMismatch,
		FirstPayment, SetOff, Held}
}

// The effects of a finding, besides preventing an automatic approval.
const (
	NeedsPerson = "needs_person"
	HoldRisk    = "hold_risk"   // hold RISK
	HoldManual  = "hold_manual" // hold MANUAL
	// the review rejects the settlement, and its income waits for the next one
	Reject = "reject"
)

// RejectingCodes lists the checks that may reject a settlement: those whose cause can be mended
// before its income is settled again. A first payment, a set-off and a released hold are no faults.
func RejectingCodes() []string {
	return []string{Amount, Velocity, NewAccount, ChangedAccount, NameMismatch, ContractMismatch}
}

// Check is one check of the review rules.
type Check struct {
	Code   string `json:"code"`
	On     bool   `json:"on"`
	Effect string `json:"effect"`
	// Amount is, for the check amount, the gross above which it finds; for velocity, the sum within
	// Days above which it finds.
	Amount money.Amount `json:"amount,omitzero"`
	// Count is, for velocity, the number of settlements within Days above which it finds.
	Count int `json:"count,omitempty"`
	// Days is, for velocity, the number of calendar days up to the payment; for new_account, the age
	// of an account below which it finds.
	Days int `json:"days,omitempty"`
	// Kinds are, for the check held, the reasons of holds that count.
	Kinds []string       `json:"kinds,omitempty"`
	Text  bilingual.Text `json:"text"`
}

// Automatic says which acts the system may do in place of a person; none by default.
type Automatic struct {
	// Submit allows PENDING_REVIEW -> IN_REVIEW as soon as the settlement has a quote.
	Submit bool `json:"submit"`
	// ApproveUpTo is the greatest gross that IN_REVIEW -> APPROVED may pass without a person; 0.00
	// means none.
	ApproveUpTo money.Amount `json:"approve_up_to"`
}

// Level demands a number of approvers for a gross above an amount.
type Level struct {
	Above     money.Amount `json:"above"`
	Approvers int          `json:"approvers"`
}

// PaperRule demands a paper of a payee. A PaperRule without kinds or routes applies to every kind
// of taxpayer and every route.
type PaperRule struct {
	Paper  string   `json:"paper"`
	On     bool     `json:"on"`
	Kinds  []string `json:"kinds,omitempty"`  // kinds of taxpayers to which the rule applies
	Routes []string `json:"routes,omitempty"` // settlement routes to which the rule applies
}

// Deadline is how long a state may last, either in hours or in working days.
type Deadline struct {
	Hours       int `json:"hours,omitempty"`
	WorkingDays int `json:"working_days,omitempty"`
}

// Rules is one version of a tenant's review rules. Version 0 is the default rules.
type Rules struct {
	tenancy.Version
	Checks    []Check             `json:"checks"`
	Automatic Automatic           `json:"automatic"`
	Levels    []Level             `json:"levels"`
	Papers    []PaperRule         `json:"papers"`
	Deadlines map[string]Deadline `json:"deadlines"`
}

//go:embed defaults.json
var defaultRules []byte

var defaults = sync.OnceValues(func() (Rules, error) {
	var r Rules
	err := json.Unmarshal(defaultRules, &r)
	return r, err
})

// Defaults returns the review rules of a tenant that has set none. Callers must not change the
// returned rules, because they are shared.
func Defaults() (Rules, error) {
	r, err := defaults()
	if err != nil {
		return r, fmt.Errorf("review: default rules: %w", err)
	}
	return r, nil
}

// WithDefaults returns the rules with the deadlines of base for each state whose deadline the
// tenant left out.
func (r Rules) WithDefaults(base Rules) Rules {
	merged := make(map[string]Deadline, len(base.Deadlines))
	for state, d := range base.Deadlines {
		merged[state] = d
	}
	for state, d := range r.Deadlines {
		merged[state] = d
	}
	r.Deadlines = merged
	return r
}

// RequiredApprovers returns the number of different people who must approve a gross amount.
func (r Rules) RequiredApprovers(gross money.Amount) int {
	need := 1
	for _, l := range r.Levels {
		if gross.Cmp(l.Above) > 0 {
			need = max(need, l.Approvers)
		}
	}
	return need
}

// WindowDays returns for how many days back a creator's settlements are needed by the check
// velocity; 0 when that check is off.
func (r Rules) WindowDays() int {
	for _, c := range r.Checks {
		if c.Code == Velocity && c.On {
			return c.Days
		}
	}
	return 0
}

// Facts are the facts about a settlement and its payee on the day of the review.
type Facts struct {
	Day   civil.Date   // day of the expected payment
	Gross money.Amount // gross of the settlement
	Count int          // number of settlements of the creator in the window, this one included
	Sum   money.Amount // sum of the gross of the creator's settlements in the window
	// AccountSince is the day on which the payout account was recorded; zero for an account older than
	// these dates.
	AccountSince  civil.Date
	AccountNewer  bool // true when the payout account was recorded after the last payment
	PaidBefore    bool
	HolderDiffers bool // true when the holder of the payout account is not the taxpayer
	// OtherContract is true when the contract in force is not the version under which the settlement
	// was opened.
	OtherContract bool
	SetOffs       bool
	// reasons of the settlement's active holds and of holds that a person has released
	Holds []string
}

// Findings lists the codes of the checks that find something in the facts, in the order of
// CheckCodes.
func (r Rules) Findings(f Facts) []string {
	var found []string
	for _, code := range CheckCodes() {
		c, ok := r.findCheck(code)
		if ok && c.On && c.isTriggeredBy(f) {
			found = append(found, code)
		}
	}
	return found
}

// findCheck returns the check with a code; the second result is false when the rules have none.
func (r Rules) findCheck(code string) (Check, bool) {
	i := slices.IndexFunc(r.Checks, func(c Check) bool { return c.Code == code })
	if i < 0 {
		return Check{}, false
	}
	return r.Checks[i], true
}

// isTriggeredBy reports whether the check finds something in the facts.
func (c Check) isTriggeredBy(f Facts) bool {
	switch c.Code {
	case Amount:
		return f.Gross.Cmp(c.Amount) > 0
	case Velocity:
		return (c.Count > 0 && f.Count > c.Count) || (c.Amount.Positive() && f.Sum.Cmp(c.Amount) > 0)
	case NewAccount:
		return !f.AccountSince.IsZero() && f.Day.Before(f.AccountSince.AddDays(c.Days))
	case ChangedAccount:
		return f.PaidBefore && f.AccountNewer
	case NameMismatch:
		return f.HolderDiffers
	case ContractMismatch:
		return f.OtherContract
	case FirstPayment:
		return !f.PaidBefore
	case SetOff:
		return f.SetOffs
	case Held:
		return slices.ContainsFunc(c.Kinds, func(k string) bool { return slices.Contains(f.Holds, k) })
	}
	return false
}

// StrongestHold returns the strongest hold among the effects of the findings: HoldRisk before
// HoldManual, "" when none of them holds.
func (r Rules) StrongestHold(findings []string) string {
	hold := ""
	for _, code := range findings {
		c, _ := r.findCheck(code)
		if c.Effect == HoldRisk || (c.Effect == HoldManual && hold == "") {
			hold = c.Effect
		}
	}
	return hold
}

// CanApproveAutomatically reports whether the settlement may be approved without a person: within
// the tenant's limit, one approver sufficient, and no finding. A first payment, a changed account
// and a set-off always need a person, whatever the tenant's checks say.
func (r Rules) CanApproveAutomatically(f Facts, findings []string) bool {
	routine := f.PaidBefore && !f.AccountNewer && !f.SetOffs
	return routine && len(findings) == 0 && r.Automatic.ApproveUpTo.Positive() &&
		f.Gross.Cmp(r.Automatic.ApproveUpTo) <= 0 && r.RequiredApprovers(f.Gross) == 1
}

// FirstRejecting returns the first finding whose effect is to reject the settlement; "" when there
// is none.
func (r Rules) FirstRejecting(findings []string) string {
	i := slices.IndexFunc(findings, func(code string) bool {
		c, _ := r.findCheck(code)
		return c.Effect == Reject
	})
	if i < 0 {
		return ""
	}
	return findings[i]
}

// FindingText returns the text of a finding for people; the code itself when these rules no longer
// have the check.
func (r Rules) FindingText(code string) bilingual.Text {
	if c, ok := r.findCheck(code); ok {
		return c.Text
	}
	return bilingual.Text{ZH: code, EN: code}
}

// MissingPaper returns the name of the first paper that a payment on a day lacks: a paper that the
// rules demand of such a payee and that is not valid on the day, or a recorded paper that has
// expired without a newer one. MissingPaper returns "" when no paper is missing.
func (r Rules) MissingPaper(p tenancy.Profile, route string, day civil.Date) string {
	for _, rule := range r.Papers {
		if rule.On && rule.appliesTo(p.Kind, route) && !hasValidPaper(p.Papers, rule.Paper, day) {
			return rule.Paper
		}
	}
	for _, paper := range p.Papers {
		if !paper.To.IsZero() && paper.To.Before(day) && !hasValidPaper(p.Papers, paper.Name, day) {
			return paper.Name
		}
	}
	return ""
}

// appliesTo reports whether the rule applies to a kind of taxpayer on a settlement route.
func (p PaperRule) appliesTo(kind, route string) bool {
	return (len(p.Kinds) == 0 || slices.Contains(p.Kinds, kind)) &&
		(len(p.Routes) == 0 || slices.Contains(p.Routes, route))
}

// hasValidPaper reports whether a paper of this name is valid on a day.
func hasValidPaper(papers []tenancy.Paper, name string, day civil.Date) bool {
	return slices.ContainsFunc(papers, func(p tenancy.Paper) bool {
		return p.Name == name && !day.Before(p.From) && (p.To.IsZero() || !day.After(p.To))
	})
}
