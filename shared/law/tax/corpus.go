package tax

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"fenzhang/shared/fault"
)

// Corpus is all policy packs together: the national law, and above it the rules of each
// jurisdiction and locality. A corpus is immutable and safe for concurrent use.
type Corpus struct {
	national *Engine
	// nationalPlace is the jurisdiction of the national pack.
	nationalPlace Jurisdiction
	// localPacks are in the order in which they were given to NewCorpus.
	localPacks []*lazyPack
	// places maps the code of a jurisdiction or locality to its pack.
	places map[string]*lazyPack
}

// LocalPack is the pack of a jurisdiction that is read only when it is needed: a function that pays
// people of three provinces need not compile the law of all the others.
type LocalPack struct {
	ID           PackID
	Jurisdiction Jurisdiction
	// Localities are the prefectures with rules of their own.
	Localities []string
	Read       func() (Pack, error)
}

// NewLoadedPack returns a LocalPack of definitions that are in memory already.
func NewLoadedPack(p Pack) LocalPack {
	l := LocalPack{ID: p.ID, Jurisdiction: p.Jurisdiction, Read: func() (Pack, error) {
		return p, nil
	}}
	for _, d := range p.Definitions {
		if d.Locality != "" && !slices.Contains(l.Localities, d.Locality) {
			l.Localities = append(l.Localities, d.Locality)
		}
	}
	slices.Sort(l.Localities)
	return l
}

// lazyPack is a jurisdiction's pack, compiled once when a computation first needs its place.
type lazyPack struct {
	LocalPack
	once sync.Once
	// engines are keyed by jurisdiction or locality.
	engines map[string]*Engine
	err     error
}

// NewCorpus compiles the national pack and registers the local packs over it, each to be compiled
// when it is needed. A jurisdiction inherits the national pack, a locality its jurisdiction;
// separately planned cities and the Xinjiang corps are jurisdictions like provinces.
//
// Errors: the national pack does not compile, or a place belongs to two packs.
func NewCorpus(national Pack, packs ...LocalPack) (*Corpus, error) {
	e, err := Compile(national)
	if err != nil {
		return nil, err
	}
	c := &Corpus{national: e, nationalPlace: national.Jurisdiction, places: map[string]*lazyPack{}}
	for _, p := range packs {
		l := &lazyPack{LocalPack: p}
		c.localPacks = append(c.localPacks, l)
		for _, place := range append([]string{p.Jurisdiction.Code}, p.Localities...) {
			if c.places[place] != nil {
				return nil, fmt.Errorf("%s: place %s stands in two packs", p.ID.Pack, place)
			}
			c.places[place] = l
		}
	}
	return c, nil
}

// CompileAll compiles every local pack that no computation has needed yet, so that errors are found
// before the packs are used.
func (c *Corpus) CompileAll() error {
	for _, l := range c.localPacks {
		if err := l.compileOnce(c.national); err != nil {
			return err
		}
	}
	return nil
}

// compileOnce compiles the pack at the first call; later calls return the same error or nil.
func (l *lazyPack) compileOnce(national *Engine) error {
	l.once.Do(func() {
		if l.err = l.compileEngines(national); l.err != nil {
			l.err = fmt.Errorf("%s: %w", l.ID.Pack, l.err)
		}
	})
	return l.err
}

// compileEngines reads the pack and compiles an engine for the jurisdiction and for each locality.
func (l *lazyPack) compileEngines(national *Engine) error {
	p, err := l.Read()
	if err != nil {
		return err
	}
	byPlace := map[string][]Definition{}
	for _, d := range p.Definitions {
		byPlace[d.Locality] = append(byPlace[d.Locality], d)
	}
	code := l.Jurisdiction.Code
	e, err := compileOverParent(national, l.ID, code, byPlace[""])
	if err != nil {
		return err
	}
	l.engines = map[string]*Engine{code: e}
	for _, place := range l.Localities {
		if l.engines[place], err = compileOverParent(e, l.ID, place, byPlace[place]); err != nil {
			return err
		}
	}
	return nil
}

// National returns the engine of the law that is valid everywhere.
func (c *Corpus) National() *Engine { return c.national }

// EngineAt returns the engine of a place, given as six digits of the administrative code: that of
// the locality, else that of its separately planned city, province or corps. 000000 and "" are the
// national pack.
//
// Errors: *fault.Error 2001 for a place that no pack knows.
func (c *Corpus) EngineAt(place string) (*Engine, error) {
	if place == "" || place == "000000" {
		return c.national, nil
	}
	if len(place) == 6 && strings.Trim(place, "0123456789") == "" {
		// from the district to its prefecture to its province: the nearest pack with rules answers
		for _, code := range []string{place, place[:4] + "00", place[:2] + "0000"} {
			l := c.places[code]
			if l == nil {
				continue
			}
			if err := l.compileOnce(c.national); err != nil {
				return nil, fault.Internal(err)
			}
			return l.engines[code], nil
		}
	}
	return nil, fault.Invalid(fault.Field{Field: "jurisdiction",
		Problem: "must be the six-digit code of a province, city or district of the mainland"})
}

// ReadPacks reads every pack with its definitions, the national one first; the caller must not
// change them.
//
// Errors: a pack cannot be read.
func (c *Corpus) ReadPacks() ([]Pack, error) {
	packs := []Pack{{ID: c.national.id, Jurisdiction: c.nationalPlace, Definitions: c.national.defs}}
	for _, l := range c.localPacks {
		p, err := l.Read()
		if err != nil {
			return nil, err
		}
		packs = append(packs, p)
	}
	return packs, nil
}

// PackIDs returns the id of every pack, the national one first.
func (c *Corpus) PackIDs() []PackID {
	ids := []PackID{c.national.id}
	for _, l := range c.localPacks {
		ids = append(ids, l.ID)
	}
	return ids
}

// Jurisdictions lists the places that have a pack, the national one first.
func (c *Corpus) Jurisdictions() []Jurisdiction {
	list := []Jurisdiction{c.nationalPlace}
	for _, l := range c.localPacks {
		list = append(list, l.Jurisdiction)
	}
	return list
}

// Compute computes a payment with each tax by the rules of its place: taxes that the paying entity
// withholds or files follow the place of its tax bureau, taxes that the payee files itself follow
// the payee's registration.
//
// Errors: those of Engine.Compute, and 2001 for unknown places.
func (c *Corpus) Compute(f Facts) (Result, error) {
	t, err := c.newTask(&f)
	if err != nil {
		return Result{}, err
	}
	return t.payer.runTask(t, &f)
}

// ComputeRows computes a payment on top of booked rows, as Engine.ComputeRows does, with each tax
// by the rules of its place.
//
// Errors: those of Compute.
func (c *Corpus) ComputeRows(f Facts, rows []Row) (Result, error) {
	// a net of tax was promised: the gross must be searched first
	if f.AfterTax {
		return c.computeAfterTax(f, rows)
	}
	f.ToDate = ToDate{}
	t, err := c.newTask(&f)
	if err != nil {
		return Result{}, err
	}
	t.rows, t.foldsRows = rows, true
	return t.payer.runTask(t, &f)
}

// newTask validates the facts and finds the engines of payer and payee.
func (c *Corpus) newTask(f *Facts) (task, error) {
	payer, payee, err := c.findEngines(f)
	if err != nil {
		return task{}, err
	}
	return task{payer: payer, payee: payee}, f.validate()
}

// findEngines returns the engines of payer and payee; for a payee without a known registration it
// is the national engine.
func (c *Corpus) findEngines(f *Facts) (payer, payee *Engine, err error) {
	if payer, err = c.EngineAt(f.Entity.Place); fault.HasCode(err, fault.InvalidInput) {
		return nil, nil, fault.Invalid(fault.Field{Field: "paying_entity.place",
			Problem: "must be the six-digit code of a place of the mainland"})
	}
	if err != nil {
		return nil, nil, err
	}
	if payee, err = c.EngineAt(f.Taxpayer.Jurisdiction); fault.HasCode(err, fault.InvalidInput) {
		return nil, nil, fault.Invalid(fault.Field{Field: "taxpayer.jurisdiction",
			Problem: "must be the six-digit code of a place of the mainland"})
	}
	return payer, payee, err
}
