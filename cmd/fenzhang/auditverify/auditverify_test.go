package auditverify

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"fenzhang/shared/audit"
	"fenzhang/shared/audit/auditlog"
	"fenzhang/shared/audit/audittest"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/vault/sm2signer"
)

// TestVerifyARunningStack writes evidence on the local AWS and checks it, then lays a forged version over an object
// and marks another as deleted: the locks keep the first versions, and both acts are named.
func TestVerifyARunningStack(t *testing.T) {
	l := dynamotest.OpenWithOtherServices(t)
	ctx := context.Background()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(l.Endpoint), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	bucket, secret := strings.TrimSuffix(l.Control, "-control")+"-audit", strings.Repeat("0123456789ABCDEF", 4)
	client := newS3(cfg)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket, ObjectLockEnabledForBucket: aws.Bool(true)})
	must(err)
	arn, err := secretsmanager.NewFromConfig(cfg).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String(bucket + "-signing"), SecretString: &secret})
	must(err)
	queue, err := sqs.NewFromConfig(cfg).CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String(bucket)})
	must(err)
	settings := filepath.Join(t.TempDir(), "stack.env")
	must(os.WriteFile(settings, fmt.Appendf(nil, "AWS_ENDPOINT_URL=%s\nAWS_REGION=us-east-1\nAWS_ACCESS_KEY_ID=test\nAWS_SECRET_ACCESS_KEY=test\nAUDIT_BUCKET=%s\nSIGNING_SECRET_ARN=%s\nQUEUE_AUDIT_URL=%s\n",
		l.Endpoint, bucket, *arn.ARN, *queue.QueueUrl), 0o644))
	signer, err := sm2signer.FromSecret(secret)
	must(err)
	index := auditlog.NewIndex(l.Client, l.Control)
	w := audit.Writer{Objects: auditlog.NewBucket(client, bucket, types.ObjectLockModeGovernance), Index: index, Signer: signer,
		Until: auditlog.LockFor("local", time.Now).Until, Now: time.Now}
	for i := range 3 {
		must(w.Write(ctx, "demo", []audit.Entry{audittest.Entry(t, "demo", fmt.Sprintf("r%d", 2*i)), audittest.Entry(t, "demo", fmt.Sprintf("r%d", 2*i+1))}))
	}
	dir := filepath.Join(t.TempDir(), "evidence")
	check := func(want bool, last string, says ...string) {
		t.Helper()
		var out bytes.Buffer
		ok, err := verifyStack(ctx, settings, dir, &out)
		must(err)
		for _, s := range append(says, last) {
			if !strings.Contains(out.String(), s) {
				t.Errorf("does not say %q:\n%s", s, out.String())
			}
		}
		if ok != want || !strings.HasSuffix(out.String(), last+"\n") {
			t.Errorf("passed = %v:\n%s", ok, out.String())
		}
	}
	check(true, "9 passed, 0 failed", "demo: 6 records in 3 batches")
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("demo/000000000002.ndjson"), Body: strings.NewReader("forged\n")})
	must(err)
	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String("demo/000000000003.ndjson")})
	must(err)
	check(false, "9 passed, 2 failed", "000000000002.ndjson: added", "000000000003.ndjson: missing")
}
