// Command compute-tax quotes and books settlements from the tax queue, and answers tax questions over HTTP.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/shadowapi"
	"fenzhang/shared/tax"
	"fenzhang/shared/taxapi"
	"fenzhang/shared/trigger"
)

func main() { assembly.Run(build) }

func build(ctx context.Context, p *assembly.Parts) (lambda.Handler, error) {
	taxes, err := p.Taxes(ctx)
	if err != nil {
		return nil, err
	}
	corpus := func(ctx context.Context) *tax.Corpus { return taxes.Rules.Current(ctx).Corpus }
	questions := taxapi.API{Corpus: corpus, Directory: p.Directory, Clock: p.Clock}
	comparisons := shadowapi.API{Store: taxes.Shadows.Store}
	return trigger.Mux{
		Queue: p.Tasks(taxes.Do),
		HTTP:  p.API(append(questions.Routes(), comparisons.Routes()...)...).Serve,
	}, nil
}
