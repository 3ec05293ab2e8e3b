package fault_test

import (
	"testing"

	"fenzhang/shared/fault"
)

func TestIncompleteListsTheMissingPartsByName(t *testing.T) {
	if err := fault.Incomplete("a.Service", map[string]bool{"Clock": true}); err != nil {
		t.Errorf("a complete service is refused: %v", err)
	}
	err := fault.Incomplete("a.Service", map[string]bool{"Store": false, "Clock": true, "NewID": false})
	if want := "a.Service is incomplete, these parts are missing: NewID, Store"; err == nil || err.Error() != want {
		t.Errorf("the error is %v, want %q", err, want)
	}
}
