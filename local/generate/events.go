package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"fenzhang/local/apiclient"
	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
)

// eventLines is the number of lines of the event files of all three months.
const eventLines = 20_000

// How many lines of a month are repeats or late events, and how many creators earn on how many
// days.
const (
	eventRepeats = 40
	eventLate    = 12
	earners      = 22 // number of creators with rewarded actions in a month
	activeDays   = 9
	halfDay      = 15 // first day of a month's second file; the first file is sent on this day
)

// brokenEvents are events that the API refuses, each for another reason. The last one is no JSON
// and is refused by the program that reads the file.
var brokenEvents = [...]string{
	`{"event_id":"bad-quantity","creator_id":"c024","action_type":"new_follower",` +
		`"occurred_at":"2026-08-05T20:00:00+08:00","quantity":0}`,
	`{"event_id":"bad-action","creator_id":"c024","action_type":"New Follower",` +
		`"occurred_at":"2026-08-05T20:00:00+08:00"}`,
	`{"event_id":"bad-time","creator_id":"c024","action_type":"new_follower",` +
		`"occurred_at":"yesterday"}`,
	`{"event_id":"bad-field","creator_id":"c024","action_type":"new_follower",` +
		`"occurred_at":"2026-08-05T20:00:00+08:00","amount":"9.99"}`,
	`{"creator_id":"c024","action_type":"new_follower","occurred_at":"2026-08-05T20:00:00+08:00"}`,
	`{"event_id":"bad-creator","creator_id":"nobody","action_type":"new_follower",` +
		`"occurred_at":"2026-08-05T20:00:00+08:00"}`,
	`{"event_id":"bad-future","creator_id":"c024","action_type":"new_follower",` +
		`"occurred_at":"2027-08-05T20:00:00+08:00"}`,
	`{"event_id":"bad-large","creator_id":"c024","action_type":"live_minutes",` +
		`"occurred_at":"2026-08-05T20:00:00+08:00","quantity":1000001}`,
	`{"event_id":"cut-off","creator_id":"c024","action_ty`,
}

// engagement generates the incentive events of a tenant.
type engagement struct {
	r      *random
	serial int
}

// happening is an event with its time.
type happening struct {
	at   time.Time
	line []byte
}

// makeEvent generates one event of a creator on a day, and adds its reward to the statement of a
// month.
func (g *engagement) makeEvent(m member, day civil.Date, statement civil.Month,
	sums tally) (happening, error) {
	g.serial++
	// live rooms are open in the evening
	at := day.Start().Add(time.Duration(g.r.between(18*3600, 24*3600-1)) * time.Second)
	e := apiclient.Event{EventID: fmt.Sprintf("ev%06d", g.serial), CreatorID: ident.Creator(m.id),
		OccurredAt: at.Format(time.RFC3339)}
	var fen int64
	switch n := g.r.below(1000); {
	case n < 300:
		e.ActionType, e.Quantity = "live_minutes", g.r.between(5, 60)
		fen = 2 * e.Quantity
	case n < 550:
		e.ActionType, fen = "new_follower", 30
	case n < 700:
		e.ActionType = "order_referred"
		e.Platform = platform
		fen = 150
	case n < 880:
		e.ActionType, e.ContentID = "video_share", fmt.Sprintf("v%05d", g.r.below(500))
	case n < 997:
		e.ActionType = "daily_checkin"
	default:
		// no strategy rewards this action: the event is parked
		e.ActionType = "coupon_claim"
	}
	if g.r.chance(3) {
		e.UTM = &apiclient.UTM{Source: "douyin", Medium: "feed", Campaign: "autumn"}
		e.Metrics = map[string]string{"ctr": fmt.Sprintf("0.%03d", g.r.below(1000))}
	}
	// only cash becomes income; points do not
	if fen > 0 {
		sums.add(m, incentive, statement, fen)
	}
	line, err := json.Marshal(e)
	return happening{at, line}, err
}

// makeMonth generates the events of one month in two files: before halfDay, and from halfDay on.
func (g *engagement) makeMonth(members []member, index int,
	sums tally) (first, second []byte, err error) {
	month := serviceMonths()[index]
	// the three months have eventLines lines together, whatever the remainder
	lines := eventLines * (index + 1) / 3
	lines -= eventLines * index / 3
	broken := brokenEvents[index*3 : index*3+3]
	active := g.drawEarners(members)
	all := make([]happening, 0, lines)
	days := map[string][]civil.Date{}
	for _, m := range active {
		days[m.id] = g.drawDays(month)
	}
	for range lines - eventRepeats - len(broken) - g.lateEventCount(index) {
		m := pickRandom(g.r, active)
		h, err := g.makeEvent(m, pickRandom(g.r, days[m.id]), month, sums)
		if err != nil {
			return nil, nil, err
		}
		all = append(all, h)
	}
	slices.SortStableFunc(all, func(a, b happening) int {
		return cmp.Compare(a.at.UnixNano(), b.at.UnixNano())
	})
	// the second file begins with the first event of halfDay
	half := slices.IndexFunc(all, func(h happening) bool {
		return civil.DateOf(h.at).Day() >= halfDay
	})
	early, late := g.repeatEvents(all[:half:half]), g.repeatEvents(all[half:])
	for range g.lateEventCount(index) {
		// late events belong to the statement of this month: theirs is made already
		h, err := g.makeEvent(pickRandom(g.r, active), month.Add(-1).Day(20+g.r.below(10)), month, sums)
		if err != nil {
			return nil, nil, err
		}
		late = append(late, h.line)
	}
	return joinLines(early, broken), joinLines(late, nil), nil
}

// lateEventCount returns how many events of the month before arrive in this month; there are none
// in the first month.
func (g *engagement) lateEventCount(index int) int {
	if index == 0 {
		return 0
	}
	return eventLate
}

// drawEarners draws the creators whose actions are rewarded in a month.
func (g *engagement) drawEarners(members []member) []member {
	var able []member
	for _, m := range members {
		if m.earns[incentive] {
			able = append(able, m)
		}
	}
	shuffle(g.r, able)
	return able[:min(earners, len(able))]
}

// drawDays draws the days on which a creator is live.
func (g *engagement) drawDays(month civil.Month) []civil.Date {
	var all []civil.Date
	for d := 1; d <= month.Last().Day(); d++ {
		all = append(all, month.Day(d))
	}
	shuffle(g.r, all)
	return all[:activeDays]
}

// repeatEvents repeats half of the month's repeated events, each at a random place after its first
// occurrence.
func (g *engagement) repeatEvents(all []happening) [][]byte {
	var lines [][]byte
	for _, h := range all {
		lines = append(lines, h.line)
	}
	for range eventRepeats / 2 {
		i := g.r.below(len(lines))
		// a repeat comes after its first occurrence, so that it is recognised as known
		at := i + 1 + g.r.below(len(lines)-i)
		lines = slices.Insert(lines, at, lines[i])
	}
	return lines
}

// joinLines joins the lines of a file, with the broken ones among the first lines.
func joinLines(lines [][]byte, broken []string) []byte {
	for i, b := range broken {
		lines = slices.Insert(lines, 100*(i+1), []byte(b))
	}
	return append(bytes.Join(lines, []byte("\n")), '\n')
}
