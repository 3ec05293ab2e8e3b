package tax

import (
	"fmt"
	"slices"
	"sort"
	"sync"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// Engine answers from one pack and, where that is silent, from the pack above it. It is immutable
// after Compile and safe for concurrent use.
type Engine struct {
	id     PackID
	place  string  // locality or jurisdiction, "" for the national pack
	parent *Engine // nil for the national pack
	books  []*Book // by first day; each ends where the next begins
	defs   []Definition
	known  map[string]*Definition   // by id, its own
	users  map[string][]*Definition // by id: its own methods that use a definition, in file order
	spare  sync.Pool                // of workspaces that no computation uses now
}

// Book is all that is in force, unchanged, from one day to the day before the next book: rules
// compiled to a small program over fen and exact fractions.
type Book struct {
	from    civil.Date
	place   string
	parent  *Book // of the pack above on that day; nil where there is none
	values  map[string]*Dated
	decided map[string]bool // ids on which the pack itself has spoken by that day, be it with a lapse
	regimes []*regime
	stages  [len(stageOrder)][]TaxRule
	// by id: rules of questions of their own, such as the annual settlement
	apart    map[string]TaxRule
	assessed []TaxRule // rules on assessed income, the place's own before those above it
	above    sync.Map  // *Book of the pack above -> *Book: this one over it
}

// value finds what is in force for an id: the pack's own word if it has one by that day, else that
// of the pack above.
func (b *Book) value(id string) *Dated {
	for ; b != nil; b = b.parent {
		if b.decided[id] {
			return b.values[id]
		}
	}
	return nil
}

// stageOrder is the order in which taxes are computed and taken: VAT lowers the base of IIT,
// surcharges stand on VAT, and all of them are taken before IIT.
var stageOrder = [...]string{VAT, UMCT, EDU, LEDU, IIT, CIT, TaxCulturalFee, TaxStamp}

// TaxRule is one rule of one tax, compiled for the days of a book.
type TaxRule interface {
	//nolint:revive // the design's word for it, and "rule" alone is also a file
	// ID is the id of the definition it was compiled from.
	ID() string
	// Validate tells what the rule lacks to be usable in its days; nil means complete.
	Validate() error
	// Applies tells whether the rule is the one for these facts.
	Applies(c *Calculation) bool
	// Calculate adds the tax to the calculation: lines, rows, steps. It fails with *Gap where the law
	// has no answer.
	Calculate(c *Calculation) error
	// Explain gives the wording of one of its steps as data: formula, articles, both languages.
	Explain(step string) (StepText, bool)
}

// Compile checks the definitions against each other and builds a book for every interval of days in
// which nothing changes. The problem of a definition is named by its id; files and lines are the
// loader's part.
func Compile(p Pack) (*Engine, error) { return compileOver(nil, p.ID, "", p.Definitions) }

// compileOver compiles the definitions of a place over the engine above it. Rules of payments that
// lean on a value which the place sets itself are compiled anew with that value.
func compileOver(parent *Engine, id PackID, place string, own []Definition) (*Engine, error) {
	e := &Engine{id: id, place: place, parent: parent, defs: own, known: map[string]*Definition{},
		users: map[string][]*Definition{}}
	c := &compiler{engine: e, last: map[string]compiled{}}
	for i := range own {
		d := &own[i]
		if e.known[d.ID] != nil {
			return nil, fmt.Errorf("%s: defined twice", d.ID)
		}
		if d.Wording != "" {
			d.Steps = parent.wording(d.Wording)
		}
		e.known[d.ID] = d
		c.take(d)
	}
	c.lean()
	for _, day := range c.days() {
		b, err := c.book(day)
		if err != nil {
			return nil, err
		}
		e.books = append(e.books, b)
	}
	return e, nil
}

// wording finds the step texts of a definition in the nearest pack that has them.
func (e *Engine) wording(id string) map[string]StepText {
	for ; e != nil; e = e.parent {
		if d := e.known[id]; d != nil && len(d.Steps) > 0 {
			return d.Steps
		}
	}
	return nil
}

// definition finds what the pack, or else the nearest one above it, defines under an id.
func (e *Engine) definition(id string) *Definition {
	for ; e != nil; e = e.parent {
		if d := e.known[id]; d != nil {
			return d
		}
	}
	return nil
}

// compiler builds the books of one engine, day by day, and keeps a rule as long as nothing it rests
// on changes.
type compiler struct {
	engine *Engine
	parts  []part // own definitions, and methods of the packs above that lean on them
	last   map[string]compiled
}

// part is a definition with what is asked of it on each day.
type part struct {
	*Definition
	used  []string
	apart bool
}

// take adds a definition to what is compiled, and notes what it uses.
func (c *compiler) take(d *Definition) {
	p := part{Definition: d}
	if d.Kind == KindMethod {
		p.used, p.apart = d.used(), d.apart()
		for _, id := range p.used {
			c.engine.users[id] = append(c.engine.users[id], d)
		}
	}
	c.parts = append(c.parts, p)
}

// compiled is a rule with the values it rests on.
type compiled struct {
	rests []*Dated
	rule  TaxRule
	when  expression
}

// lean adds the methods of the packs above that use what the place defines itself.
func (c *compiler) lean() {
	taken := map[string]bool{}
	for i := range c.engine.defs {
		for above := c.engine.parent; above != nil; above = above.parent {
			for _, d := range above.users[c.engine.defs[i].ID] {
				if !taken[d.ID] && c.engine.definition(d.ID) == d {
					taken[d.ID] = true
					c.take(d)
				}
			}
		}
	}
}

// used lists, in order, what any value or reading of a method uses.
func (d *Definition) used() []string {
	var ids []string
	add := func(m *Method) {
		for _, id := range m.Uses {
			ids = append(ids, id)
		}
	}
	for i := range d.Values {
		add(&d.Values[i].Method)
		for _, r := range d.Values[i].Readings {
			add(&r.Method)
		}
	}
	sort.Strings(ids)
	return slices.Compact(ids)
}

// days lists the days on which something begins or ends that the engine's definitions rest on.
func (c *compiler) days() []civil.Date {
	starts := map[civil.Date]bool{}
	add := func(id string) {
		for e := c.engine; e != nil; e = e.parent {
			if d := e.known[id]; d != nil {
				d.mark(starts)
			}
		}
	}
	for _, p := range c.parts {
		add(p.ID)
		for _, id := range p.used {
			add(id)
		}
	}
	days := make([]civil.Date, 0, len(starts))
	for d := range starts {
		days = append(days, d)
	}
	sort.Slice(days, func(i, j int) bool { return days[i].Before(days[j]) })
	return days
}

// mark notes the days on which a value begins or the one before it has ended.
func (d *Definition) mark(starts map[civil.Date]bool) {
	for i := range d.Values {
		starts[d.Values[i].From] = true
		if to := d.Values[i].To; !to.IsZero() {
			starts[to.AddDays(1)] = true
		}
	}
}

// book compiles what the pack itself says on a day; over puts it over the packs above.
func (c *compiler) book(day civil.Date) (*Book, error) {
	n := len(c.engine.defs)
	b := &Book{from: day, place: c.engine.place, values: make(map[string]*Dated, n),
		decided: make(map[string]bool, n), apart: make(map[string]TaxRule, len(c.last))}
	if c.engine.parent != nil {
		b.parent, _ = c.engine.parent.book(day) // nil before the first day of the pack above
	}
	for i := range c.engine.defs {
		d := &c.engine.defs[i]
		if d.begun(day) {
			b.decided[d.ID] = true
			if v := inForce(d, day); v != nil {
				b.values[d.ID] = v
			}
		}
	}
	orders := make(map[TaxRule]int, len(c.last))
	for i := range c.parts {
		if err := c.add(b, &c.parts[i], orders); err != nil {
			return nil, err
		}
	}
	b.sort(orders)
	return b, nil
}

// begun tells whether the definition says anything by that day.
func (d *Definition) begun(day civil.Date) bool {
	return slices.ContainsFunc(d.Values, func(v Dated) bool { return !v.From.After(day) })
}

// add compiles one regime or method into the book.
func (c *compiler) add(b *Book, d *part, orders map[TaxRule]int) error {
	switch v := b.value(d.ID); {
	case d.Kind == KindRegime && v != nil:
		r, err := compileRegime(d.Definition, v)
		if err != nil {
			return err
		}
		b.regimes = append(b.regimes, r)
	case d.Kind == KindMethod && d.begun(b.from):
		k, err := c.method(b, d, v)
		if err != nil {
			return err
		}
		return b.put(k, d, orders)
	}
	return nil
}

// method compiles a method, or takes what it was on the day before where it rests on the same
// values.
func (c *compiler) method(b *Book, d *part, v *Dated) (compiled, error) {
	k := compiled{rests: make([]*Dated, 1, len(d.used)+1)}
	k.rests[0] = v
	for _, id := range d.used {
		k.rests = append(k.rests, b.value(id))
	}
	if before, ok := c.last[d.ID]; ok && slices.Equal(before.rests, k.rests) {
		return before, nil
	}
	var err error
	switch {
	case v == nil:
		k.rule, k.when, err = lapsed(d.Definition, b.from)
	case v.Status == Open:
		k.rule, k.when, err = b.compileOpen(d.Definition, v, c.engine)
	default:
		k.rule, k.when, err = b.compileMethod(d.Definition, v, &v.Method, v.Status, c.engine)
	}
	if err != nil {
		return k, fmt.Errorf("%s from %s: %w", d.ID, b.from, err)
	}
	c.last[d.ID] = k
	return k, nil
}

// sort puts the book's own rules into the order in which they are asked.
func (b *Book) sort(orders map[TaxRule]int) {
	byOrder := func(x, y TaxRule) int { return orders[x] - orders[y] }
	slices.SortStableFunc(b.regimes, func(x, y *regime) int { return x.order - y.order })
	slices.SortStableFunc(b.assessed, byOrder)
	for i := range b.stages {
		slices.SortStableFunc(b.stages[i], byOrder)
	}
}

// over puts the place's own book over one of the pack above: what it does not replace is inherited.
// It does so once for each pair.
func (b *Book) over(above *Book) *Book {
	if above == nil {
		return b
	}
	if m, ok := b.above.Load(above); ok {
		return m.(*Book) //nolint:forcetypeassert // nothing else is ever put in
	}
	m := &Book{from: b.from, place: b.place, parent: above, values: b.values, decided: b.decided,
		regimes: above.regimes, apart: b.apart}
	for i := range b.stages {
		m.stages[i] = replaced(above.stages[i], b.stages[i])
	}
	m.assessed = slices.Clone(b.assessed)
	for _, r := range above.assessed {
		if b.apart[r.ID()] == nil {
			m.assessed = append(m.assessed, r)
		}
	}
	first, _ := b.above.LoadOrStore(above, m)
	return first.(*Book) //nolint:forcetypeassert // as above
}

// replaced gives the rules of the book above, each exchanged for the place's own of the same id.
func replaced(above, own []TaxRule) []TaxRule {
	if len(own) == 0 {
		return above
	}
	list := slices.Clone(above)
	for _, r := range own {
		if i := slices.IndexFunc(list, func(x TaxRule) bool { return x.ID() == r.ID() }); i >= 0 {
			list[i] = r
		} else {
			list = append(list, r)
		}
	}
	return list
}

// inForce finds the value of the day; declared lapses and days outside all values give nil.
func inForce(d *Definition, day civil.Date) *Dated {
	for i := range d.Values {
		if v := &d.Values[i]; v.covers(day) && v.Lapsed == nil {
			return v
		}
	}
	return nil
}

// put puts a compiled rule where it is looked for: among the rules of its tax for a payment, among
// those on assessed income, or apart by its id.
func (b *Book) put(k compiled, d *part, orders map[TaxRule]int) error {
	orders[k.rule] = d.Order
	switch {
	case k.when.asks(factWay):
		b.assessed = append(b.assessed, k.rule)
		b.apart[d.ID] = k.rule
	case d.apart:
		b.apart[d.ID] = k.rule
	default:
		n := slices.Index(stageOrder[:], d.Tax)
		if n < 0 {
			return fmt.Errorf("%s: tax %q is none of %v", d.ID, d.Tax, stageOrder)
		}
		b.stages[n] = append(b.stages[n], k.rule)
	}
	return nil
}

// apart tells whether the method answers a question of its own and takes no part in a payment.
func (d *Definition) apart() bool {
	alone := func(m *Method) bool { s, ok := specOf(m.Name); return ok && s.apart }
	for i := range d.Values {
		v := &d.Values[i]
		if alone(&v.Method) {
			return true
		}
		for _, r := range v.Readings {
			if alone(&r.Method) {
				return true
			}
		}
	}
	return false
}

// lapsed keeps the conditions of a method that is over, so that it answers with its gap and no
// other rule is taken in its place.
func lapsed(d *Definition, day civil.Date) (TaxRule, expression, error) {
	var last *Dated
	for i := range d.Values {
		if v := &d.Values[i]; !v.From.After(day) && (v.Lapsed == nil || last == nil) {
			last = v
		}
	}
	when, err := compileExpression(last.Method.When)
	return &gapRule{id: d.ID, tax: d.Tax, when: when, selfFiled: last.Method.Collection == SelfFiled,
		gap: Gap{Rule: d.ID, Missing: missingText(d, day)}}, when, err
}

// lapsedText says why nothing is in force after or during v.
func lapsedText(v *Dated) bilingual.Text {
	if v.Lapsed != nil {
		return *v.Lapsed
	}
	return bilingual.Text{ZH: "现行规定执行至 " + v.To.String() + "，其后规定尚未收录",
		EN: "what was in force ended on " + v.To.String() + "; no later rule is known"}
}

// base is what all compiled methods share.
type base struct {
	def    *Definition
	when   expression
	method *Method
	law    []Law
	status Status
	steps  map[string]*stepSpec
	// unconfirmed are the ids, the rule's own and those it uses, that are not confirmed.
	unconfirmed []string
	// worst is the worst status among the rule and what it uses.
	worst  Status
	engine *Engine // where the definitions are that it uses
}

// ID gives the definition's id.
func (b *base) ID() string { return b.def.ID }

// Validate has nothing to say: a rule that lacks a value is compiled to its gap instead.
func (b *base) Validate() error { return nil }

// collectedBy tells who brings the tax to the tax office.
func (b *base) collectedBy() string { return b.method.Collection }

// Applies tells whether all conditions hold.
func (b *base) Applies(c *Calculation) bool { return b.when.holds(c) }

// Explain gives the wording of a step.
func (b *base) Explain(step string) (StepText, bool) {
	t, ok := b.def.Steps[step]
	return t, ok
}

// cite adds articles that are not named yet.
func (s *stepSpec) cite(laws []Law) {
	for _, l := range laws {
		if !slices.Contains(s.law, l) {
			s.law = append(s.law, l)
		}
	}
}

// spec finds the wording of a step that the method writes.
func (b *base) spec(name string) (*stepSpec, error) {
	s := b.steps[name]
	if s == nil {
		return nil, fmt.Errorf("method %s needs the wording of step %q", b.method.Name, name)
	}
	return s, nil
}

// specs fills each target with the wording of the step that is named before it.
func (b *base) specs(into map[string]**stepSpec) error {
	for name, target := range into {
		s, err := b.spec(name)
		if err != nil {
			return err
		}
		*target = s
	}
	return nil
}

// compileMethod resolves what the method uses and builds its rule.
func (b *Book) compileMethod(d *Definition, v *Dated, m *Method, status Status,
	e *Engine) (TaxRule, expression, error) {
	when, err := compileExpression(m.When)
	if err != nil {
		return nil, when, err
	}
	r := base{def: d, engine: e, when: when, method: m, law: v.Law, status: status,
		steps: map[string]*stepSpec{}, worst: status}
	if status != Confirmed {
		r.unconfirmed = append(r.unconfirmed, d.ID)
	}
	spec, ok := specOf(m.Name)
	if !ok {
		return nil, when, fmt.Errorf("no method %q", m.Name)
	}
	for role := range spec.needed {
		if m.Uses[role] == "" {
			return nil, when, fmt.Errorf("method %s needs a definition in role %q", m.Name, role)
		}
	}
	var lacks *Gap
	roles := make([]string, 0, len(m.Uses))
	for role := range m.Uses {
		roles = append(roles, role)
	}
	sort.Strings(roles)
	for _, role := range roles {
		id := m.Uses[role]
		used := e.definition(id)
		if used == nil {
			return nil, when, fmt.Errorf("uses %s: no such definition %q", role, id)
		}
		if err := checkRole(m.Name, role, used); err != nil {
			return nil, when, err
		}
		uv := b.value(id)
		if uv == nil {
			if role != reliefRole && !spec.tolerant &&
				lacks == nil { // the reduction may end while the tax goes on
				lacks = &Gap{Rule: id, On: b.from, Missing: missingText(used, b.from)}
			}
			continue
		}
		if (role == "cost_rate" || role == "share") && uv.Rate.Den() > maxDeductionScale {
			return nil, when, fmt.Errorf("%s has more than three decimals", id)
		}
		if uv.Status != Confirmed && uv.Status != Open {
			r.unconfirmed = append(r.unconfirmed, id)
			if uv.Status.weight() > r.worst.weight() {
				r.worst = uv.Status
			}
		}
	}
	sort.Strings(r.unconfirmed)
	for name, t := range d.Steps {
		r.steps[name] = b.compileStep(d, v, m, status, name, t)
	}
	if lacks == nil {
		rule, err := newMethod(b, r)
		return rule, when, err
	}
	return &gapRule{id: d.ID, tax: d.Tax, when: when, selfFiled: m.Collection == SelfFiled,
		gap: *lacks}, when, nil
}

func missingText(d *Definition, day civil.Date) bilingual.Text {
	for i := range d.Values {
		v := &d.Values[i]
		if v.Lapsed != nil && v.covers(day) {
			return *v.Lapsed
		}
	}
	if n := len(d.Values); n > 0 && d.Values[n-1].From.Before(day) {
		return lapsedText(&d.Values[n-1])
	}
	return bilingual.Text{ZH: d.Title.ZH + "：该日尚无收录的规定",
		EN: d.Title.EN + ": no value is known for that day"}
}

func (b *Book) compileStep(d *Definition, v *Dated, m *Method, status Status, name string,
	t StepText) *stepSpec {
	s := &stepSpec{name: name, rule: d.ID, formula: t.Formula, wording: t.Text, status: Confirmed}
	cites := t.Cites
	if len(cites) == 0 {
		cites = []string{"rule"}
	}
	worsen := func(x Status) {
		if x.weight() > s.status.weight() {
			s.status = x
		}
	}
	for _, role := range cites {
		if role == "rule" {
			s.cite(v.Law)
			worsen(status)
			continue
		}
		if uv := b.value(m.Uses[role]); uv != nil {
			s.cite(uv.Law)
			worsen(uv.Status)
		}
	}
	return s
}

// amount, rate, table and threshold read a used value; compileMethod has checked that it is there.
func (b *Book) amount(m *Method, role string) money.Amount { return b.value(m.Uses[role]).Amount }

func (b *Book) rate(m *Method, role string) money.Fraction { return b.value(m.Uses[role]).Rate }

func (b *Book) table(m *Method) table { return newTable(b.value(m.Uses["brackets"]).Brackets) }

func (b *Book) threshold(m *Method, role string) Threshold {
	return b.value(m.Uses[role]).Threshold
}

func checkRole(method, role string, used *Definition) error {
	needed, optional, ok := RolesOf(method)
	if !ok {
		return fmt.Errorf("no method %q", method)
	}
	kind, known := needed[role]
	if !known {
		kind, known = optional[role]
	}
	switch {
	case !known:
		return fmt.Errorf("method %s has no role %q", method, role)
	case kind != used.Kind:
		return fmt.Errorf("role %s wants a definition of kind %s, %s is of kind %s", role, kind, used.ID,
			used.Kind)
	}
	return nil
}

func (b *Book) newNonResident(r base) *nonResident {
	m := r.method
	n := &nonResident{base: r, cost: money.NewFraction(0, 1), share: b.shareOf(m), table: b.table(m)}
	if m.Uses["cost_rate"] != "" {
		n.cost = b.rate(m, "cost_rate")
	}
	if m.Uses["deduction"] != "" {
		n.deduction = b.amount(m, "deduction")
	}
	n.kept = lowest(keptShare(n.cost), n.share)
	return n
}

// shareOf is the further share of author remuneration, 1 where the method has none.
func (b *Book) shareOf(m *Method) money.Fraction {
	if m.Uses["share"] == "" {
		return money.NewFraction(1, 1)
	}
	return b.rate(m, "share")
}

func (b *Book) newSurcharge(r base) *surcharge {
	m := r.method
	s := &surcharge{base: r, local: m.Uses["rate"] == "", reliefID: m.Uses["relief"]}
	if v := b.value(s.reliefID); v != nil {
		s.relief, s.relieved = v.Rate, true
	}
	for i, role := range []string{"rate_city", "rate_county", "rate_other"} {
		if !s.local {
			role = "rate"
		}
		if v := b.value(m.Uses[role]); v != nil {
			s.rates[i] = v.Rate
		}
	}
	for i, role := range []string{"exempt_month", "exempt_quarter"} {
		if v := b.value(m.Uses[role]); v != nil {
			s.exempt[i], s.exempts[i] = v.Threshold, true
		}
	}
	return s
}

// onTop is 1 + rate, the divisor of a price that contains the tax.
func onTop(rate money.Fraction) money.Fraction {
	return money.NewFraction(rate.Den()+rate.Num(), rate.Den())
}

// reliefRole is the reduction of a surcharge.
const reliefRole = "relief"

// maxDeductionScale is the finest cost rate, three decimals: see fraction.
const maxDeductionScale = 1000

// keptShare is 1 - cost.
func keptShare(cost money.Fraction) money.Fraction {
	return money.NewFraction(cost.Den()-cost.Num(), cost.Den())
}

// book finds the book of a day, over those of the packs above on that day.
func (e *Engine) book(on civil.Date) (*Book, error) {
	i := sort.Search(len(e.books), func(i int) bool { return e.books[i].from.After(on) })
	if e.parent != nil {
		above, err := e.parent.book(on)
		if i == 0 {
			return above, err
		}
		return e.books[i-1].over(above), nil
	}
	if i == 0 {
		return nil, &Gap{Rule: e.id.Pack, On: on,
			Missing: bilingual.Text{ZH: "该日早于规则包的第一日", EN: "the day lies before the first day of the pack"}}
	}
	return e.books[i-1], nil
}

// Pack names the rules that the engine answers from.
func (e *Engine) Pack() PackID { return e.id }

// Definitions gives what the pack says, in file order; the caller must not change it.
func (e *Engine) Definitions() []Definition { return e.defs }
