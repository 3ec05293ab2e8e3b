package taxplan

import (
	"errors"
	"slices"
	"time"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/civil"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
)

// Plan is the comparison of all lawful ways to earn the income of one year. The alternatives are
// always in the same order, which is no ranking.
type Plan struct {
	Year         int              `json:"year"`
	Jurisdiction string           `json:"jurisdiction"`
	Statement    bilingual.Text   `json:"statement"` // disclaimer: what the comparison is and is not
	Assumes      []bilingual.Text `json:"assumes"`   // assumptions behind all figures
	Alternatives []Alternative    `json:"alternatives"`
	// local caps on the tax burden, which no figure contains
	Notes []Note        `json:"notes"`
	Rules tax.RulesUsed `json:"rules"`
}

// Alternative is one lawful way to earn the income. Alternative is feasible if no ban applies, no
// presupposition is known to be false and no fact or rule is missing; only a feasible alternative
// has a total.
type Alternative struct {
	Regime      string           `json:"regime"`
	Title       bilingual.Text   `json:"title"`
	Feasible    bool             `json:"feasible"`
	Presupposes []Condition      `json:"presupposes"`
	Forbids     []Ban            `json:"forbids"`
	Missing     []tax.Unknown    `json:"missing"` // facts and rules without which there is no total
	Unknown     []tax.Unknown    `json:"unknown"` // deductions and reliefs that the figures leave out
	Assumes     []bilingual.Text `json:"assumes"`
	Gross       *money.Amount    `json:"gross"`     // income including its VAT
	TotalTax    *money.Amount    `json:"total_tax"` // null without a total
	Taxes       []TaxTotal       `json:"taxes"`
	// Contributions are the employee's own social insurance and housing fund contributions; null if
	// the alternative is no employment.
	Contributions *money.Amount `json:"contributions"`
	// Net is gross less taxes and contributions. The person's own costs are not deducted. It is null
	// without a total.
	Net         *money.Amount `json:"net"`
	ByMonth     []Month       `json:"by_month"`
	Settlement  *Settlement   `json:"settlement"` // the annual settlement; null if there is none
	Steps       []tax.Step    `json:"steps"`
	Unconfirmed []string      `json:"unconfirmed"`
	Positions   []string      `json:"positions"` // ids of the tax positions that the figures follow
}

// Condition is a fact that must be true for an alternative. Holds is null if the request does not
// say whether it is.
type Condition struct {
	Rule string `json:"rule"`
	bilingual.Text
	Law    []tax.Law  `json:"law"`
	Status tax.Status `json:"status"`
	Fact   string     `json:"fact,omitempty"` // the field of the request's facts that answers it
	Holds  *bool      `json:"holds"`
}

// Ban is something that the law forbids in connection with an alternative. Applies is true if the
// ban excludes the alternative for the facts of the request.
type Ban struct {
	Rule string `json:"rule"`
	bilingual.Text
	Law     []tax.Law `json:"law"`
	Applies bool      `json:"applies"`
}

// TaxTotal is the sum of one tax, for a month or for the year.
type TaxTotal struct {
	Tax    string       `json:"tax"`
	Amount money.Amount `json:"amount"`
}

// Month is what is withheld from the income of one month, or declared on it by the payee.
type Month struct {
	Month  int          `json:"month"`
	Income money.Amount `json:"income"` // including its VAT
	Tax    money.Amount `json:"tax"`
	Net    money.Amount `json:"net"`
	Taxes  []TaxTotal   `json:"taxes"`
}

// The kinds of annual settlement: comprehensive income (综合所得), business income (经营所得), enterprise
// income tax.
const (
	ComprehensiveSettlement = "comprehensive"
	BusinessSettlement      = "business"
	EnterpriseSettlement    = "enterprise"
)

// Settlement is the annual settlement (汇算清缴) at the end of the tax year.
type Settlement struct {
	Kind    string       `json:"kind"`
	Taxable money.Amount `json:"taxable"`
	Tax     money.Amount `json:"tax"`
	Relief  money.Amount `json:"relief"`  // half reduction for individual businesses
	Prepaid money.Amount `json:"prepaid"` // withheld during the year
	Balance money.Amount `json:"balance"` // positive: to pay; negative: refund
}

// Note is a local rule that may lower the tax of some people and that the comparison does not
// apply.
type Note struct {
	Rule  string          `json:"rule"`
	Title bilingual.Text  `json:"title"`
	Text  *bilingual.Text `json:"text"`
	Value any             `json:"value"`
	To    civil.Date      `json:"to"`
	Law   []tax.Law       `json:"law"`
}

// planner has one request with the rules and the monthly sums that every alternative needs.
type planner struct {
	*Request
	corpus        *tax.Corpus
	national      *tax.Engine
	local         *tax.Engine // rules of the place where the payee is registered
	rulebook      map[string]tax.Entry
	lastDay       civil.Date // last day of the tax year; the annual rules are those of this day
	incomeByMonth [months + 1]money.Amount
	typeByMonth   [months + 1]string
	hasLiveTips   bool // at least one income of the year is live tips
	total         money.Amount
}

// ComputePlan computes the year's income under every alternative.
//
// Errors: *fault.Error 2001 with all problems of the request. A gap in the law is no error: it is
// listed in the alternative that cannot be computed because of it.
func ComputePlan(corpus *tax.Corpus, q Request) (Plan, error) {
	if err := q.Validate(corpus); err != nil {
		return Plan{}, err
	}
	p, err := newPlanner(corpus, &q)
	if err != nil {
		return Plan{}, err
	}
	out := Plan{Year: q.Year, Jurisdiction: q.Jurisdiction, Statement: disclaimer(),
		Assumes: p.commonAssumptions(), Notes: p.burdenCapNotes(), Rules: p.local.RulesUsed()}
	for _, way := range []func() (*draft, error){
		p.planWages,
		p.planLabor,
		p.planPlatformLabor,
		p.planAuthor,
		p.planRoyalty,
		p.planBusinessByBooks("individual_business"),
		p.planAssessedBusiness("individual_business"),
		p.planBusinessByBooks("sole_proprietorship"),
		p.planAssessedBusiness("sole_proprietorship"),
		p.planCompany,
	} {
		d, err := way()
		if err != nil {
			return Plan{}, err
		}
		out.Alternatives = append(out.Alternatives, d.finishAlternative())
	}
	return out, nil
}

// newPlanner sums the income by month and loads the rules of the place.
func newPlanner(corpus *tax.Corpus, q *Request) (*planner, error) {
	at, err := corpus.EngineAt(q.Jurisdiction)
	if err != nil {
		return nil, err
	}
	p := &planner{Request: q, corpus: corpus, national: corpus.National(), local: at,
		rulebook: map[string]tax.Entry{}, lastDay: q.lastDayOfYear()}
	for _, x := range at.Rulebook(p.lastDay) {
		p.rulebook[x.ID] = x
	}
	for _, x := range q.Income {
		p.incomeByMonth[x.Month] = p.incomeByMonth[x.Month].Add(x.Amount)
		p.total = p.total.Add(x.Amount)
		p.hasLiveTips = p.hasLiveTips || x.Type == liveTip
		// A month has one payment, so it has one income type. Live tips win, because their rules are
		// stricter.
		if p.typeByMonth[x.Month] == "" || x.Type == liveTip {
			p.typeByMonth[x.Month] = x.Type
		}
	}
	return p, nil
}

// liveTip is the built-in income type of live streaming tips; streamers' studios must keep books
// and cannot be taxed by assessment.
const liveTip = "live_tip"

// disclaimer returns the text that says what the comparison is and is not.
func disclaimer() bilingual.Text {
	return bilingual.Text{
		ZH: "本测算把同一年收入按法律所知的各种处理方式分别列出，说明各自的前提、禁止和税负；排列顺序没有含义，不作推荐，也不构成意见。所得属于哪一项由真实的关系和业务决定，" +
			"不能为税负而选择名义；前提不成立的方式不得采用。",
		EN: "This lays one year's income through the ways the law knows, and shows what each " +
			"presupposes, forbids and costs. Their order means nothing, none is recommended, and this is " +
			"no opinion. What income is follows from the real relationship and work and cannot be chosen " +
			"for the tax it bears; a way whose presuppositions do not hold may not be used."}
}

// commonAssumptions lists the assumptions behind the figures of every alternative, among them one
// for each fact that the request leaves out.
func (p *planner) commonAssumptions() []bilingual.Text {
	list := []bilingual.Text{
		{ZH: "每月收入于该月最后一日一次支付，属同一项目，由同一支付方支付", EN: "The income of a month is paid at once on its last " +
			"day, under one project and by one payer"},
		{ZH: "税后金额未减除本人为取得收入支出的成本",
			EN: "The net is before the costs that the person bears to earn the income"},
	}
	if p.Facts.VATIncluded == nil {
		list = append(list, bilingual.Text{ZH: "金额含增值税（facts.vat_included 未告知）",
			EN: "Amounts contain the VAT (facts.vat_included is not told)"})
	}
	if p.Facts.Resident == nil {
		list = append(list,
			bilingual.Text{ZH: "收款人为居民个人（facts.resident 未告知）",
				EN: "The payee is a resident (facts.resident is not told)"})
	}
	if p.Facts.PayingPlace == "" {
		list = append(list, bilingual.Text{ZH: "支付方与收款人在同一地（facts.paying_place 未告知）",
			EN: "The payer is at the payee's place (facts.paying_place is not told)"})
	}
	return list
}

// burdenCapPrefix begins the ids of the rules by which some places cap the tax burden of certain
// people.
const burdenCapPrefix = "iit.burden_cap"

// burdenCapNotes lists the place's caps on the tax burden. They are notes and no figures, because
// the facts of a request do not say whether a person has a right to them.
func (p *planner) burdenCapNotes() []Note {
	list := []Note{}
	for _, x := range p.local.Rulebook(p.lastDay) {
		if len(x.ID) >= len(burdenCapPrefix) && x.ID[:len(burdenCapPrefix)] == burdenCapPrefix &&
			x.Gap == nil {
			list = append(list,
				Note{Rule: x.IDWithPlace(), Title: x.Title, Text: x.Note, Value: x.Value, To: x.To,
					Law: x.Law})
		}
	}
	return list
}

// draft is an alternative while it is being computed.
type draft struct {
	Alternative
	p          *planner
	taxes      map[string]money.Amount
	gross      money.Amount
	rows       []tax.Row
	isBarred   bool
	hasMissing bool
}

// newDraft begins an alternative. All lists are empty and not nil, so that the JSON has [] and
// never null.
func (p *planner) newDraft(regime string, title bilingual.Text) *draft {
	return &draft{p: p, taxes: map[string]money.Amount{},
		Alternative: Alternative{Regime: regime, Title: title, Presupposes: []Condition{},
			Forbids: []Ban{},
			Missing: []tax.Unknown{}, Unknown: []tax.Unknown{}, Assumes: []bilingual.Text{},
			Taxes: []TaxTotal{}, ByMonth: []Month{}, Steps: []tax.Step{}, Unconfirmed: []string{},
			Positions: []string{}}}
}

// addPresupposition lists a fact that must be true; holds is nil if the request does not say. A
// fact that is known to be false excludes the alternative.
func (d *draft) addPresupposition(id, fact string, holds *bool) {
	x := d.p.rulebook[id]
	c := Condition{Rule: id, Law: x.Law, Status: x.Status, Fact: fact, Holds: holds}
	if x.Note != nil {
		c.Text = *x.Note
	}
	d.Presupposes = append(d.Presupposes, c)
	d.isBarred = d.isBarred || (holds != nil && !*holds)
}

// addGeneralBans lists what the law forbids whatever the facts are, by the ids of the rules.
func (d *draft) addGeneralBans(ids ...string) {
	for _, id := range ids {
		x := d.p.rulebook[id]
		b := Ban{Rule: id, Law: x.Law}
		if x.Note != nil {
			b.Text = *x.Note
		}
		d.Forbids = append(d.Forbids, b)
	}
}

// addBanOnFacts lists the ban that the tax engine finds for these facts, if there is one. The ban
// excludes the alternative if applies is true.
func (d *draft) addBanOnFacts(f tax.Facts, applies bool) {
	_, err := d.p.national.DeriveItem(f)
	d.addBanFromError(err, applies)
}

// addBanFromError lists the ban of a *tax.Forbidden error and reports whether err was one.
func (d *draft) addBanFromError(err error, applies bool) bool {
	var no *tax.Forbidden
	if !errors.As(err, &no) {
		return false
	}
	d.Forbids = append(d.Forbids, Ban{Rule: no.Rule, Text: no.Why, Law: no.Law, Applies: applies})
	d.isBarred = d.isBarred || applies
	return true
}

// addMissingFact lists a fact or rule without which the alternative has no total.
func (d *draft) addMissingFact(rule string, t bilingual.Text) {
	d.hasMissing = true
	if !slices.Contains(d.Missing, tax.Unknown{Rule: rule, Missing: t}) {
		d.Missing = append(d.Missing, tax.Unknown{Rule: rule, Missing: t})
	}
}

// absorbGapOrBan handles the error of a computation. A gap or a ban becomes part of the
// alternative, and the error is nil; any other error is returned. done is false if the computation
// gave no result.
func (d *draft) absorbGapOrBan(err error) (done bool, _ error) {
	var gap *tax.Gap
	switch {
	case err == nil:
		return true, nil
	case errors.As(err, &gap):
		d.addMissingFact(gap.Rule, gap.Missing)
		return false, nil
	case d.addBanFromError(err, true):
		return false, nil
	}
	return false, err
}

// isComputable reports whether the alternative can still have a total: nothing excludes it and
// nothing is missing.
func (d *draft) isComputable() bool { return !d.isBarred && !d.hasMissing }

// addTax adds an amount to the year's sum of a tax.
func (d *draft) addTax(kind string, a money.Amount) { d.taxes[kind] = d.taxes[kind].Add(a) }

// addSteps appends the steps of a computation, and the ids of its unconfirmed rules that are not
// listed yet.
func (d *draft) addSteps(steps []tax.Step, unconfirmed []string) {
	d.Steps = append(d.Steps, steps...)
	for _, id := range unconfirmed {
		if !slices.Contains(d.Unconfirmed, id) {
			d.Unconfirmed = append(d.Unconfirmed, id)
		}
	}
}

// addPositions adds the tax positions that a computation followed.
func (d *draft) addPositions(positions []string) {
	for _, id := range positions {
		if !slices.Contains(d.Positions, id) {
			d.Positions = append(d.Positions, id)
		}
	}
}

// computeMonths taxes the payment of each month with income, each on top of the rows of the months
// before. Lines for which isSettledLater returns true are left to the annual settlement.
func (d *draft) computeMonths(base tax.Facts, isSettledLater func(*tax.Line) bool) error {
	for m := 1; m <= months; m++ {
		if d.p.incomeByMonth[m].IsZero() {
			continue
		}
		res, err := d.p.corpus.ComputeRows(d.p.paymentInMonth(base, m), d.rows)
		if done, err := d.absorbGapOrBan(err); !done {
			return err
		}
		d.rows = append(d.rows, res.Rows...)
		d.addMonth(m, &res, isSettledLater)
		d.addSteps(res.Steps, res.Unconfirmed)
		d.addPositions(res.Rules.Positions)
		if err := d.addPayeeVAT(m, &res); err != nil {
			return err
		}
	}
	return nil
}

// paymentInMonth returns the facts of the payment of one month: the whole income of the month, paid
// on its last day.
func (p *planner) paymentInMonth(base tax.Facts, m int) tax.Facts {
	f := base
	f.PaymentDate = civil.NewMonth(p.Year, time.Month(m)).Last()
	f.VATDate = f.PaymentDate
	f.Amount = p.incomeByMonth[m]
	f.IncomeType = p.typeByMonth[m]
	f.Positions = p.Positions[m]
	if f.Payroll != nil {
		f.Payroll = p.payrollUpToMonth(m)
	}
	return f
}

// addMonth adds the month of a payment: the taxes that the payer withholds and those that the payee
// declares. Lines for which isSettledLater returns true are left to the annual settlement.
func (d *draft) addMonth(m int, res *tax.Result, isSettledLater func(*tax.Line) bool) {
	x := Month{Month: m, Income: res.Gross, Taxes: []TaxTotal{}}
	sums := map[string]money.Amount{}
	for _, list := range [][]tax.Line{res.Taxes, res.PayeeObligations} {
		for i := range list {
			l := &list[i]
			switch {
			case isSettledLater != nil && isSettledLater(l):
			// A line without a figure makes the total unknown, so it is a gap and not a zero.
			case l.Missing != nil:
				for _, t := range l.Missing {
					d.addMissingFact(l.Tax, t)
				}
			default:
				sums[l.Tax] = sums[l.Tax].Add(l.Due)
				x.Tax = x.Tax.Add(l.Due)
				d.addTax(l.Tax, l.Due)
			}
		}
	}
	x.Net, x.Taxes = res.Gross.Sub(x.Tax), taxTotals(sums)
	d.gross = d.gross.Add(res.Gross)
	d.ByMonth = append(d.ByMonth, x)
}

// addPayeeTax adds a tax that the payee declares itself to the last month.
func (d *draft) addPayeeTax(kind string, a money.Amount) {
	if a.IsZero() {
		return
	}
	x := &d.ByMonth[len(d.ByMonth)-1]
	x.Tax, x.Net = x.Tax.Add(a), x.Net.Sub(a)
	x.Taxes = append(x.Taxes, TaxTotal{kind, a})
	d.addTax(kind, a)
}

// taxTotals lists the taxes that are not zero, always in the same order.
func taxTotals(sums map[string]money.Amount) []TaxTotal {
	list := []TaxTotal{}
	for _, kind := range [...]string{tax.IIT, tax.VAT, tax.UMCT, tax.EDU, tax.LEDU, tax.CIT} {
		if a := sums[kind]; !a.IsZero() {
			list = append(list, TaxTotal{kind, a})
		}
	}
	return list
}

// finishAlternative sums the taxes up and completes the alternative. An alternative that is
// excluded or incomplete gets no total.
func (d *draft) finishAlternative() Alternative {
	a := d.Alternative
	slices.Sort(a.Unconfirmed)
	if !d.isComputable() {
		a.Settlement = nil
		a.Contributions = nil
		a.Taxes = []TaxTotal{}
		// Figures of an alternative that the law forbids would suggest that it can be chosen.
		if d.isBarred {
			a.ByMonth, a.Steps = []Month{}, []tax.Step{}
		}
		return a
	}
	a.Feasible = true
	a.Taxes = taxTotals(d.taxes)
	var sum money.Amount
	for _, t := range a.Taxes {
		sum = sum.Add(t.Amount)
	}
	net := d.gross.Sub(sum)
	if a.Contributions != nil {
		net = net.Sub(*a.Contributions)
	}
	gross := d.gross
	a.Gross = &gross
	a.TotalTax = &sum
	a.Net = &net
	return a
}
