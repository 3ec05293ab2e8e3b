package settlementapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"fenzhang/shared/civil"
	"fenzhang/shared/civil/calendar"
	"fenzhang/shared/ident"
	"fenzhang/shared/identity"
	"fenzhang/shared/payout"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settletest"
)

// december is a site on a day whose next pay day, 15 January, lies in a year that is not loaded.
func december(t *testing.T, day string) *site {
	s := open(t)
	s.w.Calendar = loaded(t, calendar.Year{Year: 2026})
	s.w.SetDate(day)
	return s
}

func loaded(t *testing.T, years ...calendar.Year) *calendar.Calendar {
	t.Helper()
	c, err := calendar.New(years...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// next loads 2027, in which 15 January is a working day or the pay day moves to Monday the 18th.
func (s *site) next(moves bool) {
	s.t.Helper()
	year := calendar.Year{Year: 2027}
	if moves {
		year.Holidays = []civil.Date{civil.MustDate("2027-01-15")}
	}
	s.w.Calendar = loaded(s.t, calendar.Year{Year: 2026}, year)
}

// settleStudio settles a call of the current month, for a studio: no open rule stands in its way.
func (s *site) settleStudio(day string) map[string]any {
	s.t.Helper()
	body := fmt.Sprintf(`{"user_id":%q,"activity_id":"live-1","ts":%d,"amount":"1000.00","income_type":"live_tip"}`,
		settletest.Studio, civil.MustDate(day).Start().UnixMilli())
	code, answer := s.call(as(identity.Operator), "POST", "/v1/incentive/settle", "", map[string]string{"x-idemp-key": "december-1"}, body)
	if code != 201 {
		s.t.Fatalf("%d %v", code, answer)
	}
	return answer
}

func (s *site) shown(id string) map[string]any {
	s.t.Helper()
	code, v := s.call(as(identity.Finance), "GET", "/v1/settlements/"+id, "", nil, "")
	if code != 200 {
		s.t.Fatalf("%d %v", code, v)
	}
	return v
}

func (s *site) act(role identity.Role, id, act, body string) (int, map[string]any) {
	s.t.Helper()
	return s.call(as(role), "POST", "/v1/settlements/"+id+"/"+act, "", nil, body)
}

// sweep makes one round of the sweep: what it asks for is done at once.
func (s *site) sweep() {
	s.t.Helper()
	ctx := context.Background()
	var v *settlement.Advancer
	v = s.w.Advancer(func(ctx context.Context, st settlement.Settlement, op string) error {
		task := settlement.Task{Tenant: st.Tenant, SettlementID: ident.Settlement(st.ID), Op: op}
		switch op {
		case settlement.OpAdvance:
			return v.RunTask(ctx, task)
		case settlement.OpSend, settlement.OpQuery:
			return nil // what pay-out does
		}
		return s.w.RunTask(ctx, task)
	}, nil)
	for range 2 { // the second round does what the first one made due
		if err := v.Sweep(ctx); err != nil {
			s.t.Fatal(err)
		}
	}
}

func TestSettleWhileTheYearOfThePayDayIsNotLoaded(t *testing.T) {
	for _, day := range []string{"2026-12-01", "2026-12-31"} {
		s := december(t, day)
		answer := s.settleStudio(day)
		if answer["expected_arrival"] != nil || answer["status"] != "PENDING_REVIEW" {
			t.Fatalf("%v", answer)
		}
		id := answer["settlement_id"].(string)
		for range 2 { // before the quote, and behind it
			v := s.shown(id)
			hold, next := v["hold"].(map[string]any), v["next"].(map[string]any)
			if v["vat_date"] != "2027-01-15" || v["payment_date"] != "2027-01-15" || v["dates_provisional"] != true || v["gross"] != "1000.00" || v["creator_share"] != "700.00" || v["expected_arrival"] != nil {
				t.Errorf("%v", v)
			}
			if hold["reason"] != "CALENDAR_MISSING" || hold["owner"] != "system_operator" || !strings.HasPrefix(hold["text"].(string), "calendar.2027: ") || strings.Contains(hold["text"].(string), "published yet") {
				t.Errorf("%v", hold)
			}
			if next["action"] != "load_calendar" || next["owner"] != "system_operator" || next["due"] == nil {
				t.Errorf("%v", next)
			}
			s.sweep()
		}
		if code, e := s.act(identity.Finance, id, "release", `{"status_version":1}`); code != 409 || e["reason"] != "calendar_missing" {
			t.Errorf("release: %d %v", code, e)
		}
		if code, e := s.act(identity.Finance, id, "transitions", `{"to":"IN_REVIEW","status_version":1}`); code != 200 {
			t.Fatalf("%d %v", code, e)
		}
		if code, e := s.act(identity.Approver, id, "transitions", `{"to":"APPROVED","status_version":2}`); code != 409 || e["reason"] != "on_hold" {
			t.Errorf("approve: %d %v", code, e)
		}
	}
}

// What a person stopped stays stopped; behind it the dates are still provisional, and show when it is released.
func TestProvisionalDatesBehindAHoldOfAPerson(t *testing.T) {
	s := december(t, "2026-12-01")
	id := s.settleStudio("2026-12-01")["settlement_id"].(string)
	if code, e := s.act(identity.Finance, id, "hold", `{"reason":"MANUAL","status_version":1}`); code != 200 {
		t.Fatalf("%d %v", code, e)
	}
	if code, v := s.act(identity.Finance, id, "release", `{"status_version":1}`); code != 200 || v["hold"].(map[string]any)["reason"] != "CALENDAR_MISSING" {
		t.Fatalf("%d %v", code, v)
	}
	if code, e := s.act(identity.Finance, id, "hold", `{"reason":"MANUAL","status_version":1}`); code != 200 {
		t.Fatalf("%d %v", code, e)
	}
	s.next(true)
	s.sweep()
	if v := s.shown(id); v["hold"].(map[string]any)["reason"] != "MANUAL" || v["dates_provisional"] != false || v["vat_date"] != "2027-01-18" {
		t.Errorf("%v", v)
	}
}

func TestTheCalendarArrives(t *testing.T) {
	for name, moves := range map[string]bool{"the day stays": false, "the day moves": true} {
		t.Run(name, func(t *testing.T) {
			s := december(t, "2026-12-01")
			id := s.settleStudio("2026-12-01")["settlement_id"].(string)
			s.sweep()
			quoted := s.shown(id)
			if quoted["quote"] == nil {
				t.Fatal("no quote by the provisional date")
			}
			s.next(moves)
			day, arrival := "2027-01-15", "2027-01-18T14:00:00.000+08:00"
			if moves {
				day, arrival = "2027-01-18", "2027-01-19T14:00:00.000+08:00"
			}
			s.sweep()
			v := s.shown(id)
			if v["vat_date"] != day || v["payment_date"] != day || v["dates_provisional"] != false || v["hold"] != nil || v["quote"] == nil || v["expected_arrival"] != arrival {
				t.Fatalf("%v", v)
			}
			s.payOn(id, day)
		})
	}
}

// payOn approves a settlement and pays it: not before its day, and then in full.
func (s *site) payOn(id, day string) {
	s.t.Helper()
	ctx := context.Background()
	for version, to := range []string{"IN_REVIEW", "APPROVED"} {
		role := []identity.Role{identity.Finance, identity.Approver}[version]
		if code, e := s.act(role, id, "transitions", fmt.Sprintf(`{"to":%q,"status_version":%d}`, to, version+1)); code != 200 {
			s.t.Fatalf("%d %v", code, e)
		}
	}
	for _, today := range []string{civil.MustDate(day).AddDays(-1).String(), day} {
		s.w.SetDate(today)
		s.sweep()
		if v := s.shown(id); (v["status"] == "PAYING") != (today == day) {
			s.t.Fatalf("on %s it is %v, hold %v", today, v["status"], v["hold"])
		}
	}
	p, err := s.w.Payables.Load(ctx, settletest.Tenant, ident.Settlement(id))
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.w.Payables.MarkSent(ctx, p, s.w.Now()); err != nil {
		s.t.Fatal(err)
	}
	if p, err = s.w.Payables.Load(ctx, settletest.Tenant, ident.Settlement(id)); err != nil {
		s.t.Fatal(err)
	}
	if err := s.w.Payables.RecordOutcome(ctx, p, payout.Outcome{State: payout.Paid, At: s.w.Now()}); err != nil {
		s.t.Fatal(err)
	}
	if v := s.shown(id); v["status"] != "PAID" || v["to_pay"] != "700.00" || v["net"] != "700.00" {
		s.t.Errorf("%v", v)
	}
}

// An act of a person takes the dates from the calendar that is loaded, before any sweep.
func TestAnActSettlesTheDates(t *testing.T) {
	s := december(t, "2026-12-01")
	id := s.settleStudio("2026-12-01")["settlement_id"].(string)
	s.sweep()
	s.next(true)
	code, v := s.act(identity.Finance, id, "transitions", `{"to":"IN_REVIEW","status_version":1}`)
	if code != 200 || v["vat_date"] != "2027-01-18" || v["dates_provisional"] != false || v["hold"] != nil || v["quote"] != nil {
		t.Fatalf("%d %v", code, v)
	}
	if code, e := s.act(identity.Approver, id, "transitions", `{"to":"APPROVED","status_version":2}`); code != 409 || e["reason"] != "quote_missing" {
		t.Errorf("approved on the old quote: %d %v", code, e)
	}
}

// The sweep says which calendars are not loaded: of this year always, of the next one from a day in autumn on.
func TestAMissingCalendarIsHeardFrom(t *testing.T) {
	for day, want := range map[string][]string{"2026-10-31": nil, "2026-11-01": {"2027"}, "2026-12-31": {"2027"}, "2027-01-10": {"2027"}, "2027-11-01": {"2027", "2028"}} {
		s := december(t, day)
		var log strings.Builder
		v := s.w.Advancer(nil, slog.New(slog.NewJSONHandler(&log, nil)))
		if err := v.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		heard := strings.Count(log.String(), `"msg":"calendar not loaded"`)
		for _, year := range want {
			if !strings.Contains(log.String(), `"year":`+year) {
				t.Errorf("on %s: %s", day, log.String())
			}
		}
		if heard != len(want) {
			t.Errorf("on %s: %s", day, log.String())
		}
	}
}

// Where only the day after the pay day lies in a year that is not loaded, nothing is provisional; what was not known is
// shown as soon as it is.
func TestOnlyTheArrivalIsUnknown(t *testing.T) {
	s := december(t, "2026-12-31")
	contract := s.w.People.Contracts[settletest.Studio]
	contract.PayDay = 0
	s.w.People.Contracts[settletest.Studio] = contract
	answer := s.settleStudio("2026-12-31")
	id := answer["settlement_id"].(string)
	if v := s.shown(id); answer["expected_arrival"] != nil || v["expected_arrival"] != nil || v["hold"] != nil || v["dates_provisional"] != false {
		t.Errorf("%v, %v", answer, v)
	}
	s.next(false)
	if v := s.shown(id); v["expected_arrival"] != "2027-01-01T14:00:00.000+08:00" {
		t.Errorf("%v", v["expected_arrival"])
	}
}
