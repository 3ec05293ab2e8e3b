package taxpack

import (
	"go.yaml.in/yaml/v3"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/law/tax"
)

// The types below list exactly the keys that a rule file may have; any other key is a problem.

// ruleFile holds exactly the keys that a rule file may have; any other key is a problem.
type ruleFile struct {
	id string
	// locality is the prefecture for which a rule of a local pack is valid.
	locality string
	kind     string
	title    bilingual.Text
	unit     string
	tax      string
	order    int
	// wording is the id of the definition whose step texts explain this one's calculation.
	wording string
	values  []datedKeys
	// bounds are those of a rate; nil where the file declares none.
	bounds *boundsKeys
	steps  map[string]tax.StepText
}

// readRuleFile reads the keys of a rule file.
func (p *ruleParser) readRuleFile(n *yaml.Node) (f ruleFile) {
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "id":
			f.id = p.readText(v)
		case "locality":
			f.locality = p.readText(v)
		case "kind":
			f.kind = p.readText(v)
		case "title":
			f.title = p.readWording(v)
		case "unit":
			f.unit = p.readText(v)
		case "tax":
			f.tax = p.readText(v)
		case "order":
			f.order = p.readWholeNumber(v)
		case "wording":
			f.wording = p.readText(v)
		case "bounds":
			b := p.readBoundsKeys(v)
			f.bounds = &b
		case "values":
			f.values = readList(p, v, p.readDatedKeys)
		case "steps":
			f.steps = readMapping(p, v, p.readStepText)
		default:
			return false
		}
		return true
	})
	return f
}

// boundsKeys are the bounds of a rate as the file writes them, with reason and article.
type boundsKeys struct {
	line        int
	least, most string
	note        bilingual.Text
	reference   *reference
}

// readBoundsKeys reads the bounds of a rate.
func (p *ruleParser) readBoundsKeys(n *yaml.Node) boundsKeys {
	k := boundsKeys{line: n.Line}
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "least":
			k.least = p.readText(v)
		case "most":
			k.most = p.readText(v)
		case "reference":
			r := p.readReference(v)
			k.reference = &r
		case "note":
			k.note = p.readWording(v)
		default:
			return false
		}
		return true
	})
	return k
}

// readWording reads a sentence in Chinese and English.
func (p *ruleParser) readWording(n *yaml.Node) (t bilingual.Text) {
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "zh":
			t.ZH = p.readText(v)
		case "en":
			t.EN = p.readText(v)
		default:
			return false
		}
		return true
	})
	return t
}

// readStepText reads formula, citations and sentences of one step.
func (p *ruleParser) readStepText(n *yaml.Node) (s tax.StepText) {
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "formula":
			s.Formula = p.readText(v)
		case "cites":
			s.Cites = readList(p, v, p.readText)
		case "text":
			s.Text = p.readWording(v)
		default:
			return false
		}
		return true
	})
	return s
}

// datedKeys is one dated value of a rule file. The value itself stays a node until the kind of its
// file is known, because the kind decides its form.
type datedKeys struct {
	line   int
	from   string
	to     string
	value  *yaml.Node
	lapsed *bilingual.Text
	status string
	note   bilingual.Text
	// discretion marks an open value that the competent tax office decides.
	discretion bool
	readings   map[string]tax.Reading
	reference  *reference
	also       []reference
}

// readDatedKeys reads the keys of one dated value.
func (p *ruleParser) readDatedKeys(n *yaml.Node) datedKeys {
	d := datedKeys{line: n.Line}
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "from":
			d.from = p.readText(v)
		case "to":
			d.to = p.readText(v)
		case "value":
			d.value = v
		case "lapsed":
			t := p.readWording(v)
			d.lapsed = &t
		case "status":
			d.status = p.readText(v)
		case "note":
			d.note = p.readWording(v)
		case "discretion":
			d.discretion = p.readBool(v)
		case "readings":
			d.readings = readMapping(p, v, p.readReading)
		case "reference":
			r := p.readReference(v)
			d.reference = &r
		case "also":
			d.also = readList(p, v, p.readReference)
		default:
			return false
		}
		return true
	})
	return d
}

// valueLine returns the line where the value begins, or that of the dated value when it has no
// value.
func (d *datedKeys) valueLine() int {
	if d.value == nil {
		return d.line
	}
	return d.value.Line
}

// reference is the document and the article that a value rests on.
type reference struct {
	document  string
	number    string
	article   string
	url       string
	published string
}

// readReference reads the reference of a value.
func (p *ruleParser) readReference(n *yaml.Node) (r reference) {
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "document":
			r.document = p.readText(v)
		case "number":
			r.number = p.readText(v)
		case "article":
			r.article = p.readText(v)
		case "url":
			r.url = p.readText(v)
		case "published":
			r.published = p.readText(v)
		default:
			return false
		}
		return true
	})
	return r
}

// readMethodKey reads a key that methods and readings have in common; it returns false for other
// keys.
func (p *ruleParser) readMethodKey(m *tax.Method, key string, v *yaml.Node) bool {
	switch key {
	case "method":
		m.Name = p.readText(v)
	case "uses":
		m.Uses = readMapping(p, v, p.readText)
	case "period":
		m.Period = p.readText(v)
	case "collection":
		m.Collection = p.readText(v)
	case "missing":
		m.Missing = readList(p, v, p.readWording)
	default:
		return false
	}
	return true
}

// readMethodKeys reads a method with its condition.
func (p *ruleParser) readMethodKeys(n *yaml.Node) (m tax.Method) {
	p.readFields(n, func(key string, v *yaml.Node) bool {
		if key == "when" {
			m.When = p.readText(v)
			return true
		}
		return p.readMethodKey(&m, key, v)
	})
	return m
}

// readReading reads one reading of an open rule.
func (p *ruleParser) readReading(n *yaml.Node) (r tax.Reading) {
	p.readFields(n, func(key string, v *yaml.Node) bool {
		if key == "title" {
			r.Title = p.readWording(v)
			return true
		}
		return p.readMethodKey(&r.Method, key, v)
	})
	return r
}

// thresholdKeys are amount and edge of a threshold as the file writes them.
type thresholdKeys struct{ amount, edge string }

// readThresholdKeys reads a threshold.
func (p *ruleParser) readThresholdKeys(n *yaml.Node) (k thresholdKeys) {
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "amount":
			k.amount = p.readText(v)
		case "edge":
			k.edge = p.readText(v)
		default:
			return false
		}
		return true
	})
	return k
}

// tableRow is one row of a table of brackets or bands.
type tableRow struct {
	line int
	// below is the edge of a band that does not belong to the row; upTo is an edge that does.
	below string
	upTo  string
	rate  string
	// quick is the quick deduction of a bracket.
	quick string
}

// readBandKeys reads one row of a table of rates by totals.
func (p *ruleParser) readBandKeys(n *yaml.Node) tableRow {
	r := tableRow{line: n.Line}
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "below":
			r.below = p.readText(v)
		case "up_to":
			r.upTo = p.readText(v)
		case "rate":
			r.rate = p.readText(v)
		default:
			return false
		}
		return true
	})
	return r
}

// readBracketKeys reads one level of a progressive table.
func (p *ruleParser) readBracketKeys(n *yaml.Node) tableRow {
	r := tableRow{line: n.Line}
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "up_to":
			r.upTo = p.readText(v)
		case "rate":
			r.rate = p.readText(v)
		case "quick":
			r.quick = p.readText(v)
		default:
			return false
		}
		return true
	})
	return r
}

// tableCell is one value of a table with its line.
type tableCell struct {
	text string
	line int
}

// readCell reads one value of a table of rates.
func (p *ruleParser) readCell(n *yaml.Node) tableCell { return tableCell{p.readText(n), n.Line} }

// regimeKeys are the keys of a regime as the file writes them.
type regimeKeys struct {
	when   string
	item   string
	refuse string
	allows []string
	text   bilingual.Text
	bans   []banKeys
}

// readRegimeKeys reads a regime with its bans.
func (p *ruleParser) readRegimeKeys(n *yaml.Node) (k regimeKeys) {
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "when":
			k.when = p.readText(v)
		case "item":
			k.item = p.readText(v)
		case "refuse":
			k.refuse = p.readText(v)
		case "allows":
			k.allows = readList(p, v, p.readText)
		case "text":
			k.text = p.readWording(v)
		case "bans":
			k.bans = readList(p, v, p.readBanKeys)
		default:
			return false
		}
		return true
	})
	return k
}

// banKeys are the keys of a ban: the forbidden item, the reason and the articles.
type banKeys struct {
	item      string
	why       bilingual.Text
	reference *reference
	also      []reference
}

// readBanKeys reads one ban of a regime.
func (p *ruleParser) readBanKeys(n *yaml.Node) (k banKeys) {
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "item":
			k.item = p.readText(v)
		case "why":
			k.why = p.readWording(v)
		case "reference":
			r := p.readReference(v)
			k.reference = &r
		case "also":
			k.also = readList(p, v, p.readReference)
		default:
			return false
		}
		return true
	})
	return k
}

// manifestKeys are the keys of a pack's manifest.
type manifestKeys struct {
	pack         string
	version      string
	parents      []string
	jurisdiction tax.Jurisdiction
}

// readManifestKeys reads the manifest of a pack.
func (p *ruleParser) readManifestKeys(n *yaml.Node) (m manifestKeys) {
	j := &m.jurisdiction
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "pack":
			m.pack = p.readScalar(v)
		case "version":
			m.version = p.readScalar(v)
		case "parents":
			m.parents = readList(p, v, p.readText)
		case "jurisdiction":
			j.Code = p.readScalar(v)
		case "iso":
			j.ISO = p.readText(v)
		case "title":
			j.Title = p.readWording(v)
		case "kind":
			j.Kind = p.readText(v)
		case "confidence":
			j.Confidence = p.readText(v)
		default:
			return false
		}
		return true
	})
	return m
}

// yearFile holds the keys of a holiday notice.
type yearFile struct {
	year      int
	title     bilingual.Text
	reference *reference
	holidays  []holiday
	workDays  []string
}

// readYearFile reads a holiday notice.
func (p *ruleParser) readYearFile(n *yaml.Node) (f yearFile) {
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "year":
			f.year = p.readWholeNumber(v)
		case "title":
			f.title = p.readWording(v)
		case "status":
			p.readText(v) // the status of a notice is for readers of the file; no code uses it
		case "reference":
			r := p.readReference(v)
			f.reference = &r
		case "holidays":
			f.holidays = readList(p, v, p.readHoliday)
		case "work_days":
			f.workDays = readList(p, v, p.readText)
		default:
			return false
		}
		return true
	})
	return f
}

// holiday is one span of days off with its name.
type holiday struct {
	name     bilingual.Text
	from, to string
}

// readHoliday reads one holiday of a notice.
func (p *ruleParser) readHoliday(n *yaml.Node) (h holiday) {
	p.readFields(n, func(key string, v *yaml.Node) bool {
		switch key {
		case "name":
			h.name = p.readWording(v)
		case "from":
			h.from = p.readText(v)
		case "to":
			h.to = p.readText(v)
		default:
			return false
		}
		return true
	})
	return h
}
