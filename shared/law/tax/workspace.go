package tax

import (
	"sort"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

// workspace is what one computation needs beside the rules. The next one uses it again.
type workspace struct {
	calculation Calculation
	facts       Facts
	result      Result
	freeLists   resultLists
}

// task is one computation: whose engines, and the rows to fold, if that is asked for.
type task struct {
	payer, payee *Engine
	rows         []Row
	foldsRows    bool // the item is derived and rows decide what stands before the payment
	figuresOnly  bool // figures only
}

// computePayment computes a payment into w.res.
func (w *workspace) computePayment(t task, payment *Facts) error {
	w.facts = *payment
	f := &w.facts
	payBook, err := t.payer.bookOn(f.PaymentDate)
	if err != nil {
		return err
	}
	vatBook, err := t.payer.bookOn(f.VATDate)
	if err != nil {
		return err
	}
	c := w.prepare(t)
	if err := c.chooseRegime(payBook); err != nil {
		return err
	}
	w.result.Item = c.item
	if t.foldsRows {
		f.Item = c.item
		f.ToDate = ToDate{}
		f.ToDate.addRows(t.rows, f, c.texts.dayText(f.VATDate))
		if !f.ToDate.isInRange() {
			return fault.Invalid(totalTooLarge())
		}
	}
	for i, tax := range stageOrder {
		b := vatBook
		if tax == IIT || tax == CIT {
			b = payBook
		}
		if tax == IIT {
			if err := c.addInKindIncome(payBook); err != nil {
				return err
			}
		}
		if err := c.applyStage(tax, b.stages[i]); err != nil {
			return err
		}
	}
	c.sumUpResult()
	return nil
}

// prepare clears the workspace for a task. A silent one uses the lists again; a result takes its
// lists from the front of what is spare.
func (w *workspace) prepare(t task) *Calculation {
	r := &w.result
	arena := w.calculation.inputArena[:0]
	texts := w.calculation.texts
	if t.figuresOnly {
		w.result = Result{Taxes: r.Taxes[:0], PayeeObligations: r.PayeeObligations[:0],
			PayerTaxes: r.PayerTaxes[:0], Rows: r.Rows[:0],
			Positions: r.Positions[:0], TrueUps: r.TrueUps[:0]}
	} else {
		l := &w.freeLists
		w.result = Result{Taxes: reserveList(&l.taxes, 16), PayeeObligations: []Line{},
			PayerTaxes: []Line{},
			Rows:       reserveList(&l.rows, 32),
			Steps:      reserveList(&l.steps, 128), Unconfirmed: reserveList(&l.unconfirmed, 64),
			Rules: rulesUsed(t.payer, t.payee)}
		arena = reserveList(&l.inputs, 512)
	}
	w.calculation = initialCalculation(&w.facts, &w.result)
	w.calculation.texts = texts
	w.calculation.inputArena = arena
	w.calculation.payeeEngine = t.payee
	w.calculation.figuresOnly = t.figuresOnly
	return &w.calculation
}

// resultLists is memory for the lists of some results to come.
type resultLists struct {
	taxes       reusableBlock[Line]
	rows        reusableBlock[Row]
	steps       reusableBlock[Step]
	unconfirmed reusableBlock[string]
	inputs      reusableBlock[Input]
}

// reusableBlock is what is left of a block; last is how much of it the last result took.
type reusableBlock[T any] struct {
	free       []T
	lastLength int
}

// reserveList gives an empty list that the last result's would fit into, in a block of some
// results' size.
func reserveList[T any](l *reusableBlock[T], block int) []T {
	if cap(l.free) < l.lastLength || cap(l.free) == 0 {
		l.free = make([]T, 0, max(block, l.lastLength))
	}
	return l.free[:0]
}

// cutOff cuts a finished list off the block, so that it and the next one never meet.
func (l *reusableBlock[T]) cutOff(full []T) []T {
	l.lastLength = len(full)
	l.free = full[l.lastLength:]
	return full[:l.lastLength:l.lastLength]
}

// detachResult hands the result over.
func (w *workspace) detachResult() Result {
	r, l := w.result, &w.freeLists
	r.Taxes = l.taxes.cutOff(r.Taxes)
	r.Rows = l.rows.cutOff(r.Rows)
	r.Steps = l.steps.cutOff(r.Steps)
	r.Unconfirmed = l.unconfirmed.cutOff(r.Unconfirmed)
	l.inputs.cutOff(w.calculation.inputArena)
	w.result, w.calculation.inputArena = Result{}, nil
	return r
}

// periodTexts remembers how rows say the last periods: payments of a run lie on few days.
type periodTexts struct {
	vatDay             civil.Date
	vatMonth, payMonth civil.Month
	texts              [3]string
}

// dayText gives the VAT date as rows of a day say it.
func (p *periodTexts) dayText(d civil.Date) string {
	if p.vatDay != d {
		p.vatDay, p.texts[0] = d, d.String()
	}
	return p.texts[0]
}

// vatMonthText gives the month of the VAT date as rows of a month say it.
func (p *periodTexts) vatMonthText(m civil.Month) string {
	if p.vatMonth != m {
		p.vatMonth, p.texts[1] = m, m.String()
	}
	return p.texts[1]
}

// paymentMonthText gives the month of the payment as rows of income tax say it.
func (p *periodTexts) paymentMonthText(m civil.Month) string {
	if p.payMonth != m {
		p.payMonth, p.texts[2] = m, m.String()
	}
	return p.texts[2]
}

// FigureComputer computes figures alone, many times over: no steps, no texts, no list of
// unconfirmed rules, and nothing is allocated. It is for bulk runs and serves one goroutine.
type FigureComputer struct {
	corpus *Corpus
	work   workspace
}

// NewFigureComputer makes a computation without steps under the corpus.
func (c *Corpus) NewFigureComputer() *FigureComputer { return &FigureComputer{corpus: c} }

// ComputeRows gives the figures of Corpus.ComputeRows. The result stands until the next call and
// has lines, rows, totals, true-ups and positions.
//
// Errors: those of Corpus.ComputeRows.
func (s *FigureComputer) ComputeRows(f *Facts, rows []Row) (*Result, error) {
	if f.AfterTax {
		res, err := s.corpus.computeAfterTax(*f, rows)
		return &res, err
	}
	t, err := s.corpus.newTask(f)
	if err != nil {
		return nil, err
	}
	t.rows = rows
	t.foldsRows = true
	t.figuresOnly = true
	if err := s.work.computePayment(t, f); err != nil {
		return nil, err
	}
	return &s.work.result, nil
}

// completeLists closes the lists that only explanations need.
func (c *Calculation) completeLists() {
	c.addUnconfirmed(roundingRule)
	sort.Strings(c.result.Unconfirmed)
	c.result.Rules.Positions = append(c.result.Rules.Positions, c.result.Positions...)
}
