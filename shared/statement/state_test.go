package statement

import (
	"strings"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
)

var (
	today = civil.MustDate("2026-11-30")
	now   = today.Start().Add(9 * time.Hour)
)

// stands is a statement in a standing, sent with 7 days for the creator to speak.
func stands(t *testing.T, standing Standing) State {
	t.Helper()
	var s State
	if standing == Draft {
		return s
	}
	s, err := s.markSent(Statement{Hash: "h1", Bills: []Bill{{SettlementID: "st-1"}}, Lines: []Line{{}, {}}}, 7, today, "act-1", "finance@a", now)
	switch standing {
	case Confirmed:
		s, err = s.markConfirmed("h1", "act-2", "creator@a", now)
	case Disputed:
		s, err = s.addDisputes([]Dispute{{LineID: "ln-1", SettlementID: "st-1"}, {SettlementID: "st-2"}}, "act-2")
	case Accepted:
		accepted, ok := s.markAccepted(today.AddDays(8), "act-2", "system", now)
		if s = accepted; !ok {
			t.Fatal("silence did not accept it")
		}
	default: // draft and sent need no further step
	}
	if err != nil || s.Standing != standing {
		t.Fatalf("brought to %s: %v", s.Standing, err)
	}
	return s
}

// TestEveryActInEveryStanding tries every act on a statement in every standing.
func TestEveryActInEveryStanding(t *testing.T) {
	acts := map[string]func(State) (State, error){
		"send": func(s State) (State, error) {
			return s.markSent(Statement{Hash: "h2"}, 0, today, "act-9", "finance@a", now)
		},
		"confirm": func(s State) (State, error) { return s.markConfirmed("h1", "act-9", "creator@a", now) },
		"dispute": func(s State) (State, error) { return s.addDisputes([]Dispute{{LineID: "ln-9"}}, "act-9") },
		"answer one": func(s State) (State, error) {
			return s.answerDispute(Answer{LineID: "ln-1", Outcome: Stands}, today, "act-9", "finance@a", now)
		},
		"answer another": func(s State) (State, error) {
			return s.answerDispute(Answer{LineID: "ln-8", Outcome: Stands}, today, "act-9", "finance@a", now)
		},
		"silence": func(s State) (State, error) {
			n, ok := s.markAccepted(today.AddDays(8), "act-9", "system", now)
			if !ok {
				return n, errSilent
			}
			return n, nil
		},
	}
	outcomes := map[string]string{ // of a standing and an act, the standing after it or the reason of the refusal, with ! where both are one word
		"sent send": "sent", "sent confirm": "confirmed", "sent dispute": "disputed", "sent answer one": "not_found", "sent answer another": "not_found", "sent silence": "accepted",
		"confirmed send": "sent", "confirmed confirm": "confirmed", "confirmed dispute": "heard", "confirmed answer one": "not_found", "confirmed answer another": "not_found", "confirmed silence": "silent",
		"accepted send": "sent", "accepted confirm": "confirmed", "accepted dispute": "heard", "accepted answer one": "not_found", "accepted answer another": "not_found", "accepted silence": "silent",
		"disputed send": "disputed!", "disputed confirm": "disputed!", "disputed dispute": "disputed", "disputed answer one": "disputed", "disputed answer another": "not_found", "disputed silence": "silent",
	}
	for _, standing := range []Standing{Sent, Confirmed, Accepted, Disputed} {
		for name, act := range acts {
			was := stands(t, standing)
			n, err := act(was)
			got := string(n.Standing)
			if err != nil {
				got = fault.AsError(err).Reason
				if got == string(n.Standing) {
					got += "!"
				}
				if n.Version != was.Version || n.Standing != was.Standing || n.Act != was.Act {
					t.Errorf("%s in %s is refused and changes the state to %+v", name, standing, n)
				}
			} else if n.Version != was.Version+1 || n.Act != "act-9" {
				t.Errorf("%s in %s: version %d after %d, act %s", name, standing, n.Version, was.Version, n.Act)
			}
			if want := outcomes[string(standing)+" "+name]; got != want {
				t.Errorf("%s in %s: %s, want %s", name, standing, got, want)
			}
		}
	}
}

var errSilent = fault.New(fault.IllegalMove, "silent", "")

// What was sent anew is not confirmed by who has read the version before.
func TestOnlyWhatWasReadIsConfirmed(t *testing.T) {
	s := stands(t, Sent)
	if _, err := s.markConfirmed("h0", "act-2", "creator@a", now); !fault.HasCode(err, fault.StaleVersion) {
		t.Errorf("an older content was confirmed: %v", err)
	}
	if n, err := s.markConfirmed("", "act-2", "creator@a", now); err != nil || n.HeardBy != "creator@a" || !n.HeardAt.Equal(now) {
		t.Errorf("who names no content: %v", err)
	}
}

// Silence accepts on the day after the last one on which the creator may speak, and never where the contract gives no days.
func TestSilenceAcceptsOnItsDay(t *testing.T) {
	s := stands(t, Sent)
	for day, want := range map[string]bool{"2026-12-07": false, "2026-12-08": true, "2027-01-01": true} {
		if _, ok := s.markAccepted(civil.MustDate(day), "act-2", "system", now); ok != want {
			t.Errorf("on %s silence accepts: %v", day, ok)
		}
	}
	s, err := s.markSent(Statement{}, 0, today, "act-2", "finance@a", now)
	if err != nil || !s.AcceptOn.IsZero() {
		t.Fatalf("%s %v", s.AcceptOn, err)
	}
	if _, ok := s.markAccepted(civil.MustDate("2030-01-01"), "act-3", "system", now); ok {
		t.Error("silence accepts where it never does")
	}
}

// The last answer lets the statement wait anew, with all its days.
func TestTheLastAnswerLetsItWaitAnew(t *testing.T) {
	s := stands(t, Disputed)
	s, err := s.addDisputes([]Dispute{{LineID: "ln-1"}, {SettlementID: "st-2"}}, "act-3")
	if err != nil || s.countOpenDisputes() != 2 {
		t.Fatalf("what is disputed already is disputed again: %d, %v", s.countOpenDisputes(), err)
	}
	later := today.AddDays(3)
	s, err = s.answerDispute(Answer{SettlementID: "st-2", Outcome: Corrected, Text: "corrected"}, later, "act-4", "finance@a", now)
	if err != nil || s.Standing != Disputed || s.hasOpenDispute("st-2") || !s.hasOpenDispute("st-1") {
		t.Fatalf("after the first answer: %s, %v", s.Standing, err)
	}
	s, err = s.answerDispute(Answer{LineID: "ln-1", Outcome: Stands, Text: "right"}, later, "act-5", "finance@a", now)
	if err != nil || s.Standing != Sent || s.AcceptOn != later.AddDays(8) || s.countOpenDisputes() != 0 || s.Disputes[0].AnsweredBy != "finance@a" {
		t.Errorf("after the last answer: %s until %s, %v", s.Standing, s.AcceptOn, err)
	}
}

func TestBadDisputesAndAnswersAreNamedWhole(t *testing.T) {
	long := strings.Repeat("长", 501)
	for name, c := range map[string]struct {
		err    error
		fields string
	}{
		"good":              {checkObjections([]Objection{{LineID: "a", Reason: long[:1500]}}), ""},
		"none":              {checkObjections(nil), "lines"},
		"too many":          {checkObjections(make([]Objection, 201)[:201]), "lines"},
		"both and too long": {checkObjections([]Objection{{LineID: "a", SettlementID: "b", Reason: long}, {SettlementID: "b", Reason: "x"}, {Reason: " "}}), "lines.0.line_id lines.0.reason lines.2.line_id lines.2.reason"},
		"good answer":       {Answer{LineID: "a", Outcome: Stands, Text: "x"}.validate(), ""},
		"bad answer":        {Answer{LineID: "a", SettlementID: "b", Outcome: "maybe", Text: ""}.validate(), "line_id outcome text"},
	} {
		var got []string
		if c.err != nil {
			for _, f := range fault.AsError(c.err).Fields {
				got = append(got, f.Field)
			}
		}
		if text := strings.Join(got, " "); text != c.fields && (name != "too many" || !strings.HasPrefix(text, "lines lines.0.line_id")) {
			t.Errorf("%s: problems with %q, want %q", name, text, c.fields)
		}
	}
}
