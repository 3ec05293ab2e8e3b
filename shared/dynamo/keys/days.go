package keys

import (
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
)

// EventDays is the list of a tenant's days that have incentive events, and how far each is closed.
func EventDays(t ident.Tenant) string { return tenantPrefix(t) + "DAYS" }

// EventDay is one day of that list; days sort by time.
func EventDay(t ident.Tenant, day civil.Date) Key { return Key{EventDays(t), day.String()} }

// ParkedEvents is the partition of the events of one action type that wait for a strategy.
func ParkedEvents(t ident.Tenant, action string) string {
	return tenantPrefix(t) + "PARKED#" + action
}

// ParseEventKey tells whose event an item of the incentives table is; ok is false for other items.
func ParseEventKey(k Key) (t, event string, ok bool) {
	rest, ok := strings.CutPrefix(k.PK, "T#")
	if !ok || k.SK != "E" {
		return "", "", false
	}
	t, event, ok = strings.Cut(rest, "#E#")
	return t, event, ok && t != "" && event != ""
}
