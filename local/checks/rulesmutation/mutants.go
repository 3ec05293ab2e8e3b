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

// mutant is a rule file with one number, day or edge changed a little.
type mutant struct {
	file    string
	line    int
	was, is string
	data    []byte
}

// String tells what was changed and where.
func (m *mutant) String() string {
	return fmt.Sprintf("%s:%d: %s -> %s", m.file, m.line, m.was, m.is)
}

// finder collects the mutants of one file.
type finder struct {
	file    string
	lines   []string
	counts  bool // the amounts are days, months or persons
	mutants []*mutant
}

// mutantsOf changes every number, day and edge of a rule file or a holiday notice, one at a time.
func mutantsOf(file string, data []byte) ([]*mutant, error) {
	root, err := yamldoc.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	f := &finder{file: file, lines: strings.Split(string(data), "\n")}
	if list := child(root, "holidays"); list != nil {
		for _, h := range list.Content {
			f.day(child(h, "from"))
			f.day(child(h, "to"))
		}
		for _, d := range child(root, "work_days").Content {
			f.day(d)
		}
		return f.mutants, nil
	}
	kind := child(root, "kind")
	values := child(root, "values")
	if kind == nil || values == nil {
		return nil, fmt.Errorf("%s: neither a rule nor a notice", file)
	}
	if u := child(root, "unit"); u != nil {
		f.counts = slices.Contains([]string{"days", "months", "persons"}, u.Value)
	}
	for _, v := range values.Content {
		f.day(child(v, "from"))
		f.day(child(v, "to"))
		f.value(kind.Value, "", child(v, "value"))
	}
	return f.mutants, nil
}

// child finds a key of a mapping; nil where there is none.
func child(n *yaml.Node, key string) *yaml.Node {
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

// words are the keys of a value that hold no numbers.
var words = []string{"method", "uses", "item", "refuse", "allows", "text", "bans", "missing",
	"period", "collection"}

// value walks over a value and changes what is a number.
func (f *finder) value(kind, key string, n *yaml.Node) {
	switch {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			if k := n.Content[i].Value; kind == "rates" || !slices.Contains(words, k) {
				f.value(kind, k, n.Content[i+1])
			}
		}
	case n.Kind == yaml.SequenceNode:
		for _, x := range n.Content {
			f.value(kind, key, x)
		}
	case key == "edge":
		f.change(n, n.Value, map[string]string{"reach": "exceed", "exceed": "reach"}[n.Value])
	case key == "when":
		f.condition(n)
	case kind == "choice":
	case isAmount(kind, key):
		f.amount(kind, key, n)
	default:
		f.rate(n)
	}
}

func isAmount(kind, key string) bool {
	return kind == "amount" || slices.Contains([]string{"amount", "up_to", "below", "quick"}, key)
}

// amount moves an edge by a fen, and anything else by one: so the levels of brackets too, for where
// a table is continuous a fen changes no tax.
func (f *finder) amount(kind, key string, n *yaml.Node) {
	a, err := money.Parse(n.Value)
	if err != nil {
		return // not a number of this kind: the loader's matter
	}
	step := money.Yuan(1)
	if kind != "brackets" && key != "" && !f.counts {
		step = money.Fen(1)
	}
	f.change(n, n.Value, a.Add(step).String())
	if a.Cmp(step) >= 0 {
		f.change(n, n.Value, a.Sub(step).String())
	}
}

// rate moves a rate by one hundredth, and one below that by a tenth of itself, up and down as far
// as rates go.
func (f *finder) rate(n *yaml.Node) {
	r, err := money.ParseRate(n.Value)
	if err != nil {
		return // the word open
	}
	rate, _ := r.Parts()
	hundredth := decimal.New(1, -2)
	if !rate.IsZero() && rate.LessThan(hundredth) {
		tenth := rate.Shift(-1)
		f.change(n, n.Value, rate.Add(tenth).String())
		f.change(n, n.Value, rate.Sub(tenth).String())
		return
	}
	if rate.LessThanOrEqual(decimal.New(99, -2)) {
		f.change(n, n.Value, rate.Add(hundredth).String())
	}
	if rate.GreaterThanOrEqual(hundredth) {
		f.change(n, n.Value, rate.Sub(hundredth).String())
	}
}

// day moves a day to the one before and the one after.
func (f *finder) day(n *yaml.Node) {
	if n == nil {
		return
	}
	d, err := civil.ParseDate(n.Value)
	if err != nil {
		return // the loader's matter
	}
	f.change(n, n.Value, d.AddDays(-1).String())
	f.change(n, n.Value, d.AddDays(1).String())
}

// figure is an amount within a condition.
var figure = regexp.MustCompile(`\b\d+\.\d\d\b`)

// condition moves every amount of a condition by a fen.
func (f *finder) condition(n *yaml.Node) {
	for _, was := range figure.FindAllString(n.Value, -1) {
		if a, err := money.Parse(was); err == nil {
			f.change(n, was, a.Add(money.Fen(1)).String())
		}
	}
}

// change makes the mutant in which a scalar's text is another one.
func (f *finder) change(n *yaml.Node, was, is string) {
	line := []rune(f.lines[n.Line-1])
	before, rest := string(line[:n.Column-1]), string(line[n.Column-1:])
	changed := slices.Clone(f.lines)
	changed[n.Line-1] = before + strings.Replace(rest, was, is, 1)
	f.mutants = append(f.mutants,
		&mutant{file: f.file, line: n.Line, was: was, is: is, data: []byte(strings.Join(changed, "\n"))})
}
