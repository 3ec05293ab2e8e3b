// Package archtest keeps the shape of the house: what knows money and law knows no AWS.
package archtest

import (
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// adapters are the packages below shared/ that may know AWS. Every other package there holds money,
// law or trust, and must be readable and testable without a cloud. A new package is one of those
// until it is listed here. A package named for another with "test" at its end is a test kit, and may
// know what its tests need.
var adapters = []string{
	"assembly", "audit/auditlog", "audit/outbox", "books/ledgerapi",
	"books/ledgercheck", "books/moneyapi", "dynamo", "dynamo/memdb",
	"fault/awsfault", "identity/authorizer", "identity/revocation",
	"income/incentive/incentiveapi", "income/incentive/incentivedb",
	"income/incentive/incentivestream", "income/incomedb", "lambda/awsclient", "lambda/clockdb", "lambda/contracttest", "lambda/httpapi", "lambda/lean",
	"lambda/sqsbatch", "lambda/trigger", "lambda/usage", "law/publish/publishapi", "law/ruleset/rulesetdb",
	"ledger/ledgerdb", "ledger/period/perioddb", "master/masterapi", "opening/openingapi",
	"opening/openingdb", "payout/payouthttp",
	"settlement/filedmonth/filedmonthapi", "settlement/filedmonth/filedmonthdb",
	"settlement/lawdiffapi", "settlement/payoutqueue", "settlement/receivable/receivableapi",
	"settlement/receivable/receivabledb", "settlement/relay", "settlement/settlementapi",
	"settlement/settlementdb", "settlement/shadowapi", "settlement/taxapi",
	"settlement/trueup/trueupapi", "settlement/trueup/trueupdb", "statement/billing/billingapi",
	"statement/statementapi", "statement/statementbucket",
	"statement/statementdb", "tenancy/tenancydb", "vault/vaultkms",
}

// rooms are the folders below shared/, in the order in which they may know each other: a room knows
// those before it and none behind it, so that there is no way round and nothing refers back up. A test kit may know
// what its tests need.
var rooms = []string{
	"ident", "fault", "awsfault", "bilingual", "civil", "clock", "money", "input", "dynamo", "identity", "lambda",
	"audit", "vault", "tenancy", "ledger", "law", "contract", "payout", "settlement", "master", "income",
	"statement", "books", "opening", "assembly",
}

// mostArrows bounds how many pairs of rooms know each other; when it is passed, a room has too many
// tasks, or two rooms are one.
const mostArrows = 200

// list asks the Go tool for packages; each line of the answer is one package and, after a colon, what it needs.
func list(t *testing.T, pattern string) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}: {{join .Deps " "}}`, pattern).CombinedOutput()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", pattern, err, out)
	}
	deps := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		if name, needs, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			deps[name] = strings.Fields(needs)
		}
	}
	return deps
}

func usesAWS(deps []string) string {
	if i := slices.IndexFunc(deps, func(d string) bool { return strings.HasPrefix(d, "github.com/aws/") }); i >= 0 {
		return deps[i]
	}
	return ""
}

func mayKnowAWS(name string) bool {
	return strings.HasSuffix(name, "test") || slices.Contains(adapters, strings.TrimPrefix(name, "fenzhang/shared/"))
}

// room is the folder below shared/ that a package lies in; empty for packages elsewhere.
func room(name string) string {
	inside, ok := strings.CutPrefix(name, "fenzhang/shared/")
	if !ok {
		return ""
	}
	first, _, _ := strings.Cut(inside, "/")
	return first
}

func TestRoomsKnowOnlyThoseBeforeThem(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}}: {{join .Imports " "}}`, "fenzhang/shared/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	arrows := map[[2]string]bool{}
	for line := range strings.Lines(string(out)) {
		name, imports, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		if strings.HasSuffix(name, "test") {
			continue
		}
		from := slices.Index(rooms, room(name))
		if from < 0 {
			t.Errorf("%s lies in a room that the order of rooms does not name", name)
		}
		for _, other := range strings.Fields(imports) {
			if room(other) == "" || room(other) == room(name) {
				continue
			}
			arrows[[2]string{room(name), room(other)}] = true
			if slices.Index(rooms, room(other)) > from {
				t.Errorf("%s imports %s: room %s may not know %s", name, other, room(name), room(other))
			}
		}
	}
	if len(arrows) == 0 || len(arrows) > mostArrows {
		t.Errorf("%d pairs of rooms know each other; at most %d may", len(arrows), mostArrows)
	}
	t.Logf("%d pairs of rooms know each other", len(arrows))
}

func TestDomainPackagesKnowNoAWS(t *testing.T) {
	packages := list(t, "fenzhang/shared/...")
	for _, domain := range []string{
		"money", "civil", "civil/calendar", "contract/split", "law/tax", "ledger", "settlement", "income",
		"income/incentive", "statement/billing", "statement", "payout", "audit", "vault", "identity", "tenancy",
	} {
		if packages["fenzhang/shared/"+domain] == nil {
			t.Errorf("shared/%s was not looked at", domain)
		}
	}
	for name, deps := range packages {
		if aws := usesAWS(deps); aws != "" && !mayKnowAWS(name) {
			t.Errorf("%s needs %s: a domain package knows money and law, not AWS; put what needs it into an adapter beside it", name, aws)
		}
	}
}

func TestAdaptersAreListedOnlyWhileTheyAreThere(t *testing.T) {
	packages := list(t, "fenzhang/shared/...")
	for _, a := range adapters {
		if usesAWS(packages["fenzhang/shared/"+a]) == "" {
			t.Errorf("shared/%s needs no AWS (or is gone): take it off the list of adapters", a)
		}
	}
}

// The engine is a pure function: no clock, no chance, no files, no network, no environment. What it imports itself
// is looked at, not what lies below: the errors of the house know HTTP's numbers.
func TestTheTaxEngineIsPure(t *testing.T) {
	out, err := exec.Command("go", "list", "-f", `{{join .Imports " "}}`, "fenzhang/shared/law/tax").Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := strings.Fields(string(out))
	if !slices.Contains(imports, "fenzhang/shared/money") {
		t.Fatalf("these are not the engine's imports: %v", imports)
	}
	for _, forbidden := range []string{"time", "os", "io/fs", "net", "net/http", "context", "math", "math/rand", "math/rand/v2", "crypto/rand", "fenzhang/shared/clock"} {
		if slices.Contains(imports, forbidden) {
			t.Errorf("shared/law/tax imports %s: the same facts must give the same figures, to the byte", forbidden)
		}
	}
}

// A function's folder holds its wiring, its samples, a test of them, and the profile that guides its compiler. What has
// a rule, a route or a word of its own lies in a room of shared/.
func TestFunctionsOnlyWire(t *testing.T) {
	files, err := filepath.Glob("../../../functions/*/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in functions/, %v", len(files), err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		sample, err := filepath.Match("event*.json", name)
		if err != nil {
			t.Fatal(err)
		}
		if !sample && !slices.Contains([]string{"main.go", "main_test.go", "default.pgo"}, name) {
			t.Errorf("%s: only main.go, event*.json, main_test.go and default.pgo lie here", file)
		}
	}
}

// What runs on AWS must not carry what only this machine needs.
func TestFunctionsCarryNothingLocal(t *testing.T) {
	for name, deps := range list(t, "fenzhang/functions/...") {
		for _, d := range deps {
			if strings.HasPrefix(d, "fenzhang/local/") || strings.HasPrefix(d, "fenzhang/cmd/") {
				t.Errorf("%s needs %s", name, d)
			}
		}
	}
}
