package rulesmutation

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/shopspring/decimal"
	"go.yaml.in/yaml/v3"

	"fenzhang/shared/civil"
	"fenzhang/shared/input/yamldoc"
	"fenzhang/shared/money"
)

// mutant is a rule file in which one number, date or boundary is changed a little.
type mutant struct {
	file    string
	line    int
	was, is string
	data    []byte
}

// String describes the change and its place.
func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d: %s -> %s", m.file, m.line, m.was, m.is)
}

// finder collects the mutants of one file.
type finder struct {
	file    string
	lines   []string
	counts  bool // the amounts are numbers of days, months or persons
	mutants []*mutant
}

// mutantsOf changes every number, date and boundary of a rule file or a holiday notice, one at a
// time.
func mutantsOf(file string, data []byte) ([]*mutant, error) {
	root, err := yamldoc.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	f := &finder{file: file, lines: strings.Split(string(data), "\n")}
	if list := childNode(root, "holidays"); list != nil {
		for _, h := range list.Content {
			f.mutateDay(childNode(h, "from"))
			f.mutateDay(childNode(h, "to"))
		}
		for _, d := range childNode(root, "work_days").Content {
			f.mutateDay(d)
		}
		return f.mutants, nil
	}
	kind := childNode(root, "kind")
	values := childNode(root, "values")
	if kind == nil || values == nil {
		return nil, fmt.Errorf("%s: neither a rule nor a notice", file)
	}
	if u := childNode(root, "unit"); u != nil {
		f.counts = slices.Contains([]string{"days", "months", "persons"}, u.Value)
	}
	for _, v := range values.Content {
		f.mutateDay(childNode(v, "from"))
		f.mutateDay(childNode(v, "to"))
		f.mutateValue(kind.Value, "", childNode(v, "value"))
	}
	return f.mutants, nil
}

// childNode returns the value of a key of a YAML mapping, and nil when there is none.
func childNode(n *yaml.Node, key string) *yaml.Node {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// keysWithoutNumbers are the keys of a rule whose values hold no numbers that could be changed.
var keysWithoutNumbers = []string{"method", "uses", "item", "refuse", "allows", "text", "bans",
	"missing",
	"period", "collection"}

// mutateValue walks through a value of a rule and changes every number in it.
func (f *finder) mutateValue(kind, key string, n *yaml.Node) {
	switch {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if k := n.Content[i].Value; kind == "rates" || !slices.Contains(keysWithoutNumbers, k) {
				f.mutateValue(kind, k, n.Content[i+1])
			}
		}
	case n.Kind == yaml.SequenceNode:
		for _, x := range n.Content {
			f.mutateValue(kind, key, x)
		}
	case key == "edge":
		f.addMutant(n, n.Value, map[string]string{"reach": "exceed", "exceed": "reach"}[n.Value])
	case key == "when":
		f.mutateCondition(n)
	case kind == "choice":
	case isAmount(kind, key):
		f.mutateAmount(kind, key, n)
	default:
		f.mutateRate(n)
	}
}

// isAmount reports whether a key of a rule holds an amount of money.
func isAmount(kind, key string) bool {
	return kind == "amount" || slices.Contains([]string{"amount", "up_to", "below", "quick"}, key)
}

// mutateAmount changes a boundary by one fen and any other amount by one yuan. The thresholds of
// brackets count as other amounts: where a table is continuous, a fen does not change the tax.
func (f *finder) mutateAmount(kind, key string, n *yaml.Node) {
	a, err := money.Parse(n.Value)
	if err != nil {
		return // not an amount: the loader reports it
	}
	step := money.Yuan(1)
	if kind != "brackets" && key != "" && !f.counts {
		step = money.Fen(1)
	}
	f.addMutant(n, n.Value, a.Add(step).String())
	if a.Cmp(step) >= 0 {
		f.addMutant(n, n.Value, a.Sub(step).String())
	}
}

// mutateRate changes a rate by one hundredth, and a rate below one hundredth by a tenth of itself;
// the result stays between 0 and 1.
func (f *finder) mutateRate(n *yaml.Node) {
	r, err := money.ParseRate(n.Value)
	if err != nil {
		return // the value "open" marks a rate that the law leaves open
	}
	rate, _ := r.Parts()
	hundredth := decimal.New(1, -2)
	if !rate.IsZero() && rate.LessThan(hundredth) {
		tenth := rate.Shift(-1)
		f.addMutant(n, n.Value, rate.Add(tenth).String())
		f.addMutant(n, n.Value, rate.Sub(tenth).String())
		return
	}
	if rate.LessThanOrEqual(decimal.New(99, -2)) {
		f.addMutant(n, n.Value, rate.Add(hundredth).String())
	}
	if rate.GreaterThanOrEqual(hundredth) {
		f.addMutant(n, n.Value, rate.Sub(hundredth).String())
	}
}

// mutateDay changes a date to the day before and the day after.
func (f *finder) mutateDay(n *yaml.Node) {
	if n == nil {
		return
	}
	d, err := civil.ParseDate(n.Value)
	if err != nil {
		return // not a date: the loader reports it
	}
	f.addMutant(n, n.Value, d.AddDays(-1).String())
	f.addMutant(n, n.Value, d.AddDays(1).String())
}

// amountPattern matches an amount of money within a condition.
var amountPattern = regexp.MustCompile(`\b\d+\.\d\d\b`)

// mutateCondition changes every amount in a condition by one fen.
func (f *finder) mutateCondition(n *yaml.Node) {
	for _, was := range amountPattern.FindAllString(n.Value, -1) {
		if a, err := money.Parse(was); err == nil {
			f.addMutant(n, was, a.Add(money.Fen(1)).String())
		}
	}
}

// addMutant adds the mutant in which the text of a YAML scalar is replaced.
func (f *finder) addMutant(n *yaml.Node, was, is string) {
	line := []rune(f.lines[n.Line-1])
	before, rest := string(line[:n.Column-1]), string(line[n.Column-1:])
	changed := slices.Clone(f.lines)
	changed[n.Line-1] = before + strings.Replace(rest, was, is, 1)
	f.mutants = append(f.mutants,
		&mutant{file: f.file, line: n.Line, was: was, is: is, data: []byte(strings.Join(changed, "\n"))})
}
