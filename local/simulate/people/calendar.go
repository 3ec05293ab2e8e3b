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

// lateYear is the first day whose working days may be unknown at first: the calendar of the
// following year is published late in a year, and the simulation plays this with September.
const lateYear = "2026-09-01"

// lateRun says that the calendar is loaded late in every fourth run.
const lateRun = 4

// Days is the calendar of working days that a run uses. In some runs the days from lateYear on are
// loaded only while the run goes on.
type Days struct {
	*calendar.Calendar
	w      *engine.World
	loaded int64 // nanoseconds since 1970; 0 means before the run
}

var _ settlement.Calendar = Days{}

// newDays draws from the seed alone when the calendar is loaded: runs whose calendar is complete
// stay as they were before this variant was added.
func newDays(w *engine.World, c *calendar.Calendar, seed uint64) Days {
	d := Days{Calendar: c, w: w}
	if seed%lateRun == 0 {
		rng := rand.New(rand.NewPCG(seed, 0x63616c656e646172))
		d.loaded = w.TrueNanos() + rng.Int64N(int64(20*24*time.Hour))
	}
	return d
}

// IsWorkingDay reports whether a day is a working day.
//
// Errors: calendar_missing while the calendar of the day is not loaded.
func (d Days) IsWorkingDay(day civil.Date) (bool, error) {
	if d.w.TrueNanos() < d.loaded && !day.Before(civil.MustDate(lateYear)) {
		return false, fault.MissingRule("calendar_missing", "calendar.late",
			"The calendar is not loaded.")
	}
	return d.Calendar.IsWorkingDay(day)
}

// WorkingDayOnOrAfter returns the first working day that is not before a day.
func (d Days) WorkingDayOnOrAfter(day civil.Date) (civil.Date, error) {
	for ; ; day = day.AddDays(1) {
		if working, err := d.IsWorkingDay(day); working || err != nil {
			return day, err
		}
	}
}

// NextWorkingDay returns the first working day after a day.
func (d Days) NextWorkingDay(after civil.Date) (civil.Date, error) {
	return d.WorkingDayOnOrAfter(after.AddDays(1))
}
