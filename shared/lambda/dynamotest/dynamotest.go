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

// Tables is a client and the names of five empty tables that belong to one test.
type Tables struct {
	Client   dynamo.API
	Endpoint string    // of the local AWS; empty in memory
	Memory   *memdb.DB // the engine in memory; nil on the local AWS

	Incentives, Settlements, Ledger, Control, Tenancy string
}

// Open makes the tables in memory, or on the local AWS in the second run of RunBoth.
func Open(t testing.TB) Tables {
	t.Helper()
	if onAWS.Load() {
		return OpenOnLocalAWS(t)
	}
	return OpenInMemory(t)
}

// OpenOnLocalAWS makes the tables on the local AWS and removes them at the end of the test. Unless
// EndpointVariable names one, it is started once for the test binary and ends with it, however that
// ends.
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

// OpenWithOtherServices is AWS for tests that also need its other services, such as S3. They skip
// where EndpointVariable names an endpoint that has only DynamoDB.
func OpenWithOtherServices(t testing.TB) Tables {
	t.Helper()
	skipIfOnlyMemory(t, os.Getenv(EndpointVariable))
	if endpoint := os.Getenv(EndpointVariable); endpoint != "" && !isReady(endpoint, startLimit) {
		t.Skip("needs the local AWS: " + EndpointVariable + " names an endpoint that has only DynamoDB")
	}
	return OpenOnLocalAWS(t)
}

// OnlyMemory is the value of EndpointVariable with which tests that need the local AWS skip.
const OnlyMemory = "memory"

func skipIfOnlyMemory(t testing.TB, endpoint string) {
	t.Helper()
	if endpoint == OnlyMemory {
		t.Skip("needs the local AWS: " + EndpointVariable + " allows only memory")
	}
}

func tableNames(prefix string) Tables {
	return Tables{Incentives: prefix + "incentives", Settlements: prefix + "settlements",
		Ledger: prefix + "ledger", Control: prefix + "control", Tenancy: prefix + "tenancy"}
}

// OpenInMemory makes the tables in an engine of the test's own. What is stored there at the end of
// the test must be in the list of items.
func OpenInMemory(t testing.TB) Tables {
	t.Helper()
	l, err := CreateTables(memdb.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { checkItems(t, l) })
	return l
}

// CreateTables makes the tables in an engine; programs that are no tests use it.
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

// RunOnBothEngines runs a test on each engine, on tables of its own.
func RunOnBothEngines(t *testing.T, test func(t *testing.T, l Tables)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { test(t, OpenInMemory(t)) })
	t.Run("dynamodb", func(t *testing.T) { test(t, OpenOnLocalAWS(t)) })
}

// onAWS selects the engine of Open. A test binary is one process that runs its tests one time after
// the other; only RunBoth changes it.
var onAWS atomic.Bool

// RunAllOnBothEngines is the TestMain of a package whose tests are promises of a store: it runs all
// of them in memory and then on the local AWS. Tests that need what only one of them has ask for
// AWS or Memory.
func RunAllOnBothEngines(m *testing.M) int {
	failed := m.Run()
	onAWS.Store(true)
	return cmp.Or(failed, m.Run())
}

// WithCapacityCounted gives the same tables by a client that counts capacity for package usage.
func (l Tables) WithCapacityCounted() Tables {
	if real, ok := l.Client.(*dynamodb.Client); ok {
		l.Client = dynamodb.New(real.Options(), usage.CountCapacity)
	} else {
		l.Client = usage.CountingClient(l.Client)
	}
	return l
}

// ReadTable reads a whole table, in no promised order.
func (l Tables) ReadTable(t testing.TB, table string) []map[string]types.AttributeValue {
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

func (l Tables) tableInputs() []*dynamodb.CreateTableInput {
	settlements := tableInput(l.Settlements)
	settlements.AttributeDefinitions = append(settlements.AttributeDefinitions, stringAttribute("at"))
	for _, index := range [][2]string{{"by-taxpayer", "tp_pk"}, {"by-creator", "cr_pk"},
		{"by-opening", "op_pk"}} {
		addIndex(settlements, index[0], index[1], "at")
	}
	incentives := tableInput(l.Incentives)
	for _, in := range []*dynamodb.CreateTableInput{incentives, settlements} {
		in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true),
			StreamViewType: types.StreamViewTypeNewImage}
	}
	return []*dynamodb.CreateTableInput{incentives, settlements, tableInput(l.Ledger),
		tableInput(l.Control),
		tableInput(l.Tenancy)}
}

func tableInput(name string) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName: aws.String(name), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{stringAttribute("pk"), stringAttribute("sk")},
		KeySchema:            keySchema("pk", "sk"),
	}
}

func addIndex(in *dynamodb.CreateTableInput, name, pk, sk string) {
	in.AttributeDefinitions = append(in.AttributeDefinitions, stringAttribute(pk))
	in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes, types.GlobalSecondaryIndex{
		IndexName: aws.String(name), KeySchema: keySchema(pk, sk),
		Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly},
	})
}

func stringAttribute(name string) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: aws.String(name),
		AttributeType: types.ScalarAttributeTypeS}
}

func keySchema(pk, sk string) []types.KeySchemaElement {
	return []types.KeySchemaElement{{AttributeName: aws.String(pk), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sk), KeyType: types.KeyTypeRange}}
}

func createTable(t testing.TB, client *dynamodb.Client, in *dynamodb.CreateTableInput) {
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
