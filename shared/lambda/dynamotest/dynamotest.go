// Package dynamotest gives tests the five tables of the project, empty, on one of two engines: the
// engine in memory, which is fast and lets a test inject faults, or the local AWS, a server that
// speaks DynamoDB's protocol. Tests use memory unless they ask for the local AWS; the promises of a
// store are tested on both. When the local AWS is not installed, a test that needs it is skipped
// and says what is missing.
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

// EndpointVariable is the environment variable with the endpoint that tests use instead of starting
// a server: `make test` sets it to the one local AWS that it starts for all test binaries, and a
// developer can set it to DynamoDB Local.
const EndpointVariable = "FENZHANG_TEST_DYNAMODB"

// Tables is a client and the names of the five tables, which belong to one test.
type Tables struct {
	Client dynamo.API
	// Endpoint is the address of the local AWS; it is empty in memory.
	Endpoint string
	// Memory is the engine in memory; it is nil on the local AWS.
	Memory *memdb.DB

	Incentives, Settlements, Ledger, Control, Tenancy string
}

// Open makes the tables in memory, or on the local AWS during the second run of
// RunAllOnBothEngines.
func Open(t testing.TB) Tables {
	t.Helper()
	if onAWS.Load() {
		return OpenOnLocalAWS(t)
	}
	return OpenInMemory(t)
}

// OpenOnLocalAWS makes the tables on the local AWS and deletes them at the end of the test. Without
// EndpointVariable, the first call starts one server for the test binary; it ends with the test
// binary, even when that is killed.
func OpenOnLocalAWS(t testing.TB) Tables {
	t.Helper()
	endpoint := os.Getenv(EndpointVariable)
	skipIfOnlyMemory(t, endpoint)
	if endpoint == "" {
		s := sharedServer()
		if s.missing != "" {
			t.Skip("needs the local AWS: " + s.missing)
		}
		if s.err != nil {
			t.Fatal(s.err)
		}
		endpoint = s.endpoint
	}
	l := tableNames(strings.ToLower(rand.Text()[:10]) + "-")
	client := Client(endpoint)
	l.Client, l.Endpoint = client, endpoint
	for _, in := range l.tableInputs() {
		createTable(t, client, in)
	}
	return l
}

// OpenWithOtherServices is OpenOnLocalAWS for tests that also need other services of AWS, such as
// S3. Such a test is skipped when EndpointVariable names an endpoint that has DynamoDB only.
func OpenWithOtherServices(t testing.TB) Tables {
	t.Helper()
	skipIfOnlyMemory(t, os.Getenv(EndpointVariable))
	if endpoint := os.Getenv(EndpointVariable); endpoint != "" && !isReady(endpoint, startLimit) {
		t.Skip("needs the local AWS: " + EndpointVariable + " names an endpoint that has only DynamoDB")
	}
	return OpenOnLocalAWS(t)
}

// OnlyMemory is the value of EndpointVariable with which tests that need the local AWS are skipped.
const OnlyMemory = "memory"

// skipIfOnlyMemory skips the test when EndpointVariable allows memory only.
func skipIfOnlyMemory(t testing.TB, endpoint string) {
	t.Helper()
	if endpoint == OnlyMemory {
		t.Skip("needs the local AWS: " + EndpointVariable + " allows only memory")
	}
}

// tableNames returns the names of the five tables with a prefix.
func tableNames(prefix string) Tables {
	return Tables{Incentives: prefix + "incentives", Settlements: prefix + "settlements",
		Ledger: prefix + "ledger", Control: prefix + "control", Tenancy: prefix + "tenancy"}
}

// OpenInMemory makes the tables in a new engine in memory. At the end of the test it compares what
// is stored there with the list of items (items.txt).
func OpenInMemory(t testing.TB) Tables {
	t.Helper()
	l, err := CreateTables(memdb.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checkItems(t, l) })
	return l
}

// CreateTables makes the tables in an engine in memory, for programs that are no tests.
func CreateTables(db *memdb.DB) (Tables, error) {
	l := tableNames("")
	l.Client, l.Memory = db, db
	for _, in := range l.tableInputs() {
		if err := db.CreateTable(in); err != nil {
			return l, err
		}
	}
	return l, nil
}

// RunOnBothEngines runs a test twice, in memory and on the local AWS, each time with new tables.
func RunOnBothEngines(t *testing.T, test func(t *testing.T, l Tables)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { test(t, OpenInMemory(t)) })
	t.Run("dynamodb", func(t *testing.T) { test(t, OpenOnLocalAWS(t)) })
}

// onAWS selects the engine of Open for the whole test binary; only RunAllOnBothEngines changes it,
// between its two runs.
var onAWS atomic.Bool

// RunAllOnBothEngines is the body of TestMain in a package whose tests are promises of a store: it
// runs all tests in memory and then on the local AWS. A test that needs a feature of one engine
// calls OpenOnLocalAWS or OpenInMemory.
func RunAllOnBothEngines(m *testing.M) int {
	failed := m.Run()
	onAWS.Store(true)
	return cmp.Or(failed, m.Run())
}

// WithCapacityCounted returns the same tables with a client that counts consumed capacity for
// package usage.
func (l Tables) WithCapacityCounted() Tables {
	if real, ok := l.Client.(*dynamodb.Client); ok {
		l.Client = dynamodb.New(real.Options(), usage.CountCapacity)
	} else {
		l.Client = usage.CountingClient(l.Client)
	}
	return l
}

// ReadTable returns all items of a table, in no particular order.
func (l Tables) ReadTable(t testing.TB, table string) []map[string]types.AttributeValue {
	t.Helper()
	if l.Memory != nil {
		return slices.Collect(l.Memory.Items(table))
	}
	var all []map[string]types.AttributeValue
	for p := dynamodb.NewScanPaginator(Client(l.Endpoint),
		&dynamodb.ScanInput{TableName: aws.String(table),
			ConsistentRead: aws.Bool(true)}); p.HasMorePages(); {
		// the context of the test has ended when a cleanup reads the table
		page, err := p.NextPage(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Items...)
	}
	return all
}

// Client returns a client for an endpoint, with credentials that no real account has.
func Client(endpoint string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "us-east-1", BaseEndpoint: aws.String(endpoint),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
}

// tableInputs returns the definitions of the five tables, with the indexes and streams of
// template.yaml.
func (l Tables) tableInputs() []*dynamodb.CreateTableInput {
	// only settlements are listed by other keys than their own
	settlements := tableInput(l.Settlements)
	settlements.AttributeDefinitions = append(settlements.AttributeDefinitions, stringAttribute("at"))
	for _, index := range [][2]string{{"by-taxpayer", "tp_pk"}, {"by-creator", "cr_pk"},
		{"by-opening", "op_pk"}} {
		addIndex(settlements, index[0], index[1], "at")
	}
	incentives := tableInput(l.Incentives)
	for _, in := range []*dynamodb.CreateTableInput{incentives, settlements} {
		// accrue-incentive and relay-changes read these two streams
		in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true),
			StreamViewType: types.StreamViewTypeNewImage}
	}
	return []*dynamodb.CreateTableInput{incentives, settlements, tableInput(l.Ledger),
		tableInput(l.Control),
		tableInput(l.Tenancy)}
}

// tableInput returns the definition of a table with the keys pk and sk.
func tableInput(name string) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName: aws.String(name), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{stringAttribute("pk"), stringAttribute("sk")},
		KeySchema:            keySchema("pk", "sk"),
	}
}

// addIndex adds a global secondary index that holds keys only.
func addIndex(in *dynamodb.CreateTableInput, name, pk, sk string) {
	in.AttributeDefinitions = append(in.AttributeDefinitions, stringAttribute(pk))
	in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
		IndexName: aws.String(name), KeySchema: keySchema(pk, sk),
		Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
	})
}

// stringAttribute defines a key attribute of type S.
func stringAttribute(name string) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: aws.String(name),
		AttributeType: types.ScalarAttributeTypeS}
}

// keySchema returns the keys of a table or an index.
func keySchema(pk, sk string) []types.KeySchemaElement {
	return []types.KeySchemaElement{{AttributeName: aws.String(pk), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sk), KeyType: types.KeyTypeRange}}
}

// createTable makes a table on the local AWS and deletes it at the end of the test.
func createTable(t testing.TB, client *dynamodb.Client, in *dynamodb.CreateTableInput) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	// table names are random, so an existing table was made by an earlier try whose answer was lost
	var exists *types.ResourceInUseException
	if _, err := client.CreateTable(ctx, in); err != nil && !errors.As(err, &exists) {
		t.Fatalf("create table %s: %v", *in.TableName, err)
	}
	t.Cleanup(func() {
		// the context of the test has ended when its cleanups run
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if _, err := client.DeleteTable(ctx,
			&dynamodb.DeleteTableInput{TableName: in.TableName}); err != nil {
			t.Logf("delete table %s: %v", *in.TableName, err)
		}
	})
}
