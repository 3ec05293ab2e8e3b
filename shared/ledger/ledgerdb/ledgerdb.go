// Package ledgerdb writes journal entries with the balances they change, and reads a creator's
// book.
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

// EntryWrites are the parts of a transaction that post an entry: the entry, once, and the creator's
// balances. A debit of an account that the MCN owes on is refused when it would leave less than
// nothing.
func EntryWrites(table string, e ledger.Entry) ([]types.TransactWriteItem, error) {
	return EntriesWrites(table, []ledger.Entry{e})
}

// EntryWritesWithHash are the parts that post an entry, as Parts gives them, and its Hash; the entry is written
// out once.
func EntryWritesWithHash(table string,
	e ledger.Entry) (parts []types.TransactWriteItem, hash string, err error) {
	if parts, err = EntryWrites(table, e); err != nil {
		return nil, "", err
	}
	if doc, ok := parts[0].Put.Item["doc"].(*types.AttributeValueMemberS); ok {
		hash = hashOf([]byte(doc.Value))
	}
	return parts, hash, nil
}

// EntriesWrites are the parts of a transaction that post several entries at once; a creator's balances at
// a paying entity change once, by their sum.
//
// Errors: 5001 when an entry does not sum to zero or names an account that every chart lacks.
func EntriesWrites(table string, entries []ledger.Entry) ([]types.TransactWriteItem, error) {
	chart, err := ledger.StandardChart()
	if err != nil {
		return nil, fault.Internal(err)
	}
	return EntriesWritesInChart(table, chart, entries)
}

// EntriesWritesInChart is PartsOf with the chart of a paying entity that has accounts of its own.
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
		if e.Accounting.Before(sums[k].Accounting) {
			sums[k].Accounting = e.Accounting
		}
		sums[k].Postings = append(sums[k].Postings, e.Postings...)
	}
	for _, e := range order {
		parts = append(parts, types.TransactWriteItem{Update: balance(table, *e)})
	}
	return parts, nil
}

func entryPut(table string, chart ledger.Chart, e ledger.Entry) (types.TransactWriteItem, error) {
	if err := cmp.Or(e.Validate(), chart.CheckAccounts(e)); err != nil {
		return types.TransactWriteItem{}, fault.Internal(err)
	}
	doc, err := json.Marshal(e)
	if err != nil {
		return types.TransactWriteItem{}, fault.Internal(err)
	}
	k := keys.Entry(e.Tenant, e.CreatorID, e.ID)
	return dynamo.PutNew(table, map[string]types.AttributeValue{"pk": dynamo.Text(k.PK),
		"sk": dynamo.Text(k.SK), "doc": dynamo.Text(string(doc))}), nil
}

// EntryHash is the SM3 of an entry as it is stored; the audit record of its act carries it.
func EntryHash(e ledger.Entry) string {
	doc, err := json.Marshal(e)
	if err != nil { // amounts, words and times always marshal
		return ""
	}
	return hashOf(doc)
}

func hashOf(doc []byte) string {
	sum := sm3.Sum(doc)
	return hex.EncodeToString(sum[:])
}

// balance adds the entry to the balances of the creator's book, one attribute for each account. It
// is also where the write of an entry into a sealed period is refused: the item is written anyway,
// so the condition costs nothing.
func balance(table string, e ledger.Entry) *types.Update {
	sums := ledger.SumByAccount([]ledger.Entry{e})
	var accounts []string
	for a, sum := range sums {
		if !sum.IsZero() {
			accounts = append(accounts, string(a))
		}
	}
	if len(accounts) == 0 { // an entry that nets to nothing is still one of its period
		accounts = append(accounts, string(e.Postings[0].Account))
	}
	slices.Sort(accounts)
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
		if owed(ledger.Account(a)) && amount.Positive() {
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

// owed are the accounts whose balance may never turn into a claim on the creator.
func owed(a ledger.Account) bool { return a == ledger.CreatorPayable || a == ledger.CreatorAccrued }

// Book reads creators' books.
type Book struct {
	DB    dynamo.API
	Table string
}

// Entry reads one journal entry, consistently; fault.Absent when there is none.
func (b Book) Entry(ctx context.Context, tenant ident.Tenant, creator ident.Creator,
	id string) (ledger.Entry, error) {
	k := keys.Entry(tenant, creator, id)
	out, err := b.DB.GetItem(ctx,
		&dynamodb.GetItemInput{TableName: aws.String(b.Table), ConsistentRead: aws.Bool(true),
			Key: map[string]types.AttributeValue{"pk": dynamo.Text(k.PK), "sk": dynamo.Text(k.SK)}})
	if err != nil {
		return ledger.Entry{}, awsfault.Of(err)
	}
	if out.Item == nil {
		return ledger.Entry{}, fault.Absent("journal entry")
	}
	return entryOf(out.Item)
}

// Entries reads a creator's whole journal, in order of posting.
func (b Book) Entries(ctx context.Context, tenant ident.Tenant,
	creator ident.Creator) ([]ledger.Entry, error) {
	items, err := b.query(ctx, keys.CreatorBook(tenant, creator), keys.EntryPrefix)
	if err != nil {
		return nil, err
	}
	entries := make([]ledger.Entry, 0, len(items))
	for _, it := range items {
		e, err := entryOf(it)
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
	items, err := b.query(ctx, keys.CreatorBook(tenant, creator), keys.BalancePrefix)
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

func (b Book) query(ctx context.Context, pk,
	prefix string) ([]map[string]types.AttributeValue, error) {
	return dynamo.QueryAll(ctx, b.DB, dynamo.PartitionQuery(b.Table, pk, prefix))
}

// entryOf reads an entry and checks it again: what was changed behind our back must not be used.
func entryOf(it map[string]types.AttributeValue) (ledger.Entry, error) {
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

// EntriesPage reads the entries of a book that come after one, "" at the start, in order of posting, and
// the id after which the book goes on, "" at its end.
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
		if entries[i], err = entryOf(it); err != nil {
			return nil, "", err
		}
	}
	return entries, strings.TrimPrefix(next, keys.EntryPrefix), nil
}

// maxPage bounds one page of entries.
const maxPage = 500
