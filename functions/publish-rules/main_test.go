package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/local/dynamotest"
	"fenzhang/rules"
	"fenzhang/shared/env"
	"fenzhang/shared/ids"
	"fenzhang/shared/rulepack"
	"fenzhang/shared/trigger"
)

func TestMissingVariablesAreNamed(t *testing.T) {
	_, err := wire(context.Background(), env.From(func(string) string { return "" }), slog.New(slog.NewJSONHandler(io.Discard, nil)))
	if err == nil || !strings.Contains(err.Error(), "RULES_BUCKET") {
		t.Errorf("got %v", err)
	}
}

// stage is the function on the local AWS with the national pack copied to where event.json says.
type stage struct {
	t      *testing.T
	l      dynamotest.Local
	s3     *s3.Client
	bucket string
	event  []byte
	mux    trigger.Mux
}

const folder = "incoming/national 2026/"

func open(t *testing.T) *stage {
	l := dynamotest.Open(t)
	if os.Getenv(dynamotest.EndpointVariable) != "" {
		t.Skip("needs the local AWS: " + dynamotest.EndpointVariable + " names an endpoint without S3")
	}
	event, err := os.ReadFile("event.json")
	if err != nil {
		t.Fatal(err)
	}
	client := s3.New(s3.Options{Region: "us-east-1", BaseEndpoint: aws.String(l.Endpoint), UsePathStyle: true, Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
	s := &stage{t: t, l: l, s3: client, bucket: strings.TrimSuffix(l.Control, "-control") + "-rules", event: event}
	if _, err := client.CreateBucket(context.Background(), &s3.CreateBucketInput{Bucket: &s.bucket}); err != nil {
		t.Fatal(err)
	}
	s.mux = trigger.Mux{Objects: publisher{Objects: client, DB: l.Client, Bucket: s.bucket, Tenancy: l.Tenancy, Settlements: l.Settlements,
		Log: slog.New(slog.NewJSONHandler(io.Discard, nil)), Now: time.Now, NewID: ids.Source(time.Now)}.Handle}
	m, err := rulepack.Describe(rules.National())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range m.Files {
		data, err := fs.ReadFile(rules.National(), f.Path)
		if err != nil {
			t.Fatal(err)
		}
		s.put(folder+f.Path, data)
	}
	s.manifest(m)
	return s
}

func (s *stage) put(key string, body []byte) {
	s.t.Helper()
	if _, err := s.s3.PutObject(context.Background(), &s3.PutObjectInput{Bucket: &s.bucket, Key: &key, Body: bytes.NewReader(body)}); err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) manifest(m rulepack.Manifest) {
	s.t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		s.t.Fatal(err)
	}
	s.put(folder+rulepack.ManifestName, raw)
}

func (s *stage) items(table string) int {
	s.t.Helper()
	out, err := s.l.Client.Scan(context.Background(), &dynamodb.ScanInput{TableName: &table})
	if err != nil {
		s.t.Fatal(err)
	}
	return int(out.Count)
}

func TestGoodPackIsStoredOnce(t *testing.T) {
	s := open(t)
	for range 2 { // S3 may tell twice
		if _, err := s.mux.Invoke(context.Background(), s.event); err != nil {
			t.Fatal(err)
		}
	}
	if packs, acts := s.items(s.l.Tenancy), s.items(s.l.Settlements); packs != 1 || acts != 1 {
		t.Errorf("%d packs recorded, %d acts told", packs, acts)
	}
	list, err := s.s3.ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: aws.String("packs/national/")})
	if err != nil || len(list.Contents) != 1 {
		t.Errorf("%d archives, %v", len(list.Contents), err)
	}
}

func TestSpoiledPackIsRefusedAndLeavesNothing(t *testing.T) {
	s := open(t)
	s.put(folder+"manifest.yaml", []byte("pack: national\nversion: other\n"))
	if _, err := s.mux.Invoke(context.Background(), s.event); err == nil || !strings.Contains(err.Error(), "is not the file of the manifest") {
		t.Errorf("got %v", err)
	}
	list, err := s.s3.ListObjectsV2(context.Background(), &s3.ListObjectsV2Input{Bucket: &s.bucket, Prefix: aws.String("packs/")})
	if err != nil || len(list.Contents) != 0 || s.items(s.l.Tenancy) != 0 || s.items(s.l.Settlements) != 0 {
		t.Errorf("%d archives, %v; %d packs", len(list.Contents), err, s.items(s.l.Tenancy))
	}
}

func TestStoredVersionNeverChanges(t *testing.T) {
	s := open(t)
	if _, err := s.mux.Invoke(context.Background(), s.event); err != nil {
		t.Fatal(err)
	}
	const file = "rounding.yaml"
	data, err := fs.ReadFile(rules.National(), file)
	if err != nil {
		t.Fatal(err)
	}
	data = append(data, "# one more remark\n"...)
	s.put(folder+file, data)
	m, err := rulepack.Describe(changed{file: file, data: data})
	if err != nil {
		t.Fatal(err)
	}
	s.manifest(m)
	if _, err := s.mux.Invoke(context.Background(), s.event); err == nil || !strings.Contains(err.Error(), "raise the version") {
		t.Errorf("got %v", err)
	}
}

// changed is the national pack with one other file.
type changed struct {
	file string
	data []byte
}

func (c changed) Open(name string) (fs.File, error) { return rules.National().Open(name) }

func (c changed) ReadFile(name string) ([]byte, error) {
	if name == c.file {
		return c.data, nil
	}
	return fs.ReadFile(rules.National(), name)
}
