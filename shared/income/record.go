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

// Directory reads the master data that an upload of income lines needs.
type Directory interface {
	Creator(ctx context.Context, tenant ident.Tenant, creator ident.Creator) (tenancy.Creator, error)
	ContractsOf(ctx context.Context, tenant ident.Tenant, creator ident.Creator, incomeType string,
		day civil.Date) ([]tenancy.Contract, error)
}

// Recorder validates and stores uploads of income lines.
type Recorder struct {
	Lines     LineStore
	Directory Directory
	Clock     clock.Clock
	NewID     func() string
}

// Upload is one call of a client: the caller, and its lines as they were sent.
type Upload struct {
	Tenant    ident.Tenant
	By, Trace string
	Lines     []json.RawMessage
}

// Result reports what became of one line of an upload.
type Result struct {
	// LineID is the id of the line, "" when the id could not be read.
	LineID string
	// Placement says where the line was written; it is valid only when Err is nil.
	Placement
	// Bucket is the name of the bucket that holds the line.
	Bucket string
	// Parked is "contract_missing" when the line is stored but no contract covers it; the line is
	// settled after a contract was recorded.
	Parked string
	// SettledBy is the contract's route when somebody other than the tenant pays the creator.
	SettledBy string
	Err       error
}

// group identifies the lines of an upload that belong to the same creator, income type and service
// period.
type group struct {
	creator    ident.Creator
	incomeType string
	period     civil.Month
}

// compare orders groups, so that the same upload is always written in the same order.
func (g group) compare(o group) int {
	return cmp.Or(cmp.Compare(g.creator, o.creator), cmp.Compare(g.incomeType, o.incomeType),
		g.period.Sub(o.period))
}

// entry is a line with its index in the upload.
type entry struct {
	at   int
	line Line
}

// atOnce is the largest number of creators whose lines are written at the same time.
const atOnce = 8

// RecordUpload validates and stores the lines of an upload and returns their results in the order
// sent. Each line succeeds or fails by itself; the error is for failures of the call as a whole.
func (r *Recorder) RecordUpload(ctx context.Context, u Upload) ([]Result, error) {
	today, err := r.Clock.Today(ctx)
	if err != nil {
		return nil, fault.Temporary(err)
	}
	call := &upload{Recorder: r, Upload: u, results: make([]Result, len(u.Lines))}
	for _, round := range call.groupIntoRounds(today) {
		call.writeRound(ctx, round)
	}
	return call.results, nil
}

// upload is the state of one call of RecordUpload.
type upload struct {
	*Recorder
	Upload
	results []Result
}

// round holds lines by group; no two lines of a round have the same identity.
type round map[group][]entry

// groupIntoRounds validates every line and sorts the valid ones into rounds. A line whose id
// appears in the upload a second time goes into the second round, so that it is treated as if it
// had come in a later call.
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

// writeRound writes the lines of one round, several creators at the same time.
func (u *upload) writeRound(ctx context.Context, r round) {
	byCreator := map[string][]group{}
	for _, g := range slices.SortedFunc(maps.Keys(r), group.compare) {
		byCreator[string(g.creator)] = append(byCreator[string(g.creator)], g)
	}
	var work errgroup.Group
	work.SetLimit(pace.Parallelism(ctx, atOnce))
	for _, creator := range slices.Sorted(maps.Keys(byCreator)) {
		groups := byCreator[creator]
		work.Go(func() error {
			// The creator is read once for all its groups; an unknown creator fails all of them.
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
	work.Wait() //nolint:errcheck // the results of the lines hold their errors
}

// otherContentError refuses a line whose id is stored already with other content.
func otherContentError() error {
	return fault.New(fault.OtherContent, "line_exists",
		"This line is recorded already with other content; send a correction under an id of its own.")
}

// writeGroup writes the lines of one service period; lines of the same part of the period are
// written together.
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
	// The parts are written in a fixed order, so that a retry of the upload repeats the same writes.
	names := slices.SortedFunc(maps.Keys(parts), func(a, b cycle.Period) int {
		return cmp.Compare(a.String(), b.String())
	})
	for _, into := range names {
		for few := range slices.Chunk(parts[into], MaxLines) {
			u.addLines(ctx, g, course, into, few)
		}
	}
}

// contractCourse returns the sequence of periods of the contracts that govern the days of some
// lines. It reads the contracts of the first and the last day, which include all contracts between
// them.
func (u *upload) contractCourse(ctx context.Context, g group,
	entries []entry) (cycle.Timeline, error) {
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

// addLines writes lines of one bucket in one transaction and stores the outcome of each line in its
// result.
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

// contractCoverage returns "contract_missing" when no contract covers a period, and the contract's
// route when somebody other than the tenant pays the creator.
func contractCoverage(course cycle.Timeline, p cycle.Period,
	incomeType string) (parked, settledBy string) {
	s, ok := course.SpanOf(p)
	if !ok {
		return ContractMissing, ""
	}
	if route := s.Contract.Routes[incomeType]; !tenancy.IsPaidByTenant(route) {
		return "", route
	}
	return "", ""
}

// ContractMissing is the reason why a stored line waits when no contract covers it.
const ContractMissing = "contract_missing"

// failLines stores an error in the results of lines that were not written. Errors other than "not
// found" ask the sender to send the lines again, because the line itself is not at fault.
func (u *upload) failLines(entries []entry, err error) {
	if !fault.HasCode(err, fault.NotFound) {
		err = fault.Temporary(err)
	}
	for _, e := range entries {
		u.results[e.at].Err = err
	}
}
