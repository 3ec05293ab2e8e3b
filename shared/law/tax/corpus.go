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
	national      *Engine
	nationalPlace Jurisdiction         // of the national pack
	localPacks    []*lazyPack          // in the order given
	places        map[string]*lazyPack // by jurisdiction or locality
}

// LocalPack is the pack of a jurisdiction before it is read: a function that pays people of three
// provinces need not compile the law of all the others.
type LocalPack struct {
	ID           PackID
	Jurisdiction Jurisdiction
	Localities   []string // prefectures with rules of their own
	Read         func() (Pack, error)
}

// NewLoadedPack is a pack that has been read already.
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

// lazyPack is a jurisdiction's pack, compiled once when its place is first asked about.
type lazyPack struct {
	LocalPack
	once    sync.Once
	engines map[string]*Engine // by jurisdiction or locality
	err     error
}

// NewCorpus compiles the national pack and puts the local packs over it, each to be compiled when
// it is needed. A jurisdiction inherits the national pack, a locality its jurisdiction; separately
// planned cities and the corps are jurisdictions of their own.
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

// CompileAll compiles every pack that has not been compiled yet.
func (c *Corpus) CompileAll() error {
	for _, l := range c.localPacks {
		if err := l.compileOnce(c.national); err != nil {
			return err
		}
	}
	return nil
}

func (l *lazyPack) compileOnce(national *Engine) error {
	l.once.Do(func() {
		if l.err = l.compileEngines(national); l.err != nil {
			l.err = fmt.Errorf("%s: %w", l.ID.Pack, l.err)
		}
	})
	return l.err
}

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

// National is the engine of what holds everywhere.
func (c *Corpus) National() *Engine { return c.national }

// EngineAt is the engine of a place, six digits of the administrative code: that of the locality,
// or else of its separately planned city, province or corps. 000000 and "" are the national pack.
//
// Errors: *fault.Error 2001 for a place that no pack knows.
func (c *Corpus) EngineAt(place string) (*Engine, error) {
	if place == "" || place == "000000" {
		return c.national, nil
	}
	if len(place) == 6 && strings.Trim(place, "0123456789") == "" {
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

// PackIDs names every pack, the national one first.
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

// Compute is Engine.Compute with every tax by the rules of its place: what is withheld or filed by
// the paying entity goes by the place of its tax bureau, what the payee files itself by the payee's
// registration.
//
// Errors: those of Engine.Compute, and 2001 for unknown places.
func (c *Corpus) Compute(f Facts) (Result, error) {
	t, err := c.newTask(&f)
	if err != nil {
		return Result{}, err
	}
	return t.payer.runTask(t, &f)
}

// ComputeRows is Engine.ComputeRows with every tax by the rules of its place.
//
// Errors: those of Compute.
func (c *Corpus) ComputeRows(f Facts, rows []Row) (Result, error) {
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

// newTask checks the facts and finds whose rules they go by.
func (c *Corpus) newTask(f *Facts) (task, error) {
	payer, payee, err := c.findEngines(f)
	if err != nil {
		return task{}, err
	}
	return task{payer: payer, payee: payee}, f.validate()
}

// findEngines finds the engines of payer and payee; a payee without a known registration is judged
// nationally.
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
