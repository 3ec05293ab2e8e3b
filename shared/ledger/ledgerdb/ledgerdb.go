// Package ledgerdb stores journal entries together with the balances that they change, and reads
// the books of creators.
package ledgerdb

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/emmansun/gmsm/sm3"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/fault"
	"fenzhang/shared/fault/awsfault"
	"fenzhang/shared/ident"
	"fenzhang/shared/ledger"
	"fenzhang/shared/money"
)

// EntryWrites returns the transaction items that post an entry: the entry, which must be new, and
// the update of the creator's balances. The update is refused when it would turn a debt of the MCN
// to the creator into a claim.
func EntryWrites(table string, e ledger.Entry) ([]types.TransactWriteItem, error) {
	return EntriesWrites(table, []ledger.Entry{e})
}

// EntryWritesWithHash returns the items of EntryWrites and the hash of the entry, from one
// marshalling of the entry.
func EntryWritesWithHash(table string,
	e ledger.Entry) (parts []types.TransactWriteItem, hash string, err error) {
	if parts, err = EntryWrites(table, e); err != nil {
		return nil, "", err
	}
	if doc, ok := parts[0].Put.Item["doc"].(*types.AttributeValueMemberS); ok {
		hash = sm3Hex([]byte(doc.Value))
	}
	return parts, hash, nil
}

// EntriesWrites returns the transaction items that post several entries at once. The balances of a
// creator at a paying entity are updated once, by the sum of the entries, because a transaction may
// not write an item twice.
//
// Errors: 5001 when an entry does not sum to zero or uses an account that the standard chart lacks.
func EntriesWrites(table string, entries []ledger.Entry) ([]types.TransactWriteItem, error) {
	chart, err := ledger.StandardChart()
	if err != nil {
		return nil, fault.Internal(err)
	}
	return EntriesWritesInChart(table, chart, entries)
}

// EntriesWritesInChart is EntriesWrites for the chart of a paying entity with additional accounts.
func EntriesWritesInChart(table string, chart ledger.Chart,
	entries []ledger.Entry) ([]types.TransactWriteItem, error) {
	var parts []types.TransactWriteItem
	sums := map[[2]string]*ledger.Entry{}
	var order []*ledger.Entry
	for _, e := range entries {
		put, err := entryPut(table, chart, e)
		if err != nil {
			return nil, err
		}
		parts = append(parts, put)
		k := [2]string{string(e.CreatorID), string(e.Entity)}
		if sums[k] == nil {
			sums[k] = &ledger.Entry{Tenant: e.Tenant, CreatorID: e.CreatorID, Entity: e.Entity,
				Accounting: e.Accounting}
			order = append(order, sums[k])
		}
		// The condition of the balance must refuse the earliest period among the entries.
		if e.Accounting.Before(sums[k].Accounting) {
			sums[k].Accounting = e.Accounting
		}
		sums[k].Postings = append(sums[k].Postings, e.Postings...)
	}
	for _, e := range order {
		parts = append(parts, types.TransactWriteItem{Update: balanceUpdate(table, *e)})
	}
	return parts, nil
}

// entryPut returns the transaction item that writes a validated entry.
func entryPut(table string, chart ledger.Chart, e ledger.Entry) (types.TransactWriteItem, error) {
	if err := cmp.Or(e.Validate(), chart.CheckAccounts(e)); err != nil {
		return types.TransactWriteItem{}, fault.Internal(err)
	}
	doc, err := json.Marshal(e)
	if err != nil {
		return types.TransactWriteItem{}, fault.Internal(err)
	}
	k := keys.JournalEntry(e.Tenant, e.CreatorID, e.ID)
	return dynamo.PutNew(table, map[string]types.AttributeValue{"pk": dynamo.Text(k.PK),
		"sk": dynamo.Text(k.SK), "doc": dynamo.Text(string(doc))}), nil
}

// EntryHash returns the SM3 of an entry in its stored form; the audit record of the act contains
// it.
func EntryHash(e ledger.Entry) string {
	doc, err := json.Marshal(e)
	if err != nil {
		// Amounts, texts and times always marshal.
		return ""
	}
	return sm3Hex(doc)
}

// sm3Hex returns the SM3 of a document in lower-case hexadecimal.
func sm3Hex(doc []byte) string {
	sum := sm3.Sum(doc)
	return hex.EncodeToString(sum[:])
}

// balanceUpdate returns the update that adds an entry to the balances of its book, one attribute
// for each account. The update is conditional: a write is refused when the period of the entry is
// sealed in this book, or when a debt to the creator would become a claim.
func balanceUpdate(table string, e ledger.Entry) *types.Update {
	sums := ledger.SumByAccount([]ledger.Entry{e})
	accounts := changedAccounts(e, sums)
	k := keys.Balance(e.Tenant, e.CreatorID, e.Entity)
	u := &types.Update{TableName: aws.String(table),
		Key: map[string]types.AttributeValue{"pk": dynamo.Text(k.PK),
			"sk": dynamo.Text(k.SK)},
		ExpressionAttributeNames:  map[string]string{},
		ExpressionAttributeValues: map[string]types.AttributeValue{}}
	var adds, conditions []string
	for i, a := range accounts {
		name, value := "#a"+strconv.Itoa(i), ":a"+strconv.Itoa(i)
		amount := sums[ledger.Account(a)]
		u.ExpressionAttributeNames[name] = a
		u.ExpressionAttributeValues[value] = dynamo.Number(amount.Fen())
		adds = append(adds, name+" "+value)
		// What the MCN owes is a credit, so a negative balance; a debit may not raise it above zero.
		if isOwedToCreator(ledger.Account(a)) && amount.Positive() {
			limit := ":l" + strconv.Itoa(i)
			u.ExpressionAttributeValues[limit] = dynamo.Number(-amount.Fen())
			conditions = append(conditions, name+" <= "+limit)
		}
	}
	u.ExpressionAttributeValues[":period"] = dynamo.Text(e.Accounting.String())
	conditions = append(conditions, "(attribute_not_exists("+attrClosed+") OR "+attrClosed+
		" < :period)")
	u.UpdateExpression = aws.String("ADD " + strings.Join(adds, ", "))
	u.ConditionExpression = aws.String(strings.Join(conditions, " AND "))
	return u
}

// changedAccounts lists, in order, the accounts whose balance an entry changes. An entry that nets
// to zero in each account still belongs to its period, so its first account is listed and the
// condition of the update is tested all the same.
func changedAccounts(e ledger.Entry, sums map[ledger.Account]money.Amount) []string {
	var accounts []string
	for a, sum := range sums {
		if !sum.IsZero() {
			accounts = append(accounts, string(a))
		}
	}
	if len(accounts) == 0 {
		accounts = append(accounts, string(e.Postings[0].Account))
	}
	slices.Sort(accounts)
	return accounts
}

// isOwedToCreator reports whether the account holds what the MCN owes to the creator; its balance
// may never become a claim on the creator.
func isOwedToCreator(a ledger.Account) bool {
	return a == ledger.CreatorPayable || a == ledger.CreatorAccrued
}

// Book reads the books of creators.
type Book struct {
	DB    dynamo.API
	Table string
}

// ReadEntry reads one journal entry by a consistent read. Errors: 3003 when the book has no such
// entry.
func (b Book) ReadEntry(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	id string) (ledger.Entry, error) {
	k := keys.JournalEntry(tenant, creator, id)
	out, err := b.DB.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: aws.String(b.Table), ConsistentRead: aws.Bool(true),
			Key: map[string]types.AttributeValue{"pk": dynamo.Text(k.PK), "sk": dynamo.Text(k.SK)}})
	if err != nil {
		return ledger.Entry{}, awsfault.Classify(err)
	}
	if out.Item == nil {
		return ledger.Entry{}, fault.MissingObject("journal entry")
	}
	return decodeEntry(out.Item)
}

// Entries reads the whole journal of a creator in order of posting.
func (b Book) Entries(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator) ([]ledger.Entry, error) {
	items, err := b.queryBook(ctx, keys.CreatorBook(tenant, creator), keys.EntryPrefix)
	if err != nil {
		return nil, err
	}
	entries := make([]ledger.Entry, 0, len(items))
	for _, it := range items {
		e, err := decodeEntry(it)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// Balances reads a creator's balances by paying entity and account.
func (b Book) Balances(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator) (map[string]map[ledger.Account]money.Amount, error) {
	items, err := b.queryBook(ctx, keys.CreatorBook(tenant, creator), keys.BalancePrefix)
	if err != nil {
		return nil, err
	}
	out := map[string]map[ledger.Account]money.Amount{}
	for _, it := range items {
		sums := map[ledger.Account]money.Amount{}
		for name, v := range it {
			if n, ok := v.(*types.AttributeValueMemberN); ok {
				fen, err := strconv.ParseInt(n.Value, 10, 64)
				if err != nil {
					return nil, fault.Internal(err)
				}
				sums[ledger.Account(name)] = money.Fen(fen)
			}
		}
		out[strings.TrimPrefix(it["sk"].(*types.AttributeValueMemberS).Value, keys.BalancePrefix)] = sums
	}
	return out, nil
}

func (b Book) queryBook(ctx context.Context, pk,
	prefix string) ([]map[string]types.AttributeValue, error) {
	return dynamo.QueryAll(ctx, b.DB, dynamo.PartitionQuery(b.Table, pk, prefix))
}

// decodeEntry decodes an entry and validates it again: an entry that was changed in the table must
// not be used.
func decodeEntry(it map[string]types.AttributeValue) (ledger.Entry, error) {
	var e ledger.Entry
	doc, _ := it["doc"].(*types.AttributeValueMemberS)
	if doc == nil {
		return e, fault.Internal(fmt.Errorf("ledgerdb: entry without document"))
	}
	if err := json.Unmarshal([]byte(doc.Value), &e); err != nil {
		return e, fault.Internal(err)
	}
	if err := e.Validate(); err != nil {
		return e, fault.Internal(err)
	}
	return e, nil
}

// EntriesPage reads up to limit entries of a book that come after the entry with the given id, ""
// for the start, in order of posting. EntriesPage also returns the id after which the next page
// begins, "" at the end of the book.
func (b Book) EntriesPage(ctx context.Context, tenant ident.Tenant, book, after string,
	limit int) ([]ledger.Entry, string, error) {
	in := dynamo.PartitionQuery(b.Table, keys.CreatorBook(tenant, ident.Creator(book)),
		keys.EntryPrefix)
	if after != "" {
		after = keys.EntryPrefix + after
	}
	items, next, err := dynamo.QueryPage(ctx, b.DB, in, after, min(max(limit, 1), maxPage))
	if err != nil {
		return nil, "", err
	}
	entries := make([]ledger.Entry, len(items))
	for i, it := range items {
		if entries[i], err = decodeEntry(it); err != nil {
			return nil, "", err
		}
	}
	return entries, strings.TrimPrefix(next, keys.EntryPrefix), nil
}

// maxPage is the greatest number of entries in one page.
const maxPage = 500
