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
	id         PackID
	place      string  // locality or jurisdiction, "" for the national pack
	parent     *Engine // nil for the national pack
	books      []*Book // by first day; each ends where the next begins
	defs       []Definition
	byID       map[string]*Definition   // by id, its own
	dependents map[string][]*Definition // by id: its own methods that use a definition, in file order
	workspaces sync.Pool                // of workspaces that no computation uses now
}

// Book is all that is in force, unchanged, from one day to the day before the next book: rules
// compiled to a small program over fen and exact fractions.
type Book struct {
	from    civil.Date
	place   string
	parent  *Book // of the pack above on that day; nil where there is none
	values  map[string]*DatedValue
	decided map[string]bool // ids on which the pack itself has spoken by that day, be it with a lapse
	regimes []*regime
	stages  [len(stageOrder)][]TaxRule
	// by id: rules of questions of their own, such as the annual settlement
	questions map[string]TaxRule
	assessed  []TaxRule // rules on assessed income, the place's own before those above it
	merged    sync.Map  // *Book of the pack above -> *Book: this one over it
}

// findValue finds what is in force for an id: the pack's own word if it has one by that day, else
// that of the pack above.
func (b *Book) findValue(id string) *DatedValue {
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
func Compile(p Pack) (*Engine, error) { return compileOverParent(nil, p.ID, "", p.Definitions) }

// compileOverParent compiles the definitions of a place over the engine above it. Rules of payments
// that lean on a value which the place sets itself are compiled anew with that value.
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

// findStepTexts finds the step texts of a definition in the nearest pack that has them.
func (e *Engine) findStepTexts(id string) map[string]StepText {
	for ; e != nil; e = e.parent {
		if d := e.byID[id]; d != nil && len(d.Steps) > 0 {
			return d.Steps
		}
	}
	return nil
}

// findDefinition finds what the pack, or else the nearest one above it, defines under an id.
func (e *Engine) findDefinition(id string) *Definition {
	for ; e != nil; e = e.parent {
		if d := e.byID[id]; d != nil {
			return d
		}
	}
	return nil
}

// compiler builds the books of one engine, day by day, and keeps a rule as long as nothing it rests
// on changes.
type compiler struct {
	engine *Engine
	parts  []definitionPart // own definitions, and methods of the packs above that lean on them
	last   map[string]compiledMethod
}

// definitionPart is a definition with what is asked of it on each day.
type definitionPart struct {
	*Definition
	usedIDs    []string
	isQuestion bool
}

// addDefinition adds a definition to what is compiled, and notes what it uses.
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

// compiledMethod is a rule with the values it rests on.
type compiledMethod struct {
	values []*DatedValue
	rule   TaxRule
	when   expression
}

// addDependentMethods adds the methods of the packs above that use what the place defines itself.
func (c *compiler) addDependentMethods() {
	taken := map[string]bool{}
	for i := range c.engine.defs {
		for above := c.engine.parent; above != nil; above = above.parent {
			for _, d := range above.dependents[c.engine.defs[i].ID] {
				if !taken[d.ID] && c.engine.findDefinition(d.ID) == d {
					taken[d.ID] = true
					c.addDefinition(d)
				}
			}
		}
	}
}

// usedDefinitionIDs lists, in order, what any value or reading of a method uses.
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

// changeDays lists the days on which something begins or ends that the engine's definitions rest
// on.
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

// addChangeDays notes the days on which a value begins or the one before it has ended.
func (d *Definition) addChangeDays(starts map[civil.Date]bool) {
	for i := range d.Values {
		starts[d.Values[i].From] = true
		if to := d.Values[i].To; !to.IsZero() {
			starts[to.AddDays(1)] = true
		}
	}
}

// compileBook compiles what the pack itself says on a day; over puts it over the packs above.
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

// hasBegunBy tells whether the definition says anything by that day.
func (d *Definition) hasBegunBy(day civil.Date) bool {
	return slices.ContainsFunc(d.Values, func(v DatedValue) bool { return !v.From.After(day) })
}

// compilePart compiles one regime or method into the book.
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

// compileOrReuseMethod compiles a method, or takes what it was on the day before where it rests on
// the same values.
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

// sortRules puts the book's own rules into the order in which they are asked.
func (b *Book) sortRules(orders map[TaxRule]int) {
	byOrder := func(x, y TaxRule) int { return orders[x] - orders[y] }
	slices.SortStableFunc(b.regimes, func(x, y *regime) int { return x.order - y.order })
	slices.SortStableFunc(b.assessed, byOrder)
	for i := range b.stages {
		slices.SortStableFunc(b.stages[i], byOrder)
	}
}

// mergeOver puts the place's own book over one of the pack above: what it does not replace is
// inherited. It does so once for each pair.
func (b *Book) mergeOver(above *Book) *Book {
	if above == nil {
		return b
	}
	if m, ok := b.merged.Load(above); ok {
		return m.(*Book) //nolint:forcetypeassert // nothing else is ever put in
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
	first, _ := b.merged.LoadOrStore(above, m)
	return first.(*Book) //nolint:forcetypeassert // as above
}

// replaceSameIDs gives the rules of the book above, each exchanged for the place's own of the same
// id.
func replaceSameIDs(above, own []TaxRule) []TaxRule {
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

// valueInForce finds the value of the day; declared lapses and days outside all values give nil.
func valueInForce(d *Definition, day civil.Date) *DatedValue {
	for i := range d.Values {
		if v := &d.Values[i]; v.isInForce(day) && v.Lapsed == nil {
			return v
		}
	}
	return nil
}

// storeRule puts a compiled rule where it is looked for: among the rules of its tax for a payment,
// among those on assessed income, or apart by its id.
func (b *Book) storeRule(k compiledMethod, d *definitionPart, orders map[TaxRule]int) error {
	orders[k.rule] = d.Order
	switch {
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

// answersQuestion tells whether the method answers a question of its own and takes no part in a
// payment.
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

// newLapsedRule keeps the conditions of a method that is over, so that it answers with its gap and
// no other rule is taken in its place.
func newLapsedRule(d *Definition, day civil.Date) (TaxRule, expression, error) {
	var last *DatedValue
	for i := range d.Values {
		if v := &d.Values[i]; !v.From.After(day) && (v.Lapsed == nil || last == nil) {
			last = v
		}
	}
	when, err := compileExpression(last.Method.When)
	return &gapRule{id: d.ID, tax: d.Tax, when: when, selfFiled: last.Method.Collection == SelfFiled,
		gap: Gap{Rule: d.ID, Missing: missingReason(d, day)}}, when, err
}

// lapsedReason says why nothing is in force after or during v.
func lapsedReason(v *DatedValue) bilingual.Text {
	if v.Lapsed != nil {
		return *v.Lapsed
	}
	return bilingual.Text{ZH: "现行规定执行至 " + v.To.String() + "，其后规定尚未收录",
		EN: "what was in force ended on " + v.To.String() + "; no later rule is known"}
}

// compiledRule is what all compiled methods share.
type compiledRule struct {
	def    *Definition
	when   expression
	method *Method
	law    []Law
	status Status
	steps  map[string]*stepSpec
	// unconfirmed are the ids, the rule's own and those it uses, that are not confirmed.
	unconfirmed []string
	// worst is the worst status among the rule and what it uses.
	worstStatus Status
	engine      *Engine // where the definitions are that it uses
}

// ID gives the definition's id.
func (b *compiledRule) ID() string { return b.def.ID }

// Validate has nothing to say: a rule that lacks a value is compiled to its gap instead.
func (b *compiledRule) Validate() error { return nil }

// collectedBy tells who brings the tax to the tax office.
func (b *compiledRule) collectedBy() string { return b.method.Collection }

// Applies tells whether all conditions hold.
func (b *compiledRule) Applies(c *Calculation) bool { return b.when.isTrue(c) }

// Explain gives the wording of a step.
func (b *compiledRule) Explain(step string) (StepText, bool) {
	t, ok := b.def.Steps[step]
	return t, ok
}

// addLaws adds articles that are not named yet.
func (s *stepSpec) addLaws(laws []Law) {
	for _, l := range laws {
		if !slices.Contains(s.law, l) {
			s.law = append(s.law, l)
		}
	}
}

// findStep finds the wording of a step that the method writes.
func (b *compiledRule) findStep(name string) (*stepSpec, error) {
	s := b.steps[name]
	if s == nil {
		return nil, fmt.Errorf("method %s needs the wording of step %q", b.method.Name, name)
	}
	return s, nil
}

// fillSteps fills each target with the wording of the step that is named before it.
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

// compileMethod resolves what the method uses and builds its rule.
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
	spec, ok := findMethodSpec(m.Name)
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
		used := e.findDefinition(id)
		if used == nil {
			return nil, when, fmt.Errorf("uses %s: no such definition %q", role, id)
		}
		if err := checkRoleKind(m.Name, role, used); err != nil {
			return nil, when, err
		}
		uv := b.findValue(id)
		if uv == nil {
			if role != reliefRole && !spec.toleratesMissing &&
				lacks == nil { // the reduction may end while the tax goes on
				lacks = &Gap{Rule: id, On: b.from, Missing: missingReason(used, b.from)}
			}
			continue
		}
		if (role == "cost_rate" || role == "share") && uv.Rate.Den() > maxDeductionScale {
			return nil, when, fmt.Errorf("%s has more than three decimals", id)
		}
		if uv.Status != Confirmed && uv.Status != Open {
			r.unconfirmed = append(r.unconfirmed, id)
			if uv.Status.severity() > r.worstStatus.severity() {
				r.worstStatus = uv.Status
			}
		}
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

// amount, rate, table and threshold read a used value; compileMethod has checked that it is there.
func (b *Book) amountInRole(m *Method, role string) money.Amount {
	return b.findValue(m.Uses[role]).Amount
}

func (b *Book) rateInRole(m *Method, role string) money.Fraction {
	return b.findValue(m.Uses[role]).Rate
}

func (b *Book) bracketsInRole(m *Method) bracketTable {
	return newBracketTable(b.findValue(m.Uses["brackets"]).Brackets)
}

func (b *Book) thresholdInRole(m *Method, role string) Threshold {
	return b.findValue(m.Uses[role]).Threshold
}

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

// shareInRole is the further share of author remuneration, 1 where the method has none.
func (b *Book) shareInRole(m *Method) money.Fraction {
	if m.Uses["share"] == "" {
		return money.NewFraction(1, 1)
	}
	return b.rateInRole(m, "share")
}

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

// vatDivisor is 1 + rate, the divisor of a price that contains the tax.
func vatDivisor(rate money.Fraction) money.Fraction {
	return money.NewFraction(rate.Den()+rate.Num(), rate.Den())
}

// reliefRole is the reduction of a surcharge.
const reliefRole = "relief"

// maxDeductionScale is the finest cost rate, three decimals: see fraction.
const maxDeductionScale = 1000

// shareAfterCost is 1 - cost.
func shareAfterCost(cost money.Fraction) money.Fraction {
	return money.NewFraction(cost.Den()-cost.Num(), cost.Den())
}

// bookOn finds the book of a day, over those of the packs above on that day.
func (e *Engine) bookOn(on civil.Date) (*Book, error) {
	i := sort.Search(len(e.books), func(i int) bool { return e.books[i].from.After(on) })
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

// Pack names the rules that the engine answers from.
func (e *Engine) Pack() PackID { return e.id }

// Definitions gives what the pack says, in file order; the caller must not change it.
func (e *Engine) Definitions() []Definition { return e.defs }
