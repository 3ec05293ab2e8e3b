package payout

import (
	"fmt"

	"fenzhang/shared/fault"
)

// State is the state of a payout, or what a gateway says about it.
type State string

// The states of a payout (promise P3): CREATED -> SENT -> (UNKNOWN) -> ACCEPTED -> WAITING_PAYEE ->
// PAID, FAILED or CANCELLED, and PAID -> RETURNED. States between may be skipped.
const (
	Created State = "CREATED" // the payout key is stored, nothing was sent
	Sent    State = "SENT"    // the order is about to be sent, or was sent and has no answer yet
	// sent, and the answer leaves the outcome open; only a query ends this state
	Unknown      State = "UNKNOWN"
	Accepted     State = "ACCEPTED"      // the gateway has the order and works on it
	WaitingPayee State = "WAITING_PAYEE" // the payee must confirm
	Paid         State = "PAID"
	Failed       State = "FAILED"
	Cancelled    State = "CANCELLED"
	// paid, and the payee's bank returned the money: the debt is open again
	Returned State = "RETURNED"

	// NotFound is an answer to a query and never the state of a payout: the gateway has no order with
	// the key.
	NotFound State = "NOT_FOUND"
)

// progress orders the states; 4 and 5 are final.
var progress = map[State]int{Created: 0, Sent: 1, Unknown: 1, Accepted: 2, WaitingPayee: 3, Paid: 4,
	Failed: 4, Cancelled: 4, Returned: 5}

// IsFinal reports whether no further transition is expected. PAID is final, although a bank may
// still return the money.
func (s State) IsFinal() bool { return progress[s] >= progress[Paid] }

// IsOpen reports whether the payout was sent and its final state is not known yet.
func (s State) IsOpen() bool { return !s.IsFinal() && s != Created && s != "" && s != NotFound }

// Transitions lists, in order, the transitions of a payout in state now after a gateway reported
// the state heard. The list is empty when the report is old or repeated, because notices are
// delivered again and in any order. A return that is reported before the payment gives both
// transitions, so that the books show the payment before its reversal.
//
// The error is ErrContradiction when the report cannot be true of this payout: money moved for a
// payout that had failed or was never sent, or a payment is denied after it was reported. No
// transition follows; a person decides with the gateway's bill.
func Transitions(now, heard State) ([]State, error) {
	from, known := progress[now]
	if !known {
		return nil, contradictionError(now, heard)
	}
	if heard == NotFound {
		return nil, nil
	}
	to, known := progress[heard]
	switch {
	case !known || heard == Created || heard == Sent:
		return nil, contradictionError(now, heard)
	case heard == Unknown:
		return transitionsToUnknown(now)
	// A payout that was never sent cannot have a state at the gateway.
	case now == Created:
		return nil, contradictionError(now, heard)
	case now == Failed || now == Cancelled:
		return nil, contradictionIf(now, heard, heard == Paid || heard == Returned)
	case now == Paid && to == progress[Paid]:
		return nil, contradictionIf(now, heard, heard != Paid)
	case heard == Returned && now != Paid && now != Returned:
		return []State{Paid, Returned}, nil
	case to > from:
		return []State{heard}, nil
	default:
		return nil, nil
	}
}

// transitionsToUnknown lists the transitions after an unclear answer, which changes a payout only
// when it was just sent and nothing better is known.
func transitionsToUnknown(now State) ([]State, error) {
	switch now {
	case Created:
		return nil, contradictionError(now, Unknown)
	case Sent:
		return []State{Unknown}, nil
	default:
		return nil, nil
	}
}

// contradictionIf returns ErrContradiction with both states when the condition contradicts is true,
// else nil.
func contradictionIf(now, heard State, contradicts bool) error {
	if contradicts {
		return contradictionError(now, heard)
	}
	return nil
}

// contradictionError returns ErrContradiction with both states.
func contradictionError(now, heard State) error {
	return ErrContradiction.Wrap(fmt.Errorf("payout is %s, gateway says %s", now, heard))
}

// ErrContradiction matches, by errors.Is, each case in which a gateway's report cannot be true of
// the payout. A person must look at it: money may have moved that the books do not know.
var ErrContradiction = fault.New(fault.IllegalMove, "payout_contradiction",
	"The payment gateway's word does not fit this payout; compare the gateway's bill before "+
		"anything else is done.")
