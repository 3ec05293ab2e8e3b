package keyrotation

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/tenancydb"
	"fenzhang/shared/vault"
)

const tenant = "demo"

// master wraps data keys by writing the tenant before them; it can be told to fail for new ones.
type master struct {
	made int
	fail bool
}

func (m *master) New(_ context.Context, tenant ident.Tenant, _ string) ([]byte, []byte, error) {
	if m.fail {
		return nil, nil, errors.New("the key master is away")
	}
	m.made++
	key := make([]byte, vault.KeySize)
	rand.Read(key)
	return key, append([]byte(tenant), key...), nil
}

func (m *master) Unwrap(_ context.Context, tenant ident.Tenant, _ string, wrapped []byte) ([]byte, error) {
	key, ok := bytes.CutPrefix(wrapped, []byte(tenant))
	if !ok {
		return nil, errors.New("another tenant's key")
	}
	return bytes.Clone(key), nil
}

type world struct {
	*Rotation
	t      *testing.T
	tables *tenancydb.Store
	master *master
	at     time.Time
}

func open(t *testing.T) *world {
	t.Helper()
	local := dynamotest.Open(t)
	w := &world{t: t, master: &master{}, at: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)}
	now := func() time.Time { return w.at }
	store, newID := tenancydb.New(local.Client, local.Tenancy, local.Settlements, now), ids.NewSource(time.Now)
	w.tables = store
	w.Rotation = &Rotation{
		Store: store, Now: now, NewID: newID, Log: slog.New(slog.DiscardHandler),
		Vault: &vault.Vault{Store: store, Master: w.master, Reads: store, Now: now, NewID: newID, Random: rand.Reader},
	}
	return w
}

// person adds a taxpayer with some creators' accounts.
func (w *world) person(id string, accounts int) {
	w.t.Helper()
	records := map[string]map[string]string{vault.TaxpayerRecord(): {vault.Name: "name of " + id}}
	for n := range accounts {
		records[vault.CreatorRecord(ident.Creator(fmt.Sprint(n)))] = map[string]string{vault.Account: fmt.Sprint("account ", n)}
	}
	sealed, err := w.Vault.Seal(context.Background(), tenant, ident.Taxpayer(id), records)
	if err != nil {
		w.t.Fatal(err)
	}
	first := sealed
	first.Records = sealed.Records[:min(20, len(sealed.Records))]
	changes := []tenancy.Change{{Objects: []tenancy.Object{{Kind: tenancy.KindTaxpayer, ID: id, Version: 1, Hash: "hash-" + id, Doc: tenancy.Taxpayer{TaxpayerID: ident.Taxpayer(id), Version: 1}}}, Sealed: []vault.Sealing{first}}}
	for rest := sealed.Records[len(first.Records):]; len(rest) > 0; rest = rest[min(50, len(rest)):] {
		changes = append(changes, tenancy.Change{Sealed: []vault.Sealing{{Taxpayer: ident.Taxpayer(id), Records: rest[:min(50, len(rest))]}}})
	}
	for _, c := range changes {
		c.Record = audit.Record{ID: w.NewID(), Tenant: tenant, Act: "test"}
		if err := w.tables.Put(context.Background(), c); err != nil {
			w.t.Fatal(err)
		}
	}
}

// keys tells how many data keys a taxpayer has, and under which versions its records are sealed.
func (w *world) keys(id string) (int, map[int]int) {
	w.t.Helper()
	box, err := w.tables.ReadBox(context.Background(), tenant, ident.Taxpayer(id))
	if err != nil {
		w.t.Fatal(err)
	}
	under := map[int]int{}
	for _, r := range box.Records {
		under[r.KeyVersion]++
	}
	return len(box.Keys), under
}

func (w *world) wantKeys(id string, keys int, under map[int]int) {
	w.t.Helper()
	if n, got := w.keys(id); n != keys || fmt.Sprint(got) != fmt.Sprint(under) {
		w.t.Fatalf("%s has %d keys, records %v; want %d, %v", id, n, got, keys, under)
	}
}

func (w *world) rotate() {
	w.t.Helper()
	if err := w.Run(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

func TestKeysAreRenewedAtTheirAgeAndOnce(t *testing.T) {
	w := open(t)
	w.person("t1", 2)
	w.at = w.at.Add(vault.MaxKeyAge - time.Second)
	w.person("t2", 1)
	w.rotate()
	w.wantKeys("t1", 1, map[int]int{1: 3})
	w.at = w.at.Add(time.Second)
	w.rotate()
	w.rotate()
	w.wantKeys("t1", 2, map[int]int{2: 3})
	w.wantKeys("t2", 1, map[int]int{1: 2})
	got, err := w.Vault.Open(context.Background(), vault.Access{Tenant: tenant, Taxpayer: "t1", Record: vault.CreatorRecord("1"), Actor: "test"})
	if err != nil || got[vault.Account] != "account 1" {
		t.Errorf("after rotation: %v, %v", got, err)
	}
}

func TestManyRecordsTakeSeveralWrites(t *testing.T) {
	w := open(t)
	w.person("t1", 120)
	w.at = w.at.Add(vault.MaxKeyAge)
	w.rotate()
	w.wantKeys("t1", 2, map[int]int{2: 121})
}

func TestAStoppedRotationIsTakenUp(t *testing.T) {
	w := open(t)
	w.person("t1", 120)
	w.at = w.at.Add(vault.MaxKeyAge)
	sealing, err := w.Vault.Renew(context.Background(), tenant, "t1")
	if err != nil {
		t.Fatal(err)
	}
	sealing.Records = sealing.Records[:30] // the function died after its first write
	err = w.tables.Put(context.Background(), tenancy.Change{Sealed: []vault.Sealing{sealing}, Record: w.auditRecord(tenant, sealing)})
	if err != nil {
		t.Fatal(err)
	}
	w.wantKeys("t1", 2, map[int]int{1: 91, 2: 30})
	w.rotate()
	w.wantKeys("t1", 2, map[int]int{2: 121})
	if w.master.made != 2 {
		t.Errorf("%d keys made", w.master.made)
	}
}

func TestTheTimeOfARunIsKept(t *testing.T) {
	w := open(t)
	w.person("t1", 0)
	w.at = w.at.Add(vault.MaxKeyAge)
	ctx, cancel := context.WithTimeout(context.Background(), reserve/2)
	defer cancel()
	if err := w.Run(ctx); err != nil {
		t.Fatal(err)
	}
	w.wantKeys("t1", 1, map[int]int{1: 1})
}

func TestFailuresAreToldAndLeftForTheNextRun(t *testing.T) {
	w := open(t)
	w.person("t1", 0)
	w.at = w.at.Add(vault.MaxKeyAge)
	w.master.fail = true
	if err := w.Run(context.Background()); err == nil || !strings.Contains(err.Error(), "t1") {
		t.Errorf("got %v", err)
	}
	w.master.fail = false
	w.rotate()
	w.wantKeys("t1", 2, map[int]int{2: 1})
}
