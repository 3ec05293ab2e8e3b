package keys

import (
	"strings"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
)

// Days is the list of a tenant's days that have incentive events, and how far each is closed.
func Days(t ident.Tenant) string { return tenant(t) + "DAYS" }

// Day is one day of that list; days sort by time.
func Day(t ident.Tenant, day civil.Date) Key { return Key{Days(t), day.String()} }

// ParkedActions is the partition of the events of one action type that wait for a strategy.
func ParkedActions(t ident.Tenant, action string) string {
	return tenant(t) + "PARKED#" + action
}

// ParseEvent tells whose event an item of the incentives table is; ok is false for other items.
func ParseEvent(k Key) (t, event string, ok bool) {
	rest, ok := strings.CutPrefix(k.PK, "T#")
	if !ok || k.SK != "E" {
		return "", "", false
	}
	t, event, ok = strings.Cut(rest, "#E#")
	return t, event, ok && t != "" && event != ""
}
