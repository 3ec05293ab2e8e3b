package income

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock"
	"fenzhang/shared/clock/pace"
	"fenzhang/shared/contract/cycle"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/tenancy"
)

// Directory is the master data that recording needs.
type Directory interface {
	Creator(ctx context.Context, tenant ident.Tenant, creator ident.Creator) (tenancy.Creator, error)
	ContractsOf(ctx context.Context, tenant ident.Tenant, creator ident.Creator, incomeType string,
		day civil.Date) ([]tenancy.Contract, error)
}

// Recorder takes uploads of income lines.
type Recorder struct {
	Lines     LineStore
	Directory Directory
	Clock     clock.Clock
	NewID     func() string
}

// Upload is one call: who sends which lines, each as it was sent.
type Upload struct {
	Tenant    ident.Tenant
	By, Trace string
	Lines     []json.RawMessage
}

// Result is what became of one line of an upload.
type Result struct {
	LineID    string // "" if it could not be read
	Placement        // where it lies, when Err is nil
	Bucket    string // name of the bucket
	Parked    string // "contract_missing": kept, and settled once a contract covers it
	SettledBy string // the route, where the tenant does not pay the creator
	Err       error
}

// group are lines of an upload that enter the same bucket.
type group struct {
	creator    ident.Creator
	incomeType string
	period     civil.Month
}

// compare gives groups an order, so that the same upload is written in the same order.
func (g group) compare(o group) int {
	return cmp.Or(cmp.Compare(g.creator, o.creator), cmp.Compare(g.incomeType, o.incomeType),
		g.period.Sub(o.period))
}

// entry is a line with its place in the upload.
type entry struct {
	at   int
	line Line
}

// atOnce bounds how many creators' lines are written at the same time.
const atOnce = 8

// RecordUpload writes the lines and gives their results in the order sent. Each line succeeds or fails by
// itself; the error is for what fails the call as a whole.
func (r *Recorder) RecordUpload(ctx context.Context, u Upload) ([]Result, error) {
	today, err := r.Clock.Today(ctx)
	if err != nil {
		return nil, fault.Later(err)
	}
	call := &upload{Recorder: r, Upload: u, results: make([]Result, len(u.Lines))}
	for _, round := range call.groupIntoRounds(today) {
		call.writeRound(ctx, round)
	}
	return call.results, nil
}

type upload struct {
	*Recorder
	Upload
	results []Result
}

// round holds lines of which no two have the same identity.
type round map[group][]entry

// groupIntoRounds checks every line and sorts the good ones into rounds: what stands in the upload for the
// second time is written after the first, as if it had come in a later call.
func (u *upload) groupIntoRounds(today civil.Date) []round {
	type identity struct {
		group
		line string
	}
	var rounds []round
	seen := map[identity]int{}
	for i, raw := range u.Upload.Lines {
		l, id, err := ParseLine(raw, today)
		u.results[i] = Result{LineID: id, Err: err}
		if err != nil {
			continue
		}
		g := group{l.CreatorID, l.IncomeType, l.ServicePeriod}
		n := seen[identity{g, l.LineID}]
		seen[identity{g, l.LineID}]++
		if n == len(rounds) {
			rounds = append(rounds, round{})
		}
		rounds[n][g] = append(rounds[n][g], entry{i, l})
	}
	return rounds
}

// writeRound writes a round, several creators at a time.
func (u *upload) writeRound(ctx context.Context, r round) {
	byCreator := map[string][]group{}
	for _, g := range slices.SortedFunc(maps.Keys(r), group.compare) {
		byCreator[string(g.creator)] = append(byCreator[string(g.creator)], g)
	}
	var work errgroup.Group
	work.SetLimit(pace.AtOnce(ctx, atOnce))
	for _, creator := range slices.Sorted(maps.Keys(byCreator)) {
		groups := byCreator[creator]
		work.Go(func() error {
			_, err := u.Directory.Creator(ctx, u.Tenant, ident.Creator(creator))
			for _, g := range groups {
				if err != nil {
					u.failLines(r[g], err)
					continue
				}
				u.writeGroup(ctx, g, r[g])
			}
			return nil
		})
	}
	work.Wait() //nolint:errcheck // each line carries its own error
}

func otherContentError() error {
	return fault.New(fault.OtherContent, "line_exists",
		"This line is recorded already with other content; send a correction under an id of its own.")
}

// writeGroup writes lines of one service period, those of each part of it together.
func (u *upload) writeGroup(ctx context.Context, g group, entries []entry) {
	course, err := u.contractCourse(ctx, g, entries)
	if err != nil {
		u.failLines(entries, err)
		return
	}
	parts := map[cycle.Period][]entry{}
	for _, e := range entries {
		into := course.PeriodOf(e.line.DayInPeriod())
		parts[into] = append(parts[into], e)
	}
	names := slices.SortedFunc(maps.Keys(parts), func(a, b cycle.Period) int {
		return cmp.Compare(a.String(), b.String())
	})
	for _, into := range names {
		for few := range slices.Chunk(parts[into], MaxLines) {
			u.addLines(ctx, g, course, into, few)
		}
	}
}

// contractCourse reads the contracts that govern the first and the last of some days, and so all between.
func (u *upload) contractCourse(ctx context.Context, g group, entries []entry) (cycle.Timeline, error) {
	first, last := entries[0].line.DayInPeriod(), entries[0].line.DayInPeriod()
	for _, e := range entries {
		if d := e.line.DayInPeriod(); d.Before(first) {
			first = d
		} else if d.After(last) {
			last = d
		}
	}
	contracts, err := u.Directory.ContractsOf(ctx, u.Tenant, g.creator, g.incomeType, first)
	if err == nil && first != last {
		contracts, err = u.Directory.ContractsOf(ctx, u.Tenant, g.creator, g.incomeType, last)
	}
	return cycle.NewTimeline(contracts, g.incomeType), err
}

// addLines writes some lines of one bucket.
func (u *upload) addLines(ctx context.Context, g group, course cycle.Timeline, into cycle.Period,
	entries []entry) {
	a := Addition{Tenant: u.Tenant, CreatorID: g.creator, IncomeType: g.incomeType, Period: g.period,
		Into: into, Course: course, By: u.By, Trace: u.Trace,
		At: u.Clock.Instant(), WriteID: u.NewID()}
	for _, e := range entries {
		a.Lines = append(a.Lines, e.line)
	}
	placed, err := u.Recorder.Lines.AddLines(ctx, a)
	if err != nil {
		u.failLines(entries, err)
		return
	}
	for i, e := range entries {
		res := &u.results[e.at]
		if placed[i].HasOtherContent {
			res.Err = otherContentError()
			continue
		}
		res.Placement, res.Bucket = placed[i], BucketName(placed[i].Bucket, g.incomeType)
		res.Parked, res.SettledBy = contractCoverage(course, placed[i].Bucket, g.incomeType)
	}
}

// contractCoverage tells whether a contract covers a bucket, and whether the tenant is the one who pays by
// it.
func contractCoverage(course cycle.Timeline, p cycle.Period, incomeType string) (parked, settledBy string) {
	s, ok := course.SpanOf(p)
	if !ok {
		return ContractMissing, ""
	}
	if route := s.Contract.Routes[incomeType]; !tenancy.IsPaidByTenant(route) {
		return "", route
	}
	return "", ""
}

// ContractMissing is why lines wait that no contract covers.
const ContractMissing = "contract_missing"

// failLines marks lines that were not stored. What is not the line's own fault asks for it to be sent
// again.
func (u *upload) failLines(entries []entry, err error) {
	if !fault.HasCode(err, fault.NotFound) {
		err = fault.Later(err)
	}
	for _, e := range entries {
		u.results[e.at].Err = err
	}
}
