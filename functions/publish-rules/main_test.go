package main

import (
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/rules"
	"fenzhang/shared/clock/ids"
	"fenzhang/shared/lambda/dynamotest"
	"fenzhang/shared/lambda/env"
	"fenzhang/shared/lambda/trigger/triggertest"
	"fenzhang/shared/law/publish"
	"fenzhang/shared/law/publish/publishapi"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/law/ruleset/rulesetdb"
	"fenzhang/shared/law/ruletest"
)

func TestMissingVariablesAreNamed(t *testing.T) {
	_, err := buildPublisher(context.Background(), env.ReadFrom(func(string) string { return "" }), slog.New(slog.NewJSONHandler(io.Discard, nil)))
	if err == nil || !strings.Contains(err.Error(), "RULES_BUCKET") {
		t.Errorf("got %v", err)
	}
}

// copied is a bucket into which the national pack was copied, to where event.json says.
func copied(t *testing.T, l dynamotest.Tables) (*rulesetdb.Store, rulepack.Trusted) {
	t.Helper()
	client := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: aws.String(l.Endpoint), UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	bucket := strings.TrimSuffix(l.Control, "-control") + "-rules"
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	put := func(name string, body io.Reader) error {
		_, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: aws.String("incoming/national 2026/" + name), Body: body})
		return err
	}
	key, trusted, err := ruletest.NewTrustedKey()
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := ruletest.SignManifest(t.Context(), rules.NationalPack(), key, rulepack.Draft)
	if err != nil {
		t.Fatal(err)
	}
	if err := put(rulepack.ManifestName, strings.NewReader(string(manifest))); err != nil {
		t.Fatal(err)
	}
	err = fs.WalkDir(rules.NationalPack(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(rules.NationalPack(), name)
		if err != nil {
			return err
		}
		return put(name, strings.NewReader(string(data)))
	})
	if err != nil {
		t.Fatal(err)
	}
	return &rulesetdb.Store{Objects: client, DB: l.Client, Bucket: bucket, Tenancy: l.Tenancy, Settlements: l.Settlements}, trusted
}

func TestSamples(t *testing.T) {
	store, trusted := copied(t, dynamotest.OpenWithOtherServices(t))
	p := publish.New(store, trusted, slog.New(slog.DiscardHandler), time.Now, ids.NewSource(time.Now))
	triggertest.RunSamples(t, publishapi.API{Publisher: p}.Triggers(), map[string]triggertest.Check{
		"event.json": triggertest.ExpectEmptyAnswer,
		"event-order.json": func(t *testing.T, _, answer []byte) {
			var r publish.Report
			if err := json.Unmarshal(answer, &r); err != nil || len(r.Packs) != 1 || r.Packs[0].Active != "embedded" {
				t.Errorf("answered %s %v", answer, err)
			}
		},
	})
	if versions, err := store.ListVersions(t.Context(), "national"); err != nil || len(versions) != 1 {
		t.Errorf("stored %v, %v", versions, err)
	}
}
