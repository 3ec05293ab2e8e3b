package tenancy

import "fenzhang/shared/civil"

// Dated is an object that exists in dated versions.
type Dated interface{ Dates() Version }

// Dates gives the version itself; embedding Version makes an object Dated.
func (v Version) Dates() Version { return v }

// InForce gives the version that governs a day: the one with the highest number among those that
// have begun. A later version thus replaces earlier ones from its first day on, and one that has
// ended leaves nothing in force; the false result says so.
func InForce[V Dated](versions []V, day civil.Date) (V, bool) {
	var best V
	found := false
	for _, v := range versions {
		if !day.Before(v.Dates().From) && (!found || v.Dates().Version > best.Dates().Version) {
			best, found = v, true
		}
	}
	if !found || !best.Dates().Holds(day) {
		var none V
		return none, false
	}
	return best, true
}

// Latest gives the version with the highest number.
func Latest[V Dated](versions []V) (V, bool) {
	var best V
	for _, v := range versions {
		if v.Dates().Version > best.Dates().Version {
			best = v
		}
	}
	return best, len(versions) > 0
}
