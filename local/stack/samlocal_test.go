package main

import (
	"path/filepath"
	"testing"
)

func TestContainersGetThisMachinesNameButForTheCallback(t *testing.T) {
	variables := map[string]string{
		"AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "TABLE_LEDGER": "fenzhang-local-ledger",
		"CALLBACK_URL": "http://127.0.0.1:4566/_aws/execute-api/a/v1/payouts/callbacks",
	}
	addressForContainer(variables)
	for name, want := range map[string]string{
		"AWS_ENDPOINT_URL": "http://host.docker.internal:4566", "TABLE_LEDGER": "fenzhang-local-ledger",
		"CALLBACK_URL": "http://127.0.0.1:4566/_aws/execute-api/a/v1/payouts/callbacks",
	} {
		if variables[name] != want {
			t.Errorf("%s is %s, want %s", name, variables[name], want)
		}
	}
}

func TestTheTemplateForSAMNeedsNoParameters(t *testing.T) {
	p, err := newProfile(t.TempDir(), "test", 5600)
	if err != nil {
		t.Fatal(err)
	}
	if err := emptyFolder(p.dir); err != nil { // where the key of the rules is made
		t.Fatal(err)
	}
	parameters := map[string]any{}
	for _, name := range []string{"Stage", "Architecture", "LocalEndpoint", "GatewayDouyinUrl", "GatewayBankUrl", "RulesPublisherKeys"} {
		parameters[name] = map[string]any{"Type": "String"}
	}
	code := map[string]any{"CodeUri": ".local/build/pay-out.zip"}
	template := map[string]any{"Parameters": parameters, "Resources": map[string]any{
		"PayOut": map[string]any{"Properties": code}, "Queue": map[string]any{"Type": "AWS::SQS::Queue"},
	}}
	if err := p.adaptTemplate(template); err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join("..", "build", "pay-out.zip"); code["CodeUri"] != want {
		t.Errorf("the code is at %v, want %s", code["CodeUri"], want)
	}
	for name, want := range map[string]string{"Stage": "local", "LocalEndpoint": "http://127.0.0.1:5600", "GatewayBankUrl": "http://127.0.0.1:5602"} {
		if got := parameters[name].(map[string]any)["Default"]; got != want {
			t.Errorf("%s is %v, want %s", name, got, want)
		}
	}
	delete(parameters, "Stage")
	if err := p.adaptTemplate(template); err == nil {
		t.Error("a parameter that the template has not was taken")
	}
}
