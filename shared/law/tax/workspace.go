package tax

import (
	"sort"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

// workspace is the memory of one computation: its facts, its state and its result. The engine's
// pool hands it to the next computation.
type workspace struct {
	calculation Calculation
	facts       Facts
	result      Result
	freeLists   resultLists
}

// task says which computation to run: the engines of payer and payee, and the booked rows.
type task struct {
	payer, payee *Engine
	rows         []Row
	// foldsRows says that the item is derived and that rows are summed into the periods before the
	// payment.
	foldsRows bool
	// figuresOnly says that steps and the list of unconfirmed rules are left out.
	figuresOnly bool
}

// computePayment computes all taxes of a payment in their order into w.result.
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
	// the item decides which booked rows count, so the regime comes first
	if t.foldsRows {
		f.Item = c.item
		f.ToDate = ToDate{}
		f.ToDate.addRows(t.rows, f, c.texts.dayText(f.VATDate))
		if !f.ToDate.isInRange() {
			return fault.Invalid(totalTooLarge())
		}
	}
	if err := c.applyStages(payBook, vatBook); err != nil {
		return err
	}
	c.sumUpResult()
	return nil
}

// applyStages runs the rules of all taxes in their order.
func (c *Calculation) applyStages(payBook, vatBook *Book) error {
	for i, tax := range stageOrder {
		// income taxes follow the law of the payment date, VAT and its surcharges that of the VAT date
		b := vatBook
		if tax == IIT || tax == CIT {
			b = payBook
		}
		// things in kind are income, but not part of the VAT that was computed before
		if tax == IIT {
			if err := c.addInKindIncome(payBook); err != nil {
				return err
			}
		}
		if err := c.applyStage(tax, b.stages[i]); err != nil {
			return err
		}
	}
	return nil
}

// prepare clears the workspace for a task. A task without steps overwrites the lists of the last
// result; an explained result gets new lists from the front of the free blocks, because the caller
// keeps it.
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

// resultLists holds blocks of memory from which the lists of the next results are cut.
type resultLists struct {
	taxes       reusableBlock[Line]
	rows        reusableBlock[Row]
	steps       reusableBlock[Step]
	unconfirmed reusableBlock[string]
	inputs      reusableBlock[Input]
}

// reusableBlock is the unused rest of one block; lastLength is the length of the last list cut from
// it.
type reusableBlock[T any] struct {
	free       []T
	lastLength int
}

// reserveList returns an empty list with room for as many elements as the last result had. A new
// block is allocated only when the rest of the old one is too short.
func reserveList[T any](l *reusableBlock[T], block int) []T {
	if cap(l.free) < l.lastLength || cap(l.free) == 0 {
		l.free = make([]T, 0, max(block, l.lastLength))
	}
	return l.free[:0]
}

// cutOff ends a finished list at its length and keeps the rest of the block, so that appending to
// one result can never overwrite another.
func (l *reusableBlock[T]) cutOff(full []T) []T {
	l.lastLength = len(full)
	l.free = full[l.lastLength:]
	return full[:l.lastLength:l.lastLength]
}

// detachResult returns the result with lists of its own, and leaves the workspace ready for reuse.
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

// periodTexts caches the texts of the last VAT day, VAT month and payment month, because the
// payments of a run lie on few days.
type periodTexts struct {
	vatDay             civil.Date
	vatMonth, payMonth civil.Month
	texts              [3]string
}

// dayText returns the VAT date as the period text of rows by day.
func (p *periodTexts) dayText(d civil.Date) string {
	if p.vatDay != d {
		p.vatDay, p.texts[0] = d, d.String()
	}
	return p.texts[0]
}

// vatMonthText returns the month of the VAT date as the period text of rows by month.
func (p *periodTexts) vatMonthText(m civil.Month) string {
	if p.vatMonth != m {
		p.vatMonth, p.texts[1] = m, m.String()
	}
	return p.texts[1]
}

// paymentMonthText returns the month of payment as the period text of income tax rows.
func (p *periodTexts) paymentMonthText(m civil.Month) string {
	if p.payMonth != m {
		p.payMonth, p.texts[2] = m, m.String()
	}
	return p.texts[2]
}

// FigureComputer computes figures without explanation, many times over: no steps, no texts and no
// list of unconfirmed rules, and no allocation. A FigureComputer is for bulk runs and must stay in
// one goroutine.
type FigureComputer struct {
	corpus *Corpus
	work   workspace
}

// NewFigureComputer returns a computer of figures by the rules of the corpus.
func (c *Corpus) NewFigureComputer() *FigureComputer { return &FigureComputer{corpus: c} }

// ComputeRows returns the figures of Corpus.ComputeRows: lines, rows, totals, true-ups and
// positions. The result is valid until the next call, which overwrites it.
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

// completeLists sorts the list of unconfirmed rules and copies the positions into Rules; a result
// without explanation needs neither.
func (c *Calculation) completeLists() {
	c.addUnconfirmed(roundingRule)
	sort.Strings(c.result.Unconfirmed)
	c.result.Rules.Positions = append(c.result.Rules.Positions, c.result.Positions...)
}
