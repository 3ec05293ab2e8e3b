package e2e

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"fenzhang/shared/contracttest"
	"fenzhang/shared/identity"
)

// rights is the contract's table: which roles may call a route. Bodies are the least that a route reads, and ids
// name nothing, so that a call with the right ends with whatever answer but 1003.
func rights() map[string][]identity.Role {
	all := identity.AllRoles()
	makers := []identity.Role{identity.Operator, identity.Finance, identity.Admin}
	recorders := []identity.Role{identity.Operator, identity.Admin}
	deciders := []identity.Role{identity.Approver}
	movers := []identity.Role{identity.Operator, identity.Finance, identity.Approver, identity.Admin} // by where to
	auditors := []identity.Role{identity.Auditor, identity.Admin}
	readers := []identity.Role{identity.Operator, identity.Finance, identity.Approver, identity.Cashier, identity.Auditor, identity.Admin}
	admin := []identity.Role{identity.Admin}
	books := []identity.Role{identity.Finance, identity.Approver, identity.Auditor, identity.Admin}
	table := map[string][]identity.Role{
		"POST /api/v1/incentive/record":               recorders,
		"GET /api/v1/incentive/counters/{creator_id}": all,
		"POST /v1/incentive/settle":                   makers,
		"GET /v1/settlements":                         all,
		"GET /v1/settlements/{id}":                    all,
		"GET /v1/settlements/{id}/explanation":        all,
		"POST /v1/settlements/{id}/transitions":       movers,
		"POST /v1/settlements/transitions":            movers,
		"POST /v1/settlements/{id}/hold":              makers,
		"POST /v1/settlements/{id}/release":           makers,
		"POST /v1/settlements/{id}/invoice":           makers,
		"POST /v1/settlements/{id}/parties":           {identity.Finance, identity.Admin},
		"POST /v1/contracts/replay":                   {identity.Finance, identity.Admin},
		"POST /v1/settlements/{id}/confirm-net":       deciders,
		"POST /v1/settlements/{id}/cancel":            deciders,
		"POST /v1/settlements/{id}/reopen":            deciders,
		"GET /v1/ledger/check":                        books,
		"GET /v1/ledger/periods":                      books,
		"GET /v1/ledger/periods/{id}/{period}":        books,
		"POST /v1/ledger/periods/{id}/{period}/close": {identity.Finance},
		"POST /v1/ledger/periods/{id}/{period}/seal":  deciders,
		"GET /v1/ledger/trial-balance":                books,
		"GET /v1/ledger/balances":                     books,
		"GET /v1/ledger/entries":                      books,
		"GET /v1/ledger/journal":                      books,
		"GET /v1/paying-entities/{id}/chart":          books,
		"PUT /v1/paying-entities/{id}/chart":          admin,
		"GET /v1/money":                               all,
		"GET /v1/opening/template":                    books,
		"POST /v1/opening/imports":                    {identity.Finance, identity.Admin},
		"GET /v1/opening/imports/{id}":                books,
		"POST /v1/opening/imports/{id}/approve":       deciders,
		"POST /v1/income-lines":                       makers,
		"POST /v1/statements/run":                     {identity.Finance, identity.Admin},
		"GET /v1/statements":                          all,
		"GET /v1/review-rules":                        readers,
		"PUT /v1/review-rules":                        admin,

		"GET /v1/statements/{creator_id}/{document}":        all,
		"POST /v1/statements/{creator_id}/{period}/send":    {identity.Finance, identity.Admin},
		"POST /v1/statements/{creator_id}/{period}/confirm": {identity.Creator},
		"POST /v1/statements/{creator_id}/{period}/dispute": {identity.Creator},
		"POST /v1/statements/{creator_id}/{period}/resolve": {identity.Finance, identity.Admin},
		"GET /v1/creators/{id}/statements":                  all,
		"GET /v1/taxpayers/{id}/certificates/{year}":        all,

		"POST /v1/tax/quote":                    all,
		"POST /v1/tax/plan":                     all,
		"POST /v1/tax/forecast":                 all,
		"GET /v1/tax/rules":                     all,
		"GET /v1/tax/shadow":                    {identity.Finance, identity.Auditor, identity.Admin},
		"GET /v1/tax/true-ups":                  {identity.Finance, identity.Approver, identity.Auditor, identity.Admin},
		"POST /v1/tax/true-ups/{id}/decide":     {identity.Finance},
		"POST /v1/tax/true-ups/{id}/confirm":    {identity.Approver, identity.Admin},
		"GET /v1/tax/amendments":                {identity.Finance, identity.Approver, identity.Auditor, identity.Admin},
		"POST /v1/tax/diffs":                    {identity.Finance, identity.Approver, identity.Auditor, identity.Admin},
		"POST /v1/tax/diffs/post":               {identity.Finance, identity.Admin},
		"GET /v1/tax/diffs/post/{id}":           {identity.Finance, identity.Approver, identity.Auditor, identity.Admin},
		"POST /v1/tax/diffs/post/{id}/approve":  {identity.Approver, identity.Admin},
		"POST /v1/receivables":                  {identity.Finance, identity.Admin},
		"GET /v1/receivables":                   {identity.Operator, identity.Finance, identity.Approver, identity.Cashier, identity.Auditor, identity.Admin},
		"POST /v1/receivables/{id}/approve":     {identity.Approver, identity.Admin},
		"POST /v1/tax/filed-months":             {identity.Finance},
		"GET /v1/tax/filed-months":              {identity.Finance, identity.Approver, identity.Auditor, identity.Admin},
		"POST /v1/positions/{id}/approve":       {identity.Approver, identity.Admin},
		"POST /v1/taxpayers/{id}/merge":         admin,
		"POST /v1/taxpayers/{id}/merge/approve": {identity.Approver, identity.Admin},
		"POST /v1/contracts/{id}/approve":       {identity.Approver, identity.Admin},
		"GET /v1/positions/{id}/settlements":    {identity.Finance, identity.Approver, identity.Auditor, identity.Admin},
		"GET /v1/audit/records/{id}":            auditors,
		"GET /v1/audit/records/{id}/proof":      auditors,
	}
	for _, kind := range []string{"paying-entities", "taxpayers", "creators", "contracts", "strategies", "positions"} {
		table["POST /v1/"+kind] = admin
		table["PUT /v1/"+kind+"/{id}"] = admin
		table["GET /v1/"+kind+"/{id}"] = readers
	}
	return table
}

// open routes have no caller.
var openRoutes = []string{"GET /healthz", "GET /v1/openapi.json", "POST /v1/payouts/callbacks/{gateway}"}

func TestEveryRouteHasItsRights(t *testing.T) {
	routes, err := contracttest.Routes()
	if err != nil {
		t.Fatal(err)
	}
	table := rights()
	for _, r := range routes {
		if table[r] == nil && !slices.Contains(openRoutes, r) {
			t.Errorf("%s is in the contract, and no role is tested against it", r)
		}
	}
	for r := range table {
		if !slices.Contains(routes, r) {
			t.Errorf("%s is tested, and not in the contract", r)
		}
	}
}

// TestEveryRoleAgainstEveryRoute calls each route of the deployed system once as each role.
func TestEveryRoleAgainstEveryRoute(t *testing.T) {
	s := use(t)
	var work sync.WaitGroup
	slots := make(chan struct{}, 8)
	for route, may := range rights() {
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
