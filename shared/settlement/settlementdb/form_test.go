package settlementdb

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/civil"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/money"
	"fenzhang/shared/settlement"
)

// fill draws a value for every field of v, so that a field which the walk leaves out is noticed the day it is added.
func fill(t *rapid.T, v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = timeOfMillis(rapid.Int64Range(1, 1<<42).Draw(t, "instant"))
		return
	case *money.Amount:
		*x = money.Fen(rapid.Int64().Draw(t, "fen"))
		return
	case *money.Rate:
		*x = money.Ratio(rapid.Int64().Draw(t, "num"), rapid.Int64Range(1, 1<<62).Draw(t, "den"))
		return
	case *civil.Date:
		*x = civil.NewDate(2026, 1, rapid.IntRange(-20_000, 20_000).Draw(t, "day"))
		return
	case *civil.Month:
		*x = civil.NewMonth(2026, time.Month(rapid.IntRange(-900, 900).Draw(t, "month")))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(rapid.OneOf(rapid.String(), rapid.SampledFrom(metaVocabulary.words), rapid.StringMatching("[0-9a-f]{0,40}"),
			rapid.StringMatching("(c-|tp-|stmt:live_tip:2026-|finance@)[0-9a-z]{0,30}"), rapid.SampledFrom([]string{"0k5a3v0000000000000000000c", "demo-mcn", "finance@demo-mcn"})).Draw(t, "text"))
	case reflect.Int, reflect.Int64:
		v.SetInt(rapid.Int64().Draw(t, "number"))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "flag"))
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "there") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(t, v.Elem())
		}
	case reflect.Slice:
		if n := rapid.IntRange(0, 3).Draw(t, "length"); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
			for i := range n {
				fill(t, v.Index(i))
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("a settlement has a %s", v.Type())
	}
}

// drawn is any settlement whose derived fields say what they are derived from.
func drawn(t *rapid.T) settlement.Settlement {
	var s settlement.Settlement
	fill(t, reflect.ValueOf(&s).Elem())
	s.Tenant, s.ID = "demo-mcn", settlement.IDOf("0123456789abcdef0123456789abcdef", 1)
	s.TransitionID = s.OpenedBy
	from := settlement.PendingReview
	for i := range s.History {
		s.History[i].From = from
		from, s.TransitionID = s.History[i].To, s.History[i].TransitionID
	}
	return s
}

func TestEveryFieldOfASettlementIsStored(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawn(t)
		back, err := DecodeMeta(metaItem(s))
		if err != nil || !reflect.DeepEqual(back, s) {
			t.Fatalf("%v\n%+v\n%+v", err, back, s)
		}
	})
}

func TestADamagedSettlementIsRefused(t *testing.T) {
	s := busy()
	whole := encodeWith(&s, encodeOrDecodeSettlement)
	for n := range whole {
		var cut settlement.Settlement
		if decodeWith(whole[:n], &cut, encodeOrDecodeSettlement) == nil {
			t.Fatalf("%d of %d bytes were read as a whole", n, len(whole))
		}
	}
	for name, b := range map[string][]byte{"more": append(slices.Clip(whole), 0), "newer": append([]byte{formVersion + 1}, whole[1:]...)} {
		if err := decodeWith(b, &s, encodeOrDecodeSettlement); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// The numbers of the words are part of the stored form: what was written once is read for ever.
func TestStoredTextsKeepTheirMeaning(t *testing.T) {
	first := []string{"creator", "mcn", "douyin", "bank", "finance@", "c-", "tp-", "st-", "payee", "clearing", "net", "IN_REVIEW", "APPROVED", "PAYING", "PAID", "system:compute-tax"}
	if !slices.Equal(metaVocabulary.words[:len(first)], first) || metaVocabulary.numbers["The payout account was not checked yet."] != 135 {
		t.Errorf("words have other numbers: %q, %d", metaVocabulary.words[:len(first)], metaVocabulary.numbers["The payout account was not checked yet."])
	}
	if len(metaVocabulary.numbers) != len(metaVocabulary.words) {
		t.Error("a word stands twice in the list")
	}
	id := ids.FormatID([16]byte{1, 2, 3})
	for text, want := range map[string]string{"": "\x00", "douyin": "\x11", "c-1": "-\b1", "0123456789abcdef": "\x43\x01\x23\x45\x67\x89\xab\xcd\xef", id: "\x04\x01\x02\x03" + string(make([]byte, 13))} {
		f := codec{}
		f.writeText(text)
		if string(f.bytes) != want {
			t.Errorf("%q is written %q, and was %q", text, f.bytes, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	s := busy()
	f.Add(encodeWith(&s, encodeOrDecodeSettlement))
	f.Add([]byte{1, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		var s, again settlement.Settlement
		if decodeWith(b, &s, encodeOrDecodeSettlement) != nil {
			return
		}
		if err := decodeWith(encodeWith(&s, encodeOrDecodeSettlement), &again, encodeOrDecodeSettlement); err != nil || !reflect.DeepEqual(s, again) {
			t.Fatalf("%v\n%+v\n%+v", err, s, again)
		}
	})
}
