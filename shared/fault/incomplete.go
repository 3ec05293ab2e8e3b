package fault

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Incomplete returns an error that lists the required parts which a service lacks, and nil when it
// has all of them. parts maps the name of each required part to whether the service has it.
func Incomplete(service string, parts map[string]bool) error {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		if !parts[name] {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	return fmt.Errorf("%s is incomplete, these parts are missing: %s", service,
		strings.Join(missing, ", "))
}
