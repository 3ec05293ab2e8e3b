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
	taxpayer      string           // kind of the taxpayer, by the last facts
	blocked       ident.Settlement // the first settlement without figures: what follows stands on it
	booked        []tax.Row
	recomputed    []tax.Row // under the second law, with openings and reversals
	settlements   []settlementRows
	index         map[string]int // of parts by settlement
	merged        []Difference
}

// FirstCreator is the first of the creators, by id, whose settlements the person has; "" when there
// are none. A taxpayer with several creators is told with that one.
func (p *Person) FirstCreator() ident.Creator {
	first := ident.Creator("")
	for i := range p.settlements {
		if c := p.settlements[i].creator; first == "" || c < first {
			first = c
		}
	}
	return first
}

// rowRange is a part of a list of rows.
type rowRange struct{ from, to int }

// settlementRows is one settlement of the person.
type settlementRows struct {
	settlement         ident.Settlement
	creator            ident.Creator
	booked, recomputed []rowRange
	lastBooking        rowRange // of the last booking, in standing
	hasGap             bool
	payerBearsTax      bool // the payer bears its taxes
}

func (p *Person) reset(w PersonYear) {
	clear(p.index)
	*p = Person{PersonYear: w, Differences: p.Differences[:0], Gaps: p.Gaps[:0], booked: p.booked[:0],
		recomputed: p.recomputed[:0], settlements: p.settlements[:0],
		index: p.index, merged: p.merged[:0]}
}

// findOrAddSettlement finds a settlement, or begins it in the memory of one that was there for another person.
func (p *Person) findOrAddSettlement(settlement ident.Settlement, creator ident.Creator) *settlementRows {
	i, ok := p.index[string(settlement)]
	if !ok {
		i = len(p.settlements)
		p.index[string(settlement)] = i
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

func (q *settlementRows) appendBooked(p *Person, rows []tax.Row) {
	q.booked = append(q.booked, rowRange{len(p.booked), len(p.booked) + len(rows)})
	p.booked = append(p.booked, rows...)
}

func (q *settlementRows) appendRecomputed(p *Person, rows []tax.Row) {
	q.lastBooking = rowRange{len(p.recomputed), len(p.recomputed) + len(rows)}
	q.recomputed = append(q.recomputed, q.lastBooking)
	p.recomputed = append(p.recomputed, rows...)
}

// recordGap notes a settlement without figures.
func (p *Person) recordGap(q *settlementRows, g Gap) {
	q.hasGap = true
	p.Gaps = append(p.Gaps, g)
	if p.blocked == "" {
		p.blocked = q.settlement
	}
}

// reverseBooking takes the last booking of a settlement back, on both sides.
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

// errTrueUpRows tells that a true-up does not say what it corrects.
var errTrueUpRows = errors.New("lawdiff: a true-up must name settlement and creator of each row")

// addPostedTrueUp adds what was posted to the settlements that it corrects.
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

// addSettledTrueUp adds an open true-up that was settled to both sides: whatever the law, it was collected
// or given back.
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

// compareSettlements lists the differences of all settlements and adds them to the totals.
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

// rowsOfSettlement gives the rows of a settlement; only those of several bookings are copied.
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

// copyRowsOfSettlement copies the rows of a settlement with several bookings.
func (p *Person) copyRowsOfSettlement(q *settlementRows) (booked, standing []tax.Row) {
	for _, s := range q.booked {
		booked = append(booked, p.booked[s.from:s.to]...)
	}
	for _, s := range q.recomputed {
		standing = append(standing, p.recomputed[s.from:s.to]...)
	}
	return booked, standing
}

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

// listDifferences lists what differs in one settlement, key by key.
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

func (p *Person) findOrAddDifference(k Key) *Difference {
	for i := range p.merged {
		if p.merged[i].Key == k {
			return &p.merged[i]
		}
	}
	p.merged = append(p.merged, Difference{Key: k})
	return &p.merged[len(p.merged)-1]
}
