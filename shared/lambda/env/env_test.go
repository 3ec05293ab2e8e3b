package env_test

import (
	"testing"

	"fenzhang/shared/lambda/env"
)

func TestAllMissingVariablesAreNamedAtOnce(t *testing.T) {
	v := env.ReadFrom(func(name string) string { return map[string]string{"TABLE": "ledger"}[name] })
	if v.Need("TABLE") != "ledger" || v.Optional("ELSE") != "" || v.Err() != nil {
		t.Fatalf("%v", v.Err())
	}
	v.Need("BUCKET")
	v.Need("QUEUE")
	if err := v.Err(); err == nil || err.Error() != "environment: missing BUCKET, QUEUE" {
		t.Errorf("%v", err)
	}
}
