package assembly_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/env"
)

// TestEveryMissingVariableIsNamed starts a function that needs more than the common variables: the one error names all
// that are missing, and none that is set.
func TestEveryMissingVariableIsNamed(t *testing.T) {
	t.Setenv("AWS_REGION", "cn-north-1")
	set := map[string]string{"STAGE": "test", "TABLE_TENANCY": "tenancy"}
	vars := env.ReadFrom(func(name string) string { return set[name] })
	_, err := assembly.Assemble(t.Context(), vars, slog.New(slog.DiscardHandler), func(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
		p.StatementService()
		return nil, nil
	})
	if err == nil {
		t.Fatal("it starts without its tables")
	}
	for _, name := range []string{"TABLE_CONTROL", "TABLE_SETTLEMENTS", "TABLE_LEDGER"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%s is not named: %v", name, err)
		}
	}
	if strings.Contains(err.Error(), "STAGE") || strings.Contains(err.Error(), "TENANCY") {
		t.Errorf("a variable that is set is named: %v", err)
	}
}
