// Package contractcheck runs the worked examples that belong to a contract: an amount, the share
// that each party must get of it, and a sentence by which a person can check the result.
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

// Example is one income and its split. The keys of Expect and Short are parties; Short is the part
// of a promised amount that the income did not cover.
type Example struct {
	Says       string       `json:"says"`
	IncomeType string       `json:"income_type"`
	Level      string       `json:"level"`
	Amount     money.Amount `json:"distributable"`
	// Gross is the base of memo parties; if it is left out, it is the distributable amount.
	Gross  money.Amount            `json:"gross_before_platform"`
	Expect map[string]money.Amount `json:"expect"`
	Short  map[string]money.Amount `json:"short"`
}

// Outcome is the result of an example. Differs is empty if the example passed.
type Outcome struct {
	Says    string
	Differs []string
}

// ReadFile reads a YAML file and checks that the contract in it could be recorded and that there
// are examples.
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

// errorOfProblems joins problems into one error; nil if there are none.
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

// checkExample splits the amount of an example by the contract and lists what differs from the
// expected shares.
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
	// A memo party is expected like any other, although it gets no money.
	for _, m := range plan.AppendMemos(nil, gross) {
		got[m.Party] = m.Amount
	}
	differs = append(differs, compareAmounts("gets", got, x.Expect)...)
	return append(differs, compareAmounts("is short of", short, x.Short)...)
}

// compareAmounts lists each party whose amount differs from the expected one.
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
