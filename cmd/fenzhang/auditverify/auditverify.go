// Package auditverify fetches the evidence of a running stack and checks it as an auditor would:
// with the files and the public key alone.
package auditverify

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"fenzhang/local/tokens"
	"fenzhang/shared/audit"
	"fenzhang/shared/lambda/awsclient"
	"fenzhang/shared/vault/sm2signer"
)

// Command registers the flags of audit-verify. The last line that the returned function prints is
// "N passed, N failed".
func Command(flags *flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	settings := flags.String("env", ".local/stack.env", "file with the settings of the running stack")
	dir := flags.String("dir", ".local/evidence",
		"folder for the fetched evidence; what is in it is replaced")
	return func(ctx context.Context, out io.Writer) (bool, error) {
		return verify(ctx, *settings, *dir, out)
	}
}

// verify fetches, exports the public key and checks; it returns whether all passed.
func verify(ctx context.Context, settings, dir string, out io.Writer) (bool, error) {
	vars, err := tokens.Vars(settings, "AWS_REGION", "AUDIT_BUCKET", "SIGNING_SECRET_ARN",
		"QUEUE_AUDIT_URL")
	if err != nil {
		return false, err
	}
	cfg := aws.Config{
		Region: vars["AWS_REGION"],
		Credentials: credentials.NewStaticCredentialsProvider(vars["AWS_ACCESS_KEY_ID"],
			vars["AWS_SECRET_ACCESS_KEY"], ""),
	}
	if endpoint := vars["AWS_ENDPOINT_URL"]; endpoint != "" {
		cfg.BaseEndpoint = &endpoint
	}
	if err := waitQuiet(ctx, sqs.NewFromConfig(cfg), vars["QUEUE_AUDIT_URL"], out); err != nil {
		return false, err
	}
	keyFile := filepath.Clean(dir) + ".pem"
	public, err := exportKey(ctx, secretsmanager.NewFromConfig(cfg), vars["SIGNING_SECRET_ARN"],
		keyFile)
	if err != nil {
		return false, err
	}
	odd, err := fetch(ctx, newS3(cfg), vars["AUDIT_BUCKET"], dir)
	if err != nil {
		return false, err
	}
	report, err := audit.Check(os.DirFS(dir), public)
	if err != nil {
		return false, err
	}
	report.Findings = append(report.Findings, odd...)
	report.Failed += len(odd)
	_, _ = fmt.Fprintf(out,
		"evidence in %s, public key in %s; the same check by hand:\n  go run ./cmd/fenzhang-verify %s "+
			"-key %s\n", dir, keyFile, dir, keyFile)
	return report.Print(out)
}

// exportKey writes the public key of the signing secret. Only the stack's operator can do this; who
// checks gets the file.
func exportKey(ctx context.Context, client awsclient.SecretsAPI, arn,
	path string) (*sm2signer.Public, error) {
	secret, err := awsclient.Secret(ctx, client, arn)
	if err != nil {
		return nil, err
	}
	signer, err := sm2signer.FromSecret(secret)
	if err != nil {
		return nil, err
	}
	text, err := signer.Public().PEM()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	return signer.Public(), os.WriteFile(path, text, 0o644)
}

// quietLimit is how long the queue may take to run empty.
const quietLimit = 2 * time.Minute

// counter is the part of SQS that is called.
type counter interface {
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput,
		...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// waitQuiet waits until no record is on its way, because a batch that is just being sealed has no
// head yet.
func waitQuiet(ctx context.Context, client counter, url string, out io.Writer) error {
	deadline := time.Now().Add(quietLimit)
	for said := false; ; said = true {
		res, err := client.GetQueueAttributes(ctx,
			&sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{
				types.QueueAttributeNameApproximateNumberOfMessages,
				types.QueueAttributeNameApproximateNumberOfMessagesNotVisible}})
		if err != nil {
			return fmt.Errorf("look at the audit queue: %w", err)
		}
		waiting := 0
		for _, v := range res.Attributes {
			n, err := strconv.Atoi(v)
			if err != nil {
				return fmt.Errorf("look at the audit queue: %w", err)
			}
			waiting += n
		}
		if waiting == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d audit records are still in the queue after %s", waiting, quietLimit)
		}
		if !said {
			_, _ = fmt.Fprintf(out, "waiting for %d audit records in the queue\n", waiting)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}
