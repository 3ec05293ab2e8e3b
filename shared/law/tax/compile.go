package tax

import (
	"fmt"
	"maps"
	"slices"
	"sort"
	"sync"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// Engine computes taxes by the rules of one pack and, where that pack has no rule, by the pack
// above it. An engine is immutable after Compile and safe for concurrent use.
type Engine struct {
	id PackID
	// place is the code of the locality or jurisdiction; "" for the national pack.
	place string
	// parent is the engine of the pack above; nil for the national pack.
	parent *Engine
	// books are sorted by first day; each ends where the next begins.
	books []*Book
	defs  []Definition
	// byID holds the pack's own definitions.
	byID map[string]*Definition
	// dependents maps a definition's id to the pack's own methods that use it, in file order.
	dependents map[string][]*Definition
	// workspaces is a pool of workspaces that no computation uses now.
	workspaces sync.Pool
}

// Book holds the rules that are in force, unchanged, from one day to the day before the next book.
// The book's rules are compiled to arithmetic over fen and exact fractions.
type Book struct {
	from  civil.Date
	place string
	// parent is the book of the pack above on the first day; nil where there is none.
	parent *Book
	values map[string]*DatedValue
	// decided lists the ids for which the pack itself has a value by that day, be it a lapse.
	decided map[string]bool
	regimes []*regime
	stages  [len(stageOrder)][]TaxRule
	// questions maps an id to its rule, for rules that answer questions such as the annual settlement.
	questions map[string]TaxRule
	// assessed are the rules on assessed income, the place's own before those of the packs above.
	assessed []TaxRule
	// merged caches this book merged over a book of the pack above: *Book above -> *Book merged.
	merged sync.Map
}

// findValue returns the value in force for an id: that of the pack itself if the pack has decided
// the id by that day, else that of the pack above; nil where there is none.
func (b *Book) findValue(id string) *DatedValue {
	for ; b != nil; b = b.parent {
		if b.decided[id] {
			return b.values[id]
		}
	}
	return nil
}

// stageOrder is the order in which taxes are computed and withheld: VAT lowers the base of IIT,
// surcharges are computed on VAT, and all of them are withheld before IIT.
var stageOrder = [...]string{VAT, UMCT, EDU, LEDU, IIT, CIT, TaxCulturalFee, TaxStamp}

// TaxRule is one rule of one tax, compiled for the days of a book.
type TaxRule interface { //nolint:revive // "rule" alone would also mean a rule file
	// ID returns the id of the definition from which the rule was compiled.
	ID() string
	// Validate returns what the rule lacks to compute in its days, as an error; nil means complete.
	Validate() error
	// Applies reports whether the rule's condition matches the facts.
	Applies(c *Calculation) bool
	// Calculate adds the tax to the calculation: lines, rows and steps. Calculate fails with *Gap
	// where the law has no answer.
	Calculate(c *Calculation) error
	// Explain returns the wording of one of the rule's steps: formula, articles, both languages.
	Explain(step string) (StepText, bool)
}

// Compile checks the definitions of a pack against each other and builds a book for every interval
// of days in which nothing changes. Errors name the faulty definition by its id; the loader reports
// files and lines.
func Compile(p Pack) (*Engine, error) { return compileOverParent(nil, p.ID, "", p.Definitions) }

// compileOverParent compiles the definitions of a place over the engine of the pack above it.
// Methods of the packs above are compiled again when they use a value that the place sets itself.
func compileOverParent(parent *Engine, id PackID, place string, own []Definition) (*Engine, error) {
	e := &Engine{id: id, place: place, parent: parent, defs: own, byID: map[string]*Definition{},
		dependents: map[string][]*Definition{}}
	c := &compiler{engine: e, last: map[string]compiledMethod{}}
	for i := range own {
		d := &own[i]
		if e.byID[d.ID] != nil {
			return nil, fmt.Errorf("%s: defined twice", d.ID)
		}
		if d.Wording != "" {
			d.Steps = parent.findStepTexts(d.Wording)
		}
		e.byID[d.ID] = d
		c.addDefinition(d)
	}
	c.addDependentMethods()
	for _, day := range c.changeDays() {
		b, err := c.compileBook(day)
		if err != nil {
			return nil, err
		}
		e.books = append(e.books, b)
	}
	return e, nil
}

// findStepTexts returns the step texts of a definition from the nearest pack that has them.
func (e *Engine) findStepTexts(id string) map[string]StepText {
	for ; e != nil; e = e.parent {
		if d := e.byID[id]; d != nil && len(d.Steps) > 0 {
			return d.Steps
		}
	}
	return nil
}

// findDefinition returns the definition of an id from this pack, or from the nearest pack above it.
func (e *Engine) findDefinition(id string) *Definition {
	for ; e != nil; e = e.parent {
		if d := e.byID[id]; d != nil {
			return d
		}
	}
	return nil
}

// compiler builds the books of one engine, day by day. The compiler reuses the rule of the day
// before as long as none of the rule's values has changed.
type compiler struct {
	engine *Engine
	// parts are the engine's own definitions, and the methods of the packs above that depend on them.
	parts []definitionPart
	last  map[string]compiledMethod
}

// definitionPart is a definition with the ids that it uses.
type definitionPart struct {
	*Definition
	usedIDs    []string
	isQuestion bool
}

// addDefinition adds a definition to the parts that are compiled, and records which ids a method
// uses.
func (c *compiler) addDefinition(d *Definition) {
	p := definitionPart{Definition: d}
	if d.Kind == KindMethod {
		p.usedIDs, p.isQuestion = d.usedDefinitionIDs(), d.answersQuestion()
		for _, id := range p.usedIDs {
			c.engine.dependents[id] = append(c.engine.dependents[id], d)
		}
	}
	c.parts = append(c.parts, p)
}

// compiledMethod is a compiled rule with the dated values from which it was built.
type compiledMethod struct {
	values []*DatedValue
	rule   TaxRule
	when   expression
}

// addDependentMethods adds the methods of the packs above that use a definition which the place
// itself defines.
func (c *compiler) addDependentMethods() {
	taken := map[string]bool{}
	for i := range c.engine.defs {
		for above := c.engine.parent; above != nil; above = above.parent {
			for _, d := range above.dependents[c.engine.defs[i].ID] {
				// a method that a nearer pack defines anew replaces the one above
				if !taken[d.ID] && c.engine.findDefinition(d.ID) == d {
					taken[d.ID] = true
					c.addDefinition(d)
				}
			}
		}
	}
}

// usedDefinitionIDs lists the ids that any value or reading of a method uses, sorted and each once.
func (d *Definition) usedDefinitionIDs() []string {
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

// changeDays lists, in order, the days on which a value of any part or of a used definition begins
// or has ended; each of them begins a book.
func (c *compiler) changeDays() []civil.Date {
	starts := map[civil.Date]bool{}
	add := func(id string) {
		for e := c.engine; e != nil; e = e.parent {
			if d := e.byID[id]; d != nil {
				d.addChangeDays(starts)
			}
		}
	}
	for _, p := range c.parts {
		add(p.ID)
		for _, id := range p.usedIDs {
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

// addChangeDays adds the days on which a value of the definition begins, and those after its last
// day.
func (d *Definition) addChangeDays(starts map[civil.Date]bool) {
	for i := range d.Values {
		starts[d.Values[i].From] = true
		if to := d.Values[i].To; !to.IsZero() {
			starts[to.AddDays(1)] = true
		}
	}
}

// compileBook compiles what the pack itself says on a day; mergeOver later adds the packs above.
func (c *compiler) compileBook(day civil.Date) (*Book, error) {
	n := len(c.engine.defs)
	b := &Book{from: day, place: c.engine.place, values: make(map[string]*DatedValue, n),
		decided: make(map[string]bool, n), questions: make(map[string]TaxRule, len(c.last))}
	if c.engine.parent != nil {
		b.parent, _ = c.engine.parent.bookOn(day) // nil before the first day of the pack above
	}
	for i := range c.engine.defs {
		d := &c.engine.defs[i]
		if d.hasBegunBy(day) {
			b.decided[d.ID] = true
			if v := valueInForce(d, day); v != nil {
				b.values[d.ID] = v
			}
		}
	}
	orders := make(map[TaxRule]int, len(c.last))
	for i := range c.parts {
		if err := c.compilePart(b, &c.parts[i], orders); err != nil {
			return nil, err
		}
	}
	b.sortRules(orders)
	return b, nil
}

// hasBegunBy reports whether the definition has a value that begins on or before the day.
func (d *Definition) hasBegunBy(day civil.Date) bool {
	return slices.ContainsFunc(d.Values, func(v DatedValue) bool { return !v.From.After(day) })
}

// compilePart compiles one regime or method into the book; other kinds of definitions are only
// values.
func (c *compiler) compilePart(b *Book, d *definitionPart, orders map[TaxRule]int) error {
	switch v := b.findValue(d.ID); {
	case d.Kind == KindRegime && v != nil:
		r, err := compileRegime(d.Definition, v)
		if err != nil {
			return err
		}
		b.regimes = append(b.regimes, r)
	case d.Kind == KindMethod && d.hasBegunBy(b.from):
		k, err := c.compileOrReuseMethod(b, d, v)
		if err != nil {
			return err
		}
		return b.storeRule(k, d, orders)
	}
	return nil
}

// compileOrReuseMethod compiles a method, or returns the rule of the day before when all values
// that the method uses are still the same.
func (c *compiler) compileOrReuseMethod(b *Book, d *definitionPart,
	v *DatedValue) (compiledMethod, error) {
	k := compiledMethod{values: make([]*DatedValue, 1, len(d.usedIDs)+1)}
	k.values[0] = v
	for _, id := range d.usedIDs {
		k.values = append(k.values, b.findValue(id))
	}
	if before, ok := c.last[d.ID]; ok && slices.Equal(before.values, k.values) {
		return before, nil
	}
	var err error
	switch {
	// a method that has ended stays in the book as its gap
	case v == nil:
		k.rule, k.when, err = newLapsedRule(d.Definition, b.from)
	case v.Status == Open:
		k.rule, k.when, err = b.compileOpenRule(d.Definition, v, c.engine)
	default:
		k.rule, k.when, err = b.compileMethod(d.Definition, v, &v.Method, v.Status, c.engine)
	}
	if err != nil {
		return k, fmt.Errorf("%s from %s: %w", d.ID, b.from, err)
	}
	c.last[d.ID] = k
	return k, nil
}

// sortRules sorts the book's own rules by the order of their files, in which conditions are tried.
func (b *Book) sortRules(orders map[TaxRule]int) {
	byOrder := func(x, y TaxRule) int { return orders[x] - orders[y] }
	slices.SortStableFunc(b.regimes, func(x, y *regime) int { return x.order - y.order })
	slices.SortStableFunc(b.assessed, byOrder)
	for i := range b.stages {
		slices.SortStableFunc(b.stages[i], byOrder)
	}
}

// mergeOver returns the place's own book merged over a book of the pack above: rules that the place
// does not replace are inherited. The merged book is built once for each pair of books.
func (b *Book) mergeOver(above *Book) *Book {
	if above == nil {
		return b
	}
	if m, ok := b.merged.Load(above); ok {
		return m.(*Book) //nolint:forcetypeassert // the map holds books only
	}
	m := &Book{from: b.from, place: b.place, parent: above, values: b.values, decided: b.decided,
		regimes: above.regimes, questions: b.questions}
	for i := range b.stages {
		m.stages[i] = replaceSameIDs(above.stages[i], b.stages[i])
	}
	m.assessed = slices.Clone(b.assessed)
	for _, r := range above.assessed {
		if b.questions[r.ID()] == nil {
			m.assessed = append(m.assessed, r)
		}
	}
	// two goroutines may have merged at once; all must use the same book
	first, _ := b.merged.LoadOrStore(above, m)
	return first.(*Book) //nolint:forcetypeassert // the map holds books only
}

// replaceSameIDs returns the rules of the book above, where a rule of the place replaces the one
// with the same id; rules with new ids are appended.
func replaceSameIDs(above, own []TaxRule) []TaxRule {
	if len(own) == 0 {
		return above
	}
	list := slices.Clone(above)
	for _, r := range own {
		// rules keep their place in the order, which decides whose condition is tried first
		if i := slices.IndexFunc(list, func(x TaxRule) bool { return x.ID() == r.ID() }); i >= 0 {
			list[i] = r
		} else {
			list = append(list, r)
		}
	}
	return list
}

// valueInForce returns the definition's value on a day; it is nil on days of a declared lapse and
// outside all values.
func valueInForce(d *Definition, day civil.Date) *DatedValue {
	for i := range d.Values {
		if v := &d.Values[i]; v.isInForce(day) && v.Lapsed == nil {
			return v
		}
	}
	return nil
}

// storeRule files a compiled rule: among the rules on assessed income, among the rules that answer
// questions, or among the rules of its tax that payments run.
func (b *Book) storeRule(k compiledMethod, d *definitionPart, orders map[TaxRule]int) error {
	orders[k.rule] = d.Order
	switch {
	// only rules on assessed income ask for the way of assessment
	case k.when.usesFact(factWay):
		b.assessed = append(b.assessed, k.rule)
		b.questions[d.ID] = k.rule
	case d.isQuestion:
		b.questions[d.ID] = k.rule
	default:
		n := slices.Index(stageOrder[:], d.Tax)
		if n < 0 {
			return fmt.Errorf("%s: tax %q is none of %v", d.ID, d.Tax, stageOrder)
		}
		b.stages[n] = append(b.stages[n], k.rule)
	}
	return nil
}

// answersQuestion reports whether the method answers a question, such as the annual settlement, and
// is never run by a payment.
func (d *Definition) answersQuestion() bool {
	alone := func(m *Method) bool { s, ok := findMethodSpec(m.Name); return ok && s.isQuestion }
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

// newLapsedRule returns a gap with the condition of a method that has ended. Without it, the next
// rule whose condition matches would tax the payment silently.
func newLapsedRule(d *Definition, day civil.Date) (TaxRule, expression, error) {
	var last *DatedValue
	// the last value with a method keeps the condition, because a declared lapse has no method
	for i := range d.Values {
		if v := &d.Values[i]; !v.From.After(day) && (v.Lapsed == nil || last == nil) {
			last = v
		}
	}
	when, err := compileExpression(last.Method.When)
	return &gapRule{id: d.ID, tax: d.Tax, when: when, selfFiled: last.Method.Collection == SelfFiled,
		gap: Gap{Rule: d.ID, Missing: missingReason(d, day)}}, when, err
}

// lapsedReason returns why nothing is in force: the lapse that v declares, or v's last day.
func lapsedReason(v *DatedValue) bilingual.Text {
	if v.Lapsed != nil {
		return *v.Lapsed
	}
	return bilingual.Text{ZH: "现行规定执行至 " + v.To.String() + "，其后规定尚未收录",
		EN: "what was in force ended on " + v.To.String() + "; no later rule is known"}
}

// compiledRule is the common part of all compiled methods.
type compiledRule struct {
	def    *Definition
	when   expression
	method *Method
	law    []Law
	status Status
	steps  map[string]*stepSpec
	// unconfirmed are the ids of the rule and of the definitions it uses that are not confirmed.
	unconfirmed []string
	// worstStatus is the worst status among the rule and the definitions it uses.
	worstStatus Status
	// engine is where the used definitions are looked up.
	engine *Engine
}

// ID returns the definition's id.
func (b *compiledRule) ID() string { return b.def.ID }

// Validate returns nil, because a rule that lacks a value is compiled to a gapRule instead.
func (b *compiledRule) Validate() error { return nil }

// collectedBy returns who pays the tax to the tax office: withheld, agency_filed or self_filed.
func (b *compiledRule) collectedBy() string { return b.method.Collection }

// Applies reports whether the rule's condition matches the facts of the calculation.
func (b *compiledRule) Applies(c *Calculation) bool { return b.when.isTrue(c) }

// Explain returns the wording of a step as the rule file has it.
func (b *compiledRule) Explain(step string) (StepText, bool) {
	t, ok := b.def.Steps[step]
	return t, ok
}

// addLaws adds articles that the step does not quote yet.
func (s *stepSpec) addLaws(laws []Law) {
	for _, l := range laws {
		if !slices.Contains(s.law, l) {
			s.law = append(s.law, l)
		}
	}
}

// findStep returns the compiled wording of a step; it is an error when the rule file has no such
// step.
func (b *compiledRule) findStep(name string) (*stepSpec, error) {
	s := b.steps[name]
	if s == nil {
		return nil, fmt.Errorf("method %s needs the wording of step %q", b.method.Name, name)
	}
	return s, nil
}

// fillSteps points each target at the wording of the step whose name is the target's key.
func (b *compiledRule) fillSteps(into map[string]**stepSpec) error {
	for name, target := range into {
		s, err := b.findStep(name)
		if err != nil {
			return err
		}
		*target = s
	}
	return nil
}

// compileMethod looks up the definitions that a method uses and builds its rule; where one of them
// has no value in these days, it returns a gapRule.
func (b *Book) compileMethod(d *Definition, v *DatedValue, m *Method, status Status,
	e *Engine) (TaxRule, expression, error) {
	when, err := compileExpression(m.When)
	if err != nil {
		return nil, when, err
	}
	r := compiledRule{def: d, engine: e, when: when, method: m, law: v.Law, status: status,
		steps: map[string]*stepSpec{}, worstStatus: status}
	if status != Confirmed {
		r.unconfirmed = append(r.unconfirmed, d.ID)
	}
	lacks, err := b.checkRoles(&r)
	if err != nil {
		return nil, when, err
	}
	sort.Strings(r.unconfirmed)
	for name, t := range d.Steps {
		r.steps[name] = b.compileStep(d, v, m, status, name, t)
	}
	if lacks == nil {
		rule, err := newMethodRule(b, r)
		return rule, when, err
	}
	return &gapRule{id: d.ID, tax: d.Tax, when: when, selfFiled: m.Collection == SelfFiled,
		gap: *lacks}, when, nil
}

// checkRoles checks the definitions in the roles of a rule's method, records which of them are not
// confirmed, and returns the *Gap of the first one that has no value in these days; nil means that
// the rule can compute.
func (b *Book) checkRoles(r *compiledRule) (*Gap, error) {
	m := r.method
	spec, ok := findMethodSpec(m.Name)
	if !ok {
		return nil, fmt.Errorf("no method %q", m.Name)
	}
	for role := range spec.needed {
		if m.Uses[role] == "" {
			return nil, fmt.Errorf("method %s needs a definition in role %q", m.Name, role)
		}
	}
	var lacks *Gap
	// sorted, so that the same role is reported first in every run
	for _, role := range slices.Sorted(maps.Keys(m.Uses)) {
		id := m.Uses[role]
		used := r.engine.findDefinition(id)
		if used == nil {
			return nil, fmt.Errorf("uses %s: no such definition %q", role, id)
		}
		if err := checkRoleKind(m.Name, role, used); err != nil {
			return nil, err
		}
		value := b.findValue(id)
		if value == nil {
			// the reduction of a surcharge may end while the surcharge goes on
			if role != reliefRole && !spec.toleratesMissing && lacks == nil {
				lacks = &Gap{Rule: id, On: b.from, Missing: missingReason(used, b.from)}
			}
			continue
		}
		if (role == "cost_rate" || role == "share") && value.Rate.Den() > maxDeductionScale {
			return nil, fmt.Errorf("%s has more than three decimals", id)
		}
		r.recordUsedStatus(id, value.Status)
	}
	return lacks, nil
}

// recordUsedStatus lists a used definition as unconfirmed and lowers the rule's worst status. An
// open value counts only when a tax position uses it.
func (b *compiledRule) recordUsedStatus(id string, status Status) {
	if status == Confirmed || status == Open {
		return
	}
	b.unconfirmed = append(b.unconfirmed, id)
	if status.severity() > b.worstStatus.severity() {
		b.worstStatus = status
	}
}

// missingReason returns why a definition has no value on a day: it lapsed, it ended, or it has not
// begun.
func missingReason(d *Definition, day civil.Date) bilingual.Text {
	for i := range d.Values {
		v := &d.Values[i]
		if v.Lapsed != nil && v.isInForce(day) {
			return *v.Lapsed
		}
	}
	if n := len(d.Values); n > 0 && d.Values[n-1].From.Before(day) {
		return lapsedReason(&d.Values[n-1])
	}
	return bilingual.Text{ZH: d.Title.ZH + "：该日尚无收录的规定",
		EN: d.Title.EN + ": no value is known for that day"}
}

// compileStep collects the articles that a step quotes, and the worst status among them.
func (b *Book) compileStep(d *Definition, v *DatedValue, m *Method, status Status, name string,
	t StepText) *stepSpec {
	s := &stepSpec{name: name, rule: d.ID, formula: t.Formula, wording: t.Text, status: Confirmed}
	cites := t.Cites
	if len(cites) == 0 {
		cites = []string{"rule"}
	}
	worsen := func(x Status) {
		if x.severity() > s.status.severity() {
			s.status = x
		}
	}
	for _, role := range cites {
		if role == "rule" {
			s.addLaws(v.Law)
			worsen(status)
			continue
		}
		if uv := b.findValue(m.Uses[role]); uv != nil {
			s.addLaws(uv.Law)
			worsen(uv.Status)
		}
	}
	return s
}

// amountInRole returns the amount that fills a role of a method. Like the functions below, it
// relies on compileMethod, which has checked that the role has a value.
func (b *Book) amountInRole(m *Method, role string) money.Amount {
	return b.findValue(m.Uses[role]).Amount
}

// rateInRole returns the rate that fills a role of a method.
func (b *Book) rateInRole(m *Method, role string) money.Fraction {
	return b.findValue(m.Uses[role]).Rate
}

// bracketsInRole returns the progressive table of a method.
func (b *Book) bracketsInRole(m *Method) bracketTable {
	return newBracketTable(b.findValue(m.Uses["brackets"]).Brackets)
}

// thresholdInRole returns the threshold that fills a role of a method.
func (b *Book) thresholdInRole(m *Method, role string) Threshold {
	return b.findValue(m.Uses[role]).Threshold
}

// checkRoleKind returns an error when a method does not have the role, or when the definition in
// the role is of another kind than the method needs.
func checkRoleKind(method, role string, used *Definition) error {
	needed, optional, ok := MethodRoles(method)
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

// newNonResidentIncome builds the rule of a non-resident's income; cost rate, share and deduction
// are optional, because each item of income has others.
func (b *Book) newNonResidentIncome(r compiledRule) *nonResidentIncome {
	m := r.method
	n := &nonResidentIncome{compiledRule: r, cost: money.NewFraction(0, 1), share: b.shareInRole(m),
		table: b.bracketsInRole(m)}
	if m.Uses["cost_rate"] != "" {
		n.cost = b.rateInRole(m, "cost_rate")
	}
	if m.Uses["deduction"] != "" {
		n.deduction = b.amountInRole(m, "deduction")
	}
	n.keptShare = reducedProduct(shareAfterCost(n.cost), n.share)
	return n
}

// shareInRole returns the further share of author remuneration that counts, or 1 where the method
// has none.
func (b *Book) shareInRole(m *Method) money.Fraction {
	if m.Uses["share"] == "" {
		return money.NewFraction(1, 1)
	}
	return b.rateInRole(m, "share")
}

// newSurcharge builds the rule of a surcharge with the rates of the three place tiers; a surcharge
// with a single rate has the same rate in all tiers.
func (b *Book) newSurcharge(r compiledRule) *surcharge {
	m := r.method
	s := &surcharge{compiledRule: r, isLocal: m.Uses["rate"] == "", reliefID: m.Uses["relief"]}
	if v := b.findValue(s.reliefID); v != nil {
		s.relief, s.hasRelief = v.Rate, true
	}
	for i, role := range []string{"rate_city", "rate_county", "rate_other"} {
		if !s.isLocal {
			role = "rate"
		}
		if v := b.findValue(m.Uses[role]); v != nil {
			s.rates[i] = v.Rate
		}
	}
	for i, role := range []string{"exempt_month", "exempt_quarter"} {
		if v := b.findValue(m.Uses[role]); v != nil {
			s.exemptions[i], s.hasExemption[i] = v.Threshold, true
		}
	}
	return s
}

// vatDivisor returns 1 + rate, by which a VAT-inclusive price is divided to get the sales.
func vatDivisor(rate money.Fraction) money.Fraction {
	return money.NewFraction(rate.Den()+rate.Num(), rate.Den())
}

// reliefRole is the role of a surcharge's reduction.
const reliefRole = "relief"

// maxDeductionScale is the largest denominator of a cost rate: three decimals, see multiplyExact.
const maxDeductionScale = 1000

// shareAfterCost returns 1 - cost, the share of income that is left after deemed costs.
func shareAfterCost(cost money.Fraction) money.Fraction {
	return money.NewFraction(cost.Den()-cost.Num(), cost.Den())
}

// bookOn returns the book of a day, merged over the books of the packs above on that day.
//
// Errors: *Gap for a day before the first day of the national pack.
func (e *Engine) bookOn(on civil.Date) (*Book, error) {
	i := sort.Search(len(e.books), func(i int) bool { return e.books[i].from.After(on) })
	// before its own first day, a place has only the rules of the packs above
	if e.parent != nil {
		above, err := e.parent.bookOn(on)
		if i == 0 {
			return above, err
		}
		return e.books[i-1].mergeOver(above), nil
	}
	if i == 0 {
		return nil, &Gap{Rule: e.id.Pack, On: on,
			Missing: bilingual.Text{ZH: "该日早于规则包的第一日", EN: "the day lies before the first day of the pack"}}
	}
	return e.books[i-1], nil
}

// Pack returns the id of the engine's pack.
func (e *Engine) Pack() PackID { return e.id }

// Definitions returns the definitions of the pack in file order; the caller must not change them.
func (e *Engine) Definitions() []Definition { return e.defs }
