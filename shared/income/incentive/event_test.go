package incentive

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/tenancy"
)

var noon = time.Date(2026, 8, 3, 12, 0, 0, 0, civil.Shanghai)

const good = `{"event_id":"ev-1","creator_id":"c-1","action_type":"watch_live","occurred_at":"2026-08-03T11:00:00+08:00"}`

// with adds a member to the good event; without leaves one out.
func with(member string) string { return good[:len(good)-1] + "," + member + "}" }

func replaced(old, new string) string { return strings.Replace(good, old, new, 1) }

func TestReadNamesEveryProblem(t *testing.T) {
	long := strings.Repeat("x", 129)
	for name, c := range map[string]struct {
		body string
		want []string // fields in trouble
		id   string   // what is still readable
	}{
		"good":                 {good, nil, "ev-1"},
		"everything":           {with(`"content_id":"l-1","quantity":1000000,"platform":"douyin","viewer_ref":"v","session_id":"s","utm":{"source":"a","medium":"b","campaign":"c","term":"d","content":"e"},"device":"直播","metrics":{"seconds":"-12.50","n":"0"}`), nil, "ev-1"},
		"utc":                  {replaced("2026-08-03T11:00:00+08:00", "2026-08-03T03:00:00.123456789Z"), nil, "ev-1"},
		"empty":                {`{}`, []string{"event_id", "creator_id", "action_type", "occurred_at"}, ""},
		"not an object":        {`7`, []string{""}, ""},
		"broken":               {`{"event_id":"ev-1"`, []string{""}, ""},
		"long id":              {replaced("ev-1", strings.Repeat("e", 65)), []string{"event_id"}, ""},
		"64 is fine":           {replaced("ev-1", strings.Repeat("e", 64)), nil, strings.Repeat("e", 64)},
		"id with a blank":      {replaced("ev-1", "ev 1"), []string{"event_id"}, ""},
		"creator id":           {replaced("c-1", "c#1"), []string{"creator_id"}, "ev-1"},
		"action":               {replaced("watch_live", "Watch"), []string{"action_type"}, "ev-1"},
		"action of one letter": {replaced("watch_live", "w"), []string{"action_type"}, "ev-1"},
		"time without offset":  {replaced("+08:00", ""), []string{"occurred_at"}, "ev-1"},
		"time as a number":     {replaced(`"2026-08-03T11:00:00+08:00"`, "1785726000000"), []string{"occurred_at"}, "ev-1"},
		"time with a comma":    {replaced("11:00:00", "11:00:00,5"), []string{"occurred_at"}, "ev-1"},
		"too far ahead":        {replaced("11:00:00", "12:05:01"), []string{"occurred_at"}, "ev-1"},
		"five minutes ahead":   {replaced("11:00:00", "12:05:00"), nil, "ev-1"},
		"too old":              {replaced("2026-08", "2025-06"), []string{"occurred_at"}, "ev-1"},
		"quantity zero":        {with(`"quantity":0`), []string{"quantity"}, "ev-1"},
		"quantity negative":    {with(`"quantity":-1`), []string{"quantity"}, "ev-1"},
		"quantity huge":        {with(`"quantity":1000001`), []string{"quantity"}, "ev-1"},
		"quantity beyond":      {with(`"quantity":1e30`), []string{"quantity"}, "ev-1"},
		"quantity broken":      {with(`"quantity":1.5`), []string{"quantity"}, "ev-1"},
		"quantity text":        {with(`"quantity":"1"`), []string{"quantity"}, "ev-1"},
		"unknown field":        {with(`"amount":"1.00"`), []string{"amount"}, "ev-1"},
		"given twice":          {with(`"event_id":"ev-2"`), []string{"event_id"}, "ev-2"},
		"control character":    {with(`"device":"a\u0007b"`), []string{"device"}, "ev-1"},
		"long text":            {with(`"content_id":"` + long + `","viewer_ref":"` + long + `","session_id":"` + long + `","device":"` + long + `"`), []string{"content_id", "viewer_ref", "session_id", "device"}, "ev-1"},
		"utm":                  {with(`"utm":{"source":"` + long + `","who":"x"}`), []string{"utm.who", "utm.source"}, "ev-1"},
		"metric as a number":   {with(`"metrics":{"seconds":12.5}`), []string{"metrics.seconds"}, "ev-1"},
		"metrics":              {with(`"metrics":{"seconds":"1e3","Big":"1","ok":"1.","t":"01"}`), []string{"metrics.Big", "metrics.ok", "metrics.seconds", "metrics.t"}, "ev-1"},
		"several":              {`{"event_id":"ev 1","action_type":"","quantity":"x","extra":1}`, []string{"extra", "quantity", "event_id", "creator_id", "action_type", "occurred_at"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e, id, err := ParseEvent([]byte(c.body), noon)
			if id != c.id {
				t.Errorf("id %q, want %q", id, c.id)
			}
			if c.want == nil {
				if err != nil || e.EventID == "" {
					t.Errorf("refused: %v", err)
				}
				return
			}
			var refusal *fault.Error
			if !errors.As(err, &refusal) || refusal.Code != fault.InvalidInput {
				t.Fatalf("error %v", err)
			}
			var got []string
			for _, f := range refusal.Fields {
				got = append(got, f.Field)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("problems with %v, want %v", got, c.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	f.Add(good)
	f.Add(with(`"utm":{"source":"a"},"metrics":{"seconds":"12.5"},"quantity":3`))
	f.Add(`{"event_id":"\ud800"}`)
	f.Fuzz(func(t *testing.T, body string) {
		e, id, err := ParseEvent([]byte(body), noon)
		if err != nil {
			if len(fault.AsError(err).Fields) == 0 {
				t.Fatalf("refused without a reason: %q", body)
			}
			return
		}
		if id != e.EventID || !ident.Valid(e.EventID) || !ident.Valid(string(e.CreatorID)) || e.Quantity < 1 || e.Quantity > MaxQuantity {
			t.Fatalf("accepted %+v", e)
		}
		again, _, err := ParseEvent([]byte(fmt.Sprintf(`{"event_id":%q,"creator_id":%q,"action_type":%q,"occurred_at":%q,"quantity":%d,"platform":%q}`,
			e.EventID, e.CreatorID, e.ActionType, e.OccurredAt.Format(time.RFC3339Nano), e.Quantity, e.Platform)), noon)
		e.Details = Details{}
		if err != nil || digestEvent(again) != digestEvent(e) {
			t.Fatalf("written again it is another event: %v\n%+v\n%+v", err, e, again)
		}
	})
}

func TestDigestTellsEventsApart(t *testing.T) {
	read := func(body string) string {
		e, _, err := ParseEvent([]byte(body), noon)
		if err != nil {
			t.Fatal(err)
		}
		return digestEvent(e)
	}
	first := read(good)
	for _, same := range []string{replaced("2026-08-03T11:00:00+08:00", "2026-08-03T03:00:00Z"), with(`"quantity":1`), with(`"utm":{}`), with(`"metrics":{}`), " " + good} {
		if read(same) != first {
			t.Errorf("another digest for the same content: %s", same)
		}
	}
	seen := map[string]string{first: good}
	for _, other := range []string{
		replaced("c-1", "c-2"), replaced("watch_live", "watch_liv"), replaced("11:00:00", "11:00:01"), with(`"quantity":2`), with(`"platform":"x"`),
		with(`"content_id":"x"`), with(`"viewer_ref":"x"`), with(`"session_id":"x"`), with(`"device":"x"`), with(`"utm":{"source":"x"}`),
		with(`"utm":{"medium":"x"}`), with(`"metrics":{"x":"1"}`), with(`"metrics":{"x":"2"}`), with(`"metrics":{"x":"1","y":"1"}`),
	} {
		d := read(other)
		if before, taken := seen[d]; taken {
			t.Errorf("one digest for %s and %s", before, other)
		}
		seen[d] = other
	}
}

func strategy(id, from string, version int, action, platform string) tenancy.Strategy {
	return tenancy.Strategy{Version: tenancy.Version{From: civil.MustDate(from), Version: version}, StrategyID: id, ActionType: action, Platform: platform,
		Reward: tenancy.Reward{Kind: tenancy.Cash, Amount: money.Fen(50)}}
}

func TestMatch(t *testing.T) {
	e := Event{ActionType: "watch_live", Platform: "douyin", OccurredAt: noon}
	ended := strategy("ended", "2026-07-01", 1, "watch_live", "douyin")
	ended.To = civil.MustDate("2026-08-02")
	for name, c := range map[string]struct {
		all  []tenancy.Strategy
		want string
	}{
		"none":                           {nil, ""},
		"other action":                   {[]tenancy.Strategy{strategy("a", "2026-01-01", 1, "share", "")}, ""},
		"other platform":                 {[]tenancy.Strategy{strategy("a", "2026-01-01", 1, "watch_live", "kuaishou")}, ""},
		"not begun":                      {[]tenancy.Strategy{strategy("a", "2026-08-04", 1, "watch_live", "")}, ""},
		"begins today":                   {[]tenancy.Strategy{strategy("a", "2026-08-03", 1, "watch_live", "")}, "a/1"},
		"ended":                          {[]tenancy.Strategy{ended}, ""},
		"the platform's own wins":        {[]tenancy.Strategy{strategy("a", "2026-08-01", 1, "watch_live", ""), strategy("b", "2026-01-01", 1, "watch_live", "douyin")}, "b/1"},
		"then the latest":                {[]tenancy.Strategy{strategy("a", "2026-01-01", 1, "watch_live", ""), strategy("b", "2026-02-01", 1, "watch_live", "")}, "b/1"},
		"then the smaller id":            {[]tenancy.Strategy{strategy("b", "2026-01-01", 1, "watch_live", ""), strategy("a", "2026-01-01", 1, "watch_live", "")}, "a/1"},
		"a later version replaces":       {[]tenancy.Strategy{strategy("a", "2026-01-01", 1, "watch_live", ""), strategy("a", "2026-08-01", 2, "watch_live", "")}, "a/2"},
		"a version to come does not":     {[]tenancy.Strategy{strategy("a", "2026-01-01", 1, "watch_live", ""), strategy("a", "2026-09-01", 2, "watch_live", "")}, "a/1"},
		"a version may turn to others":   {[]tenancy.Strategy{strategy("a", "2026-01-01", 1, "watch_live", ""), strategy("a", "2026-08-01", 2, "share", "")}, ""},
		"an ended version leaves no one": {[]tenancy.Strategy{strategy("ended", "2026-01-01", 0, "watch_live", "douyin"), ended}, ""},
	} {
		got := ""
		if s, ok := FindStrategy(c.all, e); ok {
			got = fmt.Sprintf("%s/%d", s.StrategyID, s.Version.Version)
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestGrantForCountsUnits(t *testing.T) {
	s := strategy("a", "2026-01-01", 1, "watch_live", "")
	e := Event{Quantity: 7}
	if g, err := ComputeGrant(s, e); err != nil || g.Amount != money.Fen(50) {
		t.Errorf("for the action: %+v (%v)", g, err)
	}
	s.Reward.PerUnit = true
	if g, err := ComputeGrant(s, e); err != nil || g.Amount != money.Fen(350) {
		t.Errorf("for each unit: %+v (%v)", g, err)
	}
	s.Reward.Amount = money.Fen(1 << 60)
	if g, err := ComputeGrant(s, e); !fault.HasCode(err, fault.InvalidInput) {
		t.Errorf("a reward beyond all bounds: %+v (%v)", g, err)
	}
	points := strategy("p", "2026-01-01", 3, "watch_live", "")
	points.Reward = tenancy.Reward{Kind: tenancy.Traffic, Points: 4, PerUnit: true}
	points.DailyCapPoints = 100
	if g, err := ComputeGrant(points, e); err != nil || g != (Grant{Kind: Traffic, Points: 28, Strategy: "p", Version: 3, DailyCap: 100}) {
		t.Errorf("points: %+v (%v)", g, err)
	}
}
