package income_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/text/encoding/simplifiedchinese"

	"fenzhang/local/apiclient"
	"fenzhang/local/income"
	"fenzhang/shared/civil"
	"fenzhang/shared/money"
)

func spec() income.Spec {
	return income.Spec{
		Source: "test.csv", IncomeType: "live_tip", Platform: "douyin",
		Roster: income.RosterOf([]apiclient.Creator{{CreatorID: "c1", PlatformAccounts: []apiclient.PlatformAccount{{Platform: "douyin", UID: "9001"}}}}),
		Rates: income.Rates{
			{Unit: income.Coins, From: civil.MustDate("2026-01-01"), Yuan: money.MustRate("0.1")},
			{Unit: income.Coins, From: civil.MustDate("2026-09-01"), Yuan: money.MustRate("0.09")},
		},
	}
}

const heading = "结算流水号,结算日期,所属期,主播UID,主播昵称,单位,流水,平台分成,退款,平台补贴,机构结算,场次\n"

func read(t *testing.T, content string) income.Batch {
	t.Helper()
	b, err := income.ReadStatement(strings.NewReader(content), spec())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEveryUnitBecomesFen(t *testing.T) {
	b := read(t, heading+
		"a,2026-08-01,2026-08,9001,x,音浪,2000,1000,,,1000,2\n"+
		"b,2026/9/1,2026年9月,9001,x,音浪,2000,1000,,,1000,\n"+
		"c,20260801,202608,9001,x,元,\"1,200.5\",600.25,0,0.1,600.35,1\n"+
		"d,2026-08-01,2026-08,9001,x,分,205,100,1,0,104,1\n")
	if len(b.Refused) > 0 || len(b.Lines) != 4 {
		t.Fatalf("%+v", b)
	}
	want := []struct{ gross, fee, settled, period string }{
		{"200.00", "100.00", "100.00", "2026-08"}, {"180.00", "90.00", "90.00", "2026-09"},
		{"1200.50", "600.25", "600.35", "2026-08"}, {"2.05", "1.00", "1.04", "2026-08"},
	}
	for i, w := range want {
		l := b.Lines[i].ForAPI()
		if l.GrossBeforePlatform != w.gross || l.PlatformFee != w.fee || l.Distributable != w.settled || l.ServicePeriod != w.period || l.CreatorID != "c1" {
			t.Errorf("row %d: %+v", i, l)
		}
	}
}

func TestBadRowsAreRefusedAndTheRestIsRead(t *testing.T) {
	bad := map[string]string{
		"letter among digits":  "r,2026-08-01,2026-08,9001,x,元,1,0,0,0,12O.50,1",
		"unknown account":      "r,2026-08-01,2026-08,9002,x,元,1,0,0,0,1,1",
		"unknown unit":         "r,2026-08-01,2026-08,9001,x,钻石,1,0,0,0,1,1",
		"half a coin":          "r,2026-08-01,2026-08,9001,x,音浪,1,0,0,0,1.5,1",
		"three decimals":       "r,2026-08-01,2026-08,9001,x,元,1,0,0,0,1.005,1",
		"full-width digits":    "r,2026-08-01,2026-08,9001,x,元,1,0,0,0,１２,1",
		"negative":             "r,2026-08-01,2026-08,9001,x,元,1,0,0,0,-1.00,1",
		"nothing":              "r,2026-08-01,2026-08,9001,x,元,1,0,0,0,0,1",
		"wrong groups":         `r,2026-08-01,2026-08,9001,x,元,1,0,0,0,"1,23.00",1`,
		"exponent":             "r,2026-08-01,2026-08,9001,x,元,1,0,0,0,1e3,1",
		"no such day":          "r,2026-02-30,2026-08,9001,x,元,1,0,0,0,1,1",
		"no month":             "r,2026-08-01,August,9001,x,元,1,0,0,0,1,1",
		"row number":           "r r,2026-08-01,2026-08,9001,x,元,1,0,0,0,1,1",
		"too short":            "r,2026-08-01,2026-08",
		"coins before a rate":  "r,2025-08-01,2025-08,9001,x,音浪,1,0,0,0,1,1",
		"stray quote":          `r,2026-08-01,2026-08,9001,x"y,元,1,0,0,0,1,1`,
		"count with decimals":  "r,2026-08-01,2026-08,9001,x,元,1,0,0,0,1,1.5",
		"absurdly large":       "r,2026-08-01,2026-08,9001,x,元,1,0,0,0,99999999999,1",
		"refund is not a sum":  "r,2026-08-01,2026-08,9001,x,元,1,0,n/a,0,1,1",
		"fee with a plus sign": "r,2026-08-01,2026-08,9001,x,元,1,+1,0,0,1,1",
	}
	for name, row := range bad {
		t.Run(name, func(t *testing.T) {
			b := read(t, heading+row+"\nok,2026-08-01,2026-08,9001,x,元,1,0,0,0,1,1\n")
			if len(b.Refused) != 1 || len(b.Lines) != 1 || b.Lines[0].LineID != "ok" || b.Refused[0].Row != 2 {
				t.Errorf("lines %v refused %v", b.Lines, b.Refused)
			}
		})
	}
}

func TestFilesThatCannotBeReadSaySo(t *testing.T) {
	for name, content := range map[string]string{
		"empty":            "",
		"missing headings": "结算流水号,结算日期\na,b\n",
		"two of a kind":    strings.TrimSuffix(heading, "\n") + ",结算金额\n",
		"no encoding":      heading + "\xff\xff\xff\n",
	} {
		if b, err := income.ReadStatement(strings.NewReader(content), spec()); err == nil {
			t.Errorf("%s: read as %+v", name, b)
		}
	}
}

func TestGB18030AndMarkGiveTheSameRows(t *testing.T) {
	content := heading + "a,2026-08-01,2026-08,9001,𠮷田说茶,元,2,1,0,0,1,1\n"
	old, err := simplifiedchinese.GB18030.NewEncoder().String(content)
	if err != nil {
		t.Fatal(err)
	}
	want := read(t, content).Lines[0]
	for name, variant := range map[string]string{"GB18030": old, "marked": "\ufeff" + content} {
		if got := read(t, variant).Lines; len(got) != 1 || got[0] != want {
			t.Errorf("%s: %+v, not %+v", name, got, want)
		}
	}
}

func orders(t *testing.T, orders string) income.Batch {
	t.Helper()
	b, err := income.ReadOrders(strings.NewReader(`{"code":10000,"msg":"success","data":{"orders":[`+orders+`]}}`+"\n"), spec())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestOnlySettledOrdersAreMoney(t *testing.T) {
	base := `{"order_id":"6926000001","author_openid":"9001","author_account":"x","shop_id":7,"settled_goods_amount":10000,"commission_rate":2000,"real_commission":2000,"settled_tech_service_fee":200,"institution_commission":1800,"item_num":1,`
	b := orders(t, base+`"flow_point":"PAY_SUCC"},`+
		base+`"flow_point":"CONFIRM"},`+
		base+`"flow_point":"REFUND","refund_time":"2026-08-02 10:00:00"},`+
		base+`"flow_point":"SETTLE","settle_time":"2026-08-31 23:59:59"},`+
		base+`"flow_point":"REFUND","settle_time":"2026-08-31 23:59:59","refund_time":"2026-09-05 10:00:00"}`)
	if b.Ignored != 3 || len(b.Lines) != 2 || len(b.Refused)+len(b.Odd) > 0 {
		t.Fatalf("%+v", b)
	}
	sale, back := b.Lines[0], b.Lines[1]
	if sale.Distributable != money.Fen(1800) || sale.Gross != money.Fen(2000) || sale.PlatformFee != money.Fen(200) || sale.ServicePeriod != civil.MustMonth("2026-08") {
		t.Errorf("sale %+v", sale)
	}
	if back.Distributable != money.Fen(-1800) || back.Refund != money.Fen(1800) || back.LineID != sale.LineID+"-refund" || back.ServicePeriod != civil.MustMonth("2026-09") {
		t.Errorf("refund %+v", back)
	}
}

func TestOddOrdersAreRefusedOrNoted(t *testing.T) {
	settled := func(change, with string) string {
		o := `{"order_id":"6926000001","author_openid":"9001","settled_goods_amount":10000,"commission_rate":2000,"real_commission":2000,"settled_tech_service_fee":200,"institution_commission":1800,"flow_point":"SETTLE","settle_time":"2026-08-31 10:00:00"}`
		return strings.Replace(o, change, with, 1)
	}
	for name, o := range map[string]string{
		"order number":      settled("6926000001", "69-26"),
		"negative":          settled(`"real_commission":2000`, `"real_commission":-2000`),
		"no share":          settled(`:1800`, `:0`),
		"float":             settled(`:1800`, `:18.5`),
		"text":              settled(`:1800`, `:"1800"`),
		"rate above one":    settled(`"commission_rate":2000`, `"commission_rate":20000`),
		"unknown account":   settled("9001", "9002"),
		"settled at dinner": settled("2026-08-31 10:00:00", "at dinner"),
	} {
		t.Run(name, func(t *testing.T) {
			if b := orders(t, o); len(b.Refused) != 1 || len(b.Lines) > 0 {
				t.Errorf("%+v", b)
			}
		})
	}
	if b := orders(t, settled(`"settled_goods_amount":10000`, `"settled_goods_amount":10700`)); len(b.Odd) != 1 || len(b.Lines) != 1 {
		t.Errorf("a commission that goods and rate do not give: %+v", b)
	}
	b, err := income.ReadOrders(strings.NewReader("{\"code\":50002,\"msg\":\"4196\"}\nnot json\n"), spec())
	if err != nil || len(b.Refused) != 2 {
		t.Errorf("bad pages: %+v %v", b, err)
	}
}

func TestEventsPassAsTheyAre(t *testing.T) {
	lines, refused, err := income.ReadEvents(strings.NewReader("{\"event_id\":\"a\"}\n\n  {\"b\": 1}\r\n{\"cut\n"), "e")
	if err != nil || len(lines) != 2 || string(lines[1]) != `{"b": 1}` || len(refused) != 1 || refused[0].Row != 4 {
		t.Errorf("%q %v %v", lines, refused, err)
	}
}

// seeds gives every sample file of a pattern to a fuzzer.
func seeds(f *testing.F, pattern string) {
	f.Helper()
	paths, err := filepath.Glob(filepath.Join("../../samples/demo-mcn/*", pattern))
	if err != nil || len(paths) == 0 {
		f.Fatalf("no samples %s: %v", pattern, err)
	}
	for _, p := range paths {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b[:min(len(b), 8000)])
	}
}

// sound checks what must hold for every line, whatever the file was.
func sound(t *testing.T, b income.Batch) {
	t.Helper()
	for _, l := range b.Lines {
		api := l.ForAPI()
		for _, figure := range []string{api.GrossBeforePlatform, api.PlatformFee, api.Refund, api.Subsidy} {
			if a, err := money.Parse(figure); err != nil || a.Negative() {
				t.Fatalf("figure %q of %+v", figure, l)
			}
		}
		if l.Distributable.IsZero() || l.Distributable.Negative() != strings.HasSuffix(l.LineID, "-refund") || len(l.LineID) > 64 || l.CreatorID == "" {
			t.Fatalf("line %+v", l)
		}
		if d, err := civil.ParseDate(api.OccurredOn); err != nil || d != l.OccurredOn {
			t.Fatalf("day of %+v", l)
		}
		if m, err := civil.ParseMonth(api.ServicePeriod); err != nil || m != l.ServicePeriod {
			t.Fatalf("month of %+v", l)
		}
	}
}

func FuzzReadStatement(f *testing.F) {
	seeds(f, "*.csv")
	f.Add([]byte(heading + "a,2026-08-01,2026-08,9001,x,音浪,2000,1000,,,1000,2\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		b, err := income.ReadStatement(bytes.NewReader(content), spec())
		if err == nil {
			sound(t, b)
		}
	})
}

func FuzzReadOrders(f *testing.F) {
	seeds(f, "*.ndjson")
	f.Add([]byte(`{"code":10000,"data":{"orders":[{"order_id":"6926000001","author_openid":"9001","real_commission":2000,"institution_commission":1800,"flow_point":"SETTLE","settle_time":"2026-08-31 10:00:00"}]}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		b, err := income.ReadOrders(bytes.NewReader(content), spec())
		if err == nil {
			sound(t, b)
		}
	})
}

func FuzzReadEvents(f *testing.F) {
	seeds(f, "events-*.ndjson")
	f.Fuzz(func(t *testing.T, content []byte) {
		lines, _, err := income.ReadEvents(bytes.NewReader(content), "fuzz")
		var copied bytes.Buffer
		for _, l := range lines {
			copied.Write(l)
			copied.WriteByte('\n')
		}
		again, refused, err2 := income.ReadEvents(&copied, "fuzz")
		if err == nil && (err2 != nil || len(again) != len(lines) || len(refused) > 0) {
			t.Fatalf("%d events became %d, refused %v, %v", len(lines), len(again), refused, err2)
		}
	})
}
