package tax

import (
	"fmt"
	"slices"
	"strings"

	"fenzhang/shared/fault"
)

// Corpus is all packs together: what is law everywhere, and above it what each jurisdiction and locality says. It is
// immutable and safe for concurrent use.
type Corpus struct {
	national *Engine
	places   map[string]*Engine // by jurisdiction or locality
	packs    []Pack
}

// NewCorpus compiles the national pack and the local packs over it. A jurisdiction inherits the national pack, a
// locality its jurisdiction; separately planned cities and the corps are jurisdictions of their own.
func NewCorpus(national Pack, local ...Pack) (*Corpus, error) {
	e, err := Compile(national)
	if err != nil {
		return nil, err
	}
	c := &Corpus{national: e, places: map[string]*Engine{}, packs: append([]Pack{national}, local...)}
	for _, p := range local {
		if err := c.add(p); err != nil {
			return nil, fmt.Errorf("%s: %w", p.ID.Pack, err)
		}
	}
	return c, nil
}

func (c *Corpus) add(p Pack) error {
	code := p.Jurisdiction.Code
	if c.places[code] != nil {
		return fmt.Errorf("jurisdiction %s has two packs", code)
	}
	byPlace := map[string][]Definition{}
	var localities []string
	for _, d := range p.Definitions {
		if d.Locality != "" && byPlace[d.Locality] == nil {
			localities = append(localities, d.Locality)
		}
		byPlace[d.Locality] = append(byPlace[d.Locality], d)
	}
	e, err := compileOver(c.national, p.ID, code, byPlace[""])
	if err != nil {
		return err
	}
	c.places[code] = e
	slices.Sort(localities)
	for _, l := range localities {
		if c.places[l] != nil {
			return fmt.Errorf("locality %s stands in two packs", l)
		}
		if c.places[l], err = compileOver(e, p.ID, l, byPlace[l]); err != nil {
			return err
		}
	}
	return nil
}

// National is the engine of what holds everywhere.
func (c *Corpus) National() *Engine { return c.national }

// At is the engine of a place, six digits of the administrative code: that of the locality, or else of its
// separately planned city, province or corps. 000000 and "" are the national pack.
//
// Errors: *fault.Error 2001 for a place that no pack knows.
func (c *Corpus) At(place string) (*Engine, error) {
	if place == "" || place == "000000" {
		return c.national, nil
	}
	if len(place) == 6 && strings.Trim(place, "0123456789") == "" {
		for _, code := range []string{place, place[:4] + "00", place[:2] + "0000"} {
			if e := c.places[code]; e != nil {
				return e, nil
			}
		}
	}
	return nil, fault.Invalid(fault.Field{Field: "jurisdiction", Problem: "must be the six-digit code of a province, city or district of the mainland"})
}

// Packs names every pack, the national one first.
func (c *Corpus) Packs() []PackID {
	ids := make([]PackID, len(c.packs))
	for i, p := range c.packs {
		ids[i] = p.ID
	}
	return ids
}

// Jurisdictions lists the places that have a pack, the national one first.
func (c *Corpus) Jurisdictions() []Jurisdiction {
	list := make([]Jurisdiction, len(c.packs))
	for i, p := range c.packs {
		list[i] = p.Jurisdiction
	}
	return list
}

// Compute is Engine.Compute with every tax by the rules of its place: what is withheld or filed by the paying entity
// goes by the place of its tax bureau, what the payee files itself by the payee's registration.
//
// Errors: those of Engine.Compute, and 2001 for unknown places.
func (c *Corpus) Compute(f Facts) (Result, error) {
	t, err := c.task(&f)
	if err != nil {
		return Result{}, err
	}
	return t.payer.run(t)
}

// ComputeRows is Engine.ComputeRows with every tax by the rules of its place.
//
// Errors: those of Compute.
func (c *Corpus) ComputeRows(f Facts, rows []Row) (Result, error) {
	f.ToDate = ToDate{}
	t, err := c.task(&f)
	if err != nil {
		return Result{}, err
	}
	t.rows, t.fold = rows, true
	return t.payer.run(t)
}

// task checks the facts and finds whose rules they go by.
func (c *Corpus) task(f *Facts) (task, error) {
	payer, payee, err := c.enginesOf(f)
	if err != nil {
		return task{}, err
	}
	return task{payer: payer, payee: payee, facts: f}, f.check()
}

// enginesOf finds the engines of payer and payee; a payee without a known registration is judged nationally.
func (c *Corpus) enginesOf(f *Facts) (payer, payee *Engine, err error) {
	if payer, err = c.At(f.Entity.Place); err != nil {
		return nil, nil, fault.Invalid(fault.Field{Field: "paying_entity.place", Problem: "must be the six-digit code of a place of the mainland"})
	}
	if payee, err = c.At(f.Taxpayer.Jurisdiction); err != nil {
		return nil, nil, fault.Invalid(fault.Field{Field: "taxpayer.jurisdiction", Problem: "must be the six-digit code of a place of the mainland"})
	}
	return payer, payee, nil
}
