// Package reason holds the texts about each hold, status and failure of a settlement that creators
// and finance staff read, in Chinese and English. For each hold it also has the role that must act,
// the roles that may release the hold, and the event that ends it. All of this is data in
// words.json.
package reason

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"fenzhang/shared/bilingual"
)

// Hold is one kind of hold. The table lists the kinds by precedence: when several causes apply to a
// settlement, the first kind is shown, and when its cause ends, the next kind.
type Hold struct {
	Reason string `json:"reason"`
	// Owner is the role that has to act; "creator" is the payee.
	Owner string `json:"owner"`
	// Release lists the roles that may release the hold by hand; it is empty when only the end of the
	// cause ends the hold.
	Release []string `json:"release"`
	// Ends describes the event that ends the hold, as an English sentence.
	Ends    string         `json:"ends"`
	Staff   bilingual.Text `json:"staff"`
	Creator bilingual.Text `json:"creator"`
}

// Failure is a class of reasons for which payment gateways fail a payout.
type Failure struct {
	Class string `json:"class"`
	// Words are parts of gateways' failure codes. A code belongs to the first class that has a part of
	// the code.
	Words   []string       `json:"words"`
	Creator bilingual.Text `json:"creator"`
}

// These are the keys of the texts in Table.States: what a settlement that is not on hold waits for,
// or how it ended.
const (
	Computing    = "computing"
	ToSubmit     = "to_submit"
	ToApprove    = "to_approve"
	ToBook       = "to_book"
	ToCancel     = "to_cancel"
	ToSend       = "to_send"
	Sent         = "sent"
	Unclear      = "unclear"
	WaitingPayee = "waiting_payee"
	Paid         = "paid"
	Returned     = "returned"
	PaidAgain    = "paid_again"

	// RejectedByReview is the key of a text after which the cause is written.
	RejectedByReview = "rejected_by_review"
)

// Table is the content of words.json.
type Table struct {
	Holds    []Hold                    `json:"holds"`
	States   map[string]bilingual.Text `json:"states"`
	Failures []Failure                 `json:"failures"`
}

//go:embed words.json
var words []byte

// loadTable parses words.json once.
var loadTable = sync.OnceValue(func() Table {
	var t Table
	if err := json.Unmarshal(words, &t); err != nil {
		//nolint:forbidigo // the embedded document cannot be wrong once the tests have read it
		panic(fmt.Sprintf("reason: words.json: %v", err))
	}
	return t
})

// AllTexts returns the whole table, which callers must not change.
func AllTexts() Table { return loadTable() }

// FindHold finds a kind of hold by its reason. An unknown reason belongs to finance, has no texts,
// and nobody may release it.
func FindHold(reason string) Hold {
	if i := slices.IndexFunc(AllTexts().Holds, func(h Hold) bool {
		return h.Reason == reason
	}); i >= 0 {
		return AllTexts().Holds[i]
	}
	return Hold{Reason: reason, Owner: "finance"}
}

// HoldRank returns the place of a kind of hold in the order of precedence; an unknown kind comes
// last.
func HoldRank(reason string) int {
	all := AllTexts().Holds
	if i := slices.IndexFunc(all, func(h Hold) bool { return h.Reason == reason }); i >= 0 {
		return i
	}
	return len(all)
}

// StateText returns the text that a creator reads about a settlement in a state.
func StateText(state string) bilingual.Text { return AllTexts().States[state] }

// FindFailure finds the class to which a gateway's failure code belongs; an unknown code belongs to
// the last class.
func FindFailure(code string) Failure {
	all, code := AllTexts().Failures, strings.ToUpper(code)
	for _, f := range all {
		if slices.ContainsFunc(f.Words, func(w string) bool { return strings.Contains(code, w) }) {
			return f
		}
	}
	return all[len(all)-1]
}
