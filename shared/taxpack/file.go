package taxpack

import (
	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// The shapes below are exactly the keys that a rule file may have; anything else is refused.

type ruleFile struct {
	ID string `yaml:"id"`
	// Locality is the prefecture that a rule of a local pack holds for.
	Locality string `yaml:"locality"`
	Kind     string `yaml:"kind"`
	Title    text   `yaml:"title"`
	Unit     string `yaml:"unit"`
	Tax      string `yaml:"tax"`
	Order    int    `yaml:"order"`
	// Wording names the definition whose steps tell this one's calculation.
	Wording string              `yaml:"wording"`
	Values  []dated             `yaml:"values"`
	Steps   map[string]stepText `yaml:"steps"`
}

type text struct {
	ZH string `yaml:"zh"`
	EN string `yaml:"en"`
}

type stepText struct {
	Formula string   `yaml:"formula"`
	Cites   []string `yaml:"cites"`
	Text    text     `yaml:"text"`
}

type datedKeys struct {
	From   string `yaml:"from"`
	To     string `yaml:"to"`
	Value  node   `yaml:"value"`
	Lapsed *text  `yaml:"lapsed"`
	Status string `yaml:"status"`
	Note   text   `yaml:"note"`
	// Discretion tells of an open value that the competent office decides.
	Discretion bool                   `yaml:"discretion"`
	Readings   map[string]readingKeys `yaml:"readings"`
	Reference  *reference             `yaml:"reference"`
	Also       []reference            `yaml:"also"`
}

// dated is datedKeys with the line it begins on.
type dated struct {
	datedKeys
	line int
}

// UnmarshalYAML keeps the line.
func (d *dated) UnmarshalYAML(n ast.Node) error {
	d.line = lineOf(n)
	return yaml.NodeToValue(n, &d.datedKeys, yaml.Strict())
}

type reference struct {
	Document  string `yaml:"document"`
	Number    string `yaml:"number"`
	Article   string `yaml:"article"`
	URL       string `yaml:"url"`
	Published string `yaml:"published"`
}

type methodKeys struct {
	Method     string            `yaml:"method"`
	When       string            `yaml:"when"`
	Uses       map[string]string `yaml:"uses"`
	Period     string            `yaml:"period"`
	Collection string            `yaml:"collection"`
	Missing    []text            `yaml:"missing"`
}

type readingKeys struct {
	Title      text              `yaml:"title"`
	Method     string            `yaml:"method"`
	Uses       map[string]string `yaml:"uses"`
	Period     string            `yaml:"period"`
	Collection string            `yaml:"collection"`
	Missing    []text            `yaml:"missing"`
}

type thresholdKeys struct {
	Amount string `yaml:"amount"`
	Edge   string `yaml:"edge"`
}

type bandKeys struct {
	Below string `yaml:"below"`
	UpTo  string `yaml:"up_to"`
	Rate  string `yaml:"rate"`
}

type bracketKeys struct {
	UpTo  string `yaml:"up_to"`
	Rate  string `yaml:"rate"`
	Quick string `yaml:"quick"`
}

// bracket is bracketKeys with its line.
type bracket struct {
	bracketKeys
	line int
}

// UnmarshalYAML keeps the line.
func (b *bracket) UnmarshalYAML(n ast.Node) error {
	b.line = lineOf(n)
	return yaml.NodeToValue(n, &b.bracketKeys, yaml.Strict())
}

// cell is one scalar of a table with its line.
type cell struct {
	text string
	line int
}

// UnmarshalYAML keeps the line.
func (c *cell) UnmarshalYAML(n ast.Node) error {
	c.line = lineOf(n)
	return yaml.NodeToValue(n, &c.text, yaml.Strict())
}

type regimeKeys struct {
	When   string    `yaml:"when"`
	Item   string    `yaml:"item"`
	Refuse string    `yaml:"refuse"`
	Allows []string  `yaml:"allows"`
	Text   text      `yaml:"text"`
	Bans   []banKeys `yaml:"bans"`
}

type banKeys struct {
	Item      string      `yaml:"item"`
	Why       text        `yaml:"why"`
	Reference *reference  `yaml:"reference"`
	Also      []reference `yaml:"also"`
}

// node keeps a value until the kind of its file says how to read it.
type node struct{ ast ast.Node }

// UnmarshalYAML keeps the node.
func (v *node) UnmarshalYAML(n ast.Node) error {
	v.ast = n
	return nil
}

func (v node) decode(into any) error { return yaml.NodeToValue(v.ast, into, yaml.Strict()) }

func (v node) line(otherwise int) int {
	if v.ast == nil {
		return otherwise
	}
	return lineOf(v.ast)
}

// lineOf finds the first line of a node; a mapping's own token may be the colon of its first key.
func lineOf(n ast.Node) int {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		n = m.Values[0].Key
	}
	if t := n.GetToken(); t != nil && t.Position != nil {
		return t.Position.Line
	}
	return 0
}

type manifest struct {
	Pack         string   `yaml:"pack"`
	Jurisdiction string   `yaml:"jurisdiction"`
	Version      string   `yaml:"version"`
	Title        text     `yaml:"title"`
	Parents      []string `yaml:"parents"`
	ISO          string   `yaml:"iso"`
	Kind         string   `yaml:"kind"`
	Confidence   string   `yaml:"confidence"`
}
