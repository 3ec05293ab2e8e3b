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

// laboratory holds the unchanged rule packs and the examples that must notice a change.
type laboratory struct {
	pack           string
	files          fs.FS
	national       tax.Pack
	local          []tax.Pack
	calendar       *calendar.Calendar
	examples       []example.Example
	rulesOfExample [][]string // the rules that each example uses
	dependents     map[string][]string
}

// newLaboratory reads the packs and checks that every example passes on the unchanged rules.
func newLaboratory(pack string) (*laboratory, error) {
	l := &laboratory{pack: pack, dependents: map[string][]string{}}
	var err error
	if l.national, err = taxpack.ReadNational(rules.NationalPack()); err != nil {
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
	if pack == "national" { // every local pack depends on the national one
		for _, p := range l.local {
			names = append(names, p.ID.Pack)
		}
	}
	for _, name := range names {
		list, err := example.ReadExamples(trees[name])
		if err != nil {
			return nil, err
		}
		l.examples = append(l.examples, list...)
	}
	return l, l.checkBaseline()
}

// checkBaseline runs the examples on the unchanged rules, and notes which rules each example uses.
func (l *laboratory) checkBaseline() error {
	corpus, err := l.buildCorpus(l.national, l.local)
	if err != nil {
		return err
	}
	k := example.Checker{Corpus: corpus, Calendar: l.calendar}
	for _, x := range l.examples {
		o := k.Check(x)
		if o.State != example.Passed {
			return fmt.Errorf("example %s does not pass on the unchanged rules: %v", x.ID, o.Mismatch)
		}
		l.rulesOfExample = append(l.rulesOfExample, o.Rules)
	}
	uses := usersByDefinition(append([]tax.Pack{l.national}, l.local...))
	for id := range uses {
		l.dependents[id] = dependentsOf(uses, id)
	}
	return nil
}

// usersByDefinition returns, for each definition, the definitions that use it directly.
func usersByDefinition(packs []tax.Pack) map[string][]string {
	uses := map[string][]string{}
	for _, p := range packs {
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
	return uses
}

// dependentsOf lists a definition and all definitions that use it, directly or through others.
func dependentsOf(uses map[string][]string, id string) []string {
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

// buildCorpus compiles a national pack and local packs into one corpus.
func (l *laboratory) buildCorpus(national tax.Pack, local []tax.Pack) (*tax.Corpus, error) {
	packs := make([]tax.LocalPack, len(local))
	for i, p := range local {
		packs[i] = tax.NewLoadedPack(p)
	}
	return tax.NewCorpus(national, packs...)
}

// listMutants returns the mutants of every rule file of the pack, and the descriptions of those
// that are left out because they do not change the law.
func (l *laboratory) listMutants() (all []*mutant, excused []string, err error) {
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
			if why := l.reasonUnchanged(m); why != "" {
				excused = append(excused, m.String()+": "+why)
			} else {
				all = append(all, m)
			}
		}
		return err
	})
	return all, excused, err
}

// reasonUnchanged returns why a change leaves the law as it is, and "" when the change matters.
func (l *laboratory) reasonUnchanged(m *mutant) string {
	if !strings.HasPrefix(m.file, "calendar/") {
		return reasonEquivalent(m.file, m.was, m.is)
	}
	days, err := l.mutatedCalendar(m)
	if err != nil {
		return ""
	}
	day, err := civil.ParseDate(m.was)
	if err != nil {
		return ""
	}
	// a changed day matters only when some day of the year becomes a working day or a holiday
	for d := civil.NewDate(day.Year(), 1, 1); d.Year() == day.Year(); d = d.AddDays(1) {
		was, err := l.calendar.IsWorkingDay(d)
		is, err2 := days.IsWorkingDay(d)
		if err != nil || err2 != nil || was != is {
			return ""
		}
	}
	return "a weekend day is off by itself"
}

// reasonEquivalent returns why a changed rule computes the same tax to the fen, and "" for any
// other change.
func reasonEquivalent(file, was, is string) string {
	switch file + " " + was + " " + is {
	case "iit/labor/small_limit.yaml exceed reach", "iit/labor/small_limit.yaml 4000.00 4000.01",
		"iit/labor/small_limit.yaml 4000.00 3999.99":
		return "800.00 and 20% of 4,000.00 are the same deduction"
	}
	return ""
}

// findKilled tries all mutants on several goroutines and returns which of them were noticed.
func (l *laboratory) findKilled(mutants []*mutant, workers int) []bool {
	killed := make([]bool, len(mutants))
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for i := next.Add(1) - 1; int(i) < len(mutants); i = next.Add(1) - 1 {
				killed[i] = l.isKilled(mutants[i])
			}
		})
	}
	all.Wait()
	return killed
}

// isKilled reports whether the loader, the compiler or an example notices a mutant. A panic counts
// as noticed.
func (l *laboratory) isKilled(m *mutant) (noticed bool) {
	defer func() {
		if recover() != nil {
			noticed = true
		}
	}()
	if strings.HasPrefix(m.file, "calendar/") {
		return l.isNoticeKilled(m)
	}
	d, problems := taxpack.ParseRule(m.file, m.data)
	if len(problems) > 0 {
		return true
	}
	national, local := l.national, l.local
	// a definition of a local pack changes only that pack
	if l.pack == "national" {
		national = withDefinition(national, d)
	} else {
		local = slices.Clone(local)
		for i := range local {
			if local[i].ID.Pack == l.pack {
				local[i] = withDefinition(local[i], d)
			}
		}
	}
	corpus, err := l.buildCorpus(national, local)
	if err != nil {
		return true
	}
	return l.anyExampleFails(example.Checker{Corpus: corpus, Calendar: l.calendar}, d.ID)
}

// withDefinition returns a pack in which one definition is replaced.
func withDefinition(p tax.Pack, d tax.Definition) tax.Pack {
	p.Definitions = slices.Clone(p.Definitions)
	for i := range p.Definitions {
		if old := &p.Definitions[i]; old.ID == d.ID && old.Locality == d.Locality {
			*old = d
		}
	}
	return p
}

// isNoticeKilled reports whether the loader or an example notices a changed holiday notice.
func (l *laboratory) isNoticeKilled(m *mutant) bool {
	days, err := l.mutatedCalendar(m)
	if err != nil {
		return true
	}
	corpus, err := l.buildCorpus(l.national, l.local)
	return err == nil && l.anyExampleFails(example.Checker{Corpus: corpus, Calendar: days},
		"collection.holiday_run")
}

// mutatedCalendar returns the calendar of working days with one holiday notice changed.
func (l *laboratory) mutatedCalendar(m *mutant) (*calendar.Calendar, error) {
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

// anyExampleFails reports whether any example fails. The examples that use the changed definition
// or its dependents run first, because they are the likeliest to fail.
func (l *laboratory) anyExampleFails(k example.Checker, changed string) bool {
	leaning := l.dependents[changed]
	if leaning == nil {
		leaning = []string{changed}
	}
	order := make([]int, len(l.examples))
	near := make([]bool, len(l.examples))
	for i := range order {
		order[i] = i
		near[i] = slices.ContainsFunc(l.rulesOfExample[i], func(id string) bool {
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
