package tax

import (
	"fmt"
	"slices"
	"sort"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

// Engine answers from one pack. It is immutable after Compile and safe for concurrent use.
type Engine struct {
	id    PackID
	books []*Book // by first day; each ends where the next begins
	defs  []Definition
}

// Book is all that is in force, unchanged, from one day to the day before the next book: rules compiled to a
// small program over fen and exact fractions.
type Book struct {
	from    civil.Date
	values  map[string]*Dated
	regimes []*regime
	stages  [len(stageOrder)][]TaxRule
	apart   map[string]TaxRule // by id: rules of questions of their own, such as the annual settlement
}

// stageOrder is the order in which taxes are computed and taken: VAT lowers the base of IIT, surcharges stand on
// VAT, and all of them are taken before IIT.
var stageOrder = [...]string{VAT, UMCT, EDU, LEDU, IIT, CIT}

// TaxRule is one rule of one tax, compiled for the days of a book.
type TaxRule interface { //nolint:revive // the design's word for it, and "rule" alone is also a file
	// ID is the id of the definition it was compiled from.
	ID() string
	// Validate tells what the rule lacks to be usable in its days; nil means complete.
	Validate() error
	// Applies tells whether the rule is the one for these facts.
	Applies(c *Calculation) bool
	// Calculate adds the tax to the calculation: lines, rows, steps. It fails with *Gap where the law has no answer.
	Calculate(c *Calculation) error
	// Explain gives the wording of one of its steps as data: formula, articles, both languages.
	Explain(step string) (StepText, bool)
}

// Compile checks the definitions against each other and builds a book for every interval of days in which nothing
// changes. The problem of a definition is named by its id; files and lines are the loader's part.
func Compile(p Pack) (*Engine, error) {
	e := &Engine{id: p.ID, defs: p.Definitions}
	known := map[string]*Definition{}
	starts := map[civil.Date]bool{}
	for i := range p.Definitions {
		d := &p.Definitions[i]
		if known[d.ID] != nil {
			return nil, fmt.Errorf("%s: defined twice", d.ID)
		}
		known[d.ID] = d
		for _, v := range d.Values {
			starts[v.From] = true
			if !v.To.IsZero() {
				starts[v.To.AddDays(1)] = true
			}
		}
	}
	days := make([]civil.Date, 0, len(starts))
	for d := range starts {
		days = append(days, d)
	}
	sort.Slice(days, func(i, j int) bool { return days[i].Before(days[j]) })
	for _, day := range days {
		b, err := compileBook(p.Definitions, known, day)
		if err != nil {
			return nil, err
		}
		e.books = append(e.books, b)
	}
	return e, nil
}

func compileBook(defs []Definition, known map[string]*Definition, day civil.Date) (*Book, error) {
	b := &Book{from: day, values: map[string]*Dated{}, apart: map[string]TaxRule{}}
	for i := range defs {
		if v := inForce(&defs[i], day); v != nil {
			b.values[defs[i].ID] = v
		}
	}
	orders := map[TaxRule]int{}
	for i := range defs {
		d := &defs[i]
		v := b.values[d.ID]
		if v == nil {
			if d.Kind == KindMethod {
				if err := b.addLapsed(d, day, orders); err != nil {
					return nil, err
				}
			}
			continue
		}
		switch d.Kind {
		case KindRegime:
			r, err := compileRegime(d, v)
			if err != nil {
				return nil, err
			}
			b.regimes = append(b.regimes, r)
		case KindMethod:
			if err := b.addMethod(d, v, known, orders); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(b.regimes, func(x, y *regime) int { return x.order - y.order })
	for i := range b.stages {
		slices.SortStableFunc(b.stages[i], func(x, y TaxRule) int { return orders[x] - orders[y] })
	}
	return b, nil
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

// place puts a compiled rule where it is looked for: among the rules of its tax for a payment, or apart by its id.
func (b *Book) place(r TaxRule, d *Definition, apart bool, orders map[TaxRule]int) error {
	if apart {
		b.apart[d.ID] = r
		return nil
	}
	n := slices.Index(stageOrder[:], d.Tax)
	if n < 0 {
		return fmt.Errorf("%s: tax %q is none of %v", d.ID, d.Tax, stageOrder)
	}
	b.stages[n] = append(b.stages[n], r)
	orders[r] = d.Order
	return nil
}

func (b *Book) addMethod(d *Definition, v *Dated, known map[string]*Definition, orders map[TaxRule]int) error {
	var r TaxRule
	var err error
	if v.Status == Open {
		r, err = b.compileOpen(d, v, known)
	} else {
		r, err = b.compileMethod(d, v, &v.Method, v.Status, known)
	}
	if err != nil {
		return fmt.Errorf("%s from %s: %w", d.ID, v.From, err)
	}
	return b.place(r, d, v.apart(), orders)
}

// apart tells whether the value's method answers a question of its own and takes no part in a payment.
func (d *Dated) apart() bool {
	names := []string{d.Method.Name}
	for _, r := range d.Readings {
		names = append(names, r.Method.Name)
	}
	return slices.ContainsFunc(names, func(n string) bool { s, ok := specOf(n); return ok && s.apart })
}

// addLapsed keeps the conditions of a method that is over, so that it answers with its gap and no other rule is
// taken in its place. Before its first day a method is not there at all.
func (b *Book) addLapsed(d *Definition, day civil.Date, orders map[TaxRule]int) error {
	var last *Dated
	for i := range d.Values {
		if v := &d.Values[i]; v.From.Before(day) || v.From == day {
			last = v
		}
	}
	if last == nil {
		return nil
	}
	when, err := compileExpression(last.Method.When)
	if err != nil {
		return fmt.Errorf("%s: %w", d.ID, err)
	}
	r := &gapRule{id: d.ID, tax: d.Tax, when: when, selfFiled: last.Method.Collection == SelfFiled, gap: Gap{Rule: d.ID, Missing: lapsedText(last)}}
	return b.place(r, d, last.apart(), orders)
}

// lapsedText says why nothing is in force after or during v.
func lapsedText(v *Dated) Text {
	if v.Lapsed != nil {
		return *v.Lapsed
	}
	return Text{ZH: "现行规定执行至 " + v.To.String() + "，其后规定尚未收录", EN: "what was in force ended on " + v.To.String() + "; no later rule is known"}
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
	worst Status
}

// ID gives the definition's id.
func (b *base) ID() string { return b.def.ID }

// Validate has nothing to say: a rule that lacks a value is compiled to its gap instead.
func (b *base) Validate() error { return nil }

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
func (b *Book) compileMethod(d *Definition, v *Dated, m *Method, status Status, known map[string]*Definition) (TaxRule, error) {
	when, err := compileExpression(m.When)
	if err != nil {
		return nil, err
	}
	r := base{def: d, when: when, method: m, law: v.Law, status: status, steps: map[string]*stepSpec{}, worst: status}
	if status != Confirmed {
		r.unconfirmed = append(r.unconfirmed, d.ID)
	}
	needed, _, ok := RolesOf(m.Name)
	if !ok {
		return nil, fmt.Errorf("no method %q", m.Name)
	}
	for role := range needed {
		if m.Uses[role] == "" {
			return nil, fmt.Errorf("method %s needs a definition in role %q", m.Name, role)
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
		used := known[id]
		if used == nil {
			return nil, fmt.Errorf("uses %s: no such definition %q", role, id)
		}
		if err := checkRole(m.Name, role, used); err != nil {
			return nil, err
		}
		uv := b.values[id]
		if uv == nil {
			if role != reliefRole && lacks == nil { // the reduction may end while the tax goes on
				lacks = &Gap{Rule: id, On: b.from, Missing: missingText(used, b.from)}
			}
			continue
		}
		if (role == "cost_rate" || role == "share") && uv.Rate.Den() > maxDeductionScale {
			return nil, fmt.Errorf("%s has more than three decimals", id)
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
		return newMethod(b, r)
	}
	return &gapRule{id: d.ID, tax: d.Tax, when: when, selfFiled: m.Collection == SelfFiled, gap: *lacks}, nil
}

func missingText(d *Definition, day civil.Date) Text {
	for i := range d.Values {
		v := &d.Values[i]
		if v.Lapsed != nil && v.covers(day) {
			return *v.Lapsed
		}
	}
	if n := len(d.Values); n > 0 && d.Values[n-1].From.Before(day) {
		return lapsedText(&d.Values[n-1])
	}
	return Text{ZH: d.Title.ZH + "：该日尚无收录的规定", EN: d.Title.EN + ": no value is known for that day"}
}

func (b *Book) compileStep(d *Definition, v *Dated, m *Method, status Status, name string, t StepText) *stepSpec {
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
		if uv := b.values[m.Uses[role]]; uv != nil {
			s.cite(uv.Law)
			worsen(uv.Status)
		}
	}
	return s
}

// amount, rate, table and threshold read a used value; compileMethod has checked that it is there.
func (b *Book) amount(m *Method, role string) money.Amount { return b.values[m.Uses[role]].Amount }

func (b *Book) rate(m *Method, role string) money.Rate { return b.values[m.Uses[role]].Rate }

func (b *Book) table(m *Method) table { return newTable(b.values[m.Uses["brackets"]].Brackets) }

func (b *Book) threshold(m *Method, role string) Threshold { return b.values[m.Uses[role]].Threshold }

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
		return fmt.Errorf("role %s wants a definition of kind %s, %s is of kind %s", role, kind, used.ID, used.Kind)
	}
	return nil
}

func (b *Book) newNonResident(r base) *nonResident {
	m := r.method
	n := &nonResident{base: r, cost: money.Ratio(0, 1), share: b.shareOf(m), table: b.table(m)}
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
func (b *Book) shareOf(m *Method) money.Rate {
	if m.Uses["share"] == "" {
		return money.Ratio(1, 1)
	}
	return b.rate(m, "share")
}

func (b *Book) newSurcharge(r base) *surcharge {
	m := r.method
	s := &surcharge{base: r, local: m.Uses["rate"] == "", reliefID: m.Uses["relief"]}
	if v := b.values[s.reliefID]; v != nil {
		s.relief, s.relieved = v.Rate, true
	}
	for i, role := range []string{"rate_city", "rate_county", "rate_other"} {
		if !s.local {
			role = "rate"
		}
		if v := b.values[m.Uses[role]]; v != nil {
			s.rates[i] = v.Rate
		}
	}
	for i, role := range []string{"exempt_month", "exempt_quarter"} {
		if v := b.values[m.Uses[role]]; v != nil {
			s.exempt[i], s.exempts[i] = v.Threshold, true
		}
	}
	return s
}

// onTop is 1 + rate, the divisor of a price that contains the tax.
func onTop(rate money.Rate) money.Rate { return money.Ratio(rate.Den()+rate.Num(), rate.Den()) }

// reliefRole is the reduction of a surcharge.
const reliefRole = "relief"

// maxDeductionScale is the finest cost rate, three decimals: see fraction.
const maxDeductionScale = 1000

// keptShare is 1 - cost.
func keptShare(cost money.Rate) money.Rate { return money.Ratio(cost.Den()-cost.Num(), cost.Den()) }

// book finds the book of a day.
func (e *Engine) book(on civil.Date) (*Book, error) {
	i := sort.Search(len(e.books), func(i int) bool { return e.books[i].from.After(on) })
	if i == 0 {
		return nil, &Gap{Rule: e.id.Pack, On: on, Missing: Text{ZH: "该日早于规则包的第一日", EN: "the day lies before the first day of the pack"}}
	}
	return e.books[i-1], nil
}

// Pack names the rules that the engine answers from.
func (e *Engine) Pack() PackID { return e.id }

// Definitions gives what the pack says, in file order; the caller must not change it.
func (e *Engine) Definitions() []Definition { return e.defs }
