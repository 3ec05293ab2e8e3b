// Package reason holds the words of every wait and failure of a settlement, in one table of data:
// what staff and the creator read, who owns a hold, who may release it, and what ends it by itself.
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

// Hold is one kind of hold. The kinds stand in their order of precedence: where several causes
// meet, the first is shown, and when it ends the next one is.
type Hold struct {
	Reason string `json:"reason"`
	Owner  string `json:"owner"` // role that ends it, "creator" for the payee
	// roles that may release it by hand; none where only its cause ends it
	Release []string       `json:"release"`
	Ends    string         `json:"ends"` // what ends it
	Staff   bilingual.Text `json:"staff"`
	Creator bilingual.Text `json:"creator"`
}

// Failure is a class of reasons for which gateways fail a payout.
type Failure struct {
	Class string `json:"class"`
	// parts of gateways' codes; the first class with one of them is meant
	Words   []string       `json:"words"`
	Creator bilingual.Text `json:"creator"`
}

// The keys of what is no hold, as they stand in the table.
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

	RejectedByReview = "rejected_by_review" // the cause follows
)

// Table is the whole of it.
type Table struct {
	Holds    []Hold                    `json:"holds"`
	States   map[string]bilingual.Text `json:"states"`
	Failures []Failure                 `json:"failures"`
}

//go:embed words.json
var words []byte

var table = sync.OnceValue(func() Table {
	var t Table
	if err := json.Unmarshal(words, &t); err != nil {
		panic(fmt.Sprintf("reason: words.json: %v",
			err)) //nolint:forbidigo // the embedded document cannot be wrong once the tests have read it
	}
	return t
})

// AllTexts gives the table; nobody changes it.
func AllTexts() Table { return table() }

// FindHold finds a kind of hold; one that is not known is everybody's to see and nobody's to release.
func FindHold(reason string) Hold {
	if i := slices.IndexFunc(AllTexts().Holds, func(h Hold) bool { return h.Reason == reason }); i >= 0 {
		return AllTexts().Holds[i]
	}
	return Hold{Reason: reason, Owner: "finance"}
}

// HoldRank is the place of a kind in the order of precedence; one that is not known comes last.
func HoldRank(reason string) int {
	all := AllTexts().Holds
	if i := slices.IndexFunc(all, func(h Hold) bool { return h.Reason == reason }); i >= 0 {
		return i
	}
	return len(all)
}

// StateText gives the creator's words for a state.
func StateText(state string) bilingual.Text { return AllTexts().States[state] }

// FindFailure finds the class of a gateway's code; the last class takes what no other does.
func FindFailure(code string) Failure {
	all, code := AllTexts().Failures, strings.ToUpper(code)
	for _, f := range all {
		if slices.ContainsFunc(f.Words, func(w string) bool { return strings.Contains(code, w) }) {
			return f
		}
	}
	return all[len(all)-1]
}
