package engine

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The tables of a world.
const (
	IncentivesTable  = "incentives"
	SettlementsTable = "settlements"
	LedgerTable      = "ledger"
	ControlTable     = "control"
)

// tableSchemas returns the tables of template.yaml that hold money, with their indexes and
// streams.
func tableSchemas() []*dynamodb.CreateTableInput {
	var out []*dynamodb.CreateTableInput
	for _, name := range []string{IncentivesTable, SettlementsTable, LedgerTable, ControlTable} {
		in := &dynamodb.CreateTableInput{TableName: aws.String(name),
			BillingMode:          types.BillingModePayPerRequest,
			AttributeDefinitions: []types.AttributeDefinition{stringAttribute("pk"), stringAttribute("sk")},
			KeySchema:            keySchema("pk", "sk")}
		if name == IncentivesTable || name == SettlementsTable {
			in.StreamSpecification = &types.StreamSpecification{StreamEnabled: aws.Bool(true),
				StreamViewType: types.StreamViewTypeNewImage}
		}
		if name == SettlementsTable {
			addIndexes(in)
		}
		out = append(out, in)
	}
	return out
}

// addIndexes adds the indexes of the settlements table, which are sorted by the opening.
func addIndexes(in *dynamodb.CreateTableInput) {
	in.AttributeDefinitions = append(in.AttributeDefinitions, stringAttribute("at"))
	for _, index := range [][2]string{{"by-taxpayer", "tp_pk"}, {"by-creator", "cr_pk"},
		{"by-opening", "op_pk"}} {
		in.AttributeDefinitions = append(in.AttributeDefinitions, stringAttribute(index[1]))
		in.GlobalSecondaryIndexes = append(in.GlobalSecondaryIndexes,
			types.GlobalSecondaryIndex{IndexName: aws.String(index[0]),
				KeySchema:  keySchema(index[1], "at"),
				Projection: &types.Projection{ProjectionType: types.ProjectionTypeKeysOnly}})
	}
}

// stringAttribute declares an attribute that holds a string.
func stringAttribute(name string) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: aws.String(name),
		AttributeType: types.ScalarAttributeTypeS}
}

// keySchema returns a primary key of a partition key and a sort key.
func keySchema(pk, sk string) []types.KeySchemaElement {
	return []types.KeySchemaElement{{AttributeName: aws.String(pk), KeyType: types.KeyTypeHash},
		{AttributeName: aws.String(sk), KeyType: types.KeyTypeRange}}
}
