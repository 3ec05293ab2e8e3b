package settlementdb

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/civil"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

// sample gives every field of v a value of its own.
func sample(t *testing.T, v reflect.Value, n *int64) {
	*n++
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = timeOfMillis(1_795_312_860_000 + *n)
		return
	case *money.Amount:
		*x = money.Fen(*n)
		return
	case *money.Rate:
		*x = money.Ratio(*n, 1000)
		return
	case *civil.Date:
		*x = civil.MustDate("2026-09-01").AddDays(int(*n))
		return
	case *civil.Month:
		*x = civil.NewMonth(2026, 1).Add(int(*n))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text-" + strconv.FormatInt(*n, 10))
	case reflect.Int, reflect.Int64:
		v.SetInt(*n)
	case reflect.Bool:
		v.SetBool(*n%2 == 0)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		sample(t, v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			sample(t, v.Index(i), n)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			sample(t, v.Field(i), n)
		}
	default:
		t.Fatalf("a settlement has a %s", v.Type())
	}
}

// TestTheStoredFormIsReadForEver reads the bytes of a settlement with every field that were written once, and holds what
// they say against the document beside them. A field that is walked in another place would be read as another field.
// The bytes never change: a newer form gets a file of its own. Without the files the test writes them, and fails.
func TestTheStoredFormIsReadForEver(t *testing.T) {
	const bytes, meaning = "testdata/meta.hex", "testdata/meta.json"
	if _, err := os.Stat(bytes); errors.Is(err, fs.ErrNotExist) {
		var s settlement.Settlement
		sample(t, reflect.ValueOf(&s).Elem(), new(int64))
		keep(t, bytes, hex.EncodeToString(encodeWith(&s, encodeOrDecodeSettlement)))
	}
	var s settlement.Settlement
	kept := contents(t, bytes)
	raw, err := hex.DecodeString(kept)
	if err != nil {
		t.Fatal(err)
	}
	if err := decodeWith(raw, &s, encodeOrDecodeSettlement); err != nil {
		t.Fatal(err)
	}
	if again := hex.EncodeToString(encodeWith(&s, encodeOrDecodeSettlement)); again != kept {
		t.Errorf("what was read is written as\n%s\nand was as\n%s", again, kept)
	}
	said, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(meaning); errors.Is(err, fs.ErrNotExist) {
		keep(t, meaning, string(said))
	}
	if was := contents(t, meaning); string(said) != was {
		t.Errorf("the bytes are read as\n%s\nand were as\n%s", said, was)
	}
}

// keep writes a file that was not there; the test that does so has compared nothing.
func keep(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Errorf("%s was not there and is written now", path)
}

func contents(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(string(b), "\n")
}
