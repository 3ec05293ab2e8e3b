package vault_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"fenzhang/shared/audit"
	"fenzhang/shared/ident"
	"fenzhang/shared/vault"
)

// memory is a store and a key master in one: keys are wrapped by writing tenant and purpose before them.
type memory struct {
	boxes map[string]vault.Box
	reads []audit.Record
	fail  error
	made  int
}

func newMemory() *memory { return &memory{boxes: map[string]vault.Box{}} }

func (m *memory) ReadBox(_ context.Context, tenant ident.Tenant, taxpayer ident.Taxpayer) (vault.Box, error) {
	return m.boxes[string(tenant+"/")+string(taxpayer)], nil
}

func (m *memory) New(_ context.Context, tenant ident.Tenant, purpose string) ([]byte, []byte, error) {
	m.made++
	key := make([]byte, vault.KeySize)
	rand.Read(key)
	return key, append([]byte(string(tenant+"/")+purpose+"/"), key...), nil
}

func (m *memory) Unwrap(_ context.Context, tenant ident.Tenant, purpose string, wrapped []byte) ([]byte, error) {
	key, ok := bytes.CutPrefix(wrapped, []byte(string(tenant+"/")+purpose+"/"))
	if !ok {
		return nil, errors.New("wrapped for somebody else")
	}
	return bytes.Clone(key), nil
}

func (m *memory) RecordRead(_ context.Context, r audit.Record) error {
	if m.fail == nil {
		m.reads = append(m.reads, r)
	}
	return m.fail
}

// store writes a sealing as the real store does.
func (m *memory) store(tenant ident.Tenant, s vault.Sealing) {
	box := m.boxes[string(tenant+"/")+string(s.Taxpayer)]
	if s.NewKey != nil {
		box.Keys = append(box.Keys, *s.NewKey)
	}
	if box.Records == nil {
		box.Records = map[string]vault.Record{}
	}
	for _, r := range s.Records {
		r.Revision = fmt.Sprint(len(m.reads))
		box.Records[r.Name] = r
	}
	m.boxes[string(tenant+"/")+string(s.Taxpayer)] = box
}

func open(m *memory, now *time.Time) *vault.Vault {
	return &vault.Vault{Store: m, Master: m, Reads: m, Now: func() time.Time { return *now }, NewID: func() string { return "id" }, Random: rand.Reader}
}

var start = time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)

func seal(t testing.TB, v *vault.Vault, m *memory, tenant ident.Tenant, taxpayer ident.Taxpayer, record string, fields map[string]string) {
	t.Helper()
	s, err := v.Seal(context.Background(), tenant, taxpayer, map[string]map[string]string{record: fields})
	if err != nil {
		t.Fatal(err)
	}
	m.store(tenant, s)
}

func access(tenant ident.Tenant, taxpayer ident.Taxpayer, record string) vault.Access {
	return vault.Access{Tenant: tenant, Taxpayer: taxpayer, Record: record, Actor: "system:pay-out", Why: "payout", Object: "settlement-1"}
}

func TestWhatWasSealedOpensAndIsRecordedOnce(t *testing.T) {
	m, now := newMemory(), start
	v := open(m, &now)
	fields := map[string]string{vault.Account: "6216261000000000018", vault.Holder: "张三"}
	seal(t, v, m, "demo", "t1", vault.CreatorRecord("c1"), fields)
	got, err := v.Open(context.Background(), access("demo", "t1", vault.CreatorRecord("c1")))
	if err != nil || !maps.Equal(got, fields) {
		t.Fatalf("got %v, %v", got, err)
	}
	if len(m.reads) != 1 || m.reads[0].Act != "personal_data.read" || m.reads[0].TaxID != "t1" || m.reads[0].Actor != "system:pay-out" {
		t.Errorf("audit %+v", m.reads)
	}
	for name, sealed := range m.boxes["demo/t1"].Records[vault.CreatorRecord("c1")].Fields {
		if bytes.Contains(sealed, []byte(fields[name])) {
			t.Errorf("%s is stored in clear", name)
		}
	}
}

func TestAReadThatIsNotRecordedIsNotAnswered(t *testing.T) {
	m, now := newMemory(), start
	v := open(m, &now)
	seal(t, v, m, "demo", "t1", vault.TaxpayerRecord(), map[string]string{vault.Name: "张三"})
	m.fail = errors.New("away")
	if got, err := v.Open(context.Background(), access("demo", "t1", vault.TaxpayerRecord())); !errors.Is(err, m.fail) || got != nil {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestSealedTextOpensOnlyInItsPlace(t *testing.T) {
	m, now := newMemory(), start
	v := open(m, &now)
	seal(t, v, m, "demo", "t1", vault.CreatorRecord("c1"), map[string]string{vault.Account: "one"})
	seal(t, v, m, "demo", "t1", vault.CreatorRecord("c2"), map[string]string{vault.Account: "two"})
	box := m.boxes["demo/t1"]
	one, two := box.Records[vault.CreatorRecord("c1")], box.Records[vault.CreatorRecord("c2")]
	for name, wrong := range map[string]vault.Record{
		"other record": {Name: two.Name, KeyVersion: 1, Fields: one.Fields},
		"other field":  {Name: two.Name, KeyVersion: 1, Fields: map[string][]byte{vault.Holder: two.Fields[vault.Account]}},
		"cut off":      {Name: two.Name, KeyVersion: 1, Fields: map[string][]byte{vault.Account: two.Fields[vault.Account][:5]}},
		"no such key":  {Name: two.Name, KeyVersion: 7, Fields: two.Fields},
	} {
		box.Records[two.Name] = wrong
		if got, err := v.Open(context.Background(), access("demo", "t1", two.Name)); err == nil {
			t.Errorf("%s: opened %v", name, got)
		}
	}
	m.boxes["other/t1"] = vault.Box{Keys: box.Keys, Records: map[string]vault.Record{one.Name: one}}
	if got, err := v.Open(context.Background(), access("other", "t1", one.Name)); err == nil {
		t.Errorf("another tenant opened %v", got)
	}
	if _, err := v.Open(context.Background(), access("demo", "t1", "creator#c9")); !errors.Is(err, vault.ErrNotSealed) {
		t.Errorf("missing record: %v", err)
	}
	if len(m.reads) != 0 {
		t.Errorf("%d reads recorded, none was answered", len(m.reads))
	}
}

func TestFieldsThatAreNotGivenStay(t *testing.T) {
	m, now := newMemory(), start
	v := open(m, &now)
	seal(t, v, m, "demo", "t1", vault.TaxpayerRecord(), map[string]string{vault.Name: "张三", vault.Phone: "13800138000"})
	now = now.Add(vault.MaxKeyAge)
	renewed, err := v.Renew(context.Background(), "demo", "t1")
	if err != nil {
		t.Fatal(err)
	}
	m.store("demo", renewed)
	seal(t, v, m, "demo", "t1", vault.TaxpayerRecord(), map[string]string{vault.Phone: "13900139000"})
	got, err := v.Open(context.Background(), access("demo", "t1", vault.TaxpayerRecord()))
	if want := map[string]string{vault.Name: "张三", vault.Phone: "13900139000"}; err != nil || !maps.Equal(got, want) {
		t.Errorf("got %v, %v", got, err)
	}
	if m.made != 2 {
		t.Errorf("%d data keys made, want one and its successor", m.made)
	}
}

func TestRenewalGoesOnWhereItStopped(t *testing.T) {
	ctx := context.Background()
	m, now := newMemory(), start
	v := open(m, &now)
	for n := range 4 {
		seal(t, v, m, "demo", "t1", vault.CreatorRecord(ident.Creator(fmt.Sprint(n))), map[string]string{vault.Account: fmt.Sprint("account ", n)})
	}
	now = now.Add(vault.MaxKeyAge - time.Second)
	if s, err := v.Renew(ctx, "demo", "t1"); err != nil || s.NewKey != nil || len(s.Records) != 0 {
		t.Fatalf("a young key was renewed: %v, %v", s, err)
	}
	now = now.Add(time.Second)
	s, err := v.Renew(ctx, "demo", "t1")
	if err != nil || s.NewKey == nil || s.NewKey.Version != 2 || len(s.Records) != 4 {
		t.Fatalf("got %v, %v", s, err)
	}
	half := s
	half.Records = s.Records[:2]
	m.store("demo", half)
	rest, err := v.Renew(ctx, "demo", "t1")
	if err != nil || rest.NewKey != nil || len(rest.Records) != 2 {
		t.Fatalf("the rest is %v, %v", rest, err)
	}
	m.store("demo", rest)
	if done, err := v.Renew(ctx, "demo", "t1"); err != nil || len(done.Records) != 0 {
		t.Fatalf("done, but %v, %v", done, err)
	}
	for n := range 4 {
		got, err := v.Open(ctx, access("demo", "t1", vault.CreatorRecord(ident.Creator(fmt.Sprint(n)))))
		if err != nil || got[vault.Account] != fmt.Sprint("account ", n) {
			t.Errorf("creator %d: %v, %v", n, got, err)
		}
	}
}

func TestAnyTextSurvives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, now := newMemory(), start
		v := open(m, &now)
		fields := rapid.MapOfN(rapid.StringN(1, 20, -1), rapid.String(), 1, 5).Draw(t, "fields")
		s, err := v.Seal(context.Background(), "demo", "t1", map[string]map[string]string{"r": fields})
		if err != nil {
			t.Fatal(err)
		}
		m.store("demo", s)
		if got, err := v.Open(context.Background(), access("demo", "t1", "r")); err != nil || !maps.Equal(got, fields) {
			t.Fatalf("got %v, %v", got, err)
		}
	})
}

func TestHasher(t *testing.T) {
	h, err := vault.NewHasher(strings.Repeat("k", 16))
	if err != nil {
		t.Fatal(err)
	}
	if h.Hash("ab", "c") == h.Hash("a", "bc") {
		t.Error("parts are not told apart")
	}
	if first, again := h.Hash("a"), h.Hash("a"); first != again || len(first) != 64 {
		t.Error("a hash is 64 digits and always the same")
	}
	other, _ := vault.NewHasher(strings.Repeat("x", 16))
	if other.Hash("a") == h.Hash("a") {
		t.Error("the key does not matter")
	}
	if _, err := vault.NewHasher("short"); !errors.Is(err, vault.ErrLookupKey) {
		t.Errorf("got %v", err)
	}
}
