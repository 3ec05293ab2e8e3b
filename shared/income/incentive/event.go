// Package incentive turns creators' actions into rewards: it validates events, finds the strategy
// that rewards each event, and sums a creator's day in a way that repeated or reordered delivery
// cannot change (promise P6).
package incentive

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/input/strictjson"
)

// Event is one validated action of a creator. Its optional texts are empty when they were not
// given.
type Event struct {
	EventID    string
	CreatorID  ident.Creator
	ActionType string
	// OccurredAt is the time that the sender gave, in the time zone of Shanghai.
	OccurredAt time.Time
	// Quantity is 1 to MaxQuantity.
	Quantity int64
	Platform string
	// Details are fields of an event for later attribution and reports; no reward depends on them.
	Details
}

// Details are optional fields of an event that later attribution and reports read.
type Details struct {
	ContentID string `json:"content_id,omitempty"`
	ViewerRef string `json:"viewer_ref,omitempty"`
	SessionID string `json:"session_id,omitempty"`
	UTM       *UTM   `json:"utm,omitempty"`
	Device    string `json:"device,omitempty"`
	// Metrics are decimal texts by the name of the metric.
	Metrics map[string]string `json:"metrics,omitempty"`
}

// UTM describes the link through which a viewer came (utm_source and so on).
type UTM struct {
	Source   string `json:"source,omitempty"`
	Medium   string `json:"medium,omitempty"`
	Campaign string `json:"campaign,omitempty"`
	Term     string `json:"term,omitempty"`
	Content  string `json:"content,omitempty"`
}

// Bounds of an event's fields.
const (
	MaxQuantity = 1_000_000
	// MaxAhead is how far occurred_at may lie after the clock.
	MaxAhead = 5 * time.Minute
	// MaxBehind is how far occurred_at may lie before the clock.
	MaxBehind = 400 * 24 * time.Hour
	// maxText is the largest number of characters of an optional text.
	maxText    = 128
	maxMetrics = 20
)

// Day returns the Shanghai day on which the event counts.
func (e Event) Day() civil.Date { return civil.DateOf(e.OccurredAt) }

// draft is an event as a client sent it, before validation.
type draft struct {
	EventID    string        `json:"event_id"`
	CreatorID  ident.Creator `json:"creator_id"`
	ActionType string        `json:"action_type"`
	OccurredAt string        `json:"occurred_at"`
	Quantity   *int64        `json:"quantity"`
	Platform   string        `json:"platform"`
	Details
}

// ParseEvent decodes and validates one event; the error lists all its problems. now is the clock
// against which occurred_at is checked. The event's id is returned even when other fields are
// wrong; it is "" when it cannot be read.
func ParseEvent(raw []byte, now time.Time) (Event, string, error) {
	var d draft
	if problems := strictjson.Decode(raw, &d); len(problems) > 0 {
		problems = append(problems, d.otherProblems(problems, now)...)
		return Event{}, readableID(raw), fault.Invalid(problems...)
	}
	e, problems := d.toEvent(now)
	if len(problems) > 0 {
		return Event{}, readableID(raw), fault.Invalid(problems...)
	}
	return e, e.EventID, nil
}

// otherProblems validates the fields that could be decoded and returns their problems, besides
// those found already. It returns nothing when no field could be decoded, because an unreadable
// event should not be reported as lacking all its fields.
func (d draft) otherProblems(found []fault.Field, now time.Time) []fault.Field {
	if d.EventID == "" && d.CreatorID == "" && d.ActionType == "" && d.OccurredAt == "" {
		return nil
	}
	_, more := d.toEvent(now)
	return slices.DeleteFunc(more, func(f fault.Field) bool {
		return slices.ContainsFunc(found, func(g fault.Field) bool { return g.Field == f.Field })
	})
}

// readableID returns the id of an event that was refused, so that the sender can see which event of
// its batch was refused; "" when the id cannot be read.
func readableID(raw []byte) string {
	var d struct {
		EventID string `json:"event_id"`
	}
	if json.Unmarshal(raw, &d) != nil || !ident.Valid(d.EventID) {
		return ""
	}
	return d.EventID
}

// toEvent validates the draft and converts it into an event.
func (d draft) toEvent(now time.Time) (Event, []fault.Field) {
	var v validation
	e := Event{EventID: d.EventID, CreatorID: d.CreatorID, ActionType: d.ActionType,
		Platform: d.Platform, Quantity: 1, Details: d.Details}
	v.checkID("event_id", d.EventID)
	v.checkID("creator_id", string(d.CreatorID))
	if !isActionName(d.ActionType) {
		v.Add("action_type", "must be 2 to 40 of a-z, 0-9 and _, beginning with a letter")
	}
	e.OccurredAt = v.parseTime("occurred_at", d.OccurredAt, now)
	if d.Quantity != nil {
		e.Quantity = *d.Quantity
	}
	if e.Quantity < 1 || e.Quantity > MaxQuantity {
		v.Add("quantity", "must be 1 to 1000000")
	}
	if d.Platform != "" {
		v.checkID("platform", d.Platform)
	}
	v.checkDetails(d.Details)
	return e, v.Problems
}

// validation collects the problems of one event.
type validation struct{ fault.Problems }

// checkID adds a problem unless the field is a valid id.
func (v *validation) checkID(field, id string) {
	switch {
	case id == "":
		v.Add(field, "is required")
	case !ident.Valid(id):
		v.Add(field, "must be 1 to 64 of A-Z, a-z, 0-9, _ and -")
	}
}

// parseTime parses occurred_at, an RFC 3339 time within MaxAhead and MaxBehind of the clock.
func (v *validation) parseTime(field, text string, now time.Time) time.Time {
	if text == "" {
		v.Add(field, "is required")
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	switch {
	case err != nil || strings.Contains(text, ","):
		// time.Parse accepts a comma before the fraction of a second, which RFC 3339 does not allow.
		v.Add(field, "must be a time with offset, like 2026-11-22T09:30:00+08:00")
	case at.After(now.Add(MaxAhead)):
		v.Add(field, "must be at most 5 minutes ahead of the clock")
	case at.Before(now.Add(-MaxBehind)):
		v.Add(field, "must be at most 400 days back")
	}
	return at.In(civil.Shanghai)
}

// checkDetails checks the lengths of the texts and the names and values of the metrics.
func (v *validation) checkDetails(d Details) {
	v.checkText("content_id", d.ContentID)
	v.checkText("viewer_ref", d.ViewerRef)
	v.checkText("session_id", d.SessionID)
	v.checkText("device", d.Device)
	if d.UTM != nil {
		v.checkText("utm.source", d.UTM.Source)
		v.checkText("utm.medium", d.UTM.Medium)
		v.checkText("utm.campaign", d.UTM.Campaign)
		v.checkText("utm.term", d.UTM.Term)
		v.checkText("utm.content", d.UTM.Content)
	}
	if len(d.Metrics) > maxMetrics {
		v.Add("metrics", "must have at most 20 entries")
		return
	}
	for _, name := range sortedKeys(d.Metrics) {
		if !isActionName(name) && (len(name) != 1 || name[0] < 'a' || name[0] > 'z') {
			v.Add("metrics."+name, "must be named with up to 40 of a-z, 0-9 and _, beginning with a letter")
		}
		if !isDecimal(d.Metrics[name]) {
			v.Add("metrics."+name, `must be a decimal string, like "12.5"`)
		}
	}
}

// checkText checks the length of an optional text.
func (v *validation) checkText(field, s string) {
	// Counting bytes first is enough for most texts and costs less than counting characters.
	if len(s) > maxText && utf8.RuneCountInString(s) > maxText {
		v.Add(field, "must have at most 128 characters")
	}
}

// isDecimal reports whether a text matches -?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?
func isDecimal(s string) bool {
	whole, fraction, dotted := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return areDigits(whole, 18) && (whole[0] != '0' || len(whole) == 1) &&
		(!dotted || areDigits(fraction, 9))
}

// areDigits reports whether a text consists of 1 to most digits.
func areDigits(s string, most int) bool {
	return len(s) > 0 && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// isActionName reports whether a text matches [a-z][a-z0-9_]{1,39}.
func isActionName(s string) bool {
	if len(s) < 2 || len(s) > 40 || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isWordChar(s[i]) {
			return false
		}
	}
	return true
}

// isWordChar reports whether a character is a lower-case letter, a digit or an underscore.
func isWordChar(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' }

// sortedKeys returns the names of the metrics in alphabetical order, so that problems and digests
// do not depend on the order of a map.
func sortedKeys(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
