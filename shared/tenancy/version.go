package tenancy

import "fenzhang/shared/civil"

// Dated is an object that exists in dated versions.
type Dated interface{ DatedVersion() Version }

// DatedVersion gives the version itself; embedding Version makes an object Dated.
func (v Version) DatedVersion() Version { return v }

// InForce gives the version that governs a day: the one with the highest number among those that
// have begun. A later version thus replaces earlier ones from its first day on, and one that has
// ended leaves nothing in force; the false result says so.
func InForce[V Dated](versions []V, day civil.Date) (V, bool) {
	var best V
	found := false
	for _, v := range versions {
		if !day.Before(v.DatedVersion().From) && (!found || v.DatedVersion().Version > best.DatedVersion().Version) {
			best, found = v, true
		}
	}
	if !found || !best.DatedVersion().IsInForceOn(day) {
		var none V
		return none, false
	}
	return best, true
}

// LatestVersion gives the version with the highest number.
func LatestVersion[V Dated](versions []V) (V, bool) {
	var best V
	for _, v := range versions {
		if v.DatedVersion().Version > best.DatedVersion().Version {
			best = v
		}
	}
	return best, len(versions) > 0
}
