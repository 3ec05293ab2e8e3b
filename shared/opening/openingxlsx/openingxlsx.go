// Package openingxlsx writes the XLSX template of the opening import and reads a filled one.
package openingxlsx

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/xuri/excelize/v2"

	"fenzhang/shared/opening"
)

// The bounds of a workbook that is read, because a small file may unzip to a large one.
const (
	maxUnzipped = 32 << 20
	maxCells    = 200_000
)

// ErrUnreadable reports that a file is not a workbook, or that it is too large.
var ErrUnreadable = errors.New("openingxlsx: not a readable workbook")

// WriteTemplate returns an empty workbook: each sheet with its header, and on each column a note
// with an example.
func WriteTemplate() (out []byte, err error) {
	f := excelize.NewFile()
	defer func() { err = errors.Join(err, f.Close()) }()
	head, err := f.NewStyle(&excelize.Style{Font: &excelize.Font{Bold: true},
		Fill:      excelize.Fill{Type: "pattern", Color: []string{"#E8EEF7"}, Pattern: 1},
		Alignment: &excelize.Alignment{WrapText: true, Vertical: "top"}})
	if err != nil {
		return nil, err
	}
	// Number format 49 is text, so that the spreadsheet turns no amount into a float.
	asText, err := f.NewStyle(&excelize.Style{NumFmt: 49})
	if err != nil {
		return nil, err
	}
	if err := writePages(f, head, asText); err != nil {
		return nil, err
	}
	if err := writeSamples(f, head, asText); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// writePages adds a page for each sheet of the import.
func writePages(f *excelize.File, head, asText int) (err error) {
	for i, s := range opening.Sheets() {
		// A new file has one sheet already, which is renamed.
		if i == 0 {
			err = f.SetSheetName("Sheet1", s.Name)
		} else {
			_, err = f.NewSheet(s.Name)
		}
		if err == nil {
			err = writePage(f, s, head, asText)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// writeSamples adds the sheet of sample rows, which people copy; it is not read when the workbook
// comes back.
func writeSamples(f *excelize.File, head, asText int) error {
	if _, err := f.NewSheet(opening.SamplesSheet); err != nil {
		return err
	}
	if err := errors.Join(f.SetColStyle(opening.SamplesSheet, "A:Z", asText),
		f.SetColWidth(opening.SamplesSheet, "A", "Z", 20)); err != nil {
		return err
	}
	row := 1
	for _, s := range opening.Sheets() {
		heads := []string{s.Title + " " + s.Name}
		for _, c := range s.Columns {
			heads = append(heads, c.HeadText())
		}
		if err := writeSampleRow(f, row, heads, head); err != nil {
			return err
		}
		row++
		for _, x := range append([]opening.Sample{{Title: "例 example"}}, s.Samples...) {
			cells := append([]string{x.Title}, x.CellsFor(s.Columns)...)
			if err := writeSampleRow(f, row, cells, asText); err != nil {
				return err
			}
			row++
		}
		row++ // an empty row between the samples of two sheets
	}
	return nil
}

// writeSampleRow writes one row of the sheet of samples in a style.
func writeSampleRow(f *excelize.File, row int, cells []string, style int) error {
	first, err := excelize.CoordinatesToCellName(1, row)
	if err != nil {
		return err
	}
	last, err := excelize.CoordinatesToCellName(len(cells), row)
	if err != nil {
		return err
	}
	return errors.Join(f.SetSheetRow(opening.SamplesSheet, first, &cells),
		f.SetCellStyle(opening.SamplesSheet, first, last, style))
}

// writePage writes the header and the notes of one sheet.
func writePage(f *excelize.File, s opening.Sheet, head, asText int) error {
	last, err := excelize.ColumnNumberToName(len(s.Columns))
	if err != nil {
		return err
	}
	if err := errors.Join(f.SetColStyle(s.Name, "A:"+last, asText),
		f.SetColWidth(s.Name, "A", last, 20)); err != nil {
		return err
	}
	for i, c := range s.Columns {
		cell, err := excelize.CoordinatesToCellName(i+1, 1)
		if err != nil {
			return err
		}
		need := "optional 选填"
		if c.Required {
			need = "required 必填"
		}
		note := excelize.Comment{Cell: cell, Author: "Fenzhang",
			Paragraph: []excelize.RichTextRun{
				{Text: need + "\n" + c.Note + "\n" + "e.g. 例 " + c.Example + "\n" + s.Title + ": " + s.Note}}}
		if err := errors.Join(f.SetCellStr(s.Name, cell, c.HeadText()),
			f.SetCellStyle(s.Name, cell, cell, head), f.AddComment(s.Name, note)); err != nil {
			return err
		}
	}
	return f.SetPanes(s.Name,
		&excelize.Panes{Freeze: true, YSplit: 1, TopLeftCell: "A2", ActivePane: "bottomLeft"})
}

// ReadWorkbook reads the cells of a workbook as they are shown. A formula counts as the value that
// it shows; nothing is computed.
func ReadWorkbook(file []byte) (book opening.Book, err error) {
	f, err := excelize.OpenReader(bytes.NewReader(file),
		excelize.Options{UnzipSizeLimit: maxUnzipped, UnzipXMLSizeLimit: maxUnzipped})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	book = opening.Book{}
	cells := 0
	for _, name := range f.GetSheetList() {
		rows, err := f.GetRows(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUnreadable, err)
		}
		for _, r := range rows {
			if cells += len(r); cells > maxCells {
				return nil, fmt.Errorf("%w: more than %d cells", ErrUnreadable, maxCells)
			}
		}
		book[name] = rows
	}
	return book, nil
}
