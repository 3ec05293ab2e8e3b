// Command compute-tax quotes and books settlements from the tax queue, and answers tax questions over HTTP.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"

	"fenzhang/shared/assembly"
	"fenzhang/shared/tax"
	"fenzhang/shared/taxapi"
	"fenzhang/shared/taxpack"
	"fenzhang/shared/trigger"
)

func main() { assembly.Run(build) }

func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	taxes, err := p.Taxes()
	if err != nil {
		return nil, err
	}
	corpus, err := taxpack.Embedded()
	if err != nil {
		return nil, err
	}
	questions := taxapi.API{Corpus: func(context.Context) *tax.Corpus { return corpus }, Directory: p.Directory, Clock: p.Clock}
	return trigger.Mux{
		Queue: p.Tasks(taxes.Do),
		HTTP:  p.API(questions.Routes()...).Serve,
	}, nil
}
