package statement

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"fenzhang/shared/civil"
	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
)

// Standing is where a statement stands with its creator.
type Standing string

// The standings of a statement.
const (
	Draft     Standing = "draft" // not sent yet; it has no state of its own
	Sent      Standing = "sent"
	Confirmed Standing = "confirmed"
	Accepted  Standing = "accepted" // by silence, as the contract says
	Disputed  Standing = "disputed" // some lines are, until all of them are answered
)

// The outcomes of a disputed line.
const (
	Stands    = "stands"
	Corrected = "corrected" // by lines that correct it, which enter the next open bucket
)

// State is the life of a statement: what was sent, and what the creator has said of it.
type State struct {
	Tenant    ident.Tenant  `json:"-"`
	CreatorID ident.Creator `json:"creator_id"`
	Period    Period        `json:"period"`
	Standing  Standing      `json:"state"`
	// grows with every write; the condition of the next one
	Version int       `json:"version"`
	Number  string    `json:"number"`
	Hash    string    `json:"content_hash"` // of the statement as it was sent
	SentAt  time.Time `json:"sent_at"`
	SentBy  string    `json:"sent_by"`
	// the day from which silence accepts it; none where it never does
	AcceptOn    civil.Date         `json:"accept_on,omitzero"`
	AcceptDays  int                `json:"accept_after_days,omitempty"`
	HeardAt     time.Time          `json:"heard_at,omitzero"` // when it was confirmed or accepted
	HeardBy     string             `json:"heard_by,omitempty"`
	Settlements []ident.Settlement `json:"settlements"` // that it showed
	Lines       int                `json:"lines"`
	Disputes    []Dispute          `json:"disputes"`
	// id of the last write, chosen before its first try
	Act string `json:"transition_id"`
}

// Dispute is what a creator says of one line, or of a settlement as a whole.
type Dispute struct {
	LineID string `json:"line_id,omitempty"`
	// that the line is in; none where it is in no settlement
	SettlementID ident.Settlement `json:"settlement_id,omitempty"`
	Reason       string           `json:"reason"`
	At           time.Time        `json:"at"`
	By           string           `json:"by"`
	Held         bool             `json:"held"` // false where the money had left
	Outcome      string           `json:"outcome,omitempty"`
	Text         string           `json:"text,omitempty"`
	AnsweredAt   time.Time        `json:"answered_at,omitzero"`
	AnsweredBy   string           `json:"answered_by,omitempty"`
}

// IsOpen tells that nobody has answered it yet.
func (d Dispute) IsOpen() bool { return d.Outcome == "" }

// isAbout tells whether the dispute is about a line, or about a settlement as a whole.
func (d Dispute) isAbout(line string, settlement ident.Settlement) bool {
	if line != "" {
		return d.LineID == line
	}
	return d.LineID == "" && d.SettlementID == settlement
}

// Objection is one part of a dispute as the creator sends it.
type Objection struct {
	LineID       string           `json:"line_id"`
	SettlementID ident.Settlement `json:"settlement_id"`
	Reason       string           `json:"reason"`
}

// Answer is what finance answers to one of them.
type Answer struct {
	LineID       string           `json:"line_id"`
	SettlementID ident.Settlement `json:"settlement_id"`
	Outcome      string           `json:"outcome"`
	Text         string           `json:"text"`
}

// Bounds of disputes.
const (
	maxObjections = 200 // of one call
	maxDisputes   = 500 // of one statement
	maxReason     = 500 // characters
)

// AnswerDays is how long finance has to answer a dispute; the hold says so.
const AnswerDays = 7

func illegalMove(reason, text string) error { return fault.New(fault.IllegalMove, reason, text) }

// countOpenDisputes are the disputes that nobody has answered.
func (s State) countOpenDisputes() int {
	n := 0
	for _, d := range s.Disputes {
		if d.IsOpen() {
			n++
		}
	}
	return n
}

// hasOpenDispute tells whether a settlement has a dispute that nobody has answered.
func (s State) hasOpenDispute(settlement ident.Settlement) bool {
	return slices.ContainsFunc(s.Disputes, func(d Dispute) bool {
		return d.IsOpen() && d.SettlementID == settlement
	})
}

// nextVersion begins a write.
func (s State) nextVersion(act string) State {
	s.Version++
	s.Act = act
	s.Disputes = slices.Clone(s.Disputes)
	return s
}

// markSent gives the state of a statement that is sent, for the first time or again.
func (s State) markSent(st Statement, days int, today civil.Date, act, by string,
	now time.Time) (State, error) {
	if s.countOpenDisputes() > 0 {
		return s, illegalMove("disputed",
			"Lines of this statement are disputed; answer them before you send it again.")
	}
	n := s.nextVersion(act)
	n.Tenant = st.Tenant
	n.CreatorID = st.CreatorID
	n.Period = st.Period
	n.Number = st.Number
	n.Hash = st.Hash
	n.Standing = Sent
	n.SentAt = now
	n.SentBy = by
	n.HeardAt = time.Time{}
	n.HeardBy = ""
	n.Settlements, n.Lines = []ident.Settlement{}, len(st.Lines)
	for _, b := range st.Bills {
		n.Settlements = append(n.Settlements, b.SettlementID)
	}
	n.AcceptDays = days
	n.AcceptOn = acceptanceDay(days, today)
	return n, nil
}

// acceptanceDay is the day after the last one on which the creator may still speak.
func acceptanceDay(days int, today civil.Date) civil.Date {
	if days == 0 {
		return civil.Date{}
	}
	return today.AddDays(days + 1)
}

// markConfirmed is the creator's yes to what was sent.
func (s State) markConfirmed(seen, act, by string, now time.Time) (State, error) {
	switch {
	case s.Standing == Disputed:
		return s, illegalMove("disputed",
			"You dispute lines of this statement; it can be confirmed when they are answered.")
	case seen != "" && seen != s.Hash:
		return s, fault.New(fault.StaleVersion, "stale_version",
			"The statement was sent anew since you read it; read it again and decide anew.")
	}
	n := s.nextVersion(act)
	n.Standing = Confirmed
	n.HeardAt = now
	n.HeardBy = by
	return n, nil
}

// addDisputes adds what the creator objects to; what is disputed already is not added again.
func (s State) addDisputes(list []Dispute, act string) (State, error) {
	if s.Standing != Sent && s.Standing != Disputed {
		return s, illegalMove("heard", "This statement is "+string(s.Standing)+
			"; only one that was sent and is neither confirmed nor accepted can be disputed.")
	}
	n := s.nextVersion(act)
	for _, d := range list {
		again := slices.ContainsFunc(n.Disputes, func(o Dispute) bool {
			return o.IsOpen() && o.isAbout(d.LineID, d.SettlementID)
		})
		if !again {
			n.Disputes = append(n.Disputes, d)
		}
	}
	if len(n.Disputes) > maxDisputes {
		return s, fault.Invalid(fault.Field{Field: "lines",
			Problem: "a statement takes at most 500 disputes in all; dispute whole settlements instead"})
	}
	n.Standing = Disputed
	return n, nil
}

// answerDispute closes the disputes of a line or settlement. The last answer lets the statement wait for
// the creator anew.
func (s State) answerDispute(a Answer, today civil.Date, act, by string, now time.Time) (State, error) {
	n := s.nextVersion(act)
	found := false
	for i := range n.Disputes {
		if d := &n.Disputes[i]; d.IsOpen() && d.isAbout(a.LineID, a.SettlementID) {
			d.Outcome = a.Outcome
			d.Text = a.Text
			d.AnsweredAt = now
			d.AnsweredBy = by
			found = true
		}
	}
	if !found {
		return s, fault.Absent("open dispute")
	}
	if n.countOpenDisputes() == 0 {
		n.Standing, n.AcceptOn = Sent, acceptanceDay(n.AcceptDays, today)
	}
	return n, nil
}

// markAccepted is the creator's silence.
func (s State) markAccepted(today civil.Date, act, by string, now time.Time) (State, bool) {
	if s.Standing != Sent || s.AcceptOn.IsZero() || s.AcceptOn.After(today) {
		return s, false
	}
	n := s.nextVersion(act)
	n.Standing = Accepted
	n.HeardAt = now
	n.HeardBy = by
	return n, true
}

// checkObjections tells all that is wrong with a dispute at once.
func checkObjections(list []Objection) error {
	var p fault.Problems
	p.AddIf(len(list) < 1 || len(list) > maxObjections, "lines", "must be a list of 1 to 200 lines")
	for i, o := range list[:min(len(list), maxObjections)] {
		p = append(p, subjectProblems(fmt.Sprintf("lines.%d.", i), o.LineID, o.SettlementID)...)
		if n := utf8.RuneCountInString(o.Reason); strings.TrimSpace(o.Reason) == "" || n > maxReason {
			p.Add(fmt.Sprintf("lines.%d.reason", i), "must have 1 to 500 characters")
		}
	}
	return p.Err()
}

// validate tells all that is wrong with an answer at once.
func (a Answer) validate() error {
	p := subjectProblems("", a.LineID, a.SettlementID)
	if a.Outcome != Stands && a.Outcome != Corrected {
		p = append(p, fault.Field{Field: "outcome", Problem: "must be stands or corrected"})
	}
	if n := utf8.RuneCountInString(a.Text); strings.TrimSpace(a.Text) == "" || n > maxReason {
		p = append(p, fault.Field{Field: "text",
			Problem: "must have 1 to 500 characters: the creator reads it"})
	}
	if len(p) > 0 {
		return fault.Invalid(p...)
	}
	return nil
}

func subjectProblems(prefix, line string, settlement ident.Settlement) []fault.Field {
	if (line == "") == (settlement == "") {
		return []fault.Field{{Field: prefix + "line_id",
			Problem: "must name a line, or settlement_id a settlement, and not both"}}
	}
	return nil
}
