package lawdiff

import (
	"cmp"
	"errors"
	"fmt"
	"iter"

	"fenzhang/shared/bilingual"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/tax"
)

// errEventOrder is returned if the events are not sorted by paying entity, taxpayer and year.
var errEventOrder = errors.New(
	"lawdiff: events must be ordered by paying entity, taxpayer and year")

// CompareByPerson taxes a stream of events again under another law and calls emit with each
// person-year after its last event.
//
// The events must be sorted by paying entity, taxpayer and year, and within a year in the order of
// booking. If a payment of January has VAT of December, the rows of December are found only if the
// events of the year before come directly before it in the stream.
//
// Memory does not grow with the number of persons: the iterator may reuse an event after it has
// yielded it, and emit must not keep the Person after it has returned.
//
// Errors: errors of the stream and of emit, and events in the wrong order.
func CompareByPerson(law *tax.Corpus, events iter.Seq2[*Event, error],
	emit func(*Person) error) (Totals, error) {
	r := &comparison{law: law.NewFigureComputer(), emit: emit}
	r.person.index = map[string]int{}
	for e, err := range events {
		if err == nil {
			err = r.processEvent(e)
		}
		if err != nil {
			return r.totals, err
		}
	}
	return r.totals, r.finishPerson()
}

// comparison is the state of CompareByPerson between two events.
type comparison struct {
	law              *tax.FigureComputer
	emit             func(*Person) error
	totals           Totals
	person           Person
	hasPerson        bool
	previousYearRows []tax.Row  // recomputed rows of the person-year before in the stream
	previousYear     PersonYear // the person-year that previousYearRows belong to
	twoYearRows      []tax.Row  // buffer for the rows of two years together
}

// processEvent applies one event to the person-year that it belongs to. If this is another
// person-year than that of the event before, it finishes the earlier one first.
func (r *comparison) processEvent(e *Event) error {
	if !r.hasPerson || e.PersonYear != r.person.PersonYear {
		if err := r.startPerson(e.PersonYear); err != nil {
			return err
		}
	}
	p := &r.person
	p.isEarlierYear = e.IsEarlierYear
	switch e.Kind {
	case Booking:
		r.recomputeBooking(e)
	case Reversal:
		p.reverseBooking(e)
	case TrueUp:
		return p.addPostedTrueUp(e)
	case SettledTrueUp:
		return p.addSettledTrueUp(e)
	case Opening:
		p.booked = append(p.booked, e.Rows...)
		p.recomputed = append(p.recomputed, e.Rows...)
	default:
		return fmt.Errorf("lawdiff: %s of %s is no kind of event", e.Kind, e.Settlement)
	}
	return nil
}

// startPerson finishes the current person-year and begins the one of the next event. startPerson
// keeps the recomputed rows of the finished year, because VAT of the next year's first payments may
// belong to it.
func (r *comparison) startPerson(w PersonYear) error {
	if r.hasPerson {
		if !comesBefore(r.person.PersonYear, w) {
			return errEventOrder
		}
		if err := r.finishPerson(); err != nil {
			return err
		}
		r.previousYear = r.person.PersonYear
		r.previousYearRows = append(r.previousYearRows[:0], r.person.recomputed...)
	}
	r.hasPerson = true
	r.person.reset(w)
	return nil
}

// comesBefore reports whether a comes before b in the order that the stream must have.
func comesBefore(a, b PersonYear) bool {
	return cmp.Or(cmp.Compare(a.Entity, b.Entity), cmp.Compare(a.Taxpayer, b.Taxpayer),
		cmp.Compare(a.Year, b.Year)) < 0
}

// finishPerson compares the settlements of the current person-year, adds them to the totals and
// calls emit. A year that is in the stream only as the year before another one is skipped.
func (r *comparison) finishPerson() error {
	if !r.hasPerson || r.person.isEarlierYear {
		return nil
	}
	r.person.compareSettlements(&r.totals)
	return r.emit(&r.person)
}

// recomputeBooking taxes a settlement under the second law, on top of the rows that this law gives
// for the earlier settlements.
func (r *comparison) recomputeBooking(e *Event) {
	p := &r.person
	part := p.findOrAddSettlement(e.Settlement, e.Creator)
	part.appendBooked(p, e.Rows)
	part.lastBooking = rowRange{len(p.recomputed), len(p.recomputed)}
	switch {
	case part.hasGap:
		// The settlement was booked again after a reversal, and its gap is recorded already.
	case p.blocked != "":
		// Cumulative withholding needs the figures of all earlier settlements of the year.
		p.recordGap(part, Gap{Settlement: e.Settlement, Creator: e.Creator, Rule: p.Gaps[0].Rule,
			Missing: p.Gaps[0].Missing, BlockedBy: p.blocked})
	case e.Missing != nil:
		g := *e.Missing
		g.Settlement, g.Creator = e.Settlement, e.Creator
		p.recordGap(part, g)
	case e.Facts != nil:
		p.taxpayer, part.payerBearsTax = e.Facts.Taxpayer.Kind, e.Facts.AfterTax
		res, err := r.law.ComputeRows(e.Facts, r.earlierRows(e.Facts))
		if err != nil {
			p.recordGap(part, gapFromError(err, e))
			return
		}
		part.appendRecomputed(p, res.Rows)
	}
}

// earlierRows returns the rows that the tax of a payment depends on: those of its tax year and, if
// its VAT belongs to the year before, also the rows of that year.
func (r *comparison) earlierRows(f *tax.Facts) []tax.Row {
	p := &r.person
	year := f.VATDate.Year()
	if year == p.Year ||
		r.previousYear != (PersonYear{Entity: p.Entity, Taxpayer: p.Taxpayer, Year: year}) {
		return p.recomputed
	}
	r.twoYearRows = append(append(r.twoYearRows[:0], p.recomputed...), r.previousYearRows...)
	return r.twoYearRows
}

// gapFromError turns an error of the tax engine into the gap of a settlement, with the rule that is
// missing or that forbids the payment.
func gapFromError(err error, e *Event) Gap {
	g := Gap{Settlement: e.Settlement, Creator: e.Creator}
	var gap *tax.Gap
	var forbidden *tax.Forbidden
	switch {
	case errors.As(err, &gap):
		g.Rule, g.Missing = gap.Rule, gap.Missing
	case errors.As(err, &forbidden):
		g.Rule, g.Missing = forbidden.Rule, forbidden.Why
	default:
		f := fault.AsError(err)
		g.Rule, g.Missing = cmp.Or(f.Missing, f.Reason), bilingual.Text{ZH: f.Public, EN: f.Public}
	}
	return g
}
