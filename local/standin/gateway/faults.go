package gateway

import (
	"slices"
	"sync"
)

// Fault is a way in which a simulated gateway misbehaves.
type Fault string

// The faults. Faults of notices and outcomes are stored with the bill and survive a restart.
const (
	TimeoutAfterAccept Fault = "timeout_after_accept" // accepts the order and never answers
	Error500Before     Fault = "error_500_before"     // answers 500 without accepting the order
	FailBill           Fault = "fail"                 // accepts the order, which fails later
	DuplicateNotice    Fault = "duplicate_notice"     // sends each notice three times
	LateReturn         Fault = "late_return"          // pays, and the payment is returned later
	// the answer and the first notice have a wrong signature
	BadSignature Fault = "bad_signature"
	NoNotice     Fault = "no_notice" // never notifies
)

// allFaults lists the faults that the control route accepts.
var allFaults = []Fault{TimeoutAfterAccept, Error500Before, FailBill, DuplicateNotice, LateReturn,
	BadSignature, NoNotice}

// isKnown reports whether a fault exists.
func (f Fault) isKnown() bool { return slices.Contains(allFaults, f) }

// faultOrder requests a fault: for one order number, or for the next n requests.
type faultOrder struct {
	Key   string `json:"out_bill_no,omitempty"`
	Next  int    `json:"next,omitempty"`
	Fault Fault  `json:"fault"`
}

// faults is the list of faults that have not happened yet.
type faults struct {
	mu      sync.Mutex
	pending []faultOrder
}

// add appends a fault.
func (f *faults) add(o faultOrder) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = append(f.pending, o)
}

// list returns a copy of the pending faults.
func (f *faults) list() []faultOrder {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.pending)
}

// clear removes all pending faults.
func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pending = nil
}

// takeFault removes and returns the first fault for a request about an order number; it returns ""
// when there is none.
func (f *faults) takeFault(key string) Fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	// a fault for this order number comes before a fault for any request
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
