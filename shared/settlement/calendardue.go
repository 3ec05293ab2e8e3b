package settlement

import (
	"fmt"

	"fenzhang/shared/civil"
)

// ParseCalendarDue parses month and day, like 11-01, from which on the calendar of the next year
// should be loaded. The year of the result means nothing.
func ParseCalendarDue(day string) (civil.Date, error) {
	d, err := civil.ParseDate("2028-" + day) // a leap year has every day
	if err != nil {
		return d, fmt.Errorf("CALENDAR_DUE: %w", err)
	}
	return d, nil
}
