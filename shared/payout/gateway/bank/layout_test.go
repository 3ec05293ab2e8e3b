package payoutbank

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/fault"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
	"fenzhang/shared/payout"
)

func TestGenericFile(t *testing.T) {
	l, err := GenericLayout()
	if err != nil {
		t.Fatal(err)
	}
	l.Charset = "utf-8" // to be read here
	got, err := l.Encode([]payout.Order{
		{Key: "k1", HolderName: "杭州某某文化工作室", Account: "6216261000000000018", Bank: "102100099996", Amount: money.MustParse("1234.50"), Remark: "2026-10 结算款"},
		{Key: "k2", HolderName: `a "b", c`, Account: "2", Amount: money.MustParse("0.01")},
	})
	want := "商户订单号,收款户名,收款账号,开户行或联行号,金额（元）,附言\n" +
		"k1,杭州某某文化工作室,6216261000000000018,102100099996,1234.50,2026-10 结算款\n" +
		"k2,\"a \"\"b\"\", c\",2,,0.01,\n"
	if err != nil || string(got) != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
}

func TestLayoutsAreChecked(t *testing.T) {
	good := `{"charset":"utf-8","separator":"|","columns":[{"value":"key"},{"value":"holder"},{"value":"account"},{"value":"amount_fen"}]}`
	if _, err := ParseLayout([]byte(good)); err != nil {
		t.Error(err)
	}
	for _, bend := range [][2]string{
		{"utf-8", "big5"}, {`"|"`, `"||"`}, {`"|"`, `"\""`}, {`"|"`, `"\n"`}, {"amount_fen", "amount"}, {`,{"value":"amount_fen"}`, ``},
		{`"amount_fen"}`, `"amount_fen"},{"value":"amount_yuan"}`}, {`{"value":"key"},`, ``}, {"{", "["},
	} {
		if _, err := ParseLayout([]byte(strings.Replace(good, bend[0], bend[1], 1))); err == nil {
			t.Errorf("%s instead of %s was taken", bend[1], bend[0])
		}
	}
}

// What is written is read back, whatever the layout and the names.
func TestFilesRoundTrip(t *testing.T) {
	text := rapid.StringMatching(`[A-Za-z0-9张三李四“”，,;|"' ()（）·-]{1,20}`)
	rapid.Check(t, func(t *rapid.T) {
		l, err := GenericLayout()
		if err != nil {
			t.Fatal(err)
		}
		l.Charset = rapid.SampledFrom([]string{"utf-8", "gb18030"}).Draw(t, "charset")
		l.Separator = rapid.SampledFrom([]string{",", "|", ";", "\t"}).Draw(t, "separator")
		l.Columns[4].Value = rapid.SampledFrom([]Field{AmountYuan, AmountFen}).Draw(t, "amount")
		var orders []payout.Order
		for i := range rapid.IntRange(1, 5).Draw(t, "lines") {
			orders = append(orders, payout.Order{
				Key: payout.SettlementKey("t", ident.Settlement(rune('a'+i))), HolderName: text.Draw(t, "name"), Account: text.Draw(t, "account"), Bank: text.Draw(t, "bank"),
				Remark: text.Draw(t, "remark"), Amount: money.Fen(rapid.Int64Range(1, 1e13).Draw(t, "fen")),
			})
		}
		file, err := l.Encode(orders)
		if err != nil {
			t.Fatal(err)
		}
		got, err := l.Decode(file)
		if err != nil || len(got) != len(orders) {
			t.Fatalf("%v, %v from %q", got, err, file)
		}
		for i := range got {
			if got[i] != orders[i] {
				t.Fatalf("line %d: %+v, want %+v", i, got[i], orders[i])
			}
		}
	})
}

// Reading any bytes ends in checked orders or an error; what was read is written and read the same.
func FuzzDecode(f *testing.F) {
	l, err := GenericLayout()
	if err != nil {
		f.Fatal(err)
	}
	l.Charset = "utf-8"
	f.Add([]byte("a,b,c,d,e,f\nk1,n,1,b,1.00,r\n"))
	f.Add([]byte("a,b,c,d,e,f\nk1,n,1,b,-1.00,r\nk1,n,1,b,1.00,r\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		orders, err := l.Decode(file)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, o := range orders {
			if !o.Amount.Positive() || seen[o.Key] {
				t.Fatalf("took %+v", o)
			}
			seen[o.Key] = true
		}
		first, err := l.Encode(orders)
		if err != nil {
			t.Fatal(err)
		}
		again, err := l.Decode(first)
		if err != nil || len(again) != len(orders) {
			t.Fatalf("%v: %q", err, first)
		}
		if second, _ := l.Encode(again); !bytes.Equal(first, second) {
			t.Fatalf("%q became %q", first, second)
		}
	})
}

func TestReadNoticeListsAllProblems(t *testing.T) {
	g := &Gateway{now: time.Now}
	_, err := g.readNotice([]byte(`{"out_bill_no":"../x","amount":"0.00","state":"GONE"}`))
	if e := fault.AsError(err); len(e.Fields) != 3 {
		t.Errorf("%v", e.Fields)
	}
}

// A signed notice is whole or refused, and without a signature nothing is read.
func FuzzNotice(f *testing.F) {
	f.Add([]byte(`{"out_bill_no":"k1","bank_serial":"G1","state":"SUCCESS","amount":"1.00","updated_at":"2026-11-16T12:00:00+08:00"}`))
	f.Add([]byte(`{"out_bill_no":"k1","state":"FAIL","amount":1.5}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		g := &Gateway{merchant: "m", now: time.Now}
		n, err := g.readNotice(body)
		if err == nil && (!keyShape.MatchString(n.Key) || !n.Amount.Positive() || n.State == payout.Unknown) {
			t.Fatalf("took %+v", n)
		}
		if err != nil && !fault.HasCode(err, fault.InvalidInput) {
			t.Fatalf("refused with %v", err)
		}
		if _, err := g.ParseNotice(context.Background(), map[string]string{"bank-merchant": "m"}, body); err == nil {
			t.Fatal("an unsigned notice was read")
		}
	})
}
