package payout

import (
	"fmt"

	"fenzhang/shared/fault"
)

// State is where a payout stands, or what a gateway says about it.
type State string

// The states of a payout (promise P3): CREATED -> SENT -> (UNKNOWN) -> ACCEPTED -> WAITING_PAYEE ->
// PAID, FAILED or CANCELLED, and PAID -> RETURNED. Any of them may be skipped on the way forward.
const (
	Created      State = "CREATED"       // the key is written, nothing has left
	Sent         State = "SENT"          // about to be sent, or sent without an answer yet
	Unknown      State = "UNKNOWN"       // sent, and the answer says nothing; only a query ends it
	Accepted     State = "ACCEPTED"      // the gateway has it and works on it
	WaitingPayee State = "WAITING_PAYEE" // the payee must confirm
	Paid         State = "PAID"
	Failed       State = "FAILED"
	Cancelled    State = "CANCELLED"
	Returned     State = "RETURNED" // paid, and the payee's bank sent it back: the debt lives again

	// NotFound is an answer to a query, never a payout's own state: the gateway knows no order under
	// the key.
	NotFound State = "NOT_FOUND"
)

// progress orders the states of a payout that is not final; final ones are 4 and 5.
var progress = map[State]int{Created: 0, Sent: 1, Unknown: 1, Accepted: 2, WaitingPayee: 3, Paid: 4,
	Failed: 4, Cancelled: 4, Returned: 5}

// IsFinal tells whether no further move is expected. PAID is final although a bank may still return
// the money.
func (s State) IsFinal() bool { return progress[s] >= progress[Paid] }

// IsOpen tells whether the payout was sent and the gateway's last word is outstanding.
func (s State) IsOpen() bool { return !s.IsFinal() && s != Created && s != "" && s != NotFound }

// Transitions lists the moves, in order, that hearing a gateway's state causes in a payout. It is empty
// when the word is old or repeated: notices are redelivered and overtake each other. A return that
// overtakes the payment gives both moves, so that books see the payment before its reverse.
//
// The error has reason payout_contradiction when the word cannot be true of this payout: money
// moved for one that had failed or was never sent, or a payment denied after it was reported. No
// state follows from it; a person and the gateway's bill decide.
func Transitions(now, heard State) ([]State, error) {
	from, known := progress[now]
	if !known {
		return nil, contradiction(now, heard)
	}
	if heard == NotFound {
		return nil, nil
	}
	to, known := progress[heard]
	switch {
	case !known || heard == Created || heard == Sent:
		return nil, contradiction(now, heard)
	case heard == Unknown:
		return fromSent(now)
	case now == Created:
		return nil, contradiction(now, heard)
	case now == Failed || now == Cancelled:
		return nil, denied(now, heard, heard == Paid || heard == Returned)
	case now == Paid && to == progress[Paid]:
		return nil, denied(now, heard, heard != Paid)
	case heard == Returned && now != Paid && now != Returned:
		return []State{Paid, Returned}, nil
	case to > from:
		return []State{heard}, nil
	default:
		return nil, nil
	}
}

// fromSent: an unclear answer is news only while nothing better is known.
func fromSent(now State) ([]State, error) {
	switch now {
	case Created:
		return nil, contradiction(now, Unknown)
	case Sent:
		return []State{Unknown}, nil
	default:
		return nil, nil
	}
}

func denied(now, heard State, contradicts bool) error {
	if contradicts {
		return contradiction(now, heard)
	}
	return nil
}

func contradiction(now, heard State) error {
	return ErrContradiction.Wrap(fmt.Errorf("payout is %s, gateway says %s", now, heard))
}

// ErrContradiction matches, by errors.Is, every case in which a gateway's word cannot be true of
// the payout it names. It must wake somebody: money may have moved that the books do not know.
var ErrContradiction = fault.New(fault.IllegalMove, "payout_contradiction",
	"The payment gateway's word does not fit this payout; compare the gateway's bill before "+
		"anything else is done.")
