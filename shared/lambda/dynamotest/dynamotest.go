// Package dynamotest gives tests five empty tables of the project's shape, on either of two
// engines: memory, which is fast and where faults can be set, and the local AWS, which speaks
// DynamoDB's protocol. Tests run in memory unless they ask for the local AWS; the promises of a
// store are tested on both. Where the local AWS is not installed, a test that needs it skips and
// says what is missing.
package dynamotest

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"fenzhang/shared/dynamo"
	"fenzhang/shared/dynamo/memdb"
	"fenzhang/shared/lambda/usage"
)

// EndpointVariable names an endpoint to use instead of starting one: that of `make test`, which
// starts one local AWS for all test binaries, or of DynamoDB Local, for a second opinion.
const EndpointVariable = "FENZHANG_TEST_DYNAMODB"

// Local is a client and the names of five empty tables that belong to one test.
type Local struct {
	Client   dynamo.API
	Endpoint string    // of the local AWS; empty in memory
	Memory   *memdb.DB // the engine in memory; nil on the local AWS

	Incentives, Settlements, Ledger, Control, Tenancy string
}

// Open makes the tables in memory, or on the local AWS in the second run of RunBoth.
func Open(t testing.TB) Local {
	t.Helper()
	if onAWS.Load() {
		return AWS(t)
	}
	return Memory(t)
}

// AWS makes the tables on the local AWS and removes them at the end of the test. Unless
// EndpointVariable names one, it is started once for the test binary and ends with it, however that
// ends.
func AWS(t testing.TB) Local {
	t.Helper()
	endpoint := os.Getenv(EndpointVariable)
	skipInMemory(t, endpoint)
	if endpoint == "" {
		s := shared()
		if s.missing != "" {
			t.Skip("needs the local AWS: " + s.missing)
		}
		if s.err != nil {
			t.Fatal(s.err)
		}
		endpoint = s.endpoint
	}
	l := named(strings.ToLower(rand.Text()[:10]) + "-")
	client := Client(endpoint)
	l.Client, l.Endpoint = client, endpoint
	for _, in := range l.tables() {
		create(t, client, in)
	}
	return l
}

// WholeAWS is AWS for tests that also need its other services, such as S3. They skip where
// EndpointVariable names an endpoint that has only DynamoDB.
func WholeAWS(t testing.TB) Local {
	t.Helper()
	skipInMemory(t, os.Getenv(EndpointVariable))
	if endpoint := os.Getenv(EndpointVariable); endpoint != "" && !isReady(endpoint, startLimit) {
		t.Skip("needs the local AWS: " + EndpointVariable + " names an endpoint that has only DynamoDB")
	}
	return AWS(t)
}

// OnlyMemory is the value of EndpointVariable with which tests that need the local AWS skip.
const OnlyMemory = "memory"

func skipInMemory(t testing.TB, endpoint string) {
	t.Helper()
	if endpoint == OnlyMemory {
		t.Skip("needs the local AWS: " + EndpointVariable + " allows only memory")
	}
}

func named(prefix string) Local {
	return Local{Incentives: prefix + "incentives", Settlements: prefix + "settlements",
		Ledger: prefix + "ledger", Control: prefix + "control", Tenancy: prefix + "tenancy"}
}

// Memory makes the tables in an engine of the test's own. What is stored there at the end of the
// test must be in the list of items.
func Memory(t testing.TB) Local {
	t.Helper()
	l, err := InMemory(memdb.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checkItems(t, l) })
	return l
}

// InMemory makes the tables in an engine; programs that are no tests use it.
func InMemory(db *memdb.DB) (Local, error) {
	l := named("")
	l.Client, l.Memory = db, db
	for _, in := range l.tables() {
		if err := db.CreateTable(in); err != nil {
			return l, err
		}
	}
	return l, nil
}

// Both runs a test on each engine, on tables of its own.
func Both(t *testing.T, test func(t *testing.T, l Local)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { test(t, Memory(t)) })
	t.Run("dynamodb", func(t *testing.T) { test(t, AWS(t)) })
}

// onAWS selects the engine of Open. A test binary is one process that runs its tests one time after
// the other; only RunBoth changes it.
var onAWS atomic.Bool

// RunBoth is the TestMain of a package whose tests are promises of a store: it runs all of them in
// memory and then on the local AWS. Tests that need what only one of them has ask for AWS or
// Memory.
func RunBoth(m *testing.M) int {
	failed := m.Run()
	onAWS.Store(true)
	return cmp.Or(failed, m.Run())
}

// Counted gives the same tables by a client that counts capacity for package usage.
func (l Local) Counted() Local {
	if real, ok := l.Client.(*dynamodb.Client); ok {
		l.Client = dynamodb.New(real.Options(), usage.Count)
	} else {
		l.Client = usage.Counted(l.Client)
	}
	return l
}

// Items reads a whole table, in no promised order.
func (l Local) Items(t testing.TB, table string) []map[string]types.AttributeValue {
	t.Helper()
	if l.Memory != nil {
		return slices.Collect(l.Memory.Items(table))
	}
	var all []map[string]types.AttributeValue
	for p := dynamodb.NewScanPaginator(Client(l.Endpoint),
		&dynamodb.ScanInput{TableName: aws.String(table),
			ConsistentRead: aws.Bool(true)}); p.HasMorePages(); {
		page, err := p.NextPage(context.Background()) // also called when the test ends
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Items...)
	}
	return all
}

// Client speaks to an endpoint with keys that no real account has.
func Client(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

func (l Local) tables() []*dynamodb.CreateTableInput {
	settlements := table(l.Settlements)
	settlements.AttributeDefinitions = append(settlements.AttributeDefinitions, text("at"))
	for _, index := range [][2]string{{"by-taxpayer", "tp_pk"}, {"by-creator", "cr_pk"},
		{"by-opening", "op_pk"}} {
		addIndex(settlements, index[0], index[1], "at")
	}
	incentives := table(l.Incentives)
	for _, in := range []*dynamodb.CreateTableInput{incentives, settlements} {
		in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true),
			StreamViewType: types.StreamViewTypeNewImage}
	}
	return []*dynamodb.CreateTableInput{incentives, settlements, table(l.Ledger), table(l.Control),
		table(l.Tenancy)}
}

func table(name string) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName: aws.String(name), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{text("pk"), text("sk")},
		KeySchema:            keySchema("pk", "sk"),
	}
}

func addIndex(in *dynamodb.CreateTableInput, name, pk, sk string) {
	in.AttributeDefinitions = append(in.AttributeDefinitions, text(pk))
	in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
		IndexName: aws.String(name), KeySchema: keySchema(pk, sk),
		Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
	})
}

func text(name string) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: aws.String(name),
		AttributeType: types.ScalarAttributeTypeS}
}

func keySchema(pk, sk string) []types.KeySchemaElement {
	return []types.KeySchemaElement{{AttributeName: aws.String(pk), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sk), KeyType: types.KeyTypeRange}}
}

func create(t testing.TB, client *dynamodb.Client, in *dynamodb.CreateTableInput) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	// the names are random: the table is ours, made by a try whose answer was lost
	var exists *types.ResourceInUseException
	if _, err := client.CreateTable(ctx, in); err != nil && !errors.As(err, &exists) {
		t.Fatalf("create table %s: %v", *in.TableName, err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := client.DeleteTable(ctx,
			&dynamodb.DeleteTableInput{TableName: in.TableName}); err != nil {
			t.Logf("delete table %s: %v", *in.TableName, err)
		}
	})
}
