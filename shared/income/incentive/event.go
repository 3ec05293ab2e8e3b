// Package incentive turns creators' actions into rewards: it reads and checks events, finds the
// strategy that rewards them, and folds a creator's day into totals that hold under redelivery and
// reordering (promise P6).
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

// Event is one rewarded action, checked. Text fields are empty when they were not given.
type Event struct {
	EventID    string
	CreatorID  ident.Creator
	ActionType string
	OccurredAt time.Time // as given, in Shanghai time
	Quantity   int64     // 1 to MaxQuantity
	Platform   string
	Details
}

// Details are what attribution and reports read later; no reward depends on them.
type Details struct {
	ContentID string            `json:"content_id,omitempty"`
	ViewerRef string            `json:"viewer_ref,omitempty"`
	SessionID string            `json:"session_id,omitempty"`
	UTM       *UTM              `json:"utm,omitempty"`
	Device    string            `json:"device,omitempty"`
	Metrics   map[string]string `json:"metrics,omitempty"` // name -> decimal
}

// UTM is where a viewer came from.
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
	MaxAhead    = 5 * time.Minute      // occurred_at after the clock
	MaxBehind   = 400 * 24 * time.Hour // occurred_at before the clock
	maxText     = 128                  // characters of an optional text
	maxMetrics  = 20
)

// Day is the Shanghai day on which the event counts.
func (e Event) Day() civil.Date { return civil.DateOf(e.OccurredAt) }

// draft is an event as it was sent.
type draft struct {
	EventID    string        `json:"event_id"`
	CreatorID  ident.Creator `json:"creator_id"`
	ActionType string        `json:"action_type"`
	OccurredAt string        `json:"occurred_at"`
	Quantity   *int64        `json:"quantity"`
	Platform   string        `json:"platform"`
	Details
}

// ParseEvent reads and checks one event; the error lists all its problems. now is the clock from which
// the window of occurred_at is measured. The id is given back even when other fields are wrong, ""
// if it cannot be read.
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

// otherProblems adds what is wrong in the fields that could be read. When nothing could be read it
// adds nothing: an unreadable event does not lack its fields.
func (d draft) otherProblems(found []fault.Field, now time.Time) []fault.Field {
	if d.EventID == "" && d.CreatorID == "" && d.ActionType == "" && d.OccurredAt == "" {
		return nil
	}
	_, more := d.toEvent(now)
	return slices.DeleteFunc(more, func(f fault.Field) bool {
		return slices.ContainsFunc(found, func(g fault.Field) bool { return g.Field == f.Field })
	})
}

// readableID finds the id in an event that was refused, so that the sender can tell which one it
// was.
func readableID(raw []byte) string {
	var d struct {
		EventID string `json:"event_id"`
	}
	if json.Unmarshal(raw, &d) != nil || !isID(d.EventID) {
		return ""
	}
	return d.EventID
}

func (d draft) toEvent(now time.Time) (Event, []fault.Field) {
	var p problems
	e := Event{EventID: d.EventID, CreatorID: d.CreatorID, ActionType: d.ActionType,
		Platform: d.Platform, Quantity: 1, Details: d.Details}
	p.id("event_id", d.EventID)
	p.id("creator_id", string(d.CreatorID))
	if !isActionName(d.ActionType) {
		p.add("action_type", "must be 2 to 40 of a-z, 0-9 and _, beginning with a letter")
	}
	e.OccurredAt = p.moment("occurred_at", d.OccurredAt, now)
	if d.Quantity != nil {
		e.Quantity = *d.Quantity
	}
	if e.Quantity < 1 || e.Quantity > MaxQuantity {
		p.add("quantity", "must be 1 to 1000000")
	}
	if d.Platform != "" {
		p.id("platform", d.Platform)
	}
	p.details(d.Details)
	return e, p.found
}

type problems struct{ found []fault.Field }

func (p *problems) add(field, problem string) {
	p.found = append(p.found, fault.Field{Field: field, Problem: problem})
}

func (p *problems) id(field, id string) {
	switch {
	case id == "":
		p.add(field, "is required")
	case !isID(id):
		p.add(field, "must be 1 to 64 of A-Z, a-z, 0-9, _ and -")
	}
}

// moment reads a time with an offset that lies in the window around now.
func (p *problems) moment(field, text string, now time.Time) time.Time {
	if text == "" {
		p.add(field, "is required")
		return time.Time{}
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	switch {
	case err != nil || strings.Contains(text, ","): // a comma is ISO 8601, not RFC 3339
		p.add(field, "must be a time with offset, like 2026-11-22T09:30:00+08:00")
	case at.After(now.Add(MaxAhead)):
		p.add(field, "must be at most 5 minutes ahead of the clock")
	case at.Before(now.Add(-MaxBehind)):
		p.add(field, "must be at most 400 days back")
	}
	return at.In(civil.Shanghai)
}

func (p *problems) details(d Details) {
	p.text("content_id", d.ContentID)
	p.text("viewer_ref", d.ViewerRef)
	p.text("session_id", d.SessionID)
	p.text("device", d.Device)
	if d.UTM != nil {
		p.text("utm.source", d.UTM.Source)
		p.text("utm.medium", d.UTM.Medium)
		p.text("utm.campaign", d.UTM.Campaign)
		p.text("utm.term", d.UTM.Term)
		p.text("utm.content", d.UTM.Content)
	}
	if len(d.Metrics) > maxMetrics {
		p.add("metrics", "must have at most 20 entries")
		return
	}
	for _, name := range sortedKeys(d.Metrics) {
		if !isActionName(name) && (len(name) != 1 || name[0] < 'a' || name[0] > 'z') {
			p.add("metrics."+name, "must be named with up to 40 of a-z, 0-9 and _, beginning with a letter")
		}
		if !isDecimal(d.Metrics[name]) {
			p.add("metrics."+name, `must be a decimal string, like "12.5"`)
		}
	}
}

func (p *problems) text(field, s string) {
	if len(s) > maxText && utf8.RuneCountInString(s) > maxText {
		p.add(field, "must have at most 128 characters")
	}
}

// isDecimal is `-?(0|[1-9][0-9]{0,17})(\.[0-9]{1,9})?`.
func isDecimal(s string) bool {
	whole, fraction, dotted := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	return areDigits(whole, 18) && (whole[0] != '0' || len(whole) == 1) &&
		(!dotted || areDigits(fraction, 9))
}

func areDigits(s string, most int) bool {
	return len(s) > 0 && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

// isID is `[A-Za-z0-9_-]{1,64}`, written out because it runs three times for each event.
func isID(s string) bool {
	if len(s) == 0 || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; !isWordChar(c) && c != '-' && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// isActionName is `[a-z][a-z0-9_]{1,39}`.
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

// isWordChar is `[a-z0-9_]`.
func isWordChar(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '_' }

func sortedKeys(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
