// Package auditverify fetches the audit evidence of a running stack and checks it as an auditor
// would: with the files and the public key alone.
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

	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"fenzhang/local/tokens"
	"fenzhang/shared/audit"
	"fenzhang/shared/lambda/awsclient"
	"fenzhang/shared/vault/sm2signer"
)

// Command registers the flags of audit-verify and returns the function that checks the stack. The
// last line that it prints is "N passed, N failed".
func Command(flags *flag.FlagSet) func(context.Context, io.Writer) (bool, error) {
	settings := flags.String("env", ".local/stack.env", "file with the settings of the running stack")
	dir := flags.String("dir", ".local/evidence",
		"folder for the fetched evidence; what is in it is replaced")
	return func(ctx context.Context, out io.Writer) (bool, error) {
		return verifyStack(ctx, *settings, *dir, out)
	}
}

// verifyStack waits until all records are sealed, fetches the evidence and the public key, checks
// both, and returns whether all checks passed.
func verifyStack(ctx context.Context, settings, dir string, out io.Writer) (bool, error) {
	vars, err := tokens.ReadVars(settings, "AWS_REGION", "AUDIT_BUCKET", "SIGNING_SECRET_ARN",
		"QUEUE_AUDIT_URL")
	if err != nil {
		return false, err
	}
	cfg := tokens.StackConfig(vars)
	if err := waitUntilQueueEmpty(ctx, sqs.NewFromConfig(cfg), vars["QUEUE_AUDIT_URL"],
		out); err != nil {
		return false, err
	}
	keyFile := filepath.Clean(dir) + ".pem"
	public, err := exportKey(ctx, secretsmanager.NewFromConfig(cfg), vars["SIGNING_SECRET_ARN"],
		keyFile)
	if err != nil {
		return false, err
	}
	odd, err := fetchEvidence(ctx, newS3(cfg), vars["AUDIT_BUCKET"], dir)
	if err != nil {
		return false, err
	}
	report, err := audit.Check(os.DirFS(dir), public)
	if err != nil {
		return false, err
	}
	// Additional versions of objects are faults that the files alone do not show.
	report.Findings = append(report.Findings, odd...)
	report.Failed += len(odd)
	_, _ = fmt.Fprintf(out,
		"evidence in %s, public key in %s; the same check by hand:\n  go run ./cmd/fenzhang-verify %s "+
			"-key %s\n", dir, keyFile, dir, keyFile)
	return report.Print(out)
}

// exportKey derives the public key from the signing secret and writes it to a file. Only the
// stack's operator can read the secret; an auditor receives the file.
func exportKey(ctx context.Context, client awsclient.SecretsAPI, arn,
	path string) (*sm2signer.Public, error) {
	secret, err := awsclient.ReadSecret(ctx, client, arn)
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

// queueTimeout is the longest time that the queue may take to become empty.
const queueTimeout = 2 * time.Minute

// queueAttributesAPI is the part of the SQS client that is used.
type queueAttributesAPI interface {
	GetQueueAttributes(context.Context, *sqs.GetQueueAttributesInput,
		...func(*sqs.Options)) (*sqs.GetQueueAttributesOutput, error)
}

// waitUntilQueueEmpty waits until no audit record is in the queue, because a batch that is being
// sealed has no signed head yet.
func waitUntilQueueEmpty(ctx context.Context, client queueAttributesAPI, url string,
	out io.Writer) error {
	deadline := time.Now().Add(queueTimeout)
	for printed := false; ; printed = true {
		waiting, err := countMessages(ctx, client, url)
		if err != nil || waiting == 0 {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d audit records are still in the queue after %s", waiting, queueTimeout)
		}
		if !printed {
			_, _ = fmt.Fprintf(out, "waiting for %d audit records in the queue\n", waiting)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// countMessages returns the number of messages in a queue, those that a function is handling
// included.
func countMessages(ctx context.Context, client queueAttributesAPI, url string) (int, error) {
	res, err := client.GetQueueAttributes(ctx,
		&sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages,
			types.QueueAttributeNameApproximateNumberOfMessagesNotVisible}})
	if err != nil {
		return 0, fmt.Errorf("look at the audit queue: %w", err)
	}
	waiting := 0
	for _, v := range res.Attributes {
		n, err := strconv.Atoi(v)
		if err != nil {
			return 0, fmt.Errorf("look at the audit queue: %w", err)
		}
		waiting += n
	}
	return waiting, nil
}
