package main

import (
	"crypto/rand"
	"log/slog"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/audit"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/master/mastertest"
	"fenzhang/shared/tenancy"
	"fenzhang/shared/tenancy/keyrotation"
	"fenzhang/shared/tenancy/tenancydb"
	"fenzhang/shared/vault"
)

// A taxpayer whose key is old gets a new one by the sample.
func TestSamples(t *testing.T) {
	local := dynamotest.Open(t)
	at := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	now := func() time.Time { return at }
	store, newID := tenancydb.New(local.Client, local.Tenancy, local.Settlements, now), ids.NewSource(time.Now)
	v := &vault.Vault{Store: store, Master: mastertest.PlainMaster{}, Reads: store, Now: now, NewID: newID, Random: rand.Reader}
	sealed, err := v.Seal(t.Context(), "demo", "t1", map[string]map[string]string{vault.TaxpayerRecord(): {vault.Name: "one"}})
	if err != nil {
		t.Fatal(err)
	}
	taxpayer := tenancy.Object{Kind: tenancy.KindTaxpayer, ID: "t1", Version: 1, Hash: "hash", Doc: tenancy.Taxpayer{TaxpayerID: "t1", Version: 1}}
	if err := store.Put(t.Context(), tenancy.Change{Objects: []tenancy.Object{taxpayer}, Sealed: []vault.Sealing{sealed},
		Record: audit.Record{ID: newID(), Tenant: "demo", Act: "test"}}); err != nil {
		t.Fatal(err)
	}
	at = at.Add(vault.MaxKeyAge)
	r := &keyrotation.Rotation{Store: store, Vault: v, Now: now, NewID: newID, Log: slog.New(slog.DiscardHandler)}
	triggertest.RunSamples(t, triggers(r), map[string]triggertest.Check{"event.json": triggertest.ExpectEmptyAnswer})
	if box, err := store.ReadBox(t.Context(), "demo", "t1"); err != nil || len(box.Keys) != 2 || box.Records[vault.TaxpayerRecord()].KeyVersion != 2 {
		t.Errorf("%d keys, %v", len(box.Keys), err)
	}
}

func TestWireNamesEveryMissingVariable(t *testing.T) {
	_, err := buildRotation(t.Context(), env.ReadFrom(func(string) string { return "" }), slog.New(slog.DiscardHandler))
	for _, name := range []string{"TABLE_TENANCY", "TABLE_SETTLEMENTS", "DATA_KEY_ARN"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}
