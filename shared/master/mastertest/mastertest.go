// Package mastertest makes the master data service on the tables of a test.
package mastertest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"fenzhang/shared/clock"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/ident"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/law/tax"
	"fenzhang/shared/law/taxpack"
	"fenzhang/shared/master"
	"fenzhang/shared/settlement"
	"fenzhang/shared/settlement/settlementdb"
	"fenzhang/shared/tenancy/tenancydb"
	"fenzhang/shared/vault"
)

// World is the master data service with the stores on which it works.
type World struct {
	Service *master.Service
	Store   *tenancydb.Store
	Vault   *vault.Vault
	Rows    *settlementdb.Store
	Clock   clock.Clock
}

// Open makes the service on the tables of local, at an instant, with the embedded tax rules.
func Open(t testing.TB, local dynamotest.Tables, at time.Time) World {
	t.Helper()
	corpus, err := taxpack.LoadEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	c := clock.FixedAt(at)
	newID := ids.NewSource(time.Now)
	store := tenancydb.New(local.Client, local.Tenancy, local.Settlements, c.Now)
	sealed := &vault.Vault{Store: store, Master: PlainMaster{}, Reads: store, Now: c.Now, NewID: newID,
		Random: rand.Reader}
	rows := &settlementdb.Store{DB: local.Client, Settlements: local.Settlements, Ledger: local.Ledger,
		Control:  local.Control,
		NewToken: newID, Now: c.Now}
	calendar, err := taxpack.NationalCalendar()
	if err != nil {
		t.Fatal(err)
	}
	settlements, err := settlement.New(settlement.Parts{Store: rows, Directory: store,
		Calendar: calendar, Clock: c, NewID: newID})
	if err != nil {
		t.Fatal(err)
	}
	merges, err := settlement.NewMerging(settlements, rows, store.EntityIDs)
	if err != nil {
		t.Fatal(err)
	}
	return World{Store: store, Vault: sealed, Rows: rows, Clock: c, Service: &master.Service{
		Store: store, Vault: sealed, Clock: c, NewID: newID,
		Secret:        func(context.Context) (string, error) { return "a key of keyed hashes", nil },
		Corpus:        func(context.Context) *tax.Corpus { return corpus },
		MergeFollowUp: merges,
	}}
}

// PlainMaster is a vault.KeyMaster for tests: it wraps a data key by writing the tenant's name
// before it.
type PlainMaster struct{}

// New implements vault.KeyMaster.
func (PlainMaster) New(_ context.Context, tenant ident.Tenant, _ string) ([]byte, []byte, error) {
	key := make([]byte, vault.KeySize)
	if _, err := rand.Read(key); err != nil {
		return nil, nil, err
	}
	return key, append([]byte(tenant), key...), nil
}

// Unwrap implements vault.KeyMaster; it fails for a key that was wrapped for another tenant.
func (PlainMaster) Unwrap(_ context.Context, tenant ident.Tenant, _ string,
	wrapped []byte) ([]byte, error) {
	key, ok := bytes.CutPrefix(wrapped, []byte(tenant))
	if !ok {
		return nil, errors.New("another tenant's key")
	}
	return bytes.Clone(key), nil
}
