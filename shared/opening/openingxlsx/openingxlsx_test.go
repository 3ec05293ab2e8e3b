package openingxlsx_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/xuri/excelize/v2"

	"fenzhang/shared/opening"
	"fenzhang/shared/opening/openingxlsx"
)

// filled is the template with the example of each column in row 2.
func filled(t testing.TB) []byte {
	t.Helper()
	template, err := openingxlsx.WriteTemplate()
	if err != nil {
		t.Fatal(err)
	}
	f, err := excelize.OpenReader(bytes.NewReader(template))
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range opening.Sheets() {
		for i, c := range s.Columns {
			cell, err := excelize.CoordinatesToCellName(i+1, 2)
			if err == nil {
				err = f.SetCellStr(s.Name, cell, c.Example)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	var b bytes.Buffer
	if err := f.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestTheTemplateReadsItsOwnExamples(t *testing.T) {
	book, err := openingxlsx.ReadWorkbook(filled(t))
	if err != nil {
		t.Fatal(err)
	}
	in, problems := opening.ParseWorkbook(book)
	if len(problems) > 0 {
		t.Fatalf("%+v", problems)
	}
	if in.CountRows() != 5 || in.Payables[0].Amount.String() != "1234.50" || in.Withholding[0].Withheld.String() != "330.00" || in.Creators[0].Cell("nickname") != "半夏" {
		t.Errorf("%+v", in)
	}
}

func TestAnEmptyTemplateHasNoRows(t *testing.T) {
	template, err := openingxlsx.WriteTemplate()
	if err != nil {
		t.Fatal(err)
	}
	book, err := openingxlsx.ReadWorkbook(template)
	if err != nil {
		t.Fatal(err)
	}
	if _, problems := opening.ParseWorkbook(book); len(problems) != 1 || problems[0].Sheet != "" {
		t.Errorf("%+v", problems)
	}
}

func TestWhatIsNoWorkbookIsRefused(t *testing.T) {
	for name, file := range map[string][]byte{"nothing": nil, "text": []byte("a,b,c\n1,2,3"), "half a workbook": filled(t)[:2000]} {
		if _, err := openingxlsx.ReadWorkbook(file); !errors.Is(err, openingxlsx.ErrUnreadable) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(filled(f))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, file []byte) {
		book, err := openingxlsx.ReadWorkbook(file)
		if err != nil {
			if !errors.Is(err, openingxlsx.ErrUnreadable) {
				t.Fatal(err)
			}
			return
		}
		opening.ParseWorkbook(book)
	})
}
