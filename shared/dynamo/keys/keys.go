// Package keys makes every DynamoDB key. All keys start with the tenant, so that an IAM condition on leading
// keys can fence tenants, and no caller writes a key by hand.
package keys

import (
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"fenzhang/shared/civil"
)

// Key is the primary key of an item.
type Key struct{ PK, SK string }

func tenant(t string) string { return "T#" + t + "#" }

// OpeningShards is the number of parts of the list of settlements of a month: a list by month alone would be
// one hot key. It is part of the stored keys: raising it needs a reader of both.
const OpeningShards = 4

// DayShards is the number of parts of a tenant's day of incentive events; as OpeningShards.
const DayShards = 8

func shard(id string, n uint32) uint32 {
	h := fnv.New32a()
	h.Write([]byte(id))
	return h.Sum32() % n
}

// --- incentives table ---

// Event is a recorded incentive event; its id is unique in the tenant.
func Event(t, event string) Key { return Key{tenant(t) + "E#" + event, "E"} }

// DayChunks is the partition that holds what creators of one shard earned on a day.
func DayChunks(t string, day civil.Date, creator string) string {
	return DayShard(t, day, shard(creator, DayShards))
}

// DayShard is partition n of a day.
func DayShard(t string, day civil.Date, n uint32) string {
	return fmt.Sprintf("%sD#%s#%d", tenant(t), day, n)
}

// Chunk is one stream batch's events of a creator on a day; hash names its content.
func Chunk(t string, day civil.Date, creator, hash string) Key {
	return Key{DayChunks(t, day, creator), ChunkPrefix(creator) + hash}
}

// ChunkPrefix begins the sort keys of a creator's chunks of a day.
func ChunkPrefix(creator string) string { return creator + "#K#" }

// DayClose is a creator's closed day: totals and the number of its last accrual.
func DayClose(t string, day civil.Date, creator string) Key {
	return Key{DayChunks(t, day, creator), creator + "#CLOSED"}
}

// Parked is an event that waits for a strategy.
func Parked(t, action, event string) Key { return Key{tenant(t) + "PARKED#" + action, event} }

// --- settlements table ---

// Settlement is the META item of a settlement.
func Settlement(t, id string) Key { return Key{tenant(t) + "S#" + id, "META"} }

// Figures are the figures and steps of one computation, named by their content and written once.
func Figures(t, id, hash string) Key { return Key{tenant(t) + "S#" + id, "FIG#" + hash} }

// Outbox is something to be told that no META holds; the stream carries it out.
func Outbox(t, id string) Key { return Key{tenant(t) + "OUT#" + id, "OUT"} }

// ByTaxpayer is the index of a paying entity's settlements of a taxpayer.
func ByTaxpayer(t, entity, taxpayer string) string { return tenant(t) + "X#" + entity + "#" + taxpayer }

// ByCreator is the index of a creator's settlements.
func ByCreator(t, creator string) string { return tenant(t) + "C#" + creator }

// ByOpening is the index of all settlements opened in a month, part n of OpeningShards.
func ByOpening(t string, m civil.Month, n uint32) string {
	return fmt.Sprintf("%sO#%s#%d", tenant(t), m, n)
}

// OpeningShard tells in which part of its month a settlement is listed.
func OpeningShard(id string) uint32 { return shard(id, OpeningShards) }

// OpenedAt orders the indexes: milliseconds of the opening.
func OpenedAt(at time.Time) string { return fmt.Sprintf("%013d", at.UnixMilli()) }

// --- ledger table ---

// CreatorBook is the partition of a creator's journal, balances and income lines.
func CreatorBook(t, creator string) string { return tenant(t) + "C#" + creator }

// Entry is one journal entry.
func Entry(t, creator, id string) Key { return Key{CreatorBook(t, creator), EntryPrefix + id} }

// EntryPrefix begins the sort keys of journal entries.
const EntryPrefix = "J#"

// Balance holds a creator's balances at a paying entity, one attribute for each account.
func Balance(t, creator, entity string) Key {
	return Key{CreatorBook(t, creator), BalancePrefix + entity}
}

// BalancePrefix begins the sort keys of balances.
const BalancePrefix = "BAL#"

// HouseBook is the book of postings of a paying entity that concern no creator; no creator's id has that form.
const HouseBook = "~house"

// PeriodHead is the newest period of a paying entity that is closing or sealed: the only item that posters read.
func PeriodHead(t, entity string) Key { return Key{periods(t, entity), "HEAD"} }

// Period is a paying entity's period from the day on which its closing begins.
func Period(t, entity string, m civil.Month) Key {
	return Key{periods(t, entity), PeriodPrefix + m.String()}
}

// PeriodPrefix begins the sort keys of periods.
const PeriodPrefix = "M#"

func periods(t, entity string) string { return tenant(t) + "PER#" + entity }

// Line is one income line; period is its own service period.
func Line(t, creator string, period civil.Month, incomeType, line string) Key {
	return Key{CreatorBook(t, creator), LinePrefix(period) + incomeType + "#" + line}
}

// LinePrefix begins the sort keys of a month's income lines.
func LinePrefix(period civil.Month) string { return "L#" + period.String() + "#" }

// Bucket gathers the lines that one statement will consume: of a month, or of a part of one.
func Bucket(t, creator string, period fmt.Stringer, incomeType string) Key {
	return Key{CreatorBook(t, creator), BucketPrefix + period.String() + "#" + incomeType}
}

// BucketPrefix begins the sort keys of statements' buckets.
const BucketPrefix = "B#"

// TaxLog is the append-only list of tax rows of a taxpayer at a paying entity.
func TaxLog(t, entity, taxpayer string) string { return tenant(t) + "X#" + entity + "#" + taxpayer }

// TaxRows is booking number seq of a year in that list.
func TaxRows(t, entity, taxpayer string, year, seq int) Key {
	return Key{TaxLog(t, entity, taxpayer), fmt.Sprintf("%s%06d", TaxYear(year), seq)}
}

// TaxYear begins the sort keys of a year's tax rows.
func TaxYear(year int) string { return fmt.Sprintf("%s%04d#", TaxYears, year) }

// TaxYears begins the sort keys of all years' tax rows.
const TaxYears = "R#"

// YearOf is the year of a tax row's sort key; 0 where it is none.
func YearOf(sk string) int {
	year, _, _ := strings.Cut(strings.TrimPrefix(sk, TaxYears), "#")
	n, err := strconv.Atoi(year)
	if err != nil {
		return 0
	}
	return n
}

// Correction is a prepared or posted correction of taxes.
func Correction(t, id string) Key { return Key{tenant(t) + "COR#" + id, "COR"} }

// OpeningImport is the record of an opening import.
func OpeningImport(t, id string) Key { return Key{tenant(t) + "OPENING", "IMPORT#" + id} }

// Receivable is one claim on a creator of a paying entity, or what that entity owes back to the creator.
func Receivable(t, creator, entity, id string) Key {
	return Key{CreatorBook(t, creator), ReceivablePrefix + entity + "#" + id}
}

// ReceivablePrefix begins the sort keys of receivables.
const ReceivablePrefix = "RCV#"

// ReceivablesOf begins the sort keys of a creator's receivables at a paying entity.
func ReceivablesOf(entity string) string { return ReceivablePrefix + entity + "#" }

// ReceivableName finds a receivable that a person raised by its id.
func ReceivableName(t, id string) Key { return Key{tenant(t) + "RCV#" + id, "RCV"} }

// FiledMonths is the partition of the months whose returns a paying entity has filed.
func FiledMonths(t, entity string) string { return tenant(t) + "FILED#" + entity }

// FiledMonth is one of them.
func FiledMonth(t, entity string, m civil.Month) Key {
	return Key{FiledMonths(t, entity), "M#" + m.String()}
}

// TrueUp is what was decided of an open true-up of a paying entity.
func TrueUp(t, entity, id string) Key { return Key{tenant(t) + "TU#" + entity, "D#" + id} }

// --- control table ---

// Idempotency is the record of a settle call's key.
func Idempotency(t, route, key string) Key {
	return Key{tenant(t) + "IDEM#" + route + "#" + key, "KEY"}
}

// AuditHead is the end of a tenant's audit chain.
func AuditHead(t string) Key { return Key{tenant(t) + "AUDIT", "HEAD"} }

// AuditRecord tells in which batch a record lies.
func AuditRecord(t, id string) Key { return Key{tenant(t) + "AUDIT#" + id, "REC"} }

// PayoutKey finds the settlement of a payout key.
func PayoutKey(t, key string) Key { return Key{tenant(t) + "PAYKEY#" + key, "KEY"} }

// Revocations lists a tenant's revoked tokens and subjects.
func Revocations(t string) Key { return Key{tenant(t) + "REVOKED", "LIST"} }

// Quarantine keeps a stream record that no retry can help.
func Quarantine(t, id string) Key { return Key{tenant(t) + "QUARANTINE", id} }

// BusinessDate is the date set on a local stack; it belongs to no tenant.
func BusinessDate() Key { return Key{tenant("-") + "LOCAL", "BUSINESS_DATE"} }

// --- tenancy table ---

// Master is one version of a master-data object; kind is "entity", "taxpayer", "creator", "contract",
// "strategy", "position" or "review".
func Master(t, kind, id string, version int) Key {
	return Key{tenant(t) + kind + "#" + id, fmt.Sprintf("V#%06d", version)}
}

// MasterList is the directory of a kind: one item for each object.
func MasterList(t, kind string) string { return tenant(t) + "LIST#" + kind }

// CreatorContracts lists the contracts of a creator.
func CreatorContracts(t, creator string) string { return tenant(t) + "CC#" + creator }

// Lookup finds a taxpayer by the keyed hash of ID type and number.
func Lookup(t, hash string) Key { return Key{tenant(t) + "LOOKUP#" + hash, "TAXPAYER"} }

// DataKey is the wrapped data key of a taxpayer's record.
func DataKey(t, taxpayer string, version int) Key {
	return Key{tenant(t) + "DEK#" + taxpayer, fmt.Sprintf("V#%06d", version)}
}

// Tenants is the directory of tenants, for schedules that serve all.
func Tenants() string { return tenant("-") + "TENANTS" }

// SettlementOf reads tenant and id back from the key of a META item; false for any other item.
func SettlementOf(pk, sk string) (tenant, id string, ok bool) {
	rest, isTenant := strings.CutPrefix(pk, "T#")
	tenant, rest, found := strings.Cut(rest, "#")
	id, isSettlement := strings.CutPrefix(rest, "S#")
	return tenant, id, isTenant && found && isSettlement && sk == "META"
}

// LinesOf begins the sort keys of a month's income lines of one income type.
func LinesOf(period civil.Month, incomeType string) string {
	return LinePrefix(period) + incomeType + "#"
}

// BucketsOf begins the sort keys of a month's whole bucket; those of its parts sort after it and before the next month.
func BucketsOf(period civil.Month) string { return BucketPrefix + period.String() + "#" }

// BucketOf reads the name of the period and the income type back from the sort key of a bucket; false for any other item.
func BucketOf(sk string) (period, incomeType string, ok bool) {
	rest, isBucket := strings.CutPrefix(sk, BucketPrefix)
	period, incomeType, found := strings.Cut(rest, "#")
	return period, incomeType, isBucket && found && period != ""
}
