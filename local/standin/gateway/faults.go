package gateway

import (
	"slices"
	"sync"
)

// Fault is a way to misbehave.
type Fault string

// The faults. Those about notices and outcomes stay with the bill and survive a restart.
const (
	TimeoutAfterAccept Fault = "timeout_after_accept" // takes the order and never answers
	Error500Before     Fault = "error_500_before"     // takes nothing and answers 500
	FailBill           Fault = "fail"                 // takes the order; it fails later
	DuplicateNotice    Fault = "duplicate_notice"     // sends each notice three times
	LateReturn         Fault = "late_return"          // pays, and some time later the money comes back
	BadSignature       Fault = "bad_signature"        // signs the answer and the first notice wrongly
	NoNotice           Fault = "no_notice"            // never notifies
)

var allFaults = []Fault{TimeoutAfterAccept, Error500Before, FailBill, DuplicateNotice, LateReturn,
	BadSignature, NoNotice}

func (f Fault) known() bool { return slices.Contains(allFaults, f) }

// faultOrder asks for a fault: for one order number, or for the next n requests.
type faultOrder struct {
	Key   string `json:"out_bill_no,omitempty"`
	Next  int    `json:"next,omitempty"`
	Fault Fault  `json:"fault"`
}

// faults are the misbehaviours still to come.
type faults struct {
	mu      sync.Mutex
	pending []faultOrder
}

func (f *faults) add(o faultOrder) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = append(f.pending, o)
}

func (f *faults) list() []faultOrder {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.pending)
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = nil
}

// take uses up the first fault meant for a request about this order number; it is "" where there is
// none.
func (f *faults) take(key string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := slices.IndexFunc(f.pending, func(o faultOrder) bool { return o.Key == key })
	if i < 0 {
		i = slices.IndexFunc(f.pending, func(o faultOrder) bool { return o.Key == "" })
	}
	if i < 0 {
		return ""
	}
	fault := f.pending[i].Fault
	f.pending[i].Next--
	if f.pending[i].Next <= 0 {
		f.pending = slices.Delete(f.pending, i, i+1)
	}
	return fault
}
