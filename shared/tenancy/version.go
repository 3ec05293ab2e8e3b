package tenancy

import "fenzhang/shared/civil"

// Dated is an object that exists in dated versions.
type Dated interface{ DatedVersion() Version }

// DatedVersion returns the version itself; a type that embeds Version is thereby Dated.
func (v Version) DatedVersion() Version { return v }

// InForce returns the version that is in force on a day: the one with the highest number among
// those that have begun. So a later version replaces earlier ones from its first day on, and after
// the last day of the newest version no version is in force. The second result is false when no
// version is in force on the day.
func InForce[V Dated](versions []V, day civil.Date) (V, bool) {
	var best V
	found := false
	for _, v := range versions {
		if !day.Before(v.DatedVersion().From) &&
			(!found || v.DatedVersion().Version > best.DatedVersion().Version) {
			best, found = v, true
		}
	}
	if !found || !best.DatedVersion().IsInForceOn(day) {
		var none V
		return none, false
	}
	return best, true
}

// LatestVersion returns the version with the highest number; the second result is false when there
// is no version.
func LatestVersion[V Dated](versions []V) (V, bool) {
	var best V
	for _, v := range versions {
		if v.DatedVersion().Version > best.DatedVersion().Version {
			best = v
		}
	}
	return best, len(versions) > 0
}
