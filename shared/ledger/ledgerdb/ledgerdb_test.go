package ledgerdb_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/fault"
	"fenzhang/shared/ledger"
	"fenzhang/shared/ledger/ledgerdb"
	"fenzhang/shared/money"
)

func TestAnUnknownAccountIsRefused(t *testing.T) {
	e := ledger.Entry{ID: "e1", Tenant: "t", CreatorID: "c", Entity: "ent"}
	e.Debit("own.deposit", money.Yuan(1))
	e.Credit(ledger.CreatorPayable, money.Yuan(1))
	if _, err := ledgerdb.EntryWrites("ledger", e); !fault.HasCode(err, fault.System) {
		t.Errorf("an account outside the chart: %v", err)
	}
	e.Postings = e.Postings[:1]
	if _, err := ledgerdb.EntryWrites("ledger", e); !fault.HasCode(err, fault.System) {
		t.Errorf("one-sided: %v", err)
	}
}

// A balance item with every account of the standard chart, at amounts no agency will see, stays under one write unit.
func TestABalanceItemStaysUnderOneKilobyte(t *testing.T) {
	c, err := ledger.StandardChart()
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, a := range c.Accounts {
		size += len(a.Account) + len(fmt.Sprint(int64(math.MinInt64)))/2 + 2 // two digits a byte, sign and exponent
	}
	size += len("pk") + len("T#") + 32 + len("#C#") + 64 + len("sk") + len("BAL#") + 64 + len("closed") + len("2026-08")
	if size >= 1024 {
		t.Errorf("%d bytes", size)
	}
}

// All that an entry touches is one update of one item: the creator's book keeps its part of the hot accounts too.
func TestHotAccountsAreKeptInTheCreatorsBook(t *testing.T) {
	e := ledger.Entry{ID: "e1", Tenant: "t", CreatorID: "c", Entity: "ent"}
	e.Debit(ledger.PlatformClearing, money.Yuan(10))
	e.Credit(ledger.CreatorPayable, money.Yuan(7))
	e.Credit(ledger.MCNRevenue, money.Yuan(3))
	parts, err := ledgerdb.EntryWrites("ledger", e)
	if err != nil || len(parts) != 2 {
		t.Fatalf("%d parts, %v", len(parts), err)
	}
	kept := map[string]bool{}
	for _, name := range parts[1].Update.ExpressionAttributeNames {
		kept[name] = true
	}
	if !kept["platform.clearing"] || !kept["creator.payable"] || !kept["mcn.revenue"] {
		t.Errorf("kept: %v", kept)
	}
	if pk := parts[1].Update.Key["pk"].(*types.AttributeValueMemberS).Value; pk != "T#t#C#c" {
		t.Errorf("kept in %s", pk)
	}
}
