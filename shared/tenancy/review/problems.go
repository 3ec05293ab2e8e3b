package review

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"fenzhang/shared/fault"
	"fenzhang/shared/tenancy"
)

// The limits of what a tenant may set.
const (
	maxList      = 50
	maxDays      = 400
	maxCount     = 1000
	maxApprovers = 5
	maxHours     = 24 * 60
	maxWorking   = 60
	maxText      = 200
)

// DeadlineStates lists what may have a deadline: the steps in the life of a settlement, and the
// reasons of holds.
func DeadlineStates() []string {
	return append([]string{"quote", "submit", "approve", "book", "send", "gateway", "payee", "reopen"},
		HoldReasons()...)
}

// HoldReasons lists the reasons of holds.
func HoldReasons() []string {
	return []string{"RULE_GAP", "NET_CHANGED", "WAITING_INVOICE", "WAITING_RECEIPT", "PAPER_MISSING",
		"ACCOUNT_UNCHECKED", "RISK", "MANUAL", "DISPUTED", "WAITING_CONFIRMATION", "CALENDAR_MISSING"}
}

// validator collects the problems of review rules.
type validator struct{ fault.Problems }

// validateOneOf demands one of the allowed values.
func (p *validator) validateOneOf(field, value string, allowed []string) {
	p.AddIf(!slices.Contains(allowed, value), field, "must be one of "+strings.Join(allowed, ", "))
}

// elementPath returns the path of element i of a list, with a dot at its end.
func elementPath(list string, i int) string { return list + "." + strconv.Itoa(i) + "." }

// Problems lists the invalid fields of review rules as a tenant sends them.
func (r Rules) Problems() []fault.Field {
	var p validator
	p.AddIf(r.From.IsZero(), "from", "must be given")
	p.AddIf(!r.To.IsZero() && r.To.Before(r.From), "to", "must not be before from")
	p.AddIf(len(r.Checks) > maxList || len(r.Levels) > maxList || len(r.Papers) > maxList, "checks",
		"checks, levels and papers must be at most 50 each")
	// A list that is too long is reported once and not looked into.
	if len(r.Checks) <= maxList {
		p.validateChecks(r.Checks)
	}
	p.AddIf(r.Automatic.ApproveUpTo.Negative(), "automatic.approve_up_to",
		"must not be negative; 0.00 is never")
	if len(r.Levels) <= maxList {
		p.validateLevels(r.Levels)
	}
	for i, paper := range r.Papers[:min(len(r.Papers), maxList)] {
		field := elementPath("papers", i)
		p.AddIf(paper.Paper == "" || utf8.RuneCountInString(paper.Paper) > 64, field+"paper",
			"must have 1 to 64 characters")
		for _, kind := range paper.Kinds {
			p.validateOneOf(field+"kinds", kind, tenancy.TaxpayerKinds())
		}
		for _, route := range paper.Routes {
			p.validateOneOf(field+"routes", route,
				[]string{tenancy.MCNPays, tenancy.StudioInvoice, tenancy.Payroll})
		}
	}
	p.validateDeadlines(r.Deadlines)
	return p.Problems
}

// validateChecks checks codes, effects, limits and texts; each code may be given once.
func (p *validator) validateChecks(checks []Check) {
	seen := map[string]bool{}
	for i, c := range checks {
		field := elementPath("checks", i)
		p.validateOneOf(field+"code", c.Code, CheckCodes())
		p.AddIf(seen[c.Code], field+"code", "is given twice")
		seen[c.Code] = true
		p.validateOneOf(field+"effect", c.Effect, []string{NeedsPerson, HoldRisk, HoldManual, Reject})
		// A check whose cause nobody can mend must not reject, because the income would be rejected for
		// ever.
		p.AddIf(c.Effect == Reject && !slices.Contains(RejectingCodes(), c.Code), field+"effect",
			"reject is for "+strings.Join(RejectingCodes(), ", "))
		p.AddIf(c.Amount.Negative(), field+"amount", "must not be negative")
		p.AddIf(c.Count < 0 || c.Count > maxCount, field+"count", "must be 0 to 1000")
		p.AddIf(c.Days < 0 || c.Days > maxDays, field+"days", "must be 0 to 400")
		p.AddIf(c.Code == Velocity && c.On && c.Days == 0, field+"days", "must be given")
		p.AddIf(c.Code == Velocity && c.On && c.Count == 0 && !c.Amount.Positive(), field+"count",
			"must be given, or amount")
		for _, kind := range c.Kinds {
			p.validateOneOf(field+"kinds", kind, HoldReasons())
		}
		for _, text := range []string{c.Text.ZH, c.Text.EN} {
			n := utf8.RuneCountInString(strings.TrimSpace(text))
			p.AddIf(n == 0 || n > maxText, field+"text",
				"must say it in Chinese (zh) and English (en), in at most 200 characters each")
		}
	}
}

// validateLevels demands levels whose amounts rise and whose numbers of approvers do not fall.
func (p *validator) validateLevels(levels []Level) {
	for i, l := range levels {
		field := elementPath("levels", i)
		p.AddIf(l.Above.Negative(), field+"above", "must not be negative")
		p.AddIf(l.Approvers < 2 || l.Approvers > maxApprovers, field+"approvers", "must be 2 to 5")
		p.AddIf(i > 0 && (l.Above.Cmp(levels[i-1].Above) <= 0 || l.Approvers < levels[i-1].Approvers),
			field+"above", "must be above the level before, which may not want more people")
	}
}

// validateDeadlines checks the deadlines in the order of their states, so that problems are always
// listed in the same order.
func (p *validator) validateDeadlines(deadlines map[string]Deadline) {
	states := make([]string, 0, len(deadlines))
	for state := range deadlines {
		states = append(states, state)
	}
	slices.Sort(states)
	for _, state := range states {
		d, field := deadlines[state], "deadlines."+state
		if !slices.Contains(DeadlineStates(), state) {
			p.AddIf(true, field, "is no state; known are "+strings.Join(DeadlineStates(), ", "))
			continue
		}
		p.AddIf((d.Hours > 0) == (d.WorkingDays > 0), field,
			"must have hours or working_days above zero, not both")
		p.AddIf(d.Hours < 0 || d.Hours > maxHours, field+".hours", "must be at most 1440")
		p.AddIf(d.WorkingDays < 0 || d.WorkingDays > maxWorking, field+".working_days",
			"must be at most 60")
	}
}
