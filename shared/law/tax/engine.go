package tax

import (
	"slices"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/money"
)

// halfUp is the text by which a rounded step names its rounding rule. No tax law that was read
// fixes a rounding rule; half up is the universal practice of tax offices.
const halfUp = "half up to 0.01 (customary)"

// rounded and exact are the values of addStep's second parameter: whether a step's result was
// rounded.
const (
	rounded = true
	exact   = false
)

// roundingRule is the id that every result lists among its unconfirmed rules, because every figure
// is rounded and no law confirms how.
const roundingRule = "rounding.half_up"

// Calculation is the state of one tax computation: the facts of the payment, which rules read, and
// the result, to which rules add lines, rows and steps.
type Calculation struct {
	// facts are the payment, the payer and the payee; rules only read them.
	facts *Facts
	// item is the kind of income (所得项目) that the regime gave to the payment.
	item string
	// platformFiled says that the paying entity has filed for this platform on the payment date,
	// agencyFiled that it also files the worker's VAT on the VAT date.
	platformFiled, agencyFiled bool
	gross                      money.Amount
	// unwithheld is the part of gross that no tax has been withheld from yet.
	unwithheld money.Amount
	// inKind is the market price of things given in kind; it is income beside gross.
	inKind money.Amount
	// vatWithheld is the VAT of this payment that is withheld or agency-filed; it lowers IIT income.
	vatWithheld money.Amount
	periodVAT   assessment
	// position is the id of the tax position that closed the open rule which is running now.
	position string
	texts    periodTexts
	result   *Result
	// figuresOnly switches off steps and the list of unconfirmed rules, for bulk runs.
	figuresOnly bool
	inputArena  []Input
	// payeeEngine holds the rules of the place where the payee is registered.
	payeeEngine *Engine
	// assessable is the question about assessed income; nil while a payment is computed.
	assessable *Assessable
	assessed   *Assessed
}

// Compute computes the taxes of one payment from its facts and from this engine's dated rules. The
// computation is pure: the same facts give the same bytes.
//
// Errors: *fault.Error 2001 with all problems of the facts; *Gap where the law has no answer;
// *Forbidden where the law forbids the requested item, method or route.
func (e *Engine) Compute(f Facts) (Result, error) {
	if err := f.validate(); err != nil {
		return Result{}, err
	}
	return e.runTask(task{payer: e, payee: e}, &f)
}

// computeForPayee computes facts that are validated already; taxes that the payee files itself
// follow the rules of the payee's own engine.
func (e *Engine) computeForPayee(f Facts, payee *Engine) (Result, error) {
	return e.runTask(task{payer: e, payee: payee}, &f)
}

// runTask computes one task in a workspace from the pool, so that bulk runs reuse memory.
func (e *Engine) runTask(t task, f *Facts) (Result, error) {
	w, ok := e.workspaces.Get().(*workspace)
	if !ok {
		w = &workspace{}
	}
	defer e.workspaces.Put(w)
	if err := w.computePayment(t, f); err != nil {
		return Result{}, err
	}
	return w.detachResult(), nil
}

// rulesUsed returns the ids of the national pack and of the local packs of payer and payee.
func rulesUsed(payer, payee *Engine) RulesUsed {
	u := RulesUsed{PackID: payer.nationalEngine().id, Positions: []string{}}
	for _, e := range [...]*Engine{payer, payee} {
		if e.parent != nil && !slices.Contains(u.Local, e.id) {
			u.Local = append(u.Local, e.id)
		}
	}
	return u
}

// nationalEngine returns the engine of the national pack, at the top of e's chain of parents.
func (e *Engine) nationalEngine() *Engine {
	for e.parent != nil {
		e = e.parent
	}
	return e
}

// newCalculation returns a calculation with memory for its steps' inputs, outside of any workspace.
func newCalculation(f *Facts, res *Result) *Calculation {
	c := initialCalculation(f, res)
	c.inputArena = make([]Input, 0, 48)
	return &c
}

// initialCalculation returns the state of a calculation before its first rule has run: nothing is
// withheld yet, and the filings of the paying entity are looked up once.
func initialCalculation(f *Facts, res *Result) Calculation {
	filed := f.Entity.hasFiling(f.Platform, f.PaymentDate)
	agency := f.AgencyFiling && f.Entity.hasFiling(f.Platform, f.VATDate)
	return Calculation{facts: f, platformFiled: filed, agencyFiled: agency, gross: f.Amount,
		unwithheld: f.Amount,
		result:     res}
}

// DeriveItem returns the kind of income of a payment without computing its taxes. Callers need the
// item to select the booked rows of the same item.
func (e *Engine) DeriveItem(f Facts) (string, error) {
	if err := f.validate(); err != nil {
		return "", err
	}
	b, err := e.bookOn(f.PaymentDate)
	if err != nil {
		return "", err
	}
	c := newCalculation(&f, &Result{})
	if err := c.chooseRegime(b); err != nil {
		return "", err
	}
	return c.item, nil
}

// ComputeRows derives the item of income, sums the booked rows of the periods before the payment,
// and computes the payment's taxes on top of them. ComputeRows ignores f.ToDate.
func (e *Engine) ComputeRows(f Facts, rows []Row) (Result, error) {
	f.ToDate = ToDate{}
	if err := f.validate(); err != nil {
		return Result{}, err
	}
	return e.runTask(task{payer: e, payee: e, rows: rows, foldsRows: true}, &f)
}

// applyStage runs the first rule of one tax whose condition matches the facts. VAT and IIT must
// have such a rule, and so must each surcharge once VAT was assessed: without a rule a tax of zero
// would be a figure that nobody has decided, so a missing rule is a *Gap.
func (c *Calculation) applyStage(tax string, rules []TaxRule) error {
	for _, r := range rules {
		if r.Applies(c) {
			return c.ruleAtPlace(r, tax).Calculate(c)
		}
	}
	switch tax {
	case VAT, IIT:
	case CIT, TaxCulturalFee, TaxStamp:
		return nil
	default:
		if !c.periodVAT.isAssessed {
			return nil
		}
	}
	return &Gap{Rule: tax, On: c.facts.PaymentDate, Missing: bilingual.Text{
		ZH: "尚无适用于 " + c.facts.Taxpayer.Kind + "／" + c.item + " 的" + tax + "规则",
		EN: "no rule of " + tax + " for " + c.facts.Taxpayer.Kind + " and item " + c.item}}
}

// ruleAtPlace returns the version of rule r at the payee's registration when the payee files the
// tax itself, and r itself, which is the rule of the paying entity's place, when the payer
// withholds.
func (c *Calculation) ruleAtPlace(r TaxRule, tax string) TaxRule {
	if c.payeeEngine == nil || c.payeeEngine.parent == nil || !c.isFiledByPayee(r) {
		return r
	}
	// income tax goes by the day of payment, VAT and its surcharges by the VAT date
	day := c.facts.VATDate
	if tax == IIT || tax == CIT {
		day = c.facts.PaymentDate
	}
	if b, err := c.payeeEngine.bookOn(day); err == nil {
		if own := b.findRule(r.ID()); own != nil {
			return own
		}
	}
	return r
}

// isFiledByPayee reports whether the payee files the tax of rule r itself: the rule says so, or r
// is a surcharge on VAT that the payee files itself.
func (c *Calculation) isFiledByPayee(r TaxRule) bool {
	f, ok := r.(interface{ collectedBy() string })
	return (ok && f.collectedBy() == SelfFiled) ||
		(c.periodVAT.isAssessed && c.periodVAT.collection == SelfFiled)
}

// sumUpResult adds up what is withheld from the creator, sets gross and net, and closes the lists
// of an explained result.
func (c *Calculation) sumUpResult() {
	res := c.result
	res.Gross = c.gross
	for i := range res.Taxes {
		// taxes that the payer promised to bear (包税) do not lower the creator's net
		if res.Taxes[i].BorneBy == BorneByCreator {
			res.TotalWithheld = res.TotalWithheld.Add(res.Taxes[i].Amount)
		}
	}
	res.Net = res.Gross.Sub(res.TotalWithheld)
	if c.figuresOnly {
		return
	}
	c.completeLists()
	c.addStep(&netStep, exact, MoneyValue(res.Net), Input{"gross", MoneyValue(res.Gross)},
		Input{"total_withheld", MoneyValue(res.TotalWithheld)})
}

// factText returns the text value of a fact for the conditions of rules; unset facts have their
// default value, such as route mcn_pays.
func (c *Calculation) factText(k factKey) string {
	f := c.facts
	switch k {
	case factKind:
		return f.Taxpayer.Kind
	case factResident:
		return boolText(f.Taxpayer.Resident)
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
		return boolText(c.platformFiled)
	case factAgency:
		return boolText(c.agencyFiled)
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
		return boolText(f.Taxpayer.Overseas)
	case factHoldsEquity:
		return boolText(f.Taxpayer.HoldsEquity)
	default: // the other facts belong to assessed collection, below
	}
	if c.assessable == nil {
		return ""
	}
	return c.assessable.factText(k)
}

// boolText returns the value of a yes-or-no fact as rule files write it.
func boolText(b bool) string {
	if b {
		return yes
	}
	return no
}

// withholdLine completes one tax line: its due amount, how much of that this payment can bear, and
// the shortfall that becomes a receivable. Nothing is withheld for taxes that the payee files
// itself. With trueUp, tax withheld above the period's total is listed as an open difference to be
// refunded.
func (c *Calculation) withholdLine(l *Line, trueUp bool) money.Amount {
	l.Due = money.Max(l.Total.Sub(l.Before), money.Amount{})
	if trueUp && l.Before.Cmp(l.Total) > 0 {
		c.result.TrueUps = append(c.result.TrueUps,
			TrueUp{Tax: l.Tax, Item: l.Item, Period: l.Period, Excess: l.Before.Sub(l.Total)})
	}
	if l.Collection == SelfFiled {
		l.Amount = l.Due
		c.result.PayeeObligations = append(c.result.PayeeObligations, *l)
		return l.Due
	}
	// a payment cannot pay more tax than the money that is left of it
	l.Amount = money.Min(l.Due, c.unwithheld)
	l.Shortfall = l.Due.Sub(l.Amount)
	c.unwithheld = c.unwithheld.Sub(l.Amount)
	c.result.Taxes = append(c.result.Taxes, *l)
	return l.Due
}

// withheldForRow returns the tax that a booked row counts as withheld: the whole due amount with
// its shortfall, because the withholding agent owes the shortfall to the tax office too; and zero
// for a tax that the payee files itself.
func (c *Calculation) withheldForRow(l *Line) money.Amount {
	if l.Collection == SelfFiled {
		return money.Amount{}
	}
	return l.Due
}

// addVATToGross adds VAT to the gross of a payment whose price was contracted without VAT.
func (c *Calculation) addVATToGross(vat money.Amount) {
	c.gross = c.gross.Add(vat)
	c.unwithheld = c.unwithheld.Add(vat)
}

// paymentMonth returns the month of payment as text, which is the period of income tax rows.
func (c *Calculation) paymentMonth() string {
	return c.texts.paymentMonthText(c.facts.PaymentDate.Month())
}

// addStep records one step of the explanation. The step's inputs are copied into one block that all
// steps of the calculation share, so that a step needs no allocation.
func (c *Calculation) addStep(s *stepSpec, rounded bool, result Value, in ...Input) {
	if c.figuresOnly {
		return
	}
	n := len(c.inputArena)
	c.inputArena = append(c.inputArena, in...)
	c.result.Steps = append(c.result.Steps,
		Step{spec: s, Inputs: c.inputArena[n:len(c.inputArena):len(c.inputArena)],
			Result: result, rounded: rounded, position: c.position})
}

// addUnconfirmed lists the ids of used rules that are not confirmed by a text that was read, each
// once.
func (c *Calculation) addUnconfirmed(ids ...string) {
	if c.figuresOnly {
		return
	}
next:
	for _, id := range ids {
		for _, have := range c.result.Unconfirmed {
			if have == id {
				continue next
			}
		}
		c.result.Unconfirmed = append(c.result.Unconfirmed, id)
	}
}

// positionForRule finds the tenant's tax position on a rule; it returns nil if there is none.
func (c *Calculation) positionForRule(rule string) *Position {
	for i := range c.facts.Positions {
		if c.facts.Positions[i].Rule == rule {
			return &c.facts.Positions[i]
		}
	}
	return nil
}

// recordPosition notes in the result that tax position p was used, and lists its open rule as
// unconfirmed.
func (c *Calculation) recordPosition(p *Position) {
	for _, id := range c.result.Positions {
		if id == p.ID {
			return
		}
	}
	c.result.Positions = append(c.result.Positions, p.ID)
	c.addUnconfirmed(p.Rule)
}

// netStep is the last step of every explanation: gross less what is withheld leaves the net.
var netStep = stepSpec{name: "net", rule: "settlement.net", formula: "gross - total_withheld",
	status: Confirmed,
	wording: bilingual.Text{ZH: "应付 {gross}，代扣代缴及代办合计 {total_withheld}，税后 {result}",
		EN: "gross {gross} less {total_withheld} kept back leaves {result}"}}
