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

// Standing is the status of a statement towards its creator.
type Standing string

// The statuses of a statement.
const (
	// Draft is the status of a statement that was not sent yet; no state is stored for it.
	Draft     Standing = "draft"
	Sent      Standing = "sent"
	Confirmed Standing = "confirmed"
	// Accepted is the status of a statement that the creator has left unanswered for as long as the
	// contract says.
	Accepted Standing = "accepted"
	// Disputed is the status of a statement with disputed lines, until all of them are answered.
	Disputed Standing = "disputed"
)

// The outcomes of a disputed line, as finance answers it.
const (
	// Stands means that finance keeps the line as it was sent.
	Stands = "stands"
	// Corrected means that correcting lines were uploaded, which enter the next open bucket.
	Corrected = "corrected"
)

// State is the stored life of a statement: what was sent, and what the creator answered.
type State struct {
	Tenant    ident.Tenant  `json:"-"`
	CreatorID ident.Creator `json:"creator_id"`
	Period    Period        `json:"period"`
	Standing  Standing      `json:"state"`
	// Version grows by one with every write and is the condition of the next write.
	Version int    `json:"version"`
	Number  string `json:"number"`
	// Hash is the content hash of the statement as it was sent.
	Hash   string    `json:"content_hash"`
	SentAt time.Time `json:"sent_at"`
	SentBy string    `json:"sent_by"`
	// AcceptOn is the day from which silence accepts the statement; it is zero when silence never
	// accepts it.
	AcceptOn   civil.Date `json:"accept_on,omitzero"`
	AcceptDays int        `json:"accept_after_days,omitempty"`
	// HeardAt is when the statement was confirmed or accepted.
	HeardAt time.Time `json:"heard_at,omitzero"`
	HeardBy string    `json:"heard_by,omitempty"`
	// Settlements are the settlements that the statement shows.
	Settlements []ident.Settlement `json:"settlements"`
	Lines       int                `json:"lines"`
	Disputes    []Dispute          `json:"disputes"`
	// Act is the id of the last write; it was chosen before the first try of that write.
	Act string `json:"transition_id"`
}

// Dispute is the creator's objection to one line, or to a settlement as a whole.
type Dispute struct {
	LineID string `json:"line_id,omitempty"`
	// SettlementID is the settlement of the disputed line; it is empty for a line that is in no
	// settlement.
	SettlementID ident.Settlement `json:"settlement_id,omitempty"`
	Reason       string           `json:"reason"`
	At           time.Time        `json:"at"`
	By           string           `json:"by"`
	// Held is false when the money had left before the objection, so that nothing could be held.
	Held       bool      `json:"held"`
	Outcome    string    `json:"outcome,omitempty"`
	Text       string    `json:"text,omitempty"`
	AnsweredAt time.Time `json:"answered_at,omitzero"`
	AnsweredBy string    `json:"answered_by,omitempty"`
}

// IsOpen reports whether the dispute was not answered yet.
func (d Dispute) IsOpen() bool { return d.Outcome == "" }

// isAbout reports whether the dispute is about the given line or, without a line, about the given
// settlement as a whole.
func (d Dispute) isAbout(line string, settlement ident.Settlement) bool {
	if line != "" {
		return d.LineID == line
	}
	return d.LineID == "" && d.SettlementID == settlement
}

// Objection is one line or settlement to which the creator objects, as the client sends it.
type Objection struct {
	LineID       string           `json:"line_id"`
	SettlementID ident.Settlement `json:"settlement_id"`
	Reason       string           `json:"reason"`
}

// Answer is the answer of finance to one objection.
type Answer struct {
	LineID       string           `json:"line_id"`
	SettlementID ident.Settlement `json:"settlement_id"`
	Outcome      string           `json:"outcome"`
	Text         string           `json:"text"`
}

// Bounds of disputes.
const (
	// maxObjections is the largest number of objections in one call.
	maxObjections = 200
	// maxDisputes is the largest number of disputes of one statement.
	maxDisputes = 500
	// maxReason is the largest number of characters of a reason or an answer.
	maxReason = 500
)

// AnswerDays is the number of days within which finance has to answer a dispute; the hold of the
// settlement shows the date.
const AnswerDays = 7

// illegalMove refuses a step that the status of the statement does not allow.
func illegalMove(reason, text string) error { return fault.New(fault.IllegalMove, reason, text) }

// countOpenDisputes returns the number of disputes without an answer.
func (s State) countOpenDisputes() int {
	n := 0
	for _, d := range s.Disputes {
		if d.IsOpen() {
			n++
		}
	}
	return n
}

// hasOpenDispute reports whether a settlement has a dispute without an answer.
func (s State) hasOpenDispute(settlement ident.Settlement) bool {
	return slices.ContainsFunc(s.Disputes, func(d Dispute) bool {
		return d.IsOpen() && d.SettlementID == settlement
	})
}

// nextVersion returns a copy of the state for the next write, with its version and act id.
func (s State) nextVersion(act string) State {
	s.Version++
	s.Act = act
	s.Disputes = slices.Clone(s.Disputes)
	return s
}

// markSent returns the state of a statement that is sent, for the first time or again.
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
	// A statement that is sent again must be confirmed again.
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

// acceptanceDay returns the day after the last day on which the creator may still object; the zero
// date when silence never accepts.
func acceptanceDay(days int, today civil.Date) civil.Date {
	if days == 0 {
		return civil.Date{}
	}
	return today.AddDays(days + 1)
}

// markConfirmed returns the state after the creator's confirmation. seen is the content hash that
// the creator has read, "" when it was not given.
func (s State) markConfirmed(seen, act, by string, now time.Time) (State, error) {
	switch {
	case s.Standing == Disputed:
		return s, illegalMove("disputed",
			"You dispute lines of this statement; it can be confirmed when they are answered.")
	// A confirmation of an older content must not confirm the content that was sent since.
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

// addDisputes returns the state with the creator's objections; a line that is disputed already is
// not added again.
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

// answerDispute returns the state after an answer to the disputes of a line or settlement. After
// the last answer the statement waits for the creator again.
func (s State) answerDispute(a Answer, today civil.Date, act, by string,
	now time.Time) (State, error) {
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
		return s, fault.MissingObject("open dispute")
	}
	// The days of silence begin anew, so that the creator has time to read the answers.
	if n.countOpenDisputes() == 0 {
		n.Standing, n.AcceptOn = Sent, acceptanceDay(n.AcceptDays, today)
	}
	return n, nil
}

// markAccepted returns the state of a statement that silence has accepted; false when it is not
// due.
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

// checkObjections returns all problems of a list of objections at once.
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

// validate returns all problems of an answer at once.
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

// subjectProblems reports a problem unless exactly one of line and settlement is given.
func subjectProblems(prefix, line string, settlement ident.Settlement) []fault.Field {
	if (line == "") == (settlement == "") {
		return []fault.Field{{Field: prefix + "line_id",
			Problem: "must name a line, or settlement_id a settlement, and not both"}}
	}
	return nil
}
