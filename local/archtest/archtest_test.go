// Package archtest keeps the shape of the house: what knows money and law knows no AWS.
package archtest

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// adapters are the packages below shared/ that may know AWS. Every other package there holds money, law or trust,
// and must be readable and testable without a cloud. A new package is one of those until it is listed here.
var adapters = []string{
	"assembly", "auditlog", "awsclient", "awsfault", "clockdb", "contracttest", "dynamo", "httpapi", "incentivedb", "incomedb", "lawdiffapi", "ledgerapi", "ledgercheck",
	"ledgerdb", "moneyapi", "openingdb", "outbox", "paperapi", "paperbucket", "paperdb", "payouthttp", "payoutqueue", "perioddb", "receivableapi", "receivabledb", "relay",
	"revocation", "rulesetdb", "settlementapi", "settlementdb", "shadowapi", "sqsbatch",
	"taxapi", "tenancydb", "transact", "trigger", "trueupapi", "usage", "vaultkms",
}

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

func TestDomainPackagesKnowNoAWS(t *testing.T) {
	packages := list(t, "fenzhang/shared/...")
	for _, domain := range []string{"money", "civil", "split", "tax", "ledger", "settlement", "incentive", "income", "statement", "paper", "payout", "audit", "vault", "identity", "tenancy", "calendar"} {
		if packages["fenzhang/shared/"+domain] == nil {
			t.Errorf("shared/%s was not looked at", domain)
		}
	}
	for name, deps := range packages {
		top, _, _ := strings.Cut(strings.TrimPrefix(name, "fenzhang/shared/"), "/")
		if aws := usesAWS(deps); aws != "" && !slices.Contains(adapters, top) {
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
	out, err := exec.Command("go", "list", "-f", `{{join .Imports " "}}`, "fenzhang/shared/tax").Output()
	if err != nil {
		t.Fatal(err)
	}
	imports := strings.Fields(string(out))
	if !slices.Contains(imports, "fenzhang/shared/money") {
		t.Fatalf("these are not the engine's imports: %v", imports)
	}
	for _, forbidden := range []string{"time", "os", "io/fs", "net", "net/http", "context", "math", "math/rand", "math/rand/v2", "crypto/rand", "fenzhang/shared/clock"} {
		if slices.Contains(imports, forbidden) {
			t.Errorf("shared/tax imports %s: the same facts must give the same figures, to the byte", forbidden)
		}
	}
}

// What runs on AWS must not carry what only this machine needs.
func TestFunctionsCarryNothingLocal(t *testing.T) {
	for name, deps := range list(t, "fenzhang/functions/...") {
		for _, d := range deps {
			if strings.HasPrefix(d, "fenzhang/local/") {
				t.Errorf("%s needs %s", name, d)
			}
		}
	}
}
