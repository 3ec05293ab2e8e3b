package income

import (
	"bytes"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/text/encoding/simplifiedchinese"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// aliasData maps each known column to the headings that platforms and people use for it.
//
//go:embed aliases.json
var aliasData []byte

// Spec describes a statement file where the file itself does not: its income type and its
// platform.
type Spec struct {
	Source     string // its name, for remarks
	IncomeType string
	Platform   string
	Roster     Roster
	Rates      Rates
}

// maxFile bounds the size of a file; the monthly statement of a large agency has a tenth of it.
const maxFile = 32 << 20

// requiredColumns are the columns without which a row is no income line.
var requiredColumns = [...]string{"row_id", "day", "period", "account_uid", "unit", "settled"}

// ReadStatement reads a CSV statement in UTF-8, with or without a byte order mark, or in GB18030.
// A wrong row is refused, and the rest is read.
//
// Errors: an error when the file has an unknown encoding or lacks a required column.
func ReadStatement(r io.Reader, spec Spec) (Batch, error) {
	text, err := decodeText(r)
	if err != nil {
		return Batch{}, fmt.Errorf("%s: %w", spec.Source, err)
	}
	rows := csv.NewReader(bytes.NewReader(text))
	// rows of exports may lack trailing cells
	rows.FieldsPerRecord = -1
	head, err := rows.Read()
	if err != nil {
		return Batch{}, fmt.Errorf("%s: heading: %w", spec.Source, err)
	}
	columns, err := findColumns(head)
	if err != nil {
		return Batch{}, fmt.Errorf("%s: %w", spec.Source, err)
	}
	var out Batch
	for {
		cells, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		row, _ := rows.FieldPos(0)
		if err == nil {
			rec := record{columns, cells}
			var line Line
			if line, err = spec.parseLine(rec); err == nil {
				out.Lines = append(out.Lines, line)
				continue
			}
			out.Refused = append(out.Refused, Remark{spec.Source, row, rec.cell("row_id"), err.Error()})
			continue
		}
		out.Refused = append(out.Refused, Remark{Source: spec.Source, Row: row, Reason: err.Error()})
	}
}

// decodeText reads a file and returns its text in UTF-8.
func decodeText(r io.Reader) ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(raw) > maxFile {
		return nil, fmt.Errorf("longer than %d bytes", maxFile)
	}
	// a file in GB18030 with Chinese text is practically never valid UTF-8
	if utf8.Valid(raw) {
		return bytes.TrimPrefix(raw, []byte("\ufeff")), nil
	}
	text, err := simplifiedchinese.GB18030.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return nil, errors.New("neither UTF-8 nor GB18030")
	}
	return text, nil
}

// findColumns returns the position of each known column by its headings. Unknown headings are
// ignored.
func findColumns(head []string) (map[string]int, error) {
	var aliases map[string][]string
	if err := json.Unmarshal(aliasData, &aliases); err != nil {
		return nil, fmt.Errorf("alias table: %w", err)
	}
	columns := map[string]int{}
	for i, h := range head {
		h = strings.TrimSpace(h)
		for name, known := range aliases {
			if !slices.Contains(known, h) {
				continue
			}
			// two columns of one meaning would make the amount ambiguous
			if _, twice := columns[name]; twice {
				return nil, fmt.Errorf("two columns are %s", name)
			}
			columns[name] = i
		}
	}
	var missing []string
	for _, name := range requiredColumns {
		if _, ok := columns[name]; !ok {
			missing = append(missing, name)
		}
	}
	if missing != nil {
		return nil, fmt.Errorf("no column is %s", strings.Join(missing, ", "))
	}
	return columns, nil
}

// record is a row with the positions of its columns.
type record struct {
	columns map[string]int
	cells   []string
}

// cell returns the text of a column, "" when the row does not have it.
func (r record) cell(name string) string {
	i, ok := r.columns[name]
	if !ok || i >= len(r.cells) {
		return ""
	}
	return strings.TrimSpace(r.cells[i])
}

// parseLine reads one row.
func (s Spec) parseLine(r record) (Line, error) {
	l := Line{
		LineID: r.cell("row_id"), IncomeType: s.IncomeType, Platform: s.Platform, Source: s.Source,
		AccountUID: r.cell("account_uid"), Nickname: r.cell("nickname"),
	}
	if !ident.Valid(l.LineID) {
		return l, fmt.Errorf("row number %q is not 1 to 64 letters, digits, _ or -", l.LineID)
	}
	var err error
	if l.CreatorID, err = s.Roster.findCreator(s.Platform, l.AccountUID); err != nil {
		return l, err
	}
	if l.OccurredOn, err = parseDay(r.cell("day")); err != nil {
		return l, err
	}
	if l.ServicePeriod, err = parsePeriod(r.cell("period")); err != nil {
		return l, err
	}
	return l, s.parseAmounts(r, &l)
}

// parseAmounts reads the amounts of a row, which are all in the unit of the row.
func (s Spec) parseAmounts(r record, l *Line) error {
	for _, f := range []struct {
		name string
		into *money.Amount
	}{
		{"gross", &l.Gross}, {"platform_fee", &l.PlatformFee}, {"refund", &l.Refund},
		{"subsidy", &l.Subsidy}, {"settled", &l.Distributable},
	} {
		var err error
		if *f.into, err = s.Rates.parseAmount(r.cell(f.name), r.cell("unit"), l.OccurredOn); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
	}
	if text := r.cell("count"); text != "" {
		n, err := parseWhole(text)
		if err != nil {
			return fmt.Errorf("count: %w", err)
		}
		l.Count = n
	}
	if !l.Distributable.Positive() {
		return errors.New("settled: nothing to distribute")
	}
	return nil
}

// parseDay reads a day in any of the formats of platform exports.
func parseDay(s string) (civil.Date, error) {
	for _, layout := range []string{"2006-01-02", "2006/1/2", "20060102"} {
		if t, err := time.ParseInLocation(layout, s, civil.Shanghai); err == nil && t.Year() >= 2000 {
			return civil.DateOf(t), nil
		}
	}
	return civil.Date{}, fmt.Errorf("%q is not a day", s)
}

// parsePeriod reads a month in any of the formats of platform exports.
func parsePeriod(s string) (civil.Month, error) {
	for _, layout := range []string{"2006-01", "2006年1月", "200601"} {
		if t, err := time.ParseInLocation(layout, s, civil.Shanghai); err == nil && t.Year() >= 2000 {
			return civil.MonthOf(t), nil
		}
	}
	return civil.Month{}, fmt.Errorf("%q is not a month", s)
}
