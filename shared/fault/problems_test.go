package fault_test

import (
	"reflect"
	"testing"

	"fenzhang/shared/fault"
)

func TestProblemsListAllThatIsWrongInOneError(t *testing.T) {
	var p fault.Problems
	p.AddIf(false, "amount", "must be above zero")
	if err := p.Err(); err != nil {
		t.Fatalf("nothing is wrong, got %v", err)
	}
	p.Add("from", "must be given")
	p.AddIf(true, "to", "must not be before from")
	want := []fault.Field{{Field: "from", Problem: "must be given"}, {Field: "to", Problem: "must not be before from"}}
	if err := fault.AsError(p.Err()); err.Code != fault.InvalidInput || !reflect.DeepEqual(err.Fields, want) {
		t.Fatalf("got code %d and fields %v, want %d and %v", err.Code, err.Fields, fault.InvalidInput, want)
	}
}
