package tax

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"fenzhang/shared/fault"
)

// Corpus is all packs together: what is law everywhere, and above it what each jurisdiction and
// locality says. It is safe for concurrent use and never changes what it answers.
type Corpus struct {
	national *Engine
	first    Jurisdiction      // of the national pack
	local    []*local          // in the order given
	places   map[string]*local // by jurisdiction or locality
}

// Local is the pack of a jurisdiction before it is read: a function that pays people of three
// provinces need not compile the law of all the others.
type Local struct {
	ID           PackID
	Jurisdiction Jurisdiction
	Localities   []string // prefectures with rules of their own
	Read         func() (Pack, error)
}

// LocalOf is a pack that has been read already.
func LocalOf(p Pack) Local {
	l := Local{ID: p.ID, Jurisdiction: p.Jurisdiction, Read: func() (Pack, error) { return p, nil }}
	for _, d := range p.Definitions {
		if d.Locality != "" && !slices.Contains(l.Localities, d.Locality) {
			l.Localities = append(l.Localities, d.Locality)
		}
	}
	slices.Sort(l.Localities)
	return l
}

// local is a jurisdiction's pack, compiled once when its place is first asked about.
type local struct {
	Local
	once    sync.Once
	engines map[string]*Engine // by jurisdiction or locality
	err     error
}

// NewCorpus compiles the national pack and puts the local packs over it, each to be compiled when
// it is needed. A jurisdiction inherits the national pack, a locality its jurisdiction; separately
// planned cities and the corps are jurisdictions of their own.
func NewCorpus(national Pack, packs ...Local) (*Corpus, error) {
	e, err := Compile(national)
	if err != nil {
		return nil, err
	}
	c := &Corpus{national: e, first: national.Jurisdiction, places: map[string]*local{}}
	for _, p := range packs {
		l := &local{Local: p}
		c.local = append(c.local, l)
		for _, place := range append([]string{p.Jurisdiction.Code}, p.Localities...) {
			if c.places[place] != nil {
				return nil, fmt.Errorf("%s: place %s stands in two packs", p.ID.Pack, place)
			}
			c.places[place] = l
		}
	}
	return c, nil
}

// Check compiles every pack that has not been compiled yet.
func (c *Corpus) Check() error {
	for _, l := range c.local {
		if err := l.compile(c.national); err != nil {
			return err
		}
	}
	return nil
}

func (l *local) compile(national *Engine) error {
	l.once.Do(func() {
		if l.err = l.build(national); l.err != nil {
			l.err = fmt.Errorf("%s: %w", l.ID.Pack, l.err)
		}
	})
	return l.err
}

func (l *local) build(national *Engine) error {
	p, err := l.Read()
	if err != nil {
		return err
	}
	byPlace := map[string][]Definition{}
	for _, d := range p.Definitions {
		byPlace[d.Locality] = append(byPlace[d.Locality], d)
	}
	code := l.Jurisdiction.Code
	e, err := compileOver(national, l.ID, code, byPlace[""])
	if err != nil {
		return err
	}
	l.engines = map[string]*Engine{code: e}
	for _, place := range l.Localities {
		if l.engines[place], err = compileOver(e, l.ID, place, byPlace[place]); err != nil {
			return err
		}
	}
	return nil
}

// National is the engine of what holds everywhere.
func (c *Corpus) National() *Engine { return c.national }

// At is the engine of a place, six digits of the administrative code: that of the locality, or else
// of its separately planned city, province or corps. 000000 and "" are the national pack.
//
// Errors: *fault.Error 2001 for a place that no pack knows.
func (c *Corpus) At(place string) (*Engine, error) {
	if place == "" || place == "000000" {
		return c.national, nil
	}
	if len(place) == 6 && strings.Trim(place, "0123456789") == "" {
		for _, code := range []string{place, place[:4] + "00", place[:2] + "0000"} {
			l := c.places[code]
			if l == nil {
				continue
			}
			if err := l.compile(c.national); err != nil {
				return nil, fault.Internal(err)
			}
			return l.engines[code], nil
		}
	}
	return nil, fault.Invalid(fault.Field{Field: "jurisdiction",
		Problem: "must be the six-digit code of a province, city or district of the mainland"})
}

// Contents reads every pack with its definitions, the national one first; the caller must not
// change them.
//
// Errors: a pack cannot be read.
func (c *Corpus) Contents() ([]Pack, error) {
	packs := []Pack{{ID: c.national.id, Jurisdiction: c.first, Definitions: c.national.defs}}
	for _, l := range c.local {
		p, err := l.Read()
		if err != nil {
			return nil, err
		}
		packs = append(packs, p)
	}
	return packs, nil
}

// Packs names every pack, the national one first.
func (c *Corpus) Packs() []PackID {
	ids := []PackID{c.national.id}
	for _, l := range c.local {
		ids = append(ids, l.ID)
	}
	return ids
}

// Jurisdictions lists the places that have a pack, the national one first.
func (c *Corpus) Jurisdictions() []Jurisdiction {
	list := []Jurisdiction{c.first}
	for _, l := range c.local {
		list = append(list, l.Jurisdiction)
	}
	return list
}

// Compute is Engine.Compute with every tax by the rules of its place: what is withheld or filed by
// the paying entity goes by the place of its tax bureau, what the payee files itself by the payee's
// registration.
//
// Errors: those of Engine.Compute, and 2001 for unknown places.
func (c *Corpus) Compute(f Facts) (Result, error) {
	t, err := c.task(&f)
	if err != nil {
		return Result{}, err
	}
	return t.payer.run(t, &f)
}

// ComputeRows is Engine.ComputeRows with every tax by the rules of its place.
//
// Errors: those of Compute.
func (c *Corpus) ComputeRows(f Facts, rows []Row) (Result, error) {
	if f.AfterTax {
		return c.afterTax(f, rows)
	}
	f.ToDate = ToDate{}
	t, err := c.task(&f)
	if err != nil {
		return Result{}, err
	}
	t.rows, t.fold = rows, true
	return t.payer.run(t, &f)
}

// task checks the facts and finds whose rules they go by.
func (c *Corpus) task(f *Facts) (task, error) {
	payer, payee, err := c.enginesOf(f)
	if err != nil {
		return task{}, err
	}
	return task{payer: payer, payee: payee}, f.check()
}

// enginesOf finds the engines of payer and payee; a payee without a known registration is judged
// nationally.
func (c *Corpus) enginesOf(f *Facts) (payer, payee *Engine, err error) {
	if payer, err = c.At(f.Entity.Place); fault.HasCode(err, fault.InvalidInput) {
		return nil, nil, fault.Invalid(fault.Field{Field: "paying_entity.place",
			Problem: "must be the six-digit code of a place of the mainland"})
	}
	if err != nil {
		return nil, nil, err
	}
	if payee, err = c.At(f.Taxpayer.Jurisdiction); fault.HasCode(err, fault.InvalidInput) {
		return nil, nil, fault.Invalid(fault.Field{Field: "taxpayer.jurisdiction",
			Problem: "must be the six-digit code of a place of the mainland"})
	}
	return payer, payee, err
}
