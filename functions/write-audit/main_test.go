package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"fenzhang/shared/audit/auditlog"
	"fenzhang/shared/lambda/contracttest"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/trigger/triggertest"
)

func TestRoutesAreTheContracts(t *testing.T) {
	contracttest.CheckServedRoutes(t, "write-audit", auditlog.Routes(nil))
}

func TestMissingVariablesAreNamed(t *testing.T) {
	_, err := buildTriggers(context.Background(), env.ReadFrom(func(string) string { return "" }), slog.New(slog.NewJSONHandler(io.Discard, nil)))
	if err == nil || !strings.Contains(err.Error(), "AUDIT_BUCKET") || !strings.Contains(err.Error(), "SIGNING_SECRET_ARN") {
		t.Errorf("got %v", err)
	}
}

// TestSamples sends the samples through the whole function on the local AWS: a record is sealed once, however often its
// message comes, and is then read.
func TestSamples(t *testing.T) {
	l := dynamotest.OpenWithOtherServices(t)
	ctx := t.Context()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(l.Endpoint), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	bucket := strings.TrimSuffix(l.Control, "-control") + "-audit"
	if _, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	secret, err := secretsmanager.NewFromConfig(cfg).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String(bucket + "-signing"), SecretString: aws.String(strings.Repeat("0123456789ABCDEF", 4))})
	if err != nil {
		t.Fatal(err)
	}
	mux := assembleTriggers(cfg, "local", l.Control, bucket, *secret.ARN, slog.New(slog.NewJSONHandler(io.Discard, nil)))
	if _, err := mux.Invoke(ctx, triggertest.ReadSample(t, "event-queue.json")); err != nil {
		t.Fatal(err)
	}
	triggertest.RunSamples(t, mux, map[string]triggertest.Check{
		"event-queue.json": triggertest.ExpectNoFailures,
		"event.json": func(t *testing.T, event, answer []byte) {
			triggertest.ExpectStatus(http.StatusOK)(t, event, answer)
			if !strings.Contains(string(answer), `\"index\":0`) {
				t.Errorf("the record is not the first of its chain: %s", answer)
			}
		},
	})
}
