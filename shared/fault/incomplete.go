package fault

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Incomplete returns an error that lists the parts which a service cannot work without and was not
// given; nil when it has them all. The keys of parts are their names, a value is true for a part
// that is there.
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
