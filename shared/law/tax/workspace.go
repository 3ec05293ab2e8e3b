package tax

import (
	"sort"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

// workspace is what one computation needs beside the rules. The next one uses it again.
type workspace struct {
	calc  Calculation
	facts Facts
	res   Result
	spare lists
}

// task is one computation: whose engines, and the rows to fold, if that is asked for.
type task struct {
	payer, payee *Engine
	rows         []Row
	fold         bool // the item is derived and rows decide what stands before the payment
	silent       bool // figures only
}

// run computes a payment into w.res.
func (w *workspace) run(t task, payment *Facts) error {
	w.facts = *payment
	f := &w.facts
	payBook, err := t.payer.book(f.PaymentDate)
	if err != nil {
		return err
	}
	vatBook, err := t.payer.book(f.VATDate)
	if err != nil {
		return err
	}
	c := w.begin(t)
	if err := c.choose(payBook); err != nil {
		return err
	}
	w.res.Item = c.item
	if t.fold {
		f.Item = c.item
		f.ToDate = ToDate{}
		f.ToDate.fold(t.rows, f, c.texts.day(f.VATDate))
		if !f.ToDate.fits() {
			return fault.Invalid(tooLarge())
		}
	}
	for i, tax := range stageOrder {
		b := vatBook
		if tax == IIT || tax == CIT {
			b = payBook
		}
		if tax == IIT {
			if err := c.countInKind(payBook); err != nil {
				return err
			}
		}
		if err := c.run(tax, b.stages[i]); err != nil {
			return err
		}
	}
	c.finish()
	return nil
}

// begin clears the workspace for a task. A silent one uses the lists again; a result takes its
// lists from the front of what is spare.
func (w *workspace) begin(t task) *Calculation {
	r := &w.res
	arena := w.calc.arena[:0]
	texts := w.calc.texts
	if t.silent {
		w.res = Result{Taxes: r.Taxes[:0], PayeeObligations: r.PayeeObligations[:0],
			PayerTaxes: r.PayerTaxes[:0], Rows: r.Rows[:0],
			Positions: r.Positions[:0], TrueUps: r.TrueUps[:0]}
	} else {
		l := &w.spare
		w.res = Result{Taxes: roomFor(&l.taxes, 16), PayeeObligations: []Line{}, PayerTaxes: []Line{},
			Rows:  roomFor(&l.rows, 32),
			Steps: roomFor(&l.steps, 128), Unconfirmed: roomFor(&l.unconfirmed, 64),
			Rules: rulesUsed(t.payer, t.payee)}
		arena = roomFor(&l.inputs, 512)
	}
	w.calc = begun(&w.facts, &w.res)
	w.calc.texts = texts
	w.calc.arena = arena
	w.calc.payee = t.payee
	w.calc.silent = t.silent
	return &w.calc
}

// lists is memory for the lists of some results to come.
type lists struct {
	taxes       list[Line]
	rows        list[Row]
	steps       list[Step]
	unconfirmed list[string]
	inputs      list[Input]
}

// list is what is left of a block; last is how much of it the last result took.
type list[T any] struct {
	left []T
	last int
}

// roomFor gives an empty list that the last result's would fit into, in a block of some results'
// size.
func roomFor[T any](l *list[T], block int) []T {
	if cap(l.left) < l.last || cap(l.left) == 0 {
		l.left = make([]T, 0, max(block, l.last))
	}
	return l.left[:0]
}

// taken cuts a finished list off the block, so that it and the next one never meet.
func (l *list[T]) taken(full []T) []T {
	l.last = len(full)
	l.left = full[l.last:]
	return full[:l.last:l.last]
}

// result hands the result over.
func (w *workspace) result() Result {
	r, l := w.res, &w.spare
	r.Taxes = l.taxes.taken(r.Taxes)
	r.Rows = l.rows.taken(r.Rows)
	r.Steps = l.steps.taken(r.Steps)
	r.Unconfirmed = l.unconfirmed.taken(r.Unconfirmed)
	l.inputs.taken(w.calc.arena)
	w.res, w.calc.arena = Result{}, nil
	return r
}

// periodTexts remembers how rows say the last periods: payments of a run lie on few days.
type periodTexts struct {
	vatDay             civil.Date
	vatMonth, payMonth civil.Month
	texts              [3]string
}

// day gives the VAT date as rows of a day say it.
func (p *periodTexts) day(d civil.Date) string {
	if p.vatDay != d {
		p.vatDay, p.texts[0] = d, d.String()
	}
	return p.texts[0]
}

// month gives the month of the VAT date as rows of a month say it.
func (p *periodTexts) month(m civil.Month) string {
	if p.vatMonth != m {
		p.vatMonth, p.texts[1] = m, m.String()
	}
	return p.texts[1]
}

// paid gives the month of the payment as rows of income tax say it.
func (p *periodTexts) paid(m civil.Month) string {
	if p.payMonth != m {
		p.payMonth, p.texts[2] = m, m.String()
	}
	return p.texts[2]
}

// Silent computes figures alone, many times over: no steps, no texts, no list of unconfirmed rules,
// and nothing is allocated. It is for bulk runs and serves one goroutine.
type Silent struct {
	corpus *Corpus
	work   workspace
}

// Silent makes a computation without steps under the corpus.
func (c *Corpus) Silent() *Silent { return &Silent{corpus: c} }

// ComputeRows gives the figures of Corpus.ComputeRows. The result stands until the next call and
// has lines, rows, totals, true-ups and positions.
//
// Errors: those of Corpus.ComputeRows.
func (s *Silent) ComputeRows(f *Facts, rows []Row) (*Result, error) {
	if f.AfterTax {
		res, err := s.corpus.afterTax(*f, rows)
		return &res, err
	}
	t, err := s.corpus.task(f)
	if err != nil {
		return nil, err
	}
	t.rows = rows
	t.fold = true
	t.silent = true
	if err := s.work.run(t, f); err != nil {
		return nil, err
	}
	return &s.work.res, nil
}

// listed closes the lists that only explanations need.
func (c *Calculation) listed() {
	c.unconfirmed(roundingRule)
	sort.Strings(c.res.Unconfirmed)
	c.res.Rules.Positions = append(c.res.Rules.Positions, c.res.Positions...)
}
