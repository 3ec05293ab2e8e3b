package lawdiff

import (
	"errors"

	"fenzhang/shared/ident"
	"fenzhang/shared/law/tax"
)

// Person is what the second law changes in one tax year of a taxpayer at a paying entity.
type Person struct {
	PersonYear
	Settlements int
	Differences []Difference
	Gaps        []Gap

	isEarlierYear bool
	taxpayer      string           // kind of the taxpayer, from the last booking with facts
	blocked       ident.Settlement // first settlement without figures; all later ones depend on it
	booked        []tax.Row
	recomputed    []tax.Row // rows under the second law, with openings and reversals
	settlements   []settlementRows
	index         map[string]int // index into settlements, by settlement id
	merged        []Difference
}

// FirstCreator returns the smallest creator id among the person's settlements, and "" if there are
// none. A report lists a taxpayer with several creators under this one.
func (p *Person) FirstCreator() ident.Creator {
	first := ident.Creator("")
	for i := range p.settlements {
		if c := p.settlements[i].creator; first == "" || c < first {
			first = c
		}
	}
	return first
}

// rowRange is a range of indexes in a list of rows; from is included, to is not.
type rowRange struct{ from, to int }

// settlementRows are the rows of one settlement of the person, as ranges of Person.booked and
// Person.recomputed.
type settlementRows struct {
	settlement         ident.Settlement
	creator            ident.Creator
	booked, recomputed []rowRange
	lastBooking        rowRange // recomputed rows of the last booking, which a reversal negates
	hasGap             bool
	payerBearsTax      bool // the payer bears the taxes of the settlement
}

// reset empties the person for another person-year and keeps the allocated lists, so that a run
// over many persons allocates little.
func (p *Person) reset(w PersonYear) {
	clear(p.index)
	*p = Person{PersonYear: w, Differences: p.Differences[:0], Gaps: p.Gaps[:0], booked: p.booked[:0],
		recomputed: p.recomputed[:0], settlements: p.settlements[:0],
		index: p.index, merged: p.merged[:0]}
}

// findOrAddSettlement finds the rows of a settlement or begins an empty entry. A new entry reuses
// the lists that an earlier person left in the same place.
func (p *Person) findOrAddSettlement(settlement ident.Settlement,
	creator ident.Creator) *settlementRows {
	i, ok := p.index[string(settlement)]
	if !ok {
		i = len(p.settlements)
		p.index[string(settlement)] = i
		// Growing the slice within its capacity keeps the old element, whose lists are reused below.
		if i < cap(p.settlements) {
			p.settlements = p.settlements[:i+1]
		} else {
			p.settlements = append(p.settlements, settlementRows{})
		}
		q := &p.settlements[i]
		*q = settlementRows{settlement: settlement, creator: creator, booked: q.booked[:0],
			recomputed: q.recomputed[:0]}
		p.Settlements++
	}
	return &p.settlements[i]
}

// appendBooked adds rows to the booked rows of the settlement.
func (q *settlementRows) appendBooked(p *Person, rows []tax.Row) {
	q.booked = append(q.booked, rowRange{len(p.booked), len(p.booked) + len(rows)})
	p.booked = append(p.booked, rows...)
}

// appendRecomputed adds rows to the recomputed rows of the settlement, as its last booking.
func (q *settlementRows) appendRecomputed(p *Person, rows []tax.Row) {
	q.lastBooking = rowRange{len(p.recomputed), len(p.recomputed) + len(rows)}
	q.recomputed = append(q.recomputed, q.lastBooking)
	p.recomputed = append(p.recomputed, rows...)
}

// recordGap marks a settlement as not computable. The first gap of a person-year blocks the later
// settlements too.
func (p *Person) recordGap(q *settlementRows, g Gap) {
	q.hasGap = true
	p.Gaps = append(p.Gaps, g)
	if p.blocked == "" {
		p.blocked = q.settlement
	}
}

// reverseBooking applies a reversal: it adds the reversal's rows to the booked side, and on the
// recomputed side the negated rows of the settlement's last booking.
func (p *Person) reverseBooking(e *Event) {
	q := p.findOrAddSettlement(e.Settlement, e.Creator)
	q.appendBooked(p, e.Rows)
	from := len(p.recomputed)
	for i := q.lastBooking.from; i < q.lastBooking.to; i++ {
		r := p.recomputed[i]
		r.Income = r.Income.Neg()
		r.Received = r.Received.Neg()
		r.Sales = r.Sales.Neg()
		r.Withheld = r.Withheld.Neg()
		p.recomputed = append(p.recomputed, r)
	}
	q.recomputed = append(q.recomputed, rowRange{from, len(p.recomputed)})
	q.lastBooking = rowRange{}
}

// errTrueUpRows is returned for a true-up that does not name the corrected settlement and creator
// of each row.
var errTrueUpRows = errors.New("lawdiff: a true-up must name settlement and creator of each row")

// addPostedTrueUp adds the rows of a posted true-up to the booked side of the settlements that they
// correct. The recomputed side is left alone: the second law is computed from the facts, not from
// corrections.
func (p *Person) addPostedTrueUp(e *Event) error {
	if len(e.Corrects) != len(e.Rows) || len(e.Creators) != len(e.Rows) {
		return errTrueUpRows
	}
	for i := range e.Rows {
		q := p.findOrAddSettlement(e.Corrects[i], e.Creators[i])
		q.appendBooked(p, e.Rows[i:i+1])
	}
	return nil
}

// addSettledTrueUp adds the rows of a settled true-up to both sides, because the money was
// collected or refunded whatever the law says.
func (p *Person) addSettledTrueUp(e *Event) error {
	if len(e.Corrects) != len(e.Rows) || len(e.Creators) != len(e.Rows) {
		return errTrueUpRows
	}
	for i := range e.Rows {
		q := p.findOrAddSettlement(e.Corrects[i], e.Creators[i])
		q.appendBooked(p, e.Rows[i:i+1])
		q.recomputed = append(q.recomputed, rowRange{len(p.recomputed), len(p.recomputed) + 1})
		p.recomputed = append(p.recomputed, e.Rows[i])
	}
	return nil
}

// compareSettlements lists the differences of all settlements that have figures, and adds the
// person to the totals.
func (p *Person) compareSettlements(t *Totals) {
	t.Persons++
	t.Settlements += p.Settlements
	t.Gaps += len(p.Gaps)
	for i := range p.settlements {
		q := &p.settlements[i]
		if q.hasGap {
			continue
		}
		b, s := p.rowsOfSettlement(q)
		t.addRows(b, s)
		// Most settlements are the same under both laws; only the others need sums by key.
		if !haveEqualRows(b, s) {
			p.listDifferences(q)
		}
	}
	for i := range p.Differences {
		d := &p.Differences[i]
		change := d.Change().Withheld
		if x := t.totalOfTax(d.Tax); change.Negative() {
			x.Over = x.Over.Add(change.Neg())
		} else {
			x.Additional = x.Additional.Add(change)
		}
	}
	if len(p.Differences) > 0 {
		t.Changed++
	}
}

// rowsOfSettlement returns the booked and the recomputed rows of a settlement. A settlement with
// one booking gets slices of the person's lists; only rows of several bookings are copied.
func (p *Person) rowsOfSettlement(q *settlementRows) (booked, standing []tax.Row) {
	for _, s := range q.booked {
		booked = p.booked[s.from:s.to]
	}
	for _, s := range q.recomputed {
		standing = p.recomputed[s.from:s.to]
	}
	if len(q.booked) > 1 || len(q.recomputed) > 1 {
		booked, standing = p.copyRowsOfSettlement(q)
	}
	return booked, standing
}

// copyRowsOfSettlement copies the rows of a settlement with several bookings into new lists.
func (p *Person) copyRowsOfSettlement(q *settlementRows) (booked, standing []tax.Row) {
	for _, s := range q.booked {
		booked = append(booked, p.booked[s.from:s.to]...)
	}
	for _, s := range q.recomputed {
		standing = append(standing, p.recomputed[s.from:s.to]...)
	}
	return booked, standing
}

// addRows adds the withheld amounts of a settlement's rows to the totals of each tax.
func (t *Totals) addRows(booked, standing []tax.Row) {
	for i := range booked {
		x := t.totalOfTax(booked[i].Kind)
		x.Booked = x.Booked.Add(booked[i].Withheld)
	}
	for i := range standing {
		x := t.totalOfTax(standing[i].Kind)
		x.Recomputed = x.Recomputed.Add(standing[i].Withheld)
	}
}

// haveEqualRows reports whether two lists have the same rows in the same order.
func haveEqualRows(a, b []tax.Row) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// listDifferences sums both sides of a settlement by key and appends each key whose sums differ to
// Person.Differences.
func (p *Person) listDifferences(q *settlementRows) {
	p.merged = p.merged[:0]
	for _, s := range q.booked {
		for i := s.from; i < s.to; i++ {
			d := p.findOrAddDifference(keyOfRow(&p.booked[i]))
			d.Booked = d.Booked.Add(figuresOfRow(&p.booked[i]))
		}
	}
	for _, s := range q.recomputed {
		for i := s.from; i < s.to; i++ {
			d := p.findOrAddDifference(keyOfRow(&p.recomputed[i]))
			d.Recomputed = d.Recomputed.Add(figuresOfRow(&p.recomputed[i]))
		}
	}
	for i := range p.merged {
		d := &p.merged[i]
		if d.Booked == d.Recomputed {
			continue
		}
		d.Settlement = q.settlement
		d.Creator = q.creator
		d.AfterTax = q.payerBearsTax
		p.Differences = append(p.Differences, *d)
	}
}

// findOrAddDifference finds the difference of a key in Person.merged, and appends an empty one for
// a new key.
func (p *Person) findOrAddDifference(k Key) *Difference {
	for i := range p.merged {
		if p.merged[i].Key == k {
			return &p.merged[i]
		}
	}
	p.merged = append(p.merged, Difference{Key: k})
	return &p.merged[len(p.merged)-1]
}
