// Package review is a tenant's rules of review as dated data: what is checked before a settlement
// is approved, what may pass without a person, how many people an amount needs, which papers a
// payee must have, and how long each state may last. It is pure: facts in, findings out.
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

// The checks, by the code that stands on a settlement when one finds something. The list is
// append-only.
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

// CheckCodes lists the checks in the order in which they are made.
func CheckCodes() []string {
	return []string{Amount, Velocity, NewAccount, ChangedAccount, NameMismatch, ContractMismatch,
		FirstPayment, SetOff, Held}
}

// What a finding does besides standing in the way of an automatic approval.
const (
	NeedsPerson = "needs_person"
	HoldRisk    = "hold_risk"   // hold RISK
	HoldManual  = "hold_manual" // hold MANUAL
	Reject      = "reject"      // the settlement fails, and its money waits for the next one
)

// RejectingCodes lists the checks that may reject: those whose cause can be mended before the money
// comes again. A first payment, a set-off and a hold that somebody has ended are no faults.
func RejectingCodes() []string {
	return []string{Amount, Velocity, NewAccount, ChangedAccount, NameMismatch, ContractMismatch}
}

// Check is one rule of review.
type Check struct {
	Code   string `json:"code"`
	On     bool   `json:"on"`
	Effect string `json:"effect"`
	// amount: found above it; velocity: found when the sum of Days is above it
	Amount money.Amount `json:"amount,omitzero"`
	// velocity: found when there are more settlements than this in Days
	Count int `json:"count,omitempty"`
	// velocity: calendar days up to the payment; new_account: younger than these
	Days  int            `json:"days,omitempty"`
	Kinds []string       `json:"kinds,omitempty"` // held: the reasons of holds that count
	Text  bilingual.Text `json:"text"`
}

// Automatic says what the system may do in a person's place; nothing where the tenant says nothing.
type Automatic struct {
	// PENDING_REVIEW -> IN_REVIEW as soon as the quote stands
	Submit bool `json:"submit"`
	// gross up to which IN_REVIEW -> APPROVED needs nobody; 0.00 is never
	ApproveUpTo money.Amount `json:"approve_up_to"`
}

// Level wants more than one approver for a gross above an amount.
type Level struct {
	Above     money.Amount `json:"above"`
	Approvers int          `json:"approvers"`
}

// PaperRule wants a paper of a payee; empty lists mean every kind and every route.
type PaperRule struct {
	Paper  string   `json:"paper"`
	On     bool     `json:"on"`
	Kinds  []string `json:"kinds,omitempty"`  // of taxpayers
	Routes []string `json:"routes,omitempty"` // of settlement
}

// Deadline is how long a state may last; one of the two is given.
type Deadline struct {
	Hours       int `json:"hours,omitempty"`
	WorkingDays int `json:"working_days,omitempty"`
}

// Rules are one version of a tenant's rules of review. Version 0 are the defaults.
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

// Defaults are the rules of a tenant that has set none. The caller does not change them.
func Defaults() (Rules, error) {
	r, err := defaults()
	if err != nil {
		return r, fmt.Errorf("review: default rules: %w", err)
	}
	return r, nil
}

// WithDefaults gives the tenant's rules with the defaults where a deadline is left out.
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

// RequiredApprovers is how many different people a gross needs.
func (r Rules) RequiredApprovers(gross money.Amount) int {
	need := 1
	for _, l := range r.Levels {
		if gross.Cmp(l.Above) > 0 {
			need = max(need, l.Approvers)
		}
	}
	return need
}

// WindowDays is how many days of a creator's settlements the checks look back over.
func (r Rules) WindowDays() int {
	for _, c := range r.Checks {
		if c.Code == Velocity && c.On {
			return c.Days
		}
	}
	return 0
}

// Facts are what is known of a settlement and its payee on the day of the review.
type Facts struct {
	Day   civil.Date   // of the expected payment
	Gross money.Amount // of the settlement
	Count int          // settlements of the creator in the window, this one among them
	Sum   money.Amount // their gross
	// first day of the payout account; none: from before such days were kept
	AccountSince  civil.Date
	AccountNewer  bool // the account was recorded after the last payment
	PaidBefore    bool
	HolderDiffers bool // the holder of the account is not the taxpayer
	OtherContract bool // the contract in force is not the version that the settlement was opened by
	SetOffs       bool
	Holds         []string // reasons of holds that stand or that a person has ended
}

// Findings lists the codes that the facts run into, in the order of Codes.
func (r Rules) Findings(f Facts) []string {
	var found []string
	for _, code := range CheckCodes() {
		c, ok := r.check(code)
		if ok && c.On && c.finds(f) {
			found = append(found, code)
		}
	}
	return found
}

func (r Rules) check(code string) (Check, bool) {
	i := slices.IndexFunc(r.Checks, func(c Check) bool { return c.Code == code })
	if i < 0 {
		return Check{}, false
	}
	return r.Checks[i], true
}

func (c Check) finds(f Facts) bool {
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

// StrongestHold gives the strongest hold that findings ask for, HoldRisk before HoldManual, and "" for
// none.
func (r Rules) StrongestHold(findings []string) string {
	stop := ""
	for _, code := range findings {
		c, _ := r.check(code)
		if c.Effect == HoldRisk || (c.Effect == HoldManual && stop == "") {
			stop = c.Effect
		}
	}
	return stop
}

// CanApproveAutomatically tells whether nobody need look: within the tenant's limit, by one approver, with
// nothing found. A first payment, a changed account and a set-off always need a person, whatever
// the tenant's checks say.
func (r Rules) CanApproveAutomatically(f Facts, findings []string) bool {
	always := f.PaidBefore && !f.AccountNewer && !f.SetOffs
	return always && len(findings) == 0 && r.Automatic.ApproveUpTo.Positive() &&
		f.Gross.Cmp(r.Automatic.ApproveUpTo) <= 0 && r.RequiredApprovers(f.Gross) == 1
}

// FirstRejecting gives the first of the findings that rejects, "" when none does.
func (r Rules) FirstRejecting(findings []string) string {
	i := slices.IndexFunc(findings, func(code string) bool {
		c, _ := r.check(code)
		return c.Effect == Reject
	})
	if i < 0 {
		return ""
	}
	return findings[i]
}

// FindingText gives a finding's words; the code where the rules that found it are gone.
func (r Rules) FindingText(code string) bilingual.Text {
	if c, ok := r.check(code); ok {
		return c.Text
	}
	return bilingual.Text{ZH: code, EN: code}
}

// MissingPaper names the first paper that a payment on a day lacks: one that the rules want of such
// a payee and that is not valid, or one that was recorded and has run out without a newer one. It
// is "" when none does.
func (r Rules) MissingPaper(p tenancy.Profile, route string, day civil.Date) string {
	for _, rule := range r.Papers {
		if rule.On && rule.concerns(p.Kind, route) && !valid(p.Papers, rule.Paper, day) {
			return rule.Paper
		}
	}
	for _, paper := range p.Papers {
		if !paper.To.IsZero() && paper.To.Before(day) && !valid(p.Papers, paper.Name, day) {
			return paper.Name
		}
	}
	return ""
}

func (p PaperRule) concerns(kind, route string) bool {
	return (len(p.Kinds) == 0 || slices.Contains(p.Kinds, kind)) &&
		(len(p.Routes) == 0 || slices.Contains(p.Routes, route))
}

func valid(papers []tenancy.Paper, name string, day civil.Date) bool {
	return slices.ContainsFunc(papers, func(p tenancy.Paper) bool {
		return p.Name == name && !day.Before(p.From) && (p.To.IsZero() || !day.After(p.To))
	})
}
