package rulesmutation

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"testing/fstest"

	"fenzhang/rules"
	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/law/example"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
)

// laboratory holds the unchanged packs and the examples that look for changes.
type laboratory struct {
	pack     string
	files    fs.FS
	national tax.Pack
	local    []tax.Pack
	calendar *calendar.Calendar
	examples []example.Example
	asked    [][]string // the rules that each example asks
	leaning  map[string][]string
}

// newLaboratory reads the packs and sees that every example passes as long as nothing is changed.
func newLaboratory(pack string) (*laboratory, error) {
	l := &laboratory{pack: pack, leaning: map[string][]string{}}
	var err error
	if l.national, err = taxpack.Read(rules.NationalPack()); err != nil {
		return nil, err
	}
	trees := map[string]fs.FS{"national": rules.NationalPack()}
	for _, files := range rules.JurisdictionPacks() {
		p, err := taxpack.ReadLocal(files, l.national)
		if err != nil {
			return nil, err
		}
		l.local = append(l.local, p)
		trees[p.ID.Pack] = files
	}
	if l.files = trees[pack]; l.files == nil {
		return nil, fmt.Errorf("there is no pack %q", pack)
	}
	if l.calendar, err = taxpack.LoadCalendar(rules.NationalPack()); err != nil {
		return nil, err
	}
	names := []string{pack}
	if pack == "national" { // every place leans on it
		for _, p := range l.local {
			names = append(names, p.ID.Pack)
		}
	}
	for _, name := range names {
		list, err := example.Read(trees[name])
		if err != nil {
			return nil, err
		}
		l.examples = append(l.examples, list...)
	}
	return l, l.baseline()
}

// baseline runs the examples on the unchanged rules and notes what they ask.
func (l *laboratory) baseline() error {
	corpus, err := l.corpus(l.national, l.local)
	if err != nil {
		return err
	}
	k := example.Checker{Corpus: corpus, Calendar: l.calendar}
	for _, x := range l.examples {
		o := k.Check(x)
		if o.State != example.Passed {
			return fmt.Errorf("example %s does not pass on the unchanged rules: %v", x.ID, o.Mismatch)
		}
		l.asked = append(l.asked, o.Rules)
	}
	uses := map[string][]string{}
	for _, p := range append([]tax.Pack{l.national}, l.local...) {
		for _, d := range p.Definitions {
			for _, v := range d.Values {
				for _, id := range v.Method.Uses {
					uses[id] = append(uses[id], d.ID)
				}
				for _, r := range v.Readings {
					for _, id := range r.Method.Uses {
						uses[id] = append(uses[id], d.ID)
					}
				}
			}
		}
	}
	for id := range uses {
		l.leaning[id] = closure(uses, id)
	}
	return nil
}

// closure lists a definition and everything that leans on it.
func closure(uses map[string][]string, id string) []string {
	list := []string{id}
	for i := 0; i < len(list); i++ {
		for _, user := range uses[list[i]] {
			if !slices.Contains(list, user) {
				list = append(list, user)
			}
		}
	}
	return list
}

func (l *laboratory) corpus(national tax.Pack, local []tax.Pack) (*tax.Corpus, error) {
	packs := make([]tax.LocalPack, len(local))
	for i, p := range local {
		packs[i] = tax.NewLoadedPack(p)
	}
	return tax.NewCorpus(national, packs...)
}

// mutants are those of every rule file of the pack, without those that leave the law as it is;
// these are told apart.
func (l *laboratory) mutants() (all []*mutant, excused []string, err error) {
	err = fs.WalkDir(l.files, ".", func(name string, d fs.DirEntry, err error) error {
		base := path.Base(name)
		if err != nil || d.IsDir() || path.Ext(name) != ".yaml" || base == "manifest.yaml" ||
			base == "examples.yaml" {
			return err
		}
		data, err := fs.ReadFile(l.files, name)
		if err != nil {
			return err
		}
		list, err := mutantsOf(name, data)
		for _, m := range list {
			if why := l.same(m); why != "" {
				excused = append(excused, m.String()+": "+why)
			} else {
				all = append(all, m)
			}
		}
		return err
	})
	return all, excused, err
}

// same tells why a change leaves the law as it is; "" where it does not.
func (l *laboratory) same(m *mutant) string {
	if !strings.HasPrefix(m.file, "calendar/") {
		return equivalent(m.file, m.was, m.is)
	}
	days, err := l.changedCalendar(m)
	if err != nil {
		return ""
	}
	day, err := civil.ParseDate(m.was)
	if err != nil {
		return ""
	}
	for d := civil.On(day.Year(), 1, 1); d.Year() == day.Year(); d = d.AddDays(1) {
		was, err := l.calendar.Working(d)
		is, err2 := days.Working(d)
		if err != nil || err2 != nil || was != is {
			return ""
		}
	}
	return "a weekend day is off by itself"
}

// equivalent knows the changes after which the arithmetic comes to the same fen.
func equivalent(file, was, is string) string {
	switch file + " " + was + " " + is {
	case "iit/labor/small_limit.yaml exceed reach", "iit/labor/small_limit.yaml 4000.00 4000.01",
		"iit/labor/small_limit.yaml 4000.00 3999.99":
		return "800.00 and 20% of 4,000.00 are the same deduction"
	}
	return ""
}

// killAll looks at every mutant on several workers at once.
func (l *laboratory) killAll(mutants []*mutant, workers int) []bool {
	killed := make([]bool, len(mutants))
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(mutants); i = next.Add(1) - 1 {
				killed[i] = l.kills(mutants[i])
			}
		})
	}
	all.Wait()
	return killed
}

// kills tells whether the loader, the compiler or an example notices a mutant. A calculation that
// panics has noticed.
func (l *laboratory) kills(m *mutant) (noticed bool) {
	defer func() {
		if recover() != nil {
			noticed = true
		}
	}()
	if strings.HasPrefix(m.file, "calendar/") {
		return l.killsNotice(m)
	}
	d, problems := taxpack.ParseRule(m.file, m.data)
	if len(problems) > 0 {
		return true
	}
	national, local := l.national, l.local
	if l.pack == "national" {
		national = with(national, d)
	} else {
		local = slices.Clone(local)
		for i := range local {
			if local[i].ID.Pack == l.pack {
				local[i] = with(local[i], d)
			}
		}
	}
	corpus, err := l.corpus(national, local)
	if err != nil {
		return true
	}
	return l.fails(example.Checker{Corpus: corpus, Calendar: l.calendar}, d.ID)
}

// with is a pack in which one definition says something else.
func with(p tax.Pack, d tax.Definition) tax.Pack {
	p.Definitions = slices.Clone(p.Definitions)
	for i := range p.Definitions {
		if old := &p.Definitions[i]; old.ID == d.ID && old.Locality == d.Locality {
			*old = d
		}
	}
	return p
}

// killsNotice is kills for a holiday notice.
func (l *laboratory) killsNotice(m *mutant) bool {
	days, err := l.changedCalendar(m)
	if err != nil {
		return true
	}
	corpus, err := l.corpus(l.national, l.local)
	return err == nil && l.fails(example.Checker{Corpus: corpus, Calendar: days},
		"collection.holiday_run")
}

// changedCalendar is the calendar with one notice changed.
func (l *laboratory) changedCalendar(m *mutant) (*calendar.Calendar, error) {
	names, err := fs.Glob(l.files, "calendar/*.yaml")
	if err != nil {
		return nil, err
	}
	files := fstest.MapFS{}
	for _, name := range names {
		data, err := fs.ReadFile(l.files, name)
		if err != nil {
			return nil, err
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	files[m.file] = &fstest.MapFile{Data: m.data}
	return taxpack.LoadCalendar(files)
}

// fails tells whether any example fails; those that ask what leans on the changed definition are
// run first.
func (l *laboratory) fails(k example.Checker, changed string) bool {
	leaning := l.leaning[changed]
	if leaning == nil {
		leaning = []string{changed}
	}
	order := make([]int, len(l.examples))
	near := make([]bool, len(l.examples))
	for i := range order {
		order[i] = i
		near[i] = slices.ContainsFunc(l.asked[i], func(id string) bool {
			return slices.Contains(leaning, id)
		})
	}
	sort.SliceStable(order, func(a, b int) bool { return near[order[a]] && !near[order[b]] })
	for _, i := range order {
		if k.Check(l.examples[i]).State != example.Passed {
			return true
		}
	}
	return false
}
