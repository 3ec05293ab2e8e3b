package tax

import (
	"sort"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

// workspace is what one computation needs beside the rules. The next one uses it again, so that a result costs only
// the memory that it keeps.
type workspace struct {
	calc  Calculation
	facts Facts
	res   Result
}

// task is one computation: whose engines, which facts, and the rows to fold, if that is asked for.
type task struct {
	payer, payee *Engine
	facts        *Facts
	rows         []Row
	fold         bool // the item is derived and rows decide what stands before the payment
	silent       bool // figures only
}

// run computes into w.res, which is the workspace's own.
func (w *workspace) run(t task) error {
	w.facts = *t.facts
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

// begin clears the workspace for a task.
func (w *workspace) begin(t task) *Calculation {
	r := &w.res
	w.res = Result{Taxes: r.Taxes[:0], PayeeObligations: r.PayeeObligations[:0], PayerTaxes: r.PayerTaxes[:0], Steps: r.Steps[:0],
		Unconfirmed: r.Unconfirmed[:0], Rows: r.Rows[:0]}
	arena, texts := w.calc.arena[:0], w.calc.texts
	w.calc = begun(&w.facts, &w.res)
	w.calc.texts, w.calc.arena, w.calc.payee, w.calc.silent = texts, arena, t.payee, t.silent
	if !t.silent {
		w.res.Rules = rulesUsed(t.payer, t.payee)
	}
	return &w.calc
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

// result gives what was computed in memory of its own.
func (w *workspace) result() Result {
	r := w.res
	r.Taxes, r.PayeeObligations, r.PayerTaxes = kept(r.Taxes), kept(r.PayeeObligations), kept(r.PayerTaxes)
	r.Rows, r.Unconfirmed, r.Steps = kept(r.Rows), kept(r.Unconfirmed), kept(r.Steps)
	inputs, at := kept(w.calc.arena), 0
	for i := range r.Steps {
		end := at + len(r.Steps[i].Inputs)
		r.Steps[i].Inputs = inputs[at:end:end]
		at = end
	}
	return r
}

// kept copies a list; one without elements is empty and not nil.
func kept[T any](list []T) []T {
	out := make([]T, len(list))
	copy(out, list)
	return out
}

// Silent computes figures alone, many times over: no steps, no texts, no list of unconfirmed rules, and nothing is
// allocated. It is for bulk runs and serves one goroutine.
type Silent struct {
	corpus *Corpus
	work   workspace
}

// Silent makes a computation without steps under the corpus.
func (c *Corpus) Silent() *Silent { return &Silent{corpus: c} }

// ComputeRows gives the figures of Corpus.ComputeRows. The result stands until the next call and has lines, rows,
// totals, true-ups and positions.
//
// Errors: those of Corpus.ComputeRows.
func (s *Silent) ComputeRows(f *Facts, rows []Row) (*Result, error) {
	t, err := s.corpus.task(f)
	if err != nil {
		return nil, err
	}
	t.rows, t.fold, t.silent = rows, true, true
	if err := s.work.run(t); err != nil {
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
