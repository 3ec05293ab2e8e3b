package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"fenzhang/rules"
	"fenzhang/shared/dynamo/keys"
	"fenzhang/shared/ident"
	"fenzhang/shared/law/rulepack"
	"fenzhang/shared/vault/sm2signer/keyfile"
)

// Paths whose samples refer to objects that differ in each running stack.
const (
	callbacks    = "/v1/payouts/callbacks/"
	auditRecords = "/v1/audit/records/"
)

// fillPaymentNotice replaces the sample's payment notice by a notice of a payment that the
// gateway's stand-in has really made: only the stand-in can sign a notice.
func (s *stack) fillPaymentNotice(ctx context.Context, ev jsonObject, gateway string) error {
	address := s.vars["GATEWAY_"+strings.ToUpper(gateway)+"_URL"]
	var report struct {
		Bills []struct {
			Key   string `json:"out_bill_no"`
			State string `json:"state"`
		} `json:"bills"`
	}
	if err := getJSON(ctx, address+"/control/bills", &report); err != nil {
		return err
	}
	for _, bill := range report.Bills {
		// only the notice of a payment that has succeeded changes a settlement
		if bill.State != "SUCCESS" {
			continue
		}
		var notice struct {
			Header map[string]string `json:"header"`
			Body   string            `json:"body"`
		}
		if err := getJSON(ctx, address+"/control/bills/"+bill.Key+"/notice", &notice); err != nil {
			return err
		}
		for name, value := range notice.Header {
			child(ev, "headers")[strings.ToLower(name)] = value
		}
		ev["body"] = notice.Body
		return nil
	}
	return errors.New("no payment was made through this gateway yet; play the demo first (make run)")
}

// getJSON reads a JSON document from a URL.
func getJSON(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // the body was read to its end
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: status %d", address, res.StatusCode)
	}
	return json.NewDecoder(res.Body).Decode(into)
}

// fillAuditRecord replaces the id in the sample's path by the id of an audit record of the running
// stack, because these ids are random.
func (s *stack) fillAuditRecord(ctx context.Context, ev jsonObject) error {
	tenant, _ := child(ev, "requestContext", "authorizer", "lambda")["tenant"].(string)
	prefix := keys.AuditRecord(ident.Tenant(tenant), "").PK
	table := s.vars["TABLE_CONTROL"]
	pages := dynamodb.NewScanPaginator(dynamodb.NewFromConfig(s.aws), &dynamodb.ScanInput{
		TableName: &table, FilterExpression: aws.String("begins_with(pk, :prefix)"),
		ExpressionAttributeValues: map[string]ddb.AttributeValue{
			":prefix": &ddb.AttributeValueMemberS{Value: prefix}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			pk, ok := item["pk"].(*ddb.AttributeValueMemberS)
			if !ok {
				continue
			}
			// any record will do: the sample only shows the route
			id := strings.TrimPrefix(pk.Value, prefix)
			ev["rawPath"] = auditRecords + id
			child(ev, "requestContext", "http")["path"] = auditRecords + id
			child(ev, "pathParameters")["id"] = id
			return nil
		}
	}
	return errors.New("the stack holds no audit record yet; play the demo first (make run)")
}

// fillStreamRecord replaces the image in a stream record by the present item of the table.
func (s *stack) fillStreamRecord(ctx context.Context, record jsonObject) error {
	source, _ := record["eventSourceARN"].(string)
	table, err := s.tableOfStream(source)
	if err != nil {
		return err
	}
	change := child(record, "dynamodb")
	keys := map[string]ddb.AttributeValue{}
	for _, name := range []string{"pk", "sk"} {
		value, _ := child(change, "Keys", name)["S"].(string)
		keys[name] = &ddb.AttributeValueMemberS{Value: value}
	}
	got, err := dynamodb.NewFromConfig(s.aws).GetItem(ctx,
		&dynamodb.GetItemInput{TableName: &table, Key: keys})
	if err != nil {
		return err
	}
	// the sample names an item of the demo
	if got.Item == nil {
		return fmt.Errorf("%s has no item %v; play the demo first (make run)", table,
			child(change, "Keys"))
	}
	image, err := streamImage(got.Item)
	if err != nil {
		return err
	}
	change["NewImage"] = image
	change["ApproximateCreationDateTime"] = s.now().Unix()
	record["eventID"] = newID()
	return nil
}

// tableOfStream returns the running stack's table for the table in a stream's ARN,
// .../table/fenzhang-settlements/stream/...
func (s *stack) tableOfStream(arn string) (string, error) {
	_, rest, _ := strings.Cut(arn, ":table/")
	name, _, _ := strings.Cut(rest, "/")
	table := s.vars["TABLE_"+strings.ToUpper(name[strings.LastIndexByte(name, '-')+1:])]
	if table == "" {
		return "", fmt.Errorf("the stack has no table for the stream %s", arn)
	}
	return table, nil
}

// streamImage returns an item in the form in which a DynamoDB stream carries it.
func streamImage(item map[string]ddb.AttributeValue) (jsonObject, error) {
	image := jsonObject{}
	for name, value := range item {
		switch v := value.(type) {
		case *ddb.AttributeValueMemberS:
			image[name] = events.NewStringAttribute(v.Value)
		case *ddb.AttributeValueMemberN:
			image[name] = events.NewNumberAttribute(v.Value)
		case *ddb.AttributeValueMemberB:
			image[name] = events.NewBinaryAttribute(v.Value)
		default:
			return nil, fmt.Errorf("attribute %s is a %T", name, value)
		}
	}
	return image, nil
}

// fillUpload uploads the national rule pack under the key of the sample, signed with the key that
// the stack trusts. The pack equals the one in force and stays a draft.
func (s *stack) fillUpload(ctx context.Context, record jsonObject) error {
	bucket := s.vars["RULES_BUCKET"]
	child(record, "s3", "bucket")["name"] = bucket
	child(record, "s3", "object")["sequencer"] = newID()
	// S3 escapes keys in events as in a URL
	escaped, _ := child(record, "s3", "object")["key"].(string)
	key, err := url.QueryUnescape(escaped)
	if err != nil {
		return err
	}
	manifest, err := signedPack(ctx, rules.NationalPack())
	if err != nil {
		return err
	}
	store := s3.NewFromConfig(s.aws, func(o *s3.Options) { o.UsePathStyle = true })
	put := func(name string, data []byte) error {
		_, err := store.PutObject(ctx,
			&s3.PutObjectInput{Bucket: &bucket, Key: &name, Body: bytes.NewReader(data)})
		return err
	}
	err = fs.WalkDir(rules.NationalPack(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(rules.NationalPack(), name)
		if err != nil {
			return err
		}
		return put(path.Dir(key)+"/"+name, data)
	})
	if err != nil {
		return err
	}
	return put(key, manifest)
}

// publisherKey is the file of the key with which `make up` signs rule packs.
var publisherKey = filepath.Join(".local", "run", "rules-publisher.key")

// signedPack returns the signed manifest of a rule pack.
func signedPack(ctx context.Context, files fs.FS) ([]byte, error) {
	text, err := os.ReadFile(publisherKey)
	if err != nil {
		return nil, err
	}
	key, err := keyfile.Parse(text)
	if err != nil {
		return nil, err
	}
	packs, err := rulepack.EmbeddedPacks()
	if err != nil {
		return nil, err
	}
	m, err := rulepack.DescribePack(files, packs)
	if err != nil {
		return nil, err
	}
	if m, err = m.Sign(ctx, key); err != nil {
		return nil, err
	}
	return json.Marshal(m)
}
