package main

import (
	"math/rand/v2"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/fault"
	"fenzhang/shared/settlement"
)

// lateYear stands for the year whose calendar is loaded late: here it begins where the pay days of
// a run lie.
const lateYear = "2026-09-01"

// lateRun is how many runs have one in which that calendar is loaded late.
const lateRun = 4

// days are the working days as a run knows them: in some runs those of the late year are loaded
// while it goes on.
type days struct {
	*calendar.Calendar
	w      *world
	loaded int64 // instant; 0 is before the run
}

var _ settlement.Calendar = days{}

// newDays decides by the seed alone, so that runs without a late calendar are those that they were
// without this turn.
func newDays(w *world, c *calendar.Calendar, seed uint64) days {
	d := days{Calendar: c, w: w}
	if seed%lateRun == 0 {
		rng := rand.New(rand.NewPCG(seed, 0x63616c656e646172))
		d.loaded = w.s.now + rng.Int64N(int64(20*24*time.Hour))
	}
	return d
}

func (d days) Working(day civil.Date) (bool, error) {
	if d.w.s.now < d.loaded && !day.Before(civil.MustDate(lateYear)) {
		return false, fault.Missing("calendar_missing", "calendar.late", "The calendar is not loaded.")
	}
	return d.Calendar.Working(day)
}

func (d days) OnOrAfter(day civil.Date) (civil.Date, error) {
	for ; ; day = day.AddDays(1) {
		if working, err := d.Working(day); working || err != nil {
			return day, err
		}
	}
}

func (d days) NextWorkingDay(after civil.Date) (civil.Date, error) {
	return d.OnOrAfter(after.AddDays(1))
}

// checkDates checks that nothing was approved on dates that may still move, and that a pay day of
// the contract is the working day that the whole calendar gives.
func (b *books) checkDates(s settlement.Settlement) {
	k := string(s.Tenant+"/") + s.ID
	if s.Provisional != nil {
		b.paths["provisional dates"]++
		if s.Status != settlement.PendingReview && s.Status != settlement.InReview && !s.Dead() {
			b.broken("dates", "%s is %s on dates that may still move", k, s.Status)
		}
		return
	}
	pay := b.people.contracts[string(s.Tenant+"/")+string(s.CreatorID)].PayDay
	if pay == 0 || s.Parent != "" {
		return
	}
	want, err := b.days.Calendar.OnOrAfter(s.ServicePeriod.Add(1).Day(pay))
	if err != nil || s.VATDate != want {
		b.broken("dates", "%s has %s for the pay day %s: %v", k, s.VATDate, want, err)
	}
	if s.BookedEntry != "" && s.PaymentDate.Before(want) {
		b.broken("dates", "%s was booked on %s, before its pay day %s", k, s.PaymentDate, want)
	}
}
