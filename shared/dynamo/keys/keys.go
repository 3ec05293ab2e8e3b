// Package keys makes every key of every DynamoDB table. All partition keys begin with the tenant,
// so that an IAM condition on leading keys can separate tenants, and no store writes a key by hand.
// A function that is called after an item returns its key, or its partition; one whose name ends in
// Prefix returns how the sort keys of such items begin.
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

// Key is the primary key of an item: partition key and sort key.
type Key struct{ PK, SK string }

// tenantPrefix returns how every partition key of a tenant begins.
func tenantPrefix(t ident.Tenant) string { return "T#" + string(t) + "#" }

// OpeningShards is the number of partitions over which the settlements of a month are spread in the
// index by opening: one partition for a month would receive all writes. The number is part of the
// stored keys; whoever raises it must also read the old partitions.
const OpeningShards = 4

// DayShards is the number of partitions over which a tenant's incentive events of a day are spread,
// for the same reason as OpeningShards.
const DayShards = 8

// shardOf returns the number of the partition, 0 to n-1, to which an id belongs; FNV-1a gives the
// same number in every process.
func shardOf(id string, n uint32) uint32 {
	h := fnv.New32a()
	h.Write([]byte(id))
	return h.Sum32() % n
}

// --- incentives table ---

// Event is the key of a recorded incentive event, whose id is unique in the tenant.
func Event(t ident.Tenant, event string) Key { return Key{tenantPrefix(t) + "E#" + event, "E"} }

// DayChunks is the partition that holds what a creator earned on a day, together with the other
// creators of the same shard.
func DayChunks(t ident.Tenant, day civil.Date, creator ident.Creator) string {
	return DayShard(t, day, shardOf(string(creator), DayShards))
}

// DayShard is partition number n of a tenant's day.
func DayShard(t ident.Tenant, day civil.Date, n uint32) string {
	return fmt.Sprintf("%sD#%s#%d", tenantPrefix(t), day, n)
}

// DayChunk is the key of the events of one creator and day that came in one batch of the stream.
// hash is the hash of those events, so that the same batch, delivered again, writes the same item.
func DayChunk(t ident.Tenant, day civil.Date, creator ident.Creator, hash string) Key {
	return Key{DayChunks(t, day, creator), DayChunkPrefix(creator) + hash}
}

// DayChunkPrefix begins the sort keys of a creator's chunks in the partition of a day.
func DayChunkPrefix(creator ident.Creator) string { return string(creator + "#K#") }

// DayClose is the key of a creator's closed day, an item with the day's totals and the number of
// its last accrual.
func DayClose(t ident.Tenant, day civil.Date, creator ident.Creator) Key {
	return Key{DayChunks(t, day, creator), string(creator + "#CLOSED")}
}

// ParkedEvent is the key of an event that waits until a strategy for its action type exists.
func ParkedEvent(t ident.Tenant, action, event string) Key {
	return Key{tenantPrefix(t) + "PARKED#" + action, event}
}

// --- settlements table ---

// Settlement is the key of a settlement's main item, META.
func Settlement(t ident.Tenant, id ident.Settlement) Key {
	return Key{tenantPrefix(t) + "S#" + string(id), "META"}
}

// Figures is the key of the figures and steps of one tax computation. hash is the hash of their
// content, so they are written once and never changed.
func Figures(t ident.Tenant, id ident.Settlement, hash string) Key {
	return Key{tenantPrefix(t) + "S#" + string(id), "FIG#" + hash}
}

// Outbox is the key of an audit record or event that belongs to no settlement; the stream of the
// settlements table carries it to relay-changes.
func Outbox(t ident.Tenant, id string) Key { return Key{tenantPrefix(t) + "OUT#" + id, "OUT"} }

// ByTaxpayer is the partition of the index of a taxpayer's settlements at a paying entity.
func ByTaxpayer(t ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer) string {
	return tenantPrefix(t) + "X#" + string(entity) + "#" + string(taxpayer)
}

// ByCreator is the partition of the index of a creator's settlements.
func ByCreator(t ident.Tenant, creator ident.Creator) string {
	return tenantPrefix(t) + "C#" + string(creator)
}

// ByOpening is partition number n, of OpeningShards, of the index of all settlements that were
// opened in a month.
func ByOpening(t ident.Tenant, m civil.Month, n uint32) string {
	return fmt.Sprintf("%sO#%s#%d", tenantPrefix(t), m, n)
}

// OpeningShard returns the number of the partition in which a settlement is listed in the month of
// its opening.
func OpeningShard(id string) uint32 { return shardOf(id, OpeningShards) }

// OpenedAt is the sort key of the three indexes of settlements: the opening in milliseconds, padded
// so that texts sort as times do.
func OpenedAt(at time.Time) string { return fmt.Sprintf("%013d", at.UnixMilli()) }

// --- ledger table ---

// CreatorBook is the partition of a creator's journal entries, balances, income lines, buckets,
// receivables and statements.
func CreatorBook(t ident.Tenant, creator ident.Creator) string {
	return tenantPrefix(t) + "C#" + string(creator)
}

// JournalEntry is the key of one journal entry.
func JournalEntry(t ident.Tenant, creator ident.Creator, id string) Key {
	return Key{CreatorBook(t, creator), EntryPrefix + id}
}

// EntryPrefix begins the sort keys of journal entries in a creator's book.
const EntryPrefix = "J#"

// Balance is the key of a creator's balances at a paying entity, with one attribute for each
// account.
func Balance(t ident.Tenant, creator ident.Creator, entity ident.Entity) Key {
	return Key{CreatorBook(t, creator), string(BalancePrefix + entity)}
}

// BalancePrefix begins the sort keys of balances in a creator's book.
const BalancePrefix = "BAL#"

// HouseBook takes the place of the creator in the postings of a paying entity that concern no
// creator; no creator's id contains a tilde.
const HouseBook = "~house"

// PeriodHead is the key of the item that describes the newest period of a paying entity that is
// closing or sealed. Whoever posts an entry reads this item only.
func PeriodHead(t ident.Tenant, entity ident.Entity) Key {
	return Key{periodPartition(t, entity), "HEAD"}
}

// Period is the key of a paying entity's accounting period; the item exists from the day on which
// its closing begins.
func Period(t ident.Tenant, entity ident.Entity, m civil.Month) Key {
	return Key{periodPartition(t, entity), PeriodPrefix + m.String()}
}

// PeriodPrefix begins the sort keys of a paying entity's accounting periods.
const PeriodPrefix = "M#"

// periodPartition is the partition of a paying entity's accounting periods.
func periodPartition(t ident.Tenant, entity ident.Entity) string {
	return tenantPrefix(t) + "PER#" + string(entity)
}

// IncomeLine is the key of an income line of a creator; period is the line's service period.
func IncomeLine(t ident.Tenant, creator ident.Creator, period civil.Month, incomeType,
	line string) Key {
	return Key{CreatorBook(t, creator), IncomeLinePrefix(period) + incomeType + "#" + line}
}

// IncomeLinePrefix begins the sort keys of a month's income lines.
func IncomeLinePrefix(period civil.Month) string { return "L#" + period.String() + "#" }

// Bucket is the key of the item that adds up the income lines which one statement will consume; its
// period is a month or a part of a month.
func Bucket(t ident.Tenant, creator ident.Creator, period fmt.Stringer, incomeType string) Key {
	return Key{CreatorBook(t, creator), BucketPrefix + period.String() + "#" + incomeType}
}

// BucketPrefix begins the sort keys of the buckets of income lines.
const BucketPrefix = "B#"

// TaxLog is the partition of a taxpayer's tax rows at a paying entity, to which rows are only ever
// added.
func TaxLog(t ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer) string {
	return tenantPrefix(t) + "X#" + string(entity) + "#" + string(taxpayer)
}

// TaxRows is the key of the tax rows of booking number seq of a year.
func TaxRows(t ident.Tenant, entity ident.Entity, taxpayer ident.Taxpayer, year, seq int) Key {
	return Key{TaxLog(t, entity, taxpayer), fmt.Sprintf("%s%06d", TaxYearPrefix(year), seq)}
}

// TaxYearPrefix begins the sort keys of a year's tax rows.
func TaxYearPrefix(year int) string { return fmt.Sprintf("%s%04d#", TaxYears, year) }

// TaxYears begins the sort keys of the tax rows of all years.
const TaxYears = "R#"

// TaxRowYear reads the year back from the sort key of tax rows; it returns 0 for any other sort
// key.
func TaxRowYear(sk string) int {
	year, _, _ := strings.Cut(strings.TrimPrefix(sk, TaxYears), "#")
	n, err := strconv.Atoi(year)
	if err != nil {
		return 0
	}
	return n
}

// Correction is the key of a correction of taxes, prepared or posted.
func Correction(t ident.Tenant, id string) Key { return Key{tenantPrefix(t) + "COR#" + id, "COR"} }

// OpeningImport is the key of the record of an import of opening balances.
func OpeningImport(t ident.Tenant, id string) Key {
	return Key{tenantPrefix(t) + "OPENING", "IMPORT#" + id}
}

// Receivable is the key of one claim of a paying entity on a creator, or of an amount that the
// entity owes back to the creator.
func Receivable(t ident.Tenant, creator ident.Creator, entity ident.Entity, id string) Key {
	return Key{CreatorBook(t, creator), string(ReceivablePrefix+entity+"#") + id}
}

// ReceivablePrefix begins the sort keys of a creator's receivables at all paying entities.
const ReceivablePrefix = "RCV#"

// EntityReceivablePrefix begins the sort keys of a creator's receivables at one paying entity.
func EntityReceivablePrefix(entity ident.Entity) string {
	return string(ReceivablePrefix + entity + "#")
}

// ReceivableByID is the key of the item that leads from the id of a receivable, raised by a person,
// to the receivable.
func ReceivableByID(t ident.Tenant, id string) Key {
	return Key{tenantPrefix(t) + "RCV#" + id, "RCV"}
}

// FiledMonths is the partition of the months for which a paying entity has filed its returns.
func FiledMonths(t ident.Tenant, entity ident.Entity) string {
	return tenantPrefix(t) + "FILED#" + string(entity)
}

// FiledMonth is the key of one month for which a paying entity has filed its return.
func FiledMonth(t ident.Tenant, entity ident.Entity, m civil.Month) Key {
	return Key{FiledMonths(t, entity), "M#" + m.String()}
}

// TrueUp is the key of the decision on an open true-up of a paying entity.
func TrueUp(t ident.Tenant, entity ident.Entity, id string) Key {
	return Key{tenantPrefix(t) + "TU#" + string(entity), "D#" + id}
}

// --- control table ---

// Idempotency is the key of the record of an idempotency key that a client sent to a route.
func Idempotency(t ident.Tenant, route, key string) Key {
	return Key{tenantPrefix(t) + "IDEM#" + route + "#" + key, "KEY"}
}

// AuditHead is the key of the item that describes the end of a tenant's audit chain.
func AuditHead(t ident.Tenant) Key { return Key{tenantPrefix(t) + "AUDIT", "HEAD"} }

// AuditRecord is the key of the item that leads from an audit record to the batch in which it was
// sealed.
func AuditRecord(t ident.Tenant, id string) Key {
	return Key{tenantPrefix(t) + "AUDIT#" + id, "REC"}
}

// PayoutKey is the key of the item that leads from a payout key to its settlement.
func PayoutKey(t ident.Tenant, key string) Key {
	return Key{tenantPrefix(t) + "PAYKEY#" + key, "KEY"}
}

// Revocations is the key of the list of a tenant's revoked subjects.
func Revocations(t ident.Tenant) Key { return Key{tenantPrefix(t) + "REVOKED", "LIST"} }

// Quarantine is the key of a stream record that failed and that no retry can help.
func Quarantine(t ident.Tenant, id string) Key { return Key{tenantPrefix(t) + "QUARANTINE", id} }

// BusinessDate is the key of the business date that was set on a local stack; it belongs to no
// tenant.
func BusinessDate() Key { return Key{tenantPrefix("-") + "LOCAL", "BUSINESS_DATE"} }

// --- tenancy table ---

// MasterVersion is the key of one version of a master-data object; kind is "entity", "taxpayer",
// "creator", "contract", "strategy", "position" or "review".
func MasterVersion(t ident.Tenant, kind, id string, version int) Key {
	return Key{tenantPrefix(t) + kind + "#" + id, fmt.Sprintf("V#%06d", version)}
}

// MasterList is the partition of the directory of one kind of master data, with one item for each
// object.
func MasterList(t ident.Tenant, kind string) string { return tenantPrefix(t) + "LIST#" + kind }

// CreatorContracts is the partition that lists the contracts of a creator.
func CreatorContracts(t ident.Tenant, creator ident.Creator) string {
	return tenantPrefix(t) + "CC#" + string(creator)
}

// TaxpayerLookup is the key of the item that leads to a taxpayer from the keyed hash of the type
// and number of an identity document.
func TaxpayerLookup(t ident.Tenant, hash string) Key {
	return Key{tenantPrefix(t) + "LOOKUP#" + hash, "TAXPAYER"}
}

// DataKey is the key of a version of the wrapped data key under which a taxpayer's personal data is
// sealed.
func DataKey(t ident.Tenant, taxpayer ident.Taxpayer, version int) Key {
	return Key{tenantPrefix(t) + "DEK#" + string(taxpayer), fmt.Sprintf("V#%06d", version)}
}

// TenantList is the partition that lists all tenants, for schedules that serve every tenant.
func TenantList() string { return tenantPrefix("-") + "TENANTS" }

// ParseSettlementKey reads tenant and settlement id back from the key of a META item; ok is false
// for any other item.
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

// MonthBucketPrefix begins the sort keys of the buckets of a whole month; the buckets of its parts
// (2026-08-H1) sort after them and before the next month.
func MonthBucketPrefix(period civil.Month) string { return BucketPrefix + period.String() + "#" }

// ParseBucketKey reads the name of the period and the income type back from the sort key of a
// bucket; ok is false for any other item.
func ParseBucketKey(sk string) (period, incomeType string, ok bool) {
	rest, isBucket := strings.CutPrefix(sk, BucketPrefix)
	period, incomeType, found := strings.Cut(rest, "#")
	return period, incomeType, isBucket && found && period != ""
}
