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
	facts                      *Facts
	item                       string
	platformFiled, agencyFiled bool
	gross                      money.Amount
	unwithheld                 money.Amount // of gross, not yet kept back
	inKind                     money.Amount // market price of things in kind, income beside gross
	// VAT that falls on this payment and is withheld or agency-filed
	vatWithheld money.Amount
	periodVAT   assessment
	position    string // id of the position under which the current rule runs
	texts       periodTexts
	result      *Result
	figuresOnly bool // figures only: no steps, no list of unconfirmed rules
	inputArena  []Input
	payeeEngine *Engine     // of the payee's registration
	assessable  *Assessable // the question, where assessed income is asked about
	assessed    *Assessed
}

// Compute gives the taxes of one payment. It is pure and deterministic to the byte.
//
// Errors: *fault.Error 2001 with all problems of the facts; *Gap where the law has no answer;
// *Forbidden where it forbids what was asked for.
func (e *Engine) Compute(f Facts) (Result, error) {
	if err := f.validate(); err != nil {
		return Result{}, err
	}
	return e.runTask(task{payer: e, payee: e}, &f)
}

// computeForPayee is Compute without the check of the facts; the payee's own filings go by the
// engine of its registration.
func (e *Engine) computeForPayee(f Facts, payee *Engine) (Result, error) {
	return e.runTask(task{payer: e, payee: payee}, &f)
}

// runTask does a task in a spare workspace.
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

// rulesUsed names the national pack and the local ones that stood behind payer and payee.
func rulesUsed(payer, payee *Engine) RulesUsed {
	u := RulesUsed{PackID: payer.nationalEngine().id, Positions: []string{}}
	for _, e := range [...]*Engine{payer, payee} {
		if e.parent != nil && !slices.Contains(u.Local, e.id) {
			u.Local = append(u.Local, e.id)
		}
	}
	return u
}

// nationalEngine is the national engine above e.
func (e *Engine) nationalEngine() *Engine {
	for e.parent != nil {
		e = e.parent
	}
	return e
}

func newCalculation(f *Facts, res *Result) *Calculation {
	c := initialCalculation(f, res)
	c.inputArena = make([]Input, 0, 48)
	return &c
}

// initialCalculation is a calculation before its first rule.
func initialCalculation(f *Facts, res *Result) Calculation {
	filed := f.Entity.hasFiling(f.Platform, f.PaymentDate)
	agency := f.AgencyFiling && f.Entity.hasFiling(f.Platform, f.VATDate)
	return Calculation{facts: f, platformFiled: filed, agencyFiled: agency, gross: f.Amount,
		unwithheld: f.Amount,
		result:     res}
}

// DeriveItem derives the item of income of a payment without computing it, for folding rows.
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

// ComputeRows derives the item, folds the rows that stand before the payment and computes it;
// f.ToDate is ignored.
func (e *Engine) ComputeRows(f Facts, rows []Row) (Result, error) {
	f.ToDate = ToDate{}
	if err := f.validate(); err != nil {
		return Result{}, err
	}
	return e.runTask(task{payer: e, payee: e, rows: rows, foldsRows: true}, &f)
}

// applyStage applies the first rule of a stage that is meant for the facts. VAT and IIT must have
// one, and so must each surcharge once there is VAT: silence would be a zero that nobody decided.
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

// ruleAtPlace gives the rule as it stands at the payee's registration where the payee files the tax
// itself, and the rule of the paying entity's place else.
func (c *Calculation) ruleAtPlace(r TaxRule, tax string) TaxRule {
	if c.payeeEngine == nil || c.payeeEngine.parent == nil || !c.isFiledByPayee(r) {
		return r
	}
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

// isFiledByPayee tells whether the payee brings the tax to the tax office: by the rule itself, or
// because the VAT is the payee's on which it stands.
func (c *Calculation) isFiledByPayee(r TaxRule) bool {
	f, ok := r.(interface{ collectedBy() string })
	return (ok && f.collectedBy() == SelfFiled) ||
		(c.periodVAT.isAssessed && c.periodVAT.collection == SelfFiled)
}

// sumUpResult sums up.
func (c *Calculation) sumUpResult() {
	res := c.result
	res.Gross = c.gross
	for i := range res.Taxes {
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

// factText gives the word of a fact for conditions.
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
	}
	if c.assessable == nil {
		return ""
	}
	return c.assessable.factText(k)
}

func boolText(b bool) string {
	if b {
		return yes
	}
	return no
}

// withholdLine settles a line: what falls on this payment, and how much of it the payment can bear.
// Lines of self-filers take nothing. With trueUp, more withheld than the period's tax stays as a
// named difference.
func (c *Calculation) withholdLine(l *Line, trueUp bool) money.Amount {
	l.Due = money.MaxOf(l.Total.Sub(l.Before), money.Amount{})
	if trueUp && l.Before.Cmp(l.Total) > 0 {
		c.result.TrueUps = append(c.result.TrueUps,
			TrueUp{Tax: l.Tax, Item: l.Item, Period: l.Period, Excess: l.Before.Sub(l.Total)})
	}
	if l.Collection == SelfFiled {
		l.Amount = l.Due
		c.result.PayeeObligations = append(c.result.PayeeObligations, *l)
		return l.Due
	}
	l.Amount = money.Min(l.Due, c.unwithheld)
	l.Shortfall = l.Due.Sub(l.Amount)
	c.unwithheld = c.unwithheld.Sub(l.Amount)
	c.result.Taxes = append(c.result.Taxes, *l)
	return l.Due
}

// withheldForRow is what a row counts as withheld: all that falls on the payment, for the agent
// owes the shortfall to the tax office too; nothing for what the payee files itself.
func (c *Calculation) withheldForRow(l *Line) money.Amount {
	if l.Collection == SelfFiled {
		return money.Amount{}
	}
	return l.Due
}

// addVATToGross adds VAT to a price that was agreed without it.
func (c *Calculation) addVATToGross(vat money.Amount) {
	c.gross = c.gross.Add(vat)
	c.unwithheld = c.unwithheld.Add(vat)
}

// paymentMonth is the IIT period as rows say it.
func (c *Calculation) paymentMonth() string {
	return c.texts.paymentMonthText(c.facts.PaymentDate.Month())
}

// addStep records one step; its inputs are copied into one block that all steps share.
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

// addUnconfirmed adds ids that are not listed yet.
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

// positionForRule finds the position on a rule, nil if there is none.
func (c *Calculation) positionForRule(rule string) *Position {
	for i := range c.facts.Positions {
		if c.facts.Positions[i].Rule == rule {
			return &c.facts.Positions[i]
		}
	}
	return nil
}

// recordPosition marks the result with the position.
func (c *Calculation) recordPosition(p *Position) {
	for _, id := range c.result.Positions {
		if id == p.ID {
			return
		}
	}
	c.result.Positions = append(c.result.Positions, p.ID)
	c.addUnconfirmed(p.Rule)
}

// netStep ends every explanation.
var netStep = stepSpec{name: "net", rule: "settlement.net", formula: "gross - total_withheld",
	status: Confirmed,
	wording: bilingual.Text{ZH: "应付 {gross}，代扣代缴及代办合计 {total_withheld}，税后 {result}",
		EN: "gross {gross} less {total_withheld} kept back leaves {result}"}}
