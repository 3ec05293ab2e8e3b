// Command manage-tenants keeps a tenant's master data: paying entities, taxpayers, creators, contracts, reward
// strategies and tax positions.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/tax"
	"fenzhang/shared/trigger"
)

func main() { assembly.Run(build) }

func build(ctx context.Context, p *assembly.Parts) (lambda.Handler, error) {
	rules, err := p.Rules(ctx)
	if err != nil {
		return nil, err
	}
	corpus := func(ctx context.Context) *tax.Corpus { return rules.Current(ctx).Corpus }
	s := &service{corpus: corpus, store: p.Directory, clock: p.Clock, newID: p.NewID, lookup: p.Secret("LOOKUP_SECRET_ARN").Get, vault: p.Vault()}
	return trigger.Mux{HTTP: p.API(s.routes()...).Serve}, nil
}
