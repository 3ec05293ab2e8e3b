package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"fenzhang/local/checks/goldens"
	"fenzhang/shared/identity"
)

// TestEveryRoleAgainstEveryRoute calls each route of the deployed system once as each role. Bodies are the least that a
// route reads, and ids name nothing, so that a call with the right ends with whatever answer but 1003.
func TestEveryRoleAgainstEveryRoute(t *testing.T) {
	s := use(t)
	var work sync.WaitGroup
	slots := make(chan struct{}, 8)
	for route, may := range goldens.Routes() {
		if len(may) == 0 { // an open route has no caller
			continue
		}
		method, path, _ := strings.Cut(route, " ")
		path = strings.NewReplacer("{id}", "nobody-knows-this", "{creator_id}", "nobody-knows-this", "{period}", "2026-08", "{document}", "2026-08.json", "{year}", "2026").Replace(path)
		for _, role := range identity.AllRoles() {
			slots <- struct{}{}
			work.Go(func() {
				defer func() { <-slots }()
				var body any
				if method != "GET" {
					body = `{"to":"IN_REVIEW"}`
				}
				if method != "GET" && !strings.HasSuffix(path, "/transitions") {
					body = `{}`
				}
				if role == identity.Approver && strings.HasSuffix(path, "/transitions") {
					body = `{"to":"APPROVED"}`
				}
				a := s.call(t, caller{mcn, role, "nobody-knows-this"}, method, path, body)
				switch allowed := slices.Contains(may, role); {
				case allowed && (a.code == 1003 || a.status >= 500):
					t.Errorf("%s as %s: %d code %d %s", route, role, a.status, a.code, a.reason)
				case !allowed && (a.status != 403 || a.code != 1003):
					t.Errorf("%s as %s: %d code %d, want 403 code 1003", route, role, a.status, a.code)
				}
			})
		}
	}
	work.Wait()
}

// TestRightsByWhereTo: moving to a status is one right for each status, checked before anything of the object.
func TestRightsByWhereTo(t *testing.T) {
	s := use(t)
	for to, may := range map[string][]identity.Role{
		"IN_REVIEW": {identity.Operator, identity.Finance, identity.Admin},
		"APPROVED":  {identity.Approver},
		"FAILED":    {identity.Approver},
		"PAYING":    nil,
		"PAID":      nil,
	} {
		for _, role := range identity.AllRoles() {
			a := s.call(t, caller{mcn, role, "nobody-knows-this"}, "POST", "/v1/settlements/nobody-knows-this/transitions", fmt.Sprintf(`{"to":%q,"status_version":1}`, to))
			if want := map[bool]int{true: 3003, false: 1003}[slices.Contains(may, role)]; a.code != want {
				t.Errorf("to %s as %s: %d code %d, want %d", to, role, a.status, a.code, want)
			}
		}
	}
}
