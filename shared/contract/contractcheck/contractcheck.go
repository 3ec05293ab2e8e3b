// Package contractcheck runs the worked examples that stand beside a contract: an amount, and what
// each party must get of it, with a sentence that can be checked by hand.
package contractcheck

import (
	"errors"
	"fmt"
	"sort"
	"strings"

	"fenzhang/shared/contract/split"
	"fenzhang/shared/fault"
	"fenzhang/shared/input/strictjson"
	"fenzhang/shared/input/yamldoc"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

// File is a contract with its worked examples.
type File struct {
	Contract tenancy.Contract `json:"contract"`
	Examples []Example        `json:"examples"`
}

// Example is one income and its parts. Expect and Short name parties; Short is what a promise did
// not get covered.
type Example struct {
	Says       string       `json:"says"`
	IncomeType string       `json:"income_type"`
	Level      string       `json:"level"`
	Amount     money.Amount `json:"distributable"`
	// for memo parties; left out, it is the amount
	Gross  money.Amount            `json:"gross_before_platform"`
	Expect map[string]money.Amount `json:"expect"`
	Short  map[string]money.Amount `json:"short"`
}

// Outcome is what an example came to; nothing differs when it passed.
type Outcome struct {
	Says    string
	Differs []string
}

// ReadFile reads a file of YAML and refuses a contract that could not be recorded.
func ReadFile(data []byte) (File, error) {
	var f File
	root, err := yamldoc.Parse(data)
	if err != nil {
		return f, err
	}
	text, err := yamldoc.JSON(root)
	if err != nil {
		return f, err
	}
	if err := errorOfProblems(strictjson.Decode(text, &f)); err != nil {
		return f, err
	}
	if err := errorOfProblems(f.Contract.Problems()); err != nil {
		return f, fmt.Errorf("the contract cannot be recorded: %w", err)
	}
	if len(f.Examples) == 0 {
		return f, errors.New("holds no examples")
	}
	return f, nil
}

func errorOfProblems(problems []fault.Field) error {
	lines := make([]string, 0, len(problems))
	for _, p := range problems {
		lines = append(lines, p.Field+" "+p.Problem)
	}
	if len(lines) == 0 {
		return nil
	}
	return errors.New(strings.Join(lines, "; "))
}

// CheckExamples checks every example of a file, in its order.
func CheckExamples(f File) []Outcome {
	out := make([]Outcome, 0, len(f.Examples))
	for _, x := range f.Examples {
		out = append(out, Outcome{x.Says, f.checkExample(x)})
	}
	return out
}

func (f File) checkExample(x Example) []string {
	var differs []string
	terms, ok := f.Contract.Splits[x.IncomeType]
	if !ok {
		return []string{"the contract has no split for " + x.IncomeType}
	}
	if strings.TrimSpace(x.Says) == "" {
		differs = append(differs, "an example needs a sentence (says)")
	}
	plan, err := split.CompilePlan(x.IncomeType, terms, x.Level)
	if err != nil {
		return append(differs, err.Error())
	}
	got, short := map[string]money.Amount{}, map[string]money.Amount{}
	for _, s := range plan.SplitAmount(nil, x.Amount) {
		got[s.Party] = s.Amount
		if !s.Short.IsZero() {
			short[s.Party] = s.Short
		}
	}
	gross := x.Gross
	if gross.IsZero() {
		gross = x.Amount
	}
	for _, m := range plan.AppendMemos(nil, gross) {
		got[m.Party] = m.Amount
	}
	differs = append(differs, compareAmounts("gets", got, x.Expect)...)
	return append(differs, compareAmounts("is short of", short, x.Short)...)
}

// compareAmounts names each party whose amount is another one than expected.
func compareAmounts(what string, got, want map[string]money.Amount) []string {
	names := map[string]bool{}
	for n := range got {
		names[n] = true
	}
	for n := range want {
		names[n] = true
	}
	var out []string
	for n := range names {
		if got[n] != want[n] {
			out = append(out, fmt.Sprintf("%s %s %s, expected %s", n, what, got[n], want[n]))
		}
	}
	sort.Strings(out)
	return out
}
