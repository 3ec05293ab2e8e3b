// Package keys makes every DynamoDB key. All keys start with the tenant, so that an IAM condition
// on leading keys can fence tenants, and no caller writes a key by hand.
package keys

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
)

// Key is the primary key of an item.
type Key struct{ PK, SK string }

func tenantPrefix(t ident.Tenant) string { return "T#" + string(t) + "#" }

// OpeningShards is the number of parts of the list of settlements of a month: a list by month alone
// would be one hot key. It is part of the stored keys: raising it needs a reader of both.
const OpeningShards = 4

// DayShards is the number of parts of a tenant's day of incentive events; as OpeningShards.
const DayShards = 8

func shardOf(id string, n uint32) uint32 {
	h := fnv.New32a()
	h.Write([]byte(id))
	return h.Sum32() % n
}

// --- incentives table ---

// Event is a recorded incentive event; its id is unique in the tenant.
func Event(t ident.Tenant, event string) Key { return Key{tenantPrefix(t) + "E#" + event, "E"} }

// DayChunks is the partition that holds what creators of one shard earned on a day.
func DayChunks(t ident.Tenant, day civil.Date, creator ident.Creator) string {
	return DayShard(t, day, shardOf(string(creator), DayShards))
}

// DayShard is partition n of a day.
func DayShard(t ident.Tenant, day civil.Date, n uint32) string {
	return fmt.Sprintf("%sD#%s#%d", tenantPrefix(t), day, n)
}

// DayChunk is one stream batch's events of a creator on a day; hash names its content.
func DayChunk(t ident.Tenant, day civil.Date, creator ident.Creator, hash string) Key {
	return Key{DayChunks(t, day, creator), DayChunkPrefix(creator) + hash}
}

// DayChunkPrefix begins the sort keys of a creator's chunks of a day.
func DayChunkPrefix(creator ident.Creator) string { return string(creator + "#K#") }

// DayClose is a creator's closed day: totals and the number of its last accrual.
func DayClose(t ident.Tenant, day civil.Date, creator ident.Creator) Key {
	return Key{DayChunks(t, day, creator), string(creator + "#CLOSED")}
}

// ParkedEvent is an event that waits for a strategy.
func ParkedEvent(t ident.Tenant, action, event string) Key {
	return Key{tenantPrefix(t) + "PARKED#" + action, event}
}

// --- settlements table ---

// Settlement is the META item of a settlement.
func Settlement(t ident.Tenant, id ident.Settlement) Key {
	return Key{tenantPrefix(t) + "S#" + string(id), "META"}
}

// Figures are the figures and steps of one computation, named by their content and written once.
func Figures(t ident.Tenant, id ident.Settlement, hash string) Key {
	return Key{tenantPrefix(t) + "S#" + string(id), "FIG#" + hash}
}

// Outbox is something to be told that no META holds; the stream carries it out.
func Outbox(t ident.Tenant, id string) Key { return Key{tenantPrefix(t) + "OUT#" + id, "OUT"} }

// ByTaxpayer is the index of a paying entity's settlements of a taxpayer.
func ByTaxpayer(t ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer) string {
	return tenantPrefix(t) + "X#" + string(entity) + "#" + string(taxpayer)
}

// ByCreator is the index of a creator's settlements.
func ByCreator(t ident.Tenant, creator ident.Creator) string {
	return tenantPrefix(t) + "C#" + string(creator)
}

// ByOpening is the index of all settlements opened in a month, part n of OpeningShards.
func ByOpening(t ident.Tenant, m civil.Month, n uint32) string {
	return fmt.Sprintf("%sO#%s#%d", tenantPrefix(t), m, n)
}

// OpeningShard tells in which part of its month a settlement is listed.
func OpeningShard(id string) uint32 { return shardOf(id, OpeningShards) }

// OpenedAt orders the indexes: milliseconds of the opening.
func OpenedAt(at time.Time) string { return fmt.Sprintf("%013d", at.UnixMilli()) }

// --- ledger table ---

// CreatorBook is the partition of a creator's journal, balances and income lines.
func CreatorBook(t ident.Tenant, creator ident.Creator) string {
	return tenantPrefix(t) + "C#" + string(creator)
}

// JournalEntry is one journal entry.
func JournalEntry(t ident.Tenant, creator ident.Creator, id string) Key {
	return Key{CreatorBook(t, creator), EntryPrefix + id}
}

// EntryPrefix begins the sort keys of journal entries.
const EntryPrefix = "J#"

// Balance holds a creator's balances at a paying entity, one attribute for each account.
func Balance(t ident.Tenant, creator ident.Creator, entity ident.Entity) Key {
	return Key{CreatorBook(t, creator), string(BalancePrefix + entity)}
}

// BalancePrefix begins the sort keys of balances.
const BalancePrefix = "BAL#"

// HouseBook is the book of postings of a paying entity that concern no creator; no creator's id has
// that form.
const HouseBook = "~house"

// PeriodHead is the newest period of a paying entity that is closing or sealed: the only item that
// posters read.
func PeriodHead(t ident.Tenant, entity ident.Entity) Key {
	return Key{periodPartition(t, entity), "HEAD"}
}

// Period is a paying entity's period from the day on which its closing begins.
func Period(t ident.Tenant, entity ident.Entity, m civil.Month) Key {
	return Key{periodPartition(t, entity), PeriodPrefix + m.String()}
}

// PeriodPrefix begins the sort keys of periods.
const PeriodPrefix = "M#"

func periodPartition(t ident.Tenant, entity ident.Entity) string {
	return tenantPrefix(t) + "PER#" + string(entity)
}

// IncomeLine is one income line; period is its own service period.
func IncomeLine(t ident.Tenant, creator ident.Creator, period civil.Month, incomeType,
	line string) Key {
	return Key{CreatorBook(t, creator), IncomeLinePrefix(period) + incomeType + "#" + line}
}

// IncomeLinePrefix begins the sort keys of a month's income lines.
func IncomeLinePrefix(period civil.Month) string { return "L#" + period.String() + "#" }

// Bucket gathers the lines that one statement will consume: of a month, or of a part of one.
func Bucket(t ident.Tenant, creator ident.Creator, period fmt.Stringer, incomeType string) Key {
	return Key{CreatorBook(t, creator), BucketPrefix + period.String() + "#" + incomeType}
}

// BucketPrefix begins the sort keys of statements' buckets.
const BucketPrefix = "B#"

// TaxLog is the append-only list of tax rows of a taxpayer at a paying entity.
func TaxLog(t ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer) string {
	return tenantPrefix(t) + "X#" + string(entity) + "#" + string(taxpayer)
}

// TaxRows is booking number seq of a year in that list.
func TaxRows(t ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer, year, seq int) Key {
	return Key{TaxLog(t, entity, taxpayer), fmt.Sprintf("%s%06d", TaxYearPrefix(year), seq)}
}

// TaxYearPrefix begins the sort keys of a year's tax rows.
func TaxYearPrefix(year int) string { return fmt.Sprintf("%s%04d#", TaxYears, year) }

// TaxYears begins the sort keys of all years' tax rows.
const TaxYears = "R#"

// TaxRowYear is the year of a tax row's sort key; 0 where it is none.
func TaxRowYear(sk string) int {
	year, _, _ := strings.Cut(strings.TrimPrefix(sk, TaxYears), "#")
	n, err := strconv.Atoi(year)
	if err != nil {
		return 0
	}
	return n
}

// Correction is a prepared or posted correction of taxes.
func Correction(t ident.Tenant, id string) Key { return Key{tenantPrefix(t) + "COR#" + id, "COR"} }

// OpeningImport is the record of an opening import.
func OpeningImport(t ident.Tenant, id string) Key {
	return Key{tenantPrefix(t) + "OPENING", "IMPORT#" + id}
}

// Receivable is one claim on a creator of a paying entity, or what that entity owes back to the
// creator.
func Receivable(t ident.Tenant, creator ident.Creator, entity ident.Entity, id string) Key {
	return Key{CreatorBook(t, creator), string(ReceivablePrefix+entity+"#") + id}
}

// ReceivablePrefix begins the sort keys of receivables.
const ReceivablePrefix = "RCV#"

// EntityReceivablePrefix begins the sort keys of a creator's receivables at a paying entity.
func EntityReceivablePrefix(entity ident.Entity) string {
	return string(ReceivablePrefix + entity + "#")
}

// ReceivableByID finds a receivable that a person raised by its id.
func ReceivableByID(t ident.Tenant, id string) Key {
	return Key{tenantPrefix(t) + "RCV#" + id, "RCV"}
}

// FiledMonths is the partition of the months whose returns a paying entity has filed.
func FiledMonths(t ident.Tenant, entity ident.Entity) string {
	return tenantPrefix(t) + "FILED#" + string(entity)
}

// FiledMonth is one of them.
func FiledMonth(t ident.Tenant, entity ident.Entity, m civil.Month) Key {
	return Key{FiledMonths(t, entity), "M#" + m.String()}
}

// TrueUp is what was decided of an open true-up of a paying entity.
func TrueUp(t ident.Tenant, entity ident.Entity, id string) Key {
	return Key{tenantPrefix(t) + "TU#" + string(entity), "D#" + id}
}

// --- control table ---

// Idempotency is the record of a settle call's key.
func Idempotency(t ident.Tenant, route, key string) Key {
	return Key{tenantPrefix(t) + "IDEM#" + route + "#" + key, "KEY"}
}

// AuditHead is the end of a tenant's audit chain.
func AuditHead(t ident.Tenant) Key { return Key{tenantPrefix(t) + "AUDIT", "HEAD"} }

// AuditRecord tells in which batch a record lies.
func AuditRecord(t ident.Tenant, id string) Key {
	return Key{tenantPrefix(t) + "AUDIT#" + id, "REC"}
}

// PayoutKey finds the settlement of a payout key.
func PayoutKey(t ident.Tenant, key string) Key {
	return Key{tenantPrefix(t) + "PAYKEY#" + key, "KEY"}
}

// Revocations lists a tenant's revoked tokens and subjects.
func Revocations(t ident.Tenant) Key { return Key{tenantPrefix(t) + "REVOKED", "LIST"} }

// Quarantine keeps a stream record that no retry can help.
func Quarantine(t ident.Tenant, id string) Key { return Key{tenantPrefix(t) + "QUARANTINE", id} }

// BusinessDate is the date set on a local stack; it belongs to no tenant.
func BusinessDate() Key { return Key{tenantPrefix("-") + "LOCAL", "BUSINESS_DATE"} }

// --- tenancy table ---

// MasterVersion is one version of a master-data object; kind is "entity", "taxpayer", "creator",
// "contract", "strategy", "position" or "review".
func MasterVersion(t ident.Tenant, kind, id string, version int) Key {
	return Key{tenantPrefix(t) + kind + "#" + id, fmt.Sprintf("V#%06d", version)}
}

// MasterList is the directory of a kind: one item for each object.
func MasterList(t ident.Tenant, kind string) string { return tenantPrefix(t) + "LIST#" + kind }

// CreatorContracts lists the contracts of a creator.
func CreatorContracts(t ident.Tenant, creator ident.Creator) string {
	return tenantPrefix(t) + "CC#" + string(creator)
}

// TaxpayerLookup finds a taxpayer by the keyed hash of ID type and number.
func TaxpayerLookup(t ident.Tenant, hash string) Key {
	return Key{tenantPrefix(t) + "LOOKUP#" + hash, "TAXPAYER"}
}

// DataKey is the wrapped data key of a taxpayer's record.
func DataKey(t ident.Tenant, taxpayer ident.Taxpayer, version int) Key {
	return Key{tenantPrefix(t) + "DEK#" + string(taxpayer), fmt.Sprintf("V#%06d", version)}
}

// TenantList is the directory of tenants, for schedules that serve all.
func TenantList() string { return tenantPrefix("-") + "TENANTS" }

// ParseSettlementKey reads tenant and id back from the key of a META item; false for any other
// item.
func ParseSettlementKey(pk, sk string) (tenant ident.Tenant, id ident.Settlement, ok bool) {
	rest, isTenant := strings.CutPrefix(pk, "T#")
	agency, rest, found := strings.Cut(rest, "#")
	settled, isSettlement := strings.CutPrefix(rest, "S#")
	return ident.Tenant(agency), ident.Settlement(settled), isTenant && found && isSettlement &&
		sk == "META"
}

// IncomeTypePrefix begins the sort keys of a month's income lines of one income type.
func IncomeTypePrefix(period civil.Month, incomeType string) string {
	return IncomeLinePrefix(period) + incomeType + "#"
}

// MonthBucketPrefix begins the sort keys of a month's whole bucket; those of its parts sort after
// it and before the next month.
func MonthBucketPrefix(period civil.Month) string { return BucketPrefix + period.String() + "#" }

// ParseBucketKey reads the name of the period and the income type back from the sort key of a
// bucket; false for any other item.
func ParseBucketKey(sk string) (period, incomeType string, ok bool) {
	rest, isBucket := strings.CutPrefix(sk, BucketPrefix)
	period, incomeType, found := strings.Cut(rest, "#")
	return period, incomeType, isBucket && found && period != ""
}
