// Command render-statements serves the routes of statements and certificates: it renders the
// documents and records how a statement is sent, confirmed, accepted or disputed.
package main

import (
	"context"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/shared/assembly"
	"fenzhang/shared/lambda/trigger"
	"fenzhang/shared/statement"
	"fenzhang/shared/statement/printing"
	"fenzhang/shared/statement/statementapi"
	"fenzhang/shared/statement/statementbucket"
)

func main() { assembly.Run(build) }

// build assembles the handler of the statement routes, with the documents in an S3 bucket.
func build(_ context.Context, p *assembly.Parts) (lambda.Handler, error) {
	bucket := &statementbucket.Bucket{S3: s3.NewFromConfig(p.AWS, func(o *s3.Options) {
		o.UsePathStyle = p.AWS.BaseEndpoint != nil
	}),
		Name: p.Vars.Need("DOCUMENTS_BUCKET"), Font: p.Vars.Need("FONT_KEY"),
		FontSHA256: p.Vars.Need("FONT_SHA256")}
	statements := p.StatementService()
	statements.Documents = &statement.Documents{Files: bucket,
		Typesetter: &printing.Typesetter{ReadFont: bucket.ReadFont}, Now: p.Clock.Now}
	return trigger.Mux{
		HTTP: p.NewAPI(statementapi.API{Statements: statements}.Routes()...).AnswerEvent}, nil
}
