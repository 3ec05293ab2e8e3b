package reason_test

import (
	"slices"
	"strings"
	"testing"

	"fenzhang/shared/identity"
	"fenzhang/shared/settlement/reason"
	"fenzhang/shared/tenancy/review"
)

func TestTheTableIsWhole(t *testing.T) {
	all := reason.AllTexts()
	var holds []string
	for _, h := range all.Holds {
		holds = append(holds, h.Reason)
		if h.Owner == "" || h.Ends == "" || h.Staff.ZH == "" || h.Staff.EN == "" || h.Creator.ZH == "" || h.Creator.EN == "" {
			t.Errorf("%s lacks an owner, an end or words", h.Reason)
		}
		for _, role := range h.Release {
			if !slices.Contains(identity.AllRoles(), identity.Role(role)) {
				t.Errorf("%s is released by %q, which is no role", h.Reason, role)
			}
		}
	}
	slices.Sort(holds)
	want := slices.Sorted(slices.Values(review.HoldReasons()))
	if !slices.Equal(holds, want) {
		t.Errorf("holds %v, deadlines know %v", holds, want)
	}
	for state, text := range all.States {
		if text.ZH == "" || text.EN == "" {
			t.Errorf("%s has no words", state)
		}
	}
	last := all.Failures[len(all.Failures)-1]
	if last.Class != "other" || len(last.Words) != 0 {
		t.Errorf("the last class of failures is %q with %v; it must take all the rest", last.Class, last.Words)
	}
	for _, f := range all.Failures {
		if f.Creator.ZH == "" || f.Creator.EN == "" {
			t.Errorf("failure %s has no words", f.Class)
		}
	}
}

func TestGatewaysReasonsHaveAClass(t *testing.T) {
	for code, class := range map[string]string{"ACCOUNT_ABNORMAL": "account", "RETURNED_BY_BANK": "account", "NAME_NOT_MATCH": "name", "DAY_LIMIT": "limit",
		"ORDER_EXPIRED": "expired", "NOT_ENOUGH": "funds", "LINE_ERROR": "other", "": "other", "other": "other"} {
		if got := reason.FindFailure(code).Class; got != class {
			t.Errorf("%s is of class %s, want %s", code, got, class)
		}
	}
	if strings.Contains(reason.FindFailure("x").Creator.EN, "x") {
		t.Error("a gateway's code is shown to a creator")
	}
}
