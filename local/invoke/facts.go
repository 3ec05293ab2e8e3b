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

// Paths whose samples name something that each running stack has of its own.
const (
	callbacks    = "/v1/payouts/callbacks/"
	auditRecords = "/v1/audit/records/"
)

// fillNotice puts the notice of a payment that was really made into a callback: only the stand-in
// can sign it.
func (s *stack) fillNotice(ctx context.Context, ev object, gateway string) error {
	address := s.vars["GATEWAY_"+strings.ToUpper(gateway)+"_URL"]
	var report struct {
		Bills []struct {
			Key   string `json:"out_bill_no"`
			State string `json:"state"`
		} `json:"bills"`
	}
	if err := get(ctx, address+"/control/bills", &report); err != nil {
		return err
	}
	for _, bill := range report.Bills {
		if bill.State != "SUCCESS" {
			continue
		}
		var notice struct {
			Header map[string]string `json:"header"`
			Body   string            `json:"body"`
		}
		if err := get(ctx, address+"/control/bills/"+bill.Key+"/notice", &notice); err != nil {
			return err
		}
		for name, value := range notice.Header {
			at(ev, "headers")[strings.ToLower(name)] = value
		}
		ev["body"] = notice.Body
		return nil
	}
	return errors.New("no payment was made through this gateway yet; play the demo first (make run)")
}

func get(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }() // it was read to its end
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: status %d", address, res.StatusCode)
	}
	return json.NewDecoder(res.Body).Decode(into)
}

// fillAuditRecord asks for a record that lies in the tenant's evidence: ids of records are random.
func (s *stack) fillAuditRecord(ctx context.Context, ev object) error {
	tenant, _ := at(ev, "requestContext", "authorizer", "lambda")["tenant"].(string)
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
			id := strings.TrimPrefix(pk.Value, prefix)
			ev["rawPath"] = auditRecords + id
			at(ev, "requestContext", "http")["path"] = auditRecords + id
			at(ev, "pathParameters")["id"] = id
			return nil
		}
	}
	return errors.New("the stack holds no audit record yet; play the demo first (make run)")
}

// fillChange brings the item that a stream's record names as it is in its table now.
func (s *stack) fillChange(ctx context.Context, record object) error {
	source, _ := record["eventSourceARN"].(string)
	table, err := s.tableOf(source)
	if err != nil {
		return err
	}
	change := at(record, "dynamodb")
	keys := map[string]ddb.AttributeValue{}
	for _, name := range []string{"pk", "sk"} {
		value, _ := at(change, "Keys", name)["S"].(string)
		keys[name] = &ddb.AttributeValueMemberS{Value: value}
	}
	got, err := dynamodb.NewFromConfig(s.aws).GetItem(ctx,
		&dynamodb.GetItemInput{TableName: &table, Key: keys})
	if err != nil {
		return err
	}
	if got.Item == nil {
		return fmt.Errorf("%s has no item %v; play the demo first (make run)", table, at(change, "Keys"))
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

// tableOf is the running stack's table for the one in a stream's ARN,
// .../table/fenzhang-settlements/stream/...
func (s *stack) tableOf(arn string) (string, error) {
	_, rest, _ := strings.Cut(arn, ":table/")
	name, _, _ := strings.Cut(rest, "/")
	table := s.vars["TABLE_"+strings.ToUpper(name[strings.LastIndexByte(name, '-')+1:])]
	if table == "" {
		return "", fmt.Errorf("the stack has no table for the stream %s", arn)
	}
	return table, nil
}

// streamImage writes an item as a stream does.
func streamImage(item map[string]ddb.AttributeValue) (object, error) {
	image := object{}
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

// fillUpload hands the national pack in under the key that the sample names, signed with the key
// that the stack trusts. It is the pack that is in force anyway, and stays a draft.
func (s *stack) fillUpload(ctx context.Context, record object) error {
	bucket := s.vars["RULES_BUCKET"]
	at(record, "s3", "bucket")["name"] = bucket
	at(record, "s3", "object")["sequencer"] = newID()
	escaped, _ := at(record, "s3", "object")["key"].(string)
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

// publisherKey is the key that make up makes for signing policy packs.
var publisherKey = filepath.Join(".local", "run", "rules-publisher.key")

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
