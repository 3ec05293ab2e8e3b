package tax

import (
	"slices"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// halfUp is what a rounded step says of its rounding. No tax law read fixes one; this is universal
// practice.
const halfUp = "half up to 0.01 (customary)"

// rounded and exact tell whether a step's result was rounded.
const (
	rounded = true
	exact   = false
)

// roundingRule is listed among the unconfirmed rules of every figure, because every figure is
// rounded.
const roundingRule = "rounding.half_up"

// Calculation is one run over the facts: what the rules read and add to.
type Calculation struct {
	facts         *Facts
	item          string
	filed, agency bool
	gross         money.Amount
	left          money.Amount // of gross, not yet kept back
	inKind        money.Amount // market price of things in kind, income beside gross
	vatKept       money.Amount // VAT that falls on this payment and is withheld or agency-filed
	vat           assessment
	position      string // id of the position under which the current rule runs
	texts         periodTexts
	res           *Result
	silent        bool // figures only: no steps, no list of unconfirmed rules
	arena         []Input
	payee         *Engine     // of the payee's registration
	assessable    *Assessable // the question, where assessed income is asked about
	assessed      *Assessed
}

// Compute gives the taxes of one payment. It is pure and deterministic to the byte.
//
// Errors: *fault.Error 2001 with all problems of the facts; *Gap where the law has no answer;
// *Forbidden where it forbids what was asked for.
func (e *Engine) Compute(f Facts) (Result, error) {
	if err := f.check(); err != nil {
		return Result{}, err
	}
	return e.run(task{payer: e, payee: e}, &f)
}

// compute is Compute without the check of the facts; the payee's own filings go by the engine of
// its registration.
func (e *Engine) compute(f Facts, payee *Engine) (Result, error) {
	return e.run(task{payer: e, payee: payee}, &f)
}

// run does a task in a spare workspace.
func (e *Engine) run(t task, f *Facts) (Result, error) {
	w, ok := e.spare.Get().(*workspace)
	if !ok {
		w = &workspace{}
	}
	defer e.spare.Put(w)
	if err := w.run(t, f); err != nil {
		return Result{}, err
	}
	return w.result(), nil
}

// rulesUsed names the national pack and the local ones that stood behind payer and payee.
func rulesUsed(payer, payee *Engine) RulesUsed {
	u := RulesUsed{PackID: payer.top().id, Positions: []string{}}
	for _, e := range [...]*Engine{payer, payee} {
		if e.parent != nil && !slices.Contains(u.Local, e.id) {
			u.Local = append(u.Local, e.id)
		}
	}
	return u
}

// top is the national engine above e.
func (e *Engine) top() *Engine {
	for e.parent != nil {
		e = e.parent
	}
	return e
}

func start(f *Facts, res *Result) *Calculation {
	c := begun(f, res)
	c.arena = make([]Input, 0, 48)
	return &c
}

// begun is a calculation before its first rule.
func begun(f *Facts, res *Result) Calculation {
	filed := f.Entity.filed(f.Platform, f.PaymentDate)
	agency := f.AgencyFiling && f.Entity.filed(f.Platform, f.VATDate)
	return Calculation{facts: f, filed: filed, agency: agency, gross: f.Amount, left: f.Amount,
		res: res}
}

// Item derives the item of income of a payment without computing it, for folding rows.
func (e *Engine) Item(f Facts) (string, error) {
	if err := f.check(); err != nil {
		return "", err
	}
	b, err := e.book(f.PaymentDate)
	if err != nil {
		return "", err
	}
	c := start(&f, &Result{})
	if err := c.choose(b); err != nil {
		return "", err
	}
	return c.item, nil
}

// ComputeRows derives the item, folds the rows that stand before the payment and computes it;
// f.ToDate is ignored.
func (e *Engine) ComputeRows(f Facts, rows []Row) (Result, error) {
	f.ToDate = ToDate{}
	if err := f.check(); err != nil {
		return Result{}, err
	}
	return e.run(task{payer: e, payee: e, rows: rows, fold: true}, &f)
}

// run applies the first rule of a stage that is meant for the facts. VAT and IIT must have one, and
// so must each surcharge once there is VAT: silence would be a zero that nobody decided.
func (c *Calculation) run(tax string, rules []TaxRule) error {
	for _, r := range rules {
		if r.Applies(c) {
			return c.atPlace(r, tax).Calculate(c)
		}
	}
	switch tax {
	case VAT, IIT:
	case CIT, TaxCulturalFee, TaxStamp:
		return nil
	default:
		if !c.vat.on {
			return nil
		}
	}
	return &Gap{Rule: tax, On: c.facts.PaymentDate, Missing: bilingual.Text{
		ZH: "尚无适用于 " + c.facts.Taxpayer.Kind + "／" + c.item + " 的" + tax + "规则",
		EN: "no rule of " + tax + " for " + c.facts.Taxpayer.Kind + " and item " + c.item}}
}

// atPlace gives the rule as it stands at the payee's registration where the payee files the tax
// itself, and the rule of the paying entity's place else.
func (c *Calculation) atPlace(r TaxRule, tax string) TaxRule {
	if c.payee == nil || c.payee.parent == nil || !c.filedByPayee(r) {
		return r
	}
	day := c.facts.VATDate
	if tax == IIT || tax == CIT {
		day = c.facts.PaymentDate
	}
	if b, err := c.payee.book(day); err == nil {
		if own := b.find(r.ID()); own != nil {
			return own
		}
	}
	return r
}

// filedByPayee tells whether the payee brings the tax to the tax office: by the rule itself, or
// because the VAT is the payee's on which it stands.
func (c *Calculation) filedByPayee(r TaxRule) bool {
	f, ok := r.(interface{ collectedBy() string })
	return (ok && f.collectedBy() == SelfFiled) || (c.vat.on && c.vat.collection == SelfFiled)
}

// finish sums up.
func (c *Calculation) finish() {
	res := c.res
	res.Gross = c.gross
	for i := range res.Taxes {
		if res.Taxes[i].BorneBy == BorneByCreator {
			res.TotalWithheld = res.TotalWithheld.Add(res.Taxes[i].Amount)
		}
	}
	res.Net = res.Gross.Sub(res.TotalWithheld)
	if c.silent {
		return
	}
	c.listed()
	c.step(&netStep, exact, Money(res.Net), Input{"gross", Money(res.Gross)},
		Input{"total_withheld", Money(res.TotalWithheld)})
}

// fact gives the word of a fact for conditions.
func (c *Calculation) fact(k factKey) string {
	f := c.facts
	switch k {
	case factKind:
		return f.Taxpayer.Kind
	case factResident:
		return boolWord(f.Taxpayer.Resident)
	case factVAT:
		return f.Taxpayer.VAT
	case factCollection:
		return f.Taxpayer.Collection
	case factRoute:
		if f.Route == "" {
			return "mcn_pays"
		}
		return f.Route
	case factFiled:
		return boolWord(c.filed)
	case factAgency:
		return boolWord(c.agency)
	case factItem:
		return c.item
	case factIncomeType:
		return f.IncomeType
	case factIndustry:
		return f.Taxpayer.Industry
	case factVATPeriod:
		if f.Taxpayer.VATPeriod == "" {
			return "month"
		}
		return f.Taxpayer.VATPeriod
	case factOverseas:
		return boolWord(f.Taxpayer.Overseas)
	case factHoldsEquity:
		return boolWord(f.Taxpayer.HoldsEquity)
	}
	if c.assessable == nil {
		return ""
	}
	return c.assessable.fact(k)
}

func boolWord(b bool) string {
	if b {
		return yes
	}
	return no
}

// take settles a line: what falls on this payment, and how much of it the payment can bear. Lines
// of self-filers take nothing. With trueUp, more withheld than the period's tax stays as a named
// difference.
func (c *Calculation) take(l *Line, trueUp bool) money.Amount {
	l.Due = money.MaxOf(l.Total.Sub(l.Before), money.Amount{})
	if trueUp && l.Before.Cmp(l.Total) > 0 {
		c.res.TrueUps = append(c.res.TrueUps,
			TrueUp{Tax: l.Tax, Item: l.Item, Period: l.Period, Excess: l.Before.Sub(l.Total)})
	}
	if l.Collection == SelfFiled {
		l.Amount = l.Due
		c.res.PayeeObligations = append(c.res.PayeeObligations, *l)
		return l.Due
	}
	l.Amount = money.Min(l.Due, c.left)
	l.Shortfall = l.Due.Sub(l.Amount)
	c.left = c.left.Sub(l.Amount)
	c.res.Taxes = append(c.res.Taxes, *l)
	return l.Due
}

// withheldOf is what a row counts as withheld: all that falls on the payment, for the agent owes
// the shortfall to the tax office too; nothing for what the payee files itself.
func (c *Calculation) withheldOf(l *Line) money.Amount {
	if l.Collection == SelfFiled {
		return money.Amount{}
	}
	return l.Due
}

// onTop adds VAT to a price that was agreed without it.
func (c *Calculation) onTop(vat money.Amount) {
	c.gross = c.gross.Add(vat)
	c.left = c.left.Add(vat)
}

// month is the IIT period as rows say it.
func (c *Calculation) month() string { return c.texts.paid(c.facts.PaymentDate.Month()) }

// step records one step; its inputs are copied into one block that all steps share.
func (c *Calculation) step(s *stepSpec, rounded bool, result Value, in ...Input) {
	if c.silent {
		return
	}
	n := len(c.arena)
	c.arena = append(c.arena, in...)
	c.res.Steps = append(c.res.Steps, Step{spec: s, Inputs: c.arena[n:len(c.arena):len(c.arena)],
		Result: result, rounded: rounded, position: c.position})
}

// unconfirmed adds ids that are not listed yet.
func (c *Calculation) unconfirmed(ids ...string) {
	if c.silent {
		return
	}
next:
	for _, id := range ids {
		for _, have := range c.res.Unconfirmed {
			if have == id {
				continue next
			}
		}
		c.res.Unconfirmed = append(c.res.Unconfirmed, id)
	}
}

// positionOn finds the position on a rule, nil if there is none.
func (c *Calculation) positionOn(rule string) *Position {
	for i := range c.facts.Positions {
		if c.facts.Positions[i].Rule == rule {
			return &c.facts.Positions[i]
		}
	}
	return nil
}

// usePosition marks the result with the position.
func (c *Calculation) usePosition(p *Position) {
	for _, id := range c.res.Positions {
		if id == p.ID {
			return
		}
	}
	c.res.Positions = append(c.res.Positions, p.ID)
	c.unconfirmed(p.Rule)
}

// netStep ends every explanation.
var netStep = stepSpec{name: "net", rule: "settlement.net", formula: "gross - total_withheld",
	status: Confirmed,
	wording: bilingual.Text{ZH: "应付 {gross}，代扣代缴及代办合计 {total_withheld}，税后 {result}",
		EN: "gross {gross} less {total_withheld} kept back leaves {result}"}}
