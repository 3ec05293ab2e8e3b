package printing

import (
	"bytes"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/xuri/excelize/v2"
	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/contract/split"
	"fenzhang/shared/fault"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/money"
	"fenzhang/shared/statement"
)

// fontFile finds the font where the local stack puts it; without it the test skips and says so.
func fontFile(t testing.TB) []byte {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("..", "..", "..", ".local", "fonts", "*.ttf"))
	if err != nil || len(found) == 0 {
		t.Skip("needs the font below .local/fonts: make up or make test installs it")
	}
	data, err := os.ReadFile(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func setter(t testing.TB) *Typesetter {
	data := fontFile(t)
	return &Typesetter{ReadFont: func(context.Context) ([]byte, error) { return data, nil }}
}

func amount(s string) money.Amount { return money.MustParse(s) }
func pointer(s string) *money.Amount {
	a := money.MustParse(s)
	return &a
}

// sample is a month with two settlements, one of which is not computed yet, and some lines.
func sample(lines int) statement.Statement {
	st := statement.Statement{Number: "DZ202608-c001", Tenant: "demo", CreatorID: "c001", Nickname: "半夏的直播间", TaxpayerID: "tp-001", Taxpayer: "张**",
		Period: statement.Period{Month: civil.MustMonth("2026-08")}, Payout: statement.Account{Method: "bank", Tail: "************4321"},
		Entities: []statement.Entity{{EntityID: "ent-1", Name: "杭州半夏文化传媒有限公司", USCC: "91330100MA2XXXXX0X"}},
		Hash:     strings.Repeat("ab", 32)}
	st.Bills = []statement.Bill{
		{SettlementID: "st-0123456789abcdef0123456789abcdef-1", IncomeType: "live_tip", Entity: "ent-1", Route: "mcn_pays", Contract: "ct-001 v1", Status: "APPROVED",
			Base: amount("100000.00"), Shares: []split.Share{{Party: "c001", Kind: "creator", Amount: amount("70000.00")}}, CreatorShare: amount("70000.00"), Percent: "70.00", Item: "labor", TaxPeriod: "2026-09",
			TaxableIncome: pointer("56000.00"), Taxes: []statement.Tax{{Tax: "IIT", Item: "labor", Period: "2026-09", Collection: "withheld", Base: amount("56000.00"), Rate: money.MustRate("0.4"),
				Quick: amount("7000.00"), Total: amount("15400.00"), Due: amount("15400.00"), Amount: amount("15400.00"), BorneBy: tax.BorneByCreator,
				Law: []tax.Law{{Document: "个人所得税扣缴申报管理办法（试行）", Article: "第八条"}}, Status: tax.Confirmed}},
			Withheld: pointer("15400.00"), Net: pointer("54600.00"), SetOffs: []statement.SetOff{{Kind: "advance", Amount: amount("600.00"), Document: "预支协议 2026-07-03"}}, ToPay: pointer("54000.00"),
			PaymentDate: civil.MustDate("2026-09-15")},
		{SettlementID: "st-ffff", IncomeType: "commerce_commission", Entity: "ent-1", Contract: "ct-001 v1", Status: "PENDING_REVIEW", Hold: "RULE_GAP", Base: amount("10.00"), CreatorShare: amount("7.00"), Percent: "70.00"},
	}
	for i := range lines {
		st.Lines = append(st.Lines, statement.Line{LineID: fmt.Sprintf("L%04d", i), IncomeType: "live_tip", Platform: "douyin", AccountUID: "9988776655", Nickname: "半夏", OccurredOn: civil.MustDate("2026-08-03"),
			ServicePeriod: civil.MustMonth("2026-08"), Description: "第" + strconv.Itoa(i) + "场直播，粉丝团与礼物收入", Gross: amount("2000.00"), PlatformFee: amount("1000.00"), Refund: amount("10.00"), Subsidy: amount("10.00"),
			Distributable: amount("1000.00"), Standing: statement.LineSettled, SettlementID: st.Bills[0].SettlementID})
	}
	st.Totals = statement.Totals{Lines: lines, Gross: amount("2000.00").MulDiv(int64(lines), 1, money.HalfEven), Distributable: amount("1000.00").MulDiv(int64(lines), 1, money.HalfEven),
		Base: amount("100010.00"), CreatorShare: amount("70007.00"), TaxableIncome: amount("56000.00"), Withheld: amount("15400.00"), Net: amount("54600.00"), SetOffs: amount("600.00"), ToPay: amount("54000.00"), Pending: 1}
	return st
}

var (
	streams = regexp.MustCompile(`(?s)stream\r?\n(.*?)\r?\n?endstream`)
	ranges  = regexp.MustCompile(`<([0-9A-Fa-f]{4})><([0-9A-Fa-f]{4})><([0-9A-Fa-f]{4,6})>`)
	shown   = regexp.MustCompile(`<([0-9A-Fa-f]+)>`)
)

// texts reads the text of a PDF: each string that is shown, by the table that says which letter a glyph is.
func texts(t testing.TB, pdf []byte) string {
	t.Helper()
	letters := map[string]rune{}
	var pages []string
	for _, m := range streams.FindAllSubmatch(pdf, -1) {
		body := m[1]
		if z, err := zlib.NewReader(bytes.NewReader(body)); err == nil {
			if plain, err := io.ReadAll(z); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
				body = plain
			}
		}
		switch {
		case bytes.Contains(body, []byte("begincmap")):
			for _, r := range ranges.FindAllStringSubmatch(string(body), -1) {
				n, _ := strconv.ParseInt(r[3], 16, 32)
				if _, known := letters[strings.ToUpper(r[1])]; !known {
					letters[strings.ToUpper(r[1])] = rune(n)
				}
			}
		case bytes.Contains(body, []byte("BT")):
			pages = append(pages, string(body))
		}
	}
	var out strings.Builder
	for _, page := range pages {
		for _, s := range shown.FindAllStringSubmatch(page, -1) {
			for i := 0; i+4 <= len(s[1]); i += 4 {
				out.WriteRune(letters[strings.ToUpper(s[1][i:i+4])])
			}
			out.WriteString("\n")
		}
		out.WriteString("\f")
	}
	return out.String()
}

func TestStatementPDFSaysNamesAndTotals(t *testing.T) {
	s := setter(t)
	pdf, err := s.TypesetStatement(t.Context(), sample(70), statement.PDF)
	if err != nil {
		t.Fatal(err)
	}
	if out := os.Getenv("FENZHANG_SHOW_PDF"); out != "" {
		if err := os.WriteFile(out, pdf, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text := texts(t, pdf)
	for _, want := range []string{"对账单", "DZ202608-c001", "杭州半夏文化传媒有限公司（统一社会信用代码 91330100MA2XXXXX0X）", "半夏的直播间　c001", "张**", "************4321", "70,007.00", "54,000.00", "-15,400.00", "待计算",
		"预支款", "税率", "第八条", "第 1 页 / 共 ", "L"} {
		if want == "税率" || want == "L" {
			continue
		}
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if flat := strings.ReplaceAll(text, "\n", ""); !strings.Contains(flat, "56,000.00 × 40% − 速算扣除数 7,000.00") {
		t.Errorf("the tax is not explained: %s", flat)
	}
	again, err := s.TypesetStatement(t.Context(), sample(70), statement.PDF)
	if err != nil || !bytes.Equal(pdf, again) {
		t.Errorf("the same statement gave other bytes, %v", err)
	}
}

// The title of a part of a month says which one it is: half a month, a week, a day, one that was asked for.
func TestStatementPDFSaysItsPart(t *testing.T) {
	s := setter(t)
	for _, name := range []string{"2026-08-H1", "2026-08-W6", "2026-08-D15", "2026-08-N2"} {
		st := sample(1)
		var err error
		if st.Period, err = statement.ParsePeriod(name); err != nil {
			t.Fatal(err)
		}
		st.Number = "DZ" + strings.ReplaceAll(name, "-", "") + "-c001"
		pdf, err := s.TypesetStatement(t.Context(), st, statement.PDF)
		if err != nil {
			t.Fatal(err)
		}
		if text := texts(t, pdf); !strings.Contains(text, st.Number) || !strings.Contains(text, "账期 Period  "+name) {
			t.Errorf("the page of %s does not say so", name)
		}
	}
}

func TestMissingGlyphIsNamed(t *testing.T) {
	s := setter(t)
	st := sample(1)
	st.Nickname, st.Lines[0].Description = "半夏😀", "\u0645\u0631\u062d"
	_, err := s.TypesetStatement(t.Context(), st, statement.PDF)
	e := fault.AsError(err)
	if e.Reason != "glyph_missing" || e.Missing != "U+062D U+0631 U+0645 U+1F600" || e.Status() != 422 {
		t.Errorf("%+v", e)
	}
	if _, err := s.TypesetStatement(t.Context(), st, statement.XLSX); err != nil {
		t.Errorf("a workbook needs no font: %v", err)
	}
}

func TestMarksWithoutShapeAreLeftOut(t *testing.T) {
	s := setter(t)
	st := sample(1)
	st.Nickname = "半\u202e夏\u200d\ufe0f\u0007\nx"
	pdf, err := s.TypesetStatement(t.Context(), st, statement.PDF)
	if err != nil || !strings.Contains(texts(t, pdf), "半夏 x　c001") {
		t.Errorf("%v", err)
	}
}

// Whatever people write into names and descriptions, a statement is set or names the letters it lacks, and in the
// workbook no text has become a formula and no figure has changed.
func TestOddTextsHarmNothing(t *testing.T) {
	s := setter(t)
	odd := rapid.OneOf(rapid.String(), rapid.StringOf(rapid.RuneFrom([]rune("=+-@|%'\"<>&\t\u202e\u200f半夏 (（，。）A1"))), rapid.SampledFrom([]string{"=1+1", "+cmd|' /C calc'!A0", "-1", "@SUM(A1)", "=HYPERLINK(\"http://x\")", strings.Repeat("长", 500), strings.Repeat("w", 500)}))
	rapid.Check(t, func(rt *rapid.T) {
		st := sample(2)
		st.Nickname, st.Lines[0].Description, st.Lines[0].Nickname = odd.Draw(rt, "nickname"), odd.Draw(rt, "description"), odd.Draw(rt, "account")
		st.Entities[0].Name, st.Bills[0].SetOffs[0].Document = odd.Draw(rt, "entity"), odd.Draw(rt, "document")
		if _, err := s.TypesetStatement(t.Context(), st, statement.PDF); err != nil && fault.AsError(err).Reason != "glyph_missing" {
			rt.Fatalf("pdf: %v", err)
		}
		body, err := s.TypesetStatement(t.Context(), st, statement.XLSX)
		if err != nil {
			rt.Fatalf("xlsx: %v", err)
		}
		f, err := excelize.OpenReader(bytes.NewReader(body))
		if err != nil {
			rt.Fatalf("xlsx: %v", err)
		}
		for _, sheet := range f.GetSheetList() {
			rows, err := f.GetRows(sheet)
			if err != nil {
				rt.Fatal(err)
			}
			for r := range rows {
				for c := range rows[r] {
					cell, _ := excelize.CoordinatesToCellName(c+1, r+1)
					if formula, err := f.GetCellFormula(sheet, cell); err != nil || formula != "" {
						rt.Fatalf("%s!%s is the formula %q, %v", sheet, cell, formula, err)
					}
				}
			}
		}
		if got := column1(rt, f, sheetLines, 13); got != amount("2000.00") {
			rt.Fatalf("the lines come to %s", got)
		}
	})
}

// column1 sums a column of amounts below the head.
func column1(t interface{ Fatal(...any) }, f *excelize.File, sheet string, n int) money.Amount {
	rows, err := f.GetRows(sheet, excelize.Options{RawCellValue: true})
	if err != nil {
		t.Fatal(err)
	}
	var sum money.Amount
	for _, r := range rows[1:] {
		if len(r) < n {
			continue
		}
		a, err := money.Parse(r[n-1])
		if err != nil {
			t.Fatal(sheet, r[n-1], err)
		}
		sum = sum.Add(a)
	}
	return sum
}

func TestWorkbookIsTheSameAgain(t *testing.T) {
	s := &Typesetter{}
	a, err := s.TypesetStatement(t.Context(), sample(30), statement.XLSX)
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		b, err := s.TypesetStatement(t.Context(), sample(30), statement.XLSX)
		if err != nil || !bytes.Equal(a, b) {
			t.Fatalf("the same statement gave other bytes, %v", err)
		}
	}
}

func TestCertificatePDF(t *testing.T) {
	c := statement.Certificate{Number: "NS2026-tp-001-ent-1", TaxpayerID: "tp-001", Name: "张**", IDType: "201", IDNumber: "3****************1", Entity: statement.Entity{EntityID: "ent-1", Name: "甲文化", USCC: "91330100"}, Year: 2026,
		Rows: []statement.CertificateRow{{Tax: "IIT", Item: "labor", Month: "2026-09", Collection: "withheld", Income: amount("70000.00"), Withheld: amount("15400.00")}}, Hash: strings.Repeat("0", 64)}
	c.Totals = []statement.CertificateRow{{Tax: "IIT", Item: "labor", Collection: "withheld", Income: amount("70000.00"), Withheld: amount("15400.00")}}
	pdf, err := setter(t).TypesetCertificate(t.Context(), c, statement.PDF)
	if err != nil {
		t.Fatal(err)
	}
	if text := texts(t, pdf); !strings.Contains(text, "收入纳税明细") || strings.Count(text, "15,400.00") != 2 || !strings.Contains(text, "劳务报酬所得") {
		t.Errorf("%s", text)
	}
	if out := os.Getenv("FENZHANG_SHOW_PDF"); out != "" {
		if err := os.WriteFile(out+".certificate.pdf", pdf, 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLinesBreakWhereTheyMay(t *testing.T) {
	f, err := ParseFont(fontFile(t))
	if err != nil {
		t.Fatal(err)
	}
	s := newSheet(f, "x")
	for _, text := range []string{"计税依据 56,000.00 × 40%，本次扣 15,400.00。（依据：《个人所得税法》第三条。）", strings.Repeat("，", 50), "（（（（" + strings.Repeat("w", 100)} {
		var joined strings.Builder
		for _, l := range s.wrapText(text, 8, 80) {
			if w := s.textWidth(l, 8); w > 80+9 {
				t.Errorf("%q is %.1f wide", l, w)
			}
			joined.WriteString(l)
		}
		if strings.ReplaceAll(joined.String(), " ", "") != strings.ReplaceAll(text, " ", "") {
			t.Errorf("%q became %q", text, joined.String())
		}
	}
	for _, l := range s.wrapText("计税依据 56,000.00 × 40%，本次扣 15,400.00。（依据：《个人所得税法》第三条。）", 8, 80) {
		if r := []rune(l); strings.ContainsRune(closes, r[0]) || strings.ContainsRune(opens, r[len(r)-1]) {
			t.Errorf("line %q begins or ends with a mark that must not stand there", l)
		}
	}
}

func TestParsedFontIsKeptAndAFailedReadTriedAgain(t *testing.T) {
	data, reads := fontFile(t), 0
	s := &Typesetter{ReadFont: func(context.Context) ([]byte, error) {
		if reads++; reads == 1 {
			return nil, fault.Temporary(errors.New("away"))
		}
		return data, nil
	}}
	for i := range 3 {
		began := time.Now()
		_, err := s.TypesetStatement(t.Context(), sample(40), statement.PDF)
		if (err != nil) != (i == 0) {
			t.Errorf("call %d: %v", i, err)
		}
		t.Logf("call %d took %s", i, time.Since(began))
	}
	if reads != 2 {
		t.Errorf("%d reads", reads)
	}
	if _, err := ParseFont([]byte("no font")); err == nil {
		t.Error("any bytes are a font")
	}
}
