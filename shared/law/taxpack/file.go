package taxpack

import (
	"go.yaml.in/yaml/v3"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/law/tax"
)

// The shapes below are exactly the keys that a rule file may have; anything else is refused.

type ruleFile struct {
	id string
	// locality is the prefecture that a rule of a local pack holds for.
	locality string
	kind     string
	title    bilingual.Text
	unit     string
	tax      string
	order    int
	// wording names the definition whose steps tell this one's calculation.
	wording string
	values  []dated
	steps   map[string]tax.StepText
}

func (p *parser) ruleFile(n *yaml.Node) (f ruleFile) {
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "id":
			f.id = p.text(v)
		case "locality":
			f.locality = p.text(v)
		case "kind":
			f.kind = p.text(v)
		case "title":
			f.title = p.wording(v)
		case "unit":
			f.unit = p.text(v)
		case "tax":
			f.tax = p.text(v)
		case "order":
			f.order = p.whole(v)
		case "wording":
			f.wording = p.text(v)
		case "values":
			f.values = list(p, v, p.datedKeys)
		case "steps":
			f.steps = table(p, v, p.stepText)
		default:
			return false
		}
		return true
	})
	return f
}

// wording reads a sentence in both languages.
func (p *parser) wording(n *yaml.Node) (t bilingual.Text) {
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "zh":
			t.ZH = p.text(v)
		case "en":
			t.EN = p.text(v)
		default:
			return false
		}
		return true
	})
	return t
}

func (p *parser) stepText(n *yaml.Node) (s tax.StepText) {
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "formula":
			s.Formula = p.text(v)
		case "cites":
			s.Cites = list(p, v, p.text)
		case "text":
			s.Text = p.wording(v)
		default:
			return false
		}
		return true
	})
	return s
}

// dated is one value of a rule with its days; the value itself is read when the kind of its file is
// known.
type dated struct {
	line   int
	from   string
	to     string
	value  *yaml.Node
	lapsed *bilingual.Text
	status string
	note   bilingual.Text
	// discretion tells of an open value that the competent office decides.
	discretion bool
	readings   map[string]tax.Reading
	reference  *reference
	also       []reference
}

func (p *parser) datedKeys(n *yaml.Node) dated {
	d := dated{line: n.Line}
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "from":
			d.from = p.text(v)
		case "to":
			d.to = p.text(v)
		case "value":
			d.value = v
		case "lapsed":
			t := p.wording(v)
			d.lapsed = &t
		case "status":
			d.status = p.text(v)
		case "note":
			d.note = p.wording(v)
		case "discretion":
			d.discretion = p.yesNo(v)
		case "readings":
			d.readings = table(p, v, p.reading)
		case "reference":
			r := p.reference(v)
			d.reference = &r
		case "also":
			d.also = list(p, v, p.reference)
		default:
			return false
		}
		return true
	})
	return d
}

// lineOfValue is where the value begins, or else what holds it.
func (d *dated) lineOfValue() int {
	if d.value == nil {
		return d.line
	}
	return d.value.Line
}

type reference struct {
	document  string
	number    string
	article   string
	url       string
	published string
}

func (p *parser) reference(n *yaml.Node) (r reference) {
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "document":
			r.document = p.text(v)
		case "number":
			r.number = p.text(v)
		case "article":
			r.article = p.text(v)
		case "url":
			r.url = p.text(v)
		case "published":
			r.published = p.text(v)
		default:
			return false
		}
		return true
	})
	return r
}

// methodKey reads a key that methods and readings share.
func (p *parser) methodKey(m *tax.Method, key string, v *yaml.Node) bool {
	switch key {
	case "method":
		m.Name = p.text(v)
	case "uses":
		m.Uses = table(p, v, p.text)
	case "period":
		m.Period = p.text(v)
	case "collection":
		m.Collection = p.text(v)
	case "missing":
		m.Missing = list(p, v, p.wording)
	default:
		return false
	}
	return true
}

func (p *parser) methodKeys(n *yaml.Node) (m tax.Method) {
	p.fields(n, func(key string, v *yaml.Node) bool {
		if key == "when" {
			m.When = p.text(v)
			return true
		}
		return p.methodKey(&m, key, v)
	})
	return m
}

func (p *parser) reading(n *yaml.Node) (r tax.Reading) {
	p.fields(n, func(key string, v *yaml.Node) bool {
		if key == "title" {
			r.Title = p.wording(v)
			return true
		}
		return p.methodKey(&r.Method, key, v)
	})
	return r
}

type thresholdKeys struct{ amount, edge string }

func (p *parser) thresholdKeys(n *yaml.Node) (k thresholdKeys) {
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "amount":
			k.amount = p.text(v)
		case "edge":
			k.edge = p.text(v)
		default:
			return false
		}
		return true
	})
	return k
}

// row is one row of a table of brackets or bands.
type row struct {
	line  int
	below string // bands: the edge, not part of the row
	upTo  string // the edge, part of the row
	rate  string
	quick string // brackets
}

func (p *parser) bandKeys(n *yaml.Node) row {
	r := row{line: n.Line}
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "below":
			r.below = p.text(v)
		case "up_to":
			r.upTo = p.text(v)
		case "rate":
			r.rate = p.text(v)
		default:
			return false
		}
		return true
	})
	return r
}

func (p *parser) bracketKeys(n *yaml.Node) row {
	r := row{line: n.Line}
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "up_to":
			r.upTo = p.text(v)
		case "rate":
			r.rate = p.text(v)
		case "quick":
			r.quick = p.text(v)
		default:
			return false
		}
		return true
	})
	return r
}

// cell is one scalar of a table with its line.
type cell struct {
	text string
	line int
}

func (p *parser) cell(n *yaml.Node) cell { return cell{p.text(n), n.Line} }

type regimeKeys struct {
	when   string
	item   string
	refuse string
	allows []string
	text   bilingual.Text
	bans   []banKeys
}

func (p *parser) regimeKeys(n *yaml.Node) (k regimeKeys) {
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "when":
			k.when = p.text(v)
		case "item":
			k.item = p.text(v)
		case "refuse":
			k.refuse = p.text(v)
		case "allows":
			k.allows = list(p, v, p.text)
		case "text":
			k.text = p.wording(v)
		case "bans":
			k.bans = list(p, v, p.banKeys)
		default:
			return false
		}
		return true
	})
	return k
}

type banKeys struct {
	item      string
	why       bilingual.Text
	reference *reference
	also      []reference
}

func (p *parser) banKeys(n *yaml.Node) (k banKeys) {
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "item":
			k.item = p.text(v)
		case "why":
			k.why = p.wording(v)
		case "reference":
			r := p.reference(v)
			k.reference = &r
		case "also":
			k.also = list(p, v, p.reference)
		default:
			return false
		}
		return true
	})
	return k
}

type manifest struct {
	pack         string
	version      string
	parents      []string
	jurisdiction tax.Jurisdiction
}

func (p *parser) manifest(n *yaml.Node) (m manifest) {
	j := &m.jurisdiction
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "pack":
			m.pack = p.name(v)
		case "version":
			m.version = p.name(v)
		case "parents":
			m.parents = list(p, v, p.text)
		case "jurisdiction":
			j.Code = p.name(v)
		case "iso":
			j.ISO = p.text(v)
		case "title":
			j.Title = p.wording(v)
		case "kind":
			j.Kind = p.text(v)
		case "confidence":
			j.Confidence = p.text(v)
		default:
			return false
		}
		return true
	})
	return m
}

type yearFile struct {
	year      int
	title     bilingual.Text
	reference *reference
	holidays  []holiday
	workDays  []string
}

func (p *parser) yearFile(n *yaml.Node) (f yearFile) {
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "year":
			f.year = p.whole(v)
		case "title":
			f.title = p.wording(v)
		case "status":
			p.text(v) // how far the notice is known: it is told by its file only
		case "reference":
			r := p.reference(v)
			f.reference = &r
		case "holidays":
			f.holidays = list(p, v, p.holiday)
		case "work_days":
			f.workDays = list(p, v, p.text)
		default:
			return false
		}
		return true
	})
	return f
}

type holiday struct {
	name     bilingual.Text
	from, to string
}

func (p *parser) holiday(n *yaml.Node) (h holiday) {
	p.fields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "name":
			h.name = p.wording(v)
		case "from":
			h.from = p.text(v)
		case "to":
			h.to = p.text(v)
		default:
			return false
		}
		return true
	})
	return h
}
