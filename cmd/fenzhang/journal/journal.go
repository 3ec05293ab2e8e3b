// Package journal exports the journal of a tenant from the running stack as an auditor would: over
// the API, page by page, one entry in each line. journal prints the sums by paying entity and
// account.
package journal

import (
	"context"
	"flag"
	"io"

	"fenzhang/local/apiclient"
	"fenzhang/local/tokens"
	"fenzhang/shared/ident"
)

// Command registers the flags of journal and returns the function that exports it.
func Command(flags *flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	settings := flags.String("env", ".local/stack.env", "file with the settings of the running stack")
	tenant := flags.String("tenant", "", "whose journal; the stack's demo agency unless named")
	entity := flags.String("entity", "", "paying entity; all of them unless named")
	period := flags.String("period", "", "accounting period, as 2026-09; all of them unless named")
	file := flags.String("out", ".local/journal.ndjson",
		"file for the entries; what is in it is replaced")
	return func(ctx context.Context, out io.Writer) (bool, error) {
		err := exportJournal(ctx, *settings, ident.Tenant(*tenant),
			export{entity: ident.Entity(*entity), period: *period, file: *file, out: out})
		return err == nil, err
	}
}

// exportJournal makes a token for an auditor of the tenant with the stack's signing key, and
// exports the journal with it.
func exportJournal(ctx context.Context, settings string, tenant ident.Tenant, e export) error {
	vars, err := tokens.ReadVars(settings, "AWS_REGION", "FENZHANG_API_URL", "FENZHANG_TENANT",
		"JWT_SECRET_ARN")
	if err != nil {
		return err
	}
	signer, err := tokens.ForStack(ctx, tokens.StackConfig(vars), func(name string) string { return vars[name] })
	if err != nil {
		return err
	}
	// Without a tenant the journal of the demo agency is exported.
	if tenant == "" {
		tenant = ident.Tenant(vars["FENZHANG_TENANT"])
	}
	auditor := func(context.Context) (string, error) {
		return signer.Sign(tokens.Claims{Tenant: tenant, Roles: []string{"auditor"}})
	}
	return e.writeFile(ctx,
		apiclient.New(vars["FENZHANG_API_URL"], auditor, apiclient.WithDevice("journal")))
}
