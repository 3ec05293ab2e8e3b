package people

import (
	"math/rand/v2"
	"time"

	"fenzhang/local/simulate/engine"
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

// Days are the working days as a run knows them: in some runs those of the late year are loaded
// while it goes on.
type Days struct {
	*calendar.Calendar
	w      *engine.World
	loaded int64 // instant; 0 is before the run
}

var _ settlement.Calendar = Days{}

// newDays decides by the seed alone, so that runs without a late calendar are those that they were
// without this turn.
func newDays(w *engine.World, c *calendar.Calendar, seed uint64) Days {
	d := Days{Calendar: c, w: w}
	if seed%lateRun == 0 {
		rng := rand.New(rand.NewPCG(seed, 0x63616c656e646172))
		d.loaded = w.TrueNanos() + rng.Int64N(int64(20*24*time.Hour))
	}
	return d
}

func (d Days) Working(day civil.Date) (bool, error) {
	if d.w.TrueNanos() < d.loaded && !day.Before(civil.MustDate(lateYear)) {
		return false, fault.Missing("calendar_missing", "calendar.late", "The calendar is not loaded.")
	}
	return d.Calendar.Working(day)
}

func (d Days) OnOrAfter(day civil.Date) (civil.Date, error) {
	for ; ; day = day.AddDays(1) {
		if working, err := d.Working(day); working || err != nil {
			return day, err
		}
	}
}

func (d Days) NextWorkingDay(after civil.Date) (civil.Date, error) {
	return d.OnOrAfter(after.AddDays(1))
}
