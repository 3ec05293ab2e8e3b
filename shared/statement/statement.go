// Package statement makes the month's account of each creator: it finds the buckets of income lines that are due
// and opens one settlement for each of them.
package statement

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/income"
	"fenzhang/shared/settlement"
	"fenzhang/shared/tenancy"
)

// System is the actor of statements that no person asked for.
const System = "system:build-statements"

// The reasons, besides those of missing rules and contracts, for which a due bucket opens nothing.
const (
	NotThePayer   = "not_the_payer"  // by the contract's route somebody else settles this income
	NothingToPay  = "nothing_to_pay" // the sum is not above zero; what is below went on to the next month
	EntityChanged = "entity_changed" // accrued in the books of another paying entity than the contract names now
	TotalsDiffer  = "totals_differ"  // the bucket's sums are not those of its lines: nothing is paid until a person has looked
	monthsBack    = 14               // how far back a run looks
	maxRaces      = 5                // how often a bucket that others change meanwhile is decided anew
)

// Service opens what is due.
type Service struct {
	Settlements *settlement.Service
	Buckets     income.Buckets
	Log         *slog.Logger
}

// Skip is a bucket that was due and opened nothing.
type Skip struct {
	CreatorID  string      `json:"creator_id"`
	IncomeType string      `json:"income_type"`
	Period     civil.Month `json:"period"`
	Reason     string      `json:"reason"`
}

// Report tells what was due on a date and what came of it.
type Report struct {
	Date    civil.Date `json:"date"`
	Due     int        `json:"due"`
	Opened  int        `json:"opened"`
	Already int        `json:"already"` // settled or carried before
	Skipped []Skip     `json:"skipped"`
}

// add counts another part of the same run.
func (r *Report) add(p Report) {
	r.Due, r.Opened, r.Already = r.Due+p.Due, r.Opened+p.Opened, r.Already+p.Already
	r.Skipped = append(r.Skipped, p.Skipped...)
}

// count counts one bucket.
func (r *Report) count(b income.Bucket, o outcome) {
	switch o.came {
	case notDue:
		return
	case opened:
		r.Opened++
	case already:
		r.Already++
	case skipped:
		r.Skipped = append(r.Skipped, Skip{b.CreatorID, b.IncomeType, b.Period, o.reason})
	}
	r.Due++
}

// Order is what a run is for.
type Order struct {
	Tenant string
	By     string     // subject of the person who runs it, or System
	Date   civil.Date // business date on which the statements are due
	today  civil.Date
}

type came int

const (
	notDue came = iota
	opened
	already
	skipped
)

type outcome struct {
	came   came
	reason string
}

// creator opens what is due of one creator. What fails for a passing reason is in the error; the rest goes on.
func (s *Service) creator(ctx context.Context, o Order, creator string) (Report, error) {
	r := Report{Date: o.Date}
	last := o.Date.Month().Add(-1)
	buckets, err := s.Buckets.Buckets(ctx, o.Tenant, creator, last.Add(1-monthsBack), last)
	if err != nil {
		return r, err
	}
	var failed error
	for _, b := range buckets {
		out, err := s.bucket(ctx, o, b)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("statement %s of %s: %w", b.Name(), creator, err))
			continue
		}
		r.count(b, out)
	}
	return r, failed
}

// bucket decides one bucket. A rival's write is read and decided anew.
func (s *Service) bucket(ctx context.Context, o Order, b income.Bucket) (outcome, error) {
	for range maxRaces {
		out, err := s.once(ctx, o, b)
		if !errors.Is(err, income.ErrRival) && !errors.Is(err, settlement.ErrRival) {
			return missing(out, err)
		}
		var there bool
		if b, there, err = s.Buckets.Bucket(ctx, o.Tenant, b.CreatorID, b.Period, b.IncomeType); err != nil || !there {
			return outcome{}, err
		}
	}
	return outcome{}, fault.Later(income.ErrRival)
}

// missing turns a missing contract or rule into a reason; it is no failure, the bucket waits.
func missing(out outcome, err error) (outcome, error) {
	if fault.HasCode(err, fault.RuleMissing) {
		return outcome{skipped, fault.Of(err).Reason}, nil
	}
	return out, err
}

func (s *Service) once(ctx context.Context, o Order, b income.Bucket) (outcome, error) {
	occurrence, alive, err := s.standing(ctx, b)
	if err != nil {
		return outcome{}, err
	}
	contract, err := s.Settlements.Directory.Contract(ctx, o.Tenant, b.CreatorID, b.IncomeType, b.Period.Last())
	if err != nil && alive && fault.HasCode(err, fault.RuleMissing) {
		return outcome{came: already}, nil // settled under a contract that was ended since
	}
	if err != nil {
		return outcome{}, err
	}
	due, err := s.dueOn(contract, b.Period)
	switch {
	case err != nil:
		return outcome{}, err
	case due.After(o.Date):
		return outcome{}, nil
	case alive:
		return outcome{came: already}, nil
	case !tenancy.TenantPays(contract.Routes[b.IncomeType]):
		return outcome{skipped, NotThePayer}, nil
	}
	return s.settle(ctx, o, b, occurrence)
}

// standing gives the number of the next occurrence, and whether the bucket is done: carried on, or consumed by a
// settlement that was not undone. Where the settlement was reopened, its last occurrence counts.
func (s *Service) standing(ctx context.Context, b income.Bucket) (next int, alive bool, err error) {
	switch b.State {
	case income.Carried:
		return 0, true, nil
	case income.Open:
		return 1, false, nil
	}
	for id := b.Settlement; ; {
		last, err := s.Settlements.Store.Load(ctx, b.Tenant, id)
		if fault.HasCode(err, fault.NotFound) { // bucket and settlement are written together; this cannot be
			err = fault.Internal(err)
		}
		if err != nil {
			return 0, false, err
		}
		if last.ReopenedBy == "" {
			return last.Occurrence + 1, !last.Dead(), nil
		}
		id = last.ReopenedBy
	}
}

// dueOn is the contract's cut-off or pay day of the month after the service period, moved to a working day; where
// none is fixed, the first day of that month.
func (s *Service) dueOn(c tenancy.Contract, period civil.Month) (civil.Date, error) {
	day := c.CutOffDay
	if day == 0 {
		day = c.PayDay
	}
	if day == 0 {
		return period.Add(1).First(), nil
	}
	return s.Settlements.Calendar.OnOrAfter(period.Add(1).Day(day))
}

// settle opens the settlement of a due bucket, or carries one on in which there is nothing to pay.
func (s *Service) settle(ctx context.Context, o Order, b income.Bucket, occurrence int) (outcome, error) {
	sum, err := s.Buckets.Fold(ctx, b)
	if err != nil {
		return outcome{}, err
	}
	if sum != b.Totals {
		return s.differs(ctx, o, b, sum)
	}
	if !b.Distributable.Positive() {
		err := s.Buckets.Carry(ctx, b, o.By, s.Settlements.NewID(), s.Settlements.Clock.Instant())
		return outcome{skipped, NothingToPay}, err
	}
	fresh, err := s.Settlements.Prepare(ctx, settlement.Income{Tenant: o.Tenant, CreatorID: b.CreatorID, IncomeType: b.IncomeType, Platform: platform(b),
		Period: b.Period, Amount: b.Distributable, GrossBeforePlatform: b.Gross, Source: b.Source}, o.today)
	if err != nil {
		return outcome{}, err
	}
	if len(b.Entities) > 0 && !slices.Equal(b.Entities, []string{fresh.Entity}) {
		s.Log.WarnContext(ctx, "accrued at another paying entity", "tenant", o.Tenant, "creator_id", b.CreatorID, "bucket", b.Name(), "entity", fresh.Entity)
		return outcome{skipped, EntityChanged}, nil
	}
	if err := s.Settlements.Store.Apply(ctx, s.opening(o, b, fresh, occurrence)); err != nil {
		return outcome{}, err
	}
	return outcome{came: opened}, nil
}

// differs tells sums that do not agree with their lines from ones that moved while they were read.
func (s *Service) differs(ctx context.Context, o Order, b income.Bucket, sum income.Totals) (outcome, error) {
	now, _, err := s.Buckets.Bucket(ctx, o.Tenant, b.CreatorID, b.Period, b.IncomeType)
	if err != nil {
		return outcome{}, err
	}
	if now.State != b.State || now.Totals != b.Totals {
		return outcome{}, income.ErrRival
	}
	s.Log.ErrorContext(ctx, "a bucket's sums are not those of its lines", "tenant", o.Tenant, "creator_id", b.CreatorID, "bucket", b.Name(),
		"lines", sum.Lines, "counted", b.Lines, "sum", sum.Distributable.String(), "held", b.Distributable.String())
	return outcome{skipped, TotalsDiffer}, nil
}

// platform is where the income was earned, if that is one place.
func platform(b income.Bucket) string {
	if len(b.Platforms) == 1 {
		return b.Platforms[0]
	}
	return ""
}

// opening completes a prepared settlement: its identity is made of creator, income type and month, so that the
// same statement has one identity, whoever runs it and when.
func (s *Service) opening(o Order, b income.Bucket, fresh settlement.Settlement, occurrence int) settlement.Change {
	activity := settlement.StatementPrefix + b.IncomeType + ":" + b.Period.String()
	ts := b.Period.Add(1).First().Start().UnixMilli()
	fresh.Identity = settlement.Identity(b.CreatorID, activity, ts)
	fresh.Occurrence, fresh.ID = occurrence, settlement.IDOf(fresh.Identity, occurrence)
	fresh.ActivityID, fresh.TS, fresh.ContentHash = activity, ts, contentHash(b)
	for _, by := range b.By {
		if !strings.HasPrefix(by, "system:") && !slices.Contains(fresh.Preparers, by) {
			fresh.Preparers = append(fresh.Preparers, by)
		}
	}
	c := s.Settlements.Opening(fresh, settlement.Act{ID: s.Settlements.NewID(), Name: "settlement.opened", By: o.By})
	c.Bucket = &settlement.BucketClose{CreatorID: b.CreatorID, Period: b.Period, IncomeType: b.IncomeType, Gross: b.Distributable, Occurrence: b.Occurrence + 1}
	return c
}

// contentHash names what a statement's settlement was opened for.
func contentHash(b income.Bucket) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{b.CreatorID, b.IncomeType, b.Period.String(), b.Distributable.String(), b.Gross.String()}, "\x1f")))
	return hex.EncodeToString(sum[:16])
}
