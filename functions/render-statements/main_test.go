package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"fenzhang/shared/identity"
	"fenzhang/shared/income/incomedb"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/settlement/settletest"
	"fenzhang/shared/statement"
	"fenzhang/shared/statement/printing"
	"fenzhang/shared/statement/statementapi"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.CheckServedRoutes(t, "render-statements", statementapi.API{}.Routes())
}

// documents is a bucket in which nothing is kept.
type documents struct{}

func (documents) HasFile(context.Context, string) (bool, error) { return false, nil }

func (documents) PutFile(context.Context, string, statement.Format, []byte) error { return nil }

func (documents) PresignLink(_ context.Context, name, _ string, _ statement.Format, _ time.Duration) (string, error) {
	return "https://documents.example/" + name, nil
}

// font reads the font where the local stack puts it.
func font(context.Context) ([]byte, error) {
	found, err := filepath.Glob(filepath.Join("..", "..", ".local", "fonts", "*.ttf"))
	if err != nil || len(found) == 0 {
		return nil, fmt.Errorf("no font below .local/fonts: make up or make test installs it")
	}
	return os.ReadFile(found[0])
}

func TestSamples(t *testing.T) {
	if _, err := font(t.Context()); err != nil {
		t.Skip(err)
	}
	w := settletest.Open(t)
	w.AddDemoPeople(t)
	if _, _, err := w.Settle(t.Context(), settletest.CallerWith(identity.Finance), "key-00001", settletest.SettleRequest("c001", "act-1", "1000.00")); err != nil {
		t.Fatal(err)
	}
	lines := &incomedb.Store{DB: w.Tables.Client, Ledger: w.Tables.Ledger, Settlements: w.Tables.Settlements, NewToken: w.NextID}
	service := &statement.Service{Builder: statement.Builder{Facts: lines, Settlements: w.Store, Directory: w.People}, Clock: w.Clock, NewID: w.NextID,
		Documents: &statement.Documents{Files: documents{}, Typesetter: &printing.Typesetter{ReadFont: font}, Now: w.Now}}
	triggertest.RunSamples(t, w.ServeRoutes(statementapi.API{Statements: service}.Routes()), map[string]triggertest.Check{"event.json": triggertest.ExpectStatus(http.StatusOK)})
}
