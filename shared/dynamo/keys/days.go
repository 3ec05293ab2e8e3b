package keys

import (
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
)

// EventDays is the partition that lists a tenant's days with incentive events and how far each day
// is closed.
func EventDays(t ident.Tenant) string { return tenantPrefix(t) + "DAYS" }

// EventDay is the key of one day in the list of EventDays; the days sort by time.
func EventDay(t ident.Tenant, day civil.Date) Key { return Key{EventDays(t), day.String()} }

// ParkedEvents is the partition of the events of one action type that wait for a strategy.
func ParkedEvents(t ident.Tenant, action string) string {
	return tenantPrefix(t) + "PARKED#" + action
}

// ParseEventKey reads tenant and event id back from the key of a recorded event; ok is false for
// other items of the incentives table.
func ParseEventKey(k Key) (t, event string, ok bool) {
	rest, ok := strings.CutPrefix(k.PK, "T#")
	if !ok || k.SK != "E" {
		return "", "", false
	}
	t, event, ok = strings.Cut(rest, "#E#")
	return t, event, ok && t != "" && event != ""
}
