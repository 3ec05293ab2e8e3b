package goldens

import (
	"fmt"
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/dynamo/keys"
)

// forms are all forms of stored keys, made with samples by the code itself.
func forms() [][2]any {
	day, month, at := civil.MustDate("2026-11-30"), civil.NewMonth(2026, 11), time.UnixMilli(1795312860123)
	return [][2]any{
		{"incentives: event", keys.Event("mcn-a", "ev-1")},
		{"incentives: chunks of a day", keys.DayChunks("mcn-a", day, "c-1")},
		{"incentives: shard of a day", keys.DayShard("mcn-a", day, 7)},
		{"incentives: shards of a day", keys.DayShards},
		{"incentives: chunk", keys.DayChunk("mcn-a", day, "c-1", "0a0b")},
		{"incentives: chunks of a creator, sk", keys.DayChunkPrefix("c-1")},
		{"incentives: closed day", keys.DayClose("mcn-a", day, "c-1")},
		{"incentives: parked event", keys.ParkedEvent("mcn-a", "live_gift", "ev-1")},
		{"incentives: parked events of an action", keys.ParkedEvents("mcn-a", "live_gift")},
		{"incentives: days", keys.EventDays("mcn-a")},
		{"incentives: day", keys.EventDay("mcn-a", day)},
		{"settlements: settlement", keys.Settlement("mcn-a", "st-1")},
		{"settlements: figures", keys.Figures("mcn-a", "st-1", "0a0b")},
		{"settlements: outbox", keys.Outbox("mcn-a", "act-1")},
		{"settlements: by-taxpayer", keys.ByTaxpayer("mcn-a", "ent-1", "tp-1")},
		{"settlements: by-creator", keys.ByCreator("mcn-a", "c-1")},
		{"settlements: by-opening", keys.ByOpening("mcn-a", month, 3)},
		{"settlements: shards of by-opening", keys.OpeningShards},
		{"settlements: shard of st-1", keys.OpeningShard("st-1")},
		{"settlements: shard of st-2", keys.OpeningShard("st-2")},
		{"settlements: order of the indexes", keys.OpenedAt(at)},
		{"ledger: book of a creator", keys.CreatorBook("mcn-a", "c-1")},
		{"ledger: book of the house", keys.HouseBook},
		{"ledger: entry", keys.JournalEntry("mcn-a", "c-1", "en-1")},
		{"ledger: entries, sk", keys.EntryPrefix},
		{"ledger: balance", keys.Balance("mcn-a", "c-1", "ent-1")},
		{"ledger: balances, sk", keys.BalancePrefix},
		{"ledger: period head", keys.PeriodHead("mcn-a", "ent-1")},
		{"ledger: period", keys.Period("mcn-a", "ent-1", month)},
		{"ledger: periods, sk", keys.PeriodPrefix},
		{"ledger: line", keys.IncomeLine("mcn-a", "c-1", month, "live_tip", "ln-1")},
		{"ledger: lines of a month, sk", keys.IncomeLinePrefix(month)},
		{"ledger: lines of a month and type, sk", keys.IncomeTypePrefix(month, "live_tip")},
		{"ledger: bucket of a month", keys.Bucket("mcn-a", "c-1", month, "live_tip")},
		{"ledger: buckets, sk", keys.BucketPrefix},
		{"ledger: buckets of a month, sk", keys.MonthBucketPrefix(month)},
		{"ledger: tax log", keys.TaxLog("mcn-a", "ent-1", "tp-1")},
		{"ledger: tax rows", keys.TaxRows("mcn-a", "ent-1", "tp-1", 2026, 12)},
		{"ledger: tax rows of a year, sk", keys.TaxYearPrefix(2026)},
		{"ledger: tax rows of all years, sk", keys.TaxYears},
		{"ledger: correction", keys.Correction("mcn-a", "co-1")},
		{"ledger: opening import", keys.OpeningImport("mcn-a", "im-1")},
		{"ledger: receivable", keys.Receivable("mcn-a", "c-1", "ent-1", "rc-1")},
		{"ledger: receivables, sk", keys.ReceivablePrefix},
		{"ledger: receivables of an entity, sk", keys.EntityReceivablePrefix("ent-1")},
		{"ledger: receivable by its id", keys.ReceivableByID("mcn-a", "rc-1")},
		{"ledger: filed months", keys.FiledMonths("mcn-a", "ent-1")},
		{"ledger: filed month", keys.FiledMonth("mcn-a", "ent-1", month)},
		{"ledger: true-up", keys.TrueUp("mcn-a", "ent-1", "tu-1")},
		{"ledger: life of a statement", keys.StatementState("mcn-a", "c-1", "2026-11-H1")},
		{"ledger: lives of statements, sk", keys.StatementStatePrefix},
		{"ledger: acceptances of a day", keys.AcceptanceDay("mcn-a", day)},
		{"ledger: acceptance", keys.Acceptance("mcn-a", day, "c-1", "2026-11")},
		{"ledger: comparisons with a shadow pack", keys.ShadowReport("mcn-a", "cn", "1.2.0")},
		{"ledger: shadow packs", keys.ShadowList("mcn-a")},
		{"control: idempotency", keys.Idempotency("mcn-a", "settle", "key-12345678")},
		{"control: audit head", keys.AuditHead("mcn-a")},
		{"control: place of an audit record", keys.AuditRecord("mcn-a", "act-1")},
		{"control: payout key", keys.PayoutKey("mcn-a", "pk-1")},
		{"control: revocations", keys.Revocations("mcn-a")},
		{"control: quarantine", keys.Quarantine("mcn-a", "act-1")},
		{"control: business date", keys.BusinessDate()},
		{"tenancy: version of an object", keys.MasterVersion("mcn-a", "creator", "c-1", 12)},
		{"tenancy: list of a kind", keys.MasterList("mcn-a", "creator")},
		{"tenancy: contracts of a creator", keys.CreatorContracts("mcn-a", "c-1")},
		{"tenancy: look-up of a taxpayer", keys.TaxpayerLookup("mcn-a", "0a0b")},
		{"tenancy: data key", keys.DataKey("mcn-a", "tp-1", 12)},
		{"tenancy: tenants", keys.TenantList()},
		{"tenancy: pointers of the packs", keys.RulePointers()},
		{"tenancy: pack", keys.RulePack("cn")},
		{"tenancy: version of a pack", keys.RuleVersion("cn", "1.2.0")},
		{"tenancy: versions of a pack, sk", keys.RuleVersionPrefix},
		{"tenancy: change of a pack", keys.RuleChange("cn", "ch-1")},
		{"tenancy: changes of a pack, sk", keys.RuleChangePrefix},
		{"tenancy: request", keys.RuleRequest("cn", "0a0b")},
		{"tenancy: refused packs", keys.RuleRefusals()},
	}
}

// readBack are the functions that take keys apart; their tests are beside them.
var readBack = []string{"ParseEventKey", "TaxRowYear", "ParseSettlementKey", "ParseBucketKey", "ParseAcceptanceKey"}

func TestKeysAreStoredAsEver(t *testing.T) {
	var lines []string
	for _, f := range forms() {
		text := fmt.Sprint(f[1])
		if k, ok := f[1].(keys.Key); ok {
			text = k.PK + " | " + k.SK
		}
		lines = append(lines, fmt.Sprintf("%s: %s", f[0], text))
	}
	compare(t, "keys.txt", lines)
}

// No key can be made that the list does not hold: each exported name of the package is used above.
func TestEveryKeyIsListed(t *testing.T) {
	b, err := os.ReadFile("keys_test.go")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, m := range regexp.MustCompile(`keys\.([A-Z]\w*)`).FindAllStringSubmatch(string(b), -1) {
		used[m[1]] = true
	}
	scope := named(t, "keys").types.Scope()
	for _, name := range scope.Names() {
		if o := scope.Lookup(name); o.Exported() && !used[name] && !slices.Contains(readBack, name) {
			t.Errorf("keys.%s is not in the list of stored keys: add a line to forms", name)
		}
	}
}

// TestFewOtherPackagesKnowKeys lists what other packages write that looks like a part of a key.
func TestFewOtherPackagesKnowKeys(t *testing.T) {
	begins, lines := regexp.MustCompile(`^T#|^#?[A-Z]{1,8}#`), set{}
	for _, s := range sources(t) {
		s.walk(func(n ast.Node) {
			if l, ok := n.(*ast.BasicLit); ok && s.label != "keys" {
				if v, err := strconv.Unquote(l.Value); err == nil && begins.MatchString(v) && !strings.Contains(v, " ") {
					lines.add(s.label, v)
				}
			}
		})
	}
	compare(t, "keys-elsewhere.txt", lines.sorted())
}
