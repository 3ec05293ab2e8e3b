// Package opening imports what a tenant brings from its books before this system (期初导入): creators,
// contracts, payables and receivables, and the taxes withheld this year. It reads rows of text and
// their rules; spreadsheets are read by openingxlsx.
package opening

import (
	"bytes"
	_ "embed" // for the sheets
	"encoding/json"
	"sync"
)

// The names of the sheets of the workbook.
const (
	Creators    = "creators"
	Contracts   = "contracts"
	Payables    = "payables"
	Receivables = "receivables"
	Withholding = "withholding"
)

// SamplesSheet is the sheet of the template that shows sample rows; it is not read.
const SamplesSheet = "samples"

// Sheet is one sheet of the workbook with its columns.
type Sheet struct {
	Name string `json:"name"`
	// Title is the Chinese name of the sheet.
	Title string `json:"title"`
	// Note explains to the person who fills in the sheet what its rows are.
	Note    string   `json:"note"`
	Columns []Column `json:"columns"`
	// Samples are valid rows that show what the examples of the columns do not.
	Samples []Sample `json:"samples"`
}

// Column is one column of a sheet. Every cell is text; Example is a valid cell.
type Column struct {
	Key      string `json:"key"`
	Title    string `json:"title"`
	Required bool   `json:"required"`
	Example  string `json:"example"`
	Note     string `json:"note"`
}

// Sample is a valid row of a sheet with a title. A column that Cells does not set has the column's
// example.
type Sample struct {
	Title string            `json:"title"`
	Cells map[string]string `json:"cells"`
}

// CellsFor returns the sample's cell in each column.
func (s Sample) CellsFor(columns []Column) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		text, ok := s.Cells[c.Key]
		if !ok {
			text = c.Example
		}
		out[i] = text
	}
	return out
}

// sheetsJSON holds the names, columns, explanations and samples of the sheets.
//
//go:embed sheets.json
var sheetsJSON []byte

// loadSheets decodes the embedded sheets once.
var loadSheets = sync.OnceValues(func() (sheets []Sheet, err error) {
	d := json.NewDecoder(bytes.NewReader(sheetsJSON))
	d.DisallowUnknownFields()
	return sheets, d.Decode(&sheets)
})

// Sheets returns the sheets of the workbook in the order in which a person fills them in. The JSON
// file is compiled into the program and a test decodes it, so decoding cannot fail here.
func Sheets() []Sheet {
	sheets, _ := loadSheets()
	return sheets
}

// MaxRows is the largest number of rows in one workbook; a longer history is imported in several
// workbooks.
const MaxRows = 500
