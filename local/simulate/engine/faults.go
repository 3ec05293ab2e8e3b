package engine

import (
	"errors"
	"net"
	"syscall"
)

// The kinds of faults.
const (
	FaultKill         = "kill"          // the process ends between two calls
	FaultLostAnswer   = "lost answer"   // the call was done, the answer never came
	FaultThrottle     = "throttle"      // refused for now
	FaultConflict     = "conflict"      // another transaction is at work on an item
	FaultPartialBatch = "partial batch" // only a part of a batch was taken
	FaultStall        = "stall"         // the process stands still for minutes
	FaultDuplicate    = "duplicate"     // delivered again after it was done
	FaultDelay        = "delay"         // delivered late, others overtake it
	FaultLostRecord   = "lost record"   // a stream record was given up
	FaultSendFailed   = "send failed"   // a queue took some or none of the messages
	// a gateway says nothing, says it late, or does not know what it knows
	FaultGatewayLie    = "gateway lie"
	FaultLateReturn    = "late return"    // money comes back after it was paid
	FaultVaultDown     = "vault down"     // the payee's account cannot be read
	FaultClockSkew     = "clock skew"     // a machine's clock is wrong
	FaultDoubleClick   = "double click"   // a person does it twice, or on an old view
	FaultMonthEnd      = "month end"      // the month changes between two steps
	FaultIndexBehind   = "index behind"   // an index does not show what was just written
	FaultRepeatedNight = "repeated night" // a nightly job runs twice, or for one cohort at a time
)

var ErrKilled = errors.New("simulate: the process was killed")

// errConnection is a connection that breaks, as the SDK reports it after its last attempt.
var errConnection error = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}

// Faults decides which call meets which fault: about one in mean, and none once the trouble is
// over.
type Faults struct {
	s              *Scheduler
	Over           bool
	callsUntilNext int // calls until the next one
	meanGap        int
	Counted        map[string]int
	trace          *Trace
}

func newFaults(s *Scheduler, tr *Trace) *Faults {
	f := &Faults{s: s, meanGap: 60 + s.Rand.IntN(100), Counted: map[string]int{}, trace: tr}
	f.drawGap()
	return f
}

// drawGap decides how long nothing happens: faults come alone, or several close together.
func (f *Faults) drawGap() {
	f.callsUntilNext = 1 + f.s.Rand.IntN(2*f.meanGap)
	if f.s.Chance(4) {
		f.callsUntilNext = 1 + f.s.Rand.IntN(4)
	}
}

// IsDue tells whether this call meets a fault.
func (f *Faults) IsDue() bool {
	if f.Over {
		return false
	}
	f.callsUntilNext--
	if f.callsUntilNext > 0 {
		return false
	}
	f.drawGap()
	return true
}

// Chance is true once in n times while there is trouble, and counts it.
func (f *Faults) Chance(n int, kind string) bool {
	if f.Over || !f.s.Chance(n) {
		return false
	}
	f.Count(kind)
	return true
}

func (f *Faults) Count(kind string) { f.Counted[kind]++ }

func (f *Faults) Total() int {
	sum := 0
	for _, n := range f.Counted {
		sum += n
	}
	return sum
}
