package main

import (
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"fenzhang/shared/assembly"
	"fenzhang/shared/identity"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/httpapi"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/master"
	"fenzhang/shared/master/mastertest"
	"fenzhang/shared/opening"
	"fenzhang/shared/tenancy"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.CheckServedRoutes(t, "manage-tenants", routes(&master.Service{}, &opening.Service{}))
}

// The sample makes a creator of a taxpayer that is there.
func TestSamples(t *testing.T) {
	w := mastertest.Open(t, dynamotest.Open(t), time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC))
	taxpayer := `{"taxpayer_id":"tp001","name":"样例人","id_type":"201","id_number":"11010519491231002X","phone":"13800138000","profiles":[{"from":"2026-01-01",
		"kind":"natural_person","resident":true,"vat":"natural_person","collection":"withheld","jurisdiction":"330100"}]}`
	by := master.Caller{Principal: identity.Principal{Tenant: "demo-mcn", Subject: "admin"}}
	if _, err := w.Service.Create(t.Context(), by, tenancy.KindTaxpayer, []byte(taxpayer)); err != nil {
		t.Fatal(err)
	}
	api := &httpapi.API{Routes: routes(w.Service, &opening.Service{}), Clock: w.Clock, Log: slog.New(slog.DiscardHandler),
		Limits: httpapi.DefaultLimits(), Revoked: httpapi.NoRevocations{}}
	triggertest.RunSamples(t, trigger.Mux{HTTP: api.AnswerEvent}, map[string]triggertest.Check{"event.json": triggertest.ExpectStatus(http.StatusCreated)})
}

func TestBuildNamesEveryMissingVariable(t *testing.T) {
	t.Setenv("AWS_REGION", "cn-north-1")
	_, err := assembly.Assemble(t.Context(), env.ReadFrom(func(string) string { return "" }), slog.New(slog.DiscardHandler), build)
	for _, name := range []string{"STAGE", "TABLE_CONTROL", "TABLE_TENANCY", "TABLE_SETTLEMENTS", "DATA_KEY_ARN", "LOOKUP_SECRET_ARN"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named in %v", name, err)
		}
	}
}
