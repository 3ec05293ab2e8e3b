package engine

import (
	"errors"
	"net"
	"syscall"
)

// The kinds of faults.
const (
	FaultKill         = "kill"          // the process is killed between two calls
	FaultLostAnswer   = "lost answer"   // the write happened, its answer was lost
	FaultThrottle     = "throttle"      // refused for now
	FaultConflict     = "conflict"      // another transaction writes the same item
	FaultPartialBatch = "partial batch" // DynamoDB processed only a part of a batch
	FaultStall        = "stall"         // the process is frozen for minutes
	FaultDuplicate    = "duplicate"     // a message is delivered again after it was handled
	FaultDelay        = "delay"         // a message is delivered after later ones
	FaultLostRecord   = "lost record"   // Lambda gave up a stream record
	FaultSendFailed   = "send failed"   // SQS accepted some or none of the messages
	// a gateway does not answer, answers late, or claims not to know an order
	FaultGatewayLie    = "gateway lie"
	FaultLateReturn    = "late return"    // a payment is returned after it was paid
	FaultVaultDown     = "vault down"     // the vault cannot decrypt the payee's account
	FaultClockSkew     = "clock skew"     // a machine's clock is wrong
	FaultDoubleClick   = "double click"   // a person clicks twice, or acts on an outdated page
	FaultMonthEnd      = "month end"      // the month changes between booking and payment
	FaultIndexBehind   = "index behind"   // an index does not show an item that was just written
	FaultRepeatedNight = "repeated night" // a nightly job runs twice, or for one cohort at a time
)

// ErrKilled is returned by every call of a task whose process was killed.
var ErrKilled = errors.New("simulate: the process was killed")

// errConnection is the error that the SDK returns when the connection breaks in its last try.
var errConnection error = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// Faults decides which calls meet a fault: on average one call in meanGap, and none after Over is
// set.
type Faults struct {
	s              *Scheduler
	Over           bool
	callsUntilNext int // calls until the next one
	meanGap        int
	Counted        map[string]int
	trace          *Trace
}

// newFaults draws how frequent the faults of a run are: one call in 60 to 160.
func newFaults(s *Scheduler, tr *Trace) *Faults {
	f := &Faults{s: s, meanGap: 60 + s.Rand.IntN(100), Counted: map[string]int{}, trace: tr}
	f.drawCallsUntilNext()
	return f
}

// drawCallsUntilNext draws how many calls pass without a fault: mostly up to twice the mean, in one
// of four cases fewer than five, so that faults also come close together.
func (f *Faults) drawCallsUntilNext() {
	f.callsUntilNext = 1 + f.s.Rand.IntN(2*f.meanGap)
	if f.s.Chance(4) {
		f.callsUntilNext = 1 + f.s.Rand.IntN(4)
	}
}

// IsDue reports whether the call that asks meets a fault, and counts the call.
func (f *Faults) IsDue() bool {
	if f.Over {
		return false
	}
	f.callsUntilNext--
	if f.callsUntilNext > 0 {
		return false
	}
	f.drawCallsUntilNext()
	return true
}

// Chance reports true once in n times on average while faults happen, and counts a fault of the
// kind when it does.
func (f *Faults) Chance(n int, kind string) bool {
	if f.Over || !f.s.Chance(n) {
		return false
	}
	f.CountFault(kind)
	return true
}

// CountFault counts a fault of a kind that has happened.
func (f *Faults) CountFault(kind string) { f.Counted[kind]++ }

// TotalCount returns how many faults of all kinds have happened.
func (f *Faults) TotalCount() int {
	sum := 0
	for _, n := range f.Counted {
		sum += n
	}
	return sum
}
