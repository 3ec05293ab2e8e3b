package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"fenzhang/local/dynamotest"
	"fenzhang/shared/env"
)

func TestMissingVariablesAreNamed(t *testing.T) {
	_, err := wire(context.Background(), env.From(func(string) string { return "" }), slog.New(slog.NewJSONHandler(io.Discard, nil)))
	if err == nil || !strings.Contains(err.Error(), "AUDIT_BUCKET") || !strings.Contains(err.Error(), "SIGNING_SECRET_ARN") {
		t.Errorf("got %v", err)
	}
}

// TestSampleEvent sends event.json through the whole function on the local AWS, twice, and reads the record back.
func TestSampleEvent(t *testing.T) {
	l := dynamotest.WholeAWS(t)
	ctx := context.Background()
	cfg := aws.Config{Region: "us-east-1", BaseEndpoint: aws.String(l.Endpoint), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")}
	bucket := strings.TrimSuffix(l.Control, "-control") + "-audit"
	if _, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket, ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	secret, err := secretsmanager.NewFromConfig(cfg).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String(bucket + "-signing"), SecretString: aws.String(strings.Repeat("0123456789ABCDEF", 4))})
	if err != nil {
		t.Fatal(err)
	}
	mux := assemble(cfg, "local", l.Control, bucket, *secret.ARN, slog.New(slog.NewJSONHandler(io.Discard, nil)))
	event, err := os.ReadFile("event.json")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		out, err := mux.Invoke(ctx, event)
		if err != nil || string(out) != `{"batchItemFailures":[]}` {
			t.Fatalf("answered %s %v", out, err)
		}
	}
	read := `{"rawPath":"/v1/audit/records/01k9z7b1qe6m3v8r0c5d2t4w9x","requestContext":{"requestId":"r","http":{"method":"GET","path":"/"},"authorizer":{"lambda":{"tenant":"demo","sub":"auditor@demo","roles":"auditor","exp":"32503680000"}}}}`
	out, err := mux.Invoke(ctx, []byte(read))
	if err != nil {
		t.Fatal(err)
	}
	var res struct {
		StatusCode int    `json:"statusCode"`
		Body       string `json:"body"`
	}
	if err := json.Unmarshal(out, &res); err != nil || res.StatusCode != 200 || !strings.Contains(res.Body, `"index":0`) {
		t.Errorf("answered %s %v", out, err)
	}
}
