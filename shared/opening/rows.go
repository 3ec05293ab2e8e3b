package opening

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"fenzhang/shared/civil"
	"fenzhang/shared/ident"
	"fenzhang/shared/money"
)

// Book is a workbook as text: the cells of each sheet, row by row; the first row is the header.
type Book map[string][][]string

// Problem describes what is wrong with a cell, a row or a sheet, and what to do. Row counts as the
// spreadsheet does; 0 means the sheet as a whole.
type Problem struct {
	Sheet   string `json:"sheet"`
	Row     int    `json:"row"`
	Column  string `json:"column"`
	Problem string `json:"problem"`
}

// CellPath returns the place of the problem, like "withholding.12.month".
func (p Problem) CellPath() string {
	place := cmp.Or(p.Sheet, "file")
	if p.Row > 0 {
		place += "." + strconv.Itoa(p.Row)
	}
	if p.Column != "" {
		place += "." + p.Column
	}
	return place
}

// Row is one filled row of a sheet.
type Row struct {
	Sheet  string
	Number int
	cells  map[string]string
}

// Cell returns a cell by the key of its column, "" when it is empty.
func (r Row) Cell(key string) string { return r.cells[key] }

// Payable is an amount that is owed to a creator from before the start.
type Payable struct {
	Row
	Ref        string
	CreatorID  ident.Creator
	IncomeType string
	Period     civil.Month
	// Amount is before tax or, when Taxed is true, what is left after tax.
	Amount money.Amount
	// Taxed reports that the books before have withheld and filed the taxes.
	Taxed bool
	// TaxDocument names the document that proves the filing.
	TaxDocument string
}

// Receivable is an amount that a creator owes from before the start.
type Receivable struct {
	Row
	Ref            string
	CreatorID      ident.Creator
	Entity         ident.Entity
	Kind, Document string
	Amount         money.Amount
}

// ID returns the id of the receivable in the tenant.
func (r Receivable) ID() string { return "opening-" + r.Ref }

// Withheld is an amount that was withheld for one tax and item, in one month or in several months
// that end with Month.
type Withheld struct {
	Row
	Entity                                    ident.Entity
	CreatorID                                 ident.Creator
	Tax, Item, Platform, Collection, Document string
	Month                                     civil.Month
	Months                                    int
	Income, Received, Sales, Withheld         money.Amount
}

// Import is a parsed workbook whose cells have the right form. The service checks the rows against
// the tenant's other objects.
type Import struct {
	Creators, Contracts []Row
	Payables            []Payable
	Receivables         []Receivable
	Withholding         []Withheld
}

// CountRows returns the number of rows of all sheets.
func (i *Import) CountRows() int {
	return len(i.Creators) + len(i.Contracts) + len(i.Payables) + len(i.Receivables) +
		len(i.Withholding)
}

// maxProblems is the largest number of problems that are reported.
const maxProblems = 1000

// reader collects the problems that are found while rows are read.
type reader struct{ problems []Problem }

// addProblem adds a problem unless the list is full.
func (r *reader) addProblem(sheet string, row int, column, problem string) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, Problem{sheet, row, column, problem})
	}
}

// ParseWorkbook parses the sheets of a workbook and returns all problems that it finds; the import
// is unusable when there are any.
func ParseWorkbook(book Book) (Import, []Problem) {
	var r reader
	var out Import
	total := 0
	for _, s := range Sheets() {
		rows := r.readRows(s, book[s.Name])
		total += len(rows)
		for _, row := range rows {
			r.readRow(&out, row)
		}
	}
	for name := range book {
		if name != SamplesSheet && !slices.ContainsFunc(Sheets(), func(s Sheet) bool {
			return s.Name == name
		}) {
			r.addProblem(name, 0, "", "is no sheet of the template; remove it")
		}
	}
	if total == 0 && len(r.problems) == 0 {
		r.addProblem("", 0, "", "has no rows; fill in the template")
	}
	if total > MaxRows {
		r.addProblem("", 0, "", fmt.Sprintf("has %d rows; hand in at most %d at a time", total, MaxRows))
	}
	r.checkDuplicates(out)
	// Problems are listed in the order in which a person reads the workbook.
	slices.SortStableFunc(r.problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(sheetOrder(a.Sheet), sheetOrder(b.Sheet)), cmp.Compare(a.Row, b.Row))
	})
	return out, r.problems
}

// sheetOrder returns the position of a sheet in the template.
func sheetOrder(sheet string) int {
	return slices.IndexFunc(Sheets(), func(s Sheet) bool { return s.Name == sheet })
}

// readRows reads the rows of a sheet below its header. The header may have keys or Chinese names in
// any order.
func (r *reader) readRows(s Sheet, cells [][]string) []Row {
	if len(cells) == 0 {
		return nil
	}
	heads := r.readHeader(s, cells[0])
	var out []Row
	for n, line := range cells[1:] {
		row := Row{Sheet: s.Name, Number: n + 2, cells: map[string]string{}}
		r.readCells(row, heads, line)
		// Empty rows are skipped; rows beyond the limit are not read, since the workbook is refused.
		if len(row.cells) == 0 || len(out) > MaxRows {
			continue
		}
		for _, c := range s.Columns {
			if c.Required && row.cells[c.Key] == "" {
				r.addProblem(s.Name, row.Number, c.Key, "must be given")
			}
		}
		out = append(out, row)
	}
	return out
}

// readCells stores the filled cells of a row under the keys of their columns.
func (r *reader) readCells(row Row, heads, line []string) {
	for i, text := range line {
		text = strings.TrimSpace(text)
		if text == "" {
			continue
		}
		if i >= len(heads) || heads[i] == "" {
			r.addProblem(row.Sheet, row.Number, "", "has a cell outside the columns of the head")
			continue
		}
		row.cells[heads[i]] = text
	}
}

// readHeader returns the key of each column of a sheet's header, "" for an empty or unknown one.
func (r *reader) readHeader(s Sheet, cells []string) []string {
	heads := make([]string, len(cells))
	for i, text := range cells {
		heads[i] = s.findColumn(text)
		switch {
		case strings.TrimSpace(text) == "":
		case heads[i] == "":
			r.addProblem(s.Name, 1, text, "is no column of the template")
		case slices.Contains(heads[:i], heads[i]):
			r.addProblem(s.Name, 1, text, "is there twice")
		}
	}
	for _, c := range s.Columns {
		if c.Required && !slices.Contains(heads, c.Key) {
			r.addProblem(s.Name, 1, c.Key, "is missing; take the head of the template")
		}
	}
	return heads
}

// findColumn returns the key of the column with a header text, "" when there is none.
func (s Sheet) findColumn(text string) string {
	text = strings.TrimSpace(text)
	for _, c := range s.Columns {
		if text == c.Key || text == c.Title || text == c.HeadText() {
			return c.Key
		}
	}
	return ""
}

// HeadText returns the text of the column's header in the template: Chinese name and key.
func (c Column) HeadText() string { return c.Title + " " + c.Key }

// readRow converts one row of a sheet and adds it to the import.
func (r *reader) readRow(out *Import, row Row) {
	switch row.Sheet {
	case Creators:
		out.Creators = append(out.Creators, row)
	case Contracts:
		out.Contracts = append(out.Contracts, row)
	case Payables:
		out.Payables = append(out.Payables,
			Payable{Row: row, Ref: r.readID(row, "external_ref"),
				CreatorID:  ident.Creator(r.readID(row, "creator_id")),
				IncomeType: row.Cell("income_type"), Period: r.readMonth(row, "service_period"),
				Amount: r.readAmount(row, "amount", true), Taxed: r.readTaxed(row),
				TaxDocument: row.Cell("tax_document")})
	case Receivables:
		out.Receivables = append(out.Receivables,
			Receivable{Row: row, Ref: r.readID(row, "external_ref"),
				CreatorID: ident.Creator(r.readID(row, "creator_id")),
				Entity:    ident.Entity(r.readID(row, "paying_entity")),
				Kind:      r.readOneOf(row, "kind", "refund_recovery", "advance", "penalty", "other"),
				Document:  row.Cell("document"), Amount: r.readAmount(row, "amount", true)})
	case Withholding:
		out.Withholding = append(out.Withholding,
			Withheld{Row: row, Entity: ident.Entity(r.readID(row, "paying_entity")),
				CreatorID: ident.Creator(r.readID(row, "creator_id")), Platform: row.Cell("platform"),
				Tax: r.readOneOf(row, "tax", "IIT", "VAT", "UMCT", "EDU", "LEDU"), Item: row.Cell("item"),
				Collection: r.readOneOf(row, "collection", "withheld", "agency_filed"),
				Document:   row.Cell("document"), Month: r.readMonth(row, "month"),
				Months:   r.readMonthCount(row, "months"),
				Income:   r.readAmount(row, "income", false),
				Received: r.readAmount(row, "received", false), Sales: r.readAmount(row, "sales", false),
				Withheld: r.readAmount(row, "withheld", false)})
	}
}

// addCellProblem adds a problem of a cell that is not empty; a missing required cell was reported
// before.
func (r *reader) addCellProblem(row Row, column, problem string) {
	if row.Cell(column) != "" {
		r.addProblem(row.Sheet, row.Number, column, problem)
	}
}

// readID reads a cell that must be an id.
func (r *reader) readID(row Row, column string) string {
	text := row.Cell(column)
	if len(text) > 64 || strings.ContainsFunc(text, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' &&
			c != '-'
	}) {
		r.addCellProblem(row, column, "must be 1 to 64 of the characters A-Z a-z 0-9 _ -")
	}
	return text
}

// readOneOf reads a cell that must be one of the allowed texts.
func (r *reader) readOneOf(row Row, column string, allowed ...string) string {
	text := row.Cell(column)
	if !slices.Contains(allowed, text) {
		r.addCellProblem(row, column, "must be one of "+strings.Join(allowed, ", "))
	}
	return text
}

// maxDocument is the largest number of characters in the name of a document.
const maxDocument = 100

// readTaxed reads whether a payable was taxed in the books before; if so, the row must name the
// document that proves it.
func (r *reader) readTaxed(row Row) bool {
	document := row.Cell("tax_document")
	if utf8.RuneCountInString(document) > maxDocument {
		r.addCellProblem(row, "tax_document", "must have at most 100 characters")
	}
	taxed := parseYesNo(cmp.Or(row.Cell("taxed"), "no"))
	switch {
	case taxed == true && document == "":
		r.addProblem(row.Sheet, row.Number, "tax_document",
			"must be given, because taxed says yes; what was not withheld and filed before is handed in "+
				"before tax, with taxed no")
	case taxed == false:
		if document != "" {
			r.addCellProblem(row, "tax_document", "goes with taxed yes only")
		}
	case taxed != true:
		r.addCellProblem(row, "taxed", "must be yes or no")
	}
	return taxed == true
}

// readMonth reads a cell that must be a month.
func (r *reader) readMonth(row Row, column string) civil.Month {
	m, err := civil.ParseMonth(row.Cell(column))
	if err != nil {
		r.addCellProblem(row, column, "must be a month like 2026-06, as text")
	}
	return m
}

// largest is the largest amount of one row, in fen.
const largest = 9_999_999_999_999

// readAmount reads an amount, zero for an empty cell.
func (r *reader) readAmount(row Row, column string, positive bool) money.Amount {
	text := row.Cell(column)
	if text == "" {
		return money.Amount{}
	}
	a, err := money.Parse(text)
	switch {
	case err != nil:
		r.addCellProblem(row, column, "must be yuan with exactly two decimals, like 1234.50, as text")
	case a.Negative() || (positive && a.IsZero()):
		r.addCellProblem(row, column, "must be above zero")
	case a.Fen() > largest:
		r.addCellProblem(row, column, "is too large")
	}
	return a
}

// readMonthCount reads the number of months of a row, 1 when the cell is empty.
func (r *reader) readMonthCount(row Row, column string) int {
	text := row.Cell(column)
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 12 {
		r.addCellProblem(row, column, "must be 1 to 12")
	}
	return n
}

// checkDuplicates refuses rows that repeat an id, and withholding rows that repeat a month of the
// same tax and item.
func (r *reader) checkDuplicates(in Import) {
	seen := firstRows{reader: r, rows: map[string]int{}}
	for _, row := range in.Creators {
		seen.add(row, "creator_id", row.Cell("creator_id"))
	}
	for _, row := range in.Contracts {
		seen.add(row, "income_type", row.Cell("contract_id")+"\x1f"+row.Cell("income_type"))
	}
	for _, p := range in.Payables {
		seen.add(p.Row, "external_ref", p.Ref)
	}
	for _, c := range in.Receivables {
		seen.add(c.Row, "external_ref", c.Ref)
		if len(c.ID()) > 64 {
			r.addCellProblem(c.Row, "external_ref", "must have at most 56 characters")
		}
	}
	for _, w := range in.Withholding {
		seen.addMonths(w)
	}
}

// firstRows remembers the first row of each key, to refuse later rows with the same key.
type firstRows struct {
	*reader
	rows map[string]int
}

// add remembers the key of a row, or adds a problem when an earlier row of the sheet has it.
func (f firstRows) add(row Row, column, key string) {
	key = row.Sheet + "\x1f" + key
	if first, ok := f.rows[key]; ok {
		f.addProblem(row.Sheet, row.Number, column, fmt.Sprintf("is told in row %d already", first))
		return
	}
	f.rows[key] = row.Number
}

// addMonths remembers each month of a withholding row, which may cover several months.
func (f firstRows) addMonths(w Withheld) {
	if w.Month.IsZero() {
		return
	}
	if w.Month.Number() < w.Months {
		f.addCellProblem(w.Row, "months", "reaches back before January of the year")
		return
	}
	for n := range w.Months {
		key := []string{string(w.Entity), string(w.CreatorID), w.Tax, w.Item, w.Platform,
			w.Month.Add(-n).String()}
		f.add(w.Row, "month", strings.Join(key, "\x1f"))
	}
}
