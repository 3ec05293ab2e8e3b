// Command manage-tenants keeps a tenant's master data: paying entities, taxpayers, creators, contracts, reward
// strategies and tax positions.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/trigger"
)

func main() { assembly.Run(build) }

func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	s := &service{store: p.Directory, clock: p.Clock, newID: p.NewID, lookup: p.Secret("LOOKUP_SECRET_ARN").Get, vault: p.Vault()}
	return trigger.Mux{HTTP: p.API(s.routes()...).Serve}, nil
}
