package gateway

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fenzhang/shared/money"
)

func TestEnsureKeysKeepsWhatIsThere(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.json")
	if err := EnsureKeys(path, []string{"demo-mcn", "demo-small"}); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(SecretPath(path)); err != nil {
		t.Fatal(err)
	}
	if err := EnsureKeys(path, []string{"other"}); err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(path)
	if err != nil || string(first) != string(again) {
		t.Errorf("keys were made anew: %v", err)
	}
	secret, err := os.ReadFile(SecretPath(path))
	if err != nil {
		t.Fatal(err)
	}
	var both map[string]any
	if err := json.Unmarshal(secret, &both); err != nil || len(both) != 2 || both["douyin"] == nil || both["bank"] == nil {
		t.Errorf("secret has %d parts, %v", len(both), err)
	}
	k, err := ReadKeys(path)
	if err != nil || strings.Contains(string(secret), strings.TrimSpace(k.Private.Douyin[100:200])) {
		t.Errorf("the gateway's private key is in the functions' secret, or %v", err)
	}
}

func TestFaultsAreUsedUp(t *testing.T) {
	var f faults
	f.add(faultOrder{Next: 2, Fault: NoNotice})
	f.add(faultOrder{Key: "k", Fault: FailBill})
	got := []Fault{f.takeFault("k"), f.takeFault("x"), f.takeFault("k"), f.takeFault("k")}
	want := []Fault{FailBill, NoNotice, NoNotice, ""}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("took %v, want %v", got, want)
		}
	}
}

func TestACutOffLineIsForgotten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "book.jsonl")
	b, err := openBook(path)
	if err != nil {
		t.Fatal(err)
	}
	make1 := func(*Bill) *Bill { return &Bill{Merchant: "m", Key: "k", Amount: money.Fen(1), State: accepted} }
	if _, err := b.updateBill("m", "k", make1); err != nil {
		t.Fatal(err)
	}
	if _, err := b.file.WriteString(`{"merchant":"m","out_bill_no":"k2","st`); err != nil {
		t.Fatal(err)
	}
	if err := b.close(); err != nil {
		t.Fatal(err)
	}
	if b, err = openBook(path); err != nil {
		t.Fatal(err)
	}
	if _, err := b.updateBill("m", "k3", func(*Bill) *Bill { return &Bill{Merchant: "m", Key: "k3", State: accepted} }); err != nil {
		t.Fatal(err)
	}
	b.close()
	if b, err = openBook(path); err != nil {
		t.Fatal(err)
	}
	defer b.close()
	if all := b.listBills(); len(all) != 2 {
		t.Errorf("%d bills: what was written after the cut is lost", len(all))
	}
}

func TestListenOnLoopbackOnly(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "10.1.2.3:0", "nonsense"} {
		if l, err := listenOnLoopback(context.Background(), addr); err == nil {
			l.Close()
			t.Errorf("listens on %s", addr)
		}
	}
	l, err := listenOnLoopback(context.Background(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
}

func TestControlCanBeHidden(t *testing.T) {
	inner := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	for control, want := range map[bool]int{true: http.StatusTeapot, false: http.StatusNotFound} {
		rec := httptest.NewRecorder()
		hideControlRoutes(inner, control).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/control/bills", nil))
		if rec.Code != want {
			t.Errorf("control %v: %d", control, rec.Code)
		}
	}
}

func TestFaultOrdersAreChecked(t *testing.T) {
	s := &Server{}
	for body, want := range map[string]int{
		`{"fault":"fail","next":1}`:                   http.StatusNoContent,
		`{"fault":"fail","out_bill_no":"k"}`:          http.StatusNoContent,
		`{"fault":"fail","out_bill_no":"k","next":1}`: http.StatusBadRequest,
		`{"fault":"fail"}`:                            http.StatusBadRequest,
		`{"fault":"nonsense","next":1}`:               http.StatusBadRequest,
		`{`:                                           http.StatusBadRequest,
	} {
		rec := httptest.NewRecorder()
		s.addFault(rec, httptest.NewRequest(http.MethodPost, "/control/faults", strings.NewReader(body)))
		if rec.Code != want {
			t.Errorf("%s: %d", body, rec.Code)
		}
	}
}
